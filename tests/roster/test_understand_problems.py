"""Every code that is said about a cell, a row or a file; the spool; the sums."""

from __future__ import annotations

import io
from datetime import date

import pytest

from academyctl.roster._texts import REFUSALS, TEXTS
from academyctl.roster.model import Ask, Book, CellError, Limits, Value
from academyctl.roster.understand import understand
from academyctl.roster_result import obstacle
from tests.roster.rosters import Student, read_rows, sheet

P = "010-3333-0001"
HEADER = ["이름", "학부모전화", "학생전화", "학교", "학년", "성별", "반", "계열", "비고"]

ERRORS: list[tuple[str, str, list[Value]]] = [
    ("name-missing", "A2", [None, P]),
    ("cell-error", "A2", [CellError("#N/A"), P]),
    ("cell-error", "B2", ["김민수", CellError("=VLOOKUP(A2,x,2)")]),
    ("cell-error", "C2", ["김민수", P, CellError("#REF!")]),
    ("cell-error", "D2", ["김민수", P, None, CellError("#REF!")]),
    ("cell-error", "H2", ["김민수", P, None, None, None, None, None, CellError("#VALUE!")]),
    ("cell-error", "I2", ["김민수", P, None, None, None, None, None, None, CellError("#NAME?")]),
    ("parent-phone-missing", "B2", ["김민수", None, "010-1111-0001"]),
    ("parent-phone-short", "B2", ["김민수", "010-333-0001"]),
    ("parent-phone-eight", "B2", ["김민수", "3333-0001"]),
    ("parent-phone-landline", "B2", ["김민수", "02-333-0001"]),
    ("parent-phone-old-prefix", "B2", ["김민수", "016-333-0001"]),
    ("parent-phone-several", "B2", ["김민수", "010-3333-0001, 010-3333-0002"]),
    ("parent-phone-rounded", "B2", ["김민수", "1.03333E+09"]),
    ("parent-phone-placeholder", "B2", ["김민수", "010-0000-0000"]),
    ("parent-phone-ditto", "B2", ["김민수", "상동"]),
    ("parent-phone-of-student", "B2", ["김민수", "010-1111-0001 (본인)"]),
    ("parent-phone-text", "B2", ["김민수", "김영희 010-3333-0001"]),
    ("parent-phone-invalid", "B2", ["김민수", "010-3333-00012"]),
]


@pytest.mark.parametrize(("code", "cell", "row"), ERRORS, ids=[f"{code}-{cell}" for code, cell, _ in ERRORS])
def test_an_error_names_its_cell_and_keeps_its_row_out(code: str, cell: str, row: list[Value]) -> None:
    found = read_rows(HEADER, row, ["이서연", "010-3333-0002"])
    assert found.reading.status == "errors"
    (problem,) = found.reading.problems
    assert (problem.code, problem.cell, problem.row, problem.sheet) == (code, cell, 2, "Sheet1")
    assert [one.name for one in found.students] == ["이서연"]
    counts = found.reading.counts
    assert (counts["read"], counts["good"], counts["failed"], counts["problems"]) == (2, 1, 1, 1)
    for text in (*problem.message, problem.value):
        assert "33330001" not in text.replace("-", "")
        assert "11110001" not in text.replace("-", "")


WARNINGS: list[tuple[str, str, list[Value]]] = [
    ("student-phone-unusable", "C2", [P, "010-111-0001"]),
    ("student-phone-unusable", "C2", [P, "02-555-1234"]),
    ("student-phone-unusable", "C2", [P, "010-1111-0001(모)"]),
    ("student-phone-unusable", "C2", [P, "010-1111-0001/010-1111-0002"]),
    ("gender-unknown", "F2", [P, None, None, None, "중성"]),
    ("grade-not-1-3", "E2", [P, None, None, "6학년"]),
    ("grade-primary", "E2", [P, None, None, "초6"]),
    ("grade-primary", "E2", [P, None, "한빛초", 3]),
    ("grade-primary", "D2", [P, None, "한빛초(6)"]),
    ("student-phone-unusable", "C2", [P, 1110001]),
    ("grade-unclear", "E2", [P, None, None, "예비고1"]),
    ("date-as-text", "G2", [P, None, None, None, None, date(2026, 2, 3)]),
    ("text-cut", "D2", [P, None, "가" * 101]),
    ("text-cut", "H2", [P, None, None, None, None, None, "가" * 51]),
]


@pytest.mark.parametrize(("code", "cell", "row"), WARNINGS)
def test_a_warning_names_its_cell_and_leaves_the_row_in(code: str, cell: str, row: list[Value]) -> None:
    found = read_rows(HEADER, ["김민수", *row])
    assert found.reading.status == "ok"
    (warning,) = found.reading.warnings
    assert (warning.code, warning.cell) == (code, cell)
    (student,) = found.students
    assert student.student_phone is None
    assert student.uses_identifier
    assert len(student.school or "") <= 100
    assert len(student.major or "") <= 50


def test_all_errors_of_a_row_are_told_at_once() -> None:
    found = read_rows(HEADER, [None, "02-333-0001", CellError("#N/A"), "한빛고", CellError("#REF!")])
    assert [(one.cell, one.field, one.code) for one in found.reading.problems] == [
        ("A2", "name", "name-missing"),
        ("B2", "parent_phone", "parent-phone-landline"),
        ("C2", "student_phone", "cell-error"),
        ("E2", "grade", "cell-error"),
    ]
    assert found.reading.counts["failed"] == 1


def test_a_strange_name_with_a_wrong_number_is_an_error_and_not_left_out() -> None:
    found = read_rows(HEADER, ["Emma Kim", "010-333-0001"])
    assert [one.code for one in found.reading.problems] == ["parent-phone-short"]


def test_every_code_of_a_cell_has_a_test_and_both_texts() -> None:
    elsewhere = {
        "merged-name-two-phones", "sheet-passed-over", "sheet-of-former-students",
        "sheet-without-header", "parent-column-missing",
        "parent-column-ambiguous", "name-column-missing", "name-column-ambiguous",
    }  # fmt: skip
    assert {code for code, _, _ in [*ERRORS, *WARNINGS]} | elsewhere == set(TEXTS)
    for text in [*TEXTS.values(), *REFUSALS.values()]:
        assert text.ko.encode("cp949")
        assert text.en != text.ko


def test_problems_are_capped_and_their_count_is_not() -> None:
    found = read_rows(["이름", "학부모전화"], *[["김민수", "02-333-0001"]] * 1_005)
    assert (len(found.reading.problems), found.reading.counts["problems"]) == (1_000, 1_005)
    assert found.reading.counts["failed"] == 1_005
    why = obstacle(found.reading, partial=False)
    assert why is not None
    assert why.ko.startswith("학부모 전화번호 검증 실패: 1005건.")
    assert "그 밖의 오류" not in why.ko


@pytest.mark.parametrize(
    ("code", "rows", "starts"),
    [
        ("no-roster", [["안내문"], ["항목", "설명"]], "헤더 행을 찾을 수 없습니다. 첫 행에 '이름'(또는 성명/학생명)"),
        ("no-roster", [], "헤더 행을 찾을 수 없습니다."),
        ("no-roster", [["김민수", P]], "헤더 행을 찾을 수 없습니다."),
        ("no-students", [["이름", "학부모전화"]], "등록할 학생 데이터가 없습니다."),
        (
            "no-students",
            [["이름", "학부모전화"], ["예시) 홍길동", P], ["합계", "0명"]],
            "등록할 학생 데이터가 없습니다.",
        ),
    ],
)
def test_a_file_without_students_is_refused_in_the_contracts_words(
    code: str, rows: list[list[Value]], starts: str
) -> None:
    reading = read_rows(*rows, kind="xls").reading
    assert reading.refused is not None
    assert (reading.status, reading.refused.code, reading.refused.kind) == ("refused", code, "xls")
    assert reading.refused.message.ko.startswith(starts)


def test_a_file_with_too_many_rows_is_refused() -> None:
    rows = [["이름", "학부모전화"], ["김민수", P], ["이서연", P], ["박지훈", P]]
    assert read_rows(*rows, limits=Limits(rows=3)).reading.status == "ok"
    refused = read_rows(*rows, limits=Limits(rows=2)).reading.refused
    assert refused is not None
    assert refused.code == "too-many-rows"
    assert "2행" in refused.message.ko


def test_the_spool_survives_tabs_line_breaks_and_backslashes() -> None:
    found = read_rows(
        ["이름", "학부모전화", "학교", "비고"],
        ["Kim\\N", P, "한빛\t고", "첫 줄\r\n둘째 줄 \\.\t끝"],
        ["이서연", 1033330002, "\\N", "\\N"],
    )
    assert found.students == [
        Student(2, "Kim\\N", "01033330001", school="한빛 고", memo="첫 줄\n둘째 줄 \\. 끝"),
        Student(3, "이서연", "01033330002", school="\\N", memo="\\N"),
    ]


def test_a_spool_of_bytes_is_utf8() -> None:
    spool = io.BytesIO()
    understand(Book("xlsx", (sheet(["이름", "학부모전화"], ["김민수", P]),)), Ask(), Limits(), spool)
    assert spool.getvalue().decode() == "0\t2\t김민수\t01033330001\t\\N\t\\N\t\\N\tHIGH\t\\N\t\\N\t\\N\t\\N\tt\n"

"""What a cell's value means: numbers, grades, schools, genders, names."""

from __future__ import annotations

from datetime import date, time

import pytest

from academyctl.roster._phones import masked, read_phone
from academyctl.roster._values import class_text, gender, grade, lines, person, plain, school_and_grade
from academyctl.roster.model import CellError, Value
from tests.roster.rosters import read_rows


@pytest.mark.parametrize(
    ("typed", "flaw"),
    [
        ("010-123-4567", "short"), (101234567, "short"), ("0101234567", "short"), ("12345678", "eight"),
        ("1588-1234", "eight"), (12345678, "eight"), ("02-123-4567", "landline"), ("031-123-4567", "landline"),
        (212345678, "landline"), ("070-1234-5678", "landline"), ("0505-1234-5678", "landline"),
        ("011-234-5678", "old-prefix"),
        (112345678, "old-prefix"), ("010-1234-5678 / 010-2222-3333", "several"),
        ("010-1234-5678\\n010-2222-3333", "several"),
        ("01012345678 01022223333", "several"), ("0101234567801022223333", "several"),
        ("010-1234-5678, 02-555-1234", "several"),
        ("1.01235E+09", "rounded"), ("1.0E+10", "rounded"), ("010-0000-0000", "placeholder"),
        (1000000000, "placeholder"),
        ("상동", "ditto"), ("위와 같음", "ditto"), ("〃", "ditto"), ("김영희 010-1234-5678", "text"),
        ("문의 요망", "text"),
        ("010-1234-56789", "invalid"), ("010-12-34", "invalid"), ("+1 213 555 0100", "invalid"),
        ("010-****-5678", "invalid"),
        (1.5, "invalid"), (float("inf"), "invalid"), (float("nan"), "invalid"), (-1012345678, "invalid"),
        (True, "invalid"),
        (date(2026, 3, 2), "invalid"), (time(10, 10), "invalid"), ("", "missing"), (None, "missing"),
        (" - ", "missing"),
        ("없음", "missing"), (0, "missing"), (CellError("#N/A"), "error"),
    ],
)  # fmt: skip
def test_a_number_with_a_flaw_is_never_used(typed: Value, flaw: str) -> None:
    assert read_phone(typed if not isinstance(typed, str) else typed.replace("\\n", "\n")).flaw == flaw


@pytest.mark.parametrize(
    ("typed", "whose"),
    [
        ("010-1234-5678(본인)", "student"),
        ("학생 010-1234-5678", "student"),
        ("모 010-1234-5678", "parent"),
        ("010-1234-5678", ""),
    ],
)
def test_a_number_may_say_whose_it_is(typed: str, whose: str) -> None:
    assert read_phone(typed) == ("01012345678", "", whose)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("010-1234-5678", "0101****"), ("(010)12345678 김영희", "(0101**** 김영희"), ("1012345678", "1012****"),
        ("010-12-34", "0101****"), ("010-12", "010-12"), ("2026", "2026"),
        ("01011112222 or 01033334444", "0101**** or 0103****"),
    ],
)  # fmt: skip
def test_no_number_is_shown_whole(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("typed", "number", "kind", "warning"),
    [
        (2, 2, "", ""), ("2", 2, "", ""), (2.0, 2, "", ""), ("２", 2, "", ""), ("2학년", 2, "", ""),
        ("제2학년", 2, "", ""),
        ("고2", 2, "HIGH", ""), ("고등 2", 2, "HIGH", ""), ("고등학교 2학년", 2, "HIGH", ""), ("중3", 3, "MIDDLE", ""),
        ("중 3", 3, "MIDDLE", ""), ("②", 2, "", ""), ("2-3", 2, "", ""), ("2학년 3반", 2, "", ""),
        ("Grade 2", 2, "", ""),
        ("초6", None, "PRIMARY", "grade-primary"), ("초등학교 6학년", None, "PRIMARY", "grade-primary"),
        (4, None, "", "grade-not-1-3"), ("6학년", None, "", "grade-not-1-3"), ("0", None, "", "grade-not-1-3"),
        ("예비고1", None, "", "grade-unclear"), ("N수", None, "", "grade-unclear"),
        ("졸업", None, "", "grade-unclear"),
        ("", None, "", ""), (None, None, "", ""), ("-", None, "", ""),
        (date(2026, 2, 3), 2, "", "date-as-text"), (date(2026, 12, 3), None, "", "grade-unclear"),
    ],
)  # fmt: skip
def test_grades(typed: Value, number: int | None, kind: str, warning: str) -> None:
    assert grade(typed) == (number, kind, warning)


@pytest.mark.parametrize(
    ("cell", "grade_cell", "name", "number", "kind"),
    [
        ("한빛고", 2, "한빛고", 2, "HIGH"), ("한빛고등학교", None, "한빛고등학교", None, "HIGH"),
        ("한빛여고", 1, "한빛여고", 1, "HIGH"),
        ("고척중", 1, "고척중", 1, "MIDDLE"), ("한빛여중", None, "한빛여중", None, "MIDDLE"),
        ("중앙고", 1, "중앙고", 1, "HIGH"),
        ("고려중학교", 3, "고려중학교", 3, "MIDDLE"), ("한빛중등", 3, "한빛중등", 3, "MIDDLE"),
        ("중동고(서울)", 3, "중동고(서울)", 3, "HIGH"),
        ("한빛고(2)", 1, "한빛고", 2, "HIGH"), ("한빛중（３）", None, "한빛중", 3, "MIDDLE"),
        ("한빛고(2학년)", None, "한빛고", 2, "HIGH"),
        ("한빛고2", None, "한빛고", 2, "HIGH"), ("한빛중 3학년", None, "한빛중", 3, "MIDDLE"),
        ("한빛고/1", None, "한빛고", 1, "HIGH"),
        ("한빛", "중2", "한빛", 2, "MIDDLE"), ("한빛", None, "한빛", None, "HIGH"), ("", "중1", "", 1, "MIDDLE"),
        ("없음", None, "", None, "HIGH"), ("중앙국제학교", 1, "중앙국제학교", 1, "HIGH"),
        ("한빛초", 3, "한빛초", None, "HIGH"),
        ("한빛중고등학교", "중2", "한빛중고등학교", 2, "MIDDLE"),
        ("Hanbit Middle School", 2, "Hanbit Middle School", 2, "MIDDLE"),
        ("Hanbit Junior High", 2, "Hanbit Junior High", 2, "MIDDLE"), ("Hanbit High", 2, "Hanbit High", 2, "HIGH"),
        (None, None, "", None, "HIGH"), (" 한빛 고 ", 1, "한빛 고", 1, "HIGH"),
        ("검정고시", None, "검정고시", None, "HIGH"),
    ],
)  # fmt: skip
def test_a_schools_kind_follows_how_its_name_ends(
    cell: Value, grade_cell: Value, name: str, number: int | None, kind: str
) -> None:
    assert school_and_grade(cell, grade_cell)[:3] == (name, number, kind)


def test_genders() -> None:
    male: list[Value] = [
        "남",
        "남자",
        "남학생",
        "남성",
        "M",
        "m",
        "male",
        "MALE",
        "♂",
        1,
        "1",
        1.0,
        "남(M)",
        "Boy",
        " 남 ",
    ]
    female: list[Value] = ["여", "여자", "여학생", "녀", "F", "Female", "♀", 2, "2", "girl", "W"]
    assert {gender(typed) for typed in male} == {("M", "")}
    assert {gender(typed) for typed in female} == {("F", "")}
    assert {gender(typed) for typed in ("", None, "-")} == {("", "")}
    assert {gender(typed) for typed in ("중성", "X?", 9, "남여")} == {("", "gender-unknown")}


def test_names_lose_only_the_spaces_that_set_them() -> None:
    assert [person(name) for name in ("홍 길 동", "김 민수", "남궁 민수", "이 산")] == [
        "홍길동",
        "김민수",
        "남궁민수",
        "이산",
    ]
    assert [person(name) for name in ("존 스미스", "제시카 김", "Amy Kim", "김민수 A")] == [
        "존 스미스", "제시카 김", "Amy Kim", "김민수 A",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  김민수\u200b ", "김민수"), ("\u1100\u1175\u11b7\u1106\u1175\u11ab\u1109\u116e", "김민수"),
        ("김민수\u00a0", "김민수"),
        ("김민수*", "김민수*"), ("김민수A", "김민수A"), ("김민수B*", "김민수B*"), ("김\u3000민수", "김민수"),
        ("Ｋｉｍ", "Kim"),
        ("1. 김민수", "김민수"), ("김민수\x00", "김민수"), ("응우옌티흐엉", "응우옌티흐엉"), ("김\n민수", "김민수"),
    ],
)  # fmt: skip
def test_a_name_comes_without_the_dirt_of_spreadsheets(typed: str, name: str) -> None:
    assert [one.name for one in read_rows(["이름", "학부모전화"], [typed, "010-3333-0001"]).students] == [name]


def test_texts() -> None:
    assert [plain(value) for value in (3, 3.0, 3.5, "  a  b ", None, CellError("#N/A"), date(2026, 3, 2))] == [
        "3", "3", "3.5", "a b", "", "", "2026-03-02",
    ]  # fmt: skip
    assert lines(" a \r\n b\x0b\n") == "a\nb"
    assert class_text(date(2026, 2, 3)) == ("2-3", "date-as-text")

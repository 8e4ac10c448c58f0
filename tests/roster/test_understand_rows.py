"""Rows that are no students: notes, totals, labels, examples, repetitions."""

from __future__ import annotations

import pytest

from tests.roster.rosters import Student, read_rows
from tests.roster.test_understand import A, B, good


def test_notes_totals_labels_and_empty_numbered_lines_are_left_out() -> None:
    found = read_rows(
        ["번호", "이름", "학부모전화", "학교"],
        ["월수금반"],
        [1, "김민수", "010-3333-0001", "한빛고"],
        [2, "이서연", "010-3333-0002", "한빛고"],
        [3, None, None, None],
        [None, "3월", None, None],
        [None, "3/2 개강", None, None],
        [None, "1234", None, None],
        [None, "※ 연락처가 바뀌면 데스크로 알려 주세요. 감사합니다", None, None],
        [None, "(퇴원 예정)", None, None],
        [None, "담임", "010-9999-9999"],
        ["합계", "2명"],
        ["총원: 2명"],
        [],
        ["   "],
    )
    good(found, A._replace(row=3, school="한빛고"), B._replace(row=4, school="한빛고"))
    assert [(one.row, one.why) for one in found.reading.skipped] == [
        (2, "no-name-no-phone"), (5, "no-name-no-phone"), (6, "not-a-student"), (7, "not-a-student"),
        (8, "not-a-student"), (9, "not-a-student"), (10, "not-a-student"), (11, "not-a-student"), (12, "total-row"),
        (13, "total-row"),
    ]  # fmt: skip
    assert found.reading.counts["read"] == 12


def test_labels_in_the_names_column_are_no_students() -> None:
    found = read_rows(
        ["이름", "학부모전화"],
        ["화목반"], ["김민수", "010-3333-0001"], ["중등부"], ["이서연", "010-3333-0002"], ["이하여백"],
    )  # fmt: skip
    good(found, A._replace(row=3), B._replace(row=5))
    assert {one.why for one in found.reading.skipped} == {"not-a-student"}


def test_a_name_of_more_than_20_characters_is_left_out() -> None:
    found = read_rows(
        ["이름", "학부모전화"], ["김민수" + "A" * 18, "010-3333-0009"], ["김민수" + "A" * 17, "010-3333-0001"]
    )
    good(found, A._replace(row=3, name="김민수" + "A" * 17))
    assert [(one.row, one.why) for one in found.reading.skipped] == [(2, "not-a-student")]


def test_a_footer_with_a_number_in_the_parents_column_is_no_student() -> None:
    found = read_rows(
        ["번호", "이름", "학부모전화"], [1, "김민수", "010-3333-0001"], ["담임 최선생", None, "010-9999-9999"],
        ["문의: 데스크", None, "02-555-1234"], [None, None, "※ 번호가 바뀌면 알려 주세요"],
    )  # fmt: skip
    good(found, A._replace(row=2))
    assert {one.why for one in found.reading.skipped} == {"not-a-student"}


def test_a_row_that_comes_again_is_left_out_and_names_the_first() -> None:
    found = read_rows(
        ["이름", "학부모전화"],
        ["김민수", "010-3333-0001"], ["Amy Kim", "010-3333-0002"], ["김 민수", 1033330001],
        ["AMY KIM", "010-3333-0002"], ["김민수", "010-3333-0002"],
    )  # fmt: skip
    good(
        found,
        A._replace(row=2),
        Student(3, "Amy Kim", "01033330002"),
        Student(6, "김민수", "01033330002"),
    )
    assert [(one.row, one.why, one.first_row) for one in found.reading.skipped] == [
        (4, "duplicate", 2),
        (5, "duplicate", 3),
    ]
    assert found.reading.counts["duplicates"] == 2


@pytest.mark.parametrize(
    "example",
    [
        ["예시", "홍길동", "010-1234-5678", None],
        [None, "(예시) 홍길동", "010-1234-5678", None],
        [None, "예) 홍길동", "010-1234-5678", None],
        [None, "홍길동", "010-1234-5678", "예시"],
        [None, "홍길동", "010-1234-5678", "※ 작성예시 (삭제 후 사용)"],
        ["SAMPLE", "홍길동", "010-1234-5678", None],
        [None, "홍길동", "010-XXXX-XXXX", None],
    ],
)
def test_example_rows_are_left_out(example: list[str | None]) -> None:
    found = read_rows(
        ["구분", "이름", "학부모전화", "비고"], example, [None, "김민수", "010-3333-0001", "예시 문제를 좋아함"]
    )
    good(found, A._replace(row=3, memo="예시 문제를 좋아함"))
    assert [(one.row, one.why) for one in found.reading.skipped] == [(2, "example")]


def test_what_must_be_filled_in_is_no_student() -> None:
    found = read_rows(["이름", "학교", "학부모전화"], ["필수", "선택", "필수"], ["김민수", None, "010-3333-0001"])
    good(found, A._replace(row=3))


def test_an_example_that_says_what_to_do_with_it_and_a_tally_are_left_out() -> None:
    found = read_rows(
        ("No", "이름", "학부모전화", "비고"),
        (1, "홍길동", "010-1234-5678", "예시입니다. 지우지 마세요"),
        ("ex", "김예시", "010-1234-5678", None),
        (2, "김민수", "010-3333-0001", "예시 자료 받음"),
        ("재원 5", "휴원 1", None, None),
    )
    assert [one.name for one in found.students] == ["김민수"]
    assert [one.why for one in found.reading.skipped] == ["example", "example", "total-row"]


def test_a_staffs_list_and_an_offices_number_below_the_students_are_left_out() -> None:
    found = read_rows(
        ("이름", "학부모전화", "학교"),
        ("김민수", "010-3333-0001", "한빛고"),
        ("문의준", "010-3333-0002", "한빛고"),
        ("학원 대표번호", "010-9999-0000", None),
        ("작성자: 김실장", "010-9999-8888", None),
        (None, None, None),
        ("강사 연락망", None, None),
        ("강사명", "연락처", None),
        ("김강사", "010-7000-9999", None),
        (None, None, None),
        ("직원 명단", None, None),
        ("이름", "전화번호", None),
        ("최직원", "010-7000-8888", None),
    )
    assert [one.name for one in found.students] == ["김민수", "문의준"]
    assert found.reading.status == "ok"
    assert [one.row for one in found.reading.skipped] == [4, 5, 7, 8, 9, 11, 12, 13]

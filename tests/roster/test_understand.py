"""The kinds of roster that academies send: every field of every row."""

from __future__ import annotations

import pytest

from academyctl.roster.model import Ask
from tests.roster.rosters import Read, Student, read, read_rows, sheet

A = Student(0, "김민수", "01033330001")
B = Student(0, "이서연", "01033330002")


def good(found: Read, *students: Student) -> None:
    assert found.reading.status == "ok", found.reading
    assert found.students == list(students)


def mapped(found: Read, table: int = 0) -> dict[str, str]:
    return dict(found.reading.tables[table].mapping)


def test_titles_above_the_header_become_the_lecture_title() -> None:
    found = read_rows(
        ["20260302"],
        ["2026 봄 고2 수학 심화반", None, None, "담당 김선생"],
        [],
        ["번호", "이름", "학교", "학년", "성별", "반", "계열", "학생 전화번호", "학부모 전화번호", "비고"],
        [1, "김민수", "한빛고", 2, "남", "3", "이과", "010-1111-0001", "010-3333-0001", "신규"],
        [2, "이서연", "누리여중", "3", "여", 1, None, None, "010-3333-0002", None],
    )
    good(
        found,
        Student(5, "김민수", "01033330001", "01011110001", "한빛고", 2, "HIGH", "M", "3", "이과", "신규", False),
        Student(6, "이서연", "01033330002", None, "누리여중", 3, "MIDDLE", "F", "1"),
    )
    table = found.reading.tables[0]
    assert (table.header_row, table.title, table.rows) == (4, "2026 봄 고2 수학 심화반", 2)
    assert found.reading.lecture_title == "2026 봄 고2 수학 심화반"
    assert mapped(found) == {
        "name": "B", "parent_phone": "I", "student_phone": "H", "school": "C", "grade": "D", "gender": "E",
        "school_class": "F", "major": "G", "memo": "J",
    }  # fmt: skip
    assert table.headers["parent_phone"] == "학부모 전화번호"


@pytest.mark.parametrize("merged", ["A1:A2 B1:B2 C1:C2 D1:E1 F1:F2", ""])
def test_a_header_of_two_rows_with_groups(merged: str) -> None:
    found = read_rows(
        ["번호", "이름", "학교", "학부모", None, "비고"],
        [None, None, None, "성명", "전화번호", None],
        [1, "김민수", "한빛고", "김영희", "010-3333-0001"],
        [2, "이서연", "한빛고", "이철수", "010-3333-0002", "쌍둥이"],
        merged=merged,
    )
    good(
        found,
        A._replace(row=3, school="한빛고"),
        B._replace(row=4, school="한빛고", memo="쌍둥이"),
    )
    assert found.reading.tables[0].headers["parent_phone"] == "학부모 전화번호"


def test_groups_of_students_and_parents_over_the_same_headings() -> None:
    found = read_rows(
        ["학생 정보", None, None, "학부모 정보", None],
        ["이름", "학교", "연락처", "성함", "연락처"],
        ["김민수", "한빛고", "010-1111-0001", "김영희", "010-3333-0001"],
        merged="A1:C1 D1:E1",
    )
    good(found, A._replace(row=3, school="한빛고", student_phone="01011110001", uses_identifier=False))


def test_one_group_of_numbers_over_student_and_parent() -> None:
    found = read_rows(
        ["번호", "이름", "연락처", None],
        [None, None, "학생", "학부모"],
        [1, "김민수", "010-1111-0001", "010-3333-0001"],
        merged="A1:A2 B1:B2 C1:D1",
    )
    good(found, A._replace(row=3, student_phone="01011110001", uses_identifier=False))


@pytest.mark.parametrize(
    "typed",
    [
        1033330001, 1033330001.0, "1.033330001E9", "+82 10-3333-0001", "+82-010-3333-0001", "0082-10-3333-0001",
        "82-10-3333-0001", "０１０－３３３３－０００１", "010.3333.0001", "(010) 3333 0001", "010 3333 0001",
        "1033330001", "010ㅡ3333ㅡ0001", "010–3333–0001", " 010-3333-0001\u200b", "'01033330001", "010-3333-0001(모)",
        "HP 010-3333-0001", 821033330001, "010/3333/0001",
    ],
)  # fmt: skip
def test_every_spelling_of_a_parents_number_is_the_same_number(typed: str | float) -> None:
    good(read_rows(["이름", "학부모전화"], ["김민수", typed]), A._replace(row=2))


def test_a_guide_sheet_in_front_is_passed_over() -> None:
    guide = sheet(
        ["학생 일괄 등록 안내"],
        ["1. 이름과 학부모 전화번호는 꼭 입력하세요."],
        ["항목", "설명", "예"],
        ["이름", "학생 이름", "홍길동"],
        ["학부모 전화번호", "보호자 연락처", "010-1234-5678"],
        name="안내",
    )
    found = read(guide, sheet(["이름", "학부모전화"], ["김민수", "010-3333-0001"], name="명단"))
    good(found, A._replace(row=2))
    assert [table.sheet for table in found.reading.tables] == ["명단"]


def test_a_guides_example_table_does_not_fail_the_file() -> None:
    example = (["이름", "연락처1", "연락처2"], ["홍길동", "010-0000-0000", "010-0000-0000"])
    real = sheet(["이름", "학부모전화"], ["김민수", "010-3333-0001"], name="명단")
    good(read(sheet(*example, name="작성방법"), real), A._replace(row=2))
    titled = sheet(["[작성 예시]"], ["이름", "학부모전화"], ["홍길동", "010-1234-5678"], name="Sheet1")
    found = read(titled, real)
    good(found, A._replace(row=2, sheet=1))
    assert [(one.sheet, one.row, one.why) for one in found.reading.skipped] == [("Sheet1", 3, "example")]


def test_two_class_sheets_are_both_read_and_share_their_duplicates() -> None:
    found = read(
        sheet(["이름", "학부모전화"], ["김민수", "010-3333-0001"], name="A반"),
        sheet(
            ["학교", "보호자 연락처", "성명"],
            ["누리중", "010-3333-0002", "이서연"],
            ["", 1033330001, "김민수"],
            name="B반",
        ),
    )
    good(found, A._replace(row=2), B._replace(row=2, school="누리중", school_type="MIDDLE", sheet=1))
    (twice,) = found.reading.skipped
    assert (twice.sheet, twice.row, twice.why, twice.first_row, twice.first_sheet) == ("B반", 3, "duplicate", 2, "A반")


def test_a_hidden_column_and_a_hidden_sheet_never_count() -> None:
    rows = (["이름", "학부모 연락처", "학부모 연락처"], ["김민수", "010-9999-9999", "010-3333-0001"])
    old = sheet(["이름", "학부모전화"], ["박지훈", "010-3333-0003"], name="작년", visible=False)
    found = read(sheet(*rows, hidden="B"), old)
    good(found, A._replace(row=2))
    assert mapped(found)["parent_phone"] == "C"


def test_the_students_phone_left_of_the_parents_stays_the_students() -> None:
    found = read_rows(["이름", "학생 전화번호", "학부모 전화번호"], ["김민수", "010-1111-0001", "010-3333-0001"])
    good(found, A._replace(row=2, student_phone="01011110001", uses_identifier=False))


def test_a_parents_name_is_never_a_phone() -> None:
    found = read_rows(["학부모 성함", "학생명", "연락처"], ["김영희", "김민수", "010-3333-0001"])
    good(found, A._replace(row=2))
    found = read_rows(["학생명", "학부모", "보호자 연락처"], ["김민수", "김영희", "010-3333-0001"])
    good(found, A._replace(row=2))


def test_a_csv_is_all_text_and_an_integer_a_float() -> None:
    found = read_rows(
        ["이름", "학년", "반", "연락처"],
        ["김민수", "2", "3", "1033330001"],
        ["이서연", 2.0, 3.0, 1033330002.0],
        ["박지훈", "2.0", "3.0", "1033330003.0"],
        kind="csv",
    )
    good(
        found,
        A._replace(row=2, grade=2, school_class="3"),
        B._replace(row=3, grade=2, school_class="3"),
        Student(4, "박지훈", "01033330003", grade=2, school_class="3"),
    )


def test_a_grade_in_the_schools_cell_is_taken_out_of_it() -> None:
    found = read_rows(
        ["이름", "학교(학년)", "학년", "학부모전화"],
        ["김민수", "한빛고등학교（３）", 1, "010-3333-0001"],
        ["이서연", "고척중", "2학년", "010-3333-0002"],
    )
    good(
        found,
        A._replace(row=2, school="한빛고등학교", grade=3),
        B._replace(row=3, school="고척중", grade=2, school_type="MIDDLE"),
    )


def test_headers_with_spaces_line_breaks_stars_and_hints() -> None:
    found = read_rows(
        ["이  름 *", "학 교", "학부모\n전화번호\n(필수)", "학생\r\nH.P (- 없이)", "성 별(남/여)"],
        ["김 민 수", "한빛고", "010-3333-0001", "01011110001", "남"],
    )
    good(
        found,
        A._replace(row=2, school="한빛고", student_phone="01011110001", gender="M", uses_identifier=False),
    )


def test_english_headers() -> None:
    found = read_rows(
        ["No", "Student Name", "School", "Grade", "Student Mobile", "Parent Mobile", "Gender", "Class", "Notes"],
        [1, "Kim Minsu", "Hanbit Middle School", "Grade 2", "010-1111-0001", "+82 10 3333 0001", "Male", "B", "new"],
    )
    good(
        found,
        Student(
            2,
            "Kim Minsu",
            "01033330001",
            "01011110001",
            "Hanbit Middle School",
            2,
            "MIDDLE",
            "M",
            "B",
            None,
            "new",
            False,
        ),
    )


def test_blank_rows_and_columns_at_the_edges() -> None:
    found = read_rows(
        [], [None, None, ""], [None, None, "이름", None, "학부모전화"], [], [None, " ", "김민수", None, "010-3333-0001"]
    )
    good(found, A._replace(row=5))
    assert mapped(found) == {"name": "C", "parent_phone": "E"}


def test_a_lone_phone_column_is_the_parents() -> None:
    for header in ("연락처", "전화번호", "휴대폰 번호", "H.P", "비상연락처", None):
        found = read_rows(["이름", header, "학교"], ["김민수", "010-3333-0001"], ["이서연", "010-3333-0002"])
        good(found, A._replace(row=2), B._replace(row=3))


def test_beside_a_parents_column_a_plain_phone_is_the_students() -> None:
    found = read_rows(["이름", "전화번호", "학부모 전화번호"], ["김민수", "010-1111-0001", "010-3333-0001"])
    good(found, A._replace(row=2, student_phone="01011110001", uses_identifier=False))
    spare = read_rows(["이름", "비상연락처", "학부모 전화번호"], ["김민수", "010-1111-0001", "010-3333-0001"])
    good(spare, A._replace(row=2))


def test_a_students_eight_digits_are_an_identifier() -> None:
    found = read_rows(
        ["이름", "학생연락처", "학부모전화"],
        ["김민수", "1111-0001", "010-3333-0001"],
        ["이서연", 11110002, "010-3333-0002"],
    )
    good(found, A._replace(row=2, student_phone="01011110001"), B._replace(row=3, student_phone="01011110002"))


def test_one_sheet_can_be_chosen() -> None:
    sheets = (
        sheet(["이름", "학부모전화"], ["김민수", "010-3333-0001"], name="A반"),
        sheet(["이름", "학부모전화"], ["이서연", "010-3333-0002"], name="B 반"),
    )
    good(read(*sheets, ask=Ask(sheet="B반")), B._replace(row=2))
    refused = read(*sheets, ask=Ask(sheet="C반")).reading.refused
    assert refused is not None
    assert refused.code == "no-sheet"
    assert "A반, B 반" in refused.message.ko

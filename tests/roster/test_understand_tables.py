"""Several tables, merged cells, and the sheets that are no rosters."""

from __future__ import annotations

from academyctl.roster.model import Ask
from tests.roster.rosters import Student, read, read_rows, sheet

A = Student(0, "김민수", "01033330001")
B = Student(0, "이서연", "01033330002")
C = Student(0, "박지훈", "01033330003")


def test_a_second_table_below_has_its_own_columns_and_title() -> None:
    found = read_rows(
        ["고1 A반 명단"],
        ["이름", "학교", "학부모연락처"],
        ["김민수", "한빛고", "010-3333-0001"],
        ["합계", "1명"],
        [],
        ["고2 B반 명단"],
        [None, "번호", "성명", "학부모 HP", "학교"],
        [None, 1, "이서연", "010-3333-0002", "누리중"],
    )
    assert found.reading.status == "ok"
    assert found.students == [
        A._replace(row=3, school="한빛고"),
        B._replace(row=8, school="누리중", school_type="MIDDLE", sheet=1),
    ]
    assert [(one.header_row, one.title, one.rows) for one in found.reading.tables] == [
        (2, "고1 A반 명단", 3),
        (7, "고2 B반 명단", 1),
    ]
    assert found.reading.lecture_title == "고1 A반 명단"
    assert found.reading.counts["read"] == 4


def test_a_second_table_below_may_have_a_header_of_two_rows() -> None:
    found = read_rows(
        ["이름", "학교", "학부모연락처"],
        ["김민수", "한빛고", "010-3333-0001"],
        ["심화학급"],
        ["번호", "이름", "학부모", None],
        [None, None, "성명", "전화번호"],
        [1, "이서연", "이영희", "010-3333-0002"],
        merged="A4:A5 B4:B5 C4:D4",
    )
    assert found.students == [A._replace(row=2, school="한빛고"), B._replace(row=6, sheet=1)]


def test_a_header_that_comes_again_goes_on_with_the_table() -> None:
    found = read_rows(
        ["이름", "학부모", None],
        [None, "성명", "연락처"],
        ["김민수", "김영희", "010-3333-0001"],
        ["이름", "학부모", None],
        [None, "성명", "연락처"],
        ["이서연", "이영희", "010-3333-0002"],
        merged="A1:A2 B1:C1 A4:A5 B4:C4",
    )
    assert found.students == [A._replace(row=3), B._replace(row=6)]
    assert [(one.row, one.why) for one in found.reading.skipped] == [(4, "header"), (5, "header")]
    assert len(found.reading.tables) == 1


def test_tables_side_by_side_are_read_when_each_names_the_parents_phone() -> None:
    found = read_rows(
        ["A반", None, None, None, "B반"],
        ["번호", "이름", "학부모연락처", None, "번호", "이름", "학부모연락처"],
        [1, "김민수", "010-3333-0001", None, 1, "이서연", "010-3333-0002"],
        [2, "박지훈", "010-3333-0003"],
    )
    assert found.reading.status == "ok"
    assert found.students == [A._replace(row=3), B._replace(row=3, sheet=1), C._replace(row=4)]
    assert [one.rows for one in found.reading.tables] == [2, 1]


def test_two_names_and_two_plain_phones_side_by_side_are_asked_about() -> None:
    found = read_rows(
        ["이름", "연락처", None, "이름", "연락처"], ["김민수", "010-1111-0001", None, "김영희", "010-3333-0001"]
    )
    assert found.reading.status == "needs_mapping"
    assert dict(found.reading.candidates) == {"name": ("A", "D"), "parent_phone": ("B", "E")}
    assert found.students == []


def test_a_second_table_whose_columns_are_unclear_stops_the_whole_file() -> None:
    found = read_rows(
        ["이름", "학교", "학부모연락처"],
        ["김민수", "한빛고", "010-3333-0001"],
        ["이름", "연락처1", "연락처2"],
        ["이서연", "010-3333-0002", "010-1111-0002"],
    )
    assert found.reading.status == "needs_mapping"
    assert dict(found.reading.candidates) == {"parent_phone": ("B", "C")}
    assert found.reading.problems[0].cell == "B3"


def test_a_table_of_the_staff_is_no_roster_above_or_below() -> None:
    staff = (["이름", "직책", "연락처"], ["최선생", "원장", "010-9999-9999"])
    roster = (["이름", "학교", "학부모전화"], ["김민수", "한빛고", "010-3333-0001"])
    assert read_rows(*staff, *roster).students == [A._replace(row=4, school="한빛고")]
    found = read_rows(*roster, *staff, *roster[:1], ["이서연", "한빛고", "010-3333-0002"])
    assert found.students == [A._replace(row=2, school="한빛고"), B._replace(row=6, school="한빛고", sheet=1)]
    assert [(one.row, one.why) for one in found.reading.skipped] == [(3, "header"), (4, "not-a-student")]


def test_a_parent_and_a_school_merged_over_siblings_are_both_siblings() -> None:
    found = read_rows(
        ["이름", "학부모연락처", "학교", "비고"],
        ["김민수", "010-3333-0001", "한빛고", None],
        ["김민지", None, None, "동생"],
        ["박지훈", "010-3333-0003", None, None],
        merged="B2:B3 C2:C4",
    )
    assert found.students == [
        A._replace(row=2, school="한빛고"),
        A._replace(row=3, name="김민지", school="한빛고", memo="동생"),
        C._replace(row=4, school="한빛고"),
    ]


def test_a_wrong_number_in_a_merged_cell_is_told_at_the_cell_that_holds_it() -> None:
    found = read_rows(["이름", "학부모연락처"], ["김민수", "010-333-0001"], ["김민지", None], merged="B2:B3")
    assert [(one.cell, one.row, one.code) for one in found.reading.problems] == [
        ("B2", 2, "parent-phone-short"),
        ("B2", 3, "parent-phone-short"),
    ]


def test_a_merged_name_beside_two_parents_is_an_error_and_beside_nothing_the_same_student() -> None:
    found = read_rows(
        ["이름", "학부모연락처", "비고"],
        ["김민수", "010-3333-0001", None], [None, "010-3333-0009", None],
        ["이서연", "010-3333-0002", None], [None, None, "수학"],
        merged="A2:A3 A4:A5",
    )  # fmt: skip
    assert found.students == [A._replace(row=2), B._replace(row=4)]
    assert [(one.cell, one.code) for one in found.reading.problems] == [("B3", "merged-name-two-phones")]
    assert [(one.row, one.why) for one in found.reading.skipped] == [(5, "same-student")]


def test_a_list_of_names_without_phones_is_passed_over_and_said() -> None:
    found = read(
        sheet(["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="명단"),
        sheet(["이름", "학교", "3/2"], ["김민수", "한빛고", "O"], ["이서연", "한빛고", "X"], name="출석부"),
    )
    assert found.students == [A._replace(row=2)]
    (warning,) = found.reading.warnings
    assert (warning.sheet, warning.cell, warning.code) == ("출석부", "A1", "sheet-passed-over")


def test_a_sheet_of_students_without_a_header_is_not_lost_in_silence() -> None:
    found = read(
        sheet(["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="A반"),
        sheet(["박지훈", "010-3333-0003"], ["최유진", "010-3333-0004"], name="B반"),
    )
    assert found.students == [A._replace(row=2)]
    assert [(one.sheet, one.code) for one in found.reading.warnings] == [("B반", "sheet-without-header")]


def test_one_clear_and_one_unclear_sheet_import_nothing() -> None:
    clear = sheet(["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="A반")
    unclear = sheet(["이름", "연락처1", "연락처2"], ["이서연", "010-1111-0002", "010-3333-0002"], name="B반")
    found = read(clear, unclear)
    assert (found.reading.status, found.reading.ask_sheet, found.students) == ("needs_mapping", "B반", [])
    said = read(clear, unclear, ask=Ask(mapping={"parent_phone": "C"}))
    assert said.students == [A._replace(row=2), B._replace(row=2, sheet=1)]


def test_an_empty_form_with_unclear_columns_does_not_stop_a_clear_sheet() -> None:
    form = sheet(["이름", "연락처1", "연락처2"], ["예시", "010-1234-5678", "010-1234-5678"], name="Sheet1")
    clear = sheet(["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="Sheet2")
    assert read(form, clear).students == [A._replace(row=2)]


def test_the_lecture_title_is_the_rosters_and_not_the_guides() -> None:
    guide = sheet(["학생 등록 안내"], ["이름", "학부모연락처"], ["홍길동", "010-1234-5678"], name="안내")
    found = read(guide, sheet(["2026 봄 수학"], ["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="명단"))
    assert found.reading.lecture_title == "2026 봄 수학"
    assert [(one.sheet, one.why) for one in found.reading.skipped] == [("안내", "example")]
    assert [one.sheet for one in found.reading.tables] == ["명단"]
    assert found.students == [A._replace(row=3)]


def test_a_roster_on_a_sheet_that_is_named_like_a_guide_is_read_when_it_is_the_only_one() -> None:
    found = read(sheet(["이름", "학부모연락처"], ["김민수", "010-3333-0001"], name="수강 안내"))
    assert found.students == [A._replace(row=2)]


def test_a_title_is_told_from_a_group_by_its_width() -> None:
    for merged in ("A1:D1", ""):
        found = read_rows(
            ["고2 학생 연락처"], ["번호", "이름", "연락처", "학교"], [1, "김민수", "010-3333-0001"], merged=merged
        )
        assert found.students == [A._replace(row=3)]
        assert found.reading.lecture_title == "고2 학생 연락처"


def test_a_title_that_holds_a_number_is_no_lecture_title() -> None:
    found = read_rows(["원장 010-9999-9999"], ["수학 심화반"], ["이름", "학부모연락처"], ["김민수", "010-3333-0001"])
    assert found.reading.lecture_title == "수학 심화반"


def test_a_sheet_of_staff_or_of_those_who_left_is_passed_over() -> None:
    header = ("이름", "연락처")
    book = read(
        sheet(header, ("김민수", "010-3333-0001"), name="재원생"),
        sheet(header, ("박강사", "010-9090-0001"), name="강사 명단"),
        sheet(("직원 연락망",), header, ("최직원", "010-9090-0002"), name="Sheet3"),
        sheet(header, ("이졸업", "010-3333-0009"), name="퇴원생"),
        sheet(header, ("이서연", "010-3333-0002"), name="김선생님반"),
    )
    assert [one.name for one in book.students] == ["김민수", "이서연"]
    assert [(one.sheet, one.code) for one in book.reading.warnings] == [("퇴원생", "sheet-of-former-students")]
    alone = read(sheet(header, ("이졸업", "010-3333-0009"), name="퇴원생"))
    assert [one.name for one in alone.students] == ["이졸업"]

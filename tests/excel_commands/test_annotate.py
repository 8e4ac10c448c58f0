"""The error workbook of a book that exists in memory only: what is kept, what is added, what never becomes live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from academyctl.errors import Both
from academyctl.roster._letters import index_of, letter
from academyctl.roster.annotate import BAD, annotate
from academyctl.roster.model import Book, CellError, Merge, Problem, Sheet, Table, Value

Rows = dict[int, list[Value]]
ROWS: Rows = {
    1: ["2026 여름 특강"],
    3: ["이름", "학부모 전화번호", "메모"],
    4: ["김하나", "010-1234-5678", "=1+1"],
    5: ["이두리", "12", "+82 10 1234 5678"],
    7: [None, 1012345678.0, "@SUM(A1)"],
    8: ["끝. 문의는 사무실로"],
}
TABLE = Table("명단", 3, "2026 여름 특강", {"name": "A", "parent_phone": "B", "memo": "C"})
SHORT = Problem("명단", "B5", 5, "parent_phone", "bad-phone", Both("too short", "번호가 짧습니다"))
NAMELESS = Problem("명단", "A7", 7, "name", "no-name", Both("no name", "이름이 없습니다"))


def book(rows: Rows = ROWS, **sheet: Any) -> Book:
    return Book("xlsx", (Sheet("명단", True, lambda: iter(rows.items()), **sheet),))


def made(
    path: Path,
    of: Book,
    problems: Sequence[Problem] = (SHORT, NAMELESS),
    tables: Sequence[Table] = (TABLE,),
    **how: Any,
) -> Any:
    annotate(of, tables, problems, path, **how)
    return openpyxl.load_workbook(path)


def values(sheet: Any) -> list[list[Any]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "errors.xlsx"


def test_every_cell_stays_where_it_was_and_one_column_is_added(out: Path) -> None:
    assert values(made(out, book())["명단"]) == [
        ["2026 여름 특강", None, None, None],
        [None, None, None, None],
        ["이름", "학부모 전화번호", "메모", "오류"],
        ["김하나", "010-1234-5678", "=1+1", None],
        ["이두리", "12", "+82 10 1234 5678", "번호가 짧습니다"],
        [None, None, None, None],
        [None, 1012345678, "@SUM(A1)", "이름이 없습니다"],
        ["끝. 문의는 사무실로", None, None, None],
    ]


def test_bad_cells_are_filled_and_no_others(out: Path) -> None:
    sheet = made(out, book())["명단"]
    filled = {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.start_color.rgb == f"00{BAD}"}
    assert filled == {"B5", "D5", "A7", "D7"}


def test_no_text_of_the_users_becomes_a_formula_or_an_error(out: Path) -> None:
    evil: Rows = {3: ROWS[3], 4: ['=HYPERLINK("http://x")', "-1+1", "#N/A"], 5: ["@a", "=1", "\x00=2"]}
    sheet = made(out, book(evil), [SHORT])["명단"]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds == {"s"}
    assert sheet["C5"].value == "=2"


def test_a_phone_that_is_typed_anew_keeps_its_zero(out: Path) -> None:
    sheet = made(out, book())["명단"]
    assert [sheet[cell].number_format for cell in ("B4", "B5", "C4")] == ["@", "@", "General"]


def test_the_header_is_found_again_when_scrolling(out: Path) -> None:
    sheet = made(out, book())["명단"]
    assert sheet.freeze_panes == "A4"
    assert sheet["A3"].font.bold


def test_merged_ranges_and_hidden_columns_mean_what_they_meant(out: Path) -> None:
    sheet = made(out, book(merged=(Merge(0, 0, 0, 2), Merge(3, 2, 4, 2)), hidden_columns=frozenset({2})))["명단"]
    assert {str(one) for one in sheet.merged_cells.ranges} == {"A1:C1", "C4:C5"}
    assert sheet.column_dimensions["C"].hidden


def test_the_errors_stand_beside_the_widest_row_and_merged_range(out: Path) -> None:
    wide: Rows = {**ROWS, 8: ["a", None, None, "b"]}
    assert made(out, book(wide))["명단"]["E3"].value == "오류"
    assert made(out, book(wide, merged=(Merge(7, 3, 7, 5),)))["명단"]["G3"].value == "오류"


def test_an_error_workbook_that_is_still_wrong_gets_no_second_error_column(out: Path) -> None:
    again: Rows = {**ROWS, 3: [*ROWS[3], "오류"], 4: [*ROWS[4], "어제의 오류"]}
    sheet = made(out, book(again))["명단"]
    assert [cell.value for cell in sheet[3]] == ["이름", "학부모 전화번호", "메모", "오류"]
    assert sheet["D4"].value is None
    assert sheet["D5"].value == "번호가 짧습니다"


def test_error_cells_and_times_stay_readable(out: Path) -> None:
    when = datetime(2026, 3, 2, 9, 30)  # noqa: DTZ001 - a cell's time knows no zone
    odd: Rows = {
        3: ["이름", date(2026, 3, 2), "x"],
        4: [CellError("#N/A"), when, time(9, 30)],
        5: [date(2026, 3, 2), when, None],
    }
    bad = [SHORT, Problem("명단", "A5", 5, "name", "x", Both("x", "x"))]
    sheet = made(out, book(odd), bad)["명단"]
    assert [cell.value for cell in sheet[3]] == ["이름", "2026-03-02", "x", "오류"]
    assert [cell.value for cell in sheet[4]] == ["#N/A", when, time(9, 30), None]
    assert [cell.value for cell in sheet[5]][:2] == ["2026-03-02", when]


def test_a_row_says_each_of_its_problems_once(out: Path) -> None:
    both = Problem("명단", "A5", 5, "name", "no-name", Both("no name", "이름이 없습니다"))
    sheet = made(out, book(), [SHORT, both, SHORT], lang="en")["명단"]
    assert sheet["D3"].value == "errors"
    assert sheet["D5"].value == "too short / no name"


def test_sheets_without_a_roster_are_left_out(out: Path) -> None:
    guide = Sheet("안내", True, lambda: iter([(1, ["안내문"])]))
    assert made(out, Book("xlsx", (guide, *book().sheets))).sheetnames == ["명단"]


def test_only_the_bad_rows_with_what_stands_above_and_what_is_merged_into_them(out: Path) -> None:
    two: Rows = {**ROWS, 4: ["김하나", "010-1234-5678", "한빛고"], 5: ["이두리", "12"]}
    ranges = (Merge(0, 0, 0, 2), Merge(3, 2, 4, 2))
    sheet = made(out, book(two, merged=ranges), only_bad=True)["명단"]
    assert values(sheet) == [
        ["2026 여름 특강", None, None, None],
        ["이름", "학부모 전화번호", "메모", "오류"],
        ["이두리", "12", "한빛고", "번호가 짧습니다"],
        [None, 1012345678, "@SUM(A1)", "이름이 없습니다"],
    ]
    assert {str(one) for one in sheet.merged_cells.ranges} == {"A1:C1"}


def test_a_second_table_keeps_its_header_among_the_bad_rows(out: Path) -> None:
    rows: Rows = {**ROWS, 10: ["B반"], 11: ["학생", "보호자", "비고"], 12: ["박세찌", "34", ""]}
    second = Table("명단", 11, "B반", {"name": "A", "parent_phone": "B"})
    last = Problem("명단", "B12", 12, "parent_phone", "bad-phone", Both("too short", "번호가 짧습니다"))
    sheet = made(out, book(rows), [SHORT, last], [TABLE, second], only_bad=True)["명단"]
    assert [row[0] for row in values(sheet)] == ["2026 여름 특강", "이름", "이두리", "B반", "학생", "박세찌"]
    assert [row[3] for row in values(sheet)] == [None, "오류", "번호가 짧습니다", None, "오류", "번호가 짧습니다"]


def test_a_merged_cells_problem_marks_the_cell_that_holds_the_value(out: Path) -> None:
    two: Rows = {3: ROWS[3], 4: ["김하나", "12"], 5: ["이두리", None]}
    below = Problem("명단", "B4", 5, "parent_phone", "bad-phone", Both("too short", "번호가 짧습니다"))
    merged = book(two, merged=(Merge(3, 1, 4, 1),))
    sheet = made(out, merged, [below])["명단"]
    assert sheet["B4"].fill.start_color.rgb == f"00{BAD}"
    assert [sheet["D4"].value, sheet["D5"].value] == [None, "번호가 짧습니다"]
    only = made(out, merged, [below], only_bad=True)["명단"]
    assert values(only) == [["이름", "학부모 전화번호", "메모", "오류"], ["이두리", "12", None, "번호가 짧습니다"]]


def test_letters_and_numbers_of_columns_belong_together() -> None:
    assert [letter(index) for index in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert all(index_of(letter(index)) == index for index in range(2_000))

"""Rosters made in memory, as a reader of files hands them over, and read back as students."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from academyctl.roster.model import SPOOL_COLUMNS, Ask, Book, CellError, Limits, Merge, Reading, Sheet, Value
from academyctl.roster.understand import understand

Cells = Sequence[Value]
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


class Student(NamedTuple):
    """A row of the spool. Absent texts are None, as in the database."""

    row: int
    name: str
    parent_phone: str
    student_phone: str | None = None
    school: str | None = None
    grade: int | None = None
    school_type: str = "HIGH"
    gender: str | None = None
    school_class: str | None = None
    major: str | None = None
    memo: str | None = None
    uses_identifier: bool = True
    sheet: int = 0


class Read(NamedTuple):
    reading: Reading
    students: list[Student]


def sheet(*rows: Cells, name: str = "Sheet1", visible: bool = True, hidden: str = "", merged: str = "") -> Sheet:
    """A sheet from row 1 on. `hidden` are column letters, `merged` ranges, both with spaces between: `A1:B1 C2:C3`."""
    merges = tuple(_merge(said) for said in merged.split())
    placed = [(number, _row(number, cells, merges)) for number, cells in enumerate(rows, 1)]

    def again() -> Iterator[tuple[int, list[Value]]]:
        return ((number, list(cells)) for number, cells in placed if any(cell is not None for cell in cells))

    return Sheet(name, visible, again, frozenset(_column(said) for said in hidden.split()), merges)


def _row(number: int, cells: Cells, merges: Sequence[Merge]) -> list[Value]:
    row = [None if _covered(number - 1, column, merges) else cell for column, cell in enumerate(cells)]
    while row and row[-1] is None:
        row.pop()
    return row


def _covered(line: int, column: int, merges: Sequence[Merge]) -> bool:
    return any(
        one.top <= line <= one.bottom and one.left <= column <= one.right and (line, column) != (one.top, one.left)
        for one in merges
    )


def _merge(said: str) -> Merge:
    first, last = (re.fullmatch(r"([A-Z]+)(\d+)", part) for part in said.split(":"))
    assert first is not None
    assert last is not None
    return Merge(int(first[2]) - 1, _column(first[1]), int(last[2]) - 1, _column(last[1]))


def _column(letters: str) -> int:
    index = 0
    for char in letters:
        index = index * 26 + ord(char) - 64
    return index - 1


def read(*sheets: Sheet, ask: Ask | None = None, limits: Limits | None = None, kind: str = "xlsx") -> Read:
    """What is understood of a book, and the students in its spool. Checks that the rows add up."""
    spool = io.StringIO()
    reading = understand(Book(kind, sheets), ask or Ask(), limits or Limits(), spool)
    students = [_student(line) for line in spool.getvalue().split("\n")[:-1]]
    counts = reading.counts
    if reading.status in ("ok", "errors"):
        assert counts["read"] == counts["good"] + counts["skipped"] + counts["failed"]
        assert counts["good"] == len(students)
    return Read(reading, students)


def read_rows(*rows: Cells, **said: Any) -> Read:
    """`read` of one sheet."""
    asked = {key: said.pop(key) for key in ("ask", "limits", "kind") if key in said}
    return read(sheet(*rows, **said), **asked)


def _student(line: str) -> Student:
    texts = [None if cell == "\\N" else re.sub(r"\\(.)", lambda e: _ESCAPES[e[1]], cell) for cell in line.split("\t")]
    row = dict(zip(SPOOL_COLUMNS, texts, strict=True))
    return Student(
        **{
            **row,
            "sheet": int(row["sheet"] or 0),
            "row": int(row["row"] or 0),
            "grade": None if row["grade"] is None else int(row["grade"]),
            "uses_identifier": row["uses_identifier"] == "t",
        }  # type: ignore[arg-type]
    )


def save(path: Path, *sheets: Sheet) -> Path:
    """The same roster as an .xlsx file (error cells as their text)."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    for one in sheets:
        page = book.create_sheet(one.name)
        for number, cells in one.rows():
            for column, cell in enumerate(cells, 1):
                page.cell(number, column).value = cell.text if isinstance(cell, CellError) else cell
        for merge in one.merged:
            page.merge_cells(None, merge.top + 1, merge.left + 1, merge.bottom + 1, merge.right + 1)
        for index in one.hidden_columns:
            page.column_dimensions[get_column_letter(index + 1)].hidden = True
        page.sheet_state = "visible" if one.visible else "hidden"
    book.save(path)
    return path

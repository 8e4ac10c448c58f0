"""The error workbook: the user's own sheets, every bad cell filled, and a last column that says what is wrong there.

Correcting the marked cells is all that is left to do: titles, notes, headers, merged ranges and hidden columns stay
where they were, so that the file is understood again exactly as before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from academyctl import workbook
from academyctl.errors import Both
from academyctl.roster._letters import index_of, letter
from academyctl.roster.model import Book, CellError, Merge, Problem, Sheet, Table, Value

COLUMN = Both("errors", "오류")
BAD = "FFC7CE"
HEAD = "D9E1F2"
TEXT = "@"
_PHONES = ("parent_phone", "student_phone")
_NARROW, _WIDE, _SAID = 8.0, 40.0, 60.0
_CELL = re.compile(r"([A-Z]+)(\d+)")
_BAD_CELL = workbook.Look(fill=BAD)
_BAD_PHONE = workbook.Look(fill=BAD, number_format=TEXT)
_PHONE = workbook.Look(number_format=TEXT)
_BAD_HEADER = workbook.Look(bold=True, centred=True, fill=BAD)
_HEADER = workbook.Look(bold=True, centred=True, fill=HEAD)


@dataclass
class _Bad:
    """What is wrong in one row: its columns (0-based) and the texts. Without texts it only holds another row's cell."""

    columns: set[int] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)


@dataclass
class _Plan:
    """Where things of one sheet stand; rows are Excel's numbers, columns 0-based."""

    headers: frozenset[int]
    first: int
    """The first header row."""
    error_column: int
    replaced: bool
    """The error column is that of an earlier error workbook."""
    phones: frozenset[int]
    bad: Mapping[int, _Bad]
    lang: str


def annotate(
    book: Book,
    tables: Sequence[Table],
    problems: Iterable[Problem],
    out: Path,
    *,
    only_bad: bool = False,
    lang: str = "ko",
) -> None:
    """Write the error workbook of a book to `out`: a sheet for every one that holds a table.

    `tables` and `problems` are those of understanding this very book, all of them. `only_bad`: what stands above and
    in the headers, then only rows with problems. Rows are streamed; what is held grows with the problems alone.
    Raises OSError when it cannot be written.
    """
    found = _by_row(problems, lang)
    with workbook.writing(out) as written:
        for sheet in book.sheets:
            mine = [table for table in tables if table.sheet == sheet.name]
            if mine:
                _write(written, sheet, mine, found.get(sheet.name, {}), only_bad=only_bad, lang=lang)


def _by_row(problems: Iterable[Problem], lang: str) -> dict[str, dict[int, _Bad]]:
    found: dict[str, dict[int, _Bad]] = defaultdict(dict)
    for problem in problems:
        rows = found[problem.sheet]
        bad = rows.setdefault(problem.row, _Bad())
        if cell := _CELL.fullmatch(problem.cell):
            bad.columns.add(index_of(cell[1]))
            # A merged range's value stands in its first cell, perhaps some rows above.
            rows.setdefault(int(cell[2]), _Bad()).columns.add(index_of(cell[1]))
        text = problem.message.pick(lang)
        if text not in bad.texts:
            bad.texts.append(text)
    return found


def _write(
    written: workbook.Book,
    sheet: Sheet,
    tables: Sequence[Table],
    bad: Mapping[int, _Bad],
    *,
    only_bad: bool,
    lang: str,
) -> None:
    plan, widths = _plan(sheet, tables, bad, lang)
    page = written.sheet(sheet.name, widths=widths, freeze=f"A{plan.first + 1}")
    for column in sheet.hidden_columns:
        page.worksheet.column_dimensions[letter(column)].hidden = True
    places: dict[int, int] = {}
    for number, values in _kept(sheet, plan) if only_bad else sheet.rows():
        # A row that was left out as empty keeps its place; among bad rows alone there are no places to keep.
        while not only_bad and page.rows < number - 1:
            page.row(())
        page.row(_cells(number, values, plan))
        if only_bad:
            places[number] = page.rows
    _merge(page.worksheet, _moved(sheet.merged, plan, places) if only_bad else sheet.merged)


def _plan(sheet: Sheet, tables: Sequence[Table], bad: Mapping[int, _Bad], lang: str) -> tuple[_Plan, list[float]]:
    """Look through the sheet once: how wide it is decides where the errors go."""
    headers = frozenset(table.header_row for table in tables)
    first = min(headers)
    mapped = {index_of(letters) for table in tables for letters in table.mapping.values()}
    widths: list[float] = [0.0] * (max(mapped, default=0) + 1)
    texts: dict[int, set[str]] = defaultdict(set)
    for number, values in sheet.rows():
        if len(values) > len(widths):
            widths.extend([0.0] * (len(values) - len(widths)))
        if number < first:
            continue
        for column, value in enumerate(values):
            if value is not None:
                # A Korean syllable is about two characters wide.
                widths[column] = max(widths[column], len(str(value).encode("cp949", "replace")))
                if number in headers:
                    texts[column].add(str(value).strip())
    last = max([len(widths) - 1, *(merge.right for merge in sheet.merged if merge.bottom >= first - 1)])
    replaced = len(widths) - 1 not in mapped and bool(texts[len(widths) - 1]) and texts[len(widths) - 1] <= set(COLUMN)
    column = len(widths) - 1 if replaced else last + 1
    phones = {index_of(table.mapping[name]) for table in tables for name in _PHONES if name in table.mapping}
    told = [min(max(width + 2, _NARROW), _WIDE) for width in widths]
    told += [_NARROW] * (column + 1 - len(told))
    told[column] = _SAID
    return _Plan(headers, first, column, replaced, frozenset(phones), bad, lang), told


def _cells(number: int, values: Sequence[Value], plan: _Plan) -> list[workbook.Value | workbook.Cell]:
    bad = plan.bad.get(number)
    told: list[workbook.Value | workbook.Cell] = [
        value.text if isinstance(value, CellError) else value for value in values
    ]
    if plan.replaced and number >= plan.first:
        del told[plan.error_column :]
    if number in plan.headers:
        wrong = bad.columns if bad else ()
        told = [
            None if value is None else workbook.Cell(_plain(value), _BAD_HEADER if column in wrong else _HEADER)
            for column, value in enumerate(told)
        ]
        return [*told, *[None] * (plan.error_column - len(told)), workbook.Cell(COLUMN.pick(plan.lang), _HEADER)]
    if number > plan.first:
        for column in plan.phones:
            if column < len(told) and isinstance(value := told[column], str):
                told[column] = workbook.Cell(value, _PHONE)
    if bad is None:
        return told
    told += [None] * (plan.error_column + 1 - len(told))
    for column in bad.columns:
        value = _plain(told[column])
        as_text = column in plan.phones and not isinstance(value, datetime)
        told[column] = workbook.Cell(value, _BAD_PHONE if as_text else _BAD_CELL)
    if bad.texts:
        told[plan.error_column] = workbook.Cell(" / ".join(bad.texts), _BAD_CELL)
    return told


def _plain(value: workbook.Value | workbook.Cell) -> workbook.Value:
    """The value alone, as a look of ours can show it: a date or a time of day would lose its format to it."""
    found = value.value if isinstance(value, workbook.Cell) else value
    if isinstance(found, time) or (isinstance(found, date) and not isinstance(found, datetime)):
        return found.isoformat()
    return found


def _kept(sheet: Sheet, plan: _Plan) -> Iterator[tuple[int, list[Value]]]:
    """What stands above the first header, the headers, and the bad rows with what a merged range says about them."""
    starting: dict[int, list[Merge]] = defaultdict(list)
    for merge in sheet.merged:
        starting[merge.top + 1].append(merge)
    open_merges: list[tuple[Merge, Value]] = []
    for number, values in sheet.rows():
        open_merges = [one for one in open_merges if one[0].bottom + 1 >= number]
        for merge in starting.get(number, ()):
            open_merges.append((merge, values[merge.left] if merge.left < len(values) else None))
        if number in plan.bad and plan.bad[number].texts:
            whole = list(values) + [None] * (
                max((merge.left for merge, _ in open_merges), default=-1) + 1 - len(values)
            )
            for merge, value in open_merges:
                whole[merge.left] = value
            yield number, whole
        elif number <= plan.first or number in plan.headers or number + 1 in plan.headers:
            yield number, values


def _moved(merges: Iterable[Merge], plan: _Plan, places: Mapping[int, int]) -> Iterator[Merge]:
    """The merged ranges of titles and headers, where these now stand."""
    for merge in merges:
        rows = range(merge.top + 1, merge.bottom + 2)
        if all(row in places and row not in plan.bad for row in rows):
            top = places[rows[0]] - 1
            yield Merge(top, merge.left, top + merge.bottom - merge.top, merge.right)


def _merge(worksheet: Any, merges: Iterable[Merge]) -> None:
    from openpyxl.worksheet.cell_range import CellRange

    # Past MultiCellRange.add, which compares each range with all others.
    worksheet.merged_cells.ranges.update(
        CellRange(min_row=merge.top + 1, min_col=merge.left + 1, max_row=merge.bottom + 1, max_col=merge.right + 1)
        for merge in merges
    )

"""A book's sheets to students: which tables are rosters, which column is what, and every row judged, in one pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from typing import BinaryIO, TextIO

from academyctl.roster._answers import needs_mapping, reading_of
from academyctl.roster._carry import NOTHING_CARRIED, Carry
from academyctl.roster._filters import EXAMPLE, NOT_A_STUDENT, is_example_row, is_example_title, is_guide
from academyctl.roster._headers import SAMPLE, Head, Row, first_header, head_of, may_head, title_above
from academyctl.roster._headwords import PHONE_KINDS, is_former_list, is_staff_list, normal
from academyctl.roster._letters import letter
from academyctl.roster._rows import Rows
from academyctl.roster._spool import Spool
from academyctl.roster._tables import Found, Told, by_word, first_tables, has_people, tables_at, told_columns, with_told
from academyctl.roster._tally import MOST_TOLD, Tally, TooManyRows
from academyctl.roster._texts import refusal
from academyctl.roster._values import is_blank
from academyctl.roster.model import Ask, Book, Limits, Reading, RosterRefused, Sheet


class _Unclear(Exception):
    """A table in the middle of a sheet whose columns only a person can name."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.sheet.name)
        self.found = found


def understand(
    book: Book, ask: Ask, limits: Limits, spool: TextIO | BinaryIO, *, most_told: int = MOST_TOLD
) -> Reading:
    """Read every roster of the book. Good rows go to `spool` as `model.SPOOL_COLUMNS` (its `sheet` counts `tables`).

    `most_told`: so many problems are kept; all are counted. The spool means something only when the status is ok or
    errors. Never raises for what a file holds; what `Sheet.rows` raises passes through.
    """
    try:
        return _understand(book, ask, limits, spool, most_told)
    except RosterRefused as refused:
        refused.kind = book.kind
        return Reading("refused", book.kind, refused)


def _understand(book: Book, ask: Ask, limits: Limits, spool: TextIO | BinaryIO, most_told: int) -> Reading:
    heads = [(sheet, head_of(sheet)) for sheet in _chosen(book, ask)]
    found = [table for sheet, head in heads for table in first_tables(sheet, head, ask)]
    if not found and ask.mapping:
        found = [table for sheet, head in heads for table in by_word(sheet, head, ask)]
    if not found:
        raise _nothing_found(ask, heads)
    rosters, passed = _rosters(found)
    words = told_columns(ask, rosters)
    tables = [with_told(table, words) for table in rosters]
    unclear = next((table for table in tables if not table.is_clear()), None)
    if unclear is not None:
        return needs_mapping(book, unclear, tables)
    tally = Tally(Spool(spool), limits.rows, most_told)
    for table in passed:
        row, column = table.layout.header.row, table.layout.mapping.get("name", 0)
        code = "sheet-of-former-students" if is_former_list(table.sheet.name) else "sheet-passed-over"
        tally.warn(table.sheet.name, row, column, "", code, said=table.sheet.name)
    for sheet, head in heads:
        if has_people(head) and not any(table.sheet is sheet for table in found):
            tally.warn(sheet.name, head.rows[0][0], 0, "", "sheet-without-header", said=sheet.name)
    elsewhere = any(not is_guide(table.sheet.name) for table in tables)
    judges: list[Rows] = []
    try:
        # Guides last: they are no tables of the Reading, whose places the spool counts.
        for own in sorted(_by_sheet(tables), key=lambda own: is_guide(own[0].sheet.name)):
            guide = elsewhere and is_guide(own[0].sheet.name)
            at_work = _Pass(own, tally, ask, words, guide=guide).read()
            judges += [] if guide else at_work
    except TooManyRows:
        raise refusal("too-many-rows", limit=limits.rows) from None
    except _Unclear as stopped:
        return needs_mapping(book, stopped.found, tables)
    return reading_of(book, tally, judges)


def _nothing_found(ask: Ask, heads: Sequence[tuple[Sheet, Head]]) -> RosterRefused:
    if not ask.mapping:
        return refusal("no-roster")
    width = max((head.width() for _, head in heads), default=0)
    said = ", ".join(f"{field}={text}" for field, text in ask.mapping.items())
    return refusal("bad-mapping", said=said, exists=", ".join(letter(index) for index in range(min(width, 40))) or "-")


def _chosen(book: Book, ask: Ask) -> list[Sheet]:
    if not ask.sheet:
        return [sheet for sheet in book.sheets if sheet.visible]
    wanted = normal(ask.sheet)
    named = [sheet for sheet in book.sheets if sheet.name == ask.sheet]
    named = named or [sheet for sheet in book.sheets if normal(sheet.name) == wanted]
    if not named:
        raise refusal("no-sheet", said=ask.sheet, exists=", ".join(sheet.name for sheet in book.sheets))
    return named[:1]


def _rosters(found: list[Found]) -> tuple[list[Found], list[Found]]:
    """The tables to read, and those passed over because another is the roster: lists of names without a phone column
    (attendance, marks), sheets of those who left. A guide's example table is passed over for any roster elsewhere."""
    real = [table for table in found if not is_guide(table.sheet.name)] or found
    current = [table for table in real if not is_former_list(table.sheet.name)] or real
    rosters = [table for table in current if table.is_clear() or (_has_phones(table) and not _is_form(table))]
    if not rosters:
        return real, []
    return [table for table in found if table in rosters or (table not in real and table.is_clear())], [
        table for table in real if table not in rosters
    ]


def _by_sheet(tables: Sequence[Found]) -> list[list[Found]]:
    found: dict[int, list[Found]] = {}
    for table in tables:
        found.setdefault(id(table.sheet), []).append(table)
    return list(found.values())


def _is_form(table: Found) -> bool:
    """Whether nothing but blanks and examples stands below the header, as far as a sample goes."""
    header = table.layout.header.row
    rows = takewhile(lambda row: row[0] <= header + SAMPLE, table.sheet.rows())
    return all(is_example_row(values) for number, values in rows if number > header)


def _has_phones(table: Found) -> bool:
    return any(one.kind in PHONE_KINDS for one in table.layout.header.headings)


class _Ahead:
    """Rows with a look ahead."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._seen: deque[Row] = deque()

    def next(self) -> Row | None:
        return self._seen.popleft() if self._seen else next(self._rows, None)

    def peek(self, count: int) -> list[Row]:
        self._seen.extend(islice(self._rows, max(0, count - len(self._seen))))
        return list(islice(self._seen, count))


class _Pass:
    """The pass over one sheet's rows: the judges at work change where a new header stands in the body."""

    def __init__(self, tables: Sequence[Found], tally: Tally, ask: Ask, words: Sequence[Told], *, guide: bool) -> None:
        self.sheet, self.tally, self.ask, self.words, self.guide = tables[0].sheet, tally, ask, words, guide
        self.rows = _Ahead(iter(self.sheet.rows()))
        self.judges: list[Rows] = []
        self.at_work: list[Rows] = []
        self.begin = 0
        self.above: Row = (0, [])
        self._begin(tables)

    def read(self) -> list[Rows]:
        """Every judge that was at work."""
        carry = Carry(self.sheet.merged)
        while (row := self.rows.next()) is not None:
            origins: Mapping[int, int] = NOTHING_CARRIED
            if carry.is_needed:
                row, origins = carry.into(row)
            if row[0] <= self.begin:
                continue
            for judge in self.at_work:
                if not judge.row(row[0], row[1], origins) and self._odd(judge, row, origins):
                    break
            self.above = row
        return self.judges

    def _odd(self, judge: Rows, row: Row, origins: Mapping[int, int]) -> bool:
        """Judge a row that is no plain student's; whether it is a header, which is every judge's row."""
        if may_head(row[1]) and self._is_new_header(row):
            return True
        if self._stands_above_header(row):
            judge.leave_out(row[0], NOT_A_STUDENT)
        else:
            judge.odd_row(row[0], row[1], origins)
        return False

    def _begin(self, tables: Sequence[Found]) -> None:
        self.begin = tables[0].layout.header.row
        self.at_work = []
        for table in tables:
            example = self.guide or is_example_title(table.layout.header.title)
            why = EXAMPLE if example else ""
            self.tally.sheet_of.append(self.sheet.name)
            place = len(self.tally.sheet_of) - 1
            bounds = (table.left, table.right)
            self.at_work.append(Rows(self.sheet.name, table.layout, place, self.tally, none_because=why, bounds=bounds))
        self.judges += self.at_work

    def _head(self, row: Row, following: Sequence[Row]) -> Head:
        last = following[-1][0] if following else row[0]
        merges = tuple(one for one in self.sheet.merged if row[0] - 1 <= one.top < last)
        return Head((row, *following), merges, self.sheet.hidden_columns)

    def _is_new_header(self, row: Row) -> bool:
        """Whether a header stands here; then the judges are those of the tables below it."""
        number = row[0]
        head = self._head(row, self.rows.peek(SAMPLE))
        header = first_header(head)
        if header is None:
            return False
        now = [(one.index, one.own, one.group) for judge in self.at_work for one in judge.layout.header.headings]
        again = now == [(one.index, one.own, one.group) for one in header.headings]
        stopped = any(judge.none_because for judge in self.at_work) and not self.guide
        empty = all(is_blank(value) for row in head.below(header.row) for value in row)
        title = title_above([self.above], number)
        staff = header.of_staff or is_staff_list(title)
        if (again and not stopped) or empty or staff:
            for covered in range(number, header.row + 1):
                self.at_work[0].leave_out(covered, "header")
            for judge in self.at_work if staff else ():
                judge.none_because = NOT_A_STUDENT
            self.begin = header.row
            return True
        titled = replace(header, title=title)
        tables = [with_told(one, self.words) for one in tables_at(self.sheet, head, titled, self.ask.remembered)]
        unclear = next((one for one in tables if not one.is_clear()), None)
        if unclear is not None:
            raise _Unclear(unclear)
        self._begin(tables)
        return True

    def _stands_above_header(self, row: Row) -> bool:
        """Whether the row is the title of a table whose header comes next."""
        texts = (value for value in row[1] if not is_blank(value))
        if next(texts, None) is None or next(texts, None) is not None:
            return False
        following = self.rows.peek(2)
        if not following or following[0][0] > row[0] + 2 or not may_head(following[0][1]):
            return False
        return first_header(self._head(following[0], following[1:])) is not None

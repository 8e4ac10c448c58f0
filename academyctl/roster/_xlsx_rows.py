"""A sheet's rows, streamed twice as fast where its XML is written as spreadsheet programs write it.

The plain way cuts the XML at `<row` and reads cells with one regular expression; whatever does not fit that expression
to the last cell (comments, CDATA, rich inline text, odd attributes) is read by expat instead, from the sheet's start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from academyctl.roster._refusals import refusal
from academyctl.roster._xlsx_parts import Attributes, RichText, reading, unescape, unescape_excel
from academyctl.roster._xlsx_stream import blocks
from academyctl.roster._xlsx_values import Cell, Cells
from academyctl.roster.model import Value

MAX_ROWS = 1_048_576
"""Of an Excel sheet (ECMA-376), empty ones too."""
SPARE_ROWS = 1_000
"""Titles, headers and notes: rows with values that are no student, above `Limits.rows`."""

# Every part of it is linear: nothing is matched across a `<`.
_CELL = re.compile(
    r'<c(?: r="([A-Z]{1,3})[0-9]+")?(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?(?: s="([0-9]+)")?(?: (?:cm|vm|ph)="\w*")*'
    r" ?(?:/>|>(?:(<f)(?: [^<>]*)?(?:/>|>([^<]*)</f>))?"
    r'(?:<v(?: xml:space="preserve")?>([^<]*)</v>|<v ?/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)'
)
_ROW = re.compile(r' r="([0-9]{1,18})"')

Chunks = Callable[[], Iterator[bytes]]
Row = tuple[int, list[Value]]


class NotPlainError(Exception):
    """This XML is not written as spreadsheet programs write it: expat has to read it."""


def rows(chunks: Chunks, cells: Cells, *, plain: bool) -> Iterator[Row]:
    """Rows that hold a value, with Excel's numbers, in order.

    Raises RosterRefused: corrupt, too-many-rows, too-many-columns, too-big (one row of very many bytes), unsafe.
    """
    given = 0
    if plain:
        try:
            for row in _plain_rows(chunks(), cells):
                given += 1
                _count(given, cells)
                yield row
            return
        except NotPlainError:
            pass
    for n, row in enumerate(_expat_rows(chunks(), cells), 1):
        _count(n, cells)
        if n > given:
            yield row


def _count(given: int, cells: Cells) -> None:
    if given > cells.limits.rows + SPARE_ROWS:
        raise refusal("too-many-rows")


def _plain_rows(chunks: Iterator[bytes], cells: Cells) -> Iterator[Row]:
    at = 0
    for block in blocks(chunks, b"sheetData", b"<row"):
        pieces = block.split("<row")
        for piece in pieces[1:]:
            start = piece.find(">")
            numbered = _ROW.search(piece, 0, start)
            at = _next_row(at, numbered[1] if numbered else "")
            if piece[start - 1] == "/":
                continue
            found = _CELL.findall(piece, start)
            if piece.count("<c") != len(found) or not piece.rstrip().endswith("</row>"):
                raise NotPlainError
            values = cells.row(_unescaped(found) if "&" in piece or "_x" in piece else found)
            if values:
                yield at, values


def _unescaped(found: list[Cell]) -> list[Cell]:
    return [(*cell[:5], unescape(cell[5]), unescape(cell[6]), unescape(cell[7])) for cell in found]


def _next_row(at: int, said: str) -> int:
    try:
        row = int(said) if said else at + 1
    except ValueError as error:
        raise refusal("corrupt") from error
    if row > MAX_ROWS:
        raise refusal("too-many-rows")
    if row <= at:
        raise refusal("corrupt")
    return row


class _Reader:
    """Expat's handlers: gathers each row's cells as the plain way does."""

    def __init__(self, cells: Cells) -> None:
        self.done: list[Row] = []
        self._cells = cells
        self._at = 0
        self._row: list[Cell] = []
        self._cell: list[str] = []
        self._into = 0
        self._rich = RichText()
        self._inline = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            ref = attributes.get("r", "").rstrip("0123456789")
            self._cell = [ref, attributes.get("s", ""), attributes.get("t", ""), "", "", "", "", ""]
        elif name == "v" and not self._inline:
            self._into = 6
        elif name == "f" and self._cell:
            self._cell[4] = name
            self._into = 5
        elif name == "is":
            self._inline = True
        elif name == "row":
            self._at = _next_row(self._at, attributes.get("r", ""))
            self._row = []
        elif self._inline:
            self._rich.start(name)

    def text(self, text: str) -> None:
        if self._inline:
            self._rich.text(text)
        elif self._into and self._cell:
            self._cell[self._into] += text

    def end(self, name: str) -> None:
        if name == "c" and self._cell:
            self._row.append(tuple(self._cell))  # type: ignore[arg-type]  # eight texts, as Cell says
            self._cell = []
        elif name == "row":
            values = self._cells.row(self._row)
            if values:
                self.done.append((self._at, values))
        elif name == "is":
            self._inline = False
            if self._cell:
                self._cell[7] = unescape_excel(self._rich.take())
        elif self._inline:
            self._rich.end(name)
        elif name == "v" and self._cell:
            self._cell[6] = unescape_excel(self._cell[6])
        self._into = 0


def _expat_rows(chunks: Iterator[bytes], cells: Cells) -> Iterator[Row]:
    reader = _Reader(cells)
    for _ in reading(chunks, reader.start, reader.end, reader.text):
        yield from reader.done
        reader.done.clear()

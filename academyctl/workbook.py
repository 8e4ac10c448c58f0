"""Writing .xlsx row by row: text is always text, never a formula, and memory does not grow with the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

TITLE_CHARS = 31
TEXT_CHARS = 32_767
_NAME_BYTES = 200
# What XML 1.0 cannot hold, and halves of characters that no encoding can.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_NOT_NAME = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")

Value = None | str | bool | int | float | Decimal | datetime | date | time


@dataclass(frozen=True)
class Look:
    """How a cell looks. `fill` is RRGGBB; `number_format` is Excel's (`@` keeps typed digits a text)."""

    bold: bool = False
    centred: bool = False
    wrap: bool = False
    fill: str = ""
    number_format: str = ""


PLAIN = Look()
HEADER = Look(bold=True, centred=True)
WHEN = "yyyy-mm-dd hh:mm:ss"


class Cell(NamedTuple):
    """A value with a look."""

    value: Value
    look: Look = PLAIN


@dataclass
class Sheet:
    """One sheet while it is written. Made by `Book.sheet`; only the newest sheet of a book gets rows."""

    worksheet: Any
    """openpyxl's own, for what this module leaves out (data validation, protection)."""
    book: Book
    rows: int = 0

    def header(self, titles: Iterable[str]) -> None:
        """A row of bold, centred texts."""
        self.row([Cell(title, HEADER) for title in titles])

    def row(self, values: Iterable[Value | Cell]) -> None:
        """Append a row. Every str becomes a text cell whatever it starts with; None stays an empty cell.

        A time with a zone is written as that zone's clock shows it: Excel knows no zones.
        """
        self.worksheet.append([self._cell(value) for value in values])
        self.rows += 1

    def _cell(self, given: Value | Cell) -> Any:
        value, look = given if isinstance(given, Cell) else (given, PLAIN)
        if value is None and look == PLAIN:
            return None
        if isinstance(value, float) and not isfinite(value):
            value = str(value)
        elif isinstance(value, datetime):
            value = value.replace(tzinfo=None)
            look = look if look.number_format else replace(look, number_format=WHEN)
        cell = self.book.new_cell(self.worksheet)
        if isinstance(value, str):
            # Set past openpyxl's guess, which takes '=1+1' for a formula and '#N/A' for an error.
            cell._value, cell.data_type = clean(value), "s"
        else:
            cell.value = value
        if look != PLAIN:
            cell._style = self.book.style(self.worksheet, look)
        return cell


@dataclass
class Book:
    """A workbook while it is written; see `writing`."""

    workbook: Any
    new_cell: Any
    _titles: set[str] = field(default_factory=set)
    _styles: dict[Look, Any] = field(default_factory=dict)

    def sheet(self, title: str, *, widths: Sequence[float] = (), freeze: str = "") -> Sheet:
        """A new sheet; its title is made valid and unlike the earlier ones' (`safe_sheet_title`).

        `widths` from column A on, in characters; `freeze` is the first cell that scrolls (`D2`).
        """
        from openpyxl.utils import get_column_letter

        worksheet = self.workbook.create_sheet(title=safe_sheet_title(title, taken=self._titles))
        self._titles.add(worksheet.title)
        for number, width in enumerate(widths, 1):
            worksheet.column_dimensions[get_column_letter(number)].width = width
        if freeze:
            worksheet.freeze_panes = freeze
        return Sheet(worksheet, self)

    def style(self, worksheet: Any, look: Look) -> Any:
        """openpyxl's style of a look: one for all its cells, since building fonts and fills costs more than a cell."""
        if look not in self._styles:
            self._styles[look] = _style(self.new_cell(worksheet), look)
        return self._styles[look]


def _style(cell: Any, look: Look) -> Any:
    from openpyxl.styles import Alignment, Font, PatternFill

    if look.bold:
        cell.font = Font(bold=True)
    if look.centred or look.wrap:
        place = "center" if look.centred else None
        cell.alignment = Alignment(horizontal=place, vertical=place or "top", wrap_text=look.wrap)
    if look.fill:
        cell.fill = PatternFill(fill_type="solid", start_color=look.fill, end_color=look.fill)
    if look.number_format:
        cell.number_format = look.number_format
    return cell._style


@contextmanager
def writing(path: Path) -> Iterator[Book]:
    """A book that is stored at `path` when the block ends; after an exception there is no file.

    Rows go to temporary files at once (a process may point `tempfile.tempdir` at a folder of its own first), so memory
    stays the same however many there are: 0.4 MB over the imported library for 20,000 rows of 40 cells.
    Raises OSError when the disk refuses.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    workbook = Workbook(write_only=True)
    book = Book(workbook, WriteOnlyCell)
    try:
        yield book
        workbook.save(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        for worksheet in workbook.worksheets:
            _drop(worksheet)


def _drop(worksheet: Any) -> None:
    """Close and remove a sheet's temporary file: openpyxl does so only for a book that was saved."""
    if worksheet._writer is None:
        return
    if worksheet._rows is not None:
        worksheet._rows.close()
    worksheet._writer.xf.close()
    Path(worksheet._writer.out).unlink(missing_ok=True)


def clean(text: str) -> str:
    """A text that a cell can hold: without characters that XML forbids, at most 32,767 characters long."""
    return _NOT_XML.sub("", text)[:TEXT_CHARS]


def safe_sheet_title(text: str, *, taken: Iterable[str] = ()) -> str:
    """A title that Excel opens: at most 31 characters, none of []:*?/\\, no apostrophe at an end, none of `taken`."""
    title = _NOT_TITLE.sub("_", clean(text)).strip().strip("'")[:TITLE_CHARS].strip().strip("'") or "Sheet"
    used, number, unique = {name.casefold() for name in taken}, 2, title
    while unique.casefold() in used:
        tail = f" ({number})"
        unique, number = title[: TITLE_CHARS - len(tail)] + tail, number + 1
    return unique


def safe_filename(text: str, *, fallback: str = "file") -> str:
    """A name that every system, an object key and a URL can hold: no separators, no device name, at most 200 bytes.

    The suffix survives the cutting. Blanks and Korean stay.
    """
    name = re.sub(r"\s+", " ", _NOT_NAME.sub("_", clean(text))).strip(" .")
    if not name or _DEVICES.match(name):
        name = f"{fallback}_{name}".rstrip("_")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, dot, suffix = name, "", ""
    room = _NAME_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + dot + suffix

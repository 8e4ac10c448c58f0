"""xls, xlsb and ods, through python-calamine: imported for such a file only, and only in the process that reads it.

It holds a whole sheet, gives error cells as empty ones, and ends its process on a far cell, which is why xlsx is read
without it. The packages are judged before it sees them; what it still cannot bear, the child's limits end.
"""

from __future__ import annotations

import io
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from academyctl.roster import _package
from academyctl.roster._refusals import refusal
from academyctl.roster._text import clean
from academyctl.roster._xlsx_parts import refuse_malformed
from academyctl.roster._xlsx_rows import SPARE_ROWS
from academyctl.roster.model import Limits, Merge, Sheet, Value

_EXACT = 10**15
_BOF_GLOBALS = b"\x09\x08\x10\x00\x00\x06\x05\x00"
_FILEPASS = 0x2F


def sheets(path: Path, kind: str, limits: Limits) -> tuple[Sheet, ...]:
    """Raises RosterRefused: encrypted, corrupt, unsafe, too-big, too-many-sheets, no-sheet."""
    if kind in ("xlsb", "ods"):
        _inflate(path, limits)
    import python_calamine as calamine

    content = path.read_bytes()
    if kind == "xls" and _has_password(content):
        raise refusal("encrypted")
    with _its_errors():
        # From its bytes: of a path, it believes the name.
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    cells = [sheet for sheet in book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
    if len(cells) > limits.sheets:
        raise refusal("too-many-sheets")
    if not cells:
        raise refusal("no-sheet")
    return tuple(_sheet(book, each.name, each.visible == calamine.SheetVisibleEnum.Visible, limits) for each in cells)


def _has_password(xls: bytes) -> bool:
    """Whether a FILEPASS record stands among the first of the workbook's globals (MS-XLS 2.4.117)."""
    at = max(xls.find(_BOF_GLOBALS), 0)
    for _ in range(4):
        record, length = struct.unpack_from("<HH", xls.ljust(at + 4, b"\0"), at)
        if record == _FILEPASS:
            return True
        at += 4 + length
    return False


def _inflate(path: Path, limits: Limits) -> None:
    """Every part once: calamine believes what a zip says of its sizes, compares no CRC, and hangs on unclosed XML."""
    with _package.opened(path, limits) as package:
        for name in package.parts:
            chunks = package.chunks(name)
            if name.endswith((".xml", ".rels")):
                refuse_malformed(chunks)
            else:
                deque(chunks, maxlen=0)


def _sheet(book: Any, name: str, visible: bool, limits: Limits) -> Sheet:
    if not visible:
        return Sheet(clean(name, 255), False, lambda: _rows(_open(book, name, limits), limits))
    sheet = _open(book, name, limits)
    merged = tuple(Merge(*start, *end) for start, end in sheet.merged_cell_ranges or ())
    return Sheet(clean(name, 255), True, lambda: _rows(sheet, limits), merged=merged)


def _open(book: Any, name: str, limits: Limits) -> Any:
    with _its_errors():
        sheet = book.get_sheet_by_name(name)
    if sheet.end is not None and sheet.end[1] >= limits.columns:  # each row would come as wide as the widest
        raise refusal("too-many-columns")
    return sheet


@contextmanager
def _its_errors() -> Iterator[None]:
    import python_calamine as calamine

    try:
        yield
    except calamine.PasswordError as error:
        raise refusal("encrypted") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise refusal("corrupt") from error
    except BaseException as error:  # a panic of its Rust code is one that has no name to import
        if type(error).__name__ == "PanicException":
            raise refusal("corrupt") from error
        raise


def _rows(sheet: Any, limits: Limits) -> Iterator[tuple[int, list[Value]]]:
    if sheet.start is None:
        return
    left = [None] * sheet.start[1]
    given = 0
    for number, record in enumerate(sheet.iter_rows(), 1):  # from Excel's row 1 on, but from the first used column
        values = [*left, *(_value(cell, limits) for cell in record)]
        while values and values[-1] is None:
            values.pop()
        if not values:
            continue
        given += 1
        if given > limits.rows + SPARE_ROWS:
            raise refusal("too-many-rows")
        yield number, values


def _value(cell: Any, limits: Limits) -> Value:
    if isinstance(cell, str):
        return clean(cell, limits.text_chars) or None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return int(cell)
    if isinstance(cell, timedelta):
        return cell / timedelta(days=1)
    return cell  # type: ignore[no-any-return]  # bool, int, float, datetime, date or time

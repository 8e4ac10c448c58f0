"""An xlsx or xlsm workbook by the standard library alone: its sheets, whose rows are read only when they are asked for.

Why not a library: it sees error cells, hidden columns, merges and formulas without a result, holds one piece of the
sheet's XML at a time, and refuses what is hostile before it costs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from academyctl.roster import _package
from academyctl.roster._letters import index_of
from academyctl.roster._package import Package
from academyctl.roster._refusals import refusal
from academyctl.roster._text import clean
from academyctl.roster._xlsx_parts import (
    Attributes,
    RichText,
    SheetPart,
    parse,
    reading,
    unescape,
    unescape_excel,
    workbook,
)
from academyctl.roster._xlsx_rows import MAX_ROWS, rows
from academyctl.roster._xlsx_stream import blocks, look, unprefixed
from academyctl.roster._xlsx_values import Cells, cells
from academyctl.roster.model import Limits, Merge, Sheet, Value

MAX_MERGES = 50_000
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")
_STRING = re.compile(r'<si>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|<t ?/>)(?:<phoneticPr [^<>]*/>)?</si>|<si ?/>')


def sheets(path: Path, limits: Limits) -> tuple[Sheet, ...]:
    """The workbook's sheets in its own order. Raises RosterRefused (see `_package.opened`, `workbook`)."""
    with _package.opened(path, limits) as package:
        book = workbook(package, limits)
        strings = shared_strings(package, book.strings_part, limits) if book.strings_part else []
        values = cells(limits, strings, book.date_styles, book.date1904)
        return tuple(_sheet(path, package, part, values) for part in book.sheets)


def _sheet(path: Path, package: Package, part: SheetPart, values: Cells) -> Sheet:
    if not part.visible:  # never read, so its rows may be anything
        return Sheet(part.name, False, partial(_rows, path, part.part, values, plain=False))
    around = look(_chunks(package, part.part), b"sheetData", b"<row", MAX_ROWS, too_many="too-many-rows")
    hidden: set[int] = set()
    merged: list[Merge] = []

    def start(name: str, a: Attributes) -> None:
        if name == "col" and a.get("hidden") in ("1", "true"):
            first, last = int(a.get("min", "1")) - 1, int(a.get("max", "1"))
            hidden.update(range(max(first, 0), min(last, values.limits.columns)))
        elif name == "mergeCell" and len(merged) < MAX_MERGES and (merge := _merge(a.get("ref", ""))):
            merged.append(merge)

    try:
        whole = [around.head, b"<sheetData>", around.tail] if around.plain else _chunks(package, part.part)
        parse(iter(whole), start)
    except ValueError as error:
        raise refusal("corrupt") from error
    read = partial(_rows, path, part.part, values, plain=around.plain)
    return Sheet(part.name, True, read, frozenset(hidden), tuple(merged))


def _rows(path: Path, part: str, values: Cells, *, plain: bool) -> Iterator[tuple[int, list[Value]]]:
    with _package.opened(path, values.limits) as package:
        yield from rows(lambda: _chunks(package, part), values, plain=plain)


def _chunks(package: Package, part: str) -> Iterator[bytes]:
    return unprefixed(package.chunks(part))


def _merge(ref: str) -> Merge | None:
    found = _RANGE.fullmatch(ref)
    if not found or not found[3]:
        return None
    left, right, top, bottom = index_of(found[1]), index_of(found[3]), int(found[2]) - 1, int(found[4]) - 1
    return Merge(top, left, bottom, right) if left <= right and top <= bottom else None


def shared_strings(package: Package, part: str, limits: Limits) -> list[str]:
    """All of them, in order, cleaned; runs joined. Raises RosterRefused: too-big, unsafe, corrupt."""
    around = look(_chunks(package, part), b"sst", b"<si", limits.strings, too_many="too-big")
    found = _plain_strings(package, part, limits) if around.plain else None
    return found if found is not None else _rich_strings(package, part, limits)


def _plain_strings(package: Package, part: str, limits: Limits) -> list[str] | None:
    """None where a string is made of runs: then expat reads the part from its start."""
    strings: list[str] = []
    most = limits.text_chars
    for block in blocks(_chunks(package, part), b"sst", b"<si"):
        found = _STRING.findall(block)
        if len(found) != block.count("<si"):
            return None
        if "&" in block or "_x" in block:
            found = [unescape(text) for text in found]
        strings += [clean(text, most) for text in found]
    return strings


def _rich_strings(package: Package, part: str, limits: Limits) -> list[str]:
    strings: list[str] = []
    rich = RichText()

    def end(name: str) -> None:
        rich.end(name)
        if name == "si":
            strings.append(clean(unescape_excel(rich.take()), limits.text_chars))
            if len(strings) > limits.strings:
                raise refusal("too-big")

    for _ in reading(_chunks(package, part), lambda name, _: rich.start(name), end, rich.text):
        pass
    return strings

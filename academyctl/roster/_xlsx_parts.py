"""The small parts of an xlsx package: which sheets there are, which styles are dates, the strings they share."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.parsers import expat

from academyctl.roster._package import Package
from academyctl.roster._refusals import refusal
from academyctl.roster._text import clean
from academyctl.roster.model import Limits

PART_BYTES = 16 * 2**20
"""Of workbook, relationships and styles; a real one has some kilobytes."""
MAX_DEPTH = 64
_DATE_IDS = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
"""Built-in number formats that are dates or times; 27-36 and 50-58 are East Asian (ECMA-376 18.8.30)."""
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_NOT_CODE = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_DATE_CODE = re.compile(r"[dmhysDMHYS]")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|[a-z]+);")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

Attributes = dict[str, str]


@dataclass(frozen=True)
class SheetPart:
    name: str
    visible: bool
    part: str


@dataclass(frozen=True)
class Workbook:
    """`date_styles`: the cell formats (by index, as text, for they are compared with XML) that make a number a date."""

    sheets: tuple[SheetPart, ...]
    date1904: bool
    date_styles: frozenset[str]
    strings_part: str


def reading(
    chunks: Iterable[bytes],
    start: Callable[[str, Attributes], Any],
    end: Callable[[str], Any] | None = None,
    text: Callable[[str], Any] | None = None,
) -> Iterator[None]:
    """Run expat over a part, pausing after each chunk; names come without namespace, attributes' as `uri name`.

    Raises RosterRefused: `unsafe` for a DTD or absurd nesting, `corrupt` for what is not well-formed.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def doctype(*_: object) -> None:
        raise refusal("unsafe")

    def begin(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise refusal("unsafe")
        start(name.rpartition(" ")[2], attributes)

    def finish(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end:
            end(name.rpartition(" ")[2])

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    if text:
        parser.CharacterDataHandler = text
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, LookupError, UnicodeError) as error:  # LookupError: an encoding that nobody knows
        raise refusal("corrupt") from error


def parse(
    xml: bytes | Iterable[bytes], start: Callable[[str, Attributes], Any], end: Callable[[str], Any] | None = None
) -> None:
    """`reading`, to the end."""
    for _ in reading([xml] if isinstance(xml, bytes) else xml, start, end):
        pass


def refuse_malformed(chunks: Iterable[bytes]) -> None:
    """Raise RosterRefused `corrupt` for XML that is not well-formed, `unsafe` for a DTD; no element costs a call."""
    parser = expat.ParserCreate()

    def doctype(*_: object) -> None:
        raise refusal("unsafe")

    parser.StartDoctypeDeclHandler = doctype
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:
        raise refusal("corrupt") from error


def relationships(package: Package, of: str) -> list[tuple[str, str, str]]:
    """(id, the type's last word, the part's name) of every internal relationship of a part ('' = the package's)."""
    folder, _, name = of.rpartition("/")
    rels = f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"
    found: list[tuple[str, str, str]] = []

    def start(name: str, a: Attributes) -> None:
        if name == "Relationship" and a.get("TargetMode") != "External":
            target = unquote(a.get("Target", "").replace("\\", "/").partition("#")[0])
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found.append((a.get("Id", ""), a.get("Type", "").rpartition("/")[2].lower(), part))

    if rels in package:
        parse(package.read(rels, most=PART_BYTES), start)
    return found


def workbook(package: Package, limits: Limits) -> Workbook:
    """What the workbook says of itself. Raises RosterRefused: corrupt, no-sheet, too-many-sheets."""
    part = next((p for _, kind, p in relationships(package, "") if kind == "officedocument"), "xl/workbook.xml")
    if part not in package:
        raise refusal("corrupt")
    related = relationships(package, part)
    by_id = {id_: target for id_, _, target in related}
    not_cells = {id_ for id_, kind, _ in related if kind in ("chartsheet", "dialogsheet", "xlmacrosheet")}
    sheets: list[SheetPart] = []
    date1904 = False

    def start(name: str, a: Attributes) -> None:
        nonlocal date1904
        if name == "workbookPr":
            date1904 = a.get("date1904", "0") in ("1", "true", "on")
        elif name == "sheet":
            id_ = next((value for key, value in a.items() if key.endswith("relationships id") or key == "id"), "")
            if id_ not in not_cells:
                shown = a.get("state", "visible") == "visible"
                sheets.append(SheetPart(clean(a.get("name", ""), 255), shown, by_id.get(id_, "")))
                if len(sheets) > limits.sheets:
                    raise refusal("too-many-sheets")

    parse(package.read(part, most=PART_BYTES), start)
    present = tuple(sheet for sheet in sheets if sheet.part in package)
    if not present:
        raise refusal("corrupt" if sheets else "no-sheet")
    styles = next((p for _, kind, p in related if kind == "styles" and p in package), "")
    strings = next((p for _, kind, p in related if kind == "sharedstrings" and p in package), "")
    return Workbook(present, date1904, date_styles(package, styles) if styles else frozenset(), strings)


def date_styles(package: Package, part: str) -> frozenset[str]:
    """Indexes of the cell formats whose number format shows a date or a time of day."""
    dates = set(_DATE_IDS)
    found: set[str] = set()
    inside, index = False, 0

    def start(name: str, a: Attributes) -> None:
        nonlocal inside, index
        if name == "numFmt" and not inside:
            number = _whole(a.get("numFmtId", ""))
            (dates.add if is_date_format(a.get("formatCode", "")) else dates.discard)(number)
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            if _whole(a.get("numFmtId", "0")) in dates:
                found.add(str(index))
            index += 1

    def end(name: str) -> None:
        nonlocal inside
        if name == "cellXfs":
            inside = False

    parse(package.read(part, most=PART_BYTES), start, end)
    return frozenset(found)


def is_date_format(code: str) -> bool:
    """Whether a number format shows a point in time: not an amount of hours like `[h]:mm`, nor digits and literals."""
    first = code.partition(";")[0]
    return not _ELAPSED.search(first) and _DATE_CODE.search(_NOT_CODE.sub("", first)) is not None


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def unescape(text: str) -> str:
    """XML's entities, then Excel's own escapes (ECMA-376 22.9.2.19)."""
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    return unescape_excel(text)


def unescape_excel(text: str) -> str:
    """Excel's `_x000D_` for a character that XML cannot hold, and `_x005F_` for the underscore before such a text."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _entity(found: re.Match[str]) -> str:
    word = found[1]
    if word[0] != "#":
        return _NAMED.get(word, found[0])
    number = int(f"0{word[1:]}", 0) if word[1] == "x" else int(word[1:])
    return chr(number) if number < 0x110000 else ""


class RichText:
    """Collects one `<si>` or `<is>` from expat: its runs joined, without the phonetic ones. Text comes unescaped."""

    def __init__(self) -> None:
        self._runs: list[str] = []
        self._phonetic = 0
        self._inside = False

    def start(self, name: str) -> None:
        self._phonetic += name == "rPh"
        self._inside = name == "t" and not self._phonetic

    def end(self, name: str) -> None:
        self._phonetic -= name == "rPh"
        self._inside = False

    def text(self, text: str) -> None:
        if self._inside:
            self._runs.append(text)

    def take(self) -> str:
        joined = "".join(self._runs)
        self._runs.clear()
        return joined

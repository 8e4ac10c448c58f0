"""The tables of a sheet: its first one, those beside it, and what the operator said about their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from academyctl.roster._columns import NAME_LIKE, Layout, assign, in_order
from academyctl.roster._headers import HEADER_WITHIN, Head, Header, Heading, headers, title_above
from academyctl.roster._headwords import NAME_KINDS, PARENT, is_staff_list, kind_of, normal
from academyctl.roster._letters import index_of, letter
from academyctl.roster._phones import read_phone
from academyctl.roster._texts import refusal
from academyctl.roster._values import plain
from academyctl.roster.model import FIELDS, REQUIRED, Ask, Sheet, Value

_LETTER = re.compile(r"[A-Za-z]{1,3}")


@dataclass(frozen=True)
class Found:
    """A table. `left` and `right` (exclusive) bound it: another may stand beside it."""

    sheet: Sheet
    layout: Layout
    left: int = 0
    right: int = 16_384

    def is_clear(self) -> bool:
        return not any(field in self.layout.open for field in REQUIRED)


@dataclass(frozen=True)
class Told:
    """What the operator said of one field, made good for every table: the column's header text, and its place in the
    table that it was said of (`anchor`, by sheet and header row)."""

    field: str
    said: str
    text: str
    index: int
    anchor: tuple[str, int]


def tables_at(sheet: Sheet, head: Head, header: Header, remembered: Sequence[Mapping[str, str]]) -> list[Found]:
    """The table, or the tables side by side, below one header."""
    rows = head.below(header.row)
    blocks = _blocks(header)
    found = []
    for place, block in enumerate(blocks):
        left = block[0].index if place else 0
        right = blocks[place + 1][0].index if place + 1 < len(blocks) else 16_384
        outside = frozenset(index for index in range(head.width()) if not left <= index < right)
        layout = assign(replace(header, headings=block), rows, head.hidden | outside, remembered)
        found.append(Found(sheet, layout, left, right))
    return found


def _blocks(header: Header) -> list[tuple[Heading, ...]]:
    """The headings of each table side by side. Both must name their parent's phone: else they may be one student's."""
    for starts in (_repeats(header.headings), _after_gaps(header.headings)) if header.headings else ():
        blocks = [header.headings[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
        if len(blocks) > 1 and all(_is_whole(block) for block in blocks):
            return blocks
    return [header.headings]


def _repeats(headings: Sequence[Heading]) -> list[int]:
    return [place for place, one in enumerate(headings) if (one.own, one.group) == (headings[0].own, headings[0].group)]


def _after_gaps(headings: Sequence[Heading]) -> list[int]:
    return [place for place, one in enumerate(headings) if not place or one.index > headings[place - 1].index + 1]


def _is_whole(block: Sequence[Heading]) -> bool:
    kinds = [one.kind for one in block]
    return kinds.count(PARENT) == 1 and any(kind in NAME_KINDS for kind in kinds)


def first_tables(sheet: Sheet, head: Head, ask: Ask) -> list[Found]:
    """The sheet's first tables; none when no row of its head looks like a roster's header."""
    partial: list[Found] = []
    for header in headers(head):
        if header.of_staff or is_staff_list(sheet.name) or is_staff_list(header.title):
            continue
        found = tables_at(sheet, head, header, ask.remembered)
        if header.full:
            return found
        if not partial and _has_people(found[0], head):
            partial = found
    return partial


def _has_people(found: Found, head: Head) -> bool:
    """Whether students seem to stand below a header that lacks the name or the phone."""
    rows = head.below(found.layout.header.row)
    parent = found.layout.mapping.get("parent_phone")
    if parent is not None:
        return any(read_phone(row[parent]).flaw in ("", "short") for row in rows if parent < len(row))
    name = found.layout.mapping.get("name")
    return name is not None and sum(isinstance(row[name], str) for row in rows if name < len(row)) >= 2


def has_people(head: Head) -> bool:
    """Whether rows of a name and a mobile number stand in a head without a header that could be told."""
    return sum(
        any(isinstance(value, str) and NAME_LIKE.fullmatch(value.strip()) for value in values)
        and any(read_phone(value).flaw == "" for value in values)
        for _, values in head.rows
    ) >= 2  # fmt: skip


def by_word(sheet: Sheet, head: Head, ask: Ask) -> list[Found]:
    """The table of a sheet without a header that could be told, by the operator's columns alone."""
    width = head.width()
    columns = {field: index_of(text.upper()) for field, text in ask.mapping.items() if _is_letter(text, width)}
    wanted = {normal(text) for text in ask.mapping.values() if not _is_letter(text, width)}
    for number, values in head.rows:
        if wanted and number <= HEADER_WITHIN and wanted <= {normal(plain(value)) for value in values}:
            return tables_at(sheet, head, _header(head, number, values), ask.remembered)
    parent = columns.get("parent_phone", -1)
    for place, (number, values) in enumerate(head.rows):
        if 0 <= parent < len(values) and len(read_phone(values[parent]).digits) >= 7:
            row, texts_above = head.rows[place - 1] if place else (number - 1, [])
            is_header = all(
                index < len(texts_above) and isinstance(texts_above[index], str) for index in columns.values()
            )
            header = _header(head, row, texts_above) if is_header else Header(0, number - 1, ())
            return tables_at(sheet, head, header, ask.remembered)
    return []


def _header(head: Head, number: int, values: Sequence[Value]) -> Header:
    texts = {index: plain(value) for index, value in enumerate(values) if index not in head.hidden and plain(value)}
    headings = tuple(
        Heading(index, text, normal(text), "", kind_of(normal(text))) for index, text in texts.items()
    )  # fmt: skip
    return Header(number, number, headings, title_above(head.rows, number))


def told_columns(ask: Ask, tables: Sequence[Found]) -> list[Told]:
    """The operator's columns; a letter means the column of the first table that needs it, and in the other tables the
    column with the same header. Raises RosterRefused `bad-mapping` for what does not exist."""
    return [_told(field, said.strip(), tables) for field, said in ask.mapping.items()]


def _told(field: str, said: str, tables: Sequence[Found]) -> Told:
    if field not in FIELDS:
        raise refusal("bad-mapping", said=f"{field}={said}", exists=", ".join(FIELDS))
    anchor = next((one for one in tables if field in one.layout.open), tables[0])
    place = (anchor.sheet.name, anchor.layout.header.row)
    if _is_letter(said, anchor.layout.width):
        index = index_of(said.upper())
        return Told(field, said, normal(anchor.layout.text(index)), index, place)
    for one in (anchor, *tables):
        places = _with_text(one.layout, normal(said))
        if len(places) == 1:
            return Told(
                field, said, normal(one.layout.text(places[0])), places[0], (one.sheet.name, one.layout.header.row)
            )
    exists = [f"{letter(one.index)} {one.text}" for one in anchor.layout.header.headings]
    exists = exists or [letter(index) for index in range(anchor.layout.width)]
    raise refusal("bad-mapping", said=f"{field}={said}", exists=", ".join(exists[:40]))


def _with_text(layout: Layout, text: str) -> list[int]:
    headings = layout.header.headings
    whole = [one.index for one in headings if text and normal(one.text) == text]
    return whole or [one.index for one in headings if text and one.own == text]


def _is_letter(said: str, width: int) -> bool:
    """Whether it is the letter of a column in use; `HP` and `Tel` are headers, not columns 224 and 13,714."""
    return bool(_LETTER.fullmatch(said)) and index_of(said.upper()) < width


def with_told(found: Found, told: Sequence[Told]) -> Found:
    """The table with the operator's columns, which win over what its header says."""
    layout = found.layout
    chosen: dict[str, int] = {}
    for one in told:
        same = _with_text(layout, one.text)
        if (found.sheet.name, layout.header.row) == one.anchor:
            chosen[one.field] = one.index
        elif len(same) == 1:
            chosen[one.field] = same[0]
        elif not one.text and one.field in layout.open and one.index < layout.width:
            chosen[one.field] = one.index
    people = [chosen[field] for field in ("name", "parent_phone", "student_phone") if field in chosen]
    if len(set(people)) < len(people):
        said = ", ".join(f"{one.field}={one.said}" for one in told)
        raise refusal("bad-mapping", said=said, exists=", ".join(letter(index) for index in range(layout.width)))
    mapping = {field: index for field, index in layout.mapping.items() if index not in chosen.values()} | chosen
    still = {field: columns for field, columns in layout.open.items() if field not in mapping}
    lost = {field: () for field in REQUIRED if field not in mapping and field not in still}
    return replace(found, layout=replace(layout, mapping=in_order(mapping), open=still | lost))

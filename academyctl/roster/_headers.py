"""Where a sheet's tables begin: a header of one row, or of two with groups above (`학부모` over `성명 | 전화번호`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from academyctl.roster._headwords import (
    BLANK,
    NAME_KINDS,
    OTHER,
    PARENT,
    PHONE_KINDS,
    STUDENT,
    is_of_staff,
    kind_of,
    names_others,
    normal,
    tells,
)  # fmt: skip
from academyctl.roster._phones import masked, read_phone
from academyctl.roster._values import clean, is_blank, plain
from academyctl.roster.model import Merge, Sheet, Value

HEADER_WITHIN = 30
"""A sheet's first header stands in these rows."""
SAMPLE = 50
"""Rows below a header by which a column's content is judged."""
TITLE_WITHIN = 5
_HEADISH = re.compile(
    "이름|성명|성함|학생|수강생|원생|name|전화|연락처|폰|phone|hp|mobile|학부모|보호자|부모", re.IGNORECASE
)
Row = tuple[int, list[Value]]


@dataclass(frozen=True)
class Heading:
    """A column's head. `text` is what people read (group and own text), `own` and `group` are normal texts."""

    index: int
    text: str
    own: str
    group: str
    kind: str
    echo: bool = False
    """Not the first column of a merged header: it may be only space."""


@dataclass(frozen=True)
class Header:
    """`top` and `row`: Excel's numbers of its first and last row (0 = there is none). `full`: a name and a phone."""

    top: int
    row: int
    headings: tuple[Heading, ...]
    title: str = ""
    full: bool = False
    of_staff: bool = False
    hides_parent: bool = False
    """A hidden column is headed as the parent's phone: a visible one without an owner may be the student's then."""


@dataclass(frozen=True)
class Head:
    """The rows at the top of a sheet, or from some body row on, with what merges cover there."""

    rows: tuple[Row, ...]
    merges: tuple[Merge, ...]
    hidden: frozenset[int]

    def width(self) -> int:
        """One more than the last column with a value."""
        return max((len(values) for _, values in self.rows), default=0)

    def below(self, row: int) -> list[list[Value]]:
        """The sample: what stands below a header's row, up to the next header."""
        sample: list[list[Value]] = []
        for place, (number, values) in enumerate(self.rows):
            if number <= row:
                continue
            if len(sample) == SAMPLE or (may_head(values) and first_header(self, place) is not None):
                break
            sample.append(values)
        return sample


def head_of(sheet: Sheet) -> Head:
    """The look at a sheet's top that decides where its first table begins."""
    last = HEADER_WITHIN + SAMPLE
    rows = tuple(takewhile(lambda row: row[0] <= last, sheet.rows()))
    return Head(rows, tuple(one for one in sheet.merged if one.top <= last), sheet.hidden_columns)


def headers(head: Head, within: int = HEADER_WITHIN) -> Iterator[Header]:
    """Every row that could be a header, from the top: full ones first, then those with a name or a phone alone."""
    partial = []
    for place, (number, values) in enumerate(head.rows):
        if number > within:
            break
        for found in (_two_rows(head, place), _one_row(head, number, values)):
            if found is None:
                continue
            if found.full:
                yield found
                break
            partial.append(found)
    yield from partial


def may_head(values: Iterable[Value]) -> bool:
    """A quick look before `first_header`: two texts at least, and a word that headers have."""
    texts = [value for value in values if isinstance(value, str) and len(value) <= 60]
    return len(texts) > 1 and bool(_HEADISH.search("".join("|".join(texts).split())))


def first_header(head: Head, place: int = 0) -> Header | None:
    """The full header that begins exactly at the head's row `place`, if there is one; also that of a staff's list."""
    found = _two_rows(head, place)
    if found is not None and found.full:
        return found
    found = _one_row(head, *head.rows[place])
    if found is None or found.full:
        return found
    return replace(found, of_staff=True) if _is_of_others(found) else None


def _is_of_others(header: Header) -> bool:
    """Whether names and phones of other people stand below: what follows must not pass for students."""
    kinds = {one.kind for one in header.headings}
    return (
        not kinds & NAME_KINDS and bool(kinds & PHONE_KINDS) and any(names_others(one.own) for one in header.headings)
    )


def _one_row(head: Head, number: int, values: list[Value]) -> Header | None:
    if any(_is_data(value) for value in values):
        return None
    texts = {index: (text, "") for index, text in _texts(head, values).items()}
    header = _header(head, number, number, texts)
    return None if header is None else replace(header, headings=_with_echoes(head, number - 1, header.headings))


def _with_echoes(head: Head, line: int, headings: tuple[Heading, ...]) -> tuple[Heading, ...]:
    """A heading merged over several columns stands above each of them."""
    merged = {one.left: one.right for one in head.merges if one.top <= line <= one.bottom}
    both = [
        replace(one, index=index, echo=index > one.index)
        for one in headings
        for index in range(one.index, max(merged.get(one.index, 0), one.index) + 1)
        if index not in head.hidden
    ]
    return tuple(sorted(both, key=lambda one: one.index))


def _two_rows(head: Head, place: int) -> Header | None:
    """Rows `place` and the next as one header: groups above, headings below, or a heading that spans both."""
    if place + 1 >= len(head.rows):
        return None
    (above, upper_values), (number, lower_values) = head.rows[place : place + 2]
    if number != above + 1 or any(map(_is_data, [*upper_values, *lower_values])):
        return None
    upper, lower = _headings_only(_texts(head, upper_values)), _texts(head, lower_values)
    if not any(tells(normal(text)) for text in lower.values()) or not any(
        tells(normal(text)) for text in upper.values()
    ):
        return None
    groups = _groups(head, above - 1, upper, lower)
    both = {index: (text, groups.get(index, "")) for index, text in lower.items()}
    both |= {index: (text, "") for index, text in upper.items() if index not in lower and index not in groups}
    return _header(head, above, number, both) if groups or len(both) > len(lower) else None


def _headings_only(texts: Mapping[int, str]) -> dict[int, str]:
    return {index: text for index, text in texts.items() if kind_of(normal(text)) != OTHER or len(normal(text)) <= 8}


def _groups(head: Head, line: int, upper: Mapping[int, str], lower: Mapping[int, str]) -> dict[int, str]:
    """Column -> the group above it: by merges, else to the right as long as nothing else stands above."""
    spread: dict[int, tuple[str, int, int]] = {}
    merged = {one.left: one.right for one in head.merges if one.top <= line <= one.bottom and one.right > one.left}
    end = max(lower)
    for index, text in upper.items():
        right = merged.get(index)
        if right is None:
            right = index
            while index in lower and right < end and right + 1 not in upper and right + 1 in lower:
                right += 1
        for covered in range(index, right + 1):
            spread[covered] = (text, index, right)
    # One text over the whole table is its title, not a group of it.
    columns = {*upper, *lower}
    first, last = min(columns), max(columns)
    return {
        index: text
        for index, (text, left, right) in spread.items()
        if index in lower and not left <= first < last <= right
    }


def _header(head: Head, top: int, number: int, texts: Mapping[int, tuple[str, str]]) -> Header | None:
    headings = tuple(
        Heading(
            index,
            f"{clean(group)} {clean(text)}".strip(),
            normal(text),
            normal(group),
            kind_of(normal(text), normal(group)),
        )
        for index, (text, group) in sorted(texts.items())
    )
    kinds = {heading.kind for heading in headings}
    names, phones = bool(kinds & NAME_KINDS), bool(kinds & PHONE_KINDS)
    if not (names or phones) or not kinds - {OTHER, BLANK} or len(headings) < 2:
        return None
    # `학생 | 학부모` alone may head anything; one of the two must be said in full.
    sure = bool(kinds - {"student-bare"} & NAME_KINDS) or bool(kinds & {PARENT, STUDENT})
    hides = any(
        kind_of(normal(plain(values[index]))) == PARENT
        for row, values in head.rows if top <= row <= number
        for index in head.hidden if index < len(values)
    )  # fmt: skip
    staff = any(is_of_staff(heading.own) for heading in headings)
    return Header(top, number, headings, title_above(head.rows, top), names and phones and sure, staff, hides)


def _texts(head: Head, values: Iterable[Value]) -> dict[int, str]:
    return {
        index: plain(value)
        for index, value in enumerate(values)
        if index not in head.hidden and not is_blank(value) and plain(value)
    }


def _is_data(value: Value) -> bool:
    """Whether a cell holds a phone number: then its row is no header."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return value > 9_999_999
    return isinstance(value, str) and value[:1] in "0+1８０１8" and len(read_phone(value).digits) >= 9


def title_above(rows: Iterable[Row], top: int) -> str:
    """contract 5.4.10: the first text of 4..120 characters, not all digits, in the first 5 rows above a header."""
    above = [values for number, values in rows if number < top][:TITLE_WITHIN]
    texts = (clean(value) for values in above for value in values if isinstance(value, str))
    return next(
        (text for text in texts if 4 <= len(text) <= 120 and not text.isdigit() and masked(text, 120) == text), ""
    )

"""Cells that repeat from row to row (school, grade, gender, class, major): what they come to is worked out once."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from operator import itemgetter
from typing import NamedTuple

from academyctl.roster._filters import may_mark_example
from academyctl.roster._spool import NULL, escaped
from academyctl.roster._values import SCHOOL_CHARS, class_text, gender, plain, school_and_grade
from academyctl.roster.model import CellError, Value

CLASS_CHARS, MAJOR_CHARS = 100, 50
_KEPT, _KEPT_CHARS = 5_000, 60


def is_worth_keeping(value: Value, kept: Sized) -> bool:
    """Whether to remember what a value came to: memory stays bounded whatever a file holds."""
    return len(kept) < _KEPT and (not isinstance(value, str) or len(value) <= _KEPT_CHARS)


class Known(NamedTuple):
    """What the cells that repeat from row to row come to."""

    written: str
    """In the spool: school to major."""
    warnings: tuple[tuple[str, str, str], ...]
    """(field, code, what the text names)."""
    odd: bool
    """One of the cells is an error or may mark an example."""


class Repeats:
    """The cells at `places` (school, grade) and at `rest` (gender, class, major) of every row."""

    def __init__(self, places: tuple[int, int], rest: tuple[int, int, int]) -> None:
        self._place_of, self._rest_of = itemgetter(*places), itemgetter(*rest)
        self._kept: dict[Sequence[Value], Known] = {}

    def of(self, cells: Sequence[Value]) -> tuple[Known, Known]:
        """What the row's school and grade come to, and its other cells."""
        place, rest = self._place_of(cells), self._rest_of(cells)
        at_school, others = self._kept.get(place), self._kept.get(rest)
        if at_school is None or others is None:
            at_school, others = _school(*place), _others(*rest)
            if all(is_worth_keeping(cell, self._kept) for cell in (*place, *rest)):
                self._kept[place], self._kept[rest] = at_school, others
        return at_school, others


def _school(school_cell: Value, grade_cell: Value) -> Known:
    """The spool's school, grade and school_type."""
    at = school_and_grade(school_cell, grade_cell)
    warnings = [(field, code, str(SCHOOL_CHARS if code == "text-cut" else at.grade)) for field, code in at.warnings]
    texts = (escaped(at.name), NULL if at.grade is None else str(at.grade), at.kind)
    return Known("\t".join(texts), tuple(warnings), _is_odd(school_cell, grade_cell))


def _others(sex_cell: Value, class_cell: Value, major_cell: Value) -> Known:
    """The spool's gender, school_class and major."""
    sex, unknown = gender(sex_cell)
    room, was_date = class_text(class_cell)
    track = plain(major_cell)
    warnings = [("gender", unknown, "")] if unknown else []
    if was_date:
        warnings.append(("school_class", was_date, room))
    for field, text, most in (("school_class", room, CLASS_CHARS), ("major", track, MAJOR_CHARS)):
        if len(text) > most:
            warnings.append((field, "text-cut", str(most)))
    texts = (escaped(sex), escaped(room[:CLASS_CHARS]), escaped(track[:MAJOR_CHARS]))
    return Known("\t".join(texts), tuple(warnings), _is_odd(sex_cell, class_cell, major_cell))


def _is_odd(*cells: Value) -> bool:
    return any(isinstance(cell, CellError) or may_mark_example(cell) for cell in cells)

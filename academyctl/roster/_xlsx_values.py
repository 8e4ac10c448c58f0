"""What a cell's XML says as a value: numbers, dates of both systems, texts, errors; and where in its row it stands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from academyctl.roster._letters import letter
from academyctl.roster._refusals import refusal
from academyctl.roster._text import clean
from academyctl.roster.model import CellError, Limits, Value

_EPOCH_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 (a workbook knows no time zone)
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_DAY_MS = 86_400_000
_EXACT = 10**15
FORMULA_SHOWN = 80

Cell = tuple[str, str, str, str, str, str, str, str]
"""Of one `<c>`: column letters, style, type, the style if it came after the type, a mark that there is a formula,
the formula, the value, the inline text; all unescaped, '' = absent."""


def number(text: str) -> Value:
    """An int when it is integral, else a float; CellError for what is no number."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return CellError(text[:FORMULA_SHOWN])
    if not math.isfinite(value):
        return CellError("#NUM!")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def moment(serial: float, date1904: bool) -> Value:
    """The point in time of a serial number: a time below one day, else a datetime; the number itself out of range."""
    day, fraction = divmod(serial, 1)
    rest = timedelta(milliseconds=round(fraction * _DAY_MS))
    if 0 <= serial < 1 and not rest.days:
        return (_EPOCH_1900 + rest).time()
    if 0 < serial < 60 and not date1904:  # before the 29 February 1900 that Lotus invented and Excel kept
        day += 1
    try:
        return (_EPOCH_1904 if date1904 else _EPOCH_1900) + timedelta(days=day) + rest
    except OverflowError:
        return serial


def iso_moment(text: str) -> Value:
    """The value of a `t="d"` cell (ISO 8601), as text if it is none."""
    for kind in (datetime, time):
        try:
            return kind.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            continue
    return text or None


@dataclass(frozen=True)
class Cells:
    """What turns a row's cells into values: the workbook's strings and date styles, and the bounds."""

    limits: Limits
    strings: list[str]
    date_styles: frozenset[str]
    date1904: bool
    names: list[str]
    """Excel's letters of every column that is read, then one ''."""
    index: dict[str, int]

    def row(self, found: Iterable[Cell]) -> list[Value]:
        """The values of one row. Raises RosterRefused: too-many-columns, or corrupt for a string that is not there."""
        out: list[Value] = []
        i, strings, dates, names, columns = 0, self.strings, self.date_styles, self.names, self.limits.columns
        for col, style, kind, late_style, mark, formula, text, inline in found:
            if col != names[i] and col:
                i = self.index.get(col, columns)
            if i >= columns:
                if text or inline:
                    raise refusal("too-many-columns")
                i = columns
                continue
            value: Value
            if kind == "s" and text:
                try:
                    value = strings[int(text)] or None
                except (ValueError, IndexError) as error:
                    raise refusal("corrupt") from error
            elif not (text or inline or mark):
                i += 1
                continue
            elif text and (kind == "" or kind == "n") and (style or late_style) not in dates:
                value = int(text) if len(text) < 16 and text.isdecimal() else number(text.strip())
            else:
                value = self._value(style or late_style, kind, mark and "=" + formula, text, inline)
            if value is not None:
                gap = i - len(out)
                if gap < 0:
                    out[i] = value
                else:
                    if gap:
                        out.extend([None] * gap)
                    out.append(value)
            i += 1
        return out

    def _value(self, style: str, kind: str, formula: str, text: str, inline: str) -> Value:
        if kind == "inlineStr" or inline:
            return clean(inline, self.limits.text_chars) or None
        if kind == "str":
            return clean(text, self.limits.text_chars) or None
        if not text:
            return CellError(clean(formula, FORMULA_SHOWN)) if formula else None
        if kind == "b":
            return text.strip() in ("1", "true")
        if kind == "e":
            return CellError(clean(text, FORMULA_SHOWN))
        if kind == "d":
            return iso_moment(clean(text.strip(), FORMULA_SHOWN))
        value = number(text.strip())
        return moment(value, self.date1904) if style in self.date_styles and isinstance(value, int | float) else value


def cells(limits: Limits, strings: list[str], date_styles: frozenset[str], date1904: bool) -> Cells:
    names = [letter(i) for i in range(limits.columns)]
    index = {name: i for i, name in enumerate(names)}
    return Cells(limits, strings, date_styles, date1904, [*names, ""], index)

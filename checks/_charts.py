"""Bars and lines as inline SVG. Words stand beside them in HTML, where they wrap and keep their size on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple


class Bar(NamedTuple):
    """One part of a bar; `kind` is a class of the style sheet."""

    kind: str
    value: float
    label: str


class Row(NamedTuple):
    """A bar of parts. `limit` is the value at the track's end, `tick` a mark on it, `notes` are told and not drawn."""

    name: str
    parts: tuple[Bar, ...]
    limit: float = 0
    tick: tuple[str, float] | None = None
    notes: tuple[tuple[str, float], ...] = ()


class Series(NamedTuple):
    """Values over time, oldest first; `at` is ISO 8601."""

    name: str
    points: tuple[tuple[str, float], ...]


class Event(NamedTuple):
    """Something that happened once, `age_s` seconds ago."""

    age_s: float
    bad: bool
    text: str


_W, _H = 1000, 14
_LINE_H = 160
_GAP = 3


def bars(rows: Sequence[Row]) -> str:
    """Rows on one scale, so that they can be compared by eye; a row with a limit has its own."""
    top = max([1.0, *(sum(part.value for part in row.parts) for row in rows)])
    return "\n".join(_row(row, max(1.0, row.limit) if row.limit else top) for row in rows)


def lines(series: Series, latest: str, highest: str) -> str:
    """One series with its first and last time; `latest` and `highest` are sentences that say the values."""
    times = [datetime.fromisoformat(at).timestamp() for at, _ in series.points]
    values = [value for _, value in series.points]
    first, span, top = times[0], max(times[-1] - times[0], 1.0), max([*values, 1.0])
    dots = [
        (round((at - first) / span * _W, 1), round(_LINE_H - 6 - value / top * (_LINE_H - 16), 1))
        for at, value in zip(times, values, strict=True)
    ]
    path = "M" + " L".join(f"{x} {y}" for x, y in dots)
    area = f"{path} L{dots[-1][0]} {_LINE_H} L{dots[0][0]} {_LINE_H} Z"
    said = f"{series.name}: {latest}, {highest}"
    return (
        f'<figure class="line"><figcaption><b>{escape(series.name)}</b><span>{escape(latest)}'
        f"<small>{escape(highest)}</small></span></figcaption>"
        f'<svg viewBox="0 0 {_W} {_LINE_H}" preserveAspectRatio="none" role="img" aria-label="{escape(said)}">'
        f'<path class="area" d="{area}"/><path class="stroke" d="{path}"/></svg>'
        f'<div class="axis"><time>{_clock(series.points[0][0])}</time>'
        f"<time>{_clock(series.points[-1][0])}</time></div></figure>"
    )


def strip(name: str, events: Sequence[Event], oldest: str, now: str) -> str:
    """When each event happened, from `oldest` to `now`: words for the two ends."""
    span = max([1.0, *(one.age_s for one in events)])
    marks = ""
    for one in events:
        x = round(_W - one.age_s / span * (_W - 8) - 4, 1)
        kind = "bad" if one.bad else "good"
        marks += f'<line class="event {kind}" x1="{x}" x2="{x}" y1="3" y2="21"><title>{escape(one.text)}</title></line>'
    bad = sum(one.bad for one in events)
    said = f"{name}: {len(events)}, {bad} failed; {events[-1].text}"
    return (
        f'<figure class="line strip"><figcaption><code>{escape(name)}</code><span>{escape(events[-1].text)}</span>'
        f'</figcaption><svg viewBox="0 0 {_W} 24" preserveAspectRatio="none" role="img" aria-label="{escape(said)}">'
        f'<line class="base" x1="0" x2="{_W}" y1="12" y2="12"/>{marks}</svg>'
        f'<div class="axis"><span>{escape(oldest)}</span><span>{escape(now)}</span></div></figure>'
    )


def _row(row: Row, top: float) -> str:
    told = [*((part.label, part.value) for part in row.parts), *([row.tick] if row.tick else []), *row.notes]
    said = ", ".join(f"{label} {value:g}" for label, value in told)
    x, drawn = 0.0, f'<rect class="track" width="{_W}" height="{_H}" rx="3"/>'
    for part in row.parts:
        # A single message beside thousands must still be seen.
        width = max(part.value / top * _W, _GAP * 3) if part.value else 0.0
        if width:
            drawn += (
                f'<rect class="{part.kind}" x="{x:.1f}" width="{min(width, _W - x) - _GAP:.1f}" height="{_H}" rx="3"/>'
            )
            x = min(x + width, _W - _GAP * 3)
    if row.tick:
        at = min(max(row.tick[1] / top * _W, 1), _W - 1)
        drawn += f'<line class="tick" x1="{at:.1f}" x2="{at:.1f}" y1="-3" y2="{_H + 3}"/>'
    values = "".join(f'<span><i class="{part.kind}"></i>{_value(part.label, part.value)}</span>' for part in row.parts)
    values += "".join(f"<span>{_value(label, value)}</span>" for label, value in told[len(row.parts) :])
    return (
        f'<figure class="bar"><figcaption><code>{escape(row.name)}</code><span class="values">{values}</span>'
        f'</figcaption><svg viewBox="0 -3 {_W} {_H + 6}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(f"{row.name}: {said}")}">{drawn}</svg></figure>'
    )


def _value(label: str, value: float) -> str:
    return f"{escape(label)} <b>{value:g}</b>"


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%m-%d %H:%M")

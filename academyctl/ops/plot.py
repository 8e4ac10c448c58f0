"""Bars for a terminal (any encoding: ASCII only) and for a page (SVG), without a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_COLOURS = ("#2a6f97", "#e07a5f")
_ROW, _LABEL, _WIDE, _NUMBER, _TOP = 22, 190, 360, 90, 34


@dataclass(frozen=True)
class Chart:
    """One value a name; `told` writes a value for people."""

    title: str
    values: Sequence[tuple[str, float]]
    told: Callable[[float], str]


def bars(chart: Chart, *, width: int = 78) -> str:
    """Horizontal bars of '#', the longest as wide as there is room; what is not nothing has one."""
    names = max((len(name) for name, _ in chart.values), default=0)
    numbers = max((len(chart.told(value)) for _, value in chart.values), default=0)
    room = max(10, width - names - numbers - 4)
    most = max((value for _, value in chart.values), default=0.0) or 1.0
    lines = [chart.title]
    for name, value in chart.values:
        bar = "#" * max(round(value / most * room), 1 if value > 0 else 0)
        lines.append(f"{name:<{names}}  {chart.told(value):>{numbers}}  {bar}".rstrip())
    return "\n".join(lines)


def svg(title: str, charts: Sequence[Chart]) -> str:
    """The charts side by side, each name on one line."""
    rows = max((len(chart.values) for chart in charts), default=0)
    wide = _LABEL + len(charts) * (_WIDE + _NUMBER)
    high = _TOP * 2 + rows * _ROW + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<text x="8" y="22" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, _) in enumerate(charts[0].values if charts else ()):
        parts.append(f'<text x="8" y="{_TOP * 2 + number * _ROW + 14}">{escape(name)}</text>')
    for column, chart in enumerate(charts):
        left = _LABEL + column * (_WIDE + _NUMBER)
        most = max((value for _, value in chart.values), default=0.0) or 1.0
        parts.append(f'<text x="{left}" y="{_TOP + 24}" font-weight="bold">{escape(chart.title)}</text>')
        for number, (_, value) in enumerate(chart.values):
            top, long = _TOP * 2 + number * _ROW, value / most * (_WIDE - 10)
            colour = _COLOURS[column % len(_COLOURS)]
            parts.append(f'<rect x="{left}" y="{top}" width="{long:.1f}" height="{_ROW - 6}" fill="{colour}"/>')
            parts.append(f'<text x="{left + long + 5:.1f}" y="{top + 14}">{escape(chart.told(value))}</text>')
    return "\n".join([*parts, "</svg>", ""])

"""A diagnosis again and again: until all is well, or to tell what changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from checks._diff import Change, What, compare
from checks._report_words import Report

Look = Callable[[], Report]
Pause = Callable[[], bool]
"""Wait until the next look; False when there is no time left for one."""


def until_well(look: Look, pause: Pause, tell: Callable[[Report], None]) -> Report:
    """Look until the exit code is 0 or the time is up; the last report. `tell` hears of each that is not well."""
    while True:
        report = look()
        if report.exit_code == 0:
            return report
        tell(report)
        if not pause():
            return report


class Round(NamedTuple):
    """One look: its report and what is new since the one before; the first has no changes."""

    report: Report
    changes: tuple[Change, ...]


def rounds(look: Look, pause: Pause) -> Iterator[Round]:
    """Look until the time is up.

    Values alone are no change: a depth or an age differs at every look, and a screen full of numbers hides the one
    line that matters.
    """
    last = look()
    yield Round(last, ())
    while pause():
        report = look()
        found = compare(last.diagnosis, report.diagnosis).changes
        yield Round(report, tuple(one for one in found if one.what is not What.values))
        last = report

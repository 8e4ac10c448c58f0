"""Looking again: until all is well, or to tell what changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checks._report import Report
from checks._watch import rounds, until_well
from tests.checks import facts as f
from tests.checks import said
from tests.checks.said import SHOWN

ALWAYS: Callable[[], bool] = lambda: True  # noqa: E731 - a pause that takes no time


def looks(*facts: dict[str, Any]) -> Callable[[], Report]:
    """One report after the other."""
    left = [said.base(one) for one in facts]
    return lambda: left.pop(0)


def times(count: int) -> Callable[[], bool]:
    """A pause that leaves time for so many more looks."""
    left = [True] * count
    return lambda: bool(left) and left.pop()


def test_waiting_ends_with_the_first_report_that_is_well() -> None:
    told: list[Report] = []
    report = until_well(looks(SHOWN["bad-key"], SHOWN["silent"], SHOWN["healthy"]), ALWAYS, told.append)
    assert report.exit_code == 0
    assert [one.exit_code for one in told] == [1, 3]


def test_warnings_are_well_enough_unless_they_were_asked_to_count() -> None:
    assert until_well(looks(SHOWN["dead-letters"]), ALWAYS, lambda _report: None).exit_code == 0
    strict = said.base(SHOWN["dead-letters"], fail_on_warn=True)
    assert until_well(lambda: strict, times(2), lambda _report: None).exit_code == 4


def test_waiting_ends_when_the_time_does_with_what_was_seen_last() -> None:
    report = until_well(looks(SHOWN["bad-key"], SHOWN["silent"]), times(1), lambda _report: None)
    assert report.exit_code == 3


def test_watching_tells_changes_and_is_silent_while_there_are_none() -> None:
    seen = list(rounds(looks({}, {}, SHOWN["dead-letters"], SHOWN["dead-letters"], {}), times(4)))
    told = [[(str(change.what), change.key) for change in one.changes] for one in seen]
    dead = "sqs.dead-letters=academy-video-jobs-dlq"
    assert told == [[], [], [("new", dead)], [], [("gone", dead)]]


@pytest.mark.parametrize("depth", [5, 500])
def test_a_number_that_moves_is_no_change(depth: int) -> None:
    busy = f.queue("video", box=f.box("academy-video-jobs", visible=depth, in_flight=1))
    assert [one.changes for one in rounds(looks({}, {"sqs": busy}), times(1))] == [(), ()]

"""The policies over a thousand seeded states: never lower what is busy, never leave the bounds, hold when unread."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from academyctl.ops import policy
from academyctl.ops.policy import Bounds, Depth


def states(count: int = 1000) -> Iterator[tuple[Depth, int, Bounds, int, int]]:
    """(depth, desired, bounds, messages per worker, busy instances)."""
    rng = random.Random(20261121)
    for _ in range(count):
        least = rng.choice((0, 0, 1, 2))
        most = least + rng.choice((0, 1, 5, 20))
        depth = Depth(rng.choice((0, 0, 1, 7, 300)), rng.choice((0, 0, 1, 9)), rng.choice((0, 0, 3)))
        desired = rng.randint(least, most)
        yield depth, desired, Bounds(least, most), rng.choice((1, 1, 2, 20)), rng.randint(0, desired)


def test_nothing_leaves_the_bounds_and_only_an_empty_queue_lowers() -> None:
    seen = set()
    for depth, desired, bounds, per_worker, busy in states():
        out = policy.outstanding(depth, desired, bounds, per_worker=per_worker)
        rule = policy.lambda_rule(depth, desired, bounds, per_worker=per_worker, busy=busy)
        assert out.desired >= desired
        for one in (out, rule):
            assert bounds.min <= one.desired <= bounds.max
            assert (one.action, one.desired == desired) in {("raise", False), ("lower", False), ("hold", True)}
            seen.add(one.action)
        if rule.action == policy.LOWER:
            assert depth.outstanding == 0
            assert rule.desired >= min(bounds.max, busy)
        # Twice at the same state is once: a run that is repeated changes nothing more.
        assert policy.outstanding(depth, out.desired, bounds, per_worker=per_worker).action == policy.HOLD
        assert policy.lambda_rule(depth, rule.desired, bounds, per_worker=per_worker, busy=busy).action == policy.HOLD
    assert seen == {"raise", "lower", "hold"}


def test_an_unread_queue_holds_whatever_the_state() -> None:
    for _, desired, bounds, per_worker, busy in states(200):
        for one in (
            policy.outstanding(None, desired, bounds, per_worker=per_worker),
            policy.lambda_rule(None, desired, bounds, per_worker=per_worker, busy=busy),
        ):
            assert (one.desired, one.action, one.why) == (desired, policy.HOLD, "unread")


def test_a_desired_capacity_above_the_maximum_is_left() -> None:
    assert policy.outstanding(Depth(50, 0), 9, Bounds(0, 5)).desired == 9


@pytest.mark.parametrize(
    ("depth", "up", "stopped", "most", "cooling", "expected"),
    [
        (None, 0, 3, 3, False, (0, "unread")),
        (Depth(0, 4), 0, 3, 3, False, (0, "desired_zero")),
        (Depth(2, 0), 1, 0, 1, False, (0, "non_stopped_exists")),
        (Depth(2, 0), 0, 3, 3, True, (0, "cooldown")),
        (Depth(2, 0), 1, 0, 3, False, (0, "no_stopped")),
        # The older function never started a second one while the first ran.
        (Depth(2, 1), 1, 3, 3, False, (2, "visible=2 in_flight=1")),
        (Depth(9, 0), 0, 2, 3, False, (2, "visible=9 in_flight=0")),
        (Depth(1, 0), 0, 2, 3, False, (1, "visible=1 in_flight=0")),
    ],
)
def test_stopped_instances_are_started_for_what_waits(
    depth: Depth | None, up: int, stopped: int, most: int, cooling: bool, expected: tuple[int, str]
) -> None:
    assert policy.start_stopped(depth, up=up, stopped=stopped, most=most, cooling=cooling) == expected

"""The policies' decisions: ten thousand seeded states against a reference, and what none may make them do."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from academyctl.ops.policy import HOLD, LOWER, RAISE, Bounds, Decision, Depth, fixed, lambda_rule, outstanding
from academyctl.ops.scalers import Ours

STATES = 10_000
Seen = tuple[int, int, int] | None
State = tuple[Seen, int, int, int, int]
"""((visible, in flight, delayed) or unread, desired, minimum, maximum, messages per worker)"""


def states() -> Iterator[State]:
    rng = random.Random(20260221)
    for _ in range(STATES):
        least = rng.choice((0, 0, 1, 1, 2, rng.randrange(10)))
        most = least + rng.choice((0, 1, 5, 20, rng.randrange(50)))
        # Also sizes that somebody set by hand, outside the bounds.
        desired = rng.choice((least, most, rng.randint(least, most), rng.randrange(60)))
        counts = tuple(rng.choice((0, 0, 1, rng.randrange(8), rng.randrange(400))) for _ in range(3))
        seen = None if rng.random() < 0.1 else (counts[0], counts[1], counts[2])
        yield seen, desired, least, most, rng.choice((1, 1, 1, 2, 3, 20))


def reference_outstanding(seen: Seen, desired: int, least: int, most: int, per_worker: int) -> int:
    """want = clamp(MIN, MAX, ceil((visible + in flight + delayed) / per worker)); raise only; unread holds."""
    if seen is None:
        return desired
    left, want = sum(seen), 0
    while left > 0:
        left, want = left - per_worker, want + 1
    want = least if want < least else min(want, most)
    return max(desired, want)


def depth(seen: Seen) -> Depth | None:
    return None if seen is None else Depth(*seen)


def test_outstanding_is_the_reference_in_ten_thousand_states() -> None:
    raised = held = 0
    for seen, desired, least, most, per_worker in states():
        made = outstanding(depth(seen), desired, Bounds(least, most), per_worker=per_worker)
        assert made.desired == reference_outstanding(seen, desired, least, most, per_worker), (
            seen,
            desired,
            least,
            most,
        )
        assert made.action == (RAISE if made.desired > desired else HOLD)
        raised, held = raised + (made.action == RAISE), held + (made.action == HOLD)
        simulated = Ours(outstanding, per_worker).decide(depth(seen) or Depth(0, 0), desired, 0, Bounds(least, most))
        assert seen is None or simulated == made.desired
    assert raised > 1000, "the states hardly ever ask for more"
    assert held > 1000


@pytest.mark.parametrize("rule", [outstanding, lambda_rule])
def test_no_policy_lowers_while_busy_leaves_the_bounds_or_acts_unread(rule: object) -> None:
    assert callable(rule)
    lowered = 0
    for seen, desired, least, most, per_worker in states():
        made: Decision = rule(depth(seen), desired, Bounds(least, most), per_worker=per_worker)
        if seen is None:
            assert (made.desired, made.action) == (desired, HOLD)
        elif sum(seen):
            assert made.desired >= desired, "lowered while busy"
        # What it sets is within the bounds; what it leaves alone was somebody's choice.
        assert made.desired == desired or least <= made.desired <= most
        assert (made.desired > desired, made.desired < desired) == (made.action == RAISE, made.action == LOWER)
        lowered += made.action == LOWER
    assert (lowered > 0) == (rule is lambda_rule)


def test_lambda_rule_keeps_what_says_that_it_works_when_the_queue_is_empty() -> None:
    for _, desired, least, most, _ in states():
        for busy in (0, 1, most):
            made = lambda_rule(Depth(0, 0), desired, Bounds(least, most), busy=busy)
            assert made.desired == min(most, max(least, busy))


def test_fixed_is_the_size_within_the_bounds() -> None:
    for _, desired, least, most, size in states():
        assert fixed(desired, size, Bounds(least, most)).desired == sorted((least, size, most))[1]

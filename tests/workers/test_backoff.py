"""How long the runtime waits."""

from __future__ import annotations

import random

import pytest

from tests.workers.test_inflight import Hands
from workers._backoff import Outage, job_retry_s


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (99, 900)])
def test_a_failed_job_waits_between_one_second_and_a_doubling_ceiling_of_fifteen_minutes(
    attempt: int, ceiling: float
) -> None:
    rng = random.Random(1)
    waits = [job_retry_s(attempt, rng) for _ in range(2000)]
    assert 1 <= min(waits) <= max(waits) <= ceiling
    assert max(waits) > ceiling * 0.95, "full jitter uses the whole range"


def test_an_outage_is_asked_after_within_a_quarter_of_its_length_and_each_minute_at_least() -> None:
    clock = Hands()
    outage = Outage(clock, random.Random(1))
    calls, begun = 0, clock.now
    while clock.now - begun < 8:
        clock.now += outage.failed()
        calls += 1
    assert calls <= 9
    assert clock.now - begun < 8 + 3
    for _ in range(200):
        wait = outage.failed()
        assert 1 <= wait <= 60
        clock.now += wait
    assert wait > 40


def test_after_an_outage_the_next_one_starts_anew() -> None:
    clock = Hands()
    outage = Outage(clock, random.Random(1))
    outage.failed()
    clock.now += 600
    assert outage.failed() > 10
    assert outage.over() == 600
    assert not outage.away
    assert outage.failed() < 2

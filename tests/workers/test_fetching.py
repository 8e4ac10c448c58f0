"""How many calls fetch at a time: several while there is more, one where there is little or jobs are taken singly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import eventually
from tests.strict_sqs import StrictSqs
from tests.workers.rig import QUEUE, Rig, Seen, body, make_worker
from workers._model import Done, Worker
from workers._poller import HELPERS


class Slow(StrictSqs):
    """Answers a receive after 10 ms, and knows how many were under way at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.counting = threading.Lock()
        self.together = self.most = 0

    def answer(self, op: str, data: dict[str, Any]) -> dict[str, Any]:
        if op != "ReceiveMessage":
            return super().answer(op, data)
        with self.counting:
            self.together += 1
            self.most = max(self.most, self.together)
        try:
            time.sleep(0.01)
            return super().answer(op, data)
        finally:
            with self.counting:
                self.together -= 1


@pytest.fixture
def slow(rig: Rig) -> Iterator[tuple[Rig, Slow]]:
    sqs = Slow()
    with sqs:
        sqs.make(QUEUE)
        yield Rig(sqs, {**rig.env, "AWS_ENDPOINT_URL": sqs.url}, rig.folder), sqs


def many(**changes: Any) -> Worker:
    return make_worker(Seen(), handle_many=lambda group: [Done()] * len(group), batch=50, prefetch=500, **changes)


def test_a_queue_with_much_in_it_is_asked_by_several_calls_at_a_time(slow: tuple[Rig, Slow]) -> None:
    rig, sqs = slow
    sqs.put(QUEUE, *[body(n=n) for n in range(400)])
    rig.once(many(), 400)
    assert (sqs.most, sqs.left(QUEUE)) == (1 + HELPERS, 0)


def test_a_queue_with_little_in_it_is_asked_by_one(slow: tuple[Rig, Slow]) -> None:
    rig, sqs = slow
    with rig.running(many()):
        for n in range(5):
            sqs.put(QUEUE, body(n=n))
            rig.drained()
        eventually(lambda: sqs.together == 1)
        assert sqs.calls["ReceiveMessage"] <= 6
    assert sqs.most == 1


def test_a_worker_that_takes_jobs_singly_asks_with_one_call_at_a_time(slow: tuple[Rig, Slow]) -> None:
    rig, sqs = slow
    sqs.put(QUEUE, *[body(n=n) for n in range(60)])
    rig.once(make_worker(Seen(), prefetch=16), 60, concurrency=4)
    assert (sqs.most, sqs.left(QUEUE)) == (1, 0)


def test_drain_takes_everything_that_several_calls_bring(slow: tuple[Rig, Slow]) -> None:
    rig, sqs = slow
    sqs.put(QUEUE, *[body(n=n) for n in range(333)])
    with rig.running(many(), drain=True, concurrency=2) as loop:
        assert loop.wait() == 0
    assert sqs.left(QUEUE) == 0
    assert "given back" not in loop.log.getvalue()

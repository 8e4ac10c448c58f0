"""A worker holds no more than it can keep alive: renewed before it is visible again, deleted before it comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.conftest import eventually
from tests.strict_sqs import StrictSqs
from tests.workers.rig import DLQ, QUEUE, Rig, Seen, body, make_worker
from tests.workers.test_inflight import Hands, blocked, messages
from workers._inflight import InFlight
from workers._model import Delivery, Done, Outcome
from workers._poller import HELPERS

CALL_S = 0.05


class Far(StrictSqs):
    """Each call takes its time, as to a region far away."""

    def answer(self, op: str, data: dict[str, Any]) -> dict[str, Any]:
        time.sleep(CALL_S)
        return super().answer(op, data)


@pytest.fixture
def far(rig: Rig) -> Iterator[Rig]:
    with Far() as sqs:
        sqs.make(QUEUE)
        yield Rig(sqs, {**rig.env, "AWS_ENDPOINT_URL": sqs.url}, rig.folder)


def test_where_renewals_are_slow_so_many_are_held_as_can_be_renewed_in_time(far: Rig) -> None:
    begun: list[int] = []

    def many(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        begun.append(len(deliveries))
        if sum(begun) > 100:
            deliveries[0].wait(60)
        return [Done()] * len(deliveries)

    far.sqs.put(QUEUE, *[body(n=n) for n in range(1500)])
    worker = make_worker(Seen(), handle_many=many, batch=10, prefetch=2000, visibility_s=1)
    with far.running(worker, grace_s=0.2, wait_s=0):
        eventually(lambda: sum(begun) > 100)
        began = time.monotonic()
        # Far more could be fetched by now than a round gets through within their visibility.
        eventually(lambda: time.monotonic() - began > 2.5)
        left = far.sqs.peek(QUEUE)
        held = far.sqs.held(QUEUE)["in_flight"]
    assert {message.receive_count for message in left} == {0, 1}
    assert 20 < held < 400


def test_nothing_more_is_taken_while_finished_messages_wait_for_their_deletes() -> None:
    free = [0]
    table = InFlight(
        {"q": 1}, clock=Hands(), concurrency=1, prefetch=100, batch=10, patient=True, capacity=lambda: free[0]
    )
    got = blocked(lambda: table.reserve("q"))
    assert got == []
    # Nobody wakes it: it finds out by itself.
    free[0] = 10
    eventually(lambda: got == [10])
    assert table.fill("q", 10, messages(*range(10))) == []


def test_thousands_are_given_back_by_several_calls_at_a_time(far: Rig) -> None:
    running = threading.Event()

    def many(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        if deliveries[0].job["n"] >= 100:
            running.set()
            deliveries[0].wait(60)
        return [Done()] * len(deliveries)

    far.sqs.put(QUEUE, *[body(n=n) for n in range(1100)])
    worker = make_worker(Seen(), handle_many=many, batch=10, prefetch=1200, visibility_s=120, lease_s=120)
    # A hundred calls, one after the other, take more than three seconds.
    with far.running(worker, grace_s=1.5, wait_s=0) as loop:
        running.wait(5)
        eventually(lambda: far.sqs.held(QUEUE)["visible"] == 0)
        assert loop.stop() == 0
    assert far.sqs.held(QUEUE)["visible"] >= 1000 - 10 * (1 + HELPERS)
    assert far.sqs.left(DLQ) == 0


def test_a_worker_whose_hold_off_fails_still_takes_messages(rig: Rig) -> None:
    def broken() -> float:
        raise IndexError("pop from empty list")

    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(make_worker(Seen(), hold_off_s=broken)) as loop:
        rig.drained()
        assert loop.stop() == 0
    assert "whether to hold off could not be told" in loop.log.getvalue()

"""What the work needs is away: nothing is fetched then, and what is in hand is neither given back nor counted again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from tests.conftest import eventually
from tests.workers.rig import QUEUE, RedisServer, Rig, body, make_worker
from workers import _health as health
from workers._clock import Clock
from workers._loop import DRAIN_PATIENCE_S
from workers._model import Delivery, Done, Outcome, Worker


@dataclass
class Breaker:
    """A handler that finds its service away in its first call and waits until it is back."""

    open_s: float = 0.0
    seen: list[int] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        if not self.seen:
            self.open_s = 60.0
        self.seen += [delivery.attempt for delivery in deliveries]
        self.waiting.set()
        while self.open_s > 0:
            deliveries[0].wait(0.02)
        return [Done()] * len(deliveries)

    def worker(self, **changes: object) -> Worker:
        usual: dict[str, object] = {
            "handle_many": self, "batch": 10, "prefetch": 100, "hold_off_s": lambda: self.open_s
        }  # fmt: skip
        return make_worker(lambda _: Done(), **(usual | changes))


def test_while_the_breaker_is_open_nothing_is_fetched_and_what_is_held_is_renewed(rig: Rig) -> None:
    breaker = Breaker()
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(15)])
    with rig.running(breaker.worker(visibility_s=1), wait_s=0):
        breaker.waiting.wait(5)
        rig.sqs.put(QUEUE, *[body(n=n) for n in range(15, 30)])
        receives, began = rig.sqs.calls["ReceiveMessage"], time.monotonic()
        # Longer than the visibility: what is held is held by renewals.
        eventually(lambda: time.monotonic() - began > 1.5)
        assert rig.sqs.calls["ReceiveMessage"] <= receives + 1
        held = rig.sqs.held(QUEUE)["in_flight"]
        breaker.open_s = 0
        rig.drained()
    assert held in (10, 15, 20)
    assert breaker.seen == [1] * 30


def test_a_stop_while_the_breaker_is_open_gives_everything_back_at_once(rig: Rig) -> None:
    breaker = Breaker()
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(10)])
    with rig.running(breaker.worker(), grace_s=30, wait_s=0) as loop:
        breaker.waiting.wait(5)
        began = time.monotonic()
        assert loop.stop() == 0
        assert time.monotonic() - began < 3
    # A receive that was under way may have got some of them again, and gives them back by itself.
    eventually(lambda: rig.sqs.held(QUEUE) == {"visible": 10, "in_flight": 0, "delayed": 0})


def test_once_does_not_wait_for_what_is_away(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(Breaker(open_s=60).worker(), once=True) as loop:
        assert loop.wait() == 1
    assert rig.sqs.calls["ReceiveMessage"] == 0
    assert "what its jobs need is away" in loop.log.getvalue()


def test_drain_waits_for_what_is_in_hand_and_gives_up_a_minute_after_it(rig: Rig) -> None:
    breaker, late = Breaker(), [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + late[0])
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(10)])
    with rig.running(breaker.worker(visibility_s=900), drain=True, clock=clock) as loop:
        breaker.waiting.wait(5)
        late[0] += DRAIN_PATIENCE_S + 1
        loop.thread.join(0.6)
        assert loop.thread.is_alive(), "ten messages are in hand"
        breaker.open_s = 0
        rig.drained()
        assert loop.wait() == 0


def test_drain_ends_with_1_when_nothing_is_in_hand_and_nothing_may_be_fetched(rig: Rig) -> None:
    late = [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + late[0])
    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(Breaker(open_s=0.1).worker(), drain=True, clock=clock) as loop:
        loop.thread.join(0.2)
        assert loop.thread.is_alive()
        late[0] += DRAIN_PATIENCE_S
        assert loop.wait() == 1
    assert rig.sqs.held(QUEUE)["visible"] == 1


def test_a_worker_that_holds_off_says_so_in_its_heartbeat(rig: Rig) -> None:
    with rig.running(Breaker(open_s=60).worker(lease_s=1)):
        eventually(lambda: (health.read(rig.folder / "test.health") or {}).get("held_off_at"))


@pytest.mark.parametrize("fault", ["503", "AccessDenied", "hang"])
def test_an_sqs_that_is_away_when_the_hold_off_ends_costs_no_receive_and_no_message(rig: Rig, fault: str) -> None:
    breaker = Breaker()
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(60)])
    with rig.running(breaker.worker(), wait_s=0):
        breaker.waiting.wait(5)
        rig.sqs.mode(fault, ["ReceiveMessage"])
        receives = rig.sqs.calls["ReceiveMessage"]
        breaker.open_s = 0
        eventually(lambda: rig.sqs.calls["ReceiveMessage"] > receives)
        rig.sqs.mode(None)
        rig.drained()
    assert breaker.seen == [1] * 60


def test_batches_are_handled_while_redis_is_away_from_the_start(rig: Rig, own_redis: RedisServer) -> None:
    own_redis.stop()
    breaker = Breaker(seen=[1])
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(60)])
    with rig.running(breaker.worker(), own_redis.env, wait_s=0) as loop:
        rig.drained()
        assert loop.stop() == 0
    assert breaker.seen == [1] * 61


def test_a_wall_clock_that_jumps_to_and_fro_neither_loses_nor_repeats_a_message(rig: Rig) -> None:
    ticks = count()
    clock = Clock(now=lambda: datetime.now(UTC) + timedelta(hours=(-1) ** next(ticks)))
    breaker = Breaker(seen=[1])
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(60)])
    with rig.running(breaker.worker(), clock=clock, wait_s=0) as loop:
        rig.drained()
        assert loop.stop() == 0
    assert breaker.seen == [1] * 61

"""The end of a worker that holds hundreds: what nobody has begun goes back in batches, no attempt is wasted."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import nullcontext

from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.sqs import BATCH, BATCH_BYTES, Mail, batches
from tests.conftest import eventually
from tests.workers.rig import DLQ, QUEUE, Rig, Seen, body, make_worker
from workers._clock import Clock
from workers._deleter import Deleter
from workers._inflight import InFlight
from workers._line import Held
from workers._metrics import Uncounted
from workers._model import Delivery, Done, Outcome
from workers._queues import Queues
from workers._settle import Settler


def stopped(rig: Rig, count: int) -> float:
    """Stop a worker that has begun ten messages and holds so many behind them; seconds that the stop took."""
    begun: list[int] = []

    def many(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        begun.append(len(deliveries))
        if sum(begun) > 40:
            deliveries[0].wait(60)
        return [Done()] * len(deliveries)

    rig.sqs.put(QUEUE, *[body(n=n) for n in range(count)])
    worker = make_worker(Seen(), handle_many=many, batch=10, prefetch=1000)
    with rig.running(worker, grace_s=0.5, wait_s=0) as loop:
        eventually(lambda: rig.sqs.held(QUEUE)["visible"] == 0)
        rig.sqs.calls.clear()
        began = time.monotonic()
        assert loop.stop() == 0
        return time.monotonic() - began


def test_hundreds_that_nobody_has_begun_go_back_at_once_in_batches(rig: Rig) -> None:
    assert stopped(rig, 300) < 4
    left = rig.sqs.peek(QUEUE)
    assert 240 <= len(left) <= 260
    # A receive that was under way may take ten of them; those are copied, for they have been received twice then.
    assert {message.receive_count for message in left} <= {0, 1}
    assert (rig.sqs.held(QUEUE)["visible"] >= len(left) - BATCH, rig.sqs.left(DLQ)) == (True, 0)
    assert rig.sqs.calls["ChangeMessageVisibilityBatch"] <= 28


def test_near_the_limit_copies_go_back_in_batches_and_nothing_is_buried(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=2)
    assert stopped(rig, 200) < 4
    # A receive that was under way may have got ten of them once more, and copies them too.
    eventually(lambda: {message.receive_count for message in rig.sqs.peek(QUEUE)} == {0})
    assert 140 <= len(rig.sqs.peek(QUEUE)) <= 160
    assert (rig.sqs.calls["SendMessageBatch"] <= 18, rig.sqs.left(DLQ)) == (True, 0)


def test_without_time_only_those_are_copied_that_would_be_buried_unheard(rig: Rig) -> None:
    stores = Stores(load(rig.env).settings)
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(3)])
    for message in rig.sqs.peek(QUEUE):
        message.receive_count = make_worker(Seen()).parse(message.body)["n"]
    helds = [Held(QUEUE, one, 0, 0, one.receipt) for one in stores.sqs.receive(QUEUE, visibility_s=30)]
    settler(stores).give_back(helds, within_s=0)
    assert [message.receive_count for message in rig.sqs.peek(QUEUE) if message.attributes] == [0]
    eventually(lambda: sorted(message.receive_count for message in rig.sqs.peek(QUEUE)) == [0, 1, 2])
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 2, "delayed": 0}
    stores.close()


def test_when_sqs_is_away_giving_back_ends_after_one_try(rig: Rig) -> None:
    stores = Stores(load(rig.env).settings)
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(50)])
    got = [one for _ in range(5) for one in stores.sqs.receive(QUEUE, visibility_s=30)]
    rig.sqs.mode("AccessDenied", ["ChangeMessageVisibilityBatch"])
    settler(stores).give_back([Held(QUEUE, one, 0, 0, one.receipt) for one in got])
    assert rig.sqs.calls["ChangeMessageVisibilityBatch"] == 1
    stores.close()


def test_a_copy_sent_after_the_end_takes_its_original_with_it(rig: Rig) -> None:
    """A receive that was under way when the worker ended brought a message for the second time: it was there twice."""
    stores = Stores(load(rig.env).settings)
    rig.sqs.put(QUEUE, body(n=2))
    rig.sqs.peek(QUEUE)[0].receive_count = 1
    late = [Held(QUEUE, one, 0, 0, one.receipt) for one in stores.sqs.receive(QUEUE, visibility_s=30)]
    settler(stores, over=True).give_back(late)
    assert [message.receive_count for message in rig.sqs.peek(QUEUE)] == [0]
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 0, "delayed": 0}
    stores.close()


def test_mails_go_together_by_tens_and_never_beyond_what_a_call_may_carry() -> None:
    small, large = Mail("x"), Mail("x" * (BATCH_BYTES // 2 + 1))
    assert [len(one) for one in batches([small] * 25)] == [10, 10, 5]
    assert [list(one) for one in batches([large, small, large, large])] == [[0, 1], [2], [3]]
    assert list(batches([])) == []


def settler(stores: Stores, *, over: bool = False) -> Settler:
    clock, worker, metrics, rng = Clock(), make_worker(Seen()), Uncounted(), random.Random(7)
    queues = Queues(stores, metrics, clock.monotonic)
    table = InFlight({QUEUE: 1}, concurrency=1, prefetch=0, clock=clock.monotonic)
    deleter = Deleter(queues, visibility_s=30, clock=clock, rng=rng)
    deleter.start()
    if over:
        assert deleter.close(5) == 0
    return Settler(worker, queues, table, deleter, metrics, renewals=nullcontext, clock=clock, rng=rng)

"""A worker that takes many messages at once: each has its own outcome, whatever becomes of its neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from academyctl.errors import DatabaseAway, LeaseLost, WorkFailed
from tests.conftest import eventually
from tests.workers.rig import DLQ, LOCK, QUEUE, Rig, body, make_worker
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry, Worker

Many = Callable[[Sequence[Delivery]], Sequence[Outcome]]


@dataclass
class Group:
    """What handle_many of a test was called with."""

    then: Many = lambda deliveries: [Done()] * len(deliveries)
    calls: list[list[int]] = field(default_factory=list)

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        self.calls.append([delivery.job["n"] for delivery in deliveries])
        return self.then(deliveries)

    @property
    def handled(self) -> list[int]:
        return sorted(n for call in self.calls for n in call)


def never(_delivery: Delivery) -> Outcome:
    raise AssertionError("one at a time")


def worker(many: Many, **changes: Any) -> Worker:
    return make_worker(never, handle_many=many, **({"batch": 100, "prefetch": 1000} | changes))


def numbers(rig: Rig, count: int) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(count)])


def left(rig: Rig, queue: str = QUEUE) -> list[int]:
    return sorted(make_worker(never).parse(message.body)["n"] for message in rig.sqs.peek(queue))


def test_two_hundred_messages_in_a_few_calls_end_each_by_its_own_outcome(rig: Rig) -> None:
    ways = [Done(), Done("no such phone", failed=True), Retry("later"), Defer("no credit", 60), Reject("no tenant")]
    group = Group(lambda deliveries: [ways[delivery.job["n"] % 5] for delivery in deliveries])
    numbers(rig, 200)
    rig.once(worker(group), 200, concurrency=2)
    assert group.handled == list(range(200))
    assert left(rig) == [n for n in range(200) if n % 5 in (2, 3)]
    assert left(rig, DLQ) == [n for n in range(200) if n % 5 == 4]
    assert {message.receive_count for message in rig.sqs.peek(QUEUE)} == {1}
    assert len(group.calls) <= 20
    assert sum(rig.sqs.calls.values()) < 200 * 0.35


def test_a_message_that_cannot_be_read_is_rejected_and_its_neighbours_are_handled(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1), "not json", body(n=2))
    group = Group()
    rig.once(worker(group), 3)
    assert (group.handled, rig.sqs.left(QUEUE), rig.sqs.left(DLQ)) == ([1, 2], 0, 1)


def test_a_locked_message_is_deferred_and_its_neighbours_are_handled(rig: Rig, redis: Any) -> None:
    redis.client.set(LOCK.format(7), "1", ex=600)
    rig.sqs.put(QUEUE, body(n=1, video_id=6), body(n=2, video_id=7), body(n=3, video_id=8))
    group = Group()
    log = rig.once(worker(group), 3)
    assert (group.handled, left(rig)) == ([1, 3], [2])
    assert "an owner unknown" in log


@pytest.mark.parametrize(("error", "tracebacks"), [(ValueError("boom"), 1), (WorkFailed("no"), 0), (SystemExit(3), 0)])
def test_what_the_handler_throws_all_messages_get_and_one_traceback_tells_it(
    rig: Rig, error: BaseException, tracebacks: int
) -> None:
    def throwing(_deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        raise error

    numbers(rig, 5)
    log = rig.once(worker(throwing), 5)
    assert (rig.sqs.held(QUEUE)["in_flight"], rig.sqs.left(DLQ)) == (5, 0)
    assert log.count("Traceback (most recent call last)") == tracebacks
    assert log.count("SQS_JOB_FAILED") == 5


def test_a_store_that_is_away_defers_them_all(rig: Rig) -> None:
    def away(_deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        raise DatabaseAway("the database is away", cause="unreachable")

    rig.sqs.make(QUEUE, max_receive=2)
    numbers(rig, 12)
    rig.once(worker(away), 12)
    assert (rig.sqs.held(QUEUE)["delayed"], rig.sqs.calls["SendMessageBatch"] <= 3) == (12, True)


def test_copies_of_a_batch_carry_the_id_of_the_first_message(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=2)
    ids = rig.sqs.put(QUEUE, body(n=1), body(n=2))
    rig.once(worker(Group(lambda deliveries: [Defer("no credit", 0)] * len(deliveries))), 2)
    first = {message.attributes["academyctl.first_id"]["StringValue"] for message in rig.sqs.peek(QUEUE)}
    assert first == set(ids)
    rig.once(worker(Group(lambda group: [Reject(delivery.first_id) for delivery in group])), 2)
    for message in rig.sqs.peek(DLQ):
        told = {message.attributes[f"academyctl.{name}"]["StringValue"] for name in ("first_id", "reason")}
        assert len(told) == 1
        assert told < first


def test_outcomes_that_are_too_few_are_nobodys_and_all_come_back(rig: Rig) -> None:
    numbers(rig, 3)
    log = rig.once(worker(lambda _deliveries: [Done()]), 3)
    assert rig.sqs.held(QUEUE)["in_flight"] == 3
    assert "handle_many has 1 outcomes for 3 messages" in log


def test_a_message_lost_in_a_group_is_left_alone_and_the_others_come_back_at_once(rig: Rig) -> None:
    def lose_one(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        deliveries[1].interrupt(LeaseLost("taken by another"))
        deliveries[1].check()
        return []

    numbers(rig, 3)
    rig.once(worker(lose_one), 3)
    back_in = {message.body: message.visible_at - time.monotonic() for message in rig.sqs.peek(QUEUE)}
    assert [back_in[body(n=n)] > 5 for n in range(3)] == [False, True, False]


def test_a_message_lost_in_a_group_that_goes_on_does_not_touch_the_others_outcomes(rig: Rig) -> None:
    def lose_one(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        deliveries[1].interrupt(LeaseLost("taken by another"))
        return [Done(), Reject("not ours to say"), Done()]

    numbers(rig, 3)
    rig.once(worker(lose_one), 3)
    assert (left(rig), rig.sqs.left(DLQ)) == ([1], 0)


def test_a_bug_while_one_failure_is_recorded_costs_the_others_nothing(rig: Rig) -> None:
    def exhausted(delivery: Delivery, _reason: str) -> None:
        if delivery.job["n"] == 1:
            raise KeyError("bug")

    rig.sqs.make(QUEUE, max_receive=1)
    numbers(rig, 3)
    rig.once(worker(Group(lambda group: [Retry("no")] * len(group)), exhausted=exhausted), 3)
    assert (left(rig), left(rig, DLQ)) == ([1], [0, 2])


def test_once_takes_one_message_and_max_jobs_exactly_so_many(rig: Rig) -> None:
    numbers(rig, 60)
    with rig.running(worker(Group()), once=True) as loop:
        assert loop.wait() == 0
    assert rig.sqs.left(QUEUE) == 59
    group = Group()
    rig.once(worker(group), 37, concurrency=2)
    assert (len(group.handled), rig.sqs.held(QUEUE)) == (37, {"visible": 22, "in_flight": 0, "delayed": 0})


def test_while_a_batch_is_in_work_the_next_messages_are_fetched(rig: Rig) -> None:
    def second_waits(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        if len(group.calls) == 2:
            eventually(lambda: rig.sqs.held(QUEUE)["visible"] == 0)
        return [Done()] * len(deliveries)

    group = Group(second_waits)
    numbers(rig, 90)
    rig.once(worker(group, batch=10), 90)
    assert group.handled == list(range(90))


def test_messages_that_waited_until_they_were_visible_again_are_not_handled_twice(rig: Rig) -> None:
    def first_is_slow(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        if len(group.calls) == 1:
            rig.sqs.mode("503", ["ChangeMessageVisibilityBatch"])
            eventually(lambda: rig.sqs.held(QUEUE)["in_flight"] == 20)
            eventually(lambda: rig.sqs.held(QUEUE)["in_flight"] == 0)
            # By the worker's own clock it began when the answer came, a moment later.
            time.sleep(0.2)
            rig.sqs.mode(None)
        return [Done()] * len(deliveries)

    group = Group(first_is_slow)
    numbers(rig, 20)
    with rig.running(worker(group, batch=10, visibility_s=1, guards=())) as loop:
        rig.drained()
        log = loop.log.getvalue()
    assert group.handled == list(range(20))
    assert "10 messages of jobs waited too long and are visible again" in log

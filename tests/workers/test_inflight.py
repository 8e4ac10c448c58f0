"""The table of messages in hand: room, batches, weights, and who is woken."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from academyctl.stores.sqs import Message
from tests.conftest import eventually
from workers._inflight import SLOW_S, TURN_S, InFlight


class Hands:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def table(clock: Hands | None = None, weights: dict[str, int] | None = None, **options: Any) -> InFlight:
    return InFlight(weights or {"q": 1}, clock=clock or Hands(), **({"concurrency": 1, "prefetch": 0} | options))


def messages(*ids: object) -> list[Message]:
    return [Message(str(n), "{}", 1, None, receipt=f"r{n}") for n in ids]


def blocked(call: Any) -> list[Any]:
    """Run a call that may block in a thread; what it returned arrives in the list."""
    got: list[Any] = []
    threading.Thread(target=lambda: got.append(call()), daemon=True).start()
    return got


def test_room_is_what_threads_and_prefetch_leave_and_never_more_than_a_batch() -> None:
    assert table(concurrency=3).reserve("q") == 3
    assert table(concurrency=4, prefetch=16).reserve("q") == 10


def test_a_full_table_makes_the_poller_wait_until_a_job_is_settled() -> None:
    held = table()
    held.fill("q", held.reserve("q"), messages(1))
    running = held.next()
    assert running is not None
    got = blocked(lambda: held.reserve("q"))
    assert got == []
    held.remove(running)
    eventually(lambda: got == [1])


def test_while_threads_have_work_the_poller_waits_for_room_for_a_batch() -> None:
    held = table(concurrency=2, prefetch=8)
    held.fill("q", held.reserve("q"), messages(*range(10)))
    for _ in range(8):
        taken = held.next()
        assert taken is not None
        held.remove(taken)
    got = blocked(lambda: held.reserve("q"))
    assert got == []
    held.next()
    eventually(lambda: got == [8])


def test_behind_a_slow_job_nothing_is_fetched_ahead_and_what_waits_is_taken_back() -> None:
    clock = Hands()
    held = table(clock, prefetch=9)
    held.fill("q", held.reserve("q"), messages(1, 2, 3))
    running = held.next()
    assert held.take_stuck() == []
    clock.now += SLOW_S + 1
    assert [one.id for one in held.take_stuck()] == ["2", "3"]
    got = blocked(lambda: held.reserve("q"))
    assert got == []
    assert running is not None
    held.remove(running)
    eventually(lambda: got == [10])


def test_the_budget_is_never_overdrawn_and_unused_room_comes_back_to_it() -> None:
    held = table(concurrency=10, budget=3)
    assert held.reserve("q") == 3
    assert held.fill("q", 3, messages(1)) == []
    assert held.reserve("q") == 2
    held.fill("q", 2, messages(2, 3))
    assert held.reserve("q") == 0
    assert not held.spent
    for _ in range(3):
        taken = held.next()
        assert taken is not None
        held.remove(taken)
    assert held.spent


def test_after_the_close_waiting_messages_come_back_and_late_ones_are_refused() -> None:
    held = table(concurrency=2)
    held.fill("q", held.reserve("q"), messages(1))
    assert [one.id for one in held.close()] == ["1"]
    assert [one.id for one in held.fill("q", 0, messages(2))] == ["2"]
    assert (held.next(), held.reserve("q")) == (None, 0)


def test_close_wakes_threads_and_pollers_that_wait() -> None:
    held = table()
    waiting = blocked(held.next)
    held.reserve("q")
    polling = blocked(lambda: held.reserve("q"))
    held.close()
    eventually(lambda: waiting == [None] and polling == [0])


def test_a_message_that_comes_again_while_it_is_here_only_brings_its_newer_receipt() -> None:
    held = table(concurrency=2)
    held.fill("q", held.reserve("q"), messages(1))
    running = held.next()
    assert running is not None
    again = Message("1", "{}", 2, None, receipt="newer")
    assert held.fill("q", held.reserve("q"), [again]) == []
    assert (running.receipt, running.message.receive_count, len(held.snapshot())) == ("newer", 2, 1)


def test_queues_that_are_both_full_are_served_by_their_weights() -> None:
    held = table(weights={"basic": 3, "lite": 1}, concurrency=1)
    served: Counter[str] = Counter()
    both = threading.Barrier(2)

    def poll(queue: str) -> None:
        both.wait()
        for n in range(400):
            room = held.reserve(queue)
            if not room:
                return
            served[queue] += 1
            held.fill(queue, room, messages(f"{queue}{n}"))

    for queue in ("basic", "lite"):
        threading.Thread(target=poll, args=(queue,), daemon=True).start()
    for _ in range(200):
        taken = held.next()
        assert taken is not None
        # Let both ask before there is room, as pollers do that are faster than jobs.
        eventually(lambda: len(held._asking) == 2, every=0.0005)
        held.remove(taken)
    held.close()
    assert 2.5 < served["basic"] / served["lite"] < 3.5


def test_no_queue_starves_while_another_has_nothing() -> None:
    held = table(weights={"basic": 3, "lite": 1}, concurrency=2)
    room = held.reserve("basic")
    held.cancel("basic", room)
    assert held.reserve("lite") == 2


def test_a_queue_whose_messages_are_on_their_way_keeps_its_place_but_not_if_they_never_come() -> None:
    clock = Hands()
    held = table(clock, weights={"basic": 3, "lite": 1}, concurrency=2)
    held.fill("basic", held.reserve("basic"), messages(1))
    got = blocked(lambda: held.reserve("lite"))
    eventually(lambda: "lite" in held._asking)
    assert got == [], "basic is about to ask again"
    clock.now += TURN_S
    eventually(lambda: got == [1])


def test_a_receipt_is_not_in_the_text_of_what_is_held() -> None:
    held = table()
    held.fill("q", held.reserve("q"), messages(1))
    assert "r1" not in repr(held.snapshot())

"""Fair turns and a slow start: what the table of messages in hand does for a worker that holds thousands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from academyctl.stores.sqs import BATCH, Message
from tests.conftest import eventually
from tests.workers.rig import QUEUE, Rig, body, make_worker
from tests.workers.test_inflight import Hands, blocked
from workers._inflight import FIRST_ROOM, ROOM_PER_SETTLED, SLOW_S, InFlight
from workers._line import Held
from workers._model import Delivery, Done, Outcome


def owner(message: Message) -> str:
    return str(json.loads(message.body)["tenant_id"])


def table(clock: Hands | None = None, *, batch: int = 100, concurrency: int = 2, prefetch: int = 1000) -> InFlight:
    return InFlight(
        {"q": 1}, clock=clock or Hands(), concurrency=concurrency, prefetch=prefetch, batch=batch, patient=True,
        share=owner,
    )  # fmt: skip


def of(tenant: object, *ids: int) -> list[Message]:
    return [Message(f"{tenant}-{n}", json.dumps({"tenant_id": tenant}), 1, None, receipt=f"{tenant}{n}") for n in ids]


def fill(held: InFlight, messages: Sequence[Message]) -> None:
    """As a poller would: ten at a time, and only while there is room."""
    for start in range(0, len(messages), BATCH):
        held.fill("q", held.reserve("q"), messages[start : start + BATCH])


def trusted(held: InFlight) -> InFlight:
    """A table that has settled so much that it may hold all that it ever may."""
    for n in range(0, 120, BATCH):
        fill(held, of("before", *range(n, n + BATCH)))
        settle(held, held.next_many(100))
    return held


def settle(held: InFlight, helds: Sequence[Held]) -> None:
    for one in helds:
        held.remove(one)


def test_three_texts_that_come_last_do_not_wait_behind_five_hundred() -> None:
    held = trusted(table())
    fill(held, of("A", *range(500)))
    fill(held, of("B", 1, 2, 3))
    assert [one.id for one in held.next_many(100)][:7] == ["A-0", "B-1", "A-1", "B-2", "A-2", "B-3", "A-3"]


def test_ten_academies_share_a_batch_alike_and_each_keeps_its_order() -> None:
    held = trusted(table())
    for tenant in range(10):
        fill(held, of(tenant, *range(30)))
    batch = [one.id.split("-") for one in held.next_many(100)]
    assert set(Counter(tenant for tenant, _ in batch).values()) == {10}
    for tenant in range(10):
        assert [int(n) for of_tenant, n in batch if int(of_tenant) == tenant] == list(range(10))


def test_turns_go_on_from_one_batch_to_the_next() -> None:
    held = trusted(table())
    for tenant in "ABC":
        fill(held, of(tenant, *range(10)))
    assert [one.owner for _ in range(3) for one in held.next_many(2)] == ["A", "B", "C", "A", "B", "C"]


def test_without_owners_it_is_first_come_first_served() -> None:
    held = InFlight({"q": 1}, clock=Hands(), concurrency=1, prefetch=20)
    held.fill("q", held.reserve("q"), [*of("A", 1, 2), *of("B", 1), *of("A", 3)])
    assert [one.id for one in held.next_many(10)] == ["A-1", "A-2", "B-1", "A-3"]


def test_messages_whose_owner_cannot_be_told_are_taken_in_all_the_same() -> None:
    held = table()
    held.fill("q", held.reserve("q"), [Message("x", "not json", 1, None), *of("A", 1)])
    assert {one.id for one in held.next_many(10)} == {"x", "A-1"}


def test_a_new_process_holds_few_and_more_with_each_message_that_it_has_settled() -> None:
    held = table()
    fill(held, of("A", *range(FIRST_ROOM)))
    got = blocked(lambda: held.reserve("q"))
    taken = held.next_many(100)
    assert (len(taken), got) == (FIRST_ROOM, [])
    held.remove(taken[0])
    eventually(lambda: got == [BATCH])
    settle(held, taken[1:5])
    in_hand = len(held.snapshot()) + BATCH + sum(held.reserve("q") for _ in range(5))
    assert in_hand == FIRST_ROOM + 5 * ROOM_PER_SETTLED


def test_it_never_holds_more_than_its_batches_and_what_it_may_hold_ahead() -> None:
    held = trusted(table(prefetch=50, batch=20))
    fill(held, of("A", *range(90)))
    got = blocked(lambda: held.reserve("q"))
    settle(held, held.next_many(9))
    assert got == [], "there is work, and no room for ten"
    settle(held, held.next_many(1))
    eventually(lambda: got == [10])


def test_what_waits_behind_a_slow_batch_is_kept_and_more_is_fetched() -> None:
    clock = Hands()
    held = trusted(table(clock, concurrency=1))
    fill(held, of("A", *range(200)))
    held.next_many(100)
    clock.now += SLOW_S + 1
    assert held.take_stuck() == []
    assert held.reserve("q") == BATCH


def test_what_waits_comes_back_at_the_close_whoever_owns_it() -> None:
    held = trusted(table())
    fill(held, of("A", *range(40)))
    fill(held, of("B", 1, 2, 3))
    held.next_many(4)
    assert Counter(one.owner for one in held.close()) == {"A": 38, "B": 1}
    assert held.next_many(10) == []


def test_through_the_loop_a_small_academy_is_served_in_the_batches_after_its_texts_came(rig: Rig) -> None:
    calls: list[list[str]] = []

    def many(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        calls.append([delivery.job["tenant_id"] for delivery in deliveries])
        if len(calls) == 2:
            eventually(lambda: rig.sqs.held(QUEUE)["visible"] == 0)
        return [Done()] * len(deliveries)

    rig.sqs.put(QUEUE, *[body(n=n, tenant_id="A") for n in range(90)], *[body(n=n, tenant_id="B") for n in range(3)])
    rig.once(make_worker(lambda _: Done(), handle_many=many, batch=10, prefetch=500, share=owner), 93)
    assert (calls[2] + calls[3]).count("B") == 3
    assert sum(map(len, calls)) == 93

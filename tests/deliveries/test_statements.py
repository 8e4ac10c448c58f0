"""A group costs a fixed number of statements, however many texts and academies it has."""

from __future__ import annotations

import pytest

from academyctl.messaging.model import End, State
from academyctl.stores import deliveries
from tests.deliveries.books import LEASE, Books, Watched, closing, keys_of, new


@pytest.mark.parametrize(("count", "academies"), [(1, 1), (100, 1), (100, 50)])
def test_a_group_is_claimed_in_7_statements_sent_in_1_and_finished_in_2(
    books: Books, count: int, academies: int
) -> None:
    assert _statements(books, count, academies, State.SENT) == (7, 1, 2)


@pytest.mark.parametrize(("count", "academies"), [(1, 1), (100, 50)])
def test_a_group_that_failed_is_finished_and_refunded_in_6_statements(books: Books, count: int, academies: int) -> None:
    assert _statements(books, count, academies, State.FAILED) == (7, 1, 6)


def _statements(books: Books, count: int, academies: int, end: State) -> tuple[int, int, int]:
    """Of claiming, sending and finishing a group; BEGIN and COMMIT are not counted."""
    tenants, keys, seen = [books.academy(balance=10_000) for _ in range(academies)], keys_of(count), list[str]()
    whose = {key: tenants[at % academies] for at, key in enumerate(keys)}
    with closing(Watched(books.stores, lambda statement, _: seen.append(statement))) as db:
        with db.tx() as cursor:
            deliveries.tenants(cursor, tenants, lock=True)
            deliveries.known(cursor, keys, lock=True)
            won = deliveries.claim(cursor, [new(key, whose[key]) for key in keys], "me", LEASE)
            bills = {tenant: [(key, 850) for key in sorted(won) if whose[key] == tenant] for tenant in tenants}
            assert len(deliveries.charge_all(cursor, bills)) == count
        claimed = len(seen)
        deliveries.sending(db, keys, "me", LEASE)
        sent = len(seen)
        assert len(deliveries.finish(db, [End(key, whose[key], end) for key in keys], "me")) == count
    return claimed, sent - claimed, len(seen) - sent

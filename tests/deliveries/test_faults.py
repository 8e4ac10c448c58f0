"""Two workers at once, connections cut in the middle, answers lost: nothing is half, nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from academyctl.errors import DatabaseAway
from academyctl.messaging.model import End, State
from academyctl.stores import deliveries
from tests.deliveries.books import LEASE, Books, Deaf, Watched, closing, keys_of, new, together

_KILL = "SELECT pg_terminate_backend(%s)"


def claim(db: Any, keys: list[str], tenants: dict[str, int], token: str) -> set[str]:
    """The worker's first transaction for texts of several academies."""
    with db.tx() as cursor:
        found = deliveries.tenants(cursor, set(tenants.values()), lock=True)
        known = deliveries.known(cursor, keys, lock=True)
        news = [new(key, tenants[key]) for key in keys if key not in known]
        won = deliveries.claim(cursor, news, token, LEASE)
        bills = {tenant: [(key, 850) for key in keys if key in won and tenants[key] == tenant] for tenant in found}
        return deliveries.charge_all(cursor, bills)


def test_of_two_workers_that_claim_the_same_texts_at_once_each_text_has_one(books: Books) -> None:
    tenant = books.academy(balance=10_000)
    keys = list(keys_of(60))
    tenants = dict.fromkeys(keys, tenant)
    first, second = together(
        lambda: claim(books.db, keys, tenants, "first"), lambda: claim(books.db, keys[::-1], tenants, "second")
    )
    assert first | second == set(keys)
    assert first & second == set()
    assert (len(books.entries()), books.balance(tenant)) == (60, 10_000 - 510)


def test_groups_that_overlap_in_opposite_order_never_wait_for_each_other_in_a_circle(books: Books) -> None:
    academies = [books.academy(balance=100_000) for _ in range(4)]

    def rounds(token: str, turn: Callable[[list[str]], list[str]]) -> int:
        written = 0
        for number in range(12):
            keys = turn(list(keys_of(16, f"r{number}-")))
            tenants = {key: academies[int(key[-2:]) % 4] for key in keys}
            mine = claim(books.db, keys, tenants, token)
            deliveries.sending(books.db, keys, token, LEASE)
            ends = [End(key, tenants[key], State.FAILED if int(key[-1]) % 2 else State.SENT) for key in keys]
            written += len(deliveries.finish(books.db, ends, token))
            assert len(mine) in (0, 16)
        return written

    done = together(
        lambda: rounds("a", lambda keys: keys), lambda: rounds("b", lambda keys: keys[::-1]),
        lambda: rounds("c", lambda keys: keys[8:] + keys[:8]),
    )  # fmt: skip
    assert sum(done) == 12 * 16
    assert len(books.log()) == 12 * 16
    assert sum(books.balance(one) for one in academies) == 400_000 - sum(-won for _, _, _, won, _ in books.entries())


@pytest.mark.parametrize("step", range(7))
def test_a_connection_that_is_cut_while_claiming_leaves_nothing(books: Books, step: int) -> None:
    tenant = books.academy(balance=100)
    with closing(_cut_at(books, step)) as db, pytest.raises(DatabaseAway):
        claim(db, ["a", "b"], {"a": tenant, "b": tenant}, "me")
    assert (books.states(), books.entries(), books.balance(tenant)) == ({}, [], 100)
    assert claim(books.db, ["a", "b"], {"a": tenant, "b": tenant}, "me") == {"a", "b"}


@pytest.mark.parametrize("step", range(6))
def test_a_connection_that_is_cut_while_finishing_leaves_the_group_as_it_was(books: Books, step: int) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a", "b")
    ends = [End("a", tenant, State.SENT), End("b", tenant, State.FAILED, "no")]
    with closing(_cut_at(books, step)) as db, pytest.raises(DatabaseAway):
        deliveries.finish(db, ends, "me")
    assert (set(books.states().values()), books.log(), books.balance(tenant)) == ({"SENDING"}, [], 83)
    assert deliveries.finish(books.db, ends, "me") == {"a", "b"}
    assert (len(books.log()), books.balance(tenant)) == (2, 91)


def test_an_end_whose_commit_was_not_heard_of_can_be_repeated_and_is_not_written_again(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a")
    end = [End("a", tenant, State.FAILED, "no")]
    with closing(Deaf(books.stores.settings.db)) as db, pytest.raises(DatabaseAway):
        deliveries.finish(db, end, "me")
    assert deliveries.finish(books.db, end, "me") == {"a"}
    assert deliveries.finish(books.db, [End("a", tenant, State.SENT)], "me") == set()
    assert (len(books.log()), len(books.entries()), books.balance(tenant)) == (1, 2, 100)


def test_a_claim_whose_commit_was_not_heard_of_is_found_and_charged_no_second_time(books: Books) -> None:
    tenant = books.academy(balance=100)
    with closing(Deaf(books.stores.settings.db)) as db, pytest.raises(DatabaseAway):
        claim(db, ["a"], {"a": tenant}, "lost")
    assert claim(books.db, ["a"], {"a": tenant}, "me") == set()
    assert (books.states(), books.balance(tenant)) == ({"a": "CLAIMED"}, 91)


def test_the_worker_that_was_slow_refunds_nothing_of_what_another_has_taken_over(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a")
    books.expire("a")
    with books.db.tx() as cursor:
        deliveries.known(cursor, ["a"], lock=True)
        deliveries.take(cursor, ["a"], "you", LEASE)
    assert books.ended(tenant, State.FAILED, "a", token="me") == set()
    assert books.ended(tenant, State.SENT, "a", token="you") == {"a"}
    assert (len(books.log()), books.balance(tenant)) == (1, 91)


def test_two_ends_of_one_text_at_once_refund_it_once(books: Books) -> None:
    tenant = books.academy(balance=1000)
    keys = keys_of(30)
    books.sending(tenant, *keys)
    together(*[lambda: books.ended(tenant, State.FAILED, *keys) for _ in range(3)])
    assert set(books.states().values()) == {"FAILED"}
    assert (books.balance(tenant), len(books.log())) == (1000, 30)


def test_credit_that_is_added_while_a_worker_waits_for_the_lock_is_seen_and_kept(books: Books) -> None:
    tenant = books.academy(balance=0)
    locked, waiting = threading.Event(), threading.Event()

    def waits(statement: str, _: object) -> None:
        if "FOR NO KEY UPDATE" in statement:
            assert locked.wait(10)
            waiting.set()

    def buy() -> None:
        with books.db.tx() as cursor:
            cursor.execute("SELECT id FROM core_tenant WHERE id = %s FOR UPDATE", (tenant,))
            locked.set()
            assert waiting.wait(10)
            cursor.execute("UPDATE core_tenant SET credit_balance = credit_balance + 100 WHERE id = %s", (tenant,))

    with closing(Watched(books.stores, waits)) as db:
        _, paid = together(buy, lambda: claim(db, ["a"], {"a": tenant}, "me"))
    assert (paid, books.balance(tenant)) == ({"a"}, 91)


def test_the_account_is_read_after_the_lock_that_another_worker_held(books: Books) -> None:
    tenant = books.academy(balance=1000)
    keys = [f"w{worker}-{number}" for worker in range(4) for number in range(8)]
    together(*[lambda part=keys[at : at + 8]: claim(books.db, part, dict.fromkeys(part, tenant), "me")
               for at in range(0, 32, 8)])  # fmt: skip
    assert books.balance(tenant) == 1000 - 272
    assert [after for *_, after in books.entries()] == sorted((after for *_, after in books.entries()), reverse=True)


def _cut_at(books: Books, step: int) -> Watched:
    """A database whose server process is killed just before the n-th statement."""
    count = 0

    def cut(_: str, connection: psycopg.Connection[Any]) -> None:
        nonlocal count
        if count == step:
            books.db.query(_KILL, (connection.info.backend_pid,))
        count += 1

    return Watched(books.stores, cut)

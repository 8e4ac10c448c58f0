"""Charging, refunding and the books: balance, account, ledger, rows and the platform's log agree to the won."""

from __future__ import annotations

from decimal import Decimal

import pytest

from academyctl.errors import WorkFailed
from academyctl.messaging.model import End, State
from academyctl.stores import deliveries
from tests.deliveries.books import LEASE, Books, Watched, closing, keys_of, new


def test_a_claim_is_charged_and_written_to_row_account_ledger_and_balance(books: Books) -> None:
    tenant = books.academy(balance=100)
    assert books.claimed(tenant, "a", "b") == {"a", "b"}
    assert books.balance(tenant) == 83
    assert books.entries() == [("charge", "a", 1, -9, 91), ("charge", "b", 1, -8, 83)]
    with books.db.tx() as cursor:
        found = deliveries.tenants(cursor, [tenant], lock=False)[tenant]
    assert (found.balance, found.owed_cents, found.paid, found.price_cents) == (83, 1700, 17, 850)
    row = deliveries.row(books.db, "a")
    assert row is not None
    assert (row.state, row.billed, row.billing, row.price_cents) == (State.CLAIMED, True, 1, 850)


def test_texts_are_paid_in_order_while_the_balance_allows_and_the_rest_leave_no_row(books: Books) -> None:
    tenant = books.academy(balance=26)
    assert books.claimed(tenant, "a", "b", "c", "d") == {"a", "b", "c"}
    assert (books.balance(tenant), sorted(books.states())) == (0, ["a", "b", "c"])


def test_the_last_hundredths_that_are_paid_already_pay_for_one_more_text(books: Books) -> None:
    tenant = books.academy(balance=1, price="0.40")
    assert books.claimed(tenant, "a", "b", "c", price=40) == {"a", "b"}
    assert books.entries() == [("charge", "a", 1, -1, 0), ("charge", "b", 1, 0, 0)]


def test_a_failed_text_is_refunded_once_and_100_won_are_100_won_again(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a")
    assert books.ended(tenant, State.FAILED, "a", reason="refused_by_solapi: [1062] no sender") == {"a"}
    assert books.ended(tenant, State.FAILED, "a") == {"a"}
    assert books.balance(tenant) == 100
    assert books.entries() == [("charge", "a", 1, -9, 91), ("refund", "a", 1, 9, 100)]


def test_a_text_without_a_price_is_paid_and_never_billed(books: Books) -> None:
    tenant = books.academy(balance=0, price="0")
    assert books.claimed(tenant, "a", price=0) == {"a"}
    assert deliveries.sending(books.db, ["a"], "me", LEASE) == {"a"}
    assert books.ended(tenant, State.SENT, "a") == {"a"}
    assert (books.entries(), books.log()[0]["amount_deducted"]) == ([], Decimal("0.00"))


def test_a_price_below_zero_is_no_price(books: Books) -> None:
    tenant = books.academy(price="-3.00")
    with books.db.tx() as cursor:
        assert deliveries.tenants(cursor, [tenant], lock=False)[tenant].price_cents == 0


def test_an_academy_in_debt_pays_for_nothing(books: Books) -> None:
    tenant = books.academy(balance=-1, price="0.10")
    assert books.claimed(tenant, "a", price=10) == set()
    assert books.balance(tenant) == -1


def test_credit_that_the_platform_adds_meanwhile_is_kept(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a")
    books.db.execute("UPDATE core_tenant SET credit_balance = credit_balance + 5000 WHERE id = %s", (tenant,))
    books.ended(tenant, State.FAILED, "a")
    assert books.balance(tenant) == 5100
    assert books.entries()[-1] == ("refund", "a", 1, 9, 5100)


def test_a_charge_for_a_text_without_a_row_changes_nothing(books: Books) -> None:
    tenant = books.academy(balance=100)
    with pytest.raises(WorkFailed, match="given up"), books.db.tx() as cursor:
        deliveries.charge_all(cursor, {tenant: [("no such row", 850)]})
    assert (books.balance(tenant), books.entries()) == (100, [])


def test_a_charge_without_the_academys_lock_is_given_up_when_the_balance_moves(books: Books) -> None:
    tenant = books.academy(balance=100)

    def spend(statement: str, _: object) -> None:
        if "INSERT INTO academyctl_credit_entry" in statement:
            books.db.execute("UPDATE core_tenant SET credit_balance = 5 WHERE id = %s", (tenant,))

    with closing(Watched(books.stores, spend)) as db, pytest.raises(WorkFailed, match="given up"), db.tx() as cursor:
        deliveries.claim(cursor, [new("a", tenant)], "me", LEASE)
        deliveries.charge_all(cursor, {tenant: [("a", 850)]})
    assert (books.balance(tenant), books.entries(), books.states()) == (5, [], {})


def test_a_billed_text_cannot_be_charged_again(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.claimed(tenant, "a")
    with pytest.raises(WorkFailed, match="given up"), books.db.tx() as cursor:
        deliveries.charge_all(cursor, {tenant: [("a", 850)]})
    assert books.balance(tenant) == 91


def test_one_group_charges_and_refunds_several_academies(books: Books) -> None:
    rich, poor = books.academy(balance=100), books.academy(balance=9)
    with books.db.tx() as cursor:
        deliveries.tenants(cursor, [rich, poor], lock=True)
        deliveries.claim(cursor, [new(key, rich) for key in "ac"] + [new(key, poor) for key in "bd"], "me", LEASE)
        paid = deliveries.charge_all(cursor, {rich: [("a", 850), ("c", 850)], poor: [("b", 850), ("d", 850)]})
        deliveries.unclaim(cursor, ["d"], "me")
    assert paid == {"a", "b", "c"}
    ends = [End("a", rich, State.FAILED, "no"), End("b", poor, State.FAILED, "no"), End("c", rich, State.SENT)]
    assert deliveries.finish(books.db, ends, "me") == {"a", "b", "c"}
    assert (books.balance(rich), books.balance(poor)) == (91, 9)


def test_a_reopened_text_is_charged_again_under_a_new_billing(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.sending(tenant, "a")
    books.ended(tenant, State.FAILED, "a", reason="refused")
    with books.db.tx() as cursor:
        found = deliveries.tenants(cursor, [tenant], lock=True)[tenant]
        deliveries.known(cursor, ["a"], lock=True)
        deliveries.reopen(cursor, ["a"], "you", LEASE)
        assert deliveries.charge(cursor, found, [("a", 900)]) == {"a"}
    assert deliveries.sending(books.db, ["a"], "you", LEASE) == {"a"}
    row = deliveries.row(books.db, "a")
    assert row is not None
    assert (row.billing, row.price_cents, row.reason, row.finished_at) == (2, 900, "", None)
    assert books.ended(tenant, State.FAILED, "a", token="you") == {"a"}
    assert [(what, billing) for what, _, billing, _, _ in books.entries()] == [
        ("charge", 1), ("refund", 1), ("charge", 2), ("refund", 2),
    ]  # fmt: skip
    assert books.balance(tenant) == 100


def test_a_reopened_text_that_cannot_be_paid_has_failed_as_before(books: Books) -> None:
    tenant = books.academy(balance=9)
    books.sending(tenant, "a")
    books.ended(tenant, State.FAILED, "a", reason="refused")
    before = deliveries.row(books.db, "a")
    books.db.execute("UPDATE core_tenant SET credit_balance = 3")
    with books.db.tx() as cursor:
        found = deliveries.tenants(cursor, [tenant], lock=True)[tenant]
        deliveries.reopen(cursor, ["a"], "you", LEASE)
        assert deliveries.charge(cursor, found, [("a", 850)]) == set()
        deliveries.unclaim(cursor, ["a"], "you")
    after = deliveries.row(books.db, "a")
    assert before is not None
    assert after is not None
    assert (after.state, after.reason, after.finished_at, after.leased) == (
        State.FAILED, "refused", before.finished_at, False,
    )  # fmt: skip


def test_the_refund_of_a_text_whose_academy_was_deleted_harms_nobody(books: Books) -> None:
    gone, other = books.academy(balance=100), books.academy(balance=100)
    books.sending(gone, "a")
    books.sending(other, "b")
    books.db.execute("DELETE FROM core_tenant WHERE id = %s", (gone,))
    ends = [End("a", gone, State.FAILED, "no"), End("b", other, State.FAILED, "no")]
    assert deliveries.finish(books.db, ends, "me") == {"a", "b"}
    assert (books.balance(other), len(books.log())) == (100, 1)


def test_a_hundred_texts_charged_and_refunded_leave_every_book_as_it_was(books: Books) -> None:
    tenant = books.academy(balance=1000)
    keys = keys_of(100)
    books.sending(tenant, *keys)
    assert books.balance(tenant) == 150
    books.ended(tenant, State.SENT, *keys[:40])
    books.ended(tenant, State.FAILED, *keys[40:])
    assert books.balance(tenant) == 1000 - 340
    entries = books.entries()
    assert sum(won for _, _, _, won, _ in entries) == -340
    balance = 1000
    for _, _, _, won, after in entries:
        balance += won
        assert after == balance

"""The ledger as people read it, with what changed from outside; and books that do not agree."""

from __future__ import annotations

import pytest

from academyctl.messaging.model import State
from academyctl.messaging.pricing import Account
from academyctl.stores import ledger
from tests.deliveries.books import Books, keys_of


def told(books: Books, tenant: int) -> list[tuple[str, int, int]]:
    lines = ledger.lines(ledger.entries(books.db, tenant, 100)[::-1], balance=books.balance(tenant))
    return [(line.what, line.won, line.balance_after) for line in lines]


def test_credit_that_was_bought_shows_between_the_charges_and_after_them(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.claimed(tenant, "a")
    books.db.execute("UPDATE core_tenant SET credit_balance = credit_balance + 500")
    books.claimed(tenant, "b")
    books.db.execute("UPDATE core_tenant SET credit_balance = credit_balance - 3")
    assert told(books, tenant) == [("charge", -9, 91), ("outside", 500, 591), ("charge", -8, 583), ("outside", -3, 580)]


def test_a_ledger_that_is_cut_knows_what_changed_before_its_first_line(books: Books) -> None:
    tenant = books.academy(balance=100)
    books.claimed(tenant, "a")
    books.db.execute("UPDATE core_tenant SET credit_balance = 1000")
    books.claimed(tenant, "b")
    second, first = ledger.entries(books.db, tenant, 10)
    assert ledger.entries(books.db, tenant, 10, before=second.id) == [first]
    assert [line.what for line in ledger.lines([second], before=first)] == ["outside", "charge"]
    assert [line.what for line in ledger.lines([second])] == ["charge"]


def test_the_books_of_an_academy_agree_after_every_kind_of_end(books: Books) -> None:
    tenant, other = books.academy(), books.academy()
    keys = keys_of(9)
    books.sending(tenant, *keys)
    books.ended(tenant, State.SENT, *keys[:3])
    books.ended(tenant, State.FAILED, *keys[3:5])
    books.ended(tenant, State.UNKNOWN, *keys[5:7])
    found = ledger.audit(books.db, tenant)
    assert found is not None
    assert found.agrees
    assert (found.owed_cents, found.paid, books.balance(tenant)) == (7 * 850, 60, 940)
    assert ledger.account(books.db, tenant) == Account(7 * 850, 60)
    assert ledger.account(books.db, other) == Account()
    assert ledger.audit(books.db, 10**6) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE academyctl_credit_account SET owed_cents = 900, paid = 9", "owed, ledger: 900 != 850"),
        ("UPDATE academyctl_credit_entry SET won = -8", "paid, ledger in won: 9 != 8"),
        ("UPDATE academyctl_message_delivery SET billed = false", "owed, billed texts: 850 != 0"),
        ("DELETE FROM academyctl_credit_account", "owed, ledger: 0 != 850"),
    ],
)
def test_a_book_that_somebody_changed_by_hand_is_told_from_the_others(books: Books, change: str, words: str) -> None:
    tenant = books.academy()
    books.claimed(tenant, "a")
    books.db.execute(change)
    found = ledger.audit(books.db, tenant)
    assert found is not None
    assert words in found.differences


def test_standings_are_of_all_that_send_or_were_charged(books: Books) -> None:
    sends, charged, silent = (books.academy(code=code) for code in ("sends", "charged", "silent"))
    books.claimed(charged, "a")
    books.db.execute("UPDATE core_tenant SET messaging_is_active = false WHERE id <> %s", (sends,))
    found = ledger.standings(books.db)
    assert [(one.code, one.balance, one.texts, one.today_won, one.month_won, one.entries) for one in found] == [
        ("charged", 991, 116, 9, 9, 1), ("sends", 1000, 117, 0, 0, 0),
    ]  # fmt: skip
    assert [one.code for one in ledger.standings(books.db, silent)] == ["silent"]


def test_today_is_koreas_and_the_month_has_thirty_days(books: Books) -> None:
    tenant = books.academy()
    books.claimed(tenant, "now", "today", "yesterday", "long ago")
    for key, at in (
        ("today", "date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') AT TIME ZONE 'Asia/Seoul'"),
        ("yesterday", "date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') AT TIME ZONE 'Asia/Seoul' - interval '1 s'"),
        ("long ago", "now() - interval '31 days'"),
    ):
        statement = f"UPDATE academyctl_credit_entry SET at = {at} WHERE delivery_key = %s"
        books.db.execute(statement, (key,))
    (found,) = ledger.standings(books.db, tenant)
    won = {key: -amount for _, key, _, amount, _ in books.entries()}
    assert (found.today_won, found.month_won) == (won["now"] + won["today"], sum(won.values()) - won["long ago"])


def test_an_academy_without_a_price_can_send_any_number(books: Books) -> None:
    (found,) = ledger.standings(books.db, books.academy(price="0", balance=-5))
    assert found.texts is None

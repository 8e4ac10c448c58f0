"""Prices with hundredths on balances without: nothing is lost and nothing is won."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from academyctl.messaging import pricing
from academyctl.messaging.pricing import Account


def test_a_text_of_8_50_takes_9_from_100_and_its_refund_gives_100_again() -> None:
    account, taken = pricing.charge(Account(), 850)
    assert 100 - taken == 91
    account, given = pricing.refund(account, 850)
    assert (100 - taken + given, account) == (100, Account())


def test_two_texts_of_8_50_cost_17() -> None:
    account, first = pricing.charge(Account(), 850)
    _, second = pricing.charge(account, 850)
    assert (first, second) == (9, 8)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_charged_and_refunded_the_balance_has_paid_the_exact_sum_rounded_up(seed: int) -> None:
    rng = random.Random(seed)
    account, ledger, billed = Account(), 0, list[int]()
    for _ in range(300):
        if billed and rng.random() < 0.45:
            price = billed.pop(rng.randrange(len(billed)))
            account, won = pricing.refund(account, price)
            ledger += won
        else:
            billed.append(price := rng.choice((1, 33, 99, 100, 101, 850, 1100, 2599)))
            account, won = pricing.charge(account, price)
            ledger -= won
        assert won >= 0
        assert account.owed_cents == sum(billed)
        assert account.paid == -(-account.owed_cents // 100) == -ledger
    for price in billed:
        account, won = pricing.refund(account, price)
        ledger += won
    assert (account, ledger) == (Account(), 0)


@pytest.mark.parametrize("seed", range(20))
def test_a_balance_pays_for_as_many_texts_as_it_says(seed: int) -> None:
    rng = random.Random(seed)
    price, balance = rng.choice((1, 850, 99, 1300)), rng.randrange(0, 60)
    account = Account(owed := rng.randrange(0, 5000), pricing.due(owed))
    said = pricing.affordable(balance, account, price)
    count = 0
    while True:
        account, won = pricing.charge(account, price)
        if balance - won < 0:
            break
        balance, count = balance - won, count + 1
    assert said == count


def test_a_text_without_a_price_is_paid_by_any_balance_and_a_debt_pays_for_none() -> None:
    assert pricing.affordable(0, Account(), 0) is None
    assert pricing.affordable(-1, Account(), 850) == 0


@pytest.mark.parametrize(
    ("price", "hundredths"),
    [("8.50", 850), (Decimal("0.01"), 1), ("-3", -300), (12, 1200), ("99999999.99", 9999999999)],
)
def test_a_price_is_read_exactly_and_written_as_it_was(price: Decimal | str | int, hundredths: int) -> None:
    assert pricing.cents(price) == hundredths
    assert Decimal(pricing.won(hundredths)) == Decimal(price)


@pytest.mark.parametrize("price", ["8.505", "NaN", "Infinity", "", "eight"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="no price"):
        pricing.cents(price)


def test_an_account_gives_no_more_back_than_it_owes() -> None:
    with pytest.raises(ValueError, match="cannot give back"):
        pricing.refund(Account(850, 9), 851)

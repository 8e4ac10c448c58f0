"""What texts cost, without a rounding error (contract 6.8, 11 #18): prices in hundredths of a won, balances in won.

The platform keeps a price as numeric(10,2) and a balance as numeric(12,0), so 8.50 cannot be taken from a balance. The
academy's account adds up what its billed texts cost exactly, and the balance has always paid that sum rounded up to
the next won: two texts of 8.50 take 9 and then 8. A refund gives back what a charge of the same account would take.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Account:
    """`owed_cents`: what the billed texts cost exactly. `paid`: what the balance has paid for them, in won."""

    owed_cents: int = 0
    paid: int = 0


def cents(price: Decimal | str | int) -> int:
    """A price in won as hundredths of a won; at most two places, as the column has. Raises ValueError for no price."""
    try:
        exact = Decimal(price) * 100
        whole = int(exact)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError(f"{price!r} is no price") from error
    if exact != whole:
        raise ValueError(f"{price!r} is no price: finer than a hundredth of a won")
    return whole


def won(price_cents: int) -> str:
    """A price as people and numeric(10,2) write it: 850 -> '8.50'."""
    sign = "-" if price_cents < 0 else ""
    return f"{sign}{abs(price_cents) // 100}.{abs(price_cents) % 100:02d}"


def due(owed_cents: int) -> int:
    """What a balance has to have paid for what is owed, in won."""
    return -(-owed_cents // 100)


def charge(account: Account, price_cents: int) -> tuple[Account, int]:
    """The account with one more text, and what the balance pays for it now, in won (perhaps 0)."""
    return _moved(account, price_cents)


def refund(account: Account, price_cents: int) -> tuple[Account, int]:
    """The account with one text less, and what the balance gets back, in won (perhaps 0)."""
    after, paid = _moved(account, -price_cents)
    return after, -paid


def affordable(balance: int, account: Account, price_cents: int) -> int | None:
    """How many texts a balance pays for; None when they cost nothing."""
    if price_cents <= 0:
        return None
    return max(0, ((account.paid + balance) * 100 - account.owed_cents) // price_cents) if balance >= 0 else 0


def _moved(account: Account, by_cents: int) -> tuple[Account, int]:
    owed = account.owed_cents + by_cents
    if owed < 0:
        raise ValueError(f"an account of {account.owed_cents} hundredths of a won cannot give back {-by_cents}")
    after = Account(owed, due(owed))
    return after, after.paid - account.paid

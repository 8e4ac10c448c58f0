"""What the platform's rows tell of messages: tenants that may send, and the attempts of a day (contract 3.1, 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks import _failures
from checks._deliveries import HALFWAY_MIN, UNPAID_DAYS
from checks._failures import Reason
from checks._model import Verdict, World
from checks._solapi import short

# What the worker writes as the reason (contract 6.6, 6.8) -> what it is about, and whose fault.
REASONS: tuple[_failures.Group, ...] = (
    (r"^insufficient_balance", "credit", Verdict.capacity),
    (r"(?i)InvalidAPIKey|SignatureDoesNotMatch|RequestTimeTooSkewed|Unauthorized|Forbidden", "auth", Verdict.settings),
    (r"(?i)NotEnoughBalance|잔액", "money", Verdict.capacity),
    (r"(?i)발신번호|sender ?id|alimtalk_requires", "sender", Verdict.settings),
)


@dataclass(frozen=True)
class Tenant:
    """A tenant that sends messages. `broke`: not even one can be paid. `sender`: none, active, foreign (not one of the
    account's), or unseen (the account's are not known)."""

    code: str
    credit: int
    price: float
    broke: bool
    sender: str
    shown: str


@dataclass(frozen=True)
class Day:
    """Attempts of the last 24 hours; `last_s` is the age of the newest, None without any."""

    attempts: int
    failed: int
    last_s: int | None
    reasons: tuple[Reason, ...]


def rows(world: World) -> dict[str, Any]:
    """Rows by the names tenants, counts, reasons, and of academyctl's own tables unknown, halfway, unpaid, ledger.

    One round trip; a second without the latter where those tables are not there. Raises DatabaseAway.
    """
    from academyctl.errors import DatabaseAway
    from academyctl.stores import delivery_reads, notifications, postgres_batch
    from academyctl.stores.credits import senders

    statements = {
        "tenants": senders(),
        "counts": notifications.counts(_failures.HOURS),
        "reasons": notifications.reasons(_failures.HOURS),
    }
    own = delivery_reads.survey(halfway_minutes=HALFWAY_MIN, unpaid_days=UNPAID_DAYS)
    try:
        return dict(postgres_batch.read(world.stores.db, statements | own))
    except DatabaseAway as error:
        if error.cause != "schema":
            raise
        return dict(postgres_batch.read(world.stores.db, statements))


def tenant(row: Mapping[str, Any], numbers: frozenset[str] | None) -> Tenant:
    """One row of tenants; `numbers` may send through the account, None when they are not known."""
    from academyctl.stores.solapi import digits

    number = digits(row["sender"])
    sender = "none" if not number else "unseen" if numbers is None else "active" if number in numbers else "foreign"
    return Tenant(row["code"], row["credit"], row["price"], row["broke"], sender, short(number))


def day(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Day:
    """From the rows counts and reasons."""
    counts = rows["counts"][0]
    return Day(counts["attempts"], counts["failed"], counts["last_s"], _failures.reasons_of(rows["reasons"]))

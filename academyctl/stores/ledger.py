"""The ledger of credit: every change that academyctl made to a balance, and whether all the books agree.

The platform adds credit to core_tenant.credit_balance without knowing of the ledger. Such a change shows as the
difference between one entry's balance and the balance before the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from academyctl.messaging import pricing
from academyctl.messaging.pricing import Account
from academyctl.stores.postgres import Postgres
from academyctl.stores.postgres_batch import read

STATEMENT_MS = 20_000
"""Adding up a ledger of years may take so long."""
OUTSIDE = "outside"
_ACCOUNT = "SELECT owed_cents, paid FROM academyctl_credit_account WHERE tenant_id = %s"
_ENTRIES = """
SELECT id, at, what, delivery_key AS key, billing, price_cents, won, balance_after::bigint AS balance_after
FROM academyctl_credit_entry
WHERE tenant_id = %(tenant_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""
# Days are Korea's: an academy's "today" ends at its midnight.
_STANDINGS = """
WITH day AS (SELECT date_trunc('day', now() AT TIME ZONE 'Asia/Seoul') AT TIME ZONE 'Asia/Seoul' AS began),
     chosen AS (
        SELECT t.* FROM core_tenant t LEFT JOIN academyctl_credit_account a ON a.tenant_id = t.id
        WHERE CASE WHEN %(tenant_id)s::bigint IS NULL THEN t.messaging_is_active OR a.tenant_id IS NOT NULL
                   ELSE t.id = %(tenant_id)s END),
     entered AS (
        SELECT tenant_id, count(*) AS entries, -sum(won) AS ledger_won,
               sum(CASE what WHEN 'charge' THEN price_cents ELSE -price_cents END) AS ledger_cents,
               -coalesce(sum(won) FILTER (WHERE at >= (SELECT began FROM day)), 0) AS today_won,
               -coalesce(sum(won) FILTER (WHERE at >= now() - interval '30 days'), 0) AS month_won
        FROM academyctl_credit_entry WHERE tenant_id IN (SELECT id FROM chosen) GROUP BY tenant_id),
     billed AS (
        SELECT tenant_id, sum(price_cents) AS billed_cents FROM academyctl_message_delivery
        WHERE billed AND tenant_id IN (SELECT id FROM chosen) GROUP BY tenant_id)
SELECT c.id AS tenant_id, c.code, c.name, c.messaging_is_active AS messaging_active,
       c.credit_balance::bigint AS balance, (c.messaging_base_price * 100)::bigint AS price_cents,
       coalesce(e.today_won, 0)::bigint AS today_won, coalesce(e.month_won, 0)::bigint AS month_won,
       coalesce(e.entries, 0)::bigint AS entries, coalesce(a.owed_cents, 0) AS owed_cents,
       coalesce(a.paid, 0) AS paid, coalesce(e.ledger_won, 0)::bigint AS ledger_won,
       coalesce(e.ledger_cents, 0)::bigint AS ledger_cents, coalesce(b.billed_cents, 0)::bigint AS billed_cents
FROM chosen c LEFT JOIN academyctl_credit_account a ON a.tenant_id = c.id
     LEFT JOIN entered e ON e.tenant_id = c.id LEFT JOIN billed b ON b.tenant_id = c.id
ORDER BY c.code
"""


@dataclass(frozen=True)
class Entry:
    """One change of a balance. `won` is what it changed by: below zero for a charge, above for a refund."""

    id: int
    at: datetime
    what: str
    key: str
    billing: int
    price_cents: int
    won: int
    balance_after: int


@dataclass(frozen=True)
class Line:
    """An entry as people read it, or a change from outside: then `entry` is None and `at` when it was seen first.

    `at` is None for a change since the newest entry.
    """

    what: str
    at: datetime | None
    won: int
    balance_after: int
    entry: Entry | None = None


@dataclass(frozen=True)
class Audit:
    """Sums of one academy that must agree; money in won and in hundredths of a won."""

    owed_cents: int
    paid: int
    ledger_won: int
    ledger_cents: int
    billed_cents: int

    @property
    def differences(self) -> tuple[str, ...]:
        """What does not agree, in words with both sides; nothing when all does."""
        pairs = (
            ("paid, owed rounded up", self.paid, pricing.due(self.owed_cents)),
            ("paid, ledger in won", self.paid, self.ledger_won),
            ("owed, ledger", self.owed_cents, self.ledger_cents),
            ("owed, billed texts", self.owed_cents, self.billed_cents),
        )
        return tuple(f"{name}: {left} != {right}" for name, left, right in pairs if left != right)

    @property
    def agrees(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Standing:
    """How an academy stands. `today_won` (since midnight in Korea) and `month_won` are charges less refunds."""

    tenant_id: int
    code: str
    name: str
    messaging_active: bool
    balance: int
    price_cents: int
    today_won: int
    month_won: int
    entries: int
    audit: Audit

    @property
    def texts(self) -> int | None:
        """How many texts the balance pays for; None where they cost nothing."""
        return pricing.affordable(self.balance, Account(self.audit.owed_cents, self.audit.paid), self.price_cents)


def account(db: Postgres, tenant_id: int) -> Account:
    """What an academy's billed texts cost and what was paid for them."""
    found = db.query(_ACCOUNT, (tenant_id,))
    return Account(found[0]["owed_cents"], found[0]["paid"]) if found else Account()


def entries(db: Postgres, tenant_id: int, limit: int, before: int | None = None) -> list[Entry]:
    """An academy's newest entries first; `before`: only older ones than this id."""
    values = {"tenant_id": tenant_id, "limit": limit, "before": before}
    return [Entry(**row) for row in db.query(_ENTRIES, values)]


def audit(db: Postgres, tenant_id: int) -> Audit | None:
    """The sums of an academy that must agree; None when there is no such academy."""
    found = standings(db, tenant_id)
    return found[0].audit if found else None


def standings(db: Postgres, tenant_id: int | None = None) -> list[Standing]:
    """One academy's, or those of all that send or were ever charged, by code. Raises DatabaseAway."""
    statement = {"standings": (_STANDINGS, {"tenant_id": tenant_id})}
    names = tuple(Audit.__dataclass_fields__)
    found = read(db, statement, statement_ms=STATEMENT_MS)["standings"]
    return [
        Standing(
            **{name: value for name, value in row.items() if name not in names},
            audit=Audit(**{name: row[name] for name in names}),
        )
        for row in found
    ]


def lines(found: Sequence[Entry], *, before: Entry | None = None, balance: int | None = None) -> list[Line]:
    """Entries (oldest first) with the changes from outside between them.

    `before`: the entry just before the first of them; `balance`: as it is now, when they end with the newest entry.
    """
    told: list[Line] = []
    last = before.balance_after if before else None
    for entry in found:
        start = entry.balance_after - entry.won
        if last is not None and start != last:
            told.append(Line(OUTSIDE, entry.at, start - last, start))
        told.append(Line(entry.what, entry.at, entry.won, entry.balance_after, entry))
        last = entry.balance_after
    if last is not None and balance is not None and balance != last:
        told.append(Line(OUTSIDE, None, balance - last, balance))
    return told

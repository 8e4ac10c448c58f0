"""What deliveries tell operators and a diagnosis: counts, what hangs, what waits for credit, whether money agrees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from academyctl.contract.texts import delivery_key
from academyctl.stores.postgres import Postgres
from academyctl.stores.postgres_batch import Statement, read

LISTED = 50
LEDGER_MOST = 300_000
"""Entries of a ledger that a diagnosis adds up; it says when there are more."""
_COUNTS = """
SELECT state, count(*)::int AS count FROM academyctl_message_delivery
WHERE (%(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s)
  AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
GROUP BY state
"""
_EXACT = "SELECT key FROM academyctl_message_delivery WHERE key = ANY(%(keys)s) ORDER BY key"
_BEGINS = """
SELECT key FROM academyctl_message_delivery
WHERE starts_with(key, %(word)s) OR starts_with(key, 'sqs:' || %(word)s) OR starts_with(key, 'biz:' || %(word)s)
ORDER BY key LIMIT %(limit)s
"""
_ENTRIES = """
SELECT at, what, billing, price_cents, won, balance_after::bigint AS balance_after
FROM academyctl_credit_entry WHERE delivery_key = %(key)s ORDER BY id
"""
_CODES = "SELECT id, code FROM core_tenant WHERE id = ANY(%(ids)s)"
_NAMED = "coalesce(t.code, d.tenant_id::text) AS tenant"
_UNKNOWN = f"""
SELECT {_NAMED}, count(*)::int AS count,
       extract(epoch FROM now() - min(d.created_at))::int AS oldest_s
FROM academyctl_message_delivery d LEFT JOIN core_tenant t ON t.id = d.tenant_id
WHERE d.state = 'UNKNOWN' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {LISTED}
"""  # noqa: S608 - ours
# A text that was put off has no lease at all: the time of its last change counts then.
_HALFWAY = f"""
SELECT d.key, d.state, {_NAMED}, count(*) OVER ()::int AS total,
       extract(epoch FROM now() - coalesce(d.lease_until, d.updated_at))::int AS quiet_s
FROM academyctl_message_delivery d LEFT JOIN core_tenant t ON t.id = d.tenant_id
WHERE d.state IN ('CLAIMED', 'SENDING')
  AND coalesce(d.lease_until, d.updated_at) < now() - make_interval(mins => %(minutes)s)
ORDER BY 5 DESC, 1 LIMIT 5
"""  # noqa: S608 - ours
_UNPAID = f"""
SELECT {_NAMED}, count(*)::int AS count
FROM academyctl_message_delivery d LEFT JOIN core_tenant t ON t.id = d.tenant_id
WHERE d.state = 'FAILED' AND d.updated_at > now() - make_interval(days => %(days)s)
  AND d.reason LIKE 'insufficient_balance%%'
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {LISTED}
"""  # noqa: S608 - ours
# The planner's own estimate costs nothing; adding up millions of entries would.
_ENTERED = "SELECT reltuples::bigint AS entries FROM pg_class WHERE oid = 'academyctl_credit_entry'::regclass"
_LEDGER = f"""
SELECT coalesce(t.code, sums.tenant_id::text) AS tenant, sums.owed::bigint AS owed, sums.entered::bigint AS entered,
       sums.paid::bigint AS paid, sums.won::bigint AS won, sums.billed::bigint AS billed
FROM (
  SELECT tenant_id, sum(owed) AS owed, sum(entered) AS entered, sum(paid) AS paid, sum(won) AS won,
         sum(billed) AS billed
  FROM (
    SELECT tenant_id, owed_cents AS owed, 0 AS entered, paid, 0 AS won, 0 AS billed FROM academyctl_credit_account
    UNION ALL
    SELECT tenant_id, 0, CASE what WHEN 'charge' THEN price_cents ELSE -price_cents END, 0,
           CASE what WHEN 'charge' THEN abs(won) ELSE -abs(won) END, 0 FROM academyctl_credit_entry
    UNION ALL
    SELECT tenant_id, 0, 0, 0, 0, price_cents FROM academyctl_message_delivery WHERE billed
  ) parts GROUP BY tenant_id
) sums LEFT JOIN core_tenant t ON t.id = sums.tenant_id
WHERE (sums.owed <> sums.entered OR sums.paid <> sums.won OR sums.owed <> sums.billed)
  AND ({_ENTERED}) <= {LEDGER_MOST}
ORDER BY 1 LIMIT {LISTED}
"""  # noqa: S608 - ours


@dataclass(frozen=True)
class Entry:
    """A line of the ledger about one text. `won` as it was written, `balance_after` in won."""

    at: datetime
    what: str
    billing: int
    price_cents: int
    won: int
    balance_after: int


def survey(*, halfway_minutes: int, unpaid_days: int) -> dict[str, Statement]:
    """For a diagnosis, by name: unknown (tenant, count, oldest_s), halfway (key, state, tenant, total, quiet_s), unpaid
    (tenant, count), ledger (tenants whose sums differ: owed, entered, paid, won, billed; money in hundredths and won),
    entered (entries, about; with more than LEDGER_MOST none was added up).
    """
    return {
        "unknown": (_UNKNOWN, {}),
        "halfway": (_HALFWAY, {"minutes": halfway_minutes}),
        "unpaid": (_UNPAID, {"days": unpaid_days}),
        "ledger": (_LEDGER, {}),
        "entered": (_ENTERED, {}),
    }


def counts(db: Postgres, *, tenant_id: int | None = None, since: datetime | None = None) -> dict[str, int]:
    """How many texts are in which state. Raises DatabaseAway, also when it would take too long."""
    found = read(db, {"counts": (_COUNTS, {"tenant_id": tenant_id, "since": since})})["counts"]
    return {str(row["state"]): int(row["count"]) for row in found}


def matching(db: Postgres, word: str, most: int) -> list[str]:
    """Keys that a person can mean by a word: a key, an SQS id, a business key; else what begins with it."""
    exact = list(dict.fromkeys((word, delivery_key("", word), delivery_key(word, ""))))
    found = read(db, {"exact": (_EXACT, {"keys": exact}), "begins": (_BEGINS, {"word": word, "limit": most})})
    return [str(row["key"]) for row in found["exact"] or found["begins"]]


def entries(db: Postgres, key: str) -> list[Entry]:
    """What the ledger says of a text, in its order. Raises DatabaseAway."""
    return [Entry(**row) for row in db.query(_ENTRIES, {"key": key})]


def codes(db: Postgres, ids: Collection[int]) -> dict[int, str]:
    """The academies' codes by id; one that is gone is left out. Raises DatabaseAway."""
    return {int(row["id"]): str(row["code"]) for row in db.query(_CODES, {"ids": list(ids)})} if ids else {}

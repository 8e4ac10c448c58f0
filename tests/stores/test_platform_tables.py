"""The read verbs over AI jobs, tenants' credit and the send log: what they count, and how they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from academyctl.errors import DatabaseAway
from academyctl.local import sample
from academyctl.stores import Stores, ai_jobs, notifications, postgres_batch
from academyctl.stores.credits import senders
from tests.platform_rows import make_ai_job, make_attempts

DAY = 24


def test_empty_tables_give_counts_of_nothing(stores: Stores) -> None:
    seen = ai_jobs.survey(stores.db, pending_minutes=10, hours=DAY)
    assert (seen.open, seen.stale, seen.waiting, seen.reasons) == ([], [], [], [])
    assert (seen.ended["ended"], seen.ended["failed"], seen.ended["hidden_ids"]) == (0, 0, None)
    rows = postgres_batch.read(
        stores.db, {"t": senders(), "n": notifications.counts(DAY), "r": notifications.reasons(DAY)}
    )
    assert rows == {"t": [], "n": [{"attempts": 0, "failed": 0, "last_s": None}], "r": []}


def test_long_lists_are_cut_and_their_totals_are_not(stores: Stores) -> None:
    hour = timedelta(hours=1)
    for _ in range(ai_jobs.LISTED + 3):
        make_ai_job(stores, age=hour, tier="lite")
        make_ai_job(stores, status="RUNNING", lease_expires_at=datetime.now(UTC) - hour)
    make_ai_job(stores, age=hour)
    seen = ai_jobs.survey(stores.db, pending_minutes=10, hours=DAY)
    assert (len(seen.stale), seen.stale[0]["total"]) == (ai_jobs.LISTED, ai_jobs.LISTED + 3)
    totals = {(row["tier"], row["total"]) for row in seen.waiting}
    assert totals == {("lite", ai_jobs.LISTED + 3), ("basic", 1)}
    assert len(seen.waiting) == ai_jobs.LISTED + 1


def test_reasons_are_counted_together_and_the_most_frequent_is_first(stores: Stores) -> None:
    for text in ("rare", "often", "often"):
        make_ai_job(stores, status="FAILED", last_error=text)
    make_ai_job(stores, status="DONE", error_message="often")
    seen = ai_jobs.survey(stores.db, pending_minutes=10, hours=DAY)
    assert seen.reasons == [{"reason": "often", "count": 3}, {"reason": "rare", "count": 1}]
    assert (seen.ended["ended"], seen.ended["failed"], seen.ended["hidden"]) == (4, 4, 1)


def test_attempts_of_a_day_are_counted_with_their_reasons(stores: Stores) -> None:
    with stores.db.tx() as cursor:
        tenant = sample.make_tenant(cursor, code="demo")
    make_attempts(stores, 3, tenant_id=tenant)
    make_attempts(stores, 2, reason="x" * 300, tenant_id=tenant, age=timedelta(hours=2))
    make_attempts(stores, 5, reason="old", tenant_id=tenant, age=timedelta(hours=25))
    rows = postgres_batch.read(stores.db, {"n": notifications.counts(DAY), "r": notifications.reasons(DAY)})
    [counts] = rows["n"]
    assert (counts["attempts"], counts["failed"]) == (5, 2)
    assert 60 <= counts["last_s"] < 120
    assert rows["r"] == [{"reason": "x" * 200, "count": 2}]


def test_tenants_that_cannot_pay_come_first(stores: Stores) -> None:
    with stores.db.tx() as cursor:
        for code in ("a", "b", "c"):
            sample.make_tenant(cursor, code=code)
        cursor.execute("UPDATE core_tenant SET credit_balance = 8 WHERE code = 'c'")
        cursor.execute("UPDATE core_tenant SET is_active = false WHERE code = 'b'")
    rows = postgres_batch.read(stores.db, {"t": senders()})["t"]
    assert [(row["code"], row["broke"], row["total"]) for row in rows] == [("c", True, 2), ("a", False, 2)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [("SELECT * FROM nowhere", "42P01"), ("SELECT pg_sleep(5)", "57014"), ("DELETE FROM ai_job", "25006")],
)
def test_one_statement_that_fails_is_the_batchs_failure_and_the_connection_stays_good(
    stores: Stores, sql: str, code: str
) -> None:
    statements = {"good": ("SELECT 1 AS one", ()), "bad": (sql, ()), "after": ("SELECT 2 AS two", ())}
    with pytest.raises(DatabaseAway) as caught:
        postgres_batch.read(stores.db, statements, statement_ms=100)
    assert caught.value.code == code
    assert postgres_batch.read(stores.db, {"good": ("SELECT 1 AS one", ())}) == {"good": [{"one": 1}]}
    # The limit was the transaction's own.
    assert stores.db.query("SHOW statement_timeout") == [{"statement_timeout": "0"}]

"""What academyctl's own tables tell a diagnosis, on the real database: found by rows, folded under what explains it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from academyctl.local import sample
from academyctl.messaging.model import End, New, State
from academyctl.stores import Stores, deliveries
from checks import _snapshot
from checks._model import State as Found
from checks._model import Verdict
from checks._verdict import roots
from tests.checks.platform import diagnosed

V = Verdict
PHONE = "01077351902"
_TABLES = "academyctl_message_delivery, academyctl_credit_account, academyctl_credit_entry"
_OLD = "UPDATE academyctl_message_delivery SET lease_until = lease_until - interval '1 hour' WHERE key = %s"


@pytest.fixture
def texts(rows: Stores) -> Iterator[Stores]:
    """Stores over empty tables, ours too; they are empty again for whoever comes next."""
    rows.db.execute(f"TRUNCATE {_TABLES}")
    yield rows
    rows.db.execute(f"TRUNCATE {_TABLES}")


def _academy(stores: Stores, code: str, credit: int = 1000) -> int:
    with stores.db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, code=code)
        cursor.execute("UPDATE core_tenant SET credit_balance = %s WHERE id = %s", (credit, tenant_id))
    return tenant_id


def _new(key: str, tenant_id: int) -> New:
    return New(key, tenant_id, "m", "sms", "SMS", PHONE, "0212345678", 20, "t", "c", "", 850)


def _text(stores: Stores, key: str, tenant_id: int, state: State) -> None:
    with stores.db.tx() as cursor:
        tenant = deliveries.tenants(cursor, [tenant_id], lock=True)[tenant_id]
        deliveries.claim(cursor, [_new(key, tenant_id)], "t", 60)
        deliveries.charge(cursor, tenant, [(key, 850)])
    deliveries.sending(stores.db, [key], "t", 60)
    if state is not State.SENDING:
        deliveries.finish(stores.db, [End(key, tenant_id, state)], "t")


def test_texts_that_need_a_person_are_told_and_the_others_are_not(rows_env: dict[str, str], texts: Stores) -> None:
    demo, poor = _academy(texts, "demo"), _academy(texts, "poor", credit=8)
    for number, state in enumerate((State.SENT, State.UNKNOWN, State.UNKNOWN, State.SENDING, State.SENDING)):
        _text(texts, f"biz:{PHONE}:{number}", demo, state)
    texts.db.execute(_OLD, (f"biz:{PHONE}:4",))
    with texts.db.tx() as cursor:
        unpaid = "insufficient_balance: credit 8, needs 9"
        refusals = [("rich", demo, unpaid), ("poor", poor, unpaid), ("no", demo, "sender_missing: none")]
        deliveries.refuse(cursor, [(_new(f"biz:{key}", tenant), reason) for key, tenant, reason in refusals])
    found = diagnosed(rows_env, ["messaging"])
    assert [one.key for one in roots(found.findings)] == [
        "messaging.texts-unknown", "messaging.tenant-credit=poor", "messaging.texts-halfway",
        "messaging.credit-waits=demo",
    ]  # fmt: skip
    assert (found.verdict, found.state) == (V.data, Found.fail)
    told = {one.key: one for one in found.findings}
    assert (told["messaging.texts-unknown"].value("count"), told["messaging.texts-halfway"].value("count")) == (
        "2",
        "1",
    )
    assert told["messaging.credit-waits=poor"].because_of == "messaging.tenant-credit=poor"
    assert told["messaging.ledger"].state is Found.ok
    assert PHONE not in str(found) + _snapshot.dumps(found.snapshot)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE academyctl_credit_account SET owed_cents = owed_cents + 100, paid = paid + 1",
        "DELETE FROM academyctl_credit_entry",
        "UPDATE academyctl_message_delivery SET billed = false",
    ],
)
def test_a_ledger_that_does_not_add_up_is_a_bug(rows_env: dict[str, str], texts: Stores, harm: str) -> None:
    _text(texts, "biz:a", _academy(texts, "demo"), State.SENT)
    _text(texts, "biz:b", _academy(texts, "other"), State.FAILED)
    texts.db.execute(harm.replace(";", "") + " WHERE tenant_id = (SELECT id FROM core_tenant WHERE code = 'demo')")
    found = diagnosed(rows_env, ["messaging"])
    assert [one.key for one in roots(found.findings)] == ["messaging.ledger-differs=demo"]
    assert (found.verdict, found.state) == (V.code, Found.fail)


def test_a_database_without_our_tables_is_told_and_the_rest_is_still_seen(
    rows_env: dict[str, str], texts: Stores
) -> None:
    _academy(texts, "poor", credit=8)
    texts.db.execute("ALTER TABLE academyctl_credit_entry RENAME TO academyctl_credit_entry_away")
    try:
        found = diagnosed(rows_env, ["messaging"])
    finally:
        texts.db.execute("ALTER TABLE academyctl_credit_entry_away RENAME TO academyctl_credit_entry")
    assert {one.key for one in roots(found.findings)} == {"messaging.not-migrated", "messaging.tenant-credit=poor"}
    assert found.state is Found.warn


def test_quiet_hours_that_are_in_force_are_told_and_odd_ones_are_a_fault(
    rows_env: dict[str, str], texts: Stores
) -> None:
    _academy(texts, "demo")
    hour = (datetime.now(UTC).hour + 9) % 24
    env = {**rows_env, "MESSAGING_QUIET_HOURS": f"*=off,demo={hour:02}:00-{(hour + 2) % 24:02}:00"}
    found = diagnosed(env, ["messaging"])
    assert found.verdict is V.healthy
    assert next(one for one in found.findings if one.check == "messaging.quiet").value("who") == "demo"
    found = diagnosed({**rows_env, "MESSAGING_QUIET_HOURS": "at night"}, ["messaging"])
    assert [one.key for one in roots(found.findings)] == ["messaging.quiet-odd"]

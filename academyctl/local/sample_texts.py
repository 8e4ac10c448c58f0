"""A sample text that nobody knows of: paid for, handed to Solapi when the network broke off, never answered."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from academyctl.messaging.model import End, New, State
from academyctl.stores import Stores, deliveries

KEY = "biz:welcome:demo-1"
AGE = timedelta(days=2)
_TOKEN = "sample"  # noqa: S105 - names the worker that had it
_TEXT = "데모 학원에 오신 것을 환영합니다."
_AGED = """
UPDATE academyctl_message_delivery SET created_at = created_at - %(age)s, updated_at = updated_at - %(age)s,
       sending_at = sending_at - %(age)s, finished_at = finished_at - %(age)s WHERE key = %(key)s
"""
_AGED_LEDGER = "UPDATE academyctl_credit_entry SET at = at - %(age)s WHERE delivery_key = %(key)s"


def leave_unknown(stores: Stores, tenant_id: int) -> None:
    """Claimed, charged, begun and given up as UNKNOWN two days ago, by the worker's verbs, so that the books agree."""
    with stores.db.tx() as cursor:
        tenant = deliveries.tenants(cursor, [tenant_id], lock=True)[tenant_id]
        digest = hashlib.sha256(_TEXT.encode()).hexdigest()
        new = New(
            key=KEY, tenant_id=tenant_id, message_id="5a3d1e00-0000-4000-8000-000000000011", mode="sms", kind="SMS",
            recipient="01000000002", sender=tenant.sender, text_bytes=len(_TEXT.encode("cp949")), text_sha256=digest,
            content_sha256=digest, template_id="", price_cents=tenant.price_cents,
        )  # fmt: skip
        deliveries.claim(cursor, [new], _TOKEN, 60)
        deliveries.charge(cursor, tenant, [(KEY, tenant.price_cents)])
    deliveries.sending(stores.db, [KEY], _TOKEN, 60)
    why = "Solapi's list cannot be asked: no answer for an hour"
    deliveries.finish(stores.db, [End(KEY, tenant_id, State.UNKNOWN, why)], _TOKEN)
    with stores.db.tx() as cursor:
        for sql in (_AGED, _AGED_LEDGER):
            cursor.execute(sql, {"age": AGE, "key": KEY})

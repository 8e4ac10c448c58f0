"""The peer of bench_messaging: the platform's first messaging worker's way, one text after another (contract 6).

Kinder than the original where that was careless: one kept connection to each server, nothing printed, no log lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from academyctl.stores.postgres import connect

_TENANT = "SELECT credit_balance, messaging_base_price, messaging_sender FROM core_tenant WHERE id = %s"
_LOG = """
INSERT INTO messaging_notificationlog
    (sent_at, success, amount_deducted, recipient_summary, template_summary, failure_reason, tenant_id)
VALUES (now(), true, %s, %s, 'SMS', '', %s)
"""


def counting(on_call: Callable[[], object]) -> Callable[..., None]:
    """A hook of botocore's: what it returns would be taken for the answer."""

    def hook(**_: object) -> None:
        on_call()

    return hook


def drainer(env: Mapping[str, str], *, on_sqs_call: Callable[[], object]) -> Callable[[int], None]:
    """A function that sends so many texts of the messaging queue, one by one. `env` is the platform's environment."""
    import boto3
    import redis
    from solapi import SolapiMessageService
    from solapi.model import RequestMessage

    sqs = boto3.client("sqs", region_name=env["AWS_REGION"], endpoint_url=env["AWS_ENDPOINT_URL"])
    sqs.meta.events.register("before-call.sqs", counting(on_sqs_call))
    locks = redis.Redis(
        host=env["REDIS_HOST"], port=int(env["REDIS_PORT"]), db=int(env["REDIS_DB"]), password=env["REDIS_PASSWORD"]
    )
    solapi = SolapiMessageService(env["SOLAPI_API_KEY"], env["SOLAPI_API_SECRET"])
    solapi.base_url = env["SOLAPI_BASE_URL"]
    db = connect(
        host=env["DB_HOST"], port=int(env["DB_PORT"]), dbname=env["DB_NAME"], user=env["DB_USER"],
        password=env["DB_PASSWORD"], autocommit=True,
    )  # fmt: skip

    def url() -> str:
        return str(sqs.get_queue_url(QueueName=env["MESSAGING_SQS_QUEUE_NAME"])["QueueUrl"])

    def one() -> bool:
        received = sqs.receive_message(QueueUrl=url(), MaxNumberOfMessages=1, WaitTimeSeconds=20).get("Messages")
        if not received:
            return False
        message = received[0]
        key = f"job:messaging:{message['MessageId']}:lock"
        if not locks.set(key, "1", nx=True, ex=1800):
            return False
        try:
            _send(json.loads(message["Body"]))
        finally:
            locks.delete(key)
        sqs.delete_message(QueueUrl=url(), ReceiptHandle=message["ReceiptHandle"])
        return True

    def _send(job: Mapping[str, Any]) -> None:
        tenant = db.execute(_TENANT, (job["tenant_id"],)).fetchone()
        assert tenant is not None
        price = tenant["messaging_base_price"]
        with db.transaction():
            locked = db.execute("SELECT credit_balance FROM core_tenant WHERE id = %s FOR UPDATE", (job["tenant_id"],))
            row = locked.fetchone()
            assert row is not None
            assert row["credit_balance"] >= price
            db.execute(
                "UPDATE core_tenant SET credit_balance = credit_balance - %s WHERE id = %s", (price, job["tenant_id"])
            )
        sender = (job["sender"] or tenant["messaging_sender"]).replace("-", "")
        solapi.send(RequestMessage(to=job["to"], from_=sender, text=job["text"]))
        db.execute(_LOG, (price, job["to"][:4] + "****", job["tenant_id"]))

    def drain(count: int) -> None:
        done = 0
        while done < count:
            done += one()

    return drain

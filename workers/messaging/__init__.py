"""The messaging worker: SMS, LMS and Alimtalk through Solapi, each text once, billed, and logged (contract 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores.sqs import Message
    from workers._model import Worker

THREADS = 2
"""While one group waits for Solapi's answer, another is claimed and settled."""


def worker(settings: Settings) -> Worker:
    """How the runtime runs it.

    Raises ConfigError when the database has no tables of ours, or when MESSAGING_QUIET_HOURS cannot be read. A database
    that is away does not stop a start: the worker waits for it.
    """
    from academyctl.contract import logtokens
    from academyctl.contract.texts import parse_text
    from academyctl.messaging.quiet import Quiet
    from workers._guards import kept, logged
    from workers._model import Worker
    from workers.messaging.handler import Handler

    Quiet.parse(settings.messaging.quiet_hours)
    _check_tables(settings)
    said = settings.messaging
    handler = Handler(settings)
    return Worker(
        kind="messaging",
        log_prefix="MESSAGING-WORKER",
        queues={settings.queues.messaging: 1},
        visibility_s=said.visibility_s,
        lease_s=said.lease_s,
        parse=parse_text,
        handle=handler.handle,
        handle_many=handler.handle_many,
        # A group is one request: with a rate limit no more than a second's worth of texts.
        batch=min(said.group_size, said.rate) if said.rate else said.group_size,
        threads=THREADS,
        share=_academy,
        hold_off_s=handler.hold_off_s,
        guards=(logged, kept),
        exhausted=handler.exhausted,
        describe=_describe,
        prefetch=said.buffer,
        started=logtokens.MESSAGING_STARTED,
    )


def _check_tables(settings: Settings) -> None:
    from academyctl.errors import DatabaseAway
    from academyctl.stores import Stores, own_tables

    stores = Stores(settings)
    try:
        own_tables.require(stores.db)
    except DatabaseAway:
        return  # the worker waits for it, and says so
    finally:
        stores.close()


def _academy(message: Message) -> str:
    """Whose text it is, for fair turns; what cannot be read is nobody's and goes to the dead letters at once."""
    import json

    try:
        return str(json.loads(message.body)["tenant_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _describe(job: Any) -> dict[str, Any]:
    """Fields for log lines and the heartbeat; nothing of the text, and no phone number."""
    fields = {"tenant_id": job.tenant_id, "created_at": job.created_at}
    return {name: value for name, value in fields.items() if value}

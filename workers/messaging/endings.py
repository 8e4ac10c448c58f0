"""How texts end: written in one transaction, said in the log, and what becomes of their messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from academyctl.contract import logtokens
from academyctl.errors import DatabaseAway
from academyctl.messaging.model import End, State
from academyctl.stores import deliveries
from workers._guards import AWAY
from workers._model import Done, Outcome, Reject
from workers.messaging.group import Group, Part
from workers.messaging.words import ended, key_for_people, safe

log = logging.getLogger("academyctl.messaging")

AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""The texts are out and only we know it: the database gets some time. After that Solapi's list knows it too."""


def finish(group: Group, ends: Sequence[tuple[Part, End]]) -> None:
    """Write the ends of texts, with refunds and log rows; every part has its outcome afterwards.

    Raises DatabaseAway when the database stays away (what was written then is found out with the next receive),
    Stopping, LeaseLost.
    """
    if not ends:
        return
    written = _write(group, [end for _, end in ends])
    for part, end in ends:
        part.open = False
        if end.key not in written:
            # Fenced away; or written by a transaction whose answer was lost, and then the row says so next time.
            part.defers("its row is another's by now, or ended already", 2, 6)
            continue
        _tell(part, end)
        part.ends(outcome_of(end))


def outcome_of(end: End) -> Outcome:
    """What becomes of the message. That of an UNKNOWN one is kept: a person may decide to send it again."""
    if end.state is State.SENT:
        return Done()
    return Reject(f"unknown: {end.reason}") if end.state is State.UNKNOWN else ended(end.reason)


def tell_failed(part: Part, reason: str) -> None:
    fields = {"key": key_for_people(part.key), "tenant_id": part.tenant_id, "reason": safe(reason)}
    log.warning(logtokens.MESSAGE_FAILED.text(**fields), extra={"fields": {"event": "MESSAGE_FAILED", **fields}})


def _write(group: Group, ends: Sequence[End]) -> set[str]:
    for pause_s in AGAIN_S:
        try:
            return deliveries.finish(group.db, ends, group.token)
        except DatabaseAway as away:
            if away.cause not in AWAY:
                raise
            log.warning("the ends of %d texts could not be written, trying again: %s", len(ends), away)
        group.wait(pause_s)
    return deliveries.finish(group.db, ends, group.token)


def _tell(part: Part, end: End) -> None:
    if end.state is State.FAILED:
        tell_failed(part, end.reason)
        return
    fields: dict[str, object] = {"key": key_for_people(part.key), "tenant_id": part.tenant_id}
    if end.state is State.UNKNOWN:
        fields |= {"reason": safe(end.reason)}
        line = logtokens.MESSAGE_UNKNOWN.text(**fields)
        log.error("%s", line, extra={"fields": {"event": "MESSAGE_UNKNOWN", **fields}})
        return
    kind = part.composed.kind if part.composed is not None else ""
    fields |= {"kind": kind, "group": end.group_id, "message": end.message_id}
    log.info("%s", logtokens.MESSAGE_SENT.text(**fields), extra={"fields": {"event": "MESSAGE_SENT", **fields}})

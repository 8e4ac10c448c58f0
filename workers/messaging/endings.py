"""How texts end: written in one transaction, said in the log, and what becomes of their messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from academyctl.contract import logtokens
from academyctl.errors import DatabaseAway, LeaseLost, Stopping
from academyctl.messaging.model import End, State
from academyctl.stores import deliveries
from workers._guards import AWAY
from workers._model import Done, Outcome, Reject, Retry
from workers.messaging.group import Group, Part
from workers.messaging.words import ended, key_for_people, safe

log = logging.getLogger("academyctl.messaging")

LOCKED = ("55P03", "40P01")
"""PostgreSQL's words for a lock that was not given in time, and for two that waited for each other."""

AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""The texts are out and only we know it: the database gets some time. After that Solapi's list knows it too."""


def finish(group: Group, ends: Sequence[tuple[Part, End]]) -> None:
    """Write the ends of texts, with refunds and log rows; every part has its outcome afterwards.

    Raises DatabaseAway when the database stays away (what was written then is found out with the next receive),
    Stopping, LeaseLost.
    """
    if not ends:
        return
    try:
        written = _write(group, [end for _, end in ends])
    # Broad: whatever one end cannot be written for (books that do not add up), the others went out and must say so.
    except Exception as error:
        if len(ends) == 1 or isinstance(error, Stopping | LeaseLost) or _of_the_database(error):
            raise
        log.warning("the ends of %d texts cannot be written together, each is tried alone: %s", len(ends), error)
        for part, end in ends:
            _alone(group, part, end)
        return
    for part, end in ends:
        part.open = False
        if end.key not in written:
            # Fenced away; or written by a transaction whose answer was lost, and then the row says so next time.
            part.defers("its row is another's by now, or ended already", 2, 6)
            continue
        _tell(part, end)
        part.ends(outcome_of(end))


def _alone(group: Group, part: Part, end: End) -> None:
    try:
        finish(group, [(part, end)])
    except Exception as error:  # it stays open: Solapi's list tells the next receiver what became of it
        if isinstance(error, Stopping | LeaseLost) or _of_the_database(error):
            raise
        log.exception("the end of a text cannot be written | key=%s", key_for_people(part.key))
        part.ends(Retry(safe(f"{type(error).__name__}: {error}")[:500]))


def _of_the_database(error: Exception) -> bool:
    """Whether it would be the same for every text."""
    return isinstance(error, DatabaseAway) and (error.cause in AWAY | {"schema", "missing"} or error.code in LOCKED)


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

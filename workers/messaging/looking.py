"""Texts whose request broke off, or that nobody can tell of: Solapi's list decides before anything is sent again.

    accepted                                  SENT
    refused there                             the SMS instead of an Alimtalk of both, else FAILED, refunded
    not there, a request may still arrive     wait, look again
    not there                                 send again
    not there, but the same text without key  UNKNOWN: a person decides
    the list cannot be asked                  wait; without the right to, or for too long: UNKNOWN

A row that is UNKNOWN already only ever becomes SENT here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from academyctl.errors import SolapiAway
from academyctl.message_evidence import Seen, Told, dead_after_s, judge, window
from academyctl.messaging.model import End, Refused, Row, State
from academyctl.stores import deliveries
from academyctl.stores.solapi_sending import Listed
from workers._model import Done, Reject
from workers.messaging.endings import finish
from workers.messaging.group import Group, Part
from workers.messaging.plan import Look
from workers.messaging.sending import can_fall_back, fall_back, new_of
from workers.messaging.words import key_for_people, refused_by_solapi, safe

log = logging.getLogger("academyctl.messaging")

BUDGET_S = 20.0
"""For the questions of one group: every one is a request, and the others of the group wait."""
AGAIN_S = (30.0, 60.0)
SOON_S = 60.0
"""So long after its request a text is looked for a second time; after that, when it can no longer arrive."""


def look(group: Group, looks: Sequence[tuple[Part, Look]]) -> list[Part]:
    """Those that are to be sent now; the others have their outcome. Raises DatabaseAway, Stopping."""
    clock = group.parts[0].delivery.clock
    until = clock.monotonic() + BUDGET_S
    asked: dict[str, list[Listed]] = {}
    ends: list[tuple[Part, End]] = []
    absent: list[Part] = []
    instead: list[Part] = []
    for part, one in looks:
        if group.mock or group.stopped or clock.monotonic() > until:
            part.defers("Solapi's list could not be asked about it yet", *AGAIN_S)
            continue
        try:
            seen = _ask(group, one.row, [other.row for _, other in looks], asked)
        except SolapiAway as away:
            ends += _blind(group, part, one.row, away)
            continue
        _judged(group, part, one, seen, ends, absent, instead)
    finish(group, ends)
    ours = deliveries.back(group.db, [part.key for part in absent], group.token, keep=True)
    for part in absent:
        part.sent = False
        if part.key not in ours:
            part.defers("its row is another's by now", 2, 6)
    kept = [part for part in absent if part.key in ours]
    if kept:
        # Sender or template may have changed since: the row must say what goes now, to be known again in the list.
        with group.db.tx() as cursor:
            deliveries.recompose(cursor, [new_of(part) for part in kept])
    fall_back(group, instead)
    return [part for part in (*absent, *instead) if part.outcome is None]


def _ask(group: Group, row: Row, rows: Sequence[Row], asked: dict[str, list[Listed]]) -> Seen:
    """`rows`: of the whole group; a phone is asked about once for all of its own."""
    if row.recipient not in asked:
        now = group.parts[0].delivery.clock.now()
        theirs = now - timedelta(seconds=group.sender.clock_ahead_s or 0.0)
        since, until = window([one for one in rows if one.recipient == row.recipient], now, theirs)
        asked[row.recipient] = group.sender.find(row.recipient, since, until)
    return judge(row, asked[row.recipient], dead_after_s(group.settings, group.sender.clock_ahead_s))


def _judged(
    group: Group,
    part: Part,
    one: Look,
    seen: Seen,
    ends: list[tuple[Part, End]],
    absent: list[Part],
    instead: list[Part],
) -> None:
    row, entry = one.row, seen.entry
    if row.state is State.UNKNOWN:
        _known_at_last(group, part, row, seen)
        return
    part.composed = None if isinstance(one.composed, Refused) else one.composed
    part.stage = "fallback" if row.fallback else "first"
    if seen.told is Told.early:
        _later(part, row, seen.wait_s)
    elif seen.told is Told.accepted and entry is not None:
        ends.append((part, _end(row, State.SENT, "", seen)))
    elif seen.told is Told.refused and entry is not None:
        part.sent = False
        if part.stage == "first" and can_fall_back(part, entry.status_code):
            instead.append(part)
        else:
            reason = refused_by_solapi(entry.status_code, "as Solapi's list tells")
            ends.append((part, _end(row, State.FAILED, reason, seen)))
    elif seen.told is Told.alike:
        reason = "Solapi's list has the same text to this phone without our key"
        ends.append((part, _end(row, State.UNKNOWN, reason, seen)))
    elif isinstance(one.composed, Refused):
        ends.append((part, _end(row, State.FAILED, one.composed.reason, seen)))
    elif one.quiet_s > 0:
        part.defers("quiet hours", one.quiet_s, one.quiet_s + 60)
    else:
        told = key_for_people(row.key)
        log.warning("a text is not in Solapi's list and can no longer arrive: sent again | key=%s", told)
        absent.append(part)


def _later(part: Part, row: Row, wait_s: float) -> None:
    soon = row.sending_age_s < SOON_S and wait_s > SOON_S
    least = SOON_S if soon else wait_s
    part.defers("not in Solapi's list, and its request may still arrive", least, least + (30.0 if soon else 2.0))


def _known_at_last(group: Group, part: Part, row: Row, seen: Seen) -> None:
    if seen.told is Told.accepted and seen.entry is not None:
        note, message_id = "found in Solapi's list", seen.entry.message_id
        if deliveries.resolve(
            group.db, row.key, sent=True, expected=State.UNKNOWN, note=note, evidence=seen.evidence(),
            message_id=message_id,
        ):  # fmt: skip
            log.info("a text of unknown fate is in Solapi's list: it went out | key=%s", key_for_people(row.key))
            part.ends(Done(note))
            return
    part.ends(Reject(f"unknown: {row.reason}"))


def _blind(group: Group, part: Part, row: Row, away: SolapiAway) -> list[tuple[Part, End]]:
    if row.state is State.UNKNOWN:
        part.ends(Reject(f"unknown: {row.reason}"))
        return []
    forbidden = away.cause == "permission"
    if forbidden or row.sending_age_s >= group.settings.messaging.unknown_after_s:
        reason = f"Solapi's list cannot be asked: {safe(str(away))}"
        return [(part, _end(row, State.UNKNOWN, reason, Seen(None, away=away), why=str(away)))]
    log.warning("Solapi's list cannot be asked what became of a text: %s", away)
    group.stop(f"Solapi's list cannot be asked: {away}", group.breaker.failed())
    part.defers(group.stopped, *AGAIN_S)
    return []


def _end(row: Row, state: State, reason: str, seen: Seen, *, why: str = "") -> End:
    entry = seen.entry
    evidence: dict[str, Any] = {**row.evidence, **seen.evidence()} | ({"away": safe(why)} if why else {})
    return End(
        row.key, row.tenant_id, state, reason=reason,
        message_id=entry.message_id if entry is not None and state is State.SENT else "",
        group_id=entry.group_id if entry is not None and state is State.SENT else "", evidence=evidence,
    )  # fmt: skip

"""The requests of a group: CLAIMED -> SENDING, one request to Solapi, and what its answer means for each text.

accepted                        SENT
refused, an Alimtalk of both    the SMS instead, once
refused                         FAILED, refunded
the whole request was refused   nothing was sent: CLAIMED again, and the breaker opens. For its content: in halves,
                                until the text that is refused stands alone
nobody was reached              nothing was sent: CLAIMED again
no answer that can be trusted   SENDING: Solapi's list decides
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from academyctl.contract import logtokens
from academyctl.errors import AcademyError, DatabaseAway, SolapiAway
from academyctl.messaging.hashes import content_sha256, text_sha256
from academyctl.messaging.model import MOCK, End, New, State
from academyctl.stores import deliveries
from academyctl.stores.solapi_sending import Item, Sent, SolapiRefused, SolapiUnsure
from workers.messaging.endings import finish
from workers.messaging.group import Group, Part
from workers.messaging.words import NO_MONEY, refused_by_solapi

if TYPE_CHECKING:
    from academyctl.stores.solapi_sending import Stage

log = logging.getLogger("academyctl.messaging")

FIRST_LOOK_S = (5.0, 15.0)
"""When Solapi's list is asked about a text whose request broke off."""
SIGNED_WITHIN_S = 45.0
"""From SENDING to the signature: with Solapi's 15 minutes it stays below the 16 after which a text is sent again."""


class TooLate(AcademyError):
    """This process stood still between SENDING and its request, so nothing may be sent any more."""


@dataclass(frozen=True)
class _Begun:
    """When a request was begun, by both clocks: one stands still while the machine sleeps, the other can be set."""

    monotonic: float
    now: datetime

    @staticmethod
    def at(group: Group) -> _Begun:
        clock = group.parts[0].delivery.clock
        return _Begun(clock.monotonic(), clock.now())

    def check(self, group: Group) -> None:
        """Raises TooLate when another worker may have taken the rows over, or may before the request is over."""
        now = _Begun.at(group)
        passed = max(now.monotonic - self.monotonic, (now.now - self.now).total_seconds())
        most = min(SIGNED_WITHIN_S, group.lease_s - group.settings.messaging.request_s)
        if passed > most:
            raise TooLate(f"{passed:.0f} s passed between claim and request, more than the {most:.0f} s of the lease")


def send(group: Group, parts: Sequence[Part]) -> None:
    """Send these, theirs first and what replaces a refused Alimtalk after that. Raises DatabaseAway, Stopping."""
    if group.mock:
        _pretend(group, parts)
        return
    stages: tuple[Stage, ...] = ("first", "fallback")
    for stage in stages:
        waiting = [[part for part in parts if part.stage == stage and part.outcome is None]]
        while waiting and not group.stopped:
            some = waiting.pop()
            if some:
                waiting += _request(group, some, stage)
    if group.stopped:
        for part in parts:
            part.defers(group.stopped, max(1.0, group.hold_s), max(1.0, group.hold_s) + 5)


def _pretend(group: Group, parts: Sequence[Part]) -> None:
    if not parts:
        return
    log.warning(logtokens.MOCK_SENT.format(count=len(parts)))
    mock = [End(part.key, part.tenant_id, State.SENT, message_id=f"{MOCK}{secrets.token_hex(8)}", free=True)
            for part in parts]  # fmt: skip
    finish(group, list(zip(parts, mock, strict=True)))


def _request(group: Group, parts: Sequence[Part], stage: Stage) -> list[list[Part]]:
    """One request; the halves that must be tried again."""
    group.limiter.take(len(parts), group.wait)
    begun = _Begun.at(group)
    keys = [part.key for part in parts]
    try:
        ours = deliveries.sending(group.db, keys, group.token, group.lease_s, fallback=stage == "fallback")
    except DatabaseAway:
        # Written or not: nothing was sent, so it must not look as if.
        _undo(group, parts)
        raise
    for part in parts:
        if part.key not in ours:
            part.open = False
            part.sent = True
            part.defers("its row is another's by now", 2, 6)
    parts = [part for part in parts if part.key in ours]
    if not parts:
        return []
    items = [Item(part.key, stage, part.composed) for part in parts if part.composed is not None]
    for part in parts:
        part.sent = True
    try:
        sent = group.sender.send(items, signed=lambda: begun.check(group))
    except TooLate as late:
        log.error("%d texts are not sent now: %s", len(parts), late)
        _nothing_sent(group, parts, str(late), 1)
    except SolapiRefused as refused:
        return _refused(group, parts, refused)
    except SolapiAway as away:
        _nothing_sent(group, parts, str(away), group.breaker.failed())
        log.warning("%d texts wait, for Solapi cannot be reached: %s", len(parts), away)
    except SolapiUnsure as unsure:
        _unsure(group, parts, unsure)
    else:
        if group.breaker.passed():
            log.info("Solapi takes texts again")
        _answered(group, parts, sent, stage)
    return []


def _answered(group: Group, parts: Sequence[Part], sent: Sent, stage: Stage) -> None:
    ends: list[tuple[Part, End]] = []
    instead: list[Part] = []
    for part in parts:
        if part.key in sent.accepted:
            message_id = sent.accepted[part.key]
            end = End(part.key, part.tenant_id, State.SENT, message_id=message_id, group_id=sent.group_id)
            ends.append((part, end))
        elif part.key in sent.refused:
            code, told = sent.refused[part.key]
            part.sent = False
            if stage == "first" and can_fall_back(part, code):
                instead.append(part)
            else:
                ends.append((part, End(part.key, part.tenant_id, State.FAILED, refused_by_solapi(code, told))))
        else:
            part.defers("Solapi's answer does not tell of it", *FIRST_LOOK_S)
    # What went out first: should the process die now, it is known.
    finish(group, ends)
    fall_back(group, instead)


def can_fall_back(part: Part, code: str) -> bool:
    """Whether an SMS goes in place of this Alimtalk. Without money at Solapi neither would."""
    return part.composed is not None and part.composed.fallback is not None and code != NO_MONEY


def fall_back(group: Group, parts: Sequence[Part]) -> None:
    """SENDING -> CLAIMED for the text that replaces the Alimtalk. Those that are still ours have the stage fallback."""
    ours = deliveries.back(group.db, [part.key for part in parts], group.token, fallback=True)
    news = []
    for part in parts:
        if part.key not in ours or part.composed is None or part.composed.fallback is None:
            part.open = False
            part.defers("its row is another's by now", 2, 6)
            continue
        part.composed, part.stage = part.composed.fallback, "fallback"
        news.append(new_of(part))
        log.info(logtokens.ALIMTALK_FALLBACK.format(kind=part.composed.kind))
    if news:
        with group.db.tx() as cursor:
            deliveries.recompose(cursor, news)


def new_of(part: Part) -> New:
    """What its row should say of the text that goes now."""
    made, text = part.composed, part.asked.text
    assert made is not None
    return New(
        key=part.key, tenant_id=part.tenant_id, message_id=part.asked.first_id, mode=text.mode, kind=made.kind,
        recipient=made.to, sender=made.sender, text_bytes=made.text_bytes, text_sha256=text_sha256(made),
        content_sha256=content_sha256(text), template_id=made.template_id, price_cents=0,
    )  # fmt: skip


def _refused(group: Group, parts: Sequence[Part], refused: SolapiRefused) -> list[list[Part]]:
    if refused.about_content and len(parts) > 1:
        log.warning("Solapi refuses a request of %d texts, trying its halves: %s", len(parts), refused)
        ours = deliveries.back(group.db, [part.key for part in parts], group.token, keep=True)
        still = [part for part in parts if part.key in ours]
        for part in parts:
            part.sent = part.key not in ours
            if part.sent:
                part.defers("its row is another's by now", 2, 6)
        middle = len(still) // 2
        return [still[middle:], still[:middle]]
    if refused.about_content:
        group.breaker.passed()
        for part in parts:
            part.sent = False
        reason = refused_by_solapi(refused.solapi_code or f"HTTP {refused.status}", refused.message)
        finish(group, [(part, End(part.key, part.tenant_id, State.FAILED, reason)) for part in parts])
        return []
    hold_s = group.breaker.failed(refused.retry_after_s)
    log.error("Solapi refuses texts, none was sent; again in %.0f s: %s", hold_s, refused)
    _nothing_sent(group, parts, str(refused), hold_s)
    return []


def _nothing_sent(group: Group, parts: Sequence[Part], why: str, hold_s: float) -> None:
    group.stop(why, hold_s)
    _undo(group, parts)
    for part in parts:
        part.sent = False


def _undo(group: Group, parts: Sequence[Part]) -> None:
    """Best effort: a row that stays SENDING is looked for at Solapi and waits out the time of a request."""
    try:
        deliveries.back(group.db, [part.key for part in parts], group.token)
    except DatabaseAway as away:
        log.warning("%d texts that were not sent stay as if they might have been: %s", len(parts), away)
        return
    for part in parts:
        part.open = False


def _unsure(group: Group, parts: Sequence[Part], unsure: SolapiUnsure) -> None:
    hold_s = group.breaker.failed(unsure.retry_after_s)
    group.stop(str(unsure), hold_s)
    log.error("nobody knows yet whether %d texts went out; Solapi's list will tell: %s", len(parts), unsure)
    for part in parts:
        part.defers(str(unsure), *FIRST_LOOK_S)

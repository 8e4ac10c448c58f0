"""Groups of messages in, an outcome for each out; nothing that one text meets is the end of another.

Everything that matters is in the database: whatever ends a group half-way, each of its rows says what may be done with
it. So every error here means the same: those that have no outcome yet come back later.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from academyctl.contract import logtokens
from academyctl.errors import DatabaseAway, LeaseLost, Stopping, StoreError
from academyctl.messaging.model import End, Ending, State
from academyctl.settings import Settings
from academyctl.stores import deliveries
from workers._clock import Clock
from workers._guards import AWAY
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry
from workers.messaging.breaker import Breaker
from workers.messaging.claiming import claim
from workers.messaging.endings import LOCKED
from workers.messaging.group import Group, Part, by_key, part_of, pretends
from workers.messaging.limiter import Limiter
from workers.messaging.locks import lock, unlock
from workers.messaging.looking import look
from workers.messaging.plan import KEY_CONFLICT, is_again, is_of
from workers.messaging.sending import send
from workers.messaging.words import safe

log = logging.getLogger("academyctl.messaging")

AWAY_S = (30.0, 60.0)
SAFE_RESEND_S = 960
"""A request can arrive until Solapi's 15 minutes after its signature, and one more for clocks."""


class Handler:
    """What all groups of a process share: the breaker and the rate limit."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        clock = clock or Clock()
        self.breaker = Breaker(clock.monotonic, rng or random.Random())  # noqa: S311 - spreads waits
        self._limiter = Limiter(settings.messaging.rate, clock.monotonic)
        self._warnings = _warnings(settings)

    def hold_off_s(self) -> float:
        """Asked before anything is fetched, so this is also where a worker says first what nobody may overlook."""
        said, self._warnings = self._warnings, []
        for warning in said:
            log.warning("%s", warning)
        return self.breaker.hold_off_s()

    def handle(self, delivery: Delivery) -> Outcome:
        return self.handle_many([delivery])[0]

    def handle_many(self, messages: Sequence[Delivery]) -> list[Outcome]:
        """An outcome each. While the breaker is open the messages wait here, where waiting costs no receive."""
        parts = [part_of(delivery) for delivery in messages]
        left = list(parts)
        while left:
            admitted = self.breaker.admit(len(left))
            if not admitted.count:
                left = _waited(left, admitted.wait_s)
                continue
            group, left = left[: admitted.count], left[admitted.count :]
            try:
                self._group(group)
            finally:
                self.breaker.ended(admitted)
        return [part.outcome or Retry("it was left without an outcome") for part in parts]

    def exhausted(self, delivery: Delivery, reason: str) -> None:
        """The last attempt has failed: FAILED and refunded, if nothing of it can have been sent.

        What is SENDING stays: Solapi's list is asked when the letter is sent again. Raises DatabaseAway.
        """
        part, db = part_of(delivery), delivery.stores.db
        key = part.key
        with db.tx() as cursor:
            row = deliveries.known(cursor, [key], lock=True).get(key)
            if row is None or row.state is not State.CLAIMED or row.leased or not is_of(part.asked, row):
                return
            deliveries.take(cursor, [key], delivery.token, delivery.settings.messaging.lease_s)
        end = End(key, row.tenant_id, State.FAILED, f"{Ending.GIVEN_UP}: {safe(reason)}"[:500])
        deliveries.finish(db, [end], delivery.token)

    def _group(self, parts: Sequence[Part]) -> None:
        """Every part has an outcome afterwards."""
        unique, again = by_key(parts)
        try:
            self._steps(unique)
        # The one broad except: one text that a bug cannot stand must not bury the ninety-nine beside it.
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows say what may be done with each
            self._settle_error(unique, error)
        for part, first in again:
            if not is_again(part.asked, first.asked):
                part.ends(Reject(KEY_CONFLICT))
            if isinstance(first.outcome, Done):
                part.ends(Done("the same message was in hand twice"))
            part.defers("the same message is in hand already", 5, 15)

    def _steps(self, parts: Sequence[Part]) -> None:
        group = Group(parts, self.breaker, self._limiter)
        lock(group)
        group.parts = [part for part in parts if part.outcome is None]
        if not group.parts:
            return
        try:
            group.parts[0].delivery.check()
            claim(group)
            send(group, group.ready)
            send(group, look(group, group.looks))
        finally:
            # Before the lease and the lock go: what may have been sent keeps its lock, and says so.
            group.release()
            unlock(group, group.parts)

    def _settle_error(self, parts: Sequence[Part], error: Exception) -> None:
        undecided = [part for part in parts if part.outcome is None]
        if not undecided:
            log.warning("a group was ended by an error after all its texts: %s", error)
            return
        if isinstance(error, Stopping | LeaseLost):
            for part in undecided:
                part.defers(str(error), 0, 0 if isinstance(error, Stopping) else 2)
            return
        academies = {part.tenant_id for part in undecided}
        if isinstance(error, DatabaseAway) and error.code in LOCKED:
            # Somebody holds an academy's row (an import, a person in psql): the others must not wait for that.
            for tenant_id in academies if len(academies) > 1 else ():
                self._group([part for part in undecided if part.tenant_id == tenant_id])
            for part in undecided:
                part.defers(str(error), 5, 15)
            return
        away = isinstance(error, StoreError) and error.cause in AWAY | {"schema", "missing"}
        if away:
            hold_s = self.breaker.failed() if isinstance(error, DatabaseAway) else 0.0
            log.error("%d texts wait, again in %.0f s: %s", len(undecided), max(hold_s, AWAY_S[0]), error)
            for part in undecided:
                part.defers(str(error), *AWAY_S)
            return
        if len(parts) > 1 and not any(part.open for part in parts):
            log.exception("a group of %d texts failed before it began; each is tried alone", len(parts))
            for part in undecided:
                self._group([part])
            return
        log.exception("%d texts failed", len(undecided))
        for part in undecided:
            part.ends(Retry(safe(f"{type(error).__name__}: {error}")[:500]))


def _warnings(settings: Settings) -> list[str]:
    resend_s = settings.messaging.resend_after_s
    risky = f"MESSAGING_RESEND_AFTER_SECONDS={resend_s}: below {SAFE_RESEND_S} a text may go out twice after a crash"
    return [logtokens.MOCK_START] * pretends(settings) + [risky] * (resend_s < SAFE_RESEND_S)


def _waited(parts: list[Part], seconds: float) -> list[Part]:
    """Those that still wait. One that is lost leaves; the end of the process gives all back."""
    delivery = parts[0].delivery
    try:
        delivery.wait(seconds)
    except LeaseLost as lost:
        parts[0].ends(Defer(str(lost), 0))
        return parts[1:]
    except Stopping as stopping:
        for part in parts:
            part.ends(Defer(str(stopping), 0))
        return []
    return parts

"""The only place that settles a message: outcome in, SQS calls out."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from academyctl.contract import logtokens
from academyctl.errors import AwsError, StoreError
from workers._backoff import job_retry_s
from workers._clock import Clock
from workers._deleter import Deleter
from workers._inflight import Held, InFlight
from workers._metrics import Metrics
from workers._model import Defer, Done, Leave, Outcome, Reject, Retry, Worker
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

MAX_ATTRIBUTES = 10
"""SQS allows a message so many."""
STORE_AWAY_S = 30.0
NO_DLQ_S = 900


class Settler:
    """Settles messages of one worker.

    `renewals` serialises with the keeper: a renewal that was under way when a job ended must not undo the visibility
    that its outcome sets.
    """

    def __init__(
        self,
        worker: Worker,
        queues: Queues,
        table: InFlight,
        deleter: Deleter,
        metrics: Metrics,
        *,
        renewals: Callable[[], AbstractContextManager[None]],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._worker = worker
        self._queues = queues
        self._table = table
        self._deleter = deleter
        self._metrics = metrics
        self._renewals = renewals
        self._clock = clock
        self._rng = rng

    def settle(self, held: Held, outcome: Outcome | Leave) -> str:
        """Do what the outcome says; the word it is counted under.

        Trouble with SQS is logged and not raised: a message that could not be settled comes back by its visibility
        timeout, and that is the right thing in every case.
        """
        word = "failed" if isinstance(outcome, Done) and outcome.failed else type(outcome).__name__.lower()
        started = held.started_at
        seconds = None if started is None else self._clock.monotonic() - started
        if not isinstance(outcome, Done) and self._ours_no_more(held):
            outcome, word = Leave("its visibility ran out before it was settled"), "leave"
        try:
            word = self._settle(held, outcome) or word
        except AwsError as error:
            log.warning(
                "message %s of %s could not be settled and comes back by itself: %s", held.id, held.queue, error
            )
        finally:
            self._table.remove(held)
        self._metrics.settled(word, seconds)
        return word

    def give_back(self, helds: Sequence[Held]) -> None:
        """Return messages that nobody started: visible again at once, in batches.

        Their receive counts as one; where that could push a message into the dead-letter queue, a copy goes instead.
        """
        now: dict[str, list[Held]] = {}
        for held in helds:
            if self._near_limit(held):
                self.settle(held, Defer("given back", 0))
            else:
                self._table.remove(held)
                now.setdefault(held.queue, []).append(held)
        for queue, group in now.items():
            try:
                with self._renewals():
                    self._queues.extend(queue, [(held.id, held.receipt) for held in group], 0)
            except AwsError as error:
                log.warning("%d messages of %s come back only by their timeout: %s", len(group), queue, error)
            for _ in group:
                self._metrics.settled("returned")

    def _settle(self, held: Held, outcome: Outcome | Leave) -> str | None:
        match outcome:
            case Done():
                self._table.remove(held)
                self._deleter.add(held)
            case Retry(reason=reason, after=after):
                if held.message.receive_count >= self._queues.policy(held.queue).max_receive:
                    return self._exhaust(held, reason)
                count = held.message.receive_count
                self._hide(held, job_retry_s(count, self._rng) if after is None else after)
            case Defer(after=after):
                self._defer(held, after)
            case Reject(reason=reason):
                self._bury(held, reason)
            case Leave(reason=reason):
                log.warning("message %s of %s is left alone: %s", held.id, held.queue, reason)
        return None

    def _defer(self, held: Held, after: float) -> None:
        """Come back later without counting.

        A visibility change counts the next receive. So when the next receive could be the last attempt
        (count >= limit - 1), a copy with a count of its own is sent and the original deleted: a message that only
        waited never comes back on its last attempt, where one failure would be final. Below that, the change is
        cheaper by a call and keeps the message's id and age.
        """
        if not self._near_limit(held):
            self._hide(held, after)
            return
        before = held.message.attributes
        deferred = _number(before.get("academyctl.deferred")) + 1
        sent_at = before.get("academyctl.first_sent_at") or _iso(held.message.sent_at)
        ours = {"academyctl.deferred": str(deferred), "academyctl.first_sent_at": sent_at}
        try:
            body, attributes = held.message.body, _with(before, ours)
            self._queues.send(held.queue, body, delay_s=round(after), attributes=attributes)
        except AwsError as error:
            log.warning("no copy of message %s could be sent; it waits as itself, and that counts: %s", held.id, error)
            self._hide(held, max(after, STORE_AWAY_S))
            return
        self._delete_copied(held)

    def _exhaust(self, held: Held, reason: str) -> str:
        """The last attempt has failed: tell the worker, then bury it. A store that is away means: not yet."""
        if self._worker.exhausted is not None and held.delivery is not None:
            try:
                self._worker.exhausted(held.delivery, reason)
            except StoreError as error:
                log.warning("message %s waits, for its failure could not be recorded: %s", held.id, error)
                self._defer(held, STORE_AWAY_S)
                return "defer"
        fields = self._worker.describe(held.delivery.job) if held.delivery is not None else {}
        known = {key: fields[key] for key in ("job_id", "video_id") if key in fields}
        log.error(logtokens.JOB_DEAD.text(**known, attempt=held.message.receive_count, reason=reason))
        self._bury(held, reason)
        return "dead"

    def _bury(self, held: Held, reason: str) -> None:
        """Copy to the dead-letter queue, then delete. A crash between the two makes two copies, never none."""
        dlq = self._queues.policy(held.queue).dlq
        ours = {
            "academyctl.reason": reason[:1000],
            "academyctl.rejected_at": _iso(self._clock.now()),
            "academyctl.source_queue": held.queue,
            "academyctl.receive_count": str(held.message.receive_count),
        }
        try:
            self._queues.send(dlq, held.message.body, attributes=_with(held.message.attributes, ours))
        except AwsError as error:
            missing = error.cause == "missing"
            log.error(
                "message %s of %s cannot go to the dead-letter queue %s and is kept%s: %s",
                held.id, held.queue, dlq, " (create that queue, or name another)" if missing else "", error,
            )  # fmt: skip
            self._hide(held, NO_DLQ_S if missing else STORE_AWAY_S)
            return
        self._delete_copied(held)

    def _delete_copied(self, held: Held) -> None:
        self._table.remove(held)
        self._deleter.add(held)

    def _hide(self, held: Held, seconds: float) -> None:
        self._table.remove(held)
        with self._renewals():
            if self._queues.extend(held.queue, [(held.id, held.receipt)], round(seconds)):
                log.warning("SQS refused a new visibility for message %s of %s", held.id, held.queue)

    def _near_limit(self, held: Held) -> bool:
        return held.message.receive_count >= self._queues.policy(held.queue).max_receive - 1

    def _ours_no_more(self, held: Held) -> bool:
        """Whether somebody else may have received it: then it is theirs to retry, to defer and to bury."""
        return self._clock.monotonic() - held.extended_at > self._worker.visibility_s


def _with(carried: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The message's own attributes and ours; ours win where SQS's ten do not hold both."""
    own = [(key, value) for key, value in carried.items() if key not in ours and value]
    return dict(own[: MAX_ATTRIBUTES - len(ours)]) | {key: _allowed(value) for key, value in ours.items() if value}


def _allowed(value: str) -> str:
    # SQS takes XML's characters only.
    return "".join(char if char >= " " or char in "\t\r\n" else " " for char in value)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")

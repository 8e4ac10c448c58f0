"""The only place that settles messages: outcomes in, SQS calls out."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from academyctl.contract import logtokens, marks
from academyctl.errors import StoreError
from academyctl.stores.sqs import Mail
from workers._backoff import job_retry_s
from workers._clock import Clock
from workers._deleter import Deleter
from workers._errands import Copy, Errands, Hide
from workers._inflight import InFlight
from workers._line import Held
from workers._metrics import Metrics
from workers._model import Defer, Done, Leave, Outcome, Reject, Retry, Worker
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

STORE_AWAY_S = 30.0
GIVE_BACK_S = 4.0
"""So long messages are given back that nobody has begun: docker stop kills after ten seconds."""


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
        self._metrics = metrics
        self._errands = Errands(queues, table, deleter, renewals=renewals)
        self._clock = clock
        self._rng = rng

    def settle_many(self, pairs: Sequence[tuple[Held, Outcome | Leave]]) -> list[str]:
        """Do what the outcomes say; the word that each is counted under.

        Trouble with SQS is logged and not raised: a message that could not be settled comes back by its visibility
        timeout, and that is the right thing in every case.
        """
        words: list[str] = []
        errands: list[tuple[Held, Hide | Copy]] = []
        for held, outcome in pairs:
            try:
                word, errand = self._decide(held, outcome)
            except Exception:  # a bug in settling costs this message a visibility timeout, and the others nothing
                log.exception("message %s of %s could not be settled and comes back by itself", held.id, held.queue)
                word, errand = "error", None
            words.append(word)
            if errand is not None:
                errands.append((held, errand))
            elif isinstance(outcome, Done) and word != "error":
                self._errands.delete(held)
            else:
                self._table.remove(held)
        if errands:
            self._errands.run(errands)
        now = self._clock.monotonic()
        for (held, _), word in zip(pairs, words, strict=True):
            self._metrics.settled(word, None if held.started_at is None else now - held.started_at)
        return words

    def give_back(self, helds: Sequence[Held], within_s: float = GIVE_BACK_S) -> None:
        """Return messages that nobody started: visible again at once, in batches.

        Their receive counts as one. Those that have none left are copied, however long it takes: SQS would bury them
        unheard. Then the others, and last those that would come back on their last attempt, as copies. What there is
        no time for comes back by its visibility timeout, and is handled all the same.
        """
        until = time.monotonic() + within_s
        left = {held.id: self._queues.policy(held.queue).max_receive - held.message.receive_count for held in helds}
        self._errands.run([(held, self._later(held, 0)) for held in helds if left[held.id] <= 0])
        self._errands.run([(held, Hide(0)) for held in helds if left[held.id] > 1], until)
        self._errands.run([(held, self._later(held, 0)) for held in helds if left[held.id] == 1], until)
        for _ in helds:
            self._metrics.settled("returned")

    def _decide(self, held: Held, outcome: Outcome | Leave) -> tuple[str, Hide | Copy | None]:
        """The word it is counted under, and what is to be done beside the delete of what is done."""
        if not isinstance(outcome, Done) and self._ours_no_more(held):
            outcome = Leave("its visibility ran out before it was settled")
        match outcome:
            case Done(failed=failed):
                return ("failed" if failed else "done"), None
            case Retry(reason=reason, after=after):
                count = held.message.receive_count
                if count >= self._queues.policy(held.queue).max_receive:
                    return self._exhaust(held, reason)
                return "retry", Hide(job_retry_s(count, self._rng) if after is None else after)
            case Defer(after=after):
                return "defer", self._later(held, after)
            case Reject(reason=reason):
                return "reject", self._burial(held, reason)
            case Leave(reason=reason):
                log.warning("message %s of %s is left alone: %s", held.id, held.queue, reason)
                return "leave", None

    def _later(self, held: Held, after: float) -> Hide | Copy:
        """Come back later without counting.

        A visibility change counts the next receive. So when the next receive could be the last attempt
        (count >= limit - 1), a copy with a count of its own is sent and the original deleted: a message that only
        waited never comes back on its last attempt, where one failure would be final. Below that, the change is
        cheaper by a call and keeps the message's id and age.
        """
        if held.message.receive_count < self._queues.policy(held.queue).max_receive - 1:
            return Hide(after)
        before = held.message.attributes
        ours = {
            marks.DEFERRED: str(_number(before.get(marks.DEFERRED)) + 1),
            marks.FIRST_SENT_AT: before.get(marks.FIRST_SENT_AT) or _iso(held.message.sent_at),
            marks.FIRST_ID: marks.first_id(before, held.id),
        }
        mail = Mail(held.message.body, round(after), marks.merged(before, ours))
        return Copy(held.queue, mail, else_s=max(after, STORE_AWAY_S))

    def _exhaust(self, held: Held, reason: str) -> tuple[str, Hide | Copy]:
        """The last attempt has failed: tell the worker, then bury it. A store that is away means: not yet."""
        if self._worker.exhausted is not None and held.delivery is not None:
            try:
                self._worker.exhausted(held.delivery, reason)
            except StoreError as error:
                log.warning("message %s waits, for its failure could not be recorded: %s", held.id, error)
                return "defer", self._later(held, STORE_AWAY_S)
        fields = self._worker.describe(held.delivery.job) if held.delivery is not None else {}
        known = {key: fields[key] for key in ("job_id", "video_id") if key in fields}
        log.error(logtokens.JOB_DEAD.text(**known, attempt=held.message.receive_count, reason=reason))
        return "dead", self._burial(held, reason)

    def _burial(self, held: Held, reason: str) -> Copy:
        """Copy to the dead-letter queue, then delete. A crash between the two makes two copies, never none."""
        ours = {
            marks.REASON: reason[:1000],
            marks.REJECTED_AT: _iso(self._clock.now()),
            marks.SOURCE: held.queue,
            marks.RECEIVE_COUNT: str(held.message.receive_count),
            marks.FIRST_ID: marks.first_id(held.message.attributes, held.id),
        }
        mail = Mail(held.message.body, attributes=marks.merged(held.message.attributes, ours))
        return Copy(self._queues.policy(held.queue).dlq, mail, else_s=STORE_AWAY_S, buried=True)

    def _ours_no_more(self, held: Held) -> bool:
        """Whether somebody else may have received it: then it is theirs to retry, to defer and to bury."""
        return self._clock.monotonic() - held.extended_at > self._worker.visibility_s


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")

"""Deletes of finished messages, in batches; what could not be deleted yet is remembered, so it is never done twice."""

from __future__ import annotations

import logging
import random
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from academyctl.contract import logtokens
from academyctl.errors import AwsError
from academyctl.stores.sqs import BATCH, MAX_VISIBILITY_S, Message
from workers._backoff import Outage
from workers._clock import Clock
from workers._line import Held
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

LINGER_S = 0.2
"""How long a finished message may wait for nine others before its delete goes out."""
REMEMBERED = 10_000
RECENT = 1_000
"""A receive that was under way during a delete may still bring the message, whose old receipt deleted nothing then."""


@dataclass(eq=False)
class _Finished:
    queue: str
    id: str
    receipt: str = field(repr=False)
    received_at: float
    visible_at: float
    due: float
    tries: int = 0


class Deleter:
    """One thread that deletes ten at a time, or what there is after 200 ms.

    While a whole call fails it keeps everything and tries again as `Outage` says; pollers hold off meanwhile (`clear`),
    for a worker that cannot delete must not take more work. An entry that SQS refuses is tried alone until its message
    is visible again. Ids whose delete was never confirmed stay known, and the last that were: should such a message
    come back to this process, it is deleted and not handled again.
    """

    def __init__(self, queues: Queues, *, visibility_s: int, clock: Clock, rng: random.Random) -> None:
        self._queues = queues
        self._visibility_s = visibility_s
        self._clock = clock.monotonic
        self._outage = Outage(self._clock, rng)
        self._pending: deque[_Finished] = deque()
        self._refused: list[_Finished] = []
        self._unconfirmed: OrderedDict[str, None] = OrderedDict()
        self._confirmed: OrderedDict[str, None] = OrderedDict()
        self._cond = threading.Condition()
        self._closing = False
        self._closed = False
        self._lost = 0
        self._under_way = 0
        self._thread = threading.Thread(target=self._run, name="deleter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, held: Held) -> None:
        """This message's work is done: delete it soon. After the end, at once: nobody would come for it any more."""
        self._add(held.queue, held.id, held.receipt, held.received_at, held.extended_at)

    def adopt(self, queue: str, message: Message) -> bool:
        """Whether the message was done here before and only its delete is missing; then that is seen to."""
        with self._cond:
            if message.id not in self._unconfirmed and message.id not in self._confirmed:
                return False
            for finished in (*self._pending, *self._refused):
                if finished.id == message.id:
                    finished.receipt = message.receipt
                    finished.visible_at = self._clock() + self._visibility_s
                    return True
        self._add(queue, message.id, message.receipt, self._clock(), self._clock())
        return True

    @property
    def pending(self) -> int:
        """Finished messages whose delete has not gone out."""
        return len(self._pending)

    @property
    def settled(self) -> bool:
        """Whether no delete is to be made, is under way, or was refused and will be tried again."""
        with self._cond:
            return not (self._pending or self._refused or self._under_way)

    @property
    def clear(self) -> bool:
        """False while deletes fail."""
        return not self._outage.away

    def wait_clear(self, timeout_s: float) -> bool:
        """Wait until deletes work again, or until the deleter closes."""
        with self._cond:
            return self._cond.wait_for(lambda: self.clear or self._closing, timeout_s)

    def close(self, timeout_s: float) -> int:
        """Delete what is pending, once; how many finished messages could not be deleted and will come back."""
        with self._cond:
            self._closing = True
            self._cond.notify_all()
        self._thread.join(timeout_s)
        with self._cond:
            return self._lost + len(self._pending) + len(self._refused)

    def _add(self, queue: str, message_id: str, receipt: str, received_at: float, extended_at: float) -> None:
        finished = _Finished(
            queue, message_id, receipt, received_at, extended_at + self._visibility_s, self._clock() + LINGER_S
        )
        with self._cond:
            _remember(self._unconfirmed, message_id, REMEMBERED)
            late = self._closed
            if not late:
                self._pending.append(finished)
                if len(self._pending) in (1, BATCH):
                    self._cond.notify_all()
        if late:
            self._delete([finished])

    def _run(self) -> None:
        while batch := self._next_batch():
            self._delete(batch)

    def _delete(self, batch: list[_Finished]) -> None:
        try:
            failed = set(self._queues.delete(batch[0].queue, [(entry.id, entry.receipt) for entry in batch]))
        except AwsError as error:
            self._failed(batch, error)
        else:
            self._answered(batch, failed)

    def _next_batch(self) -> list[_Finished]:
        """Wait for ten, for the oldest's 200 ms, for a refused entry's turn, or for the end; [] = nothing is left."""
        with self._cond:
            self._under_way = 0
            while not self._closing:
                now = self._clock()
                alone = next((entry for entry in self._refused if entry.due <= now), None)
                if alone is not None:
                    self._refused.remove(alone)
                    self._under_way = 1
                    return [alone]
                if len(self._pending) >= BATCH or (self._pending and self._pending[0].due <= now):
                    return self._take_pending()
                due = [entry.due for entry in (*self._refused, *list(self._pending)[:1])]
                self._cond.wait(max(0.0, min(due) - now) if due else None)
            self._closed = not self._pending and not self._refused
            return self._take_pending() if self._pending else [self._refused.pop()] if self._refused else []

    def _take_pending(self) -> list[_Finished]:
        queue = self._pending[0].queue
        batch = [entry for entry in self._pending if entry.queue == queue][:BATCH]
        for entry in batch:
            self._pending.remove(entry)
        self._under_way = len(batch)
        return batch

    def _answered(self, batch: list[_Finished], failed: set[str]) -> None:
        with self._cond:
            if self._outage.over():
                self._cond.notify_all()
            for entry in batch:
                if entry.id in failed:
                    self._refuse(entry)
                else:
                    self._unconfirmed.pop(entry.id, None)
                    _remember(self._confirmed, entry.id, RECENT)

    def _failed(self, batch: list[_Finished], error: AwsError) -> None:
        queue, now = batch[0].queue, self._clock()
        with self._cond:
            if self._closing or error.cause == "missing":
                # At the end there is no second try; and with the queue its messages are gone.
                self._lost += len(batch)
                log.error("%d finished messages of %s could not be deleted: %s", len(batch), queue, error)
                return
            seconds = self._outage.failed()
            log.warning(logtokens.SQS_UNAVAILABLE.format(why=error, seconds=seconds, queue=queue))
            # A receipt is worthless after twelve hours; until then the delete may yet be in time.
            self._pending.extendleft(entry for entry in reversed(batch) if now - entry.received_at < MAX_VISIBILITY_S)
            self._cond.wait_for(lambda: self._closing, seconds)

    def _refuse(self, finished: _Finished) -> None:
        now = self._clock()
        finished.tries += 1
        if self._closing or now >= finished.visible_at:
            self._lost += 1
            log.error(
                "SQS refuses to delete message %s of %s after %d tries; it is done and will come back",
                finished.id, finished.queue, finished.tries,
            )  # fmt: skip
            return
        finished.due = now + min(2.0 ** (finished.tries - 1), max(0.1, finished.visible_at - now))
        self._refused.append(finished)


def _remember(ids: OrderedDict[str, None], message_id: str, most: int) -> None:
    ids[message_id] = None
    if len(ids) > most:
        ids.popitem(last=False)

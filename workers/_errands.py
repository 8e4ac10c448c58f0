"""What settling asks of SQS beyond deletes: hide a message for a while, or send a copy in its place; in batches."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from academyctl.errors import AwsError
from academyctl.stores.sqs import BATCH, Mail, batches
from workers._deleter import Deleter
from workers._inflight import InFlight
from workers._line import Held
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

NO_DLQ_S = 900
HELPERS = 8
CHUNKS_A_HELPER = 10


@dataclass(frozen=True)
class Hide:
    """Visible again after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Copy:
    """A copy goes to this queue, then the message is deleted. Without a copy the message is hidden for `else_s`."""

    queue: str
    mail: Mail
    else_s: float
    buried: bool = False
    """The queue is the dead-letter queue."""


class Errands:
    """Runs them. `renewals` serialises with the keeper: see Settler."""

    def __init__(
        self,
        queues: Queues,
        table: InFlight,
        deleter: Deleter,
        *,
        renewals: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._queues = queues
        self._table = table
        self._deleter = deleter
        self._renewals = renewals

    def run(self, errands: Sequence[tuple[Held, Hide | Copy]], until: float = math.inf) -> None:
        """All of them, or as many as there is time for `until` (monotonic); afterwards none of them is in hand.

        Trouble with SQS is logged and not raised: a message that could not be settled comes back by its visibility
        timeout, and that is the right thing in every case.
        """
        hides: dict[str, list[tuple[Held, float]]] = {}
        copies: dict[str, list[tuple[Held, Copy]]] = {}
        for held, errand in errands:
            if isinstance(errand, Copy):
                copies.setdefault(errand.queue, []).append((held, errand))
            else:
                hides.setdefault(held.queue, []).append((held, errand.seconds))
        for queue, those in copies.items():
            for held, seconds in self._copy(queue, those, until):
                hides.setdefault(held.queue, []).append((held, seconds))
        for queue, them in hides.items():
            self._hide(queue, them, until)

    def delete(self, held: Held) -> None:
        self._table.remove(held)
        self._deleter.add(held)

    def _copy(self, queue: str, copies: list[tuple[Held, Copy]], until: float) -> list[tuple[Held, float]]:
        """Send these copies to their queue; the messages to hide instead, for so many seconds."""
        instead: list[tuple[Held, float]] = []
        away: AwsError | None = None
        for together in batches([copy.mail for _, copy in copies]):
            if time.monotonic() >= until:
                log.warning(
                    "%d messages come back only by their timeout: no time is left", len(copies) - together.start
                )
                break
            refused: dict[int, str] = {}
            try:
                # A queue that could not be reached is not waited for again by every ten messages.
                if away is None:
                    refused = self._send(queue, [copies[n][1].mail for n in together])
            except AwsError as error:
                away = error
            for n, (held, copy) in enumerate(copies[together.start : together.stop]):
                if away is None and n not in refused:
                    self.delete(held)
                    continue
                missing = copy.buried and away is not None and away.cause == "missing"
                _say_kept(held, copy, away or refused[n], missing=missing)
                instead.append((held, NO_DLQ_S if missing else copy.else_s))
        return instead

    def _send(self, queue: str, mails: list[Mail]) -> dict[int, str]:
        """By position, why SQS refused one."""
        if len(mails) > 1:
            return self._queues.send_batch(queue, mails)
        self._queues.send(queue, mails[0].body, delay_s=mails[0].delay_s, attributes=mails[0].attributes)
        return {}

    def _hide(self, queue: str, hides: list[tuple[Held, float]], until: float) -> None:
        for held, _ in hides:
            self._table.remove(held)
        # A renewal under way ends here, and none that comes later has a message that is out of the table.
        with self._renewals():
            pass
        chunks = deque(hides[start : start + BATCH] for start in range(0, len(hides), BATCH))
        # The first call tells whether SQS is there; thousands then need several at a time.
        self._hide_next(queue, chunks, until, calls=1)
        helpers = [
            threading.Thread(target=self._hide_next, args=(queue, chunks, until), name="giver", daemon=True)
            for _ in range(min(HELPERS, len(chunks) // CHUNKS_A_HELPER))
        ]
        for helper in helpers:
            helper.start()
        self._hide_next(queue, chunks, until)
        for helper in helpers:
            helper.join()

    def _hide_next(
        self, queue: str, chunks: deque[list[tuple[Held, float]]], until: float, calls: float = math.inf
    ) -> None:
        """Chunk by chunk until there is none, or so many; a failure, or the end of the time, leaves none to anybody."""
        while calls > 0:
            calls -= 1
            try:
                chunk = chunks.popleft()
            except IndexError:
                return
            why: object = "no time is left" if time.monotonic() >= until else None
            try:
                refused = [] if why else self._queues.hide(queue, [((o.id, o.receipt), round(s)) for o, s in chunk])
            except AwsError as error:
                why = error
            if why:
                left = len(chunk) + BATCH * len(chunks)
                chunks.clear()
                log.warning("up to %d messages of %s come back only by their timeout: %s", left, queue, why)
                return
            for message_id in refused:
                log.warning("SQS refused a new visibility for message %s of %s", message_id, queue)


def _say_kept(held: Held, copy: Copy, why: AwsError | str, *, missing: bool) -> None:
    if copy.buried:
        log.error(
            "message %s of %s cannot go to the dead-letter queue %s and is kept%s: %s",
            held.id, held.queue, copy.queue, " (create that queue, or name another)" if missing else "", why,
        )  # fmt: skip
    else:
        log.warning("no copy of message %s could be sent; it waits as itself, and that counts: %s", held.id, why)

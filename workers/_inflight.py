"""The table of everything in this process's hands, from receive to settle: the one owner of each receipt."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from academyctl.stores.sqs import BATCH, Message
from workers._line import Held, Line, owner_of

FIRST_ROOM = 20
"""A process may hold so many messages at first, and ROOM_PER_SETTLED more for each that it has settled. What kills it
at its start (a receive is counted for all that it holds) then costs twenty messages an attempt and not a thousand."""
ROOM_PER_SETTLED = BATCH
SLOW_S = 5.0
"""A job that runs longer is slow: nothing is fetched ahead, or kept waiting, behind it."""
MOMENT_S = 0.01
TURN_S = 0.25
"""So long a queue whose messages are on their way still counts as one that asks: its weight would be lost otherwise to
a queue that happens to ask in that moment. No longer: a call that hangs must not hold up the other queues."""


class InFlight:
    """Waiting and running messages, and how many more there is room for.

    Pollers `reserve` room before they ask for messages and `fill` it with what came; handler threads take the `next`,
    or the next `batch`. Messages that `share` names different owners for take turns. A `patient` worker holds messages
    ahead on purpose, whatever its jobs wait for. `budget` is how many messages may be taken at all (None = no end).
    `capacity` says how many can be kept alive at present; it is asked with the lock held and must be quick.
    """

    def __init__(
        self,
        weights: Mapping[str, int],
        *,
        concurrency: int,
        prefetch: int,
        clock: Callable[[], float],
        budget: int | None = None,
        batch: int = 1,
        patient: bool = False,
        share: Callable[[Message], str] | None = None,
        capacity: Callable[[], int] | None = None,
    ) -> None:
        self._weights = dict(weights)
        self._credit = dict.fromkeys(weights, 0.0)
        self._concurrency = concurrency
        self._prefetch = prefetch
        self._clock = clock
        self._budget = budget
        self._batch = batch
        self._patient = patient
        self._share = share
        self._capacity = capacity
        self._trusted = max(FIRST_ROOM, concurrency)
        self._reserved = 0
        self._asking: Counter[str] = Counter()
        self._turns: dict[str, float] = {}
        self._waiting = Line()
        self._running: dict[str, Held] = {}
        self._held: dict[str, Held] = {}
        self._free_since = clock()
        self._watching = False
        self._stopped = False
        self._closed = False
        lock = threading.Lock()
        self._room = threading.Condition(lock)
        self._work = threading.Condition(lock)
        self._lock = lock

    def reserve(self, queue: str) -> int:
        """Wait until this queue may fetch something; how many. 0 = there is nothing to fetch any more."""
        with self._lock:
            self._turns.pop(queue, None)
            self._asking[queue] += 1
            try:
                while not self._over():
                    granted = self._grant(queue)
                    if granted:
                        return granted
                    # Nobody tells when the capacity grows again.
                    self._room.wait(TURN_S if self._turns or self._capacity else None)
                return 0
            finally:
                self._asking[queue] -= 1
                if not self._asking[queue]:
                    del self._asking[queue]
                self._wake_pollers()

    def cancel(self, queue: str, room: int) -> None:
        """Give reserved room back unused: the queue has nothing, or cannot be asked."""
        with self._lock:
            self._turns.pop(queue, None)
            self._unreserve(room)

    def fill(self, queue: str, room: int, messages: Sequence[Message]) -> list[Held]:
        """Take in what came for the reserved room. Those there is no place for come back: return them to SQS."""
        now = self._clock()
        excess: list[Held] = []
        owners = [owner_of(message, self._share) for message in messages]
        with self._lock:
            self._unreserve(room)
            for message, owner in zip(messages, owners, strict=True):
                known = self._held.get(message.id)
                if known is not None:
                    # SQS handed it out again while we have it: the newer receipt is the one that counts.
                    known.message, known.receipt, known.extended_at, known.refused = message, message.receipt, now, 0
                    continue
                held = Held(queue, message, received_at=now, extended_at=now, receipt=message.receipt, owner=owner)
                if self._over() or len(self._held) >= self._most(self._prefetch):
                    excess.append(held)
                    continue
                if self._budget is not None:
                    self._budget -= 1
                self._held[message.id] = held
                self._waiting.add(held)
            if self._waiting:
                self._work.notify()
            self._wake_pollers()
        return excess

    def next(self) -> Held | None:
        """The next message to handle, now running; None when this process takes no more."""
        helds = self.next_many(1)
        return helds[0] if helds else None

    def next_many(self, most: int) -> list[Held]:
        """The next messages to handle, now running; [] when this process takes no more.

        A thread that was asleep lets one that has just begun a job go on for a moment: where jobs are short, one thread
        then does a whole batch, and no other fights it for the interpreter. Where they are not, the moment passes.
        """
        with self._lock:
            from_job, waited = True, False
            while not (self._waiting and (from_job or waited or not self._just_begun())):
                if self._waiting:
                    self._watching = True
                    waited = not self._work.wait(MOMENT_S)
                    self._watching = False
                elif self._closed:
                    return []
                else:
                    self._work.wait()
                from_job = False
            helds, now = self._waiting.take(most), self._clock()
            for held in helds:
                held.started_at = now
                self._running[held.id] = held
            if self._waiting and not self._watching:
                self._work.notify()
            self._wake_pollers()
            return helds

    def remove(self, held: Held) -> None:
        """It is about to be settled: from here on nobody renews it, and its room is free."""
        with self._lock:
            if self._held.get(held.id) is held:
                del self._held[held.id]
                self._free_since = self._clock()
                if self._running.pop(held.id, None) is not None:
                    self._trusted += ROOM_PER_SETTLED
                self._wake_pollers()

    def close(self) -> list[Held]:
        """Take nothing in and hand nothing out any more; the messages that nobody started come back."""
        with self._lock:
            self._closed = True
            self._room.notify_all()
            self._work.notify_all()
            return self._drop(list(self._waiting))

    def stop_taking(self) -> None:
        """Fetch nothing more; what is here still runs."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()

    def take_stuck(self) -> list[Held]:
        """The messages that wait behind nothing but slow jobs, to be given back to other workers.

        Never those of a patient worker: slow is there what all messages wait for (a rate limit, a service that is
        away), and given back they would only use up their receives.
        """
        if self._patient:
            return []
        with self._lock:
            since = self._clock() - SLOW_S
            stuck = [held for held in self._waiting if held.received_at < since]
            return self._drop(stuck) if stuck and self._slow_jobs() >= self._concurrency else []

    def forget_waiting(self, held: Held) -> None:
        """Drop a message that waits and is not ours any more."""
        with self._lock:
            if held in self._waiting:
                self._drop([held])
                self._wake_pollers()

    def has(self, held: Held) -> bool:
        """Whether it is still in hand: not settled, not dropped."""
        return self._held.get(held.id) is held

    def snapshot(self) -> list[Held]:
        """Everything held, waiting or running."""
        with self._lock:
            return list(self._held.values())

    def running(self) -> list[Held]:
        with self._lock:
            return list(self._running.values())

    @property
    def free_since(self) -> float | None:
        """When the last message left; None while there is one."""
        with self._lock:
            return None if self._held else self._free_since

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing runs, and nothing is being fetched."""
        return not self._held and not self._reserved

    @property
    def spent(self) -> bool:
        """Nothing waits, nothing runs, and nothing more may be taken."""
        with self._lock:
            return not self._held and (self._stopped or (self._budget == 0 and not self._reserved))

    def _over(self) -> bool:
        return self._closed or self._stopped or (self._budget == 0 and not self._reserved)

    def _grant(self, queue: str) -> int:
        free = self._room_for_a_call()
        if free <= 0:
            return 0
        # Deficit round robin over the queues that ask now: each gains by its weight, the served one pays.
        now = self._clock()
        rivals = self._asking.keys() | {name for name, since in self._turns.items() if now - since < TURN_S}
        if queue != max(rivals, key=lambda name: (self._credit[name], self._weights[name])):
            return 0
        total = sum(self._weights[name] for name in rivals)
        for name in rivals:
            self._credit[name] += free * self._weights[name] / total
        self._credit[queue] -= free
        if len(self._weights) > 1:
            self._turns[queue] = now
        self._reserved += free
        if self._budget is not None:
            self._budget -= free
        return free

    def _room_for_a_call(self) -> int:
        ahead = 0 if self._prefetch and not self._patient and self._slow_jobs() else self._prefetch
        wanted = BATCH if self._budget is None else min(BATCH, self._budget)
        free = min(wanted, self._most(ahead) - len(self._held) - self._reserved)
        if self._patient:
            # A batch in work is the time to fetch the next; in tens, for a call with ten costs as much as one with one.
            return 0 if self._waiting and free < wanted else free
        # While handlers have work, wait: there is room for a whole batch then, and one call brings ten messages.
        return 0 if len(self._waiting) > self._concurrency // 2 else free

    def _most(self, ahead: int) -> int:
        """How many messages may be in hand."""
        most = min(self._trusted, self._concurrency * self._batch + ahead)
        return most if self._capacity is None else min(most, self._capacity())

    def _unreserve(self, room: int) -> None:
        self._reserved -= room
        if self._budget is not None and not self._closed:
            self._budget += room
        if room:
            self._wake_pollers()

    def _slow_jobs(self) -> int:
        since = self._clock() - SLOW_S
        return sum(held.started_at is not None and held.started_at < since for held in self._running.values())

    def _just_begun(self) -> bool:
        last = next(reversed(self._running.values()), None)
        return last is not None and last.started_at is not None and last.started_at > self._clock() - MOMENT_S

    def _drop(self, helds: list[Held]) -> list[Held]:
        for held in helds:
            self._waiting.discard(held)
            del self._held[held.id]
            self._free_since = self._clock()
        if self._budget is not None and not self._closed:
            self._budget += len(helds)
        return helds

    def _wake_pollers(self) -> None:
        if self._asking and (self._over() or self._room_for_a_call() > 0):
            self._room.notify_all()

"""The keeper: one thread that renews everything in flight, and stops the job whose message or lease is lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from academyctl.contract import keys, logtokens
from academyctl.errors import AwsError, LeaseLost, RedisAway
from academyctl.stores import Stores
from academyctl.stores.sqs import BATCH, MAX_VISIBILITY_S
from workers import _health as health
from workers._clock import Clock
from workers._health import State
from workers._inflight import FIRST_ROOM, InFlight
from workers._leases import Leases
from workers._line import Held
from workers._metrics import Metrics
from workers._model import Delivery, Worker
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

MAX_BEAT_S = 20.0
FIRST_BEAT_S = 0.5
REFUSALS = 2
"""So many refused renewals in a row, and the message is somebody else's."""
MUTEX_WAIT_S = 3.0
BREATH_S = 0.001
TOGETHER = 4
"""Renewals at a time, of ten messages each."""
MAX_FAILED = 3
"""Calls that may fail in a round; the next round goes on with what was not renewed."""


def beat_s(worker: Worker) -> float:
    """Seconds between two rounds: a third of the shorter of visibility and lease, and at most 20."""
    return min(MAX_BEAT_S, worker.visibility_s / 3, worker.lease_s / 3)


class Keeper:
    """Renews message visibility in batches, locks, holds and the heartbeat; event-driven, it sleeps between rounds."""

    def __init__(
        self,
        worker: Worker,
        stores: Stores,
        queues: Queues,
        table: InFlight,
        state: State,
        metrics: Metrics,
        *,
        health_file: Path,
        clock: Clock,
    ) -> None:
        self._worker = worker
        self._stores = stores
        self._queues = queues
        self._table = table
        self._state = state
        self._metrics = metrics
        self._health_file = health_file
        self._clock = clock
        self._extending = threading.Lock()
        self._woken = threading.Event()
        self._ending = False
        self._published = False
        self._unwritable = False
        self._leases = Leases(
            stores, metrics, lease_s=worker.lease_s, beat_s=state.beat_s, clock=clock.monotonic, lose=self.lose
        )
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.give_back: Callable[[Sequence[Held]], None] = lambda _helds: None
        """Where messages go that wait behind slow jobs; the settler's, set by the loop."""

    def start(self) -> None:
        self._thread.start()

    def beat_now(self) -> None:
        """Make a round at once: what the heartbeat says has changed for good (stopping)."""
        if self._published:
            self._woken.set()

    def stop(self, timeout_s: float) -> None:
        """End, and take heartbeat and health file away; at most so long, for Redis may hang."""
        self._ending = True
        self._woken.set()
        self._thread.join(timeout_s)

    def watch(self, delivery: Delivery) -> None:
        self._leases.watch(delivery)

    def unwatch(self, delivery: Delivery) -> None:
        self._leases.unwatch(delivery)

    def keep_lock(self, delivery: Delivery, key: str, value: str) -> None:
        self._leases.keep_lock(delivery, key, value)

    def drop_lock(self, delivery: Delivery) -> None:
        self._leases.drop_lock(delivery)

    def redis_away(self, error: RedisAway) -> None:
        self._leases.redis_away(error)

    def lock_bypassed(self, error: RedisAway) -> None:
        self._metrics.lock_bypassed()
        self._leases.redis_away(error)

    @contextmanager
    def no_renewal(self) -> Iterator[None]:
        """Inside, no visibility renewal is under way. A renewal that hangs is waited for a few seconds only."""
        got = self._extending.acquire(timeout=MUTEX_WAIT_S)
        try:
            yield
        finally:
            if got:
                self._extending.release()

    def lose(self, delivery: Delivery, why: str) -> None:
        """Stop a job that is not ours any more, loudly."""
        if isinstance(delivery.interrupted, LeaseLost):
            return
        fields = self._worker.describe(delivery.job)
        known = {key: fields[key] for key in ("video_id", "job_id") if key in fields}
        log.error(logtokens.LEASE_LOST.text(**known, reason=why))
        self._metrics.error("LeaseLost")
        delivery.interrupt(LeaseLost("the lease is lost", why=why))

    def capacity(self) -> int:
        """How many messages it can renew in half a beat, as fast as SQS answers lately.

        Half: the next round begins a beat after the end of this one, and SQS may become slower meanwhile. What is held
        beyond that would be visible again before its turn comes, and be received, and counted, a second time.
        """
        return max(FIRST_ROOM, int(TOGETHER * BATCH * self._state.beat_s / 2 / (self._queues.pace_s + BREATH_S)))

    def round(self) -> None:
        """One beat."""
        now = self._clock.monotonic()
        self._extend_due(now)
        self._leases.renew_due(now)
        stuck = self._table.take_stuck()
        if stuck:
            self.give_back(stuck)
        self._publish()
        self._metrics.beat()

    def _run(self) -> None:
        # The first round comes a moment late: it must not compete with the start for the CPU.
        self._woken.wait(min(FIRST_BEAT_S, self._state.beat_s))
        while not self._ending:
            self._woken.clear()
            try:
                self.round()
            except Exception:  # a dead keeper would let every lease run out: it must survive any bug in a round
                log.exception("a round of the keeper failed")
            self._woken.wait(self._state.beat_s)
        if not self._published:
            return
        health.remove(self._health_file, self._state.token)
        try:
            self._stores.redis.delete(keys.worker_heartbeat(self._state.kind, self._state.token))
        except RedisAway:
            log.debug("the heartbeat key stays until it expires")

    def _extend_due(self, now: float) -> None:
        period = self._worker.visibility_s / 3
        due: dict[str, list[Held]] = {}
        for held in self._table.snapshot():
            self._check_visibility(held, now)
            if now - held.extended_at >= period - self._state.beat_s / 2 and self._extendable(held, now):
                due.setdefault(held.queue, []).append(held)
        for queue, helds in due.items():
            failed = 0
            for start in range(0, len(helds), TOGETHER * BATCH):
                failed += not self._extend(queue, helds[start : start + TOGETHER * BATCH])
                if failed == MAX_FAILED:
                    # A call may take seconds to fail, and leases and the heartbeat wait for the end of this round.
                    break
                # Who settles must get in between: a lock that is let go and taken at once starves all others.
                time.sleep(BREATH_S)

    def _extend(self, queue: str, helds: list[Held]) -> bool:
        """False when a call failed."""
        with self._extending:
            helds = [held for held in helds if self._table.has(held)]
            tens = [helds[start : start + BATCH] for start in range(0, len(helds), BATCH)]
            at = self._clock.monotonic()
            answers: dict[int, set[str]] = {}

            def ask(n: int) -> None:
                try:
                    receipts = [(held.id, held.receipt) for held in tens[n]]
                    answers[n] = set(self._queues.extend(queue, receipts, self._worker.visibility_s))
                except AwsError as error:
                    log.warning("visibility of %d messages of %s could not be renewed: %s", len(tens[n]), queue, error)

            others = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(1, len(tens))]
            for other in others:
                other.start()
            if tens:
                ask(0)
            for other in others:
                other.join()
            for n, refused in answers.items():
                for held in tens[n]:
                    if held.id in refused:
                        self._refused(held)
                    else:
                        held.extended_at, held.refused = at, 0
            return len(answers) == len(tens)

    def _refused(self, held: Held) -> None:
        held.refused += 1
        log.warning("SQS refuses to extend message %s of %s (%d in a row)", held.id, held.queue, held.refused)
        if held.refused < REFUSALS:
            return
        if held.delivery is not None:
            self.lose(held.delivery, f"SQS refused twice to extend message {held.id}")
        elif held.started_at is None:
            self._table.forget_waiting(held)

    def _check_visibility(self, held: Held, now: float) -> None:
        """SQS could not be asked for so long that the message is visible again.

        That alone stops only a job that holds nothing else: with a living lease the next receiver finds it and defers.
        """
        if now - held.extended_at <= self._worker.visibility_s or held.delivery is None or held.delivery.holds:
            return
        self.lose(held.delivery, f"message {held.id} could not be extended and is visible again")

    def _extendable(self, held: Held, now: float) -> bool:
        """SQS keeps a message invisible for twelve hours from its receive and refuses any extension beyond."""
        return now - held.received_at + self._worker.visibility_s < MAX_VISIBILITY_S

    def _publish(self) -> None:
        now, state = self._clock.now(), self._state
        self._published = True
        document = health.beat_document(state, self._table.running(), now, self._clock.monotonic())
        try:
            health.write(self._health_file, document)
            self._unwritable = False
        except OSError as error:
            if not self._unwritable:
                log.warning("the health file %s cannot be written: %s", self._health_file, error)
            self._unwritable = True
        ttl_s = max(2, round(health.BEATS_MISSED * state.beat_s + 1))
        try:
            self._stores.redis.set_json(keys.worker_heartbeat(state.kind, state.token), document, ttl_s=ttl_s)
        except RedisAway as error:
            self._leases.redis_away(error)
        else:
            self._leases.redis_back()

"""The words of the worker runtime: outcomes of a delivery, the delivery itself, and what a worker declares."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from academyctl.contract import logtokens, marks
from academyctl.errors import AcademyError, RedisAway
from academyctl.settings import Settings
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from workers._clock import Clock

log = logging.getLogger("academyctl.worker")


@dataclass(frozen=True)
class Done:
    """The work is done, or was done before: delete the message.

    `failed`: it ended as a failure that is final and that its owner can read of; the note is the reason.
    """

    note: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Retry:
    """Failed, may succeed later: hidden for `after` seconds (None = the loop's back-off); counts toward the DLQ."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Defer:
    """Somebody else holds it, or a dependency is away: comes back after `after` seconds without counting."""

    reason: str
    after: float


@dataclass(frozen=True)
class Reject:
    """Can never succeed: copied to the dead-letter queue with the reason, then deleted."""

    reason: str


Outcome = Done | Retry | Defer | Reject


@dataclass(frozen=True)
class Leave:
    """The runtime's own: the message is not ours any more, so it is neither deleted nor changed."""

    reason: str


class Keeping(Protocol):
    """What guards ask of the keeper."""

    def watch(self, delivery: Delivery) -> None:
        """Renew this delivery's holds from now on."""

    def unwatch(self, delivery: Delivery) -> None:
        """Stop renewing; when this returns, no renewal is under way."""

    def keep_lock(self, delivery: Delivery, key: str, value: str) -> None:
        """Renew this Redis lock from now on (or take it, when Redis was away before)."""

    def drop_lock(self, delivery: Delivery) -> None:
        """Stop renewing; when this returns, no renewal is under way."""

    def redis_away(self, error: RedisAway) -> None:
        """Say it in the log, once per outage."""

    def lock_bypassed(self, error: RedisAway) -> None:
        """A job runs without its lock, for Redis is away: say that and count it."""


class Hold(Protocol):
    """Something a running job owns for a while and the keeper renews: a lock, a row lease, a heartbeat."""

    name: str

    def renew(self) -> None:
        """Push it on. Raises LeaseLost when it is no longer ours; any StoreError means 'could not tell, try again'."""


@dataclass
class Delivery:
    """One message in a worker's hands. Handlers read it and call `check`, `stage`, `hold`; the loop does the rest."""

    job: Any
    message: Message
    queue: str
    stores: Stores
    settings: Settings
    token: str
    """The lease token of this delivery: names host, process and delivery, at most 64 characters."""
    max_attempts: int = 3
    request_id: str = ""
    holds: list[Hold] = field(default_factory=list)
    current_stage: str = ""
    worker: Worker | None = field(default=None, repr=False)
    keeper: Keeping | None = field(default=None, repr=False)
    outcome: Outcome | None = None
    """What the handler returned, for the guards around it."""
    clock: Clock = field(default_factory=Clock, repr=False)
    rng: random.Random = field(default_factory=random.Random, repr=False)
    retire: Callable[[str], None] = field(default=lambda _why: None, repr=False)
    """Say that this process is not fit for more jobs: it takes none, and ends when those that run are settled."""
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _why: AcademyError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _renewing: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def attempt(self) -> int:
        """1 for the first receive."""
        return self.message.receive_count

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is final: FAILED and the dead-letter queue."""
        return self.attempt >= self.max_attempts

    @property
    def first_id(self) -> str:
        """The SQS id of the message that this one is a copy of, over any number of copies; its own when it is none."""
        return marks.first_id(self.message.attributes, self.message.id)

    @property
    def redriven_at(self) -> datetime | None:
        """When an operator last sent it back from the dead letters; None when nobody did, or nobody can tell."""
        try:
            at = datetime.fromisoformat(self.message.attributes.get(marks.REDRIVEN, ""))
        except ValueError:
            return None
        return at if at.tzinfo is not None else None

    @property
    def interrupted(self) -> AcademyError | None:
        """What asked this job to stop, if anything did."""
        return self._why

    def check(self) -> None:
        """Raise what asked this job to stop (LeaseLost, Cancelled, Stopping), if anything did. Cheap; call it often."""
        if self._stop.is_set() and self._why is not None:
            raise self._why

    def interrupt(self, why: AcademyError) -> None:
        """Ask the job to stop, from any thread; the first reason stays."""
        with self._lock:
            if self._why is None:
                self._why = why
                self._stop.set()

    def wait(self, seconds: float) -> None:
        """Sleep, but not past an interruption."""
        self._stop.wait(seconds)
        self.check()

    def stage(self, name: str) -> None:
        """Name what the job does now, for the heartbeat and for `worker health`."""
        self.current_stage = name
        self.check()

    def hold(self, thing: Hold) -> None:
        """From now on the keeper renews this."""
        with self._lock:
            self.holds.append(thing)

    def drop(self, thing: Hold) -> None:
        """The keeper forgets this. Call it before the terminal write: a renewal after that would find the lease gone.

        A renewal under way is waited for.
        """
        with self._renewing, self._lock:
            if thing in self.holds:
                self.holds.remove(thing)

    def renew(self, thing: Hold) -> None:
        """The keeper's call: renew it unless it was dropped meanwhile. Raises what the hold raises."""
        with self._renewing:
            if thing in self.holds:
                thing.renew()


Guard = Callable[[Delivery], AbstractContextManager[None]]


@dataclass(frozen=True)
class Worker:
    """What the loop must know of one kind of worker."""

    kind: str
    """The word the operator types: video, ai, messaging."""
    log_prefix: str
    queues: Mapping[str, int]
    """Queue name -> weight."""
    visibility_s: int
    lease_s: int
    parse: Callable[[str], Any]
    """Message body -> job. Raises BadMessage."""
    handle: Callable[[Delivery], Outcome]
    guards: tuple[Guard, ...] = ()
    exhausted: Callable[[Delivery, str], None] | None = None
    """Called with the reason when the last attempt has failed, before the message goes to the dead-letter queue.

    The guards are left by then (the Redis lock is released), the delivery's token is the same.
    """
    lock_key: Callable[[Any], str] | None = None
    """Job -> Redis lock key; None = no lock."""
    describe: Callable[[Any], dict[str, Any]] = lambda _job: {}
    """Job -> fields for log tokens and the heartbeat (video_id, tenant_id, job_id …)."""
    prefetch: int = 0
    """Messages that may wait here beyond the running ones; 0 where a job is long, so that none waits behind it.

    Thousands with `handle_many`: their visibility is renewed, and a new process begins with few (FIRST_ROOM).
    """
    started: logtokens.Token = logtokens.VIDEO_STARTED
    """The first log line, as this kind's operators grep it (contract 10)."""
    handle_many: Callable[[Sequence[Delivery]], Sequence[Outcome]] | None = None
    """Instead of `handle` where `batch` > 1: many at once, one outcome each in their order. What it raises, all get."""
    batch: int = 1
    """Messages that one handler thread takes at once, at most."""
    threads: int = 0
    """Handler threads where neither --concurrency nor the setting worker.concurrency is said; 0 = as everywhere."""
    share: Callable[[Message], str] | None = None
    """Whose a waiting message is; those of different owners take turns. None = first come, first served."""
    hold_off_s: Callable[[], float] = lambda: 0.0
    """Seconds for which nothing should be fetched: what the work needs is away, and receives are counted."""

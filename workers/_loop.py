"""The only loop: messages in, outcomes settled, an orderly end.

    pollers (a thread a queue) -> in-flight table -> handler threads -> settler -> deleter (a thread)
                                        ^ keeper (a thread): visibility, locks, leases, heartbeat

A worker with `handle_many` holds messages ahead by the thousand: they are fetched by several calls at a time, their
owners take turns, and each handler thread takes a batch of them at once.
The main thread waits for what ends it: a signal, an empty queue (--drain), the last job (--once, --max-jobs,
--max-rss), an idle time that is over or a machine that AWS takes (a thread, `_leaving`).
"""

from __future__ import annotations

import logging
import math
import os
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from academyctl import __version__
from academyctl.contract import logtokens
from academyctl.errors import EXIT_FAILED, EXIT_OK
from academyctl.stores import Stores, imds
from workers import _health as health
from workers import _poller
from workers._clock import Clock
from workers._deleter import Deleter
from workers._ending import Ending
from workers._hands import Hands
from workers._inflight import InFlight
from workers._keeper import Keeper, beat_s
from workers._leaving import Leave, Leaving
from workers._metrics import Metrics, Prometheus, Uncounted
from workers._model import Worker
from workers._options import RunOptions
from workers._place import Place
from workers._poller import Empty, HeldOff, Poll, Unreachable
from workers._process import Surroundings
from workers._queues import Queues
from workers._settle import Settler
from workers._signals import Inbox, Signalled, end_process, signals_into

__all__ = ["DRAIN_PATIENCE_S", "Loop", "RunOptions", "run"]

log = logging.getLogger("academyctl.worker")

STOPPED = "stopped"
"""For RunOptions.exit_code, in the place of words: the process was told to go before it had settled anything."""
DRAIN_PATIENCE_S = 60.0
"""With --drain: so long nothing may be fetched, with nothing in hand, before it gives up."""


@dataclass(frozen=True)
class Spent:
    """Nothing more may be taken, and everything taken is settled."""

    why: str


def run(
    worker: Worker,
    stores: Stores,
    options: RunOptions,
    *,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    inbox: Inbox | None = None,
    end_now: Callable[[int], Any] = end_process,
    queues: Queues | None = None,
) -> int:
    """Run the worker until something ends it; the exit code.

    0 = ended in order; 1 with --once when the one job failed or was rejected, with --once and --drain when nothing may
    be fetched (Worker.hold_off_s), and always when a job left a thread behind that cannot be stopped. Raises AwsError
    when --once or --drain cannot reach the queue at all, ConfigError when the metrics port is taken. `inbox` lets a
    caller end the loop from another thread, `end_now` is how a process leaves that cannot wait (tests hand in another);
    `queues` stands in for SQS (one job without a queue).
    """
    loop = Loop(
        worker, stores, options, clock or Clock(), rng or random.Random(), inbox or Inbox(), queues  # noqa: S311
    )  # fmt: skip
    with signals_into(loop.inbox, end_now=end_now):
        code, stuck = loop.run()
    if stuck:
        # A thread pool inside the stuck handler would make the interpreter wait for it for ever.
        end_now(code)
    return code


class Loop:
    """The parts, wired; see `run`."""

    def __init__(
        self, worker: Worker, stores: Stores, options: RunOptions, clock: Clock, rng: random.Random, inbox: Inbox,
        queues: Queues | None = None,
    ) -> None:  # fmt: skip
        self._worker, self._options, self.inbox = worker, options, inbox
        self._clock = clock
        budget = 1 if options.once else options.max_jobs or None
        self._table = InFlight(
            worker.queues, concurrency=options.concurrency, prefetch=0 if options.once else worker.prefetch,
            clock=clock.monotonic, budget=budget, batch=worker.batch,
            patient=worker.handle_many is not None, share=worker.share,
            capacity=self._capacity if worker.handle_many is not None else None,
        )  # fmt: skip
        settings = stores.settings
        token = f"{settings.worker.id[:30]}:{os.getpid()}:{rng.getrandbits(16):04x}"
        self._state = health.State(
            kind=worker.kind, token=token, host=settings.worker.id, pid=os.getpid(), version=__version__,
            started_at=clock.now(), wait_s=options.wait_s, beat_s=beat_s(worker), queues=tuple(worker.queues),
            concurrency=options.concurrency,
        )  # fmt: skip
        self._metrics = self._make_metrics()
        queues = queues or Queues(stores, self._metrics, clock.monotonic)
        self._deleter = Deleter(queues, visibility_s=worker.visibility_s, clock=clock, rng=rng)
        self._keeper = Keeper(
            worker, stores, queues, self._table, self._state, self._metrics,
            health_file=options.health_file or health.path_for(settings, worker.kind), clock=clock,
        )  # fmt: skip
        self._settler = Settler(
            worker, queues, self._table, self._deleter, self._metrics,
            renewals=self._keeper.no_renewal, clock=clock, rng=rng,
        )  # fmt: skip
        self._keeper.give_back = self._settler.give_back
        self._around = Surroundings(
            worker, stores, settings, queues, self._keeper, token, clock, rng, threading.Event(), self._retire
        )
        self._poll = Poll(
            queues, self._table, self._deleter, self._state, self._metrics, clock, rng,
            visibility_s=worker.visibility_s,
            wait_s=min(_poller.DRAIN_WAIT_S, options.wait_s) if options.drain else options.wait_s,
            tell=self._told, give_back=self._settler.give_back, hold_off_s=_poller.safely(worker.hold_off_s),
        )  # fmt: skip
        self._hands = Hands(
            worker, self._around, self._table, self._settler, clock, count=options.concurrency,
            begins=self._begun, settled=self._settled,
        )  # fmt: skip
        self._leaving = Leaving(
            self._place(stores), self._table, self._poll.gate, self.inbox, clock, self._state,
            idle_exit_s=options.idle_exit_s, leave_asg=options.leave_asg, wait_s=options.wait_s,
            notice_s=options.notice_s, clear=lambda: self._deleter.clear and self._deleter.settled,
        )  # fmt: skip
        self._counting = threading.Lock()
        self._empty: set[str] = set()
        self._failed = False
        self._retired = False
        self._gave_up = False

    def run(self) -> tuple[int, bool]:
        """The exit code, and whether a thread is stuck."""
        self._log_start()
        self._deleter.start()
        self._hands.start()
        self._leaving.start()
        alone = len(self._worker.queues) == 1
        for queue in self._worker.queues:
            _poller.start(self._poll, queue, alone=alone)
            for _ in range(_poller.HELPERS if alone and self._worker.handle_many is not None else 0):
                _poller.help_(self._poll, queue)
        self._keeper.start()
        ended: object = None
        stuck = True
        try:
            ended = self.inbox.get()
        finally:
            stuck = self._stop(ended)
            self._metrics.close()
            log.info(logtokens.SHUTDOWN.format(kind=_title(self._worker.kind)))
        if isinstance(ended, Unreachable):
            raise ended.error
        failed = self._retired or self._gave_up or (self._options.once and self._failed) or self._leaving.stranded
        settled: Mapping[str, int] = self._state.settled
        if isinstance(ended, Signalled | Leave) and not settled:
            # Told to go before anything was settled: with --once that is no empty queue.
            settled = {STOPPED: 1}
        return self._options.exit_code(EXIT_FAILED if failed else EXIT_OK, settled), stuck or self._retired

    def _capacity(self) -> int:
        # A finished message is renewed no more: its delete must go out before it is visible again.
        return self._keeper.capacity() - self._deleter.pending

    def _begun(self) -> None:
        # What is handled now may bring new messages to any queue.
        self._empty.clear()
        self._leaving.begun()

    def _settled(self, words: Sequence[str]) -> None:
        with self._counting:
            for word in words:
                self._state.settled[word] = self._state.settled.get(word, 0) + 1
                self._failed |= word not in ("done", "defer", "leave")
        self._check_end()

    def _retire(self, why: str) -> None:
        log.error("%s: this process takes no more jobs and ends, for its supervisor to start a new one", why)
        self._retired = True
        self._table.stop_taking()

    def _check_end(self) -> None:
        limit = self._options.max_rss_mb
        if limit and _rss_mb() > limit:
            log.warning("%d MB of memory are in use, more than --max-rss %d: taking no more jobs", _rss_mb(), limit)
            self._table.stop_taking()
        if self._table.spent:
            self.inbox.put(Spent("no more jobs to take"))

    def _told(self, event: Empty | Unreachable | HeldOff) -> None:
        """What pollers saw: with --once and --drain it may be the end."""
        options = self._options
        if isinstance(event, HeldOff):
            self._held_off(event)
            return
        if isinstance(event, Unreachable):
            if options.once or (options.drain and not event.ever):
                self._table.stop_taking()
                self.inbox.put(event)
            return
        self._empty.add(event.queue)
        self._leaving.empty(event.queue)
        if options.once or (options.drain and self._table.idle and self._empty >= set(self._worker.queues)):
            # Before the poller asks again: a poll that is abandoned may swallow a message for a while.
            self._table.stop_taking()
            self.inbox.put(Spent("the queue is empty"))

    def _held_off(self, event: HeldOff) -> None:
        """Nothing may be fetched: --once has nothing to do then, --drain waits as long as it has work in hand."""
        patience_s = 0 if self._options.once else DRAIN_PATIENCE_S if self._options.drain else math.inf
        if event.for_s < patience_s or not self._table.idle:
            return
        log.error("nothing is taken from %s, for what its jobs need is away; ending with work left", event.queue)
        self._gave_up = True
        self._table.stop_taking()
        self.inbox.put(Spent("what the work needs is away"))

    def _stop(self, ended: object) -> bool:
        return Ending(
            self.inbox, self._table, self._poll, self._settler, self._keeper, self._hands, self._deleter, self._around,
            self._leaving, self._state, self._options.grace_s,
        ).stop(ended)  # fmt: skip

    def _place(self, stores: Stores) -> Place:
        fleet = stores.settings.fleet
        return Place(
            imds.from_environment(), lambda: stores.asg, lambda: stores.sqs_quick, self._state.queues,
            # The other groups' workers hold messages by the dozen.
            per_worker=fleet.per_worker if self._worker.kind == "video" else None,
        )  # fmt: skip

    def _log_start(self) -> None:
        for queue in self._worker.queues:
            fields = {"queue": queue, "wait_time": f"{self._options.wait_s}s", "worker": self._state.token}
            token = self._worker.started
            log.info("%s", token.text(**fields), extra={"fields": {"event": token.name, **fields}})

    def _make_metrics(self) -> Metrics:
        options = self._options
        if not options.metrics_port:
            return Uncounted()
        return Prometheus(
            self._worker.kind, port=options.metrics_port, address=options.metrics_address, in_flight=self._count_held
        )

    def _count_held(self) -> int:
        return len(self._table.snapshot())


def _title(kind: str) -> str:
    return kind.upper() if kind == "ai" else kind.capitalize()


def _rss_mb() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss / 2**20)

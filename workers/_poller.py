"""Pollers: one thread a queue that asks SQS for messages while there is room, and waits out its absences."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from academyctl.contract import logtokens
from academyctl.errors import AwsError
from academyctl.stores.sqs import Message
from workers._backoff import Outage
from workers._clock import Clock
from workers._deleter import Deleter
from workers._health import State
from workers._inflight import Held, InFlight
from workers._metrics import Metrics
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

DRAIN_WAIT_S = 2
"""A long poll, however short, asks all of SQS's servers; wait 0 asks some of them and may miss a message."""


@dataclass(frozen=True)
class Empty:
    """A queue had nothing."""

    queue: str


@dataclass(frozen=True)
class Unreachable:
    """A queue could not be asked; `ever` says whether it answered before."""

    error: AwsError
    ever: bool


@dataclass
class Poll:
    """What pollers share."""

    queues: Queues
    table: InFlight
    deleter: Deleter
    state: State
    metrics: Metrics
    clock: Clock
    rng: random.Random
    visibility_s: int
    wait_s: int
    tell: Callable[[Empty | Unreachable], None]
    give_back: Callable[[Sequence[Held]], None]
    stopping: threading.Event = field(default_factory=threading.Event)


def start(poll: Poll, queue: str, *, alone: bool) -> threading.Thread:
    """A daemon: a long poll is abandoned at the end, never waited for."""
    thread = threading.Thread(target=_run, args=(poll, queue, alone), name=f"poller-{queue}", daemon=True)
    thread.start()
    return thread


def _run(poll: Poll, queue: str, alone: bool) -> None:
    outage = Outage(poll.clock.monotonic, poll.rng)
    ever = False
    while not poll.stopping.is_set():
        if not poll.deleter.clear:
            # What cannot delete must not take more; the deleter finds out when SQS is back.
            poll.deleter.wait_clear(1.0)
            continue
        room = poll.table.reserve(queue)
        if not room:
            return
        try:
            messages = _ask(poll, queue, room, poll.wait_s if alone else 0)
            if not messages and not alone and poll.wait_s:
                # Of several queues an empty one must not keep the others' room for the length of a poll: it waits
                # without a reservation, for one message, which goes back should all slots be taken by then.
                poll.table.cancel(queue, room)
                room = 0
                messages = _ask(poll, queue, 1, poll.wait_s)
        except AwsError as error:
            poll.table.cancel(queue, room)
            _away(poll, queue, outage, error, ever=ever)
            continue
        ever = True
        away_s = outage.over()
        if away_s:
            log.info("SQS answers again after %.0f s | queue=%s", away_s, queue)
        _take(poll, queue, room, messages)


def _ask(poll: Poll, queue: str, room: int, wait_s: int) -> list[Message]:
    messages = poll.queues.receive(queue, max_messages=room, wait_s=wait_s, visibility_s=poll.visibility_s)
    poll.state.last_receive_at = poll.clock.now()
    poll.metrics.returned()
    return messages


def _take(poll: Poll, queue: str, room: int, messages: Sequence[Message]) -> None:
    if messages:
        poll.metrics.received(len(messages))
    fresh = [message for message in messages if not poll.deleter.adopt(queue, message)]
    excess = poll.table.fill(queue, room, fresh)
    if excess:
        # All slots were taken meanwhile, or the poll came back after the end of taking.
        poll.give_back(excess)
    if not messages:
        poll.tell(Empty(queue))


def _away(poll: Poll, queue: str, outage: Outage, error: AwsError, *, ever: bool) -> None:
    seconds = outage.failed()
    log.warning(logtokens.SQS_UNAVAILABLE.format(why=error, seconds=seconds, queue=queue))
    poll.tell(Unreachable(error, ever))
    poll.stopping.wait(seconds)

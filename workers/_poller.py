"""Pollers: one thread a queue that asks SQS for messages while there is room, and waits out its absences."""

from __future__ import annotations

import contextlib
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
from workers._gate import Gate
from workers._health import State
from workers._inflight import InFlight
from workers._line import Held
from workers._metrics import Metrics
from workers._queues import Queues

log = logging.getLogger("academyctl.worker")

DRAIN_WAIT_S = 2
"""A long poll, however short, asks all of SQS's servers; wait 0 asks some of them and may miss a message."""
HELPERS = 2
"""Calls at a time, beside the poller's own, that fetch for a worker that holds many messages ahead."""
FLOW_WAIT_S = 1.0
HOLD_OFF_STEP_S = 0.5
"""So soon it is noticed that messages may be fetched again."""


@dataclass(frozen=True)
class Empty:
    """A queue had nothing."""

    queue: str


@dataclass(frozen=True)
class Unreachable:
    """A queue could not be asked; `ever` says whether it answered before."""

    error: AwsError
    ever: bool


@dataclass(frozen=True)
class HeldOff:
    """Nothing may be fetched from a queue now, and has not been for `for_s` seconds."""

    queue: str
    for_s: float


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
    tell: Callable[[Empty | Unreachable | HeldOff], None]
    give_back: Callable[[Sequence[Held]], None]
    hold_off_s: Callable[[], float] = lambda: 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    flowing: threading.Event = field(default_factory=threading.Event)
    """The last call brought as much as it asked for: there is more."""
    gate: Gate = field(default_factory=Gate)


def start(poll: Poll, queue: str, *, alone: bool) -> threading.Thread:
    """A daemon: a long poll is abandoned at the end, never waited for."""
    thread = threading.Thread(target=_run, args=(poll, queue, alone), name=f"poller-{queue}", daemon=True)
    thread.start()
    return thread


def help_(poll: Poll, queue: str) -> None:
    """A further call at a time, as long as there is more: another daemon, for a worker that holds many ahead.

    One call after the other brings messages no faster than they are handled, and nothing is held then of which owners
    could take turns. A queue that has little is asked by its poller alone.
    """
    threading.Thread(target=_help, args=(poll, queue), name=f"poller-{queue}+", daemon=True).start()


def safely(hold_off_s: Callable[[], float]) -> Callable[[], float]:
    """The worker's word; 0 when it raises: that must not end a poller, for nobody would notice a deaf process."""

    def ask() -> float:
        try:
            return hold_off_s()
        except Exception:  # a bug of the worker's, see above
            log.exception("whether to hold off could not be told; messages are fetched")
            return 0.0

    return ask


def _run(poll: Poll, queue: str, alone: bool) -> None:
    outage = Outage(poll.clock.monotonic, poll.rng)
    ever = False
    while not poll.stopping.is_set():
        if not poll.deleter.clear:
            # What cannot delete must not take more; the deleter finds out when SQS is back.
            poll.deleter.wait_clear(1.0)
            continue
        _hold_off(poll, queue)
        room = poll.table.reserve(queue)
        if not room:
            return
        if poll.hold_off_s() > 0:
            # It may have been long until there was room.
            poll.table.cancel(queue, room)
            continue
        error = _fetch(poll, queue, room, alone)
        if error is not None:
            _away(poll, queue, outage, error, ever=ever)
            continue
        ever = True
        away_s = outage.over()
        if away_s:
            log.info("SQS answers again after %.0f s | queue=%s", away_s, queue)


def _fetch(poll: Poll, queue: str, room: int, alone: bool) -> AwsError | None:
    """One receive into the table; why it failed."""
    with poll.gate.passing():
        if poll.stopping.is_set():
            poll.table.cancel(queue, room)
            return None
        try:
            messages = _ask(poll, queue, room, poll.wait_s if alone else 0)
            if not messages and not alone and poll.wait_s and not poll.gate.closed:
                # Of several queues an empty one must not keep the others' room for the length of a poll: it waits
                # without a reservation, for one message, which goes back should all slots be taken by then.
                poll.table.cancel(queue, room)
                room = 0
                messages = _ask(poll, queue, 1, poll.wait_s)
        except AwsError as error:
            poll.table.cancel(queue, room)
            return error
        _note_flow(poll, messages, room)
        _take(poll, queue, room, messages)
    return None


def _help(poll: Poll, queue: str) -> None:
    while not poll.stopping.is_set():
        if not poll.flowing.wait(FLOW_WAIT_S):
            continue
        room = poll.table.reserve(queue)
        if not room:
            return
        messages: list[Message] = []
        # Trouble and its end are for the poller to find out.
        with poll.gate.passing():
            if poll.deleter.clear and poll.hold_off_s() <= 0:
                with contextlib.suppress(AwsError):
                    messages = _ask(poll, queue, room, 0)
            _note_flow(poll, messages, room)
            _take(poll, queue, room, messages, last=False)


def _note_flow(poll: Poll, messages: Sequence[Message], room: int) -> None:
    if messages and len(messages) >= room:
        poll.flowing.set()
    else:
        poll.flowing.clear()


def _hold_off(poll: Poll, queue: str) -> None:
    """Wait while nothing should be fetched: every receive counts as an attempt, and none could succeed."""
    since = poll.clock.monotonic()
    while (seconds := poll.hold_off_s()) > 0 and not poll.stopping.is_set():
        poll.state.held_off_at = poll.clock.now()
        poll.tell(HeldOff(queue, poll.clock.monotonic() - since))
        poll.stopping.wait(min(seconds, HOLD_OFF_STEP_S))


def _ask(poll: Poll, queue: str, room: int, wait_s: int) -> list[Message]:
    messages = poll.queues.receive(queue, max_messages=room, wait_s=wait_s, visibility_s=poll.visibility_s)
    poll.state.last_receive_at = poll.clock.now()
    poll.metrics.returned()
    return messages


def _take(poll: Poll, queue: str, room: int, messages: Sequence[Message], *, last: bool = True) -> None:
    """Into the table. `last`: when there are none, the queue is empty; a short poll may not see them."""
    if messages:
        poll.metrics.received(len(messages))
    fresh = [message for message in messages if not poll.deleter.adopt(queue, message)]
    excess = poll.table.fill(queue, room, fresh)
    if excess:
        # All slots were taken meanwhile, or the poll came back after the end of taking.
        poll.give_back(excess)
    if not messages and last:
        poll.tell(Empty(queue))


def _away(poll: Poll, queue: str, outage: Outage, error: AwsError, *, ever: bool) -> None:
    seconds = outage.failed()
    log.warning(logtokens.SQS_UNAVAILABLE.format(why=error, seconds=seconds, queue=queue))
    poll.tell(Unreachable(error, ever))
    poll.stopping.wait(seconds)

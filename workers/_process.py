"""One message through its worker: parse, guards, handler; every way that can end, as an outcome."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from academyctl.contract import logtokens
from academyctl.errors import BadMessage, Busy, LeaseLost, Stopping, StoreError
from academyctl.settings import Settings
from academyctl.stores import Stores
from workers._clock import Clock
from workers._guards import AWAY, say
from workers._line import Held
from workers._model import Defer, Delivery, Keeping, Leave, Outcome, Reject, Retry, Worker
from workers._queues import Queues

__all__ = ["AWAY", "Surroundings", "deliver", "describe", "outcome_of", "process", "raised", "unless_lost"]

log = logging.getLogger("academyctl.worker")

AWAY_S = (30.0, 60.0)


@dataclass(frozen=True)
class Surroundings:
    """What every delivery of a process shares."""

    worker: Worker
    stores: Stores
    settings: Settings
    queues: Queues
    keeper: Keeping
    token: str
    clock: Clock
    rng: random.Random
    interrupting: threading.Event
    """Set when running jobs are told to give up: one that was just beginning must hear of it too."""
    retire: Callable[[str], None] = lambda _why: None


def process(around: Surroundings, held: Held) -> Outcome | Leave:
    """Handle one message. Never raises: an unexpected exception is a Retry."""
    worker = around.worker
    delivery: Delivery | None = None
    try:
        delivery = deliver(around, held, worker.parse(held.message.body))
        delivery.check()
        with ExitStack() as guards:
            for guard in worker.guards:
                guards.enter_context(guard(delivery))
            delivery.outcome = worker.handle(delivery)
        return unless_lost(delivery, delivery.outcome)
    # The one broad except: whatever a handler throws, the message must be settled and the thread must live. SystemExit
    # would end the thread without a word, and with it the worker's only slot.
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        return raised(around, held, delivery, error)


def deliver(around: Surroundings, held: Held, job: Any) -> Delivery:
    """The delivery of a message, known to the table from here on; interrupted already when the process is ending."""
    unique = f"{around.rng.getrandbits(32):08x}"
    held.delivery = Delivery(
        job=job,
        message=held.message,
        queue=held.queue,
        stores=around.stores,
        settings=around.settings,
        token=f"{around.token}:{unique}",
        max_attempts=around.queues.policy(held.queue).max_receive,
        request_id=unique,
        worker=around.worker,
        keeper=around.keeper,
        clock=around.clock,
        rng=around.rng,
        retire=around.retire,
    )
    if around.interrupting.is_set():
        held.delivery.interrupt(Stopping("the worker is shutting down"))
    return held.delivery


def raised(around: Surroundings, held: Held, delivery: Delivery | None, error: BaseException) -> Outcome | Leave:
    """What becomes of a message that something was raised for; call it where that is being handled."""
    if isinstance(error, BadMessage):
        say(logtokens.REJECTED, {"request_id": held.id[:8]}, logging.ERROR, reason=error)
        return Reject(str(error))
    if isinstance(error, Busy):
        return Defer(str(error), error.after)
    if delivery is None or not around.worker.guards:
        log.exception("message %s failed outside of its handler", held.id)
    return outcome_of(error, delivery, around.rng)


def outcome_of(error: BaseException, delivery: Delivery | None, rng: random.Random) -> Outcome | Leave:
    """What an exception means. Whatever a handler threw after it was told to stop, it threw for that."""
    why = (delivery.interrupted if delivery is not None else None) or error
    if isinstance(why, LeaseLost):
        return Leave(str(why))
    if isinstance(why, Stopping):
        # Not the job's fault: given back at once, and without counting where that could be its end.
        return Defer(str(why), 0)
    if isinstance(error, StoreError) and error.cause in AWAY:
        return Defer(str(error), rng.uniform(*AWAY_S))
    return Retry(describe(error))


def describe(error: BaseException) -> str:
    """An exception in one line, for attributes and rows."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__


def unless_lost(delivery: Delivery, outcome: Outcome) -> Outcome | Leave:
    """A job that lost its lease may still say that it is done; anything else is for the new owner to say."""
    why = delivery.interrupted
    if isinstance(why, LeaseLost) and isinstance(outcome, Retry | Defer | Reject):
        return Leave(str(why))
    if isinstance(why, Stopping) and isinstance(outcome, Retry):
        return Defer(str(why), 0)
    return outcome

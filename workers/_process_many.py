"""Many messages through their worker at once: one call of the handler, yet each with its own guards and outcome."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from academyctl.errors import AcademyError, Busy, LeaseLost, WorkFailed
from workers._line import Held
from workers._model import Defer, Delivery, Leave, Outcome, Worker
from workers._process import Surroundings, deliver, describe, outcome_of, raised, unless_lost

log = logging.getLogger("academyctl.worker")

AGAIN_S = 1.0
"""After so long messages come back that were in one group with a message that was lost."""


@dataclass
class _One:
    """A message behind its guards."""

    held: Held
    delivery: Delivery
    guards: ExitStack


def process_many(around: Surroundings, helds: Sequence[Held]) -> list[Outcome | Leave]:
    """Handle these messages with one call of `handle_many`; one outcome each, in their order. Never raises.

    A message that cannot be read, that a guard refuses, or that was lost meanwhile has its own outcome and does not
    touch the others. What `handle_many` raises is the outcome of all; its traceback is logged once.
    """
    found: dict[str, Outcome | Leave] = {}
    ready: list[_One] = []
    for held in helds:
        one = _begun(around, held)
        if isinstance(one, _One):
            ready.append(one)
        else:
            found[held.id] = one
    if ready:
        found |= _handled(around, ready)
    return [found[held.id] for held in helds]


def _begun(around: Surroundings, held: Held) -> _One | Outcome | Leave:
    """The message behind its guards, or what becomes of it."""
    delivery: Delivery | None = None
    try:
        delivery = deliver(around, held, around.worker.parse(held.message.body))
        delivery.check()
        with ExitStack() as guards:
            for guard in around.worker.guards:
                guards.enter_context(guard(delivery))
            return _One(held, delivery, guards.pop_all())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as in process(): it must be settled, the thread must live
        return raised(around, held, delivery, error)


def _handled(around: Surroundings, ready: list[_One]) -> dict[str, Outcome | Leave]:
    try:
        outcomes = _outcomes(around.worker, [one.delivery for one in ready])
    except (Exception, SystemExit) as error:  # every one of them must be settled, whatever was thrown
        if not around.worker.guards:
            log.exception("%d messages failed together", len(ready))
        return {one.held.id: _failed(around, one, error, first=one is ready[0]) for one in ready}
    return {one.held.id: _ended(around, one, outcome) for one, outcome in zip(ready, outcomes, strict=True)}


def _outcomes(worker: Worker, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
    if worker.handle_many is None:
        return [worker.handle(delivery) for delivery in deliveries]
    outcomes = worker.handle_many(deliveries)
    if len(outcomes) != len(deliveries):
        raise ValueError(f"handle_many has {len(outcomes)} outcomes for {len(deliveries)} messages")
    return outcomes


def _ended(around: Surroundings, one: _One, outcome: Outcome) -> Outcome | Leave:
    one.delivery.outcome = outcome
    return _left(around, one, None, unless_lost(one.delivery, outcome))


def _failed(around: Surroundings, one: _One, error: BaseException, *, first: bool) -> Outcome | Leave:
    """The outcome of one of a group whose handler raised."""
    if isinstance(error, LeaseLost) and one.delivery.interrupted is None:
        error = Busy(f"another message of its group was lost: {error}", after=AGAIN_S)
    if isinstance(error, Busy):
        return _left(around, one, error, Defer(str(error), error.after))
    # An error that is not ours is written with its traceback: once is enough. SystemExit guards do not write at all.
    whole = isinstance(error, AcademyError) or (first and isinstance(error, Exception))
    thrown = error if whole else WorkFailed(describe(error))
    return _left(around, one, thrown, outcome_of(error, one.delivery, around.rng))


def _left(around: Surroundings, one: _One, thrown: BaseException | None, outcome: Outcome | Leave) -> Outcome | Leave:
    """Leave the guards in the way that the handler ended; the outcome, unless leaving one of them fails."""
    try:
        with one.guards:
            if thrown is not None:
                raise thrown
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a guard that fails decides for its own message only
        if error is not thrown:
            return raised(around, one.held, one.delivery, error)
    return outcome

"""What surrounds every handler, one concern each: `logged`, `kept`, `locked` (in this order in Worker.guards)."""

from __future__ import annotations

import json
import logging
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from academyctl.contract import logtokens
from academyctl.contract.logtokens import Token
from academyctl.errors import AcademyError, Busy, Cancelled, LeaseLost, RedisAway, Stopping, StoreError
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry

log = logging.getLogger("academyctl.worker")

AWAY = frozenset(
    {"unreachable", "throttled", "auth", "expired", "clock", "permission", "capacity", "settings", "off", "read-only"}
)
"""Causes of a StoreError that say nothing about the job: any other job would have met them, so it is deferred."""
BUSY_MAX_S = 60.0
"""A lock's holder is asked after at least so often: a legacy lock lives four hours, whatever became of its owner."""


@contextmanager
def logged(delivery: Delivery) -> Iterator[None]:
    """The platform's lines around a job (contract 10), and the one place that writes its traceback."""
    started = delivery.clock.monotonic()
    fields = _fields(delivery)
    waited = _waited_s(delivery, fields)
    if waited is not None:
        fields["queue_wait_sec"] = f"{waited:.2f}"
    say(logtokens.RECEIVED, fields, receive_count=delivery.attempt)
    if "video_id" in fields:
        log.info(logtokens.HANDLER_CALL.format(video_id=fields["video_id"]))
    try:
        yield
    except Busy as busy:
        _returned(fields, "skip")
        say(logtokens.DEFERRED, fields, after_sec=round(busy.after), reason=busy)
        raise
    except (LeaseLost, Stopping, Cancelled) as why:
        _returned(fields, "skip")
        log.warning(
            "job stopped: %s | %s",
            why,
            " ".join(f"{key}={fields[key]}" for key in ("video_id", "job_id") if key in fields),
        )
        raise
    except Exception as error:
        if isinstance(error, StoreError) and error.cause in AWAY and delivery.interrupted is None:
            _returned(fields, "skip")
            say(logtokens.DEFERRED, fields, logging.WARNING, reason=error)
            raise
        _returned(fields, "failed")
        stopped = isinstance(delivery.interrupted, LeaseLost | Stopping)
        # An error of ours says what happened by itself; anything else needs its traceback to be understood.
        traceback = not isinstance(error, AcademyError) and not stopped
        told: dict[str, Any] = {"attempt": delivery.attempt, "max_attempts": delivery.max_attempts}
        say(logtokens.FAILED, fields, logging.ERROR, exc_info=traceback, **told, error=error or type(error).__name__)
        raise
    took = delivery.clock.monotonic() - started
    _report(delivery.outcome, fields, delivery, took)


@contextmanager
def kept(delivery: Delivery) -> Iterator[None]:
    """The keeper renews what the handler holds, from here to the handler's end and not a moment longer."""
    keeper = delivery.keeper
    if keeper is None:
        yield
        return
    keeper.watch(delivery)
    try:
        yield
    finally:
        keeper.unwatch(delivery)


@contextmanager
def locked(delivery: Delivery) -> Iterator[None]:
    """The Redis lock at the contract's key, for as long as the handler runs. Raises Busy while another has it.

    The value names the owner and only the owner releases it. A legacy worker's "1" is an owner unknown: Busy as well,
    for deleting the message then is how videos were lost (contract 11 #2). Redis away: the database lease decides.
    """
    worker, keeper = delivery.worker, delivery.keeper
    key = worker.lock_key(delivery.job) if worker is not None and worker.lock_key is not None else None
    if worker is None or key is None:
        yield
        return
    redis, value = delivery.stores.redis, lock_value(delivery)
    held = False
    try:
        taken = redis.acquire(key, value, worker.lease_s * 1000)
    except RedisAway as error:
        if keeper is not None:
            keeper.lock_bypassed(error)
    else:
        if not taken.mine:
            described = worker.describe(delivery.job)
            if "video_id" in described:
                log.info(logtokens.LOCK_REFUSED.format(video_id=described["video_id"]))
            raise Busy(
                f"the lock {key} is held by {_owner(taken.value)}", after=_come_back_s(taken.ttl_ms, delivery.rng)
            )
        held = True
    if keeper is not None:
        keeper.keep_lock(delivery, key, value)
    try:
        yield
    finally:
        if keeper is not None:
            keeper.drop_lock(delivery)
        try:
            redis.release(key, value)
        except RedisAway as error:
            if held:
                log.warning("the lock %s could not be released and expires by itself: %s", key, error)


def lock_value(delivery: Delivery) -> str:
    """The lock's text: JSON that names its owner. The platform only tests whether the key exists (contract 2.1)."""
    owner = {
        "token": delivery.token,
        "host": delivery.settings.worker.id,
        "pid": os.getpid(),
        "since": delivery.clock.now().isoformat(timespec="seconds"),
        "message": delivery.message.id,
    }
    return json.dumps(owner, ensure_ascii=False)


def say(
    token: Token, fields: Mapping[str, Any], level: int = logging.INFO, *, exc_info: bool = False, **more: Any
) -> None:
    """One token line; the fields that the token does not have stay out of it."""
    if not log.isEnabledFor(level):
        return
    known = {key: value for key, value in {**fields, **more}.items() if key in token.fields}
    # Not log.log(): its search for the calling line costs as much as all the rest, twice a message.
    error = sys.exc_info() if exc_info else None
    record = log.makeRecord(log.name, level, __file__, 0, token.text(**known), (), error)
    record.fields = {"event": token.name, **known}
    log.handle(record)


def _report(outcome: Outcome | None, fields: Mapping[str, Any], delivery: Delivery, took: float) -> None:
    match outcome:
        case Done(note=note, failed=False):
            _returned(fields, "skip" if note else "ok")
            say(logtokens.COMPLETED, fields, processing_duration=f"{took:.2f}", result=note or "ok")
        case Done(note=reason) | Retry(reason=reason):
            _returned(fields, "failed")
            told: dict[str, Any] = {"attempt": delivery.attempt, "max_attempts": delivery.max_attempts, "error": reason}
            say(logtokens.FAILED, fields, logging.ERROR, **told)
        case Defer(reason=reason, after=after):
            _returned(fields, "skip")
            say(logtokens.DEFERRED, fields, after_sec=round(after), reason=reason)
        case Reject(reason=reason):
            _returned(fields, "failed")
            say(logtokens.REJECTED, fields, logging.ERROR, reason=reason)


def _returned(fields: Mapping[str, Any], result: str) -> None:
    if "video_id" in fields:
        log.info(logtokens.HANDLER_RETURNED.format(video_id=fields["video_id"], result=result))


def _fields(delivery: Delivery) -> dict[str, Any]:
    described = delivery.worker.describe(delivery.job) if delivery.worker is not None else {}
    return {"request_id": delivery.request_id, **described}


def _waited_s(delivery: Delivery, fields: Mapping[str, Any]) -> float | None:
    since = fields.get("created_at") or delivery.message.sent_at
    return max(0.0, (delivery.clock.now() - since).total_seconds()) if isinstance(since, datetime) else None


def _come_back_s(ttl_ms: int, rng: random.Random) -> float:
    """Just after the lock dies if nobody renews it; spread a little, for several may wait for the same lock."""
    left_s = BUSY_MAX_S if ttl_ms < 0 else min(BUSY_MAX_S, ttl_ms / 1000 + 1)
    return left_s + rng.uniform(0, 4)


def _owner(value: str) -> str:
    try:
        owner = json.loads(value)
    except ValueError:
        owner = None
    if isinstance(owner, dict) and owner.get("token"):
        return f"{owner['token']} since {owner.get('since', '?')}"
    return "an owner unknown (a legacy worker's lock)"

"""What a worker says about itself: the heartbeat in Redis, the health file, and the judgement of that file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from academyctl.contract.messages import parse_time
from academyctl.settings import Settings
from workers._inflight import Held

BEATS_MISSED = 3
"""A heartbeat key lives so many beats; a health file older than that is a keeper that died."""


@dataclass
class State:
    """The process's own facts; the poller and the loop write, the keeper publishes."""

    kind: str
    token: str
    host: str
    pid: int
    version: str
    started_at: datetime
    wait_s: int
    beat_s: float
    queues: tuple[str, ...]
    concurrency: int
    last_receive_at: datetime | None = None
    stopping: bool = False
    settled: dict[str, int] = field(default_factory=dict)


def beat_document(state: State, helds: Iterable[Held], now: datetime, monotonic: float) -> dict[str, Any]:
    """The heartbeat (JSON): who, since when, and every running job with its stage. No receipt, no body."""
    return {
        "kind": state.kind,
        "token": state.token,
        "host": state.host,
        "pid": state.pid,
        "version": state.version,
        "started_at": _iso(state.started_at),
        "beat_at": _iso(now),
        "beat_s": state.beat_s,
        "wait_s": state.wait_s,
        "last_receive_at": _iso(state.last_receive_at),
        "stopping": state.stopping,
        "concurrency": state.concurrency,
        "queues": list(state.queues),
        "settled": dict(state.settled),
        "jobs": [job for held in helds if (job := _job(held, now, monotonic))],
    }


def path_for(settings: Settings, kind: str) -> Path:
    """Where a worker of this kind keeps its health file."""
    said = settings.worker.health_file
    return Path(said) if said else Path(tempfile.gettempdir()) / f"academyctl-{kind}.health"


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the file in one step, so that a reader never meets half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(document, stream, ensure_ascii=False)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def remove(path: Path, token: str) -> None:
    """Take the file away at the end, unless another process's stands there by now."""
    document = read(path)
    if document is not None and document.get("token") == token:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """The document, or None when there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def judge(document: Mapping[str, Any] | None, now: datetime) -> str:
    """What is wrong with the worker, '' when it is healthy.

    Healthy: the keeper has beaten within three beats, and the loop has turned, which is to say that a receive has come
    back within twice its wait + 10 s (a new process has that long for its first), or that jobs run.
    """
    if document is None:
        return "it does not run, or has not beaten yet"
    beat_at, started_at = parse_time(document.get("beat_at")), parse_time(document.get("started_at"))
    if beat_at is None or started_at is None:
        return "its health file cannot be read"
    beat_s, wait_s = _seconds(document.get("beat_s"), 20), _seconds(document.get("wait_s"), 20)
    silent_s = (now - beat_at).total_seconds()
    if silent_s > BEATS_MISSED * beat_s + 2:
        return f"its keeper has not beaten for {silent_s:.0f} s"
    turned_at = parse_time(document.get("last_receive_at")) or started_at
    allowed = timedelta(seconds=2 * wait_s + 10)
    if not document.get("jobs") and now - turned_at > allowed:
        return f"no receive has come back for {(now - turned_at).total_seconds():.0f} s and no job runs"
    return ""


def _job(held: Held, now: datetime, monotonic: float) -> dict[str, Any] | None:
    delivery, started = held.delivery, held.started_at
    if delivery is None or started is None:
        return None
    described = delivery.worker.describe(delivery.job) if delivery.worker else {}
    return {
        "queue": held.queue,
        **{key: value for key, value in described.items() if isinstance(value, str | int | float)},
        "stage": delivery.current_stage,
        "since": _iso(now - timedelta(seconds=monotonic - started)),
        "attempt": delivery.attempt,
        "request_id": delivery.request_id,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")


def _seconds(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default

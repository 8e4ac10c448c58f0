"""What a worker says about itself: the heartbeat in Redis and the health file; `academyctl.worker_health` judges it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from academyctl.worker_health import BEATS_MISSED as BEATS_MISSED
from academyctl.worker_health import judge as judge
from academyctl.worker_health import path_for as path_for
from academyctl.worker_health import read as read
from workers._line import Held

LISTED = 20
"""Jobs that the heartbeat names; a worker that sends texts by the hundred has more."""


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
    held_off_at: datetime | None = None
    """When a poller last found that nothing should be fetched (Worker.hold_off_s)."""
    stopping: bool = False
    settled: dict[str, int] = field(default_factory=dict)
    instance_id: str = ""
    """The EC2 instance, once it is known; '' elsewhere."""


def beat_document(state: State, helds: Sequence[Held], now: datetime, monotonic: float) -> dict[str, Any]:
    """The heartbeat (JSON): who, since when, and what runs: how many, and the oldest with their stages.

    No receipt, no body.
    """
    listed = itertools.islice((job for held in helds if (job := _job(held, now, monotonic))), LISTED)
    return {
        "kind": state.kind,
        "token": state.token,
        "host": state.host,
        "instance_id": state.instance_id,
        "pid": state.pid,
        "version": state.version,
        "started_at": _iso(state.started_at),
        "beat_at": _iso(now),
        "beat_s": state.beat_s,
        "wait_s": state.wait_s,
        "last_receive_at": _iso(state.last_receive_at),
        "held_off_at": _iso(state.held_off_at),
        "stopping": state.stopping,
        "concurrency": state.concurrency,
        "queues": list(state.queues),
        "settled": dict(state.settled),
        "running": len(helds),
        "jobs": list(listed),
    }


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

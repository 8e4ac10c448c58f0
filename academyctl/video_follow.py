"""Following one encode as the API's front end sees it: progress from Redis, the truth from the row."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from academyctl.contract import keys
from academyctl.contract.states import VideoState
from academyctl.errors import CannotTell, RedisAway, WorkFailed
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_state import json_object

POLL_S = 0.5
ROW_POLL_S = 2.0


class End(StrEnum):
    """How following ended."""

    READY = "READY"
    FAILED = "FAILED"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Progress:
    """One reading. `percent` is 0..100 over all steps, None while no run has reported; times in seconds."""

    status: str
    percent: int | None = None
    step: str = ""
    display: str = ""
    step_index: int | None = None
    step_total: int | None = None
    step_percent: int | None = None
    remaining_s: int | None = None
    error_reason: str = ""
    hls_path: str = ""
    duration: int | None = None
    unknown: bool = False
    """Redis could not be read: only the row is known."""


def read(stores: Stores, tenant_id: int, video_id: int, *, row: VideoRow | None = None) -> Progress:
    """One reading: the row (asked for unless given) and Redis's progress. Raises DatabaseAway, WorkFailed (no row)."""
    row = row or _row(stores, video_id)
    try:
        seen = stores.redis.get(keys.video_progress(tenant_id, video_id)) if stores.redis.enabled else None
    except RedisAway:
        return _progress(row, None, unknown=True)
    return _progress(row, json_object(seen))


def follow(
    stores: Stores,
    tenant_id: int,
    video_id: int,
    *,
    on_update: Callable[[Progress], None],
    stop: threading.Event | None = None,
    timeout_s: float | None = None,
    poll_s: float = POLL_S,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[End, Progress]:
    """Call `on_update` with each new reading until the row says READY or FAILED, or `stop` is set.

    Raises CannotTell after `timeout_s`, DatabaseAway, WorkFailed when there is no such row.
    """
    stop = stop or threading.Event()
    started = clock()
    last: Progress | None = None
    row, row_at = _row(stores, video_id), started
    while True:
        now = read(stores, tenant_id, video_id, row=row)
        if now != last:
            on_update(now)
            last = now
        if row.status in (VideoState.READY, VideoState.FAILED):
            return End(row.status), now
        if stop.is_set():
            # Whoever stops us has seen the run end: the row as it is now is the last word.
            final = read(stores, tenant_id, video_id)
            ended = final.status in (VideoState.READY, VideoState.FAILED)
            if final != now:
                on_update(final)
            return End(final.status) if ended else End.STOPPED, final
        if timeout_s is not None and clock() - started > timeout_s:
            raise CannotTell(f"video {video_id} is still {row.status} after {timeout_s:.0f} s", code="timeout")
        stop.wait(poll_s)
        # While a run reports to Redis the row is asked only now and then, and when the run says that it is done.
        if clock() - row_at >= ROW_POLL_S or row.status != VideoState.PROCESSING or now.step == "done":
            row, row_at = _row(stores, video_id), clock()


def _row(stores: Stores, video_id: int) -> VideoRow:
    row = stores.videos.row(video_id)
    if row is None:
        raise WorkFailed(f"there is no video {video_id}", code="absent")
    return row


def _progress(row: VideoRow, body: dict[str, Any] | None, *, unknown: bool = False) -> Progress:
    # What an earlier run left behind says nothing about a video that waits (contract 11 #30).
    body = body if row.status == VideoState.PROCESSING and body is not None else {}
    ended = row.status == VideoState.READY
    return Progress(
        status=row.status,
        percent=100 if ended else whole(body.get("percent"), most=100),
        step=str(body.get("step") or ""),
        display=str(body.get("step_name_display") or ""),
        step_index=whole(body.get("step_index")),
        step_total=whole(body.get("step_total")),
        step_percent=whole(body.get("step_percent"), most=100),
        remaining_s=0 if ended else whole(body.get("remaining_seconds")),
        error_reason=row.error_reason,
        hls_path=row.hls_path,
        duration=row.duration,
        unknown=unknown,
    )


def whole(value: object, *, most: int | None = None) -> int | None:
    """A number of Redis as a whole one, 0..most; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    number = max(0, int(value))
    return number if most is None else min(most, number)

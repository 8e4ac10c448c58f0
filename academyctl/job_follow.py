"""Following one AI job as the API's front end sees it: progress from Redis, the truth from the row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from academyctl.errors import CannotTell, RedisAway, WorkFailed
from academyctl.job_state import keys_of, progress_keys
from academyctl.stores import Stores, ai_requests
from academyctl.stores.ai_requests import JobRow
from academyctl.video_follow import POLL_S, Progress, whole

ENDED = ("DONE", "FAILED", "REJECTED_BAD_INPUT")


def succeeded(row: JobRow) -> bool:
    """Whether the work was done: the old worker also writes its failures as DONE (contract 11 #15)."""
    return row.status == "DONE" and not row.reason


def read(stores: Stores, job_id: str) -> tuple[JobRow, Progress]:
    """One reading. Raises DatabaseAway, WorkFailed when there is no such job."""
    row = ai_requests.rows(stores.db, [job_id]).get(job_id)
    if row is None:
        raise WorkFailed(f"there is no AI job {job_id}", code="absent")
    try:
        seen = stores.redis.look(progress_keys(row)) if stores.redis.enabled else {}
    except RedisAway:
        return row, progress(row, {}, unknown=True)
    return row, progress(row, keys_of(row, seen).progress_body)


def progress(row: JobRow, body: Mapping[str, Any], *, unknown: bool = False) -> Progress:
    """The reading of a row and what Redis says of its run. What an earlier run left says nothing of one that waits."""
    body = body if row.status == "RUNNING" else {}
    return Progress(
        status=row.status,
        percent=100 if succeeded(row) else whole(body.get("percent"), most=100),
        step=str(body.get("step") or ""),
        display=str(body.get("step_name_display") or ""),
        step_index=whole(body.get("step_index")),
        step_total=whole(body.get("step_total")),
        step_percent=whole(body.get("step_percent"), most=100),
        error_reason=row.reason,
        unknown=unknown,
    )


def follow(
    stores: Stores,
    job_id: str,
    *,
    on_update: Callable[[Progress], None],
    timeout_s: float | None = None,
    poll_s: float = POLL_S,
    clock: Callable[[], float] = time.monotonic,
) -> JobRow:
    """Call `on_update` with each new reading until the job has ended; its row then.

    Raises CannotTell after `timeout_s`, DatabaseAway, WorkFailed when there is no such job.
    """
    started, pause = clock(), threading.Event()
    last: Progress | None = None
    while True:
        row, now = read(stores, job_id)
        if now != last:
            on_update(now)
            last = now
        if row.status in ENDED:
            return row
        if timeout_s is not None and clock() - started > timeout_s:
            raise CannotTell(f"job {job_id} is still {row.status} after {timeout_s:.0f} s", code="timeout")
        pause.wait(poll_s)

"""What the API shows of a running job: its progress and status keys (contract 2.1, 5.6, 11 #28).

One thread a job writes the newest progress at most once a second, and always the last one, so that neither a slow Redis
nor a missing one ever holds up a job. Within a run the percentage never falls. Redis away is no error here: the
database has the truth, Redis only shows it, and never before the database has it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from academyctl.contract import keys
from academyctl.contract import progress as contract
from academyctl.contract.progress import NamedStep
from academyctl.errors import RedisAway, StoreError
from academyctl.stores import ai_jobs
from academyctl.stores.ai_jobs import AiJobRow
from academyctl.stores.postgres import Postgres
from academyctl.stores.redis import BREAKER_S, Redis

log = logging.getLogger("academyctl.ai")

WRITE_S = 1.0
JOIN_S = 3.0
FINAL_TRIES = 3


class Reporter:
    """Progress and status of one run of one job. Use as a context manager around the run."""

    def __init__(
        self,
        redis: Redis,
        row: AiJobRow,
        *,
        job_type: str,
        steps: Sequence[NamedStep],
        longest_s: int,
        on_away: Callable[[RedisAway], None] = lambda _error: None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = redis
        self._row = row
        self._job_type = job_type
        self._steps = steps
        self._running_ttl_s = max(contract.PROCESSING_STATUS_TTL_S, longest_s)
        self._on_away = on_away
        self._clock = clock
        self._pause = pause
        self._pending: Mapping[str, Any] | None = None
        self._percent = 0
        self._wrote_at = float("-inf")
        self._said_running = False
        self._wake = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=f"progress-{row.job_id[:8]}", daemon=True)

    def __enter__(self) -> Reporter:
        try:
            # The progress of an earlier run of the job says nothing about this one.
            self._redis.delete(progress_key(self._row))
            self._set_status(contract.job_status("RUNNING", job_type=self._job_type), ttl_s=self._running_ttl_s)
            self._said_running = True
        except RedisAway as error:
            self._on_away(error)
        if self._redis.enabled:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write nothing more: after this the keys are the finisher's, or another worker's."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        if self._thread.is_alive():
            # A Redis that hangs must not hold up a stop; the thread writes nothing more once its call is over.
            self._thread.join(JOIN_S)

    def show(self, step: str, percent: int, *, step_percent: int = 0) -> None:
        """Show where the job is. Cheap; call it as often as there is something new. Raises ValueError: no such step."""
        body = contract.job(self._steps, step, percent, step_percent=step_percent)
        with self._wake:
            self._percent = body["percent"] = max(self._percent, body["percent"])
            if self._pending is None:
                self._wake.notify()
            self._pending = body

    def done(self, result: Mapping[str, Any]) -> None:
        """The row is DONE. Call it outside the context."""
        status = contract.job_status("DONE", job_type=self._job_type, error_message="", result=ai_jobs.plain(result))
        last = contract.job(self._steps, self._steps[-1].name, 100, step_percent=100) if self._steps else None
        self._final(status, last)

    def failed(self, reason: str, result: Mapping[str, Any] | None = None) -> None:
        """The row is FAILED. Call it outside the context."""
        shown = None if result is None else ai_jobs.plain(result)
        status = contract.job_status("FAILED", job_type=self._job_type, error_message=reason, result=shown)
        self._final(status, self._pending)

    def given_back(self) -> None:
        """The row is PENDING again. Call it outside the context."""
        if self._said_running:
            try:
                status = contract.job_status("PENDING", job_type=self._job_type)
                self._set_status(status, ttl_s=contract.PROCESSING_STATUS_TTL_S)
            except RedisAway as error:
                self._on_away(error)

    def _run(self) -> None:
        while (body := self._due()) is not None:
            try:
                self._redis.set_json(progress_key(self._row), body, ttl_s=contract.JOB_PROGRESS_TTL_S)
            except RedisAway as error:
                self._on_away(error)

    def _due(self) -> Mapping[str, Any] | None:
        """Wait for a progress that may be written now; None at the end."""
        with self._wake:
            while not self._ending:
                left = self._wrote_at + WRITE_S - self._clock()
                if self._pending is not None and left <= 0:
                    body, self._pending = self._pending, None
                    self._wrote_at = self._clock()
                    return body
                self._wake.wait(None if self._pending is None else left)
            return None

    def _final(self, status: Mapping[str, Any], progress: Mapping[str, Any] | None = None) -> None:
        for turn in range(FINAL_TRIES if self._said_running else 1):
            if turn:
                # A RUNNING that this run wrote would hide the end for hours: wait out the breaker for it.
                self._pause(BREAKER_S + 0.5)
            try:
                if progress is not None:
                    self._redis.set_json(progress_key(self._row), progress, ttl_s=contract.JOB_PROGRESS_TTL_S)
                self._set_status(status)
            except RedisAway as error:
                self._on_away(error)
            else:
                return
        if self._redis.enabled:
            log.warning("the end of job %s could not be shown: Redis is away; the database has it", self._row.job_id)

    def _set_status(self, status: Mapping[str, Any], ttl_s: int | None = None) -> None:
        # Without a tenant there is no status key that anybody reads.
        if self._row.tenant_id:
            self._redis.set_json(keys.job_status(self._row.tenant_id, self._row.job_id), status, ttl_s=ttl_s)


def progress_key(row: AiJobRow) -> str:
    """The tenant's key, or the legacy one of a job without tenant (contract 2.1)."""
    return keys.job_progress(row.tenant_id, row.job_id) if row.tenant_id else keys.legacy_job_progress(row.job_id)


def correct_status(redis: Redis, db: Postgres, row: AiJobRow) -> None:
    """Make Redis say what an ended row says, if it says anything else of a living job: its worker died between the two
    writes, and the progress endpoint would believe Redis for six hours."""
    if not row.tenant_id or row.status not in (ai_jobs.DONE, ai_jobs.FAILED):
        return
    key = keys.job_status(row.tenant_id, row.job_id)
    try:
        shown = redis.get_json(key)
        if shown is None or shown.get("status") not in (ai_jobs.RUNNING, *ai_jobs.WAITING):
            return
        result = ai_jobs.result_of(db, row.job_id)
        body = contract.job_status(row.status, job_type=row.job_type, error_message=row.error_message, result=result)
        redis.set_json(key, body)
        # Its last percentage is that of a run which nobody is on any more.
        redis.delete(keys.job_progress(row.tenant_id, row.job_id))
    except StoreError as error:
        log.debug("the status of job %s could not be compared with Redis: %s", row.job_id, error)

"""What the API shows of a run: status and progress keys (contract 2.1, 2.2), and the cancel flag (contract 2.1, S2).

One thread a run writes the newest progress at most twice a second and looks for the cancel flag once a second, so that
neither a slow Redis nor a missing one ever holds up a download or FFmpeg. The percentage never falls within a run
(contract 11 #32). Redis away is never an error here: the database has the truth, Redis only shows it.

A cancel flag that is there when a run starts was set for an earlier run, by the very retry that enqueued this one: it
is cleared and the run goes on (contract 11 #3). One set later stops this run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from academyctl.contract import keys, logtokens
from academyctl.contract import progress as contract
from academyctl.contract.progress import Step
from academyctl.contract.states import VideoState
from academyctl.errors import RedisAway
from academyctl.stores.redis import BREAKER_S, Redis
from academyctl.stores.videos import VideoRow

log = logging.getLogger("academyctl.video")

WRITE_S = 0.5
POLL_S = 1.0
STATUS_EVERY_S = 3600.0
FINAL_TRIES = 3
JOIN_S = 3.0


class Reporter:
    """Progress and status of one run of one video. Use as a context manager around the run; `on_cancel` any thread."""

    def __init__(
        self,
        redis: Redis,
        *,
        tenant_id: int,
        video_id: int,
        ttl_s: int,
        on_cancel: Callable[[], None],
        on_away: Callable[[RedisAway], None] = lambda _error: None,
        poll_s: float = POLL_S,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = redis
        self._video_id = video_id
        self._status_key = keys.video_status(tenant_id, video_id)
        self._progress_key = keys.video_progress(tenant_id, video_id)
        self._cancel_key = keys.video_cancel(tenant_id, video_id)
        self._ttl_s = ttl_s
        self._on_cancel = on_cancel
        self._on_away = on_away
        self._poll_s = poll_s
        self._clock = clock
        self._pending: Mapping[str, Any] | None = None
        self._percent = 0
        self._said = -1
        self._flag_cleared = False
        self._status_at: float | None = None
        self._polled_at = float("-inf")
        self._wrote_at = float("-inf")
        self._pause = pause
        self._wake = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=f"progress-{video_id}", daemon=True)

    def __enter__(self) -> Reporter:
        self.step(contract.PRESIGNING)
        # PROCESSING replaces an old READY or FAILED, and the progress of an earlier run goes (contract 11 #30).
        self._turn()
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

    def step(self, step: Step, step_percent: int = 0, *, remaining_s: int | None = None, **extra: Any) -> None:
        """Show this step. Cheap; call it as often as there is something new."""
        self._show(contract.payload(step, step_percent, remaining_s=remaining_s, **extra))

    def transcoding(self, current_s: float, total_s: float, *, speed: float = 0.0) -> None:
        """Show how far FFmpeg is, in seconds of the video; logged when the whole percentage changes."""
        body = contract.transcoding(current_s, total_s, speed=speed)
        self._show(body)
        if body["step_percent"] > self._said:
            self._said = body["step_percent"]
            log.info(
                logtokens.TRANSCODE_PROGRESS.format(
                    video_id=self._video_id, current=int(current_s), total=round(total_s),
                    step=body["step_percent"], overall=body["percent"],
                )
            )  # fmt: skip

    def ready(self, hls_path: str, duration: int) -> None:
        """The run is over and the row is READY. Call it outside the context."""
        self._final(
            contract.status(VideoState.READY, hls_path=hls_path, duration=duration),
            contract.payload(contract.DONE, 100, hls_path=hls_path, duration=duration),
        )

    def _show(self, body: dict[str, Any]) -> None:
        with self._wake:
            self._percent = body["percent"] = max(self._percent, body["percent"])
            if self._pending is None:
                self._wake.notify()
            self._pending = body

    def _run(self) -> None:
        while self._wait_for_work():
            self._turn()

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not self._ending:
                due = self._polled_at + self._poll_s
                if self._pending is not None:
                    due = min(due, self._wrote_at + WRITE_S)
                left = due - self._clock()
                if left <= 0:
                    return True
                self._wake.wait(left)
            return False

    def _turn(self) -> None:
        now = self._clock()
        try:
            self._flag(now)
            if self._status_at is None or now - self._status_at > STATUS_EVERY_S:
                status = contract.status(VideoState.PROCESSING)
                self._redis.set_json(self._status_key, status, ttl_s=contract.PROCESSING_STATUS_TTL_S)
                self._status_at = now
            if now - self._wrote_at >= WRITE_S:
                self._write(now)
        except RedisAway as error:
            self._wrote_at = now
            self._on_away(error)

    def _write(self, now: float) -> None:
        with self._wake:
            body, self._pending = self._pending, None
        if body is not None:
            self._wrote_at = now
            self._redis.set_json(self._progress_key, body, ttl_s=self._ttl_s)

    def _flag(self, now: float) -> None:
        if now - self._polled_at < self._poll_s:
            return
        self._polled_at = now
        if not self._flag_cleared:
            self._redis.delete(self._cancel_key)
            self._flag_cleared = True
        elif self._redis.exists(self._cancel_key):
            self._on_cancel()

    def _final(self, status: Mapping[str, Any], progress: Mapping[str, Any]) -> None:
        tries = FINAL_TRIES if self._status_at is not None else 1
        for turn in range(tries):
            try:
                self._redis.set_json(self._progress_key, progress, ttl_s=self._ttl_s)
                self._redis.set_json(self._status_key, status)
            except RedisAway as error:
                self._on_away(error)
                # A PROCESSING that this run wrote would hide the result for hours: wait out the breaker for it.
                if turn + 1 < tries:
                    self._pause(BREAKER_S + 0.5)
            else:
                return
        log.warning("the status of video %d could not be shown: Redis is away; the database has it", self._video_id)


def correct_status(redis: Redis, row: VideoRow) -> None:
    """Make Redis say what a finished row says, if it says that the video is still PROCESSING: its worker died between
    the two writes, and the progress endpoint would believe Redis for six hours."""
    try:
        shown = redis.get_json(keys.video_status(row.tenant_id, row.id))
        if shown is None or shown.get("status") != VideoState.PROCESSING:
            return
        if row.status == VideoState.READY:
            redis.set_json(
                keys.video_status(row.tenant_id, row.id),
                contract.status(VideoState.READY, hls_path=row.hls_path, duration=row.duration),
            )
        elif row.status == VideoState.FAILED:
            show_failed(redis, row.tenant_id, row.id, row.error_reason)
    except RedisAway as error:
        log.warning("the status of video %d could not be compared with Redis: %s", row.id, error)


def show_failed(redis: Redis, tenant_id: int, video_id: int, reason: str) -> None:
    """FAILED, for good: the status key without a TTL (contract 2.1)."""
    try:
        redis.set_json(keys.video_status(tenant_id, video_id), contract.status(VideoState.FAILED, error_reason=reason))
    except RedisAway as error:
        log.warning("the failure of video %d could not be shown: %s", video_id, error)

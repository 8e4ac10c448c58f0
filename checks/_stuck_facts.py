"""What is known of one video that may be stuck: plain, frozen, and the same after a trip through JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from academyctl.contract.messages import parse_time
from academyctl.log import mask

if TYPE_CHECKING:
    from academyctl.stores.videos import VideoRow
    from academyctl.video_state import Keys

DATABASE, REDIS, OBJECTS, QUEUE, DEAD_LETTERS = "database", "redis", "objects", "queue", "dead letters"
"""The parts that may be unknown."""


@dataclass(frozen=True)
class Row:
    """The video's row; times are ISO 8601. `lease_left_s` is 0 when nobody leases it or the lease has run out."""

    status: str
    title: str
    tenant_id: int
    file_key: str
    hls_path: str
    error_reason: str
    duration: int | None
    updated_at: str
    started_at: str
    leased_by: str
    lease_left_s: float


@dataclass(frozen=True)
class Job:
    """The newest row of video_videotranscodejob (S3)."""

    id: str
    state: str
    attempt: int
    locked_by: str
    beat_at: str


@dataclass(frozen=True)
class Lock:
    """The held encode lock. `token` is '' for a legacy worker's "1"; `ttl_ms` -1 = no expiry."""

    key: str
    token: str
    host: str
    pid: int | None
    since: str
    ttl_ms: int


@dataclass(frozen=True)
class Running:
    """A video that a worker says it works on."""

    video_id: int
    tenant_id: int | None
    stage: str
    since: str
    percent: int | None = None
    remaining_s: int | None = None


@dataclass(frozen=True)
class Beat:
    """A video worker's heartbeat. `queues`: where it takes its messages from, () where it does not say."""

    token: str
    host: str
    pid: int | None
    beat_at: str
    concurrency: int
    jobs: tuple[Running, ...]
    queues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """What the last run told; `age_s` is None where the key's lifetime does not say when it was written."""

    percent: int | None
    step: str
    remaining_s: int | None
    age_s: float | None


@dataclass(frozen=True)
class Queue:
    """The video queue by its attributes, never received from; the depths are approximate. `dlq` '' = there is none."""

    name: str
    visible: int
    in_flight: int
    delayed: int
    dlq: str
    dead: int


@dataclass(frozen=True)
class Dead:
    """A dead letter that names this video."""

    message_id: str
    receive_count: int
    sent_at: str
    reason: str


@dataclass(frozen=True)
class Object:
    """An object in the video bucket; `size` in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class Facts:
    """One video. A part is None (or empty) when it is absent or unknown; `unknown` has why a part could not be read.

    `last_id` is the highest id that this database ever gave to a video. `problems` are what a READY video's playlists
    lack. `owner` is the heartbeat of the process behind the lock or, without one, the lease. `workers` are all video
    workers that beat. `dead_read` is False where dead letters were only counted, or not all of them read.
    """

    id: int
    row: Row | None
    last_id: int
    job: Job | None
    lock: Lock | None
    owner: Beat | None
    workers: tuple[Beat, ...]
    cancel_ttl_ms: int | None
    heartbeat_ttl_ms: int | None
    redis_status: str
    progress: Progress | None
    upload: Object | None
    master: Object | None
    problems: tuple[str, ...]
    queue: Queue | None
    dead: tuple[Dead, ...]
    dead_read: bool
    database: str
    bucket: str
    unknown: Mapping[str, str]
    seen_at: str


def row_of(row: VideoRow) -> Row:
    """The row without secrets: legacy workers put presigned URLs into error_reason."""
    return Row(
        status=row.status, title=row.title, tenant_id=row.tenant_id, file_key=row.file_key, hls_path=row.hls_path,
        error_reason=mask(row.error_reason), duration=row.duration, updated_at=iso(row.updated_at),
        started_at=iso(row.processing_started_at), leased_by=row.leased_by, lease_left_s=round(row.lease_left_s, 1),
    )  # fmt: skip


def beat_of(body: Mapping[str, Any]) -> Beat:
    """A heartbeat's JSON (workers write it); anything odd in it is left out."""
    jobs, queues = body.get("jobs"), body.get("queues")
    running = [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []
    return Beat(
        token=str(body.get("token") or ""),
        host=str(body.get("host") or ""),
        pid=_int(body.get("pid")),
        beat_at=iso(parse_time(body.get("beat_at"))),
        concurrency=max(1, _int(body.get("concurrency")) or 1),
        jobs=tuple(
            Running(
                video_id, _int(job.get("tenant_id")), str(job.get("stage") or ""), iso(parse_time(job.get("since")))
            )
            for job in running
            if (video_id := _int(job.get("video_id"))) is not None
        ),
        queues=tuple(str(one) for one in queues) if isinstance(queues, list) else (),
    )


def lock_of(found: Keys) -> Lock | None:
    lock = found.lock
    if lock is None:
        return None
    if lock.owner is None:
        return Lock(lock.key, "", "", None, "", lock.ttl_ms)
    return Lock(lock.key, lock.owner.token, lock.owner.host, lock.owner.pid, iso(lock.owner.since), lock.ttl_ms)


def progress_of(found: Keys, ttl_s: int) -> Progress | None:
    """The video's progress key, read with its lifetime."""
    body, raw = found.progress, found.raw_progress
    return None if body is None or raw is None else progress_in(body, raw.ttl_ms, ttl_s)


def progress_in(body: Mapping[str, Any], ttl_ms: int, ttl_s: int) -> Progress:
    """`ttl_s` is the lifetime that workers give the key at each write: what is missing of it is its age."""
    age = ttl_s - ttl_ms / 1000
    return Progress(
        percent=_int(body.get("percent")),
        step=str(body.get("step") or ""),
        remaining_s=_int(body.get("remaining_seconds")),
        # A key with another lifetime, or none, was written by something else.
        age_s=round(age, 1) if ttl_ms >= 0 and age >= 0 else None,
    )


def behind(token: str, workers: tuple[Beat, ...]) -> Beat | None:
    """The beating process behind a lock's or lease's token, which is the process's token and one part more."""
    process = token.rpartition(":")[0] or token
    return next((beat for beat in workers if process and beat.token == process), None)


def with_progress(beat: Beat, known: Mapping[int, Progress]) -> Beat:
    """The heartbeat with how far its videos are, where that is known."""

    def told(job: Running) -> Running:
        found = known.get(job.video_id)
        return job if found is None else replace(job, percent=found.percent, remaining_s=found.remaining_s)

    return replace(beat, jobs=tuple(told(job) for job in beat.jobs))


def iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="milliseconds")


def _int(value: object) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if number and isinstance(value, int | float) else None

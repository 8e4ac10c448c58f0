"""All that is known of a video at one moment: its row, its Redis keys, its worker, its master playlist. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.contract import keys
from academyctl.contract.messages import parse_time
from academyctl.errors import StoreError
from academyctl.stores import Stores
from academyctl.stores.r2 import Head
from academyctl.stores.redis import Seen
from academyctl.stores.videos import VideoRow

PARALLEL = 8


@dataclass(frozen=True)
class Owner:
    """Who took a lock, as the lock's own text names it."""

    token: str
    host: str = ""
    pid: int | None = None
    since: datetime | None = None

    def age_s(self, now: datetime) -> float | None:
        return None if self.since is None else max(0.0, (now - self.since).total_seconds())


@dataclass(frozen=True)
class Lock:
    """A held lock; `owner` is None for a legacy worker's "1". `ttl_ms` -1 = no expiry."""

    key: str
    value: str
    ttl_ms: int
    owner: Owner | None


@dataclass(frozen=True)
class Worker:
    """A living worker process, from its heartbeat. `has_it`: that heartbeat lists this video as running."""

    token: str
    host: str
    pid: int | None
    beat_at: datetime | None
    stage: str = ""
    has_it: bool = False


@dataclass(frozen=True)
class Keys:
    """A video's Redis keys. `cancel` and `heartbeat` say how long those flags still live; None = not set."""

    lock: Lock | None
    status: Mapping[str, Any] | None
    progress: Mapping[str, Any] | None
    cancel: Seen | None
    heartbeat: Seen | None
    raw_status: Seen | None = None
    raw_progress: Seen | None = None


@dataclass(frozen=True)
class Video:
    """One id. A part is None when it is absent or unknown; `unknown` tells which parts could not be read.

    `lock` is known without the row; the other keys need the row's tenant.
    """

    id: int
    row: VideoRow | None = None
    keys: Keys | None = None
    worker: Worker | None = None
    master: Head | None = None
    unknown: frozenset[str] = frozenset()

    @property
    def absent(self) -> bool:
        """The database was asked and has no such row."""
        return self.row is None and "database" not in self.unknown


@dataclass(frozen=True)
class Gathered:
    """What was asked for, in order, and why parts are unknown: 'database', 'redis' or 'objects' -> the error."""

    videos: tuple[Video, ...]
    away: Mapping[str, StoreError] = field(default_factory=dict)
    seen_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def gather(stores: Stores, ids: Sequence[int], *, objects: bool = True) -> Gathered:
    """Look at videos in a number of round trips that does not grow with them (one HEAD each, in parallel, for R2)."""
    away: dict[str, StoreError] = {}
    rows: dict[int, VideoRow] = {}
    try:
        rows = stores.videos.rows(ids)
    except StoreError as error:
        away["database"] = error
    seen: dict[str, Seen] = {}
    if stores.redis.enabled:
        try:
            seen = stores.redis.look(keys_of(ids, rows))
            # Nearly always the row's owner is the lock's, and this asks for nothing more.
            seen |= stores.redis.look([key for key in _lock_owners(ids, seen) if key not in seen])
        except StoreError as error:
            away["redis"] = error
            seen = {}
    heads: dict[int, Head | None] = {}
    if objects:
        try:
            heads = _heads(stores, rows.values())
        except StoreError as error:
            away["objects"] = error
    unknown = frozenset(away)
    return Gathered(tuple(_video(video_id, rows.get(video_id), seen, heads, unknown) for video_id in ids), away)


def _video(
    video_id: int,
    row: VideoRow | None,
    seen: Mapping[str, Seen],
    heads: Mapping[int, Head | None],
    unknown: frozenset[str],
) -> Video:
    found = known(video_id, row, seen)
    lock = found.lock
    worker = _worker_of(video_id, lock.owner.token, seen) if lock is not None and lock.owner is not None else None
    if worker is None and row is not None and row.leased_by:
        worker = _worker_of(video_id, row.leased_by, seen)
        # A lease stays in the row when its process went on to other work; a lock does not.
        worker = worker if worker is not None and worker.has_it else None
    return Video(
        id=video_id,
        row=row,
        keys=None if "redis" in unknown else found,
        worker=worker,
        master=heads.get(video_id),
        unknown=unknown,
    )


def life_signs(video: Video, now: datetime) -> tuple[str, ...]:
    """Evidence that somebody works on it: a row lease that runs, a worker that beats, the video's own heartbeat."""
    signs = []
    row = video.row
    if row is not None and row.leased:
        signs.append(f"the row lease of {row.leased_by} runs for {row.lease_left_s:.0f} s more")
    if video.worker is not None:
        age = (
            ""
            if video.worker.beat_at is None
            else f", {max(0.0, (now - video.worker.beat_at).total_seconds()):.0f} s ago"
        )
        signs.append(f"the worker {video.worker.host} (pid {video.worker.pid}) beats{age}")
    if video.keys is not None and video.keys.heartbeat is not None:
        signs.append(f"the video's heartbeat key lives for {video.keys.heartbeat.ttl_ms / 1000:.0f} s more")
    return tuple(signs)


def owner_of(value: str) -> Owner | None:
    """The owner that a lock's text names; None for a legacy "1" or any other text."""
    data = json_object(value)
    if data is None or not isinstance(data.get("token"), str):
        return None
    pid = data.get("pid")
    return Owner(
        data["token"], str(data.get("host", "")), pid if isinstance(pid, int) else None, parse_time(data.get("since"))
    )


def json_object(text: str | None) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(text or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def keys_of(ids: Sequence[int], rows: Mapping[int, VideoRow]) -> list[str]:
    """The keys of these videos; those beside the lock need the row's tenant."""
    wanted = [keys.encode_lock(video_id) for video_id in ids]
    for video_id, row in rows.items():
        wanted += [
            make(row.tenant_id, video_id)
            for make in (keys.video_status, keys.video_progress, keys.video_cancel, keys.video_heartbeat)
        ]
        if row.leased_by:
            wanted.append(_heartbeat_key(row.leased_by))
    return wanted


def known(video_id: int, row: VideoRow | None, seen: Mapping[str, Seen]) -> Keys:
    """What Redis was seen to hold of a video."""

    def present(key: str) -> Seen | None:
        found = seen.get(key)
        return found if found is not None and found.value is not None else None

    key = keys.encode_lock(video_id)
    held = present(key)
    lock = Lock(key, held.value or "", held.ttl_ms, owner_of(held.value or "")) if held else None
    if row is None:
        return Keys(lock, None, None, None, None)
    status = present(keys.video_status(row.tenant_id, video_id))
    progress = present(keys.video_progress(row.tenant_id, video_id))
    return Keys(
        lock=lock,
        status=json_object(status.value) if status else None,
        progress=json_object(progress.value) if progress else None,
        cancel=present(keys.video_cancel(row.tenant_id, video_id)),
        heartbeat=present(keys.video_heartbeat(row.tenant_id, video_id)),
        raw_status=status,
        raw_progress=progress,
    )


def _heartbeat_key(lease_token: str) -> str:
    """The heartbeat of the process behind a lease token, which is the process's token and one part more."""
    return keys.worker_heartbeat("video", lease_token.rpartition(":")[0] or lease_token)


def _lock_owners(ids: Sequence[int], seen: Mapping[str, Seen]) -> list[str]:
    found = (seen.get(keys.encode_lock(video_id)) for video_id in ids)
    owners = (owner_of(lock.value) for lock in found if lock is not None and lock.value is not None)
    return [_heartbeat_key(owner.token) for owner in owners if owner is not None]


def _worker_of(video_id: int, token: str, seen: Mapping[str, Seen]) -> Worker | None:
    """The living process behind a lock's or a lease's token."""
    found = seen.get(_heartbeat_key(token))
    beat = json_object(found.value) if found is not None else None
    if beat is None:
        return None
    jobs, pid = beat.get("jobs"), beat.get("pid")
    running = [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []
    stages = [str(job.get("stage") or "") for job in running if job.get("video_id") == video_id]
    return Worker(
        token=str(beat.get("token", "")),
        host=str(beat.get("host", "")),
        pid=pid if isinstance(pid, int) else None,
        beat_at=parse_time(beat.get("beat_at")),
        stage=stages[0] if stages else "",
        has_it=bool(stages),
    )


def _heads(stores: Stores, rows: Iterable[VideoRow]) -> dict[int, Head | None]:
    bucket = stores.settings.r2.video_bucket

    def head(row: VideoRow) -> tuple[int, Head | None]:
        return row.id, stores.r2.head(bucket, keys.hls_master(row.tenant_id, row.id))

    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(pool.map(head, rows))

"""Looks at videos that may be stuck: rows, Redis, objects, queue and dead letters, in a number of steps that does not
grow with them. Nothing is changed, and the video queue is never received from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from academyctl.contract import keys
from checks import _stuck_facts as f
from checks import _stuck_reads as reads
from checks._fan import Clock, together
from checks._stuck_facts import Beat, Facts, Progress
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.redis import Seen
    from academyctl.stores.videos import VideoRow

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Until:
    """The time.monotonic() value at which whoever asks wants an answer."""

    ends_at: float = field(default_factory=lambda: time.monotonic() + TIMEOUT_S)

    def left_s(self) -> float:
        return max(0.0, self.ends_at - time.monotonic())


@dataclass(frozen=True)
class Picture:
    """The videos that were looked at; `unknown` has why a part could not be read, `more` that there were too many.

    `received`: dead letters were read, which raises their receive count.
    """

    videos: tuple[Facts, ...]
    unknown: Mapping[str, str]
    workers: tuple[Beat, ...]
    queue: f.Queue | None
    more: bool
    received: bool


def gather(stores: Stores, ids: Sequence[int], *, until: Clock | None = None) -> tuple[Facts, ...]:
    """The facts of these videos, in their order. With read-only stores dead letters are counted, not read."""
    return look(stores, ids, until=until).videos


def look(
    stores: Stores,
    ids: Sequence[int],
    *,
    limit: int = 0,
    until: Clock | None = None,
    letters: reads.Letters | None = None,
) -> Picture:
    """These videos or, with a limit, so many of those about which anything looks stuck.

    Three steps, each with all its calls at once. `letters` reads dead letters for stores that may not.
    """
    until = until or Until()
    first = _First(together(until, _first_calls(stores, limit, letters)))
    wanted = tuple(dict.fromkeys(ids)) if not limit else first.found(limit)
    second = together(until, {
        f.DATABASE: lambda: stores.videos.rows(wanted),
        "jobs": lambda: reads.jobs(stores, wanted) if first.has_jobs else {},
    })  # fmt: skip
    rows, jobs = _given(second[f.DATABASE]), _given(second["jobs"])
    third = together(until, {
        f.REDIS: lambda: reads.keys_of(stores, wanted, rows, first.workers),
        f.OBJECTS: lambda: reads.objects(stores, tuple(rows.values())),
    })  # fmt: skip
    seen, objects = _given(third[f.REDIS]), _given(third[f.OBJECTS])
    asked = (*first.answers.items(), *second.items(), *third.items())
    unknown = {("database" if part == "jobs" else part): one.told for part, one in asked if isinstance(one, Trouble)}
    told = _progress_of(first.workers, seen, stores.settings.video.progress_ttl_s)
    workers = tuple(f.with_progress(beat, told) for beat in first.workers)
    videos = tuple(
        _facts(stores, video_id, rows, seen, objects, first=first, workers=workers, jobs=jobs, unknown=unknown)
        for video_id in wanted
    )
    queue = first.queue.queue if first.queue else None
    return Picture(videos, unknown, workers, queue, first.more(limit), first.received)


def _first_calls(stores: Stores, limit: int, letters: reads.Letters | None) -> dict[str, Callable[[], Any]]:
    calls: dict[str, Callable[[], Any]] = {
        f.DATABASE: lambda: reads.overview(stores, limit),
        f.REDIS: lambda: reads.workers(stores, locks=limit > 0),
        f.QUEUE: lambda: reads.queue(stores, letters),
    }
    return calls


class _First:
    """The answers of the first step, empty where there was none."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        overview, living, queue = (answers[part] for part in (f.DATABASE, f.REDIS, f.QUEUE))
        self.overview = None if isinstance(overview, Trouble) else overview
        self.living = None if isinstance(living, Trouble) else living
        self.queue: reads.QueueSeen | None = None if isinstance(queue, Trouble) else queue
        box = self.queue.box if self.queue is not None else None
        self.box = box or reads.Letterbox(complete=False)
        if self.box.why:
            self.answers[f.DEAD_LETTERS] = Trouble("odd", "", "dead letters", self.box.why)

    @property
    def workers(self) -> tuple[Beat, ...]:
        return self.living.beats if self.living else ()

    @property
    def has_jobs(self) -> bool:
        return bool(self.overview and self.overview.has_jobs)

    @property
    def last_id(self) -> int:
        return int(self.overview.last_id) if self.overview else 0

    @property
    def received(self) -> bool:
        return bool(self.queue and self.queue.queue.dead and self.queue.box)

    def _candidates(self) -> tuple[int, ...]:
        """Whatever leaves a trace: a row that waits, a lock, a running job, a dead letter."""
        rows = self.overview.candidates if self.overview else ()
        locked = self.living.locked if self.living else ()
        running = [job.video_id for beat in self.workers for job in beat.jobs]
        # What runs comes last: it is only of interest where our database knows nothing of it.
        idle = [one for one in locked if one not in running]
        return tuple(dict.fromkeys((*rows, *self.box.letters, *idle, *running)))

    def found(self, limit: int) -> tuple[int, ...]:
        return self._candidates()[:limit]

    def more(self, limit: int) -> bool:
        return bool(limit) and len(self._candidates()) > limit


def _facts(
    stores: Stores,
    video_id: int,
    rows: Mapping[int, VideoRow],
    seen: Mapping[str, Seen],
    objects: Mapping[int, reads.Objects],
    *,
    first: _First,
    workers: tuple[Beat, ...],
    jobs: Mapping[int, f.Job],
    unknown: Mapping[str, str],
) -> Facts:
    from academyctl.video_state import known

    row = rows.get(video_id)
    found = known(video_id, row, seen)
    lock = f.lock_of(found)
    token = lock.token if lock is not None else row.leased_by if row is not None else ""
    held = objects.get(video_id, reads.Objects())
    return Facts(
        id=video_id,
        row=None if row is None else f.row_of(row),
        last_id=first.last_id,
        job=jobs.get(video_id),
        lock=lock,
        owner=f.behind(token, workers),
        workers=workers,
        cancel_ttl_ms=None if found.cancel is None else found.cancel.ttl_ms,
        heartbeat_ttl_ms=None if found.heartbeat is None else found.heartbeat.ttl_ms,
        redis_status=str((found.status or {}).get("status") or ""),
        progress=f.progress_of(found, stores.settings.video.progress_ttl_s),
        upload=held.upload,
        master=held.master,
        problems=held.problems,
        queue=first.queue.queue if first.queue else None,
        dead=first.box.letters.get(video_id, ()),
        dead_read=first.box.complete,
        database=f"{stores.settings.db.host}:{stores.settings.db.port}/{stores.settings.db.name}",
        bucket=stores.settings.r2.video_bucket,
        unknown=unknown,
        seen_at=f.iso(datetime.now(UTC)),
    )


def _progress_of(workers: Sequence[Beat], seen: Mapping[str, Seen], ttl_s: int) -> dict[int, Progress]:
    """How far the videos are that workers run now."""
    from academyctl.video_state import json_object

    told = {}
    for beat in workers:
        for job in beat.jobs:
            found = seen.get(keys.video_progress(job.tenant_id, job.video_id)) if job.tenant_id is not None else None
            body = json_object(found.value) if found is not None else None
            if found is not None and body is not None:
                told[job.video_id] = f.progress_in(body, found.ttl_ms, ttl_s)
    return told


def _given(answer: Any) -> Any:
    return {} if isinstance(answer, Trouble) else answer

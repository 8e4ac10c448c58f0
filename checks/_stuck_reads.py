"""The reads behind `_stuck`: each is one call, or a few for a fixed number of things, however many videos there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.contract import keys
from academyctl.contract.states import VideoState
from academyctl.errors import StoreError, UsageError
from academyctl.log import mask
from checks import _stuck_facts as f

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.redis import Seen
    from academyctl.stores.videos import VideoRow

GRACE_S = 120
"""An upload, or a failure, of the last two minutes is on its way."""
FAILED_DAYS = 7
LETTERS = 100
LETTERS_S = 5.0
PARALLEL = 8
WHOLE = 20
"""So many READY videos are compared with their playlists; of more only the master is looked for."""
_PAGES, _PAGE = 20, 5000
_LOCKS = "job:encode:*:lock"
_STATEMENT_MS = "3000"
_OVERVIEW = """
SELECT set_config('statement_timeout', %(ms)s, true) AS limited,
       greatest((SELECT coalesce(max(id), 0) FROM video_video),
                (SELECT coalesce(max(last_value), 0) FROM pg_sequences
                 WHERE format('%%I.%%I', schemaname, sequencename) = pg_get_serial_sequence('video_video', 'id'))
       )::bigint AS last_id,
       to_regclass('video_videotranscodejob') IS NOT NULL AS has_jobs,
       (SELECT coalesce(json_agg(id), '[]') FROM (
            (SELECT id FROM video_video WHERE status = 'PROCESSING'
             AND (leased_by = '' OR leased_until IS NULL OR leased_until < now()) ORDER BY updated_at LIMIT %(limit)s)
            UNION ALL
            (SELECT id FROM video_video WHERE status = 'UPLOADED'
             AND updated_at < now() - make_interval(secs => %(grace_s)s) ORDER BY updated_at LIMIT %(limit)s)
            UNION ALL
            (SELECT id FROM video_video WHERE status = 'FAILED'
             AND updated_at > now() - make_interval(days => %(days)s) ORDER BY updated_at DESC LIMIT %(limit)s)
       ) AS found) AS candidates
"""
_JOBS = """
SELECT DISTINCT ON (video_id) video_id, id::text AS id, state, attempt_count, locked_by, last_heartbeat_at
FROM video_videotranscodejob WHERE video_id = ANY(%(ids)s) ORDER BY video_id, created_at DESC
"""


@dataclass(frozen=True)
class Overview:
    """The highest video id ever given, whether the S3 table is there, and rows that may be stuck."""

    last_id: int
    has_jobs: bool
    candidates: tuple[int, ...]


@dataclass(frozen=True)
class Living:
    """The video workers that beat, and the videos whose encode lock is held."""

    beats: tuple[f.Beat, ...] = ()
    locked: tuple[int, ...] = ()


@dataclass(frozen=True)
class Letterbox:
    """The encode messages of a dead-letter queue by video; `complete` when none was left out."""

    letters: Mapping[int, tuple[f.Dead, ...]] = field(default_factory=dict)
    complete: bool = True
    why: str = ""
    """Why they were not read."""


Letters = Callable[[str], Letterbox]


@dataclass(frozen=True)
class QueueSeen:
    """The queue, and its dead letters where they were read (None: only counted)."""

    queue: f.Queue
    box: Letterbox | None = None


@dataclass(frozen=True)
class Objects:
    """What R2 holds of a video: its upload, or for a READY one its master and what its playlists lack."""

    upload: f.Object | None = None
    master: f.Object | None = None
    problems: tuple[str, ...] = ()


def overview(stores: Stores, limit: int) -> Overview:
    """One statement. With limit 0 no row is looked for. Raises DatabaseAway."""
    args = {"ms": _STATEMENT_MS, "limit": limit + 1 if limit else 0, "grace_s": GRACE_S, "days": FAILED_DAYS}
    row = stores.db.query(_OVERVIEW, args)[0]
    return Overview(int(row["last_id"]), bool(row["has_jobs"]), tuple(int(one) for one in row["candidates"]))


def jobs(stores: Stores, ids: Sequence[int]) -> dict[int, f.Job]:
    """The newest S3 job of each video."""
    return {
        row["video_id"]: f.Job(
            row["id"], row["state"], row["attempt_count"], row["locked_by"], f.iso(row["last_heartbeat_at"])
        )
        for row in stores.db.query(_JOBS, {"ids": list(ids)})
    }


def workers(stores: Stores, *, locks: bool) -> Living:
    """Heartbeats, and with `locks` whatever lock is held. Raises RedisAway."""
    from academyctl.video_state import json_object

    if not stores.redis.enabled:
        return Living()
    patterns = [keys.worker_heartbeats("video"), *([_LOCKS] if locks else [])]
    found = stores.redis.scan_some(patterns, pages=_PAGES, page=_PAGE)
    beating = sorted(key for key in found if not key.endswith(":lock"))
    bodies = (json_object(seen.value) for seen in stores.redis.look(beating).values())
    locked = (key.split(":")[2] for key in found if key.endswith(":lock"))
    return Living(
        tuple(f.beat_of(body) for body in bodies if body is not None),
        tuple(sorted(int(one) for one in locked if one.isascii() and one.isdigit())),
    )


def queue(stores: Stores, letters: Letters | None = None) -> QueueSeen:
    """Depths of the video queue and its dead-letter queue, and whose the letters are. Raises AwsError.

    Reading a dead letter is a receive with visibility 0: it comes back at once, and its receive count rises. Stores
    that only read cannot; whoever may hands in `letters`.
    """
    sqs, name = stores.sqs_quick, stores.settings.queues.video
    main = sqs.attributes(name)
    dead = sqs.attributes(main.dlq_name) if main.dlq_name else None
    count = 0 if dead is None else dead.visible + dead.in_flight + dead.delayed
    seen = f.Queue(name, main.visible, main.in_flight, main.delayed, main.dlq_name, count)
    if not count:
        return QueueSeen(seen, Letterbox())
    read = letters or (None if _read_only(stores) else letters_of(stores))
    try:
        return QueueSeen(seen, None if read is None else read(main.dlq_name))
    except (StoreError, UsageError) as error:
        return QueueSeen(seen, Letterbox(complete=False, why=str(error)))


def keys_of(
    stores: Stores, ids: Sequence[int], rows: Mapping[int, VideoRow], beats: Sequence[f.Beat]
) -> dict[str, Seen]:
    """Every key of these videos, and the progress of what the workers run. Raises RedisAway."""
    from academyctl import video_state

    if not stores.redis.enabled:
        return {}
    running = [(job.tenant_id, job.video_id) for beat in beats for job in beat.jobs]
    theirs = [keys.video_progress(tenant, video_id) for tenant, video_id in running if tenant is not None]
    return stores.redis.look(list(dict.fromkeys((*video_state.keys_of(ids, rows), *theirs))))


def objects(stores: Stores, rows: Sequence[VideoRow]) -> dict[int, Objects]:
    """One HEAD a video, in parallel; READY ones, up to WHOLE, are compared with their playlists. Raises AwsError."""
    if not rows:
        return {}
    ready = [row.id for row in rows if row.status == VideoState.READY][:WHOLE]
    bucket = stores.settings.r2.video_bucket

    def at(key: str) -> f.Object | None:
        head = stores.r2.head(bucket, key) if key else None
        return None if head is None else f.Object(head.key, head.size)

    def one(row: VideoRow) -> tuple[int, Objects]:
        if row.status != VideoState.READY:
            return row.id, Objects(upload=at(row.file_key))
        problems = _problems(stores, row) if row.id in ready else ()
        return row.id, Objects(master=at(keys.hls_master(row.tenant_id, row.id)), problems=problems)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(pool.map(one, rows))


def _problems(stores: Stores, row: VideoRow) -> tuple[str, ...]:
    from academyctl.hls_verify import verify

    return tuple(f"{one.code} {one.key} {one.what}".strip() for one in verify(stores, row, types=False).problems)


def _read_only(stores: Stores) -> bool:
    from academyctl.stores.readonly import ReadOnlyStores

    return isinstance(stores, ReadOnlyStores)


def letters_of(stores: Stores) -> Letters:
    """Reads the letters of a dead-letter queue, LETTERS at most, with stores that may receive."""

    def read(dlq: str) -> Letterbox:
        from academyctl.contract.messages import VideoEncode
        from academyctl.dead_letters import sample

        found: dict[int, tuple[f.Dead, ...]] = {}
        sampled = sample(stores, dlq, LETTERS, timeout_s=LETTERS_S)
        for letter in sampled.letters:
            if isinstance(letter.message, VideoEncode):
                dead = f.Dead(letter.id, letter.receive_count, f.iso(letter.sent_at), mask(letter.reason))
                found[letter.message.video_id] = (*found.get(letter.message.video_id, ()), dead)
        return Letterbox(found, sampled.complete)

    return read

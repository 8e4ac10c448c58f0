"""Videos in every state on the real stack, as workers, operators and accidents leave them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.contract import keys
from academyctl.contract.messages import encode_body
from academyctl.contract.progress import transcoding
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from tests.conftest import make_video

OLD = timedelta(minutes=47)
PROCESS = "encoder-2:7:beef"
DEAD = "encoder-1:4242:dead:01"
SEGMENT = bytes([0x47]) + bytes(187)
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\nv1/index.m3u8\n"
MEDIA = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\nindex0.ts\n#EXT-X-ENDLIST\n"


def waiting(stores: Stores, status: str = "UPLOADED", *, upload: bool = True, **values: Any) -> VideoRow:
    """A video that has been in this state for 47 minutes, with its upload."""
    row = make_video(stores, status=status, **{"updated_at": datetime.now(UTC) - OLD, **values})
    if upload:
        stores.r2.put(stores.settings.r2.video_bucket, row.file_key, b"upload")
    return row


GONE: dict[str, Any] = {"upload": False, "file_key": keys.raw_key(1, 1, "gone.mp4")}


def locked(stores: Stores, video_id: int, token: str = DEAD) -> None:
    """The lock that a worker took 47 minutes ago; '' is a legacy worker's."""
    since = (datetime.now(UTC) - OLD).isoformat()
    body = {"token": token, "host": token.partition(":")[0], "pid": 4242, "since": since}
    stores.redis.set(keys.encode_lock(video_id), json.dumps(body) if token else "1", ttl_s=13_000)


def beats(stores: Stores, *videos: VideoRow | int, tenant_id: int = 1) -> None:
    """One worker that runs these videos."""
    since = (datetime.now(UTC) - OLD).isoformat()
    ids = [one if isinstance(one, int) else one.id for one in videos]
    jobs = [{"video_id": one, "tenant_id": tenant_id, "stage": "transcoding", "since": since} for one in ids]
    body = {
        "token": PROCESS, "host": "encoder-2", "pid": 7, "beat_at": datetime.now(UTC).isoformat(),
        "concurrency": max(1, len(jobs)), "jobs": jobs,
    }  # fmt: skip
    stores.redis.set_json(keys.worker_heartbeat("video", PROCESS), body, ttl_s=60)


def progressing(stores: Stores, row: VideoRow, *, age_s: int = 0) -> None:
    ttl = stores.settings.video.progress_ttl_s - age_s
    stores.redis.set_json(keys.video_progress(row.tenant_id, row.id), transcoding(42, 100, speed=0.2), ttl_s=ttl)


def published(stores: Stores, *, segment: bool = True) -> VideoRow:
    """A READY video of four seconds; without its segment it is broken."""
    row = waiting(stores, "READY", duration=4)
    folder, bucket = keys.hls_folder(row.tenant_id, row.id), stores.settings.r2.video_bucket
    files = {"master.m3u8": MASTER.encode(), "v1/index.m3u8": MEDIA.encode(), "v1/index0.ts": SEGMENT}
    for name, body in files.items():
        if segment or not name.endswith(".ts"):
            stores.r2.put(bucket, folder + name, body)
    return row


def buried(stores: Stores, row: VideoRow) -> None:
    """The video's message in the dead-letter queue."""
    body = encode_body(
        video_id=row.id, tenant_id=row.tenant_id, file_key=row.file_key, tenant_code="demo", now=datetime.now(UTC)
    )
    stores.sqs.send(f"{stores.settings.queues.video}-dlq", body, attributes={"academyctl.reason": "the disk is full"})


def deleted(stores: Stores) -> int:
    """A video that was deleted while its lock was held."""
    row = waiting(stores)
    locked(stores, row.id)
    stores.db.execute("DELETE FROM video_video WHERE id = %s", (row.id,))
    return row.id


def build(stores: Stores) -> dict[int, str]:
    """Every state that needs no message in the queue: video id -> the code that must be found."""
    made: dict[int, str] = {}

    def add(row: VideoRow | int, name: str) -> VideoRow | int:
        made[row if isinstance(row, int) else row.id] = f"video.{name}"
        return row

    orphan, legacy, hung = waiting(stores), waiting(stores), waiting(stores, "PROCESSING")
    running, cancelled = waiting(stores, "PROCESSING"), waiting(stores)
    for row, token in ((orphan, DEAD), (legacy, ""), (hung, f"{PROCESS}:1"), (running, f"{PROCESS}:2")):
        locked(stores, row.id, token)
    progressing(stores, running)
    progressing(stores, hung, age_s=7200)
    stores.redis.set(keys.video_cancel(cancelled.tenant_id, cancelled.id), "1", ttl_s=300)
    add(orphan, "lock-orphan"), add(legacy, "legacy-lock"), add(hung, "lock-dead-worker")
    add(running, "encoding"), add(cancelled, "cancel-eats-retries")
    dead = waiting(stores)
    buried(stores, dead)
    add(dead, "dead-letter")
    add(waiting(stores, "PROCESSING"), "no-owner")
    add(waiting(stores), "lost")
    add(waiting(stores, **GONE), "failed-source")
    add(waiting(stores, "FAILED", error_reason="duration_probe_failed"), "failed-probe")
    add(waiting(stores, "FAILED", error_reason="encode_failed: FFmpeg ended with 1"), "failed")
    add(waiting(stores, "FAILED", error_reason="Failed to complete video: not_found"), "failed-database")
    add(deleted(stores), "deleted")
    elsewhere = 1_000_000
    beats(stores, running, hung, elsewhere, tenant_id=running.tenant_id)
    add(elsewhere, "other-database")
    return made

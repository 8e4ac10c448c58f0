"""The video worker: uploads to HLS, and the objects of deleted videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from academyctl.settings import Settings
    from workers._model import Worker


def worker(settings: Settings) -> Worker:
    """How the runtime runs it. Raises ConfigError when FFmpeg or ffprobe is missing.

    Imports happen here: who only wants the media engine needs neither client libraries nor a database.
    """
    from academyctl.contract.messages import parse_video
    from academyctl.media_tools import find_ffmpeg, find_ffprobe
    from workers._guards import kept, locked, logged
    from workers._model import Worker
    from workers.video.handler import exhausted, handle
    from workers.video.workdir import remove_leftovers

    find_ffmpeg(settings.video.ffmpeg_bin)
    find_ffprobe(settings.video.ffprobe_bin)
    remove_leftovers(settings.video.temp_dir, host=settings.worker.id)
    return Worker(
        kind="video",
        log_prefix="VIDEO-WORKER-SQS",
        queues={settings.queues.video: 1},
        visibility_s=settings.video.visibility_s,
        lease_s=settings.video.lease_s,
        parse=parse_video,
        handle=handle,
        guards=(logged, kept, locked),
        exhausted=exhausted,
        lock_key=_lock_key,
        describe=_describe,
        prefetch=0,
    )


def direct(settings: Settings, environ: Mapping[str, str]) -> int | None:
    """The one job that VIDEO_JOB_ID or VIDEO_JOB_MESSAGE names, as AWS Batch runs it: its exit code; None = none."""
    from academyctl.stores import Stores
    from workers.video import batch

    if not batch.names_one(environ):
        return None
    stores = Stores(settings)
    try:
        return batch.run_job(worker(settings), stores, environ)
    finally:
        stores.close()


def _lock_key(job: Any) -> str:
    from academyctl.contract import keys
    from academyctl.contract.messages import VideoDelete

    named = keys.delete_lock if isinstance(job, VideoDelete) else keys.encode_lock
    return named(job.video_id)


def _describe(job: Any) -> dict[str, Any]:
    """Fields for log lines and the heartbeat."""
    fields = {"video_id": job.video_id, "tenant_id": job.tenant_id, "created_at": job.created_at}
    fields |= {"job_id": getattr(job, "job_id", None), "tenant_code": getattr(job, "tenant_code", None)}
    return {name: value for name, value in fields.items() if value}

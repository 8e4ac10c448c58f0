"""`delete_r2`: the objects of a video that the API has deleted (contract 1.3, 4; 11 #1, #7, #47).

The API deletes the row, then sends the message. The row is therefore the proof: while it is there nothing is deleted,
whatever the message says. Once it is gone the message is believed only where it names the places that belong to its
own ids. Video ids are the database's own, so the folder of an id without a row is nobody's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from academyctl.contract import keys, logtokens
from academyctl.contract.messages import VideoDelete
from academyctl.errors import AwsError, RedisAway, WorkFailed
from academyctl.stores import Stores
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry
from workers.video.download import backoff_s

log = logging.getLogger("academyctl.video")

ROW_STILL_THERE_S = 30.0
ENCODE_RUNNING_S = 15.0
PASSES = 3
"""Lists the folder so often until it stays empty: an encode that is just being stopped may still add to it."""


def handle(delivery: Delivery, job: VideoDelete) -> Outcome:
    """Delete HLS folder, upload and Redis keys of a video without a row. Raises StoreError when a store is away."""
    refused = _refusal(delivery, job)
    if refused is not None:
        return refused
    try:
        _delete(delivery, job)
    except (AwsError, WorkFailed) as error:
        log.error(logtokens.DELETE_FAILED.format(video_id=job.video_id, error=error))
        raise
    return Done()


def _refusal(delivery: Delivery, job: VideoDelete) -> Outcome | None:
    stores = delivery.stores
    row = stores.videos.row(job.video_id)
    if row is not None and row.tenant_id != job.tenant_id:
        return Reject(f"video {job.video_id} belongs to tenant {row.tenant_id}, the message says {job.tenant_id}")
    if row is not None:
        # The API's transaction is not over yet, or it was rolled back: a living video keeps its objects.
        reason = f"video {job.video_id} still has its row ({row.status}); nothing is deleted"
        return Reject(reason) if delivery.last_attempt else Retry(reason, ROW_STILL_THERE_S)
    # A trailing slash or nothing at all names the same folder; anything else is not this video's.
    if job.hls_prefix.rstrip("/") not in ("", keys.hls_prefix(job.tenant_id, job.video_id)):
        return Reject(f"hls_prefix is not the folder of tenant {job.tenant_id}, video {job.video_id}")
    if job.file_key:
        if not _is_raw(job):
            return Reject(f"file_key is no upload of tenant {job.tenant_id}")
        if stores.videos.names_upload(job.file_key):
            return Reject("file_key is the upload of another video that still exists")
    if _encode_running(stores, job.video_id):
        # Its row is gone, so its lease is lost at the next renewal; until then it may still publish.
        return Defer(f"an encode of video {job.video_id} has not stopped yet", ENCODE_RUNNING_S)
    return None


def _is_raw(job: VideoDelete) -> bool:
    prefix = keys.raw_prefix(job.tenant_id)
    return job.file_key.startswith(prefix) and len(job.file_key) > len(prefix) and not job.file_key.endswith("/")


def _encode_running(stores: Stores, video_id: int) -> bool:
    try:
        return stores.redis.get(keys.encode_lock(video_id)) is not None
    except RedisAway:
        return False


def _delete(delivery: Delivery, job: VideoDelete) -> None:
    stores, bucket = delivery.stores, delivery.settings.r2.video_bucket
    delivery.stage("deleting")
    folder = keys.hls_folder(job.tenant_id, job.video_id)
    count = 0
    for _ in range(PASSES):
        found = [head.key for head in stores.r2.list(bucket, folder)]
        if not found:
            break
        delete_all(delivery, bucket, found)
        count += len(found)
    else:
        raise WorkFailed(f"{folder} is not empty after {PASSES} passes", why="something still writes there")
    log.info(
        logtokens.PREFIX_DELETED.format(
            video_id=job.video_id, prefix=keys.hls_prefix(job.tenant_id, job.video_id), count=count
        )
    )
    if job.file_key:
        delete_all(delivery, bucket, [job.file_key])
        log.info(logtokens.RAW_DELETED.format(video_id=job.video_id, key=job.file_key))
    _forget(stores, job)


def delete_all(delivery: Delivery, bucket: str, wanted: Sequence[str]) -> None:
    """Delete objects; the ones R2 refuses are tried again. Raises WorkFailed naming a key that stays, AwsError."""
    left = list(wanted)
    settings = delivery.settings.video
    for turn in range(1, settings.retry_max + 1):
        delivery.check()
        refused = delivery.stores.r2.delete(bucket, left)
        if not refused:
            return
        left = list(refused)
        if turn < settings.retry_max:
            delivery.wait(backoff_s(settings, turn, delivery.rng))
    why = f"{left[0]}: {refused[left[0]]}"
    raise WorkFailed(f"R2 refuses to delete {len(left)} of {len(wanted)} objects", why=why)


def _forget(stores: Stores, job: VideoDelete) -> None:
    names = (keys.video_progress, keys.video_status, keys.video_cancel, keys.video_heartbeat)
    try:
        stores.redis.delete(*(name(job.tenant_id, job.video_id) for name in names))
    except RedisAway as error:
        log.warning("the Redis keys of the deleted video %d stay until they expire: %s", job.video_id, error)

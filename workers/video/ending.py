"""How a run ends without READY: given back for another attempt, or FAILED for good (contract 3.2, 3.4, 11 #4)."""

from __future__ import annotations

import logging

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode
from academyctl.errors import AwsError, Cancelled, DatabaseAway, LeaseLost, RedisAway, Stopping, WorkFailed
from academyctl.stores import Stores
from workers._model import Delivery
from workers.video.delete import delete_all
from workers.video.lease import RowLease
from workers.video.progress import show_failed

log = logging.getLogger("academyctl.video")


def give_back(delivery: Delivery, job: VideoEncode, reason: str = "") -> None:
    """UPLOADED again and free; a reason counts as a failed attempt of an S3 job. A database that is away is no error:
    the lease then runs out by itself."""
    try:
        changed = delivery.stores.videos.release(job.video_id, delivery.token, reason=reason, job_id=job.job_id)
    except DatabaseAway as away:
        log.warning("video %d could not be given back, its lease runs out by itself: %s", job.video_id, away)
        return
    if changed.job:
        count_backlog(delivery.stores, job.tenant_id, +1)
    if changed:
        RowLease(delivery, job).end()


def give_up(delivery: Delivery, job: VideoEncode, reason: str) -> None:
    """FAILED for good, if the video is still ours: row, S3 job (DEAD), Redis, and no half-published remains.

    Nothing happens to a video whose lease is gone. A retry that came meanwhile (UPLOADED) is left its turn.
    Raises DatabaseAway.
    """
    stores = delivery.stores
    lease = RowLease(delivery, job)
    try:
        _remove_remains(delivery, job, lease)
    except LeaseLost:
        return
    except (AwsError, WorkFailed, Stopping, Cancelled) as error:
        log.warning("what video %d had published so far stays for now: %s", job.video_id, error)
    # RUNNING -> DEAD leaves the backlog as it is: the platform adds 1 (fail_retry) and takes it away again (mark_dead).
    if stores.videos.fail(job.video_id, delivery.token, reason, job_id=job.job_id):
        show_failed(stores.redis, job.tenant_id, job.video_id, reason)
        lease.end()
    else:
        give_back(delivery, job)


def count_backlog(stores: Stores, tenant_id: int, amount: int) -> None:
    """Keep the API's count of waiting S3 jobs (contract 2.1). It is a metric: without Redis it is let go."""
    try:
        stores.redis.add(keys.video_backlog(tenant_id), amount)
    except RedisAway as error:
        log.debug("backlog_count of tenant %d not changed by %+d: %s", tenant_id, amount, error)


def _remove_remains(delivery: Delivery, job: VideoEncode, lease: RowLease) -> None:
    """Delete what this video has in R2, unless an earlier encode is playable there: a player must not find a FAILED
    video's early playlist."""
    row = delivery.stores.videos.row(job.video_id)
    if row is None or row.hls_path:
        return
    bucket = delivery.settings.r2.video_bucket
    folder = keys.hls_folder(row.tenant_id, row.id)
    found = [head.key for head in delivery.stores.r2.list(bucket, folder)]
    if found:
        # Asked after the listing: what a later owner publishes is not in it.
        lease.renew()
        delete_all(delivery, bucket, found)

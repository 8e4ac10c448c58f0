"""One message of the video queue: claim the row, run the pipeline, and say what that means for row and message.

    claimed           -> the pipeline
    READY already     -> Done: a late duplicate changes nothing (contract 11 #5)
    leased            -> Defer until the lease runs out; never deleted (#2)
    no such row       -> Retry: the API's transaction may still be open (#19); on the last attempt Reject
    other tenant      -> Reject (#47)
    PENDING           -> Retry: `upload/complete` has not committed yet; on the last attempt Reject
    FAILED            -> Reject. A retry sets UPLOADED before it sends, so this message is a leftover, or was redriven
                         from the dead-letter queue by hand; its work is not done, so it is not deleted either
    job closed        -> Done: SUCCEEDED, DEAD and CANCELLED jobs are finished whatever this message hopes
    database away     -> Defer

How a run ends: READY; refused content -> FAILED at once and Reject; any other failure -> UPLOADED again with the
reason, and FAILED only when the last attempt has failed (#4); cancelled -> Defer, for the retry's own message may never
have been sent (503); stopping -> given back; lease lost -> nothing is touched any more.
"""

from __future__ import annotations

import logging
import time

from academyctl.contract import logtokens
from academyctl.contract.messages import VideoDelete, VideoEncode
from academyctl.contract.states import VideoState
from academyctl.errors import AcademyError, Cancelled, DatabaseAway, LeaseLost, Stopping, StoreError
from academyctl.stores.videos import Claim, Claimed, VideoRow
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry
from workers._process import AWAY, describe
from workers.video import delete, raw, workdir
from workers.video.ending import count_backlog, give_back, give_up
from workers.video.lease import RowLease, patiently
from workers.video.probe import EncodeFailed, MediaError, MediaRefused
from workers.video.progress import Reporter, correct_status
from workers.video.run import Result, encode

log = logging.getLogger("academyctl.video")

AWAY_S = 30.0
CANCELLED_S = 5.0
NOT_YET_S = 20.0
"""Before the second look at a row that an open transaction may still bring; three times as long before the third."""


def handle(delivery: Delivery) -> Outcome:
    """Encode or delete, as the message says. Raises LeaseLost, Stopping, StoreError: the runtime knows them."""
    job = delivery.job
    if isinstance(job, VideoDelete):
        return delete.handle(delivery, job)
    log.info(logtokens.HANDLER_START.format(video_id=job.video_id))
    settings = delivery.settings.video
    try:
        claimed = delivery.stores.videos.claim(
            job.video_id, job.tenant_id, delivery.token, lease_s=settings.lease_s, job_id=job.job_id
        )
    except DatabaseAway as away:
        return Defer(str(away), AWAY_S)
    if claimed.job_waited:
        count_backlog(delivery.stores, job.tenant_id, -1)
    if claimed.claim is not Claim.CLAIMED or claimed.row is None:
        return _refusal(delivery, job, claimed)
    log.info(logtokens.LOCK_ACQUIRED.format(video_id=job.video_id))
    try:
        return _run(delivery, job, claimed.row)
    except Exception as error:  # whatever it was, the row must say so and be free for the next attempt
        outcome = _after(error, delivery, job, claimed)
        if outcome is None:
            raise
        return outcome


def exhausted(delivery: Delivery, reason: str) -> None:
    """The last attempt has failed. Raises StoreError when that cannot be recorded: the message then waits."""
    if isinstance(delivery.job, VideoEncode):
        give_up(delivery, delivery.job, reason)


def _refusal(delivery: Delivery, job: VideoEncode, claimed: Claimed) -> Outcome:
    """What becomes of a message whose video was not claimed; see the table on top."""
    video = f"video {job.video_id}"
    row = claimed.row
    if row is not None and row.tenant_id == job.tenant_id:
        correct_status(delivery.stores.redis, row)
    match claimed.claim:
        case Claim.READY:
            log.info(logtokens.ALREADY_READY.text(video_id=job.video_id, tenant_id=job.tenant_id))
            return Done("already ready")
        case Claim.LEASED:
            left = row.lease_left_s if row is not None and row.leased else AWAY_S
            return Defer(f"{video} is leased by {claimed.detail}", left + delivery.rng.uniform(1, 4))
        case Claim.OTHER_TENANT:
            return Reject(f"{video}: the message says tenant {job.tenant_id}, {claimed.detail}")
        case Claim.ABSENT:
            return _not_yet(delivery, f"{video} has no row in {delivery.stores.db.where}")
        case Claim.JOB_ABSENT:
            return _not_yet(delivery, f"{video}: its job {job.job_id} has no row")
        case Claim.JOB_CLOSED:
            log.info(logtokens.IDEMPOTENT_SKIP.text(job_id=job.job_id, reason=claimed.detail))
            return Done(f"job is {claimed.detail}")
    log.warning(logtokens.CANNOT_MARK.format(video_id=job.video_id, status=claimed.detail))
    if claimed.detail == VideoState.PENDING:
        return _not_yet(delivery, f"{video} is PENDING: its upload is not complete")
    return Reject(
        f"{video} is {claimed.detail}; to encode it again, retry it (POST .../retry/, academyctl video retry)"
    )


def _not_yet(delivery: Delivery, reason: str) -> Outcome:
    if delivery.last_attempt:
        return Reject(reason)
    return Retry(reason, NOT_YET_S * 3.0 ** (delivery.attempt - 1))


def _run(delivery: Delivery, job: VideoEncode, row: VideoRow) -> Outcome:
    """The pipeline, under the lease."""
    started = time.monotonic()
    lease = RowLease(delivery, job)
    keeper = delivery.keeper
    reporter = Reporter(
        delivery.stores.redis,
        tenant_id=row.tenant_id,
        video_id=row.id,
        ttl_s=delivery.settings.video.progress_ttl_s,
        on_cancel=lambda: delivery.interrupt(Cancelled("a retry was requested")),
        on_away=keeper.redis_away if keeper is not None else lambda _error: None,
    )
    host = delivery.settings.worker.id
    log.info(logtokens.PROCESS_START.format(video_id=row.id))
    with lease.held(), reporter, workdir.workdir(delivery.settings.video.temp_dir, row.id, host=host) as folder:
        result = encode(delivery, row, job, folder=folder, lease=lease, reporter=reporter)
    # Whole and published: also a run that was cancelled or stopped at the last moment is READY now.
    _complete(delivery, job, result)
    reporter.ready(result.hls_path, result.duration)
    lease.end()
    fields = {"video_id": row.id, "duration": result.duration}
    log.info(logtokens.PROCESS_DONE.format(hls_path=result.hls_path, **fields))
    log.info(logtokens.VIDEO_COMPLETED.format(**fields))
    log.info(logtokens.ENCODING_DURATION.text(video_id=row.id, duration_sec=f"{time.monotonic() - started:.2f}"))
    raw.after_ready(delivery.stores, row.id, result.file_key, delivery.token)
    return Done()


def _complete(delivery: Delivery, job: VideoEncode, result: Result) -> None:
    """READY. An encode is not thrown away because the database is away for a while. Raises LeaseLost, DatabaseAway."""
    videos = delivery.stores.videos
    unsure = False

    def complete() -> bool:
        nonlocal unsure
        try:
            return videos.complete(
                job.video_id, delivery.token, hls_path=result.hls_path, duration=result.duration, job_id=job.job_id
            )
        except DatabaseAway:
            unsure = True
            raise

    if patiently(delivery, complete):
        return
    # The answer to a commit that went through may have been lost with the connection.
    row = patiently(delivery, lambda: videos.row(job.video_id)) if unsure else None
    if row is None or row.status != VideoState.READY or row.hls_path != result.hls_path:
        lost = LeaseLost(f"video {job.video_id} is finished but no longer ours", why="another worker has taken it")
        delivery.interrupt(lost)
        raise lost


def _after(error: Exception, delivery: Delivery, job: VideoEncode, claimed: Claimed) -> Outcome | None:
    """What a run that did not reach READY leaves behind; None = the runtime knows what the exception means."""
    # Whatever was thrown after the job was told to stop was thrown for that.
    why = delivery.interrupted or error
    if isinstance(why, LeaseLost):
        return None
    if isinstance(why, Cancelled):
        log.info(logtokens.CANCELLED.format(video_id=job.video_id))
        give_back(delivery, job)
        return Defer(str(why), CANCELLED_S)
    if isinstance(why, Stopping) or (isinstance(error, StoreError) and error.cause in AWAY):
        give_back(delivery, job)
        return None
    reason = _told(error, job.video_id)
    used_up = job.job_id is not None and claimed.job_attempt + 1 >= delivery.settings.video.job_max_attempts
    if isinstance(error, MediaRefused) or used_up:
        try:
            give_up(delivery, job, reason)
        except StoreError as away:
            return Defer(f"the failure cannot be recorded: {away}", AWAY_S)
        return Reject(reason)
    if not delivery.last_attempt:
        give_back(delivery, job, f"attempt {delivery.attempt}/{delivery.max_attempts}: {reason}")
    # On the last attempt the lease stays until `exhausted` has said FAILED.
    return Retry(reason)


def _told(error: Exception, video_id: int) -> str:
    """The reason for the row, and the log's lines about it. An error of ours says what happened by itself."""
    reason = str(error) if isinstance(error, AcademyError) else describe(error)
    if isinstance(error, MediaError):
        reason = error.error_reason
    log.error(
        logtokens.VIDEO_FAILED.format(video_id=video_id, error=reason), exc_info=not isinstance(error, AcademyError)
    )
    if isinstance(error, EncodeFailed) and error.stderr_tail:
        log.error("ffmpeg failed video_id=%d stderr=%s", video_id, " / ".join(error.stderr_tail)[-2000:])
    return reason

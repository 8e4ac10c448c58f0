"""What enqueue, retry and unlock would change: pure functions from what is known of a video to a list of repairs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from academyctl.contract import keys
from academyctl.contract.states import RETRYABLE, VideoState
from academyctl.errors import Both, CannotTell, WorkFailed
from academyctl.repairs import DeleteKey, DropLease, Repair, ResetVideo, SendEncode, SetFlag
from academyctl.stores.videos import VideoRow
from academyctl.video_state import Video, life_signs

CANCEL_TTL_S = 300


class Refused(WorkFailed):
    """The state forbids it; the remedy says what to do instead."""

    code = "refused"


@dataclass(frozen=True)
class Plan:
    """Repairs in order, and remarks that the operator should read before."""

    video_id: int
    repairs: tuple[Repair, ...]
    remarks: tuple[Both, ...] = ()


def plan_enqueue(video: Video, *, queue: str, now: datetime, force: bool = False) -> Plan:
    """As the API's enqueue: only UPLOADED. A run that seems alive, or a held lock, needs `force`."""
    row = present(video)
    if row.status != VideoState.UPLOADED:
        raise Refused(f"video {row.id} is {row.status}, only UPLOADED is enqueued", remedy=_instead(row))
    if not force:
        if "redis" in video.unknown:
            raise _blind(row)
        _refuse_if_held(video, now, "was not enqueued")
    return Plan(row.id, (_send(row, queue),), _lock_remark(video, now))


def plan_retry(video: Video, *, queue: str, now: datetime, force: bool = False) -> Plan:
    """As POST .../retry/ (contract 3.2), without its traps: stale keys go, and no flag is left to eat the new message.

    A cancel flag is set only for a run that lives; otherwise one that lies about is cleared (contract 11 #3, #30).
    """
    row = present(video)
    if row.status == VideoState.READY and not force:
        raise Refused(
            f"video {row.id} is READY: Cannot retry",
            remedy=Both(
                f"to encode it again: academyctl video retry {row.id} --force",
                f"다시 인코딩하려면: academyctl video retry {row.id} --force",
            ),
        )
    if row.status not in RETRYABLE and row.status != VideoState.READY:
        raise Refused(f"video {row.id} is {row.status}: Cannot retry", remedy=_instead(row))
    if "redis" in video.unknown and not force:
        raise _blind(row)
    repairs: list[Repair] = [ResetVideo(row.id, row.status, row.error_reason, force)]
    if video.keys is not None:
        repairs += _clear(video, row, now)
    return Plan(row.id, (*repairs, _send(row, queue)), _lock_remark(video, now))


def plan_unlock(video: Video, *, now: datetime, force: bool = False) -> Plan:
    """Delete the lock and the row's lease, if nobody who has them still beats. An empty plan = nothing is held."""
    if "redis" in video.unknown:
        raise CannotTell(f"the lock of video {video.id} cannot be read", why="Redis is away", remedy=_REDIS)
    if "database" in video.unknown and not force:
        raise CannotTell(f"the lease of video {video.id} cannot be read", why="the database is away", remedy=_DATABASE)
    if not force:
        _refuse_if_alive(video, now, "was not unlocked")
    repairs: list[Repair] = []
    lock = video.keys.lock if video.keys is not None else None
    if lock is not None:
        repairs.append(DeleteKey(lock.key, lock.value, lock.ttl_ms))
    if video.row is not None and video.row.leased_by:
        repairs.append(DropLease(video.id, video.row.leased_by, video.row.leased_until))
    return Plan(video.id, tuple(repairs))


def present(video: Video) -> VideoRow:
    """The row. Raises Refused when there is none, CannotTell when the database is away."""
    if video.row is not None:
        return video.row
    if video.absent:
        raise Refused(
            f"there is no video {video.id}",
            remedy=Both(
                "check the id (and the profile: academyctl config show)",
                "ID와 프로필을 확인하세요 (academyctl config show)",
            ),
            code="absent",
        )
    raise CannotTell(f"video {video.id} cannot be looked up", why="the database is away", remedy=_DATABASE)


def followable(row: VideoRow | None, video_id: int, *, watch: bool) -> VideoRow:
    """The row of a video whose progress can be shown; a PENDING one would be watched for ever. Raises Refused."""
    row = present(Video(video_id, row))
    if watch and row.status == VideoState.PENDING:
        raise Refused(f"video {row.id} is PENDING: there is nothing to follow", remedy=_instead(row))
    return row


def _clear(video: Video, row: VideoRow, now: datetime) -> list[Repair]:
    assert video.keys is not None
    found: list[Repair] = []
    cancel = keys.video_cancel(row.tenant_id, row.id)
    if life_signs(video, now):
        found.append(SetFlag(cancel, CANCEL_TTL_S))
    elif video.keys.cancel is not None:
        found.append(DeleteKey(cancel, video.keys.cancel.value or "", video.keys.cancel.ttl_ms, exact=False))
    stale = (
        (keys.video_status(row.tenant_id, row.id), video.keys.raw_status),
        (keys.video_progress(row.tenant_id, row.id), video.keys.raw_progress),
    )
    # Not exact: a run that is being stopped may write its progress between the plan and now.
    found += [DeleteKey(key, seen.value or "", seen.ttl_ms, exact=False) for key, seen in stale if seen is not None]
    return found


def _blind(row: VideoRow) -> CannotTell:
    return CannotTell(
        f"whether somebody works on video {row.id} cannot be told",
        why="Redis could not be read",
        remedy=Both(
            "nothing was changed: bring Redis back, or go on without it: --force (old status keys then stay)",
            "바뀐 것은 없습니다. Redis를 복구하거나 그대로 진행하려면: --force (이전 상태 키는 남습니다)",
        ),
    )


def _send(row: VideoRow, queue: str) -> SendEncode:
    return SendEncode(row.id, row.tenant_id, row.file_key, row.tenant_code, queue)


def _refuse_if_held(video: Video, now: datetime, what: str) -> None:
    _refuse_if_alive(video, now, what)
    lock = video.keys.lock if video.keys is not None else None
    if lock is not None:
        raise Refused(
            f"video {video.id} {what}: its lock is held",
            why=f"{lock.key} = {lock.value}",
            remedy=Both(
                f"if its owner is gone: academyctl video unlock {video.id} --apply (or enqueue with --force)",
                f"소유자가 없으면: academyctl video unlock {video.id} --apply (또는 enqueue --force)",
            ),
        )


def _refuse_if_alive(video: Video, now: datetime, what: str) -> None:
    signs = life_signs(video, now)
    if signs:
        raise Refused(
            f"video {video.id} {what}: somebody works on it",
            why="; ".join(signs),
            remedy=Both(
                f"look again in a minute: academyctl video status {video.id}; if you are sure that it is dead: --force",
                f"1분 뒤 다시 보세요: academyctl video status {video.id} / 확실히 죽었으면 --force",
            ),
            code="alive",
        )


def _lock_remark(video: Video, now: datetime) -> tuple[Both, ...]:
    """A lock without a living owner makes the new message wait: say so, and for how long."""
    lock = video.keys.lock if video.keys is not None else None
    if lock is None or life_signs(video, now):
        return ()
    en = "for ever" if lock.ttl_ms < 0 else f"up to {lock.ttl_ms / 1000:.0f} s"
    ko = "계속" if lock.ttl_ms < 0 else f"최대 {lock.ttl_ms / 1000:.0f}초"
    return (
        Both(
            f"a lock without a living owner makes the message wait {en}: academyctl video unlock {video.id} --apply",
            f"소유자가 살아 있지 않은 락 때문에 메시지가 {ko} 기다립니다: academyctl video unlock {video.id} --apply",
        ),
    )


def _instead(row: VideoRow) -> Both:
    retry = f"academyctl video retry {row.id}"
    match row.status:
        case VideoState.PENDING:
            return Both(
                "its upload was never completed: finish the upload in the platform",
                "업로드가 끝나지 않았습니다. 플랫폼에서 업로드를 완료하세요",
            )
        case VideoState.READY:
            return Both(f"to encode it again: {retry} --force", f"다시 인코딩하려면: {retry} --force")
        case _:
            return Both(f"to encode it again: {retry}", f"다시 인코딩하려면: {retry}")


_REDIS = Both(
    "check that Redis runs and REDIS_HOST/REDIS_PORT reach it",
    "Redis가 실행 중인지, REDIS_HOST/REDIS_PORT를 확인하세요",
)
_DATABASE = Both(
    "check that PostgreSQL runs and DB_HOST/DB_PORT reach it", "PostgreSQL이 실행 중인지, DB_HOST/DB_PORT를 확인하세요"
)

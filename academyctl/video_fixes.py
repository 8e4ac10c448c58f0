"""What `fix` would change: a verdict and what is known of a video -> repairs in order, or why there are none. Pure.

The lock goes first and the message last: a message that meets a lock is skipped and deleted by a legacy worker, and
one that meets a wrong status by every worker (contract 11 #2-#4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode
from academyctl.contract.states import VideoState
from academyctl.dead_letters import Letter, Pair
from academyctl.errors import Both, CannotTell
from academyctl.redrive import Redrive, redrive
from academyctl.repairs import DeleteKey, DropLease, Repair, ResetVideo, SendEncode
from academyctl.stores.videos import VideoRow
from academyctl.video_plans import Plan, Refused
from academyctl.video_repairs import WhenFree, at_work, still_so
from academyctl.video_state import Video

_NO_WORDS = Both("", "")


@dataclass(frozen=True)
class Stuck:
    """A verdict and what its mending needs to know.

    `code` is the verdict's without its topic. `letters` name this video. `upload` and `no_message` are None where that
    is not known; `job_open` is False when the S3 job of this video can no longer be claimed. `verdict` and `remedy` are
    the diagnosis's words.
    """

    code: str
    video: Video
    queue: Pair
    letters: tuple[Letter, ...] = ()
    upload: bool | None = None
    no_message: bool | None = None
    job_open: bool = True
    verdict: Both = _NO_WORDS
    remedy: Both = _NO_WORDS


Mend = Callable[[Stuck, bool], tuple[Repair, ...]]


def plan_fix(stuck: Stuck, *, force: bool = False) -> Plan:
    """The repairs for this verdict; none when nothing is to be done. Raises Refused, CannotTell."""
    if stuck.code in FINE:
        return Plan(stuck.video.id, (), (FINE[stuck.code], *_left(stuck, ())))
    if stuck.code == "unknown":
        raise CannotTell(f"what is wrong with video {stuck.video.id} cannot be told", why=stuck.verdict.en,
                         remedy=stuck.remedy)  # fmt: skip
    mend = MENDED.get(stuck.code) or (FORCED.get(stuck.code) if force else None)
    if mend is None:
        raise _refused(stuck, f"{stuck.code}: {stuck.verdict.en}" if stuck.verdict.en else stuck.code, stuck.remedy)
    _refuse_if_busy(stuck, force)
    repairs = mend(stuck, force)
    so = still_so(stuck.video, forced=force)
    return Plan(stuck.video.id, (*((so,) if so and repairs else ()), *repairs), _remarks(stuck, repairs))


def _unlock(stuck: Stuck, _force: bool) -> tuple[Repair, ...]:
    """Whatever would make the next message wait or go away: lock, lease, cancel flag. The lock first."""
    video, row = stuck.video, _row(stuck)
    found: list[Repair] = []
    if video.keys is not None and video.keys.lock is not None:
        found.append(DeleteKey(video.keys.lock.key, video.keys.lock.value, video.keys.lock.ttl_ms))
    if row.leased_by:
        found.append(DropLease(video.id, row.leased_by, row.leased_until))
    if video.keys is not None and video.keys.cancel is not None:
        cancel = video.keys.cancel
        found.append(DeleteKey(keys.video_cancel(row.tenant_id, row.id), cancel.value or "", cancel.ttl_ms))
    return tuple(found)


def _again(stuck: Stuck, force: bool) -> tuple[Repair, ...]:
    """Free it, show it as waiting, send its message: the one in the dead letters if that is still good, else anew."""
    row = _row(stuck)
    if stuck.upload is False:
        raise _refused(
            stuck,
            "its upload is missing, it cannot be encoded",
            Both(
                "upload it again in the platform, under a new video if this one cannot be replaced",
                "플랫폼에서 원본을 다시 업로드하세요 (이 비디오를 교체할 수 없으면 새 비디오로)",
            ),
        )
    reset: tuple[Repair, ...] = ()
    if row.status != VideoState.UPLOADED:
        ready = row.status == VideoState.READY
        reset = (ResetVideo(row.id, row.status, row.error_reason, ready, row.updated_at),)
    return (*_unlock(stuck, force), *_stale(stuck), *reset, WhenFree(row.id, row.file_key, _message(stuck), force))


def _free(stuck: Stuck, force: bool) -> tuple[Repair, ...]:
    """Its message comes back by itself, unless it is the one in the dead letters."""
    return _again(stuck, force) if _good_letters(stuck) else _unlock(stuck, force)


def _uncancel(stuck: Stuck, force: bool) -> tuple[Repair, ...]:
    """The flag goes; where the queue holds no message any more, the flag has eaten it."""
    return _again(stuck, force) if stuck.no_message else _free(stuck, force)


FINE: dict[str, Both] = {
    "encoding": Both("it is being encoded", "인코딩 중입니다"),
    "uploading": Both("its upload is still going on", "아직 업로드 중입니다"),
    "ready": Both("it is READY and whole", "READY이고 이상이 없습니다"),
    "may-be-queued": Both("its message is on its way", "메시지가 처리를 기다리고 있습니다"),
}
"""Nothing is to be done, and that is well."""
MENDED: dict[str, Mend] = {
    "lock-orphan": _again,
    "lock-dead-worker": _free,
    "legacy-lock": _again,
    "cancel-eats-retries": _uncancel,
    "dead-letter": _again,
    "no-owner": _again,
    "lost": _again,
    "broken": _again,
    "failed": _again,
    "failed-disk": _again,
    "failed-upload": _again,
    "failed-database": _again,
}
FORCED: dict[str, Mend] = {"failed-probe": _again}
"""Mended only with --force: the same file will most likely fail the same way."""


def _message(stuck: Stuck) -> SendEncode | Redrive:
    row = _row(stuck)
    good = _good_letters(stuck)
    if good:
        return redrive(good[-1], stuck.queue)
    return SendEncode(row.id, row.tenant_id, row.file_key, row.tenant_code, stuck.queue.name)


def _good_letters(stuck: Stuck) -> list[Letter]:
    # A READY video's letter belongs to a run whose work is done, even if something has broken it since.
    if _row(stuck).status == VideoState.READY:
        return []
    return [letter for letter in stuck.letters if _good(letter, _row(stuck), stuck.job_open)]


def _good(letter: Letter, row: VideoRow, job_open: bool) -> bool:
    """Whether a worker would take this letter for this row (contract 11 #47, 3.4)."""
    message = letter.message
    return (
        isinstance(message, VideoEncode)
        and (message.video_id, message.tenant_id) == (row.id, row.tenant_id)
        and message.file_key in ("", row.file_key)
        and (message.job_id is None or job_open)
    )


def _stale(stuck: Stuck) -> tuple[Repair, ...]:
    """What an earlier run left for the front end to show (contract 11 #30)."""
    row, found = _row(stuck), stuck.video.keys
    if found is None:
        return ()
    left = (
        (keys.video_status(row.tenant_id, row.id), found.raw_status),
        (keys.video_progress(row.tenant_id, row.id), found.raw_progress),
    )
    return tuple(DeleteKey(key, seen.value or "", seen.ttl_ms) for key, seen in left if seen is not None)


def _refuse_if_busy(stuck: Stuck, force: bool) -> None:
    row, signs = _row(stuck), at_work(stuck.video)
    if stuck.code == "legacy-lock" and row.status == VideoState.PROCESSING:
        signs = (*signs, "a legacy worker's lock does not say whether its owner lives")
    if signs and not force:
        raise _refused(
            stuck,
            "; ".join(signs),
            Both(
                f"look at the worker named there, or again in a minute: academyctl video status {row.id}; "
                "if you are sure that it is dead: --force",
                f"표시된 워커를 확인하거나 1분 뒤 다시 보세요: academyctl video status {row.id} / "
                "확실히 죽었으면 --force",
            ),
            code="alive",
        )


def _remarks(stuck: Stuck, repairs: tuple[Repair, ...]) -> tuple[Both, ...]:
    sends = any(isinstance(repair, WhenFree) for repair in repairs)
    found = [stuck.verdict] if stuck.verdict.en else []
    if not sends:
        found.append(
            Both(
                "its message is still in the queue and comes back by itself: none is sent",
                "메시지가 큐에 남아 있어 스스로 돌아옵니다. 새로 보내지 않습니다",
            )
        )
    elif stuck.no_message is None or stuck.no_message is False:
        found.append(
            Both(
                "the queue holds messages that nobody may read: should one be this video's, whichever comes second is "
                "skipped",
                "큐의 대기 메시지는 읽을 수 없습니다. 이 비디오의 것이 있어도 나중 것은 건너뜁니다",
            )
        )
    return (*found, *_left(stuck, repairs))


def _left(stuck: Stuck, repairs: tuple[Repair, ...]) -> tuple[Both, ...]:
    """Dead letters of this video that stay where they are."""
    taken = {r.message.letter_id for r in repairs if isinstance(r, WhenFree) and isinstance(r.message, Redrive)}
    count = sum(letter.id not in taken for letter in stuck.letters)
    if not count:
        return ()
    peek = f"academyctl queue peek {stuck.queue.word} --dlq --where video_id={stuck.video.id}"
    return (
        Both(
            f"dead letters of this video that stay where they are, for a worker would skip them: {count} ({peek})",
            f"보내도 워커가 건너뛸 데드레터 {count}개는 그대로 둡니다 ({peek})",
        ),
    )


def _refused(stuck: Stuck, why: str, remedy: Both, *, code: str = "") -> Refused:
    letters = " ".join(remark.en for remark in _left(stuck, ()))
    return Refused(
        f"video {stuck.video.id} was not mended",
        why=f"{why}. {letters}" if letters else why,
        remedy=remedy,
        code=code or stuck.code,
    )


def _row(stuck: Stuck) -> VideoRow:
    if stuck.video.row is None:
        raise _refused(stuck, "it has no row", stuck.remedy, code="deleted")
    return stuck.video.row

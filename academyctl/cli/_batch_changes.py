"""`academyctl batch submit`, `batch cancel` and `batch reconcile`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from academyctl.cli._changes import NOTHING, carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import Both, RedisAway, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.batch_plans import Plan, Where
    from academyctl.stores import Stores

LOCK_S = 600
_LIVE = Both(
    "messages are received with --apply alone: a live queue is never received from to have a look",
    "메시지는 --apply에서만 받습니다. 운영 중인 큐는 확인만을 위해 받지 않습니다",
)


def submit(
    here: Session, videos: Sequence[int], jobs: Sequence[str], from_queue: int, *, apply: bool, fmt: Format
) -> None:
    """Videos by number, jobs by their rows, or messages: one of the three."""
    from academyctl.ops.batch_gather import target

    if sum(map(bool, (videos, jobs, from_queue))) != 1:
        raise UsageError(
            Both("one of them at a time", "한 번에 하나만 지정할 수 있습니다")
            if videos or jobs or from_queue
            else Both("nothing to submit", "제출할 것이 없습니다"),
            remedy=Both(
                "give VIDEO_ID..., --job-id ID or --from-queue N",
                "VIDEO_ID..., --job-id ID, --from-queue N 중 하나만 지정하세요",
            ),
        )
    stores = here.stores()
    where = target(stores, undo_options(here))
    if from_queue:
        _from_queue(here, stores, from_queue, where, apply=apply, fmt=fmt)
        return
    planned = _planned_videos(stores, videos, where) if videos else _planned_jobs(stores, jobs, where)
    _carry_out(here, planned, apply=apply, fmt=fmt)


def cancel(here: Session, text: str, video: int | None, *, apply: bool, fmt: Format) -> None:
    """A job by id, or a video's active one."""
    from academyctl.ops.batch_find import find
    from academyctl.ops.batch_plans import plan_cancel, plan_terminate

    if bool(text) == (video is not None):
        raise UsageError(
            Both("which job?", "어떤 작업인가요?"),
            remedy=Both("give its ID, or --video VIDEO_ID", "ID 또는 --video VIDEO_ID 중 하나를 지정하세요"),
        )
    found = find(here.stores(), text or str(video))
    options = undo_options(here)
    if found.row is not None and (found.job is None or not found.row.sent or found.row.aws_id == found.job.id):
        planned = plan_cancel(found.row, found.job, options)
    elif found.job is not None:
        # A Batch job that no row names (any more): the row's own job is another one.
        planned = plan_terminate(found.job, options)
    _carry_out(here, planned, apply=apply, fmt=fmt, nothing=_ENDED)


def reconcile(here: Session, *, apply: bool, fmt: Format) -> None:
    """Rows against Batch. With --apply alone on the platform: its own hourly run has the same lock."""
    from academyctl.ops.batch_gather import picture, target
    from academyctl.ops.batch_reconcile import plan

    stores, settings = here.stores(), here.loaded.settings
    where = target(stores, undo_options(here))
    with _alone(stores) if apply else nullcontext():
        planned = plan(picture(stores, where.queue), where, max_attempts=settings.video.job_max_attempts)
        _carry_out(here, planned, apply=apply, fmt=fmt, nothing=_AGREE)


_ENDED = Both("the job has ended already; there is nothing to do", "이미 끝난 작업입니다. 할 일이 없습니다")
_AGREE = Both("the rows and Batch agree; there is nothing to do", "DB의 작업과 Batch가 일치합니다. 할 일이 없습니다")


def _carry_out(here: Session, planned: Plan, *, apply: bool, fmt: Format, nothing: Both = NOTHING) -> None:
    carry_out(here, planned.repairs, apply=apply, fmt=fmt, remarks=planned.remarks, nothing=nothing)


def _planned_videos(stores: Stores, ids: Sequence[int], where: Where) -> Plan:
    from academyctl.ops.batch_gather import videos
    from academyctl.ops.batch_plans import plan_submit

    return plan_submit(videos(stores, ids, where.queue), where)


def _planned_jobs(stores: Stores, ids: Sequence[str], where: Where) -> Plan:
    from academyctl.ops.batch_find import missing
    from academyctl.ops.batch_gather import videos
    from academyctl.ops.batch_plans import Plan, submit_row

    wanted = [one.lower() for one in dict.fromkeys(ids)]
    rows = stores.batch_jobs.by_id(wanted)
    if absent := [one for one in wanted if one not in rows]:
        raise missing(absent[0])
    if closed := [row for row in rows.values() if not row.active]:
        row = closed[0]
        raise WorkFailed(
            Both(f"job {row.id} cannot be submitted", f"작업 {row.id}은(는) 제출할 수 없습니다"),
            why=Both(f"it is {row.state}", f"상태가 {row.state}입니다"),
            remedy=Both(
                f"a new one for its video: academyctl batch submit {row.video_id}",
                f"비디오에 새 작업을 만드세요: academyctl batch submit {row.video_id}",
            ),
            code="refused",
        )
    seen = {one.video_id: one for one in videos(stores, [row.video_id for row in rows.values()], where.queue)}
    parts = [submit_row(rows[one], seen[rows[one].video_id], where) for one in wanted]
    return Plan(tuple(one for made, _ in parts for one in made), tuple(one for _, said in parts for one in said))


def _from_queue(here: Session, stores: Stores, count: int, where: Where, *, apply: bool, fmt: Format) -> None:
    from academyctl.ops.batch_queue import take

    queue = here.loaded.settings.queues.video
    waiting = stores.sqs_quick.attributes(queue).visible
    repairs, said = take(queue, waiting, count, where)
    if repairs and not apply:
        said.append(_LIVE)
    empty = Both(f"{queue} is empty; there is nothing to do", f"{queue}이(가) 비어 있습니다. 할 일이 없습니다")
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=said, nothing=empty)


@contextmanager
def _alone(stores: Stores) -> Iterator[None]:
    """Hold the platform's own lock of its reconcile. Without Redis there is none to hold. Raises WorkFailed."""
    from academyctl.contract import keys

    key, token = keys.batch_reconcile_lock(), f"academyctl:{uuid.uuid4().hex}"
    if not stores.redis.enabled:
        yield
        return
    try:
        lock = stores.redis.acquire(key, token, LOCK_S * 1000)
    except RedisAway as error:
        from academyctl import output

        output.note(f"warn  {error}")
        yield
        return
    if not lock.mine:
        left = max(0, lock.ttl_ms) // 1000
        raise WorkFailed(
            Both("another reconcile is at work", "다른 reconcile이 실행 중입니다"),
            why=Both(f"{key} is held for {left} s more", f"{key} 잠금이 {left}초 남았습니다"),
            remedy=Both("wait for its end, then again", "끝날 때까지 기다린 뒤 다시 실행하세요"),
            code="busy",
        )
    try:
        yield
    finally:
        # Else it expires by itself.
        with suppress(RedisAway):
            stores.redis.release(key, token)

"""`batch reconcile`: the rows against Batch, both ways, by the platform's own rules (contract 13, Reconcile).

Whoever cannot read all of it changes nothing: gathering raises, and there is no plan of half a picture.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from academyctl.contract.states import JOB_WAITING, JobState
from academyctl.errors import Both
from academyctl.ops.batch_plans import Plan, Where
from academyctl.ops.batch_repairs import Note, SetState, Submit, Terminate, Unseen
from academyctl.stores.batch import WAITING
from academyctl.stores.batch_jobs import SUBMITTING

if TYPE_CHECKING:
    from academyctl.repairs import Repair
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow

SETTLED_S = 300
"""A row that was written since is in somebody's hands."""
MOST_ROWS = 50
UNSEEN_TIMES = 3
UNSEEN_S = 1800
YOUNG_S = 900
NO_ROW = "there is no job row of it"
CODE = "RECONCILE_MAX_ATTEMPTS"


@dataclass(frozen=True)
class Sighting:
    """How often Batch did not know this Batch job, and when that was seen last."""

    aws_id: str
    times: int
    at: datetime


@dataclass(frozen=True)
class Picture:
    """Everything that was read, at `now` (the database's clock).

    `aws`: the Batch jobs that rows name, and all living ones of the queue, by id. `rows_of`: rows of the ids that
    living Batch jobs were given. `unnoted`: by job id, what was made for rows whose submission stopped.
    `desired_vcpus`: of the queue's compute environments, None when they do not say. `counting`: whether sightings can
    be kept.
    """

    now: datetime
    rows: Sequence[JobRow]
    aws: Mapping[str, AwsJob]
    rows_of: Mapping[str, JobRow] = field(default_factory=dict)
    unnoted: Mapping[str, AwsJob] = field(default_factory=dict)
    desired_vcpus: int | None = None
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    counting: bool = True


def due(rows: Sequence[JobRow]) -> list[JobRow]:
    """The active rows that are compared with Batch: fifty at most, oldest first, none that was written just now.

    A failure that was counted already and not yet submitted anew is taken up at once: that is a reconcile that stopped.
    """
    found = [row for row in rows if row.quiet_s >= SETTLED_S or _counted(row)]
    return sorted(found, key=lambda row: row.updated_at)[:MOST_ROWS]


def plan(picture: Picture, where: Where, *, max_attempts: int) -> Plan:
    """The repairs, rows first; a row of which Batch says SUCCEEDED is never touched: the worker owns READY."""
    repairs: list[Repair] = []
    remarks: list[Both] = []
    older = list(_duplicates(picture.rows))
    repairs += [SetState(row, JobState.DEAD, f"job {newer.id} is newer", code="DUPLICATE") for row, newer in older]
    dead = {row.id for row, _ in older}
    rows = [row for row in picture.rows if row.id not in dead]
    looked = due(rows)
    if len(looked) < len(rows):
        remarks.append(_not_yet(len(rows) - len(looked)))
    for row in looked:
        made, said = _row(row, picture, where, max_attempts)
        repairs += made
        remarks += said
    for job in picture.aws.values():
        if job.active and not job.ending:
            made, said = _stray(job, picture)
            repairs += made
            remarks += said
    return Plan(tuple(repairs), tuple(remarks))


def _duplicates(rows: Sequence[JobRow]) -> Iterator[tuple[JobRow, JobRow]]:
    """(older, newest) of every video that has several active jobs."""
    of_video: dict[int, list[JobRow]] = defaultdict(list)
    for row in rows:
        of_video[row.video_id].append(row)
    for jobs in of_video.values():
        *older, newest = sorted(jobs, key=lambda row: (row.created_at, row.id))
        yield from ((row, newest) for row in older)


def _row(row: JobRow, picture: Picture, where: Where, max_attempts: int) -> tuple[list[Repair], list[Both]]:
    if not row.sent:
        return _unsent(row, picture, where)
    job = picture.aws.get(row.aws_id)
    if job is None:
        return _unknown(row, picture, where, max_attempts)
    if job.status == "SUCCEEDED":
        return [], [_succeeded(row)]
    if job.status == "FAILED":
        why = f"Batch job {row.aws_id} FAILED: {job.reason}".rstrip(": ")
        return _failed(row, why, _again(row, picture, where), max_attempts), []
    if job.status == "RUNNING" and row.state == JobState.QUEUED:
        return [SetState(row, JobState.RUNNING, f"Batch job {row.aws_id} is RUNNING")], []
    return [], []


def _unsent(row: JobRow, picture: Picture, where: Where) -> tuple[list[Repair], list[Both]]:
    # The function between SQS and Batch submits and cannot note it: a job that fails before its worker begins would
    # be nobody's.
    made = row.id in picture.unnoted
    # Without one, and without our own mark, nothing says that Batch was asked: it may wait in the SQS queue.
    stopped = row.aws_id == SUBMITTING and row.state in JOB_WAITING
    return ([_again(row, picture, where)], []) if made or stopped else ([], [])


def _again(row: JobRow, picture: Picture, where: Where) -> Repair:
    """A Batch job for the row, or the note of the one that was made already."""
    made = picture.unnoted.get(row.id)
    if made is not None:
        return Note(row.id, row.video_id, row.aws_id, made.id, made.status, where.options)
    return Submit(row.id, row.video_id, row.aws_id, where.queue, where.definition, where.options)


def _failed(row: JobRow, why: str, again: Repair, max_attempts: int) -> list[Repair]:
    """RETRY_WAIT and a new Batch job, or DEAD. A failure is counted by whoever takes the row out of QUEUED or RUNNING:
    the worker that failed, or we, once for each Batch job."""
    if row.cancel_requested:
        return [SetState(row, JobState.CANCELLED, "it was to be cancelled")]
    if row.state == JobState.RETRY_WAIT:
        return [again]
    if row.counted_id == row.aws_id:
        return [SetState(row, JobState.RETRY_WAIT, why), again]
    if row.attempt >= max_attempts:
        return [SetState(row, JobState.DEAD, why, code=CODE, counted=row.aws_id, fail_video=True)]
    return [SetState(row, JobState.RETRY_WAIT, why, attempt=row.attempt + 1, counted=row.aws_id), again]


def _unknown(row: JobRow, picture: Picture, where: Where, max_attempts: int) -> tuple[list[Repair], list[Both]]:
    """Batch does not know the row's job: it forgets ended ones after a week, and knows new ones late."""
    if row.state == JobState.RUNNING:
        return [], [_running_unknown(row)]
    last = picture.sightings.get(row.id)
    last = last if last is not None and last.aws_id == row.aws_id else None
    times = (last.times if last else 0) + 1
    if row.quiet_s >= UNSEEN_S or times >= UNSEEN_TIMES:
        return _failed(row, f"Batch does not know {row.aws_id}", _again(row, picture, where), max_attempts), []
    if not picture.counting:
        return [], [_NOT_COUNTED]
    if last is not None and (picture.now - last.at).total_seconds() < SETTLED_S:
        return [], []
    return [Unseen(row.id, row.aws_id, times, picture.now, UNSEEN_TIMES)], []


def _stray(job: AwsJob, picture: Picture) -> tuple[list[Repair], list[Both]]:
    """A living Batch job: one without a row is ended, unless it is new or waits for a machine that may not come."""
    if not job.job_id:
        return [], [_not_ours(job)]
    if job.job_id in picture.rows_of:
        return [], []
    young = (picture.now - job.created_at).total_seconds() < YOUNG_S
    if job.status in WAITING and (young or not picture.desired_vcpus):
        return [], [_left(job)]
    return [Terminate(job.id, job.name, job.status, NO_ROW, orphan=job.job_id)], []


def sighting(text: str | None) -> Sighting | None:
    """What `Unseen` remembered; None when it is nothing that we wrote."""
    try:
        told = json.loads(text or "")
        return Sighting(str(told["aws_id"]), int(told["times"]), datetime.fromisoformat(told["at"]).astimezone(UTC))
    except (ValueError, KeyError, TypeError):
        return None


def _counted(row: JobRow) -> bool:
    return row.state == JobState.RETRY_WAIT and row.sent and row.counted_id == row.aws_id


_NOT_COUNTED = Both(
    f"Redis is away: a Batch job that is unknown is believed lost only after {UNSEEN_S // 60} minutes",
    f"Redis에 연결할 수 없어, Batch가 모르는 작업은 {UNSEEN_S // 60}분이 지나야 사라진 것으로 봅니다",
)


def _not_yet(count: int) -> Both:
    return Both(
        f"{count} more active jobs were not compared: written within {SETTLED_S // 60} min, or beyond {MOST_ROWS}",
        f"활성 작업 {count}개는 최근 {SETTLED_S // 60}분 안에 바뀌었거나 {MOST_ROWS}개를 넘어 비교하지 않았습니다",
    )


def _succeeded(row: JobRow) -> Both:
    return Both(
        f"Batch job {row.aws_id} SUCCEEDED and job {row.id} is {row.state}: left, for only a worker says READY; "
        f"look: academyctl batch show {row.id}",
        f"Batch 작업 {row.aws_id}은(는) SUCCEEDED인데 작업 {row.id}은(는) {row.state}입니다. READY는 워커만 기록하므로 "
        f"그대로 둡니다. 확인: academyctl batch show {row.id}",
    )


def _running_unknown(row: JobRow) -> Both:
    return Both(
        f"job {row.id} of video {row.video_id} is RUNNING and Batch does not know {row.aws_id}: left, a worker may "
        f"have it; look: academyctl video status {row.video_id}",
        f"작업 {row.id}(비디오 {row.video_id})은(는) RUNNING이지만 Batch에는 {row.aws_id}이(가) 없습니다. 워커가 "
        f"처리 중일 수 있어 그대로 둡니다. 확인: academyctl video status {row.video_id}",
    )


def _not_ours(job: AwsJob) -> Both:
    return Both(
        f"Batch job {job.id} ({job.name}, {job.status}) was given no job id: left",
        f"Batch 작업 {job.id} ({job.name}, {job.status})에는 작업 ID가 없어 그대로 둡니다",
    )


def _left(job: AwsJob) -> Both:
    return Both(
        f"Batch job {job.id} ({job.name}, {job.status}) has no row; left: it is new, or no machine is "
        "wanted for it yet",
        f"Batch 작업 {job.id} ({job.name}, {job.status})에 해당하는 행이 없습니다. 새 작업이거나 아직 배정될 컴퓨팅이 "
        "없어 그대로 둡니다",
    )

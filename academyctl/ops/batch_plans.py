"""Plans of `batch submit` and `batch cancel`: pure functions of what the rows and Batch say (contract 13)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.contract.states import JOB_WAITING, JobState, VideoState
from academyctl.errors import Both, WorkFailed
from academyctl.ops.batch_repairs import InsertJob, Note, SetState, Submit, Terminate, submit_line
from academyctl.stores.batch_jobs import SUBMITTING, Gate, gate_of

if TYPE_CHECKING:
    from academyctl.repairs import Repair
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow
    from academyctl.stores.videos import VideoRow

# A job's id follows from its video and how many it had, so that the dry run shows the id that --apply gives.
_IDS = uuid.UUID("8d3a2f0e-6f0b-5c0e-9a53-1f6b1b7d4c11")
CANCELLED_BY_HAND = "cancelled by an operator"


@dataclass(frozen=True)
class Plan:
    repairs: tuple[Repair, ...] = ()
    remarks: tuple[Both, ...] = ()


@dataclass(frozen=True)
class Where:
    """The Batch queue and the job definition that jobs are submitted to; `options`: the run's, for undo lines."""

    queue: str
    definition: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A video with its jobs (newest first), and what Batch says.

    `aws`: Batch jobs by id. `unnoted`: of jobs without a noted Batch job, the one that was made for them all the same.
    """

    video_id: int
    video: VideoRow | None
    jobs: Sequence[JobRow]
    aws: Mapping[str, AwsJob]
    unnoted: Mapping[str, AwsJob]

    @property
    def active(self) -> JobRow | None:
        return next((row for row in self.jobs if row.active), None)


def plan_submit(videos: Sequence[Seen], where: Where) -> Plan:
    """One Batch job for each video that has none. Raises WorkFailed naming every video that cannot be submitted.

    A video that is done or under way is a remark, so that a second run of the same command finds nothing to do.
    """
    refused = {seen.video_id: why for seen in videos if (why := _refusal(seen))}
    if refused:
        told = "; ".join(f"video {video_id}: {why}" for video_id, why in refused.items())
        korean = "; ".join(f"비디오 {video_id}: {_in_korean(why)}" for video_id, why in refused.items())
        ids = " ".join(map(str, refused))
        raise WorkFailed(
            Both("nothing was submitted", "제출한 것이 없습니다"),
            why=Both(told, korean),
            remedy=Both(
                f"look at them: academyctl video status {ids}; FAILED ones: academyctl video retry {ids}; then again",
                f"상태 확인: academyctl video status {ids} / FAILED라면 academyctl video retry {ids} 후 다시 실행",
            ),
            code="refused",
        )
    repairs: list[Repair] = []
    remarks: list[Both] = []
    for seen in videos:
        active = seen.active
        if active is not None:
            made, said = submit_row(active, seen, where)
            repairs += made
            remarks += said
        elif seen.video is not None and seen.video.status == VideoState.UPLOADED:
            repairs += _new(seen.video, len(seen.jobs), where)
        else:
            remarks.append(_done(seen))
    return Plan(tuple(repairs), tuple(remarks))


def submit_row(row: JobRow, seen: Seen, where: Where) -> tuple[list[Repair], list[Both]]:
    """What a job that is there still lacks: its Batch job, or the note of it."""
    unnoted = seen.unnoted.get(row.id)
    if unnoted is not None:
        return [Note(row.id, row.video_id, row.aws_id, unnoted.id, unnoted.status, where.options)], []
    if row.state not in JOB_WAITING:
        return [], [_under_way(row, seen.aws.get(row.aws_id))]
    there = seen.aws.get(row.aws_id)
    if there is not None and (there.active or there.status == "SUCCEEDED"):
        return [], [_under_way(row, there)]
    if row.sent and row.state == JobState.QUEUED:
        # Its Batch job failed and nobody has counted that yet.
        return [], [_uncounted(row, there)]
    return [Submit(row.id, row.video_id, row.aws_id, where.queue, where.definition, where.options)], []


def plan_cancel(row: JobRow, job: AwsJob | None, options: tuple[str, ...] = ()) -> Plan:
    """End a job: its row first, so that nobody submits it again, then its Batch job (None when Batch knows none)."""
    repairs: list[Repair] = []
    back = submit_line(row.video_id, options)
    alive = job is not None and job.active and not job.ending
    if row.state in JOB_WAITING or (row.state == JobState.RUNNING and (job is None or not job.active)):
        cancelled = SetState(row, JobState.CANCELLED, CANCELLED_BY_HAND, cancel=True, back=back)
        repairs.append(cancelled)
    elif row.state == JobState.RUNNING and not row.cancel_requested:
        # The worker sees the flag, ends its work and sets the state itself.
        repairs.append(SetState(row, JobState.RUNNING, CANCELLED_BY_HAND, cancel=True, back=back))
    if job is not None and alive:
        repairs.append(
            Terminate(job.id, job.name, job.status, CANCELLED_BY_HAND, video_id=row.video_id, options=options)
        )
    return Plan(tuple(repairs), (_AFTER_CANCEL,) if repairs else ())


def plan_terminate(job: AwsJob, options: tuple[str, ...] = ()) -> Plan:
    """End a Batch job that has no row."""
    if not job.active or job.ending:
        return Plan()
    return Plan((Terminate(job.id, job.name, job.status, CANCELLED_BY_HAND, options=options),))


_AFTER_CANCEL = Both(
    "the video keeps its status; to encode it after all: academyctl batch submit VIDEO_ID --apply",
    "비디오 상태는 그대로입니다. 다시 인코딩하려면: academyctl batch submit VIDEO_ID --apply",
)


def new_job_id(video: VideoRow, had: int) -> str:
    return str(uuid.uuid5(_IDS, f"{video.tenant_id}/{video.id}/{video.created_at.isoformat()}/{had}"))


def _new(video: VideoRow, had: int, where: Where) -> list[Repair]:
    job_id = new_job_id(video, had)
    return [
        InsertJob(job_id, video.id, video.tenant_id, where.options),
        Submit(job_id, video.id, SUBMITTING, where.queue, where.definition, where.options),
    ]


def _refusal(seen: Seen) -> str:
    if seen.active is not None:
        return ""
    status = seen.video.status if seen.video else None
    gate = gate_of(status, [row.state for row in seen.jobs])
    if gate is Gate.not_uploaded and status in (VideoState.READY, VideoState.PROCESSING):
        return ""
    return "" if gate is Gate.open else f"{gate} ({status})" if status else str(gate)


_KOREAN = {
    "not_found": "없는 비디오입니다", "not_uploaded": "업로드가 끝난 상태가 아닙니다",
    "active": "진행 중인 작업이 있습니다", "per_video_limit": "비디오 하나의 작업 수 한도에 닿았습니다",
}  # fmt: skip


def _in_korean(why: str) -> str:
    word, _, status = why.partition(" ")
    return " ".join(filter(None, (_KOREAN.get(word, word), status)))


def _done(seen: Seen) -> Both:
    status = seen.video.status if seen.video else ""
    if status == VideoState.READY:
        return Both(f"video {seen.video_id} is READY", f"비디오 {seen.video_id}은(는) 이미 READY입니다")
    return Both(
        f"video {seen.video_id} is {status} without a job: a worker of the queue may have it (academyctl video stuck)",
        f"비디오 {seen.video_id}은(는) 작업 없이 {status} 상태입니다. 큐 워커가 처리 중일 수 있습니다 "
        "(academyctl video stuck)",
    )


def _under_way(row: JobRow, job: AwsJob | None) -> Both:
    named = f"Batch job {job.id} {job.status}" if job else "Batch job unknown"
    return Both(
        f"video {row.video_id} is under way: job {row.id} {row.state}, {named}",
        f"비디오 {row.video_id}은(는) 이미 진행 중입니다: 작업 {row.id} {row.state}, {named}",
    )


def _uncounted(row: JobRow, job: AwsJob | None) -> Both:
    why = f"Batch job {row.aws_id} is {job.status}" if job else f"Batch does not know {row.aws_id}"
    return Both(
        f"video {row.video_id}: {why} and job {row.id} does not show it: academyctl batch reconcile",
        f"비디오 {row.video_id}: {why}, 작업 {row.id}에는 반영되지 않았습니다: academyctl batch reconcile",
    )

"""The changes that `batch submit`, `batch cancel` and `batch reconcile` are made of: each compares before it sets.

A submission is a row first and a Batch job then. Killed between the two, the row says so (`SUBMITTING`), and whoever
comes next looks for the job by its name before another one is submitted: SubmitJob itself accepts the same job twice.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from academyctl.contract import keys
from academyctl.contract import progress as contract
from academyctl.contract.states import JOB_WAITING, VideoState
from academyctl.errors import RedisAway
from academyctl.repairs import Changed
from academyctl.stores.batch_jobs import SUBMITTING

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow

SIGHTING_TTL_S = 86400


@dataclass(frozen=True)
class InsertJob:
    """A QUEUED row that becomes its video's current job."""

    job_id: str
    video_id: int
    tenant_id: int
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"insert job {self.job_id} of video {self.video_id}, QUEUED (the video is UPLOADED and has no active job)"
        )

    def do(self, stores: Stores) -> None:
        gate = stores.batch_jobs.insert(self.job_id, self.video_id, self.tenant_id)
        if gate:
            raise Changed(f"no job of video {self.video_id} was inserted", why=str(gate))
        count_backlog(stores, self.tenant_id, +1)

    @property
    def undo(self) -> str:
        return cancel_line(self.job_id, self.options)


@dataclass(frozen=True)
class Submit:
    """A Batch job for a row. `before`: what the row names now (a Batch job that ended, SUBMITTING or '')."""

    job_id: str
    video_id: int
    before: str
    queue: str
    definition: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        instead = f", instead of Batch job {self.before}" if self.before not in ("", SUBMITTING) else ""
        return (
            f"submit {job_name(self.job_id)} for job {self.job_id} of video {self.video_id} to {self.queue} "
            f"({self.definition}){instead}"
        )

    def do(self, stores: Stores) -> None:
        what = f"job {self.job_id} was not submitted"
        with stores.batch_jobs.submitting(self.job_id) as (row, note):
            if row is None or row.state not in JOB_WAITING:
                raise Changed(what, why=f"it is {row.state}" if row else "it is gone")
            if row.aws_id != self.before:
                raise Changed(what, why=f"Batch job {row.aws_id} is noted for it now")
            there = made_before(stores, self.queue, row)
            note(there.id if there else self._made(stores))

    def _made(self, stores: Stores) -> str:
        return stores.batch.submit(self.queue, self.definition, job_name(self.job_id), job_id=self.job_id)

    @property
    def undo(self) -> str:
        return cancel_line(self.job_id, self.options)


@dataclass(frozen=True)
class Note:
    """The Batch job that a submission made before it stopped."""

    job_id: str
    video_id: int
    before: str
    aws_id: str
    status: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        was = self.before or "''"
        return f"note Batch job {self.aws_id} ({self.status}) for job {self.job_id} of video {self.video_id}, now {was}"

    def do(self, stores: Stores) -> None:
        with stores.batch_jobs.submitting(self.job_id) as (row, note):
            if row is None or row.aws_id != self.before:
                raise Changed(f"job {self.job_id} was left", why=f"it names {row.aws_id}" if row else "it is gone")
            note(self.aws_id)

    @property
    def undo(self) -> str:
        return cancel_line(self.job_id, self.options)


@dataclass(frozen=True)
class SetState:
    """Another state of a job's row, while it is as the plan saw it. `why` is kept in the row and told."""

    row: JobRow
    state: str
    why: str
    code: str = ""
    attempt: int | None = None
    counted: str | None = None
    cancel: bool | None = None
    fail_video: bool = False
    back: str = ""
    """A command that undoes it, where there is one."""

    def __str__(self) -> str:
        row, moved = self.row, []
        if self.state != row.state:
            moved.append(f"{row.state} -> {self.state}")
        if self.attempt is not None:
            moved.append(f"attempt {row.attempt} -> {self.attempt}")
        if self.cancel and not row.cancel_requested:
            moved.append("cancel_requested false -> true")
        if self.fail_video:
            moved.append(f"the video {row.video_status} -> FAILED")
        return f"set job {row.id} of video {row.video_id} {', '.join(moved)} ({self.why})"

    def do(self, stores: Stores) -> None:
        row = self.row
        done = stores.batch_jobs.change(
            row, self.state, attempt=self.attempt, code=self.code, message=self.why, cancel=self.cancel,
            counted=self.counted, fail_video=self.why if self.fail_video else "",
            # An operator cancels what is at work; a job that is believed dead must not have shown itself meanwhile.
            untouched=self.cancel is None,
        )  # fmt: skip
        if not done:
            raise Changed(
                f"job {row.id} was not set to {self.state}", why=f"it is no longer {row.state} as it was seen"
            )
        moved = (self.state in JOB_WAITING) - (row.state in JOB_WAITING)
        if moved:
            count_backlog(stores, row.tenant_id, moved)
        if self.fail_video:
            _show_failed(stores, row, self.why)

    @property
    def undo(self) -> str:
        if self.back:
            return self.back
        # For people to read and run by hand: never executed here. Only words, numbers and ids stand in it.
        row = self.row
        back = (
            f"state = '{row.state}', attempt_count = {row.attempt}, cancel_requested = {row.cancel_requested}, "
            f"last_counted_failure_aws_batch_job_id = '{row.counted_id}'"
        )
        return f"UPDATE video_videotranscodejob SET {back} WHERE id = '{row.id}' AND state = '{self.state}';"  # noqa: S608


@dataclass(frozen=True)
class Terminate:
    """End a Batch job. `orphan`: only while there is no row of its job."""

    aws_id: str
    name: str
    status: str
    reason: str
    video_id: int | None = None
    orphan: str = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"terminate Batch job {self.aws_id} ({self.name}, {self.status}): {self.reason}"

    def do(self, stores: Stores) -> None:
        if self.orphan and stores.batch_jobs.by_id([self.orphan]):
            raise Changed(f"Batch job {self.aws_id} was left", why=f"there is a row of job {self.orphan} now")
        stores.batch.terminate(self.aws_id, self.reason)

    @property
    def undo(self) -> str:
        if self.video_id is None:
            return "nothing: a job that was terminated does not come back, and no row asked for it"
        return submit_line(self.video_id, self.options)


@dataclass(frozen=True)
class Unseen:
    """Remember that Batch does not know the job's Batch job; only after several times is that believed."""

    job_id: str
    aws_id: str
    times: int
    at: datetime
    believed_at: int

    def __str__(self) -> str:
        seen = f"time {self.times} of {self.believed_at}"
        return f"remember that Batch does not know {self.aws_id} of job {self.job_id} ({seen})"

    def do(self, stores: Stores) -> None:
        value = {"aws_id": self.aws_id, "times": self.times, "at": self.at.isoformat()}
        stores.redis.set(keys.batch_unseen(self.job_id), json.dumps(value), ttl_s=SIGHTING_TTL_S)

    @property
    def undo(self) -> str:
        return shlex.join(["redis-cli", "DEL", keys.batch_unseen(self.job_id)])


def job_name(job_id: str) -> str:
    """`video-<8>` (contract 13)."""
    return f"video-{job_id[:8]}"


def submit_line(video_id: int, options: tuple[str, ...]) -> str:
    return shlex.join(("academyctl", *options, "batch", "submit", str(video_id), "--apply"))


def cancel_line(job_id: str, options: tuple[str, ...]) -> str:
    return shlex.join(("academyctl", *options, "batch", "cancel", job_id, "--apply"))


def made_before(stores: Stores, queue: str, row: JobRow) -> AwsJob | None:
    """A Batch job that was submitted for this row and never noted: another than the noted one, alive or all its own.

    A row that never had one takes whatever was made for it; one whose Batch job ended takes a living one alone.
    """
    ids = [one for one in stores.batch.named(queue, job_name(row.id)) if one != row.aws_id]
    found = [job for job in stores.batch.describe(ids).values() if job.job_id == row.id] if ids else []
    fitting = [job for job in found if job.active or not row.sent]
    return max(fitting, key=lambda job: (job.active, job.created_at), default=None)


def count_backlog(stores: Stores, tenant_id: int, amount: int) -> None:
    """The API's count of waiting jobs (contract 2.1): a metric, let go without Redis."""
    if not stores.redis.enabled:
        return
    try:
        stores.redis.add(keys.video_backlog(tenant_id), amount)
    except RedisAway:
        return


def _show_failed(stores: Stores, row: JobRow, why: str) -> None:
    """FAILED where the API looks first (contract 2.1)."""
    value = contract.status(VideoState.FAILED, error_reason=why)
    if not stores.redis.enabled:
        return
    try:
        stores.redis.set_json(keys.video_status(row.tenant_id, row.video_id), value)
    except RedisAway:
        return

"""What `batch submit` and `batch cancel` would do, as tables of what the rows and Batch say (contract 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from academyctl.errors import WorkFailed
from academyctl.ops.batch_plans import Seen, new_job_id, plan_cancel, plan_submit
from academyctl.stores.batch import AwsJob
from academyctl.stores.batch_jobs import SUBMITTING, JobRow
from tests.batch.facts import AGAIN, ROW, VIDEO, WHERE, done, job, row


def seen(*jobs: JobRow, status: str = "UPLOADED", aws: Sequence[AwsJob] = (), unnoted: AwsJob | None = None) -> Seen:
    return Seen(
        7, replace(VIDEO, status=status), jobs, {one.id: one for one in aws}, {ROW.id: unnoted} if unnoted else {}
    )


NEW = new_job_id(VIDEO, 0)


def test_a_new_job_is_a_row_and_then_a_batch_job_of_the_same_id_each_time() -> None:
    first, again = plan_submit([seen()], WHERE), plan_submit([seen()], WHERE)
    assert first == again
    assert [str(one).split(NEW)[0] for one in first.repairs] == ["insert job ", f"submit video-{NEW[:8]} for job "]
    assert new_job_id(VIDEO, 1) != NEW


@pytest.mark.parametrize(
    ("of_video", "changes"),
    [
        (seen(row(), aws=[job()]), ()),
        (seen(row(state="RUNNING"), aws=[job(status="RUNNING")]), ()),
        (seen(row(), aws=[job(status="FAILED")]), ()),
        (seen(row(state="RETRY_WAIT"), aws=[job(status="FAILED")]), AGAIN),
        (seen(row(aws_id=SUBMITTING)), ("submit video-J8 for job J of video 7 to a-queue (a-definition)",)),
        (
            seen(row(aws_id=SUBMITTING), unnoted=job(id="aws-9")),
            ("note Batch job aws-9 (RUNNABLE) for job J of video 7, now submitting",),
        ),
        (seen(status="READY"), ()),
        (seen(status="PROCESSING"), ()),
    ],
)
def test_a_video_that_has_a_job_gets_what_it_lacks(of_video: Seen, changes: tuple[str, ...]) -> None:
    found = plan_submit([of_video], WHERE)
    assert tuple(done(found)) == changes
    assert changes or found.remarks


@pytest.mark.parametrize(
    ("of_video", "why"),
    [
        (Seen(7, None, (), {}, {}), "not_found"),
        (seen(status="FAILED"), "not_uploaded"),
        (seen(status="PENDING"), "not_uploaded"),
        (seen(*[row(id=str(n), state="DEAD") for n in range(10)]), "per_video_limit"),
    ],
)
def test_one_video_that_cannot_be_submitted_stops_all_of_them(of_video: Seen, why: str) -> None:
    with pytest.raises(WorkFailed) as refused:
        plan_submit([seen(), of_video], WHERE)
    assert f"video 7: {why}" in refused.value.why


@pytest.mark.parametrize(
    ("of_job", "on_batch", "changes"),
    [
        (
            row(),
            job(),
            ("set job J of video 7 QUEUED -> CANCELLED, cancel_requested false -> true", "terminate Batch job aws-1"),
        ),
        (row(), None, ("set job J of video 7 QUEUED -> CANCELLED, cancel_requested false -> true",)),
        (
            row(state="RUNNING"),
            job(status="RUNNING"),
            ("set job J of video 7 cancel_requested false -> true", "terminate Batch job aws-1"),
        ),
        (row(state="RUNNING", cancel_requested=True), job(status="RUNNING", ending=True), ()),
        (
            row(state="RUNNING", cancel_requested=True),
            job(status="FAILED"),
            ("set job J of video 7 RUNNING -> CANCELLED",),
        ),
        (row(state="CANCELLED"), job(status="RUNNABLE"), ("terminate Batch job aws-1",)),
        (row(state="CANCELLED"), job(status="FAILED"), ()),
        (row(state="SUCCEEDED"), job(status="SUCCEEDED"), ()),
    ],
)
def test_cancelling_ends_the_row_and_then_the_batch_job(
    of_job: JobRow, on_batch: AwsJob | None, changes: tuple[str, ...]
) -> None:
    assert tuple(one.split(" (")[0] for one in done(plan_cancel(of_job, on_batch))) == changes

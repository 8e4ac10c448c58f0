"""What `batch reconcile` would do, as a table of what the rows and Batch say (contract 13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from academyctl.ops.batch_plans import Plan
from academyctl.ops.batch_reconcile import MOST_ROWS, Picture, Sighting, plan
from academyctl.stores.batch import AwsJob
from academyctl.stores.batch_jobs import SUBMITTING, JobRow
from tests.batch.facts import AGAIN, COUNTED, NOW, ROW, WHERE, done, job, row


def reconciled(rows: Sequence[JobRow], *jobs: AwsJob, attempts: int = 5, **changes: Any) -> Plan:
    known = {one.id: one for one in rows}
    aws = {one.id: one for one in jobs}
    rows_of = {one.job_id: known[one.job_id] for one in jobs if one.job_id in known}
    given = {"rows_of": rows_of, "desired_vcpus": 4, **changes}
    return plan(Picture(now=NOW, rows=rows, aws=aws, **given), WHERE, max_attempts=attempts)


UNKNOWN = (
    "set job J of video 7 QUEUED -> RETRY_WAIT, attempt 1 -> 2 (Batch does not know aws-1)",
    *AGAIN,
)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("why", "rows", "jobs", "changes"),
    [
        ("what runs and is RUNNING agrees", [row(state="RUNNING")], [job(status="RUNNING")], ()),
        ("what waits and is QUEUED agrees", [row()], [job()], ()),
        ("SUCCEEDED is never touched", [row()], [job(status="SUCCEEDED")], ()),
        ("SUCCEEDED is never touched, RUNNING", [row(state="RUNNING")], [job(status="SUCCEEDED")], ()),
        (
            "Batch runs it and the row is QUEUED",
            [row()],
            [job(status="RUNNING")],
            ("set job J of video 7 QUEUED -> RUNNING (Batch job aws-1 is RUNNING)",),
        ),
        (
            "a failure is counted and submitted again",
            [row(state="RUNNING")],
            [job(status="FAILED", why="exit")],
            COUNTED,
        ),
        (
            "a failure that the worker counted is not counted again",
            [row(state="RETRY_WAIT", attempt=2)],
            [job(status="FAILED", why="exit")],
            AGAIN,
        ),
        (
            "a Batch job is counted once",
            [row(state="RUNNING", attempt=2, counted_id="aws-1")],
            [job(status="FAILED", why="exit")],
            ("set job J of video 7 RUNNING -> RETRY_WAIT (Batch job aws-1 FAILED: exit)", *AGAIN),
        ),
        (
            "a reconcile that stopped before it submitted goes on at once",
            [row(state="RETRY_WAIT", attempt=2, counted_id="aws-1", updated_at=NOW)],
            [job(status="FAILED")],
            AGAIN,
        ),
        (
            "DEAD at five",
            [row(state="RUNNING", attempt=5)],
            [job(status="FAILED", why="exit")],
            ("set job J of video 7 RUNNING -> DEAD, the video UPLOADED -> FAILED (Batch job aws-1 FAILED: exit)",),
        ),
        (
            "what was to be cancelled is not submitted again",
            [row(state="RUNNING", cancel_requested=True)],
            [job(status="FAILED")],
            ("set job J of video 7 RUNNING -> CANCELLED (it was to be cancelled)",),
        ),
        ("a row that was written just now is left", [row(updated_at=NOW - MINUTE)], [job(status="FAILED")], ()),
        ("RUNNING and unknown to Batch is untouched", [row(state="RUNNING", updated_at=NOW - 99 * MINUTE)], [], ()),
        (
            "unknown to Batch for the first time",
            [row()],
            [],
            ("remember that Batch does not know aws-1 of job J (time 1 of 3)",),
        ),
        ("unknown to Batch for half an hour", [row(updated_at=NOW - 31 * MINUTE)], [], UNKNOWN),
        ("a job that waits in the SQS queue is not ours", [row(aws_id="")], [], ()),
        (
            "a submission that stopped before SubmitJob",
            [row(aws_id=SUBMITTING)],
            [],
            ("submit video-J8 for job J of video 7 to a-queue (a-definition)",),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_is_mended_as_the_contract_says(
    why: str, rows: list[JobRow], jobs: list[AwsJob], changes: tuple[str, ...]
) -> None:
    del why
    assert tuple(done(reconciled(rows, *jobs))) == changes


@pytest.mark.parametrize(
    ("seen", "changes"),
    [
        (
            Sighting("aws-1", 1, NOW - timedelta(hours=1)),
            ("remember that Batch does not know aws-1 of job J (time 2 of 3)",),
        ),
        (Sighting("aws-1", 2, NOW - timedelta(hours=1)), UNKNOWN),
        (Sighting("aws-1", 1, NOW - MINUTE), ()),
        (
            Sighting("another", 2, NOW - timedelta(hours=1)),
            ("remember that Batch does not know aws-1 of job J (time 1 of 3)",),
        ),
    ],
)
def test_unknown_to_batch_is_believed_the_third_time(seen: Sighting, changes: tuple[str, ...]) -> None:
    assert tuple(done(reconciled([row()], sightings={ROW.id: seen}))) == changes


def test_without_redis_only_age_is_believed() -> None:
    assert done(reconciled([row()], counting=False)) == []


def test_what_the_queues_function_submitted_is_noted_so_that_its_failure_is_counted() -> None:
    (noted,) = done(reconciled([row(aws_id="")], unnoted={ROW.id: job(status="FAILED")}))
    assert noted == "note Batch job aws-1 (FAILED) for job J of video 7, now ''"


def test_a_submission_that_was_never_noted_is_noted_not_repeated() -> None:
    found = reconciled([row(aws_id=SUBMITTING)], unnoted={ROW.id: job(id="aws-9")})
    assert done(found) == ["note Batch job aws-9 (RUNNABLE) for job J of video 7, now submitting"]


def test_of_several_active_jobs_of_a_video_the_older_ones_are_dead() -> None:
    newer = row(id="22222222-0000-4000-8000-000000000002", created_at=NOW - MINUTE, updated_at=NOW, aws_id="aws-2")
    found = reconciled([row(), newer], job(), job(id="aws-2", job_id=newer.id))
    assert done(found) == [f"set job J of video 7 QUEUED -> DEAD (job {newer.id} is newer)"]


def test_fifty_rows_are_compared_at_most_oldest_first() -> None:
    rows = [
        row(id=f"{n:08d}-0000-4000-8000-000000000000", video_id=n, aws_id=f"aws-{n}", updated_at=NOW - n * MINUTE)
        for n in range(10, 90)
    ]
    jobs = [job(id=one.aws_id, job_id=one.id, status="RUNNING") for one in rows]
    found = reconciled(rows, *jobs)
    assert len(found.repairs) == MOST_ROWS
    assert "video 89 " in str(found.repairs[0])


ORPHAN: Mapping[str, Any] = {"id": "aws-5", "job_id": "99999999-0000-4000-8000-000000000009"}
OLD = NOW - timedelta(minutes=16)


@pytest.mark.parametrize(
    ("why", "stray", "desired", "ended"),
    [
        ("an old RUNNABLE one", job(**ORPHAN, created_at=OLD), 4, True),
        ("a RUNNABLE one younger than 15 min", job(**ORPHAN, created_at=NOW - 14 * MINUTE), 4, False),
        ("an old RUNNABLE one, no machine is wanted", job(**ORPHAN, created_at=OLD), 0, False),
        ("an old RUNNABLE one, nobody says what is wanted", job(**ORPHAN, created_at=OLD), None, False),
        ("a RUNNING one", job(**ORPHAN, status="RUNNING"), 0, True),
        ("one that is being ended", job(**ORPHAN, status="RUNNING", ending=True), 4, False),
        ("one that ended", job(**ORPHAN, status="FAILED"), 4, False),
        ("one that was given no job id", job(id="aws-6", job_id="", status="RUNNING"), 4, False),
    ],
)
def test_a_batch_job_without_a_row_is_ended(why: str, stray: AwsJob, desired: int | None, *, ended: bool) -> None:
    del why
    found = reconciled([], stray, desired_vcpus=desired)
    assert [str(one).split(" (")[0] for one in found.repairs] == (["terminate Batch job aws-5"] if ended else [])


def test_a_row_however_it_stands_keeps_its_batch_job_alive() -> None:
    ended = row(state="DEAD")
    assert done(reconciled([], job(status="RUNNING"), rows_of={ROW.id: ended})) == []

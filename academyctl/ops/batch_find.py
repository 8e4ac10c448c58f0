"""A Batch job and its row by whatever an operator has at hand: Batch's id, the row's id, or a video's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.errors import Both, WorkFailed
from academyctl.ops.batch_repairs import made_before
from academyctl.stores.batch_jobs import SUBMITTING

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow


@dataclass(frozen=True)
class Found:
    """At least one of the two."""

    row: JobRow | None
    job: AwsJob | None


def find(stores: Stores, text: str) -> Found:
    """Raises WorkFailed (missing) when neither a row nor a Batch job is there."""
    rows = stores.batch_jobs
    if text.isdecimal():
        jobs = rows.of_videos([int(text)])[int(text)]
        return _with_job(stores, jobs[0] if jobs else None, text)
    row = rows.by_id([text]).get(text.lower()) or rows.by_aws_id([text]).get(text)
    if row is not None and row.id == text.lower():
        return _with_job(stores, row, text)
    job = stores.batch.describe([text]).get(text)
    if job is None and row is None:
        raise missing(text)
    if row is None and job is not None and job.job_id:
        row = rows.by_id([job.job_id]).get(job.job_id)
    return Found(row, job)


def missing(text: str) -> WorkFailed:
    return WorkFailed(
        Both(f"there is no job {text}", f"작업 {text}이(가) 없습니다"),
        why=Both(
            "neither Batch nor the database has one; Batch forgets an ended job about a week later",
            "Batch와 데이터베이스 모두에 없습니다. Batch는 끝난 작업을 약 일주일 뒤 지웁니다",
        ),
        remedy=Both("see which there are: academyctl batch list", "작업 목록: academyctl batch list"),
        code="missing",
    )


def _with_job(stores: Stores, row: JobRow | None, text: str) -> Found:
    if row is None:
        raise missing(text)
    if row.sent:
        return Found(row, stores.batch.describe([row.aws_id]).get(row.aws_id))
    # A submission that stopped may have made one all the same.
    stopped = row.aws_id == SUBMITTING
    return Found(row, made_before(stores, stores.settings.fleet.batch_queue, row) if stopped else None)

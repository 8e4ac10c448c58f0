"""Rows of video_videotranscodejob as those who submit to AWS Batch see them (contract 3.1, 13).

Beside the verbs of `video_jobs`, which belong to a worker that holds a video. Every change here is a compare-and-set on
what a plan showed. Needs the columns that came with Batch (aws_batch_job_id); all raise DatabaseAway.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from academyctl.contract.states import ERROR_REASON_MAX, JobState, VideoState
from academyctl.errors import Both, DatabaseAway
from academyctl.stores.postgres import Postgres

ACTIVE = (JobState.QUEUED, JobState.RUNNING, JobState.RETRY_WAIT)
SUBMITTING = "submitting"
"""Stands in aws_batch_job_id from the row's insertion until its Batch job is noted: a submission that stopped between
the two is told by it from a job that waits in the SQS queue, which has none."""
JOBS_PER_VIDEO = 10
"""VIDEO_MAX_JOBS_PER_VIDEO (contract 13): more than so many attempts of one upload are no accident."""
_MIGRATE = Both(
    "the platform's migration that adds Batch's columns is missing; a local stack: academyctl local reset",
    "Batch 열을 추가하는 플랫폼 마이그레이션이 적용되지 않았습니다. 로컬 스택이라면: academyctl local reset",
)
_SELECT = """
SELECT j.id::text AS id, j.video_id, j.tenant_id, j.state, j.attempt_count AS attempt, j.cancel_requested,
       coalesce(j.aws_batch_job_id, '') AS aws_id,
       coalesce(j.last_counted_failure_aws_batch_job_id, '') AS counted_id,
       j.created_at, j.updated_at, j.last_heartbeat_at, j.error_code, j.error_message, v.title,
       v.status AS video_status, (v.leased_by <> '' AND v.leased_until > now()) AS video_leased, now() AS seen_at
FROM video_videotranscodejob j JOIN video_video v ON v.id = j.video_id
"""
_ACTIVE = _SELECT + " WHERE j.state IN ('QUEUED', 'RUNNING', 'RETRY_WAIT') ORDER BY j.created_at, j.id LIMIT %s"
_BY_ID = _SELECT + " WHERE j.id = ANY(%s::uuid[])"
_BY_AWS_ID = _SELECT + " WHERE j.aws_batch_job_id = ANY(%s)"
_BY_VIDEO = _SELECT + " WHERE j.video_id = ANY(%s) ORDER BY j.created_at DESC, j.id"
_INSERT = """
INSERT INTO video_videotranscodejob (id, video_id, tenant_id, state, attempt_count, cancel_requested, locked_by,
    error_code, error_message, aws_batch_job_id, last_counted_failure_aws_batch_job_id, created_at, updated_at)
VALUES (%s, %s, %s, 'QUEUED', 1, false, '', '', '', 'submitting', '', now(), now())
"""
_CHANGE = """
UPDATE video_videotranscodejob
SET state = %(state)s::text, attempt_count = %(attempt)s, error_code = %(code)s, error_message = %(message)s,
    cancel_requested = %(cancel)s, last_counted_failure_aws_batch_job_id = %(counted)s, updated_at = now(),
    locked_by = CASE WHEN %(state)s::text = 'RUNNING' THEN locked_by ELSE '' END,
    locked_until = CASE WHEN %(state)s::text = 'RUNNING' THEN locked_until END,
    last_heartbeat_at = CASE WHEN %(state)s::text = 'RUNNING' AND %(was)s::text <> 'RUNNING' THEN now()
                             ELSE last_heartbeat_at END
WHERE id = %(id)s AND state = %(was)s::text AND attempt_count = %(was_attempt)s
      AND cancel_requested = %(was_cancel)s
      AND coalesce(aws_batch_job_id, '') = %(was_aws)s
      AND (%(untouched_since)s::timestamptz IS NULL OR updated_at = %(untouched_since)s)
"""
_FAIL_VIDEO = """
UPDATE video_video SET status = 'FAILED', error_reason = %s, updated_at = now(), leased_by = '', leased_until = NULL
WHERE id = %s AND status IN ('UPLOADED', 'PROCESSING') AND NOT (leased_by <> '' AND leased_until > now())
"""


@dataclass(frozen=True)
class JobRow:
    """A job with its video. `aws_id`: the Batch job that was submitted last, '' when none was.

    `counted_id`: the Batch job whose failure was counted last. `seen_at` is the database's clock.
    """

    id: str
    video_id: int
    tenant_id: int
    state: str
    attempt: int
    cancel_requested: bool
    aws_id: str
    counted_id: str
    created_at: datetime
    updated_at: datetime
    last_heartbeat_at: datetime | None
    error_code: str
    error_message: str
    title: str
    video_status: str
    video_leased: bool
    seen_at: datetime

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def sent(self) -> bool:
        """Whether a Batch job is noted."""
        return self.aws_id not in ("", SUBMITTING)

    @property
    def quiet_s(self) -> float:
        """Seconds since it was written last; a worker's heartbeat writes it."""
        return (self.seen_at - self.updated_at).total_seconds()


class Gate(StrEnum):
    """Why the platform would not submit a video (contract 13, reject reasons); '' when it would."""

    open = ""
    not_found = "not_found"
    not_uploaded = "not_uploaded"
    active = "active"
    per_video_limit = "per_video_limit"


class BatchJobs:
    """Verbs over the job rows."""

    def __init__(self, db: Postgres) -> None:
        self._db = db

    def active(self, most: int = 1000) -> list[JobRow]:
        """QUEUED, RUNNING and RETRY_WAIT, oldest first."""
        return self._rows(_ACTIVE, (most,))

    def by_id(self, ids: Sequence[str]) -> dict[str, JobRow]:
        """By our id; what is no uuid is left out."""
        return {row.id: row for row in self._rows(_BY_ID, ([str(one) for one in map(parsed, ids) if one],))}

    def by_aws_id(self, ids: Sequence[str]) -> dict[str, JobRow]:
        return {row.aws_id: row for row in self._rows(_BY_AWS_ID, (list(ids),))}

    def of_videos(self, video_ids: Sequence[int]) -> dict[int, list[JobRow]]:
        """Every job of these videos, newest first."""
        found: dict[int, list[JobRow]] = {video_id: [] for video_id in video_ids}
        for row in self._rows(_BY_VIDEO, (list(video_ids),)):
            found[row.video_id].append(row)
        return found

    def now(self) -> datetime:
        """The database's clock."""
        with self._tx(read_only=True) as cursor:
            at: datetime = cursor.execute("SELECT now() AS at").fetchone()["at"]
            return at

    def insert(self, job_id: str, video_id: int, tenant_id: int) -> Gate:
        """A QUEUED job that is its video's current one, in one transaction, if the platform's rules allow it."""
        with self._tx() as cursor:
            video = cursor.execute("SELECT status FROM video_video WHERE id = %s FOR UPDATE", (video_id,)).fetchone()
            jobs = cursor.execute(
                "SELECT state FROM video_videotranscodejob WHERE video_id = %s", (video_id,)
            ).fetchall()
            gate = gate_of(video["status"] if video else None, [job["state"] for job in jobs])
            if gate is Gate.open:
                cursor.execute(_INSERT, (job_id, video_id, tenant_id))
                cursor.execute(
                    "UPDATE video_video SET current_job_id = %s, updated_at = now() WHERE id = %s", (job_id, video_id)
                )
            return gate

    @contextmanager
    def submitting(self, job_id: str) -> Iterator[tuple[JobRow | None, Callable[[str], None]]]:
        """The row, locked for as long as the block lasts, and what notes the Batch job that was made for it.

        Two who submit the same job wait for each other here, and a worker's claim waits for the end.
        """
        with self._tx() as cursor:
            found = cursor.execute(_BY_ID + " FOR UPDATE OF j", ([job_id],)).fetchone()

            def note(aws_id: str) -> None:
                cursor.execute(
                    "UPDATE video_videotranscodejob SET aws_batch_job_id = %s, updated_at = now() WHERE id = %s",
                    (aws_id, job_id),
                )

            yield (JobRow(**found) if found else None), note

    def change(
        self,
        row: JobRow,
        state: str,
        *,
        attempt: int | None = None,
        code: str = "",
        message: str = "",
        cancel: bool | None = None,
        counted: str | None = None,
        fail_video: str = "",
        untouched: bool = False,
    ) -> bool:
        """Another state, while the row is as it was seen; with `fail_video` its video is FAILED for that reason.

        `untouched`: and nobody has written it since, not even a worker's heartbeat.
        """
        with self._tx() as cursor:
            values = {
                "id": row.id, "was": row.state, "was_attempt": row.attempt, "was_cancel": row.cancel_requested,
                "was_aws": row.aws_id, "state": state, "attempt": row.attempt if attempt is None else attempt,
                "code": code, "message": message[:ERROR_REASON_MAX],
                "cancel": row.cancel_requested if cancel is None else cancel,
                "counted": row.counted_id if counted is None else counted,
                "untouched_since": row.updated_at if untouched else None,
            }  # fmt: skip
            done: bool = cursor.execute(_CHANGE, values).rowcount == 1
            if done and fail_video:
                cursor.execute(_FAIL_VIDEO, (fail_video, row.video_id))
            return done

    def _rows(self, sql: Any, args: tuple[Any, ...]) -> list[JobRow]:
        with self._tx(read_only=True) as cursor:
            return [JobRow(**raw) for raw in cursor.execute(sql, args).fetchall()]

    @contextmanager
    def _tx(self, *, read_only: bool = False) -> Iterator[Any]:
        try:
            with self._db.tx(read_only=read_only) as cursor:
                yield cursor
        except DatabaseAway as error:
            if error.cause == "schema" and "aws_batch_job_id" in error.why:
                error.remedy = _MIGRATE
            raise


def gate_of(video_status: str | None, job_states: Sequence[str]) -> Gate:
    """Contract 13's conditions of a submission: the upload is there, nothing is under way, and it was not tried for
    ever."""
    if video_status is None:
        return Gate.not_found
    if any(state in ACTIVE for state in job_states):
        return Gate.active
    if video_status != VideoState.UPLOADED:
        return Gate.not_uploaded
    return Gate.per_video_limit if len(job_states) >= JOBS_PER_VIDEO else Gate.open


def parsed(text: str) -> uuid.UUID | None:
    """A job's id; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

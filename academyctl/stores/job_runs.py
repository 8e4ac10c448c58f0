"""The row of one video job as the process sees it that AWS Batch runs for it (contract 3.4, 13)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from academyctl.stores.postgres import Postgres

TERMINATED = "TERMINATED"
_SELECT = """
SELECT j.id::text AS id, j.video_id, l.tenant_id, t.code AS tenant_code, j.state, j.attempt_count AS attempt,
       v.status AS video_status, v.file_key
FROM video_videotranscodejob j JOIN video_video v ON v.id = j.video_id JOIN lectures_session s ON s.id = v.session_id
JOIN lectures_lecture l ON l.id = s.lecture_id JOIN core_tenant t ON t.id = l.tenant_id WHERE j.id = %s
"""
# Given back by this process a moment ago: who has taken it since has made it RUNNING.
_TERMINATED = """
UPDATE video_videotranscodejob SET error_code = %s, error_message = %s, updated_at = now()
WHERE id = %s AND state = 'RETRY_WAIT' AND locked_by = ''
"""
_CANCELLED = """
UPDATE video_videotranscodejob SET state = 'CANCELLED', updated_at = now()
WHERE id = %s AND state = 'RETRY_WAIT' AND locked_by = '' AND cancel_requested
"""


@dataclass(frozen=True)
class JobRun:
    """A job, and the video it is for."""

    id: str
    video_id: int
    tenant_id: int
    tenant_code: str
    state: str
    attempt: int
    video_status: str
    file_key: str


class JobRuns:
    """Verbs by the job's id. All raise DatabaseAway."""

    def __init__(self, db: Postgres) -> None:
        self._db = db

    def get(self, job_id: str) -> JobRun | None:
        """The job; None when there is none, when its video is gone, and for what is no uuid."""
        try:
            key = uuid.UUID(job_id)
        except ValueError:
            return None
        found = self._db.query(_SELECT, (key,))
        return JobRun(**found[0]) if found else None

    def terminated(self, job_id: str, why: str) -> bool:
        """Say of a job that was given back that its process was ended. It is no failed attempt."""
        return self._db.execute(_TERMINATED, (TERMINATED, why, uuid.UUID(job_id))) == 1

    def cancelled(self, job_id: str) -> bool:
        """CANCELLED, if that was asked for, from the state in which it was given back."""
        return self._db.execute(_CANCELLED, (uuid.UUID(job_id),)) == 1

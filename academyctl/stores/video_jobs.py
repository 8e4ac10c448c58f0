"""Rows of video_videotranscodejob, which only S3 messages name (contract 3.4); verbs inside a video's transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

from academyctl.contract.states import JOB_CLAIMABLE, JOB_WAITING, JobState

ABSENT = "absent"
LEASED = "leased"
# The platform's stuck scan takes a job back after this silence, whatever its lock says (contract 3.4).
SILENT_S = 180
Cursor = psycopg.Cursor[dict[str, Any]]

_SELECT = """
SELECT state, cancel_requested, attempt_count, locked_by,
       (state = 'RUNNING' AND locked_by <> %(token)s AND locked_until > now()
        AND last_heartbeat_at > now() - make_interval(secs => %(silent_s)s)) AS alive
FROM video_videotranscodejob WHERE id = %(id)s AND video_id = %(video_id)s FOR UPDATE
"""
_CLAIM = """
UPDATE video_videotranscodejob SET state = 'RUNNING', locked_by = %(token)s, last_heartbeat_at = now(),
       locked_until = now() + make_interval(secs => %(lease_s)s), updated_at = now()
WHERE id = %(id)s
"""
_CLOSE = """
UPDATE video_videotranscodejob SET state = 'SUCCEEDED', locked_by = '', locked_until = NULL,
       error_code = '', error_message = '', updated_at = now()
WHERE id = %(id)s AND video_id = %(video_id)s AND state IN ('QUEUED', 'RETRY_WAIT') RETURNING id
"""


@dataclass(frozen=True)
class JobClaim:
    """What came of claiming a job: `refused` is '' or why not (ABSENT, LEASED, or its state).

    `waited` = it was counted as waiting until now (contract 2.1, backlog_count); `attempt` is this run's number.
    """

    refused: str
    waited: bool = False
    attempt: int = 0


def claim(cursor: Cursor, job_id: str, video_id: int, token: str, *, lease_s: int) -> JobClaim:
    """QUEUED, RETRY_WAIT or an abandoned RUNNING becomes RUNNING."""
    key = _uuid(job_id)
    if key is None:
        return JobClaim(ABSENT)
    row = cursor.execute(_SELECT, {"id": key, "video_id": video_id, "token": token, "silent_s": SILENT_S}).fetchone()
    if row is None:
        return JobClaim(ABSENT)
    waited, attempt = row["state"] in JOB_WAITING, int(row["attempt_count"])
    if row["cancel_requested"] and row["state"] in JOB_CLAIMABLE:
        _set(cursor, key, JobState.CANCELLED)
        return JobClaim(str(JobState.CANCELLED), waited, attempt)
    if row["state"] not in JOB_CLAIMABLE:
        return JobClaim(str(row["state"]), attempt=attempt)
    if row["alive"]:
        return JobClaim(LEASED, attempt=attempt)
    cursor.execute(_CLAIM, {"id": key, "token": token, "lease_s": lease_s})
    return JobClaim("", waited, attempt)


def close(cursor: Cursor, job_id: str, video_id: int) -> bool:
    """SUCCEEDED for a waiting job whose video is READY already; whether it was waiting."""
    key = _uuid(job_id)
    return key is not None and cursor.execute(_CLOSE, {"id": key, "video_id": video_id}).fetchone() is not None


def beat(cursor: Cursor, job_id: str, token: str, *, lease_s: int) -> None:
    sql = """UPDATE video_videotranscodejob SET last_heartbeat_at = now(), updated_at = now(),
             locked_until = now() + make_interval(secs => %s) WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    cursor.execute(sql, (lease_s, _uuid(job_id), token))


def succeed(cursor: Cursor, job_id: str, token: str) -> bool:
    """SUCCEEDED, only from RUNNING by its owner."""
    sql = """UPDATE video_videotranscodejob SET state = 'SUCCEEDED', locked_by = '', locked_until = NULL,
             error_code = '', error_message = '', updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    return cursor.execute(sql, (_uuid(job_id), token)).rowcount == 1


def wait(cursor: Cursor, job_id: str, token: str, reason: str) -> bool:
    """RETRY_WAIT; a reason makes it a failed attempt, without one it is work given back."""
    sql = """UPDATE video_videotranscodejob SET state = 'RETRY_WAIT', locked_by = '', locked_until = NULL,
             attempt_count = attempt_count + %s, error_message = %s, updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    return cursor.execute(sql, (1 if reason else 0, reason, _uuid(job_id), token)).rowcount == 1


def die(cursor: Cursor, job_id: str, token: str, reason: str) -> bool:
    """DEAD: the attempts are used up, or none could succeed."""
    sql = """UPDATE video_videotranscodejob SET state = 'DEAD', locked_by = '', locked_until = NULL,
             attempt_count = attempt_count + 1, error_message = %s, updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    return cursor.execute(sql, (reason, _uuid(job_id), token)).rowcount == 1


def cancel_wanted(cursor: Cursor, job_id: str) -> bool:
    """Whether the API asked this job to stop."""
    sql = "SELECT cancel_requested FROM video_videotranscodejob WHERE id = %s"
    row = cursor.execute(sql, (_uuid(job_id),)).fetchone()
    return row is not None and bool(row["cancel_requested"])


def _set(cursor: Cursor, key: uuid.UUID, state: JobState) -> None:
    sql = """UPDATE video_videotranscodejob SET state = %s, locked_by = '', locked_until = NULL, updated_at = now()
             WHERE id = %s"""
    cursor.execute(sql, (str(state), key))


def _uuid(job_id: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(job_id)
    except ValueError:
        return None

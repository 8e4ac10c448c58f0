"""Rows of video_videotranscodejob, which only S3 messages name (contract 3.4); verbs inside a video's transaction."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from academyctl.contract.states import JOB_CLAIMABLE, JobState

ABSENT = "absent"
Cursor = psycopg.Cursor[dict[str, Any]]

_CLAIM = """
UPDATE video_videotranscodejob SET state = 'RUNNING', locked_by = %(token)s, last_heartbeat_at = now(),
       locked_until = now() + make_interval(secs => %(lease_s)s), updated_at = now()
WHERE id = %(id)s
"""


def claim(cursor: Cursor, job_id: str, video_id: int, token: str, *, lease_s: int) -> str | None:
    """QUEUED, RETRY_WAIT or an abandoned RUNNING becomes RUNNING; else the reason why not (ABSENT or a state)."""
    key = _uuid(job_id)
    if key is None:
        return ABSENT
    sql = "SELECT state, cancel_requested FROM video_videotranscodejob WHERE id = %s AND video_id = %s FOR UPDATE"
    row = cursor.execute(sql, (key, video_id)).fetchone()
    if row is None:
        return ABSENT
    if row["cancel_requested"]:
        _set(cursor, key, JobState.CANCELLED)
        return str(JobState.CANCELLED)
    if row["state"] not in JOB_CLAIMABLE:
        return str(row["state"])
    cursor.execute(_CLAIM, {"id": key, "token": token, "lease_s": lease_s})
    return None


def beat(cursor: Cursor, job_id: str, token: str, *, lease_s: int) -> None:
    sql = """UPDATE video_videotranscodejob SET last_heartbeat_at = now(), updated_at = now(),
             locked_until = now() + make_interval(secs => %s) WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    cursor.execute(sql, (lease_s, _uuid(job_id), token))


def succeed(cursor: Cursor, job_id: str, token: str) -> None:
    """SUCCEEDED, only from RUNNING by its owner."""
    sql = """UPDATE video_videotranscodejob SET state = 'SUCCEEDED', locked_by = '', locked_until = NULL,
             error_code = '', error_message = '', updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    cursor.execute(sql, (_uuid(job_id), token))


def wait(cursor: Cursor, job_id: str, token: str, reason: str) -> None:
    """RETRY_WAIT; a reason makes it a failed attempt, without one it is work given back."""
    sql = """UPDATE video_videotranscodejob SET state = 'RETRY_WAIT', locked_by = '', locked_until = NULL,
             attempt_count = attempt_count + %s, error_message = %s, updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    cursor.execute(sql, (1 if reason else 0, reason, _uuid(job_id), token))


def die(cursor: Cursor, job_id: str, token: str, reason: str) -> None:
    """DEAD: the attempts are used up, or none could succeed."""
    sql = """UPDATE video_videotranscodejob SET state = 'DEAD', locked_by = '', locked_until = NULL,
             attempt_count = attempt_count + 1, error_message = %s, updated_at = now()
             WHERE id = %s AND locked_by = %s AND state = 'RUNNING'"""
    cursor.execute(sql, (reason, _uuid(job_id), token))


def _set(cursor: Cursor, key: uuid.UUID, state: JobState) -> None:
    sql = "UPDATE video_videotranscodejob SET state = %s, updated_at = now() WHERE id = %s"
    cursor.execute(sql, (str(state), key))


def _uuid(job_id: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(job_id)
    except ValueError:
        return None

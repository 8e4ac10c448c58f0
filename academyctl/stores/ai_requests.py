"""AI jobs one by one, as an operator meets them: looked at, asked for, asked for again, ended (contract 3.1, 3.3, 5.3).

A row never leaves here with its first password: only `message_body` reads that, for the message alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from academyctl.contract.messages import ai_body
from academyctl.stores.postgres import Postgres, Row
from academyctl.stores.postgres_batch import read

PASSWORD = "initial_password"  # noqa: S105 - the key's name
LIVING = ("PENDING", "RETRYING", "RUNNING")
"""Statuses that a worker may still bring to an end."""
_SHOWN = """
j.id, j.job_id, j.job_type, j.status, j.tier, coalesce(j.tenant_id, '') AS tenant_id,
coalesce(t.code, '') AS tenant_code, coalesce(j.source_domain, '') AS source_domain,
coalesce(j.source_id, '') AS source_id, j.error_message, j.last_error,
j.attempt_count, j.created_at, j.updated_at, coalesce(j.locked_by, '') AS locked_by, j.lease_expires_at,
j.last_heartbeat_at, extract(epoch FROM j.lease_expires_at - now())::float AS lease_left_s,
extract(epoch FROM now() - j.created_at)::float AS age_s, extract(epoch FROM now() - j.updated_at)::float AS quiet_s
"""
_FROM = "FROM ai_job j LEFT JOIN core_tenant t ON t.id::text = j.tenant_id"
# What is not an object has no keys that could be taken out.
_ROWS = f"""
SELECT {_SHOWN}, r.payload AS result, r.id IS NOT NULL AS has_result,
       CASE WHEN jsonb_typeof(j.payload) = 'object' THEN j.payload - '{PASSWORD}' ELSE '{{}}' END AS payload,
       j.payload ? '{PASSWORD}' AS has_password
{_FROM} LEFT JOIN ai_result r ON r.job_id = j.id WHERE j.job_id = ANY(%(ids)s)
"""
# The old worker's failures are called DONE (contract 11 #15): who asks for what failed means them too.
_NEWEST = f"""
SELECT {_SHOWN} {_FROM}
WHERE (%(tenant)s = '' OR j.tenant_id = %(tenant)s OR t.code = %(tenant)s)
  AND (%(type)s = '' OR j.job_type = %(type)s)
  AND (%(status)s = '' OR j.status = %(status)s
       OR %(status)s = 'FAILED' AND j.status = 'DONE' AND j.error_message <> '')
  AND (%(since_s)s::float IS NULL OR j.created_at > now() - make_interval(secs => %(since_s)s))
ORDER BY j.id DESC LIMIT %(limit)s
"""
_INSERT = """
INSERT INTO ai_job (created_at, updated_at, job_id, job_type, status, payload, error_message, tenant_id,
       source_domain, source_id, tier, attempt_count, max_attempts, next_run_at, last_error, idempotency_key,
       force_rerun, rerun_reason)
VALUES (now(), now(), %(job_id)s, %(job_type)s, 'PENDING', %(payload)s, '', %(tenant_id)s, %(source_domain)s,
       %(source_id)s, %(tier)s, 0, 5, now(), '', %(idempotency_key)s, false, '')
"""
_FREE = "locked_by = NULL, locked_at = NULL, lease_expires_at = NULL, last_heartbeat_at = NULL, updated_at = now()"
# updated_at alone would not tell: a worker's renewal need not touch it.
_AS_SEEN = "job_id = %(job_id)s AND status = %(status)s AND coalesce(locked_by, '') = %(locked_by)s"
_REOPEN = f"""
UPDATE ai_job SET status = 'PENDING', error_message = '', last_error = '', attempt_count = 0, next_run_at = now(),
       payload = payload || %(changes)s, {_FREE}
WHERE {_AS_SEEN} AND updated_at = %(updated_at)s
      AND (status <> 'RUNNING' OR lease_expires_at IS NULL OR lease_expires_at < now())
"""  # noqa: S608 - ours
_END = f"""
UPDATE ai_job SET status = 'FAILED', error_message = %(reason)s, last_error = %(reason)s,
       payload = CASE WHEN jsonb_typeof(payload) = 'object' THEN payload - '{PASSWORD}' ELSE payload END, {_FREE}
WHERE {_AS_SEEN}
"""  # noqa: S608 - ours
_MESSAGE = "SELECT job_id, job_type, tier, payload, tenant_id, source_domain, source_id FROM ai_job WHERE job_id = %s"
_TENANTS = "SELECT id, code, name FROM core_tenant WHERE code = %(word)s OR id::text = %(word)s ORDER BY id"
_LECTURE = "SELECT title FROM lectures_lecture WHERE id = %s AND tenant_id = %s"
_SESSION = "SELECT title FROM lectures_session WHERE id = %s AND lecture_id = %s"


@dataclass(frozen=True)
class JobRow:
    """A row of ai_job. Texts are '' where the row has NULL; `payload` is without the first password.

    `lease_left_s` is None without a lease, negative when it has run out; `age_s` since it was made, `quiet_s` since
    its row was changed. `payload` and `result` are empty in a list.
    """

    id: int
    job_id: str
    job_type: str
    status: str
    tier: str
    tenant_id: str
    tenant_code: str
    source_domain: str
    source_id: str
    error_message: str = field(repr=False)
    last_error: str = field(repr=False)
    attempt_count: int
    created_at: datetime
    updated_at: datetime
    locked_by: str
    lease_expires_at: datetime | None
    last_heartbeat_at: datetime | None
    lease_left_s: float | None
    age_s: float
    quiet_s: float
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    has_password: bool = False
    result: Mapping[str, Any] = field(default_factory=dict, repr=False)
    has_result: bool = False

    @property
    def leased(self) -> bool:
        """Whether a worker's lease runs. One of the old worker is never renewed, but nobody can tell that it died."""
        return self.status == "RUNNING" and self.lease_left_s is not None and self.lease_left_s > 0

    @property
    def reason(self) -> str:
        """Why it failed; also what the old worker hid behind DONE (contract 11 #15)."""
        return self.error_message or self.last_error


@dataclass(frozen=True)
class Request:
    """A job as the API's gateway makes it: tier basic, PENDING. `payload` may hold the first password."""

    job_id: str
    job_type: str
    tenant_id: str
    payload: Mapping[str, Any] = field(repr=False)
    source_domain: str
    source_id: str | None
    idempotency_key: str
    tier: str = "basic"


@dataclass(frozen=True)
class Tenant:
    id: int
    code: str
    name: str


def rows(db: Postgres, ids: Sequence[str]) -> dict[str, JobRow]:
    """The jobs that exist of these, by job_id. Raises DatabaseAway."""
    return {row["job_id"]: _row(row) for row in db.query(_ROWS, {"ids": list(ids)})}


def newest(
    db: Postgres, *, tenant: str = "", job_type: str = "", status: str = "", since_s: float | None = None, limit: int
) -> list[JobRow]:
    """Jobs, the newest first; `tenant` is an id or a code. Raises DatabaseAway, also when it would take too long."""
    args = {"tenant": tenant, "type": job_type, "status": status, "since_s": since_s, "limit": limit}
    return [_row(row) for row in read(db, {"jobs": (_NEWEST, args)})["jobs"]]


def insert(db: Postgres, request: Request) -> None:
    """The row of a new job, committed. Raises DatabaseAway, code 23505 when the idempotency key is taken."""
    args = {name: getattr(request, name) for name in Request.__dataclass_fields__}
    db.execute(_INSERT, args | {"payload": json.dumps(dict(request.payload))})


def reopen(db: Postgres, seen: JobRow, changes: Mapping[str, Any]) -> bool:
    """The job is PENDING again, `changes` in its payload; False when it is no longer as it was seen, or is leased."""
    args = {**_seen(seen), "updated_at": seen.updated_at, "changes": json.dumps(dict(changes))}
    return db.execute(_REOPEN, args) == 1


def end_failed(db: Postgres, job_id: str, *, status: str, locked_by: str, reason: str) -> bool:
    """The job is FAILED and its first password gone; False when its status or owner is another by now."""
    args = {"job_id": job_id, "status": status, "locked_by": locked_by, "reason": reason}
    return db.execute(_END, args) == 1


def message_body(db: Postgres, job_id: str) -> str | None:
    """The job's message, as the API builds it from the row: with the first password, so never to be shown."""
    found = db.query(_MESSAGE, (job_id,))
    return ai_body(**found[0]) if found else None


def tenants(db: Postgres, word: str) -> list[Tenant]:
    """Those whose code or id is the word: none, one, or two where a code reads like another's id."""
    return [Tenant(**row) for row in db.query(_TENANTS, {"word": word})]


def lecture_title(db: Postgres, tenant_id: int, lecture_id: int) -> str | None:
    """None when the academy has no such lecture."""
    found = db.query(_LECTURE, (lecture_id, tenant_id))
    return str(found[0]["title"]) if found else None


def session_title(db: Postgres, lecture_id: int, session_id: int) -> str | None:
    """None when the lecture has no such session."""
    found = db.query(_SESSION, (session_id, lecture_id))
    return str(found[0]["title"]) if found else None


def _seen(row: JobRow) -> dict[str, Any]:
    return {"job_id": row.job_id, "status": row.status, "locked_by": row.locked_by}


def _row(row: Row) -> JobRow:
    kept = {name: row[name] for name in row if name in JobRow.__dataclass_fields__}
    for name in ("payload", "result"):
        if not isinstance(kept.get(name), dict):
            kept[name] = {}
    return JobRow(**kept)

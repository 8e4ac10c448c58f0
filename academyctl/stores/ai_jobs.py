"""The platform's AI jobs as verbs: transitions fenced by the row's lease (contract 3.1, 3.3, 5, 11 #15, #23).

    PENDING, RETRYING, or RUNNING without a living lease --claim--> RUNNING, leased by a token
    RUNNING, leased by the token --finish--> DONE, its result in ai_result, in one statement
                                 --fail----> FAILED with the reason; never DONE, in any tier
                                 --give_back--> PENDING, free at once

Every other change finds no row: a worker that lost its lease can write nothing, and nothing ended is ever changed.

Given back is PENDING and not RETRYING: the old workers claim both, but only PENDING is what the API publishes again,
what its front end knows as waiting, and what a diagnosis counts as waiting. `force_rerun`, `next_run_at` and
`max_attempts` belong to a queue inside the database that no generation of the platform runs: they are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg

from academyctl.errors import LeaseLost
from academyctl.stores._ai_survey import LISTED as LISTED
from academyctl.stores._ai_survey import Survey as Survey
from academyctl.stores._ai_survey import survey as survey
from academyctl.stores.postgres import Postgres, Row

Cursor = psycopg.Cursor[dict[str, Any]]

REASON_MAX = 2000
WAITING = ("PENDING", "RETRYING")
RUNNING = "RUNNING"
DONE = "DONE"
FAILED = "FAILED"

_SELECT = """
SELECT id, job_id, job_type, status, payload, error_message, coalesce(tenant_id, '') AS tenant_id,
       coalesce(source_domain, '') AS source_domain, coalesce(source_id, '') AS source_id, tier, attempt_count,
       coalesce(locked_by, '') AS locked_by, lease_expires_at, now() AS seen_at
FROM ai_job WHERE job_id = %(job_id)s
"""
_CLAIM = """
UPDATE ai_job SET status = 'RUNNING', locked_by = %(token)s, locked_at = now(), last_heartbeat_at = now(),
       lease_expires_at = now() + make_interval(secs => %(lease_s)s), attempt_count = attempt_count + 1,
       error_message = '', updated_at = now()
WHERE id = %(id)s
"""
_OURS = "job_id = %(job_id)s AND locked_by = %(token)s AND status = 'RUNNING'"
_RENEW = f"""
UPDATE ai_job SET lease_expires_at = now() + make_interval(secs => %(lease_s)s), last_heartbeat_at = now(),
       updated_at = now()
WHERE {_OURS}
"""  # noqa: S608 - ours
_ENDED = """
locked_by = NULL, lease_expires_at = NULL, updated_at = now(),
payload = CASE WHEN jsonb_typeof(payload) = 'object' THEN payload - %(secrets)s::text[] ELSE payload END
"""
_UPSERT = """
INSERT INTO ai_result (created_at, updated_at, payload, job_id)
SELECT now(), now(), %(result)s::jsonb, id FROM ended WHERE %(result)s::jsonb IS NOT NULL
ON CONFLICT (job_id) DO UPDATE SET payload = excluded.payload, updated_at = now()
"""
_FINISH = f"""
WITH ended AS (UPDATE ai_job SET status = 'DONE', error_message = '', last_error = '', {_ENDED}
               WHERE {_OURS} RETURNING id),
     stored AS ({_UPSERT})
SELECT id FROM ended
"""  # noqa: S608 - ours
_FAIL = f"""
WITH ended AS (UPDATE ai_job SET status = 'FAILED', error_message = %(reason)s, last_error = %(reason)s, {_ENDED}
               WHERE ({_OURS}) OR (%(unclaimed)s AND job_id = %(job_id)s AND status IN ('PENDING', 'RETRYING'))
               RETURNING id),
     stored AS ({_UPSERT})
SELECT id FROM ended
"""  # noqa: S608 - ours
_GIVE_BACK = f"""
UPDATE ai_job SET status = 'PENDING', locked_by = NULL, lease_expires_at = NULL, updated_at = now(),
       last_error = CASE WHEN %(reason)s = '' THEN last_error ELSE %(reason)s END
WHERE {_OURS}
"""  # noqa: S608 - ours
_RESULT = "SELECT r.payload FROM ai_result r JOIN ai_job j ON j.id = r.job_id WHERE j.job_id = %s"
# A transaction that never ends must not hold a worker for ever: the message comes back later instead.
_PATIENCE = "SET LOCAL lock_timeout = '30s'"
_SHORT_PATIENCE = "SET LOCAL lock_timeout = '1s'"


@dataclass(frozen=True)
class AiJobRow:
    """A row of ai_job; texts are '' where it has NULL. `seen_at` is the database's clock when it was read."""

    id: int
    job_id: str
    job_type: str
    status: str
    payload: Mapping[str, Any] = field(repr=False)
    """May hold the first password of new students. An empty object where the row has something else."""
    error_message: str = field(repr=False)
    tenant_id: str
    source_domain: str
    source_id: str
    tier: str
    attempt_count: int
    locked_by: str
    lease_expires_at: datetime | None
    seen_at: datetime

    @property
    def leased(self) -> bool:
        """Whether a worker's lease runs. The old worker's is an hour long and never renewed, yet it may be at work."""
        alive = self.lease_expires_at is not None and self.lease_expires_at > self.seen_at
        return self.status == RUNNING and bool(self.locked_by) and alive

    @property
    def lease_left_s(self) -> float:
        return (self.lease_expires_at - self.seen_at).total_seconds() if self.leased and self.lease_expires_at else 0.0

    @property
    def open(self) -> bool:
        """Whether a worker may still bring it to an end."""
        return self.status in (*WAITING, RUNNING)


class Claim(StrEnum):
    """What came of claiming a job."""

    CLAIMED = "claimed"
    ABSENT = "absent"
    LEASED = "leased"
    CLOSED = "closed"


@dataclass(frozen=True)
class Claimed:
    """The outcome, and the row as it was before the claim (None only when ABSENT)."""

    claim: Claim
    row: AiJobRow | None


def row(db: Postgres, job_id: str) -> AiJobRow | None:
    """The job as it is. Raises DatabaseAway."""
    found = db.query(_SELECT, {"job_id": job_id})
    return _row(found[0]) if found else None


def claim(db: Postgres, job_id: str, token: str, *, lease_s: int) -> Claimed:
    """Take the lease and RUNNING, or say why not. Waits for a transaction that holds the row. Raises DatabaseAway."""
    with db.tx() as cursor:
        cursor.execute(_PATIENCE)
        raw = cursor.execute(_SELECT + " FOR UPDATE", {"job_id": job_id}).fetchone()
        if raw is None:
            return Claimed(Claim.ABSENT, None)
        seen = _row(raw)
        if not seen.open:
            return Claimed(Claim.CLOSED, seen)
        if seen.leased:
            return Claimed(Claim.LEASED, seen)
        cursor.execute(_CLAIM, {"id": seen.id, "token": token, "lease_s": lease_s})
        return Claimed(Claim.CLAIMED, seen)


def renew(db: Postgres, job_id: str, token: str, *, lease_s: int) -> bool:
    """Push the lease on; False when it is no longer ours: another's, ended, cancelled or gone. Raises DatabaseAway.

    Waits shortly for a transaction that holds the row: it may be the job's own, which ends the job.
    """
    with db.tx() as cursor:
        cursor.execute(_SHORT_PATIENCE)
        return cursor.execute(_RENEW, {"job_id": job_id, "token": token, "lease_s": lease_s}).rowcount == 1


def finish(cursor: Any, job_id: str, token: str, result: Mapping[str, Any], secret_keys: Sequence[str] = ()) -> None:
    """DONE with its result, inside the caller's transaction, the secrets gone from the payload.

    Raises LeaseLost when the job is not ours any more: the caller's transaction must then be rolled back.
    """
    args = {"job_id": job_id, "token": token, "result": storable(result), "secrets": list(secret_keys)}
    if cursor.execute(_FINISH, args).fetchone() is None:
        raise LeaseLost(f"job {job_id} is finished but no longer ours", why="its row is another's, ended or gone")


def done(db: Postgres, job_id: str, token: str, result: Mapping[str, Any], secret_keys: Sequence[str] = ()) -> None:
    """`finish` in a transaction of its own. Raises LeaseLost, DatabaseAway."""
    with db.tx() as cursor:
        cursor.execute(_PATIENCE)
        finish(cursor, job_id, token, result, secret_keys)


def fail(
    db: Postgres,
    job_id: str,
    token: str,
    reason: str,
    result: Mapping[str, Any] | None = None,
    secret_keys: Sequence[str] = (),
    *,
    unclaimed: bool = False,
) -> bool:
    """FAILED for good, with what the job leaves for its reader; False when it is not ours. Raises DatabaseAway.

    `unclaimed`: also a job that waits and that nobody has claimed.
    """
    stored = None if result is None else storable(result)
    args = {"job_id": job_id, "token": token, "reason": _reason(reason), "result": stored, "unclaimed": unclaimed}
    with db.tx() as cursor:
        cursor.execute(_PATIENCE)
        return cursor.execute(_FAIL, {**args, "secrets": list(secret_keys)}).fetchone() is not None


def give_back(db: Postgres, job_id: str, token: str, *, reason: str = "") -> bool:
    """PENDING and free for the next worker, the reason of a failed attempt in last_error; False when it is not ours.

    Raises DatabaseAway.
    """
    with db.tx() as cursor:
        cursor.execute(_PATIENCE)
        args = {"job_id": job_id, "token": token, "reason": _reason(reason)}
        return cursor.execute(_GIVE_BACK, args).rowcount == 1


def result_of(db: Postgres, job_id: str) -> Mapping[str, Any] | None:
    """What the job left, None when it left nothing. Raises DatabaseAway."""
    found = db.query(_RESULT, (job_id,))
    return found[0]["payload"] if found and isinstance(found[0]["payload"], dict) else None


def storable(result: Mapping[str, Any]) -> str:
    """A result as jsonb takes it: no NUL, no half of a surrogate pair, no NaN; dates and decimals as texts."""
    return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """A value as `storable` writes it, before it is a text."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _reason(reason: str) -> str:
    return str(plain(reason))[:REASON_MAX]


def _row(raw: Row) -> AiJobRow:
    payload = raw["payload"]
    return AiJobRow(**{**raw, "payload": payload if isinstance(payload, dict) else {}})

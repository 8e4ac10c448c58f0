"""The platform's video rows as verbs: transitions fenced by the row lease (contract 3.2, 3.4, 11 #4-#6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from academyctl.contract.states import CLAIMABLE, ERROR_REASON_MAX, RETRYABLE, VideoState
from academyctl.stores import video_jobs
from academyctl.stores.postgres import Postgres, Row

_SELECT = """
SELECT v.id, v.title, v.status, v.file_key, v.duration, v.hls_path, v.error_reason, v.leased_by, v.leased_until,
       v.processing_started_at, v.created_at, v.updated_at, v.session_id, l.tenant_id, t.code AS tenant_code,
       now() AS seen_at
FROM video_video v
JOIN lectures_session s ON s.id = v.session_id
JOIN lectures_lecture l ON l.id = s.lecture_id
JOIN core_tenant t ON t.id = l.tenant_id
WHERE v.id = ANY(%(ids)s)
"""
# FOR UPDATE by id waits for the API's open transaction; a bare UPDATE with a status in its WHERE would not see it.
_LOCK = _SELECT + " FOR UPDATE OF v"
_CLAIM = """
UPDATE video_video SET status = 'PROCESSING', leased_by = %(token)s, updated_at = now(),
       leased_until = now() + make_interval(secs => %(lease_s)s),
       processing_started_at = now()
WHERE id = %(id)s
"""
_RENEW = """
UPDATE video_video SET leased_until = now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND leased_by = %(token)s AND status IN ('PROCESSING', 'UPLOADED') RETURNING id
"""
# UPLOADED with our lease: a retry came while we finished. Its result is this one; its message finds READY.
_COMPLETE = """
UPDATE video_video SET status = 'READY', hls_path = %(hls_path)s, duration = %(duration)s, error_reason = '',
       leased_by = '', leased_until = NULL, updated_at = now()
WHERE id = %(id)s AND leased_by = %(token)s AND status IN ('PROCESSING', 'UPLOADED')
"""
_FAIL = """
UPDATE video_video SET status = 'FAILED', error_reason = %(reason)s, leased_by = '', leased_until = NULL,
       updated_at = now()
WHERE id = %(id)s AND leased_by = %(token)s AND status = 'PROCESSING'
"""
_RELEASE = """
UPDATE video_video SET leased_by = '', leased_until = NULL, updated_at = now(),
       status = CASE WHEN status = 'PROCESSING' THEN 'UPLOADED' ELSE status END,
       error_reason = CASE WHEN status = 'PROCESSING' THEN %(reason)s ELSE error_reason END
WHERE id = %(id)s AND leased_by = %(token)s AND status <> 'READY'
"""
_RESET = "UPDATE video_video SET status = 'UPLOADED', error_reason = '', updated_at = now() WHERE id = %(id)s"


@dataclass(frozen=True)
class VideoRow:
    """A video and the tenant it belongs to. `seen_at` is the database's clock when the row was read."""

    id: int
    title: str
    status: str
    file_key: str
    duration: int | None
    hls_path: str
    error_reason: str
    leased_by: str
    leased_until: datetime | None
    processing_started_at: datetime | None
    created_at: datetime
    updated_at: datetime
    session_id: int
    tenant_id: int
    tenant_code: str
    seen_at: datetime

    @property
    def leased(self) -> bool:
        """Whether somebody holds a lease that has not run out."""
        return bool(self.leased_by) and self.leased_until is not None and self.leased_until > self.seen_at

    @property
    def lease_left_s(self) -> float:
        return (self.leased_until - self.seen_at).total_seconds() if self.leased and self.leased_until else 0.0


class Claim(StrEnum):
    """What came of claiming a video."""

    CLAIMED = "claimed"
    ABSENT = "absent"
    OTHER_TENANT = "other tenant"
    READY = "ready"
    NOT_CLAIMABLE = "not claimable"
    LEASED = "leased"
    JOB_ABSENT = "job absent"
    JOB_CLOSED = "job closed"


@dataclass(frozen=True)
class Claimed:
    """The outcome and the row as it was before the claim (None only when ABSENT)."""

    claim: Claim
    row: VideoRow | None
    detail: str = ""


class Videos:
    """Verbs over video_video. All raise DatabaseAway."""

    def __init__(self, db: Postgres) -> None:
        self._db = db

    def rows(self, ids: Sequence[int]) -> dict[int, VideoRow]:
        """The rows that exist, by id."""
        return {raw["id"]: _row(raw) for raw in self._db.query(_SELECT, {"ids": list(ids)})}

    def row(self, video_id: int) -> VideoRow | None:
        return self.rows([video_id]).get(video_id)

    def claim(self, video_id: int, tenant_id: int, token: str, *, lease_s: int, job_id: str | None = None) -> Claimed:
        """Take the lease and PROCESSING, or say why not. Waits for a transaction that holds the row."""
        with self._db.tx() as cursor:
            raw = cursor.execute(_LOCK, {"ids": [video_id]}).fetchone()
            if raw is None:
                return Claimed(Claim.ABSENT, None)
            row = _row(raw)
            if row.tenant_id != tenant_id:
                return Claimed(Claim.OTHER_TENANT, row, f"the row belongs to tenant {row.tenant_id}")
            if row.status == VideoState.READY and row.hls_path:
                return Claimed(Claim.READY, row)
            if row.leased and row.leased_by != token:
                return Claimed(Claim.LEASED, row, row.leased_by)
            if row.status not in CLAIMABLE:
                return Claimed(Claim.NOT_CLAIMABLE, row, row.status)
            if job_id is not None:
                refused = video_jobs.claim(cursor, job_id, video_id, token, lease_s=lease_s)
                if refused is not None:
                    absent = refused == video_jobs.ABSENT
                    return Claimed(Claim.JOB_ABSENT if absent else Claim.JOB_CLOSED, row, refused)
            cursor.execute(_CLAIM, {"id": video_id, "token": token, "lease_s": lease_s})
            return Claimed(Claim.CLAIMED, row)

    def renew(self, video_id: int, token: str, *, lease_s: int, job_id: str | None = None) -> bool:
        """Push the lease on; False when it is no longer ours."""
        with self._db.tx() as cursor:
            kept = cursor.execute(_RENEW, {"id": video_id, "token": token, "lease_s": lease_s}).fetchone()
            if kept and job_id is not None:
                video_jobs.beat(cursor, job_id, token, lease_s=lease_s)
            return kept is not None

    def complete(self, video_id: int, token: str, *, hls_path: str, duration: int, job_id: str | None = None) -> bool:
        """READY, once and only by the lease's owner; False when the lease is lost."""
        with self._db.tx() as cursor:
            args = {"id": video_id, "token": token, "hls_path": hls_path, "duration": max(0, duration)}
            done = cursor.execute(_COMPLETE, args).rowcount == 1
            if done and job_id is not None:
                video_jobs.succeed(cursor, job_id, token)
            return done

    def fail(self, video_id: int, token: str, reason: str, *, job_id: str | None = None) -> bool:
        """FAILED for good, only by the lease's owner and never over READY."""
        with self._db.tx() as cursor:
            args = {"id": video_id, "token": token, "reason": reason[:ERROR_REASON_MAX]}
            done = cursor.execute(_FAIL, args).rowcount == 1
            if done and job_id is not None:
                video_jobs.die(cursor, job_id, token, reason)
            return done

    def release(self, video_id: int, token: str, *, reason: str = "", job_id: str | None = None) -> bool:
        """Give the work back: the lease is dropped and PROCESSING becomes UPLOADED again."""
        with self._db.tx() as cursor:
            args = {"id": video_id, "token": token, "reason": reason[:ERROR_REASON_MAX]}
            done = cursor.execute(_RELEASE, args).rowcount == 1
            if done and job_id is not None:
                video_jobs.wait(cursor, job_id, token, reason)
            return done

    def reset_for_retry(self, video_id: int, *, force: bool = False) -> Claimed:
        """UPLOADED again by the rules of POST .../retry/ (contract 3.2); READY only with `force`."""
        with self._db.tx() as cursor:
            raw = cursor.execute(_LOCK, {"ids": [video_id]}).fetchone()
            if raw is None:
                return Claimed(Claim.ABSENT, None)
            row = _row(raw)
            allowed = row.status in RETRYABLE or (force and row.status == VideoState.READY)
            if not allowed:
                return Claimed(Claim.READY if row.status == VideoState.READY else Claim.NOT_CLAIMABLE, row, row.status)
            cursor.execute(_RESET, {"id": video_id})
            return Claimed(Claim.CLAIMED, row)

    def drop_lease(self, video_id: int, token: str) -> bool:
        """Remove exactly this lease: compare-and-set for operators' repairs."""
        sql = "UPDATE video_video SET leased_by = '', leased_until = NULL WHERE id = %s AND leased_by = %s"
        return self._db.execute(sql, (video_id, token)) == 1


def _row(raw: Row) -> VideoRow:
    values: dict[str, Any] = dict(raw)
    values["error_reason"] = values["error_reason"] or ""
    return VideoRow(**values)

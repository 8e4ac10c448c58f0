"""The platform's video rows as verbs: transitions fenced by the row lease (contract 3.2, 3.4, 11 #4-#6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
# An API transaction that never ends must not hold a worker for ever: the message comes back later instead.
_PATIENCE = "SET LOCAL lock_timeout = '30s'"
# One upload may stand behind several rows: it is spent only when every one of them has been READY for long enough,
# and it lies where the uploads of their own tenant do.
_SPENT = """
SELECT min(v.id) AS id, v.file_key
FROM video_video v JOIN lectures_session s ON s.id = v.session_id JOIN lectures_lecture l ON l.id = s.lecture_id
WHERE v.file_key = ANY(%(keys)s) GROUP BY v.file_key
HAVING bool_and(v.status = 'READY' AND v.hls_path <> '' AND v.leased_by = ''
                AND v.updated_at <= now() - make_interval(days => %(days)s)
                AND starts_with(v.file_key, 'tenants/' || l.tenant_id || '/video/raw/'))
ORDER BY v.file_key
"""


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


_JOB_REFUSED = {video_jobs.ABSENT: Claim.JOB_ABSENT, video_jobs.LEASED: Claim.LEASED}


@dataclass(frozen=True)
class Claimed:
    """The outcome and the row as it was before the claim (None only when ABSENT).

    `job_waited`: the S3 job left the backlog by this claim. `job_attempt`: which attempt of the job this is.
    """

    claim: Claim
    row: VideoRow | None
    detail: str = ""
    job_waited: bool = False
    job_attempt: int = 0


@dataclass(frozen=True)
class Changed:
    """Whether the video's row changed, and its job's; true when the video's did."""

    video: bool
    job: bool = False

    def __bool__(self) -> bool:
        return self.video


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
            cursor.execute(_PATIENCE)
            raw = cursor.execute(_LOCK, {"ids": [video_id]}).fetchone()
            if raw is None:
                return Claimed(Claim.ABSENT, None)
            row = _row(raw)
            if row.tenant_id != tenant_id:
                return Claimed(Claim.OTHER_TENANT, row, f"the row belongs to tenant {row.tenant_id}")
            if row.status == VideoState.READY and row.hls_path:
                # The job's work is there: left QUEUED, it would block every later job of this video.
                closed = job_id is not None and video_jobs.close(cursor, job_id, video_id)
                return Claimed(Claim.READY, row, job_waited=closed)
            if row.leased and row.leased_by != token:
                return Claimed(Claim.LEASED, row, row.leased_by)
            if row.status not in CLAIMABLE:
                return Claimed(Claim.NOT_CLAIMABLE, row, row.status)
            job = video_jobs.JobClaim("")
            if job_id is not None:
                job = video_jobs.claim(cursor, job_id, video_id, token, lease_s=lease_s)
            if job.refused:
                outcome = _JOB_REFUSED.get(job.refused, Claim.JOB_CLOSED)
                return Claimed(outcome, row, job.refused, job.waited, job.attempt)
            cursor.execute(_CLAIM, {"id": video_id, "token": token, "lease_s": lease_s})
            return Claimed(Claim.CLAIMED, row, "", job.waited, job.attempt)

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

    def fail(self, video_id: int, token: str, reason: str, *, job_id: str | None = None) -> Changed:
        """FAILED for good, only by the lease's owner, never over READY nor over a retry that came meanwhile."""
        reason = _storable(reason)
        with self._db.tx() as cursor:
            done = cursor.execute(_FAIL, {"id": video_id, "token": token, "reason": reason}).rowcount == 1
            return Changed(done, done and job_id is not None and video_jobs.die(cursor, job_id, token, reason))

    def release(self, video_id: int, token: str, *, reason: str = "", job_id: str | None = None) -> Changed:
        """Give the work back: the lease is dropped and PROCESSING becomes UPLOADED again."""
        reason = _storable(reason)
        with self._db.tx() as cursor:
            done = cursor.execute(_RELEASE, {"id": video_id, "token": token, "reason": reason}).rowcount == 1
            return Changed(done, done and job_id is not None and video_jobs.wait(cursor, job_id, token, reason))

    def job_cancel_wanted(self, job_id: str) -> bool:
        """Whether the API asked this S3 job to stop."""
        with self._db.tx(read_only=True) as cursor:
            return video_jobs.cancel_wanted(cursor, job_id)

    def names_upload(self, file_key: str) -> bool:
        """Whether any row still stands on this upload."""
        return bool(self._db.query("SELECT 1 FROM video_video WHERE file_key = %s LIMIT 1", (file_key,)))

    def spent_uploads(self, file_keys: Sequence[str], *, days: int) -> list[tuple[int, str]]:
        """Of these uploads the ones no video needs: all READY for `days` days; as (video id, file key)."""
        return [(row["id"], row["file_key"]) for row in self._db.query(_SPENT, {"keys": list(file_keys), "days": days})]

    @contextmanager
    def holding_spent(self, file_key: str, *, days: int) -> Iterator[bool]:
        """Whether the upload is spent, and it stays so inside the block: no retry can start on its rows meanwhile."""
        with self._db.tx() as cursor:
            cursor.execute(_PATIENCE)
            cursor.execute("SELECT id FROM video_video WHERE file_key = %s ORDER BY id FOR UPDATE", (file_key,))
            yield cursor.execute(_SPENT, {"keys": [file_key], "days": days}).fetchone() is not None

    def reset_for_retry(
        self, video_id: int, *, force: bool = False, expected: str | None = None, as_of: datetime | None = None
    ) -> Claimed:
        """UPLOADED again by the rules of POST .../retry/ (contract 3.2); READY only with `force`.

        With `expected`, a row that is no longer in that status is left alone; with `as_of`, its `updated_at` then,
        also one that was written since or is leased (LEASED).
        """
        with self._db.tx() as cursor:
            raw = cursor.execute(_LOCK, {"ids": [video_id]}).fetchone()
            if raw is None:
                return Claimed(Claim.ABSENT, None)
            row = _row(raw)
            allowed = row.status in RETRYABLE or (force and row.status == VideoState.READY)
            if not allowed or (expected is not None and row.status != expected):
                return Claimed(Claim.READY if row.status == VideoState.READY else Claim.NOT_CLAIMABLE, row, row.status)
            if as_of is not None and (row.updated_at != as_of or row.leased):
                return Claimed(Claim.LEASED, row, row.leased_by)
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


def _storable(reason: str) -> str:
    """A reason as the column takes it: PostgreSQL refuses NUL, which FFmpeg's words about broken files may hold."""
    return reason.replace("\x00", "")[:ERROR_REASON_MAX]

"""What the exports read: attendance of a lecture and payroll of a month, row by row (contract 5.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import tuple_row

from academyctl.stores.postgres import Args, Postgres

FETCHED = 500
"""Rows a round trip, and so the most that this process holds."""
_LECTURE = "SELECT title FROM lectures_lecture WHERE id = %(lecture)s AND tenant_id = %(tenant)s"
_SESSIONS = 'SELECT id, "order", date FROM lectures_session WHERE lecture_id = %(lecture)s ORDER BY "order", id'
# Every table is asked for its tenant: a row that was filed under a wrong one must not reach another academy.
_ROSTER = """
FROM enrollment_enrollment e JOIN students_student st ON st.id = e.student_id AND st.tenant_id = e.tenant_id
WHERE e.lecture_id = %(lecture)s AND e.tenant_id = %(tenant)s AND e.status = 'ACTIVE' AND st.deleted_at IS NULL
      AND e.id IN (SELECT se.enrollment_id FROM enrollment_sessionenrollment se
                   JOIN lectures_session s ON s.id = se.session_id
                   WHERE s.lecture_id = %(lecture)s AND se.tenant_id = %(tenant)s)
"""
_COUNT = f"SELECT count(*)::int AS count {_ROSTER}"
_ATTENDANCE = f"""
WITH marks AS MATERIALIZED (
    SELECT a.enrollment_id, jsonb_object_agg(a.session_id, a.status) AS found
    FROM attendance_attendance a JOIN lectures_session s ON s.id = a.session_id
    WHERE s.lecture_id = %(lecture)s AND a.tenant_id = %(tenant)s GROUP BY a.enrollment_id
)
SELECT r.name, r.number, r.parent_phone, marks.found
FROM (SELECT e.id, st.name, coalesce(nullif(st.phone, ''), st.ps_number) AS number, st.parent_phone {_ROSTER}) AS r
LEFT JOIN marks ON marks.enrollment_id = r.id ORDER BY r.name, r.id
"""  # noqa: S608 - ours
_PAYROLL = """
SELECT f.name, p.year, p.month, p.work_hours, p.work_amount, p.approved_expense_amount, p.total_amount,
       coalesce(nullif(u.name, ''), u.username, ''), p.created_at
FROM staffs_payrollsnapshot p JOIN staffs_staff f ON f.id = p.staff_id AND f.tenant_id = p.tenant_id
LEFT JOIN accounts_user u ON u.id = p.generated_by_id
WHERE p.tenant_id = %(tenant)s AND p.year = %(year)s AND p.month = %(month)s ORDER BY f.name, p.id
"""
# The API gives back the first export for ever, because the key of a job that has ended still counts (contract 11 #20).
_FREE_KEY = """
UPDATE ai_job SET idempotency_key = left(idempotency_key, 190) || ':' || job_id, updated_at = now()
WHERE job_id = %(job_id)s AND locked_by = %(token)s AND status = 'RUNNING'
      AND idempotency_key NOT LIKE '%%:' || job_id
"""
_RELINK = """
UPDATE ai_result r SET updated_at = now(), payload = jsonb_set(
       jsonb_set(r.payload, %(path)s::text[] || 'download_url'::text, to_jsonb(%(url)s::text)),
       %(path)s::text[] || 'expires_at'::text, to_jsonb(%(expires_at)s::text))
FROM ai_job j WHERE r.job_id = j.id AND j.job_id = %(job_id)s AND j.status IN ('DONE', 'FAILED')
      AND r.payload #>> (%(path)s::text[] || 'download_url'::text) = %(before)s
"""


class Session(NamedTuple):
    """A column of the attendance sheet."""

    id: int
    order: int
    day: date | None


class Attendance(NamedTuple):
    """A student's row. `number`: the student's phone, else the student number; `marks`: a status or '' per session."""

    name: str
    number: str
    parent_phone: str
    marks: list[str]


class Payroll(NamedTuple):
    """A confirmed month of one employee. Hours, then amounts in won; `by` is '' when that account is gone."""

    name: str
    year: int
    month: int
    hours: Decimal
    pay: int
    expenses: int
    total: int
    by: str
    at: datetime


@dataclass(frozen=True)
class LectureAttendance:
    """A lecture's attendance while its transaction is open; `rows` streams and can be read once."""

    title: str
    sessions: Sequence[Session]
    count: int
    rows: Iterator[Attendance]


@contextmanager
def attendance(db: Postgres, tenant_id: int, lecture_id: int) -> Iterator[LectureAttendance | None]:
    """One lecture as of one moment; None when the academy has no such lecture. Raises DatabaseAway."""
    args = {"tenant": tenant_id, "lecture": lecture_id}
    with _snapshot(db) as cursor:
        lecture = cursor.execute(_LECTURE, args).fetchone()
        if lecture is None:
            yield None
            return
        sessions = [Session(*row.values()) for row in cursor.execute(_SESSIONS, args).fetchall()]
        count: int = cursor.execute(_COUNT, args).fetchone()["count"]
        yield LectureAttendance(lecture["title"], sessions, count, _students(cursor, args, sessions))


@contextmanager
def payroll(db: Postgres, tenant_id: int, year: int, month: int) -> Iterator[Iterator[Payroll]]:
    """The snapshots of a month, by employee. Raises DatabaseAway."""
    with _snapshot(db) as cursor:
        yield map(Payroll._make, _stream(cursor, _PAYROLL, {"tenant": tenant_id, "year": year, "month": month}))


def free_key(db: Postgres, job_id: str, token: str) -> bool:
    """Let the next request for the same export be a job of its own: the key gets the job's id behind it.

    Only by the job's own worker, while it runs; False when there was nothing to free. Raises DatabaseAway.
    """
    return db.execute(_FREE_KEY, {"job_id": job_id, "token": token}) == 1


def relink(db: Postgres, job_id: str, *, path: Sequence[str], before: str, url: str, expires_at: str) -> bool:
    """Put a fresh link where the platform's readers look: in the job's result, in the object at `path` (() = itself).

    False when the link there is no longer `before`. Raises DatabaseAway.
    """
    args = {"job_id": job_id, "path": list(path), "before": before, "url": url, "expires_at": expires_at}
    return db.execute(_RELINK, args) == 1


@contextmanager
def _snapshot(db: Postgres) -> Iterator[Any]:
    with db.tx(read_only=True) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Nested loops win where PostgreSQL believes that tables are small, as it does of all that it has not analysed
        # yet: 20,000 students of 40 sessions were read in 100 s with them, in 15 s without (on a busy machine).
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield cursor


def _students(cursor: Any, args: Args, sessions: Sequence[Session]) -> Iterator[Attendance]:
    columns = [str(session.id) for session in sessions]
    for name, number, parent_phone, marks in _stream(cursor, _ATTENDANCE, args):
        found = marks or {}
        yield Attendance(name, number, parent_phone, [found.get(column, "") for column in columns])


def _stream(cursor: Any, sql: LiteralString, args: Args) -> Iterator[tuple[Any, ...]]:
    """Rows of a server-side cursor: the answer stays in the database until it is asked for."""
    with cursor.connection.cursor(name="export", row_factory=tuple_row) as rows:
        rows.itersize = FETCHED
        yield from rows.execute(sql, args)

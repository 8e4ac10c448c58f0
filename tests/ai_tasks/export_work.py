"""A class with attendance, a payroll, and a job in a task's hands without the worker around it."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from academyctl.local import sample
from academyctl.settings import Settings
from academyctl.stores import Stores

TOKEN = "worker-1"


@dataclass
class HeldWork:
    """A `workers.ai_tasks._model.Work` that remembers what it was told; `stop` is raised by `check`."""

    stores: Stores
    folder: Path
    payload: Mapping[str, Any]
    tenant_id: str
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    source_id: str = ""
    token: str = TOKEN
    seconds_left: float = 60.0
    stop: Callable[[], Exception | None] = lambda: None
    seen: list[tuple[str, int]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.stores.settings

    @property
    def stop_asked(self) -> Callable[[], bool]:
        return lambda: self.stop() is not None

    def check(self) -> None:
        error = self.stop()
        if error is not None:
            raise error

    def progress(self, step: str, percent: int, *, step_percent: int = 0) -> None:
        self.seen.append((step, percent))

    def finish(self, cursor: Any, result: Mapping[str, Any]) -> None:
        raise NotImplementedError


def make_academy(stores: Stores) -> tuple[int, int]:
    """An academy with an empty lecture: (tenant_id, lecture_id)."""
    with stores.db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, code=f"t{os.urandom(5).hex()}")
        return tenant_id, sample.make_lecture(cursor, tenant_id, title="수학A")


def add_session(stores: Stores, lecture_id: int, *, order: int, day: str | None = None) -> int:
    with stores.db.tx() as cursor:
        session = sample.make_session(cursor, lecture_id, order=order)
        cursor.execute("UPDATE lectures_session SET date = %s WHERE id = %s", (day, session))
        return session


def add_student(
    stores: Stores, tenant_id: int, lecture_id: int, name: str, marks: Mapping[int, str | None], **columns: Any
) -> None:
    """A student enrolled in the sessions of `marks` (session id -> attendance status, None = no record).

    `columns`: of the student, and `enrolled` = the enrolment's status.
    """
    enrolled = columns.pop("enrolled", "ACTIVE")
    with stores.db.tx() as cursor:
        number = int.from_bytes(os.urandom(3))
        student = sample.make_student(cursor, tenant_id, number, name, lecture_id, tuple(marks))
        for column, value in columns.items():
            cursor.execute(f'UPDATE students_student SET "{column}" = %s WHERE id = %s', (value, student))
        cursor.execute("UPDATE enrollment_enrollment SET status = %s WHERE student_id = %s", (enrolled, student))
        for session, status in marks.items():
            mine = "session_id = %s AND enrollment_id IN (SELECT id FROM enrollment_enrollment WHERE student_id = %s)"
            if status is None:
                cursor.execute(f"DELETE FROM attendance_attendance WHERE {mine}", (session, student))
            else:
                cursor.execute(f"UPDATE attendance_attendance SET status = %s WHERE {mine}", (status, session, student))


def add_payroll(
    stores: Stores,
    tenant_id: int,
    name: str,
    *,
    year: int,
    month: int,
    at: datetime,
    by: str | None = "원장",
    **pay: Any,
) -> None:
    """A confirmed month of one employee; `by` None = the account that confirmed it is gone."""
    now = datetime.now(UTC)
    amounts = {"work_hours": Decimal(0), "work_amount": 0, "approved_expense_amount": 0, "total_amount": 0} | pay
    with stores.db.tx() as cursor:
        user = by and sample._user(cursor, f"u{os.urandom(6).hex()}", by, "", tenant_id)
        staff = sample.insert(
            cursor, "staffs_staff", created_at=now, updated_at=now, name=name, phone="", is_active=True,
            is_manager=False, pay_type="HOURLY", tenant_id=tenant_id,
        )  # fmt: skip
        sample.insert(
            cursor, "staffs_payrollsnapshot", created_at=at, updated_at=at, year=year, month=month,
            generated_by_id=user, tenant_id=tenant_id, staff_id=staff, **amounts,
        )  # fmt: skip


def workbook_of(stores: Stores, result: Mapping[str, Any]) -> Any:
    """openpyxl's workbook of what the task stored."""
    return load_workbook(io.BytesIO(stores.r2.read(stores.settings.r2.excel_bucket, result["key"])))


def texts(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]

"""The peer of bench_excel_import: openpyxl and a statement after another, as lean as one writes it by hand."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

_STUDENT = """
SELECT id, deleted_at FROM students_student
WHERE tenant_id = %s AND parent_phone = %s AND lower(name) = lower(%s) ORDER BY deleted_at NULLS FIRST LIMIT 1
"""
_PHONE = "SELECT 1 FROM accounts_user WHERE phone = %s AND is_active AND tenant_id = %s LIMIT 1"
_PARENT = "SELECT id FROM parents_parent WHERE tenant_id = %s AND phone = %s"
_USER = """
INSERT INTO accounts_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                           date_joined, name, phone, tenant_id)
VALUES (%s, false, %s, '', '', '', false, true, now(), %s, %s, %s) RETURNING id
"""
_NEW_PARENT = """
INSERT INTO parents_parent (created_at, updated_at, name, phone, tenant_id, user_id)
VALUES (now(), now(), %s, %s, %s, %s) RETURNING id
"""
_MEMBER = """
INSERT INTO core_tenantmembership (role, is_active, joined_at, tenant_id, user_id) VALUES (%s, true, now(), %s, %s)
"""
_NEW_STUDENT = """
INSERT INTO students_student (created_at, updated_at, ps_number, omr_code, name, gender, grade, school_type, phone,
                              parent_phone, uses_identifier, high_school, high_school_class, major, memo, is_managed,
                              profile_photo, parent_id, tenant_id, user_id)
VALUES (now(), now(), %s, %s, %s, %s, %s, 'HIGH', %s, %s, false, %s, %s, %s, %s, true, '', %s, %s, %s) RETURNING id
"""
_ENROLLMENT = (
    "SELECT id, status FROM enrollment_enrollment WHERE tenant_id = %s AND student_id = %s AND lecture_id = %s"
)
_NEW_ENROLLMENT = """
INSERT INTO enrollment_enrollment (created_at, updated_at, status, enrolled_at, lecture_id, student_id, tenant_id)
VALUES (now(), now(), 'ACTIVE', now(), %s, %s, %s) RETURNING id
"""
_SESSION = """
INSERT INTO enrollment_sessionenrollment (created_at, enrollment_id, session_id, tenant_id) VALUES (now(), %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_ATTENDANCE = """
INSERT INTO attendance_attendance (status, memo, recorded_at, enrollment_id, session_id, tenant_id)
VALUES ('PRESENT', '', now(), %s, %s, %s) ON CONFLICT DO NOTHING
"""
_FIRST_SESSION = """
INSERT INTO lectures_session (created_at, updated_at, "order", title, lecture_id) VALUES (now(), now(), 1, '1차시', %s)
RETURNING id
"""


def run(cursor: Any, source: Path, tenant_id: int, lecture_id: int, password: str) -> int:
    """Everybody of a class list whose columns are known beforehand; how many."""
    session_id = cursor.execute(_FIRST_SESSION, (lecture_id,)).fetchone()["id"]
    used: set[str] = set()
    enrolled = 0
    book = load_workbook(source, read_only=True, data_only=True)
    for name, parent_phone, phone, *rest in book.active.iter_rows(min_row=2, values_only=True):
        parent_phone, phone = (re.sub(r"\D", "", str(value or "")) for value in (parent_phone, phone))
        if not re.fullmatch(r"010\d{8}", parent_phone):
            raise ValueError(parent_phone)
        student_id = _student(cursor, tenant_id, password, used, str(name).strip(), parent_phone, phone, rest)
        enrollment = cursor.execute(_ENROLLMENT, (tenant_id, student_id, lecture_id)).fetchone()
        if enrollment is None:
            enrollment = cursor.execute(_NEW_ENROLLMENT, (lecture_id, student_id, tenant_id)).fetchone()
        cursor.execute(_SESSION, (enrollment["id"], session_id, tenant_id))
        cursor.execute(_ATTENDANCE, (enrollment["id"], session_id, tenant_id))
        enrolled += 1
    book.close()
    return enrolled


def _student(
    cursor: Any,
    tenant_id: int,
    password: str,
    used: set[str],
    name: str,
    parent_phone: str,
    phone: str,
    rest: list[Any],
) -> int:
    found = cursor.execute(_STUDENT, (tenant_id, parent_phone, name)).fetchone()
    if found is not None:
        return int(found["id"])
    if cursor.execute(_PHONE, (phone, tenant_id)).fetchone() is not None:
        raise ValueError(phone)
    parent = cursor.execute(_PARENT, (tenant_id, parent_phone)).fetchone()
    if parent is None:
        title = f"{name} 학부모"
        user = cursor.execute(_USER, (password, f"p_{tenant_id}_{parent_phone}", title, parent_phone, None)).fetchone()
        cursor.execute(_MEMBER, ("parent", tenant_id, user["id"]))
        parent = cursor.execute(_NEW_PARENT, (title, parent_phone, tenant_id, user["id"])).fetchone()
    while (number := f"{random.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}{random.randrange(100_000):05d}") in used:
        pass
    used.add(number)
    school, grade, gender, school_class, major, memo, *_ = rest
    user = cursor.execute(_USER, (password, f"t{tenant_id}_{number}", name, phone, tenant_id)).fetchone()
    cursor.execute(_MEMBER, ("student", tenant_id, user["id"]))
    values = (number, phone[-8:], name, "M" if gender == "남" else "F", int(grade), phone, parent_phone, school,
              school_class, major, memo, parent["id"], tenant_id, user["id"])  # fmt: skip
    return int(cursor.execute(_NEW_STUDENT, values).fetchone()["id"])

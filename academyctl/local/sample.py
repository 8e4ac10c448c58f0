"""Sample data: an academy with a lecture, videos in every state, students, rosters, jobs, a text; and factories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from academyctl.contract import keys
from academyctl.local import sample_jobs, sample_media, sample_texts
from academyctl.local.sample_jobs import ROSTER_FILE, ROSTER_KEY, TWO_PHONES_KEY
from academyctl.stores import Stores
from academyctl.stores.postgres import Row

Cursor = Any
UNUSABLE = "!"  # what Django stores for an account that cannot sign in
_SAMPLE_VIDEOS = """
SELECT v.id, v.status, v.file_key, l.tenant_id
FROM video_video v JOIN lectures_session s ON s.id = v.session_id JOIN lectures_lecture l ON l.id = s.lecture_id
WHERE v.file_key LIKE '%%/sample-%%' AND v.status <> 'PENDING' ORDER BY v.id
"""
_NAMES = ("김하늘", "이도윤", "박서연", "최지호", "정유진", "강민재", "조수아", "윤시우")


@dataclass(frozen=True)
class Sample:
    """The ids of what was made."""

    tenant_id: int
    lecture_id: int
    session_id: int
    videos: dict[str, int]


def load(stores: Stores) -> Sample:
    """Fill an empty database. The tenant is `demo`."""
    with stores.db.tx() as cursor:
        tenant_id = make_tenant(cursor, code="demo", name="데모 학원")
        lecture_id = make_lecture(cursor, tenant_id, title="고2 수학")
        session_id = make_session(cursor, lecture_id, order=1)
        second = make_session(cursor, lecture_id, order=2)
        # What failed long ago is nobody's trouble today; the video that a killed worker left in PROCESSING is.
        aged: dict[str, dict[str, Any]] = {"FAILED": {"updated_at": datetime.now(UTC) - timedelta(days=10)}}
        videos = {
            status: insert_video(cursor, session_id, tenant_id, status=status, order=order, **aged.get(status, {}))
            for order, status in enumerate(("PENDING", "UPLOADED", "PROCESSING", "READY", "FAILED"), 1)
        }
        for index, name in enumerate(_NAMES):
            make_student(cursor, tenant_id, index, name, lecture_id, (session_id, second))
        for job, result in sample_jobs.jobs(tenant_id, lecture_id, session_id):
            made = {"created_at": job["created_at"], "updated_at": job["updated_at"]}
            job_id = insert(cursor, "ai_job", **job)
            insert(cursor, "ai_result", **made, payload=json.dumps(result), job_id=job_id)
    sample_texts.leave_unknown(stores, tenant_id)
    return Sample(tenant_id, lecture_id, session_id, videos)


def put_objects(stores: Stores, ffmpeg: str | None, folder: Path) -> None:
    """The objects that the sample rows speak of, where they are missing: rosters, uploads, the published HLS.

    The uploads and the HLS need FFmpeg; without one only the rosters are there, the first also as a file in `folder`.
    """
    buckets = stores.settings.r2
    if stores.r2.head(buckets.excel_bucket, ROSTER_KEY) is None:
        roster = sample_jobs.roster()
        stores.r2.put(buckets.excel_bucket, ROSTER_KEY, roster)
        stores.r2.put(buckets.excel_bucket, TWO_PHONES_KEY, sample_jobs.two_phones())
        (folder / ROSTER_FILE).write_bytes(roster)
    rows = stores.db.query(_SAMPLE_VIDEOS)
    absent = [row for row in rows if stores.r2.head(buckets.video_bucket, row["file_key"]) is None]
    if ffmpeg is None or not absent:
        return
    clip, published = sample_media.make(Path(ffmpeg), folder)
    for row in absent:
        # A failed one that is tried again fails again: its upload was cut off.
        whole = clip.read_bytes()
        stores.r2.put(buckets.video_bucket, row["file_key"], whole[:600] if row["status"] == "FAILED" else whole)
        if row["status"] == "READY":
            prefix = keys.hls_folder(row["tenant_id"], row["id"])
            for name, path in published.items():
                stores.r2.put(buckets.video_bucket, prefix + name, path)


def make_tenant(cursor: Cursor, *, code: str, name: str = "학원") -> int:
    return insert(
        cursor,
        "core_tenant",
        name=name,
        code=code,
        owner_name="김원장",
        phone="02-000-0000",
        address="서울",
        logo="",
        is_active=True,
        kakao_pfid="",
        credit_balance=10000,
        messaging_is_active=True,
        messaging_base_price="8.50",
        messaging_sender="0212345678",
    )


def make_lecture(cursor: Cursor, tenant_id: int, *, title: str = "강의") -> int:
    now = datetime.now(UTC)
    return insert(
        cursor,
        "lectures_lecture",
        created_at=now,
        updated_at=now,
        title=title,
        name=title,
        subject="수학",
        description="",
        start_date=date(2026, 3, 2),
        lecture_time="",
        color="#3b82f6",
        chip_label="",
        is_active=True,
        tenant_id=tenant_id,
    )


def make_session(cursor: Cursor, lecture_id: int, *, order: int = 1) -> int:
    now = datetime.now(UTC)
    return insert(
        cursor,
        "lectures_session",
        created_at=now,
        updated_at=now,
        order=order,
        title=f"{order}차시",
        date=date(2026, 3, 2) + timedelta(days=7 * (order - 1)),
        lecture_id=lecture_id,
    )


def insert_video(cursor: Cursor, session_id: int, tenant_id: int, *, status: str, order: int = 1, **values: Any) -> int:
    """A video row of any state, its columns as the platform leaves them in that state."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "created_at": now,
        "updated_at": now,
        "title": f"{order}강",
        "order": order,
        "thumbnail": "",
        "status": status,
        "file_key": keys.raw_key(tenant_id, session_id, f"sample-{status.lower()}.mp4"),
        "allow_skip": False,
        "max_speed": 1.0,
        "show_watermark": True,
        "policy_version": 1,
        "error_reason": "",
        "hls_path": "",
        "leased_by": "",
        "session_id": session_id,
    }
    if status == "PROCESSING":
        row["processing_started_at"] = now - timedelta(hours=2)
    if status == "FAILED":
        row["error_reason"] = "duration_probe_failed"
    if status == "READY":
        row["duration"] = sample_media.SECONDS
    video_id = insert(cursor, "video_video", **(row | values))
    if status == "READY" and "hls_path" not in values:
        cursor.execute(
            "UPDATE video_video SET hls_path = %s WHERE id = %s", (keys.hls_master(tenant_id, video_id), video_id)
        )
    return video_id


def make_student(
    cursor: Cursor, tenant_id: int, index: int, name: str, lecture_id: int, sessions: tuple[int, ...]
) -> int:
    """A student with parent, accounts, memberships and enrolment, as the platform's registration leaves them."""
    now, phone = datetime.now(UTC), f"0100000{index:04d}"
    number = f"A{10000 + index}"
    parent_user = _user(cursor, f"p_{tenant_id}_{phone}", f"{name} 학부모", phone, None)
    parent = insert(
        cursor,
        "parents_parent",
        created_at=now,
        updated_at=now,
        name=f"{name} 학부모",
        phone=phone,
        tenant_id=tenant_id,
        user_id=parent_user,
    )
    user = _user(cursor, f"t{tenant_id}_{number}", name, "", tenant_id)
    for member, role in ((parent_user, "parent"), (user, "student")):
        insert(
            cursor,
            "core_tenantmembership",
            role=role,
            is_active=True,
            joined_at=now,
            tenant_id=tenant_id,
            user_id=member,
        )
    student = insert(
        cursor,
        "students_student",
        created_at=now,
        updated_at=now,
        ps_number=number,
        omr_code=phone[-8:],
        name=name,
        gender="MF"[index % 2],
        grade=2,
        school_type="HIGH",
        parent_phone=phone,
        uses_identifier=True,
        high_school="데모고등학교",
        is_managed=True,
        profile_photo="",
        parent_id=parent,
        tenant_id=tenant_id,
        user_id=user,
    )
    enrollment = insert(
        cursor,
        "enrollment_enrollment",
        created_at=now,
        updated_at=now,
        status="ACTIVE",
        enrolled_at=now,
        lecture_id=lecture_id,
        student_id=student,
        tenant_id=tenant_id,
    )
    for session_id in sessions:
        insert(
            cursor,
            "enrollment_sessionenrollment",
            created_at=now,
            enrollment_id=enrollment,
            session_id=session_id,
            tenant_id=tenant_id,
        )
        insert(
            cursor,
            "attendance_attendance",
            status="PRESENT",
            memo="",
            recorded_at=now,
            enrollment_id=enrollment,
            session_id=session_id,
            tenant_id=tenant_id,
        )
    return student


def insert(cursor: Cursor, table: str, **values: Any) -> int:
    """One row; names come from this module's own code, never from outside."""
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f"%({name})s" for name in values)
    row: Row | None = cursor.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING id",  # noqa: S608
        values,
    ).fetchone()
    assert row is not None
    return int(row["id"])


def _user(cursor: Cursor, username: str, name: str, phone: str, tenant_id: int | None) -> int:
    return insert(
        cursor,
        "accounts_user",
        password=UNUSABLE,
        is_superuser=False,
        username=username,
        first_name="",
        last_name="",
        email="",
        is_staff=False,
        is_active=True,
        date_joined=datetime.now(UTC),
        name=name,
        phone=phone,
        tenant_id=tenant_id,
    )

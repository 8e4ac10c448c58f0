"""What an import leaves in the platform's tables, column by column (contract 5.5)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password

from academyctl.passwords import hash_password
from tests.enrolment.academy import PASSWORD, Academy, Pupil, count

TIMES = ("created_at", "updated_at", "date_joined", "joined_at", "enrolled_at", "recorded_at")
HANEUL = Pupil(
    "김하늘", "01011112222", "01033334444", "한빛고등학교", 2, "HIGH", "F", "3반", "이과", "늦게 옴"
)  # fmt: skip


def one(academy: Academy, table: str, where: str = "true") -> dict[str, Any]:
    """The only such row, without its times (which must be there) and its own id."""
    rows = academy.db.query(f"SELECT * FROM {table} WHERE {where}")
    assert len(rows) == 1
    assert all(rows[0][column] is not None for column in TIMES if column in rows[0])
    return {name: value for name, value in rows[0].items() if name not in TIMES and name != "id"}


def test_a_password_is_one_that_django_verifies() -> None:
    if not settings.configured:
        settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"])
    hashed = hash_password("비밀 pass'1", iterations=1234)
    assert re.fullmatch(r"pbkdf2_sha256\$1234\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{43}=", hashed)
    assert check_password("비밀 pass'1", hashed)
    assert not check_password("비밀 pass'2", hashed)
    assert hashed != hash_password("비밀 pass'1", iterations=1234)


def test_a_new_student_has_account_parent_memberships_enrolment_and_attendance(academy: Academy) -> None:
    enrolled = academy.take(HANEUL)
    tenant, lecture = academy.tenant_id, academy.lecture_id
    student = one(academy, "students_student")
    number = student["ps_number"]
    assert re.fullmatch(r"[A-Z]\d{5}", number)
    account = one(academy, "accounts_user", f"username = 't{tenant}_{number}'")
    password = account.pop("password")
    assert check_password(PASSWORD, password)
    plain = {"first_name": "", "last_name": "", "email": "", "last_login": None, "is_staff": False}
    active = {"is_superuser": False, "is_active": True}
    assert account == {
        **plain, **active, "username": f"t{tenant}_{number}", "name": "김하늘", "phone": "01033334444",
        "tenant_id": tenant,
    }  # fmt: skip
    assert one(academy, "accounts_user", "starts_with(username, 'p')") == {
        **plain, **active, "username": f"p_{tenant}_01011112222", "name": "김하늘 학부모", "phone": "01011112222",
        "tenant_id": None, "password": password,
    }  # fmt: skip
    parent = one(academy, "parents_parent")
    parent_user = academy.db.query("SELECT id FROM accounts_user WHERE starts_with(username, 'p')")[0]["id"]
    assert parent == {
        "name": "김하늘 학부모", "phone": "01011112222", "email": None, "memo": None, "tenant_id": tenant,
        "user_id": parent_user,
    }  # fmt: skip
    assert student == {
        "ps_number": number, "omr_code": "33334444", "name": "김하늘", "gender": "F", "grade": 2, "school_type": "HIGH",
        "phone": "01033334444", "parent_phone": "01011112222", "uses_identifier": False,
        "high_school": "한빛고등학교", "high_school_class": "3반", "major": "이과", "middle_school": None,
        "memo": "늦게 옴", "is_managed": True, "profile_photo": "", "deleted_at": None, "tenant_id": tenant,
        "parent_id": academy.db.query("SELECT id FROM parents_parent")[0]["id"], "user_id": student["user_id"],
    }  # fmt: skip
    for role, user in (("student", student["user_id"]), ("parent", parent_user)):
        member = {"role": role, "is_active": True, "tenant_id": tenant, "user_id": user}
        assert one(academy, "core_tenantmembership", f"role = '{role}'") == member
    session = one(academy, "lectures_session")
    assert session == {"order": 1, "title": "1차시", "date": date(2026, 3, 2), "lecture_id": lecture}
    assert one(academy, "enrollment_enrollment") == {
        "status": "ACTIVE", "lecture_id": lecture, "student_id": academy.student()["id"], "tenant_id": tenant,
    }  # fmt: skip
    links = {
        "enrollment_id": academy.db.query("SELECT id FROM enrollment_enrollment")[0]["id"],
        "session_id": enrolled.session_id,
        "tenant_id": tenant,
    }
    assert one(academy, "enrollment_sessionenrollment") == links
    assert one(academy, "attendance_attendance") == {**links, "status": "PRESENT", "memo": ""}


def test_the_document_begins_with_the_contracts_keys(academy: Academy) -> None:
    document = academy.take(HANEUL, HANEUL).document
    assert list(document)[:3] == ["enrolled_count", "created_students_count", "session_id"]
    assert document["enrolled_count"] == document["created_students_count"] == 1
    assert document["processed_by"] == "worker"
    assert document["counts"] == {
        "read": 2, "created": 1, "restored": 0, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 0,
    }  # fmt: skip
    assert document["skipped"] == [{"sheet": "1반", "row": 3, "why": "duplicate", "first_row": 2}]


def test_without_a_lecture_only_students_are_made(academy: Academy) -> None:
    enrolled = academy.take(HANEUL, lecture_id=None)
    assert (enrolled.created, enrolled.joining, enrolled.session_id) == (1, 0, None)
    assert count(academy.db, "students_student") == 1
    for table in ("lectures_session", "enrollment_enrollment", "attendance_attendance"):
        assert count(academy.db, table) == 0
    again = academy.take(HANEUL, lecture_id=None)
    assert (again.created, again.unchanged) == (0, 1)
    assert {"created": 0, "failed": [], "total": 1}.items() <= again.document.items()


def test_a_middle_school_student_has_no_high_school_fields(academy: Academy) -> None:
    academy.take(Pupil(school="고척중", school_type="MIDDLE", school_class="2반", major="문과"))
    student = academy.student()
    assert (student["school_type"], student["middle_school"]) == ("MIDDLE", "고척중")
    assert [student[name] for name in ("high_school", "high_school_class", "major")] == [None, None, None]


def test_the_kind_of_a_school_is_read_from_its_end_when_nothing_else_says_it(academy: Academy) -> None:
    academy.take(Pupil("가나다", school="고척중"), Pupil("라마바", school="중앙고"), Pupil("사아자"))
    kinds = [academy.student(name)["school_type"] for name in ("가나다", "라마바", "사아자")]
    assert kinds == ["MIDDLE", "HIGH", "HIGH"]


def test_a_student_without_a_phone_is_told_by_the_parents(academy: Academy) -> None:
    academy.take(Pupil())
    student = academy.student()
    assert (student["phone"], student["omr_code"], student["uses_identifier"]) == (None, "11112222", True)
    account = academy.db.query("SELECT phone FROM accounts_user WHERE id = %s", (student["user_id"],))[0]
    assert account["phone"] == ""


def test_under_the_first_rule_the_username_is_the_bare_number_of_no_tenant(academy: Academy) -> None:
    academy.take(Pupil(), username_rule="S1")
    student = academy.student()
    account = academy.db.query("SELECT * FROM accounts_user WHERE id = %s", (student["user_id"],))[0]
    assert (account["username"], account["tenant_id"]) == (student["ps_number"], None)


def test_siblings_share_their_parent(academy: Academy) -> None:
    academy.take(Pupil("김하늘"), Pupil("김바다"))
    assert academy.student("김하늘")["parent_id"] == academy.student("김바다")["parent_id"]
    assert [count(academy.db, table) for table in ("parents_parent", "accounts_user", "core_tenantmembership")] == [
        1, 3, 3,
    ]  # fmt: skip
    assert academy.db.query("SELECT name FROM parents_parent")[0]["name"] == "김하늘 학부모"


def test_the_given_session_is_used_and_none_is_made(academy: Academy) -> None:
    from academyctl.local import sample

    with academy.db.tx() as cursor:
        session_id = sample.make_session(cursor, academy.lecture_id, order=4)
    assert academy.take(HANEUL, session_id=session_id).session_id == session_id
    assert count(academy.db, "lectures_session") == 1


def test_the_first_session_is_found_when_it_is_there(academy: Academy) -> None:
    first = academy.take(HANEUL).session_id
    assert academy.take(Pupil("김바다")).session_id == first
    assert count(academy.db, "lectures_session") == 1

"""Who a row is: somebody active, somebody who left and comes back, or somebody new (contract 5.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from academyctl.local import sample
from academyctl.stores.postgres import Postgres
from tests.enrolment.academy import Academy, Pupil, books, count, hashes, make_academy

HANEUL = Pupil("김하늘", "01011112222", "01033334444", "한빛고등학교", 2, "HIGH", "F", "3반", "이과", "메모")


def leave(academy: Academy) -> None:
    """What the platform does when a student is removed."""
    academy.change("UPDATE students_student SET deleted_at = now()")
    academy.change("UPDATE core_tenantmembership SET is_active = false WHERE role = 'student'")


def test_an_active_student_is_reused_unchanged_however_the_row_differs(academy: Academy) -> None:
    academy.take(HANEUL)
    before = hashes(academy.db)
    other = Pupil("김하늘", "01011112222", "01099998888", "다른고", 3, "HIGH", "M", "1반", "문과", "딴 메모")
    assert books(academy.take(other)) == (0, 0, 0, 1)
    assert hashes(academy.db) == before


def test_a_name_matches_in_any_case(academy: Academy) -> None:
    academy.take(Pupil("Kim Lee"))
    assert books(academy.take(Pupil("KIM lee"))) == (0, 0, 0, 1)


def test_the_first_of_two_rows_that_differ_in_case_wins(academy: Academy) -> None:
    enrolled = academy.take(Pupil("Kim", memo="first"), Pupil("KIM", memo="second"))
    assert (enrolled.staged, enrolled.rows, books(enrolled)) == (2, 1, (1, 0, 0, 0))
    assert [(again.row, again.first_row) for again in enrolled.repeated] == [(3, 2)]
    assert academy.student("Kim")["memo"] == "first"


def test_the_same_name_with_another_parent_phone_is_another_student(academy: Academy) -> None:
    academy.take(HANEUL)
    assert books(academy.take(Pupil("김하늘", "01077778888"))) == (1, 0, 0, 0)
    assert count(academy.db, "students_student") == 2


def test_who_left_is_restored_with_what_is_given(academy: Academy) -> None:
    academy.take(HANEUL)
    before = academy.student()
    leave(academy)
    back = Pupil("김하늘", "01011112222", "01055556666", "새빛고", 3, "HIGH", "M", "1반", None, "다시 옴")
    assert books(academy.take(back)) == (0, 1, 0, 0)
    after = academy.student()
    changed = {name: after[name] for name in after if after[name] != before[name] and name != "updated_at"}
    assert changed == {
        "phone": "01055556666", "high_school": "새빛고", "grade": 3, "gender": "M", "high_school_class": "1반",
        "memo": "다시 옴",
    }  # fmt: skip
    assert after["updated_at"] > before["updated_at"]
    assert academy.db.query("SELECT bool_and(is_active) AS yes FROM core_tenantmembership")[0]["yes"]


def test_who_left_keeps_what_the_row_does_not_say(academy: Academy) -> None:
    academy.take(HANEUL)
    before = academy.student()
    leave(academy)
    academy.take(Pupil("김하늘", "01011112222"))
    after = academy.student()
    assert {name for name in after if after[name] != before[name]} == {"updated_at"}


def test_who_left_may_come_back_to_another_kind_of_school(academy: Academy) -> None:
    academy.take(HANEUL)
    leave(academy)
    academy.take(Pupil("김하늘", "01011112222", school="고척중", school_type="MIDDLE"))
    student = academy.student()
    fields = ("school_type", "middle_school", "high_school", "high_school_class", "major")
    assert [student[name] for name in fields] == ["MIDDLE", "고척중", None, None, None]


def test_of_one_active_and_one_who_left_the_active_is_meant(academy: Academy) -> None:
    academy.take(HANEUL)
    leave(academy)
    number = academy.student()["ps_number"]
    with academy.db.tx() as cursor:
        active = sample.make_student(cursor, academy.tenant_id, 1, "김하늘", academy.lecture_id, ())
        cursor.execute("UPDATE students_student SET parent_phone = '01011112222' WHERE id = %s", (active,))
    assert books(academy.take(HANEUL)) == (0, 0, 1, 0)
    gone = academy.db.query("SELECT ps_number FROM students_student WHERE deleted_at IS NOT NULL")
    assert [row["ps_number"] for row in gone] == [number]


def test_a_membership_that_is_missing_is_made_again(academy: Academy) -> None:
    academy.take(HANEUL)
    leave(academy)
    academy.change("DELETE FROM core_tenantmembership WHERE role = 'student'")
    academy.take(HANEUL)
    assert count(academy.db, "core_tenantmembership") == 2


def test_an_existing_parent_keeps_account_and_password(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE accounts_user SET password = 'theirs' WHERE starts_with(username, 'p')")
    academy.take(Pupil("김바다", "01011112222"))
    assert academy.student("김바다")["parent_id"] == academy.student("김하늘")["parent_id"]
    users = academy.db.query("SELECT password FROM accounts_user WHERE starts_with(username, 'p')")
    assert [row["password"] for row in users] == ["theirs"]


def test_a_parents_account_without_its_parent_row_is_used(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE students_student SET parent_id = NULL")
    academy.change("DELETE FROM parents_parent")
    academy.take(Pupil("김바다", "01011112222"))
    parent = academy.db.query("SELECT u.username FROM parents_parent p JOIN accounts_user u ON u.id = p.user_id")
    assert [row["username"] for row in parent] == [f"p_{academy.tenant_id}_01011112222"]


def test_a_parent_without_account_gets_one(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE parents_parent SET user_id = NULL")
    academy.change("DELETE FROM core_tenantmembership WHERE role = 'parent'")
    academy.change("DELETE FROM accounts_user WHERE starts_with(username, 'p')")
    academy.take(Pupil("김바다", "01011112222"))
    found = academy.db.query(
        "SELECT u.username, m.role FROM parents_parent p JOIN accounts_user u ON u.id = p.user_id "
        "JOIN core_tenantmembership m ON m.user_id = u.id"
    )
    assert [(row["username"], row["role"]) for row in found] == [(f"p_{academy.tenant_id}_01011112222", "parent")]


def test_an_account_that_another_parent_has_by_now_is_left_to_him(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE parents_parent SET phone = '01012121212'")
    enrolled = academy.take(Pupil("김바다", "01011112222"))
    assert [(note.code, note.row) for note in enrolled.notes] == [("parent-account-taken", 2)]
    parents = academy.db.query("SELECT phone, user_id IS NULL AS bare FROM parents_parent ORDER BY phone")
    assert [(row["phone"], row["bare"]) for row in parents] == [("01011112222", True), ("01012121212", False)]
    assert academy.student("김바다")["parent_id"] is not None


def test_an_inactive_parent_account_stays_inactive_and_is_told_of(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE accounts_user SET is_active = false WHERE starts_with(username, 'p')")
    academy.change("UPDATE core_tenantmembership SET is_active = false WHERE role = 'parent'")
    enrolled = academy.take(Pupil("김바다", "01011112222"))
    assert [note.code for note in enrolled.notes] == ["parent-account-inactive"]
    row = academy.db.query(
        "SELECT u.is_active AS account, m.is_active AS member FROM accounts_user u "
        "JOIN core_tenantmembership m ON m.user_id = u.id WHERE m.role = 'parent'"
    )[0]
    assert (row["account"], row["member"]) == (False, True)


def test_a_teacher_who_left_and_is_a_parent_does_not_become_a_teacher_again(academy: Academy) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE core_tenantmembership SET role = 'teacher', is_active = false WHERE role = 'parent'")
    academy.take(Pupil("김바다", "01011112222"))
    assert academy.db.query("SELECT is_active FROM core_tenantmembership WHERE role = 'teacher'") == [
        {"is_active": False}
    ]


@pytest.mark.parametrize("status", ["INACTIVE", "PENDING"])
def test_an_enrolment_that_sleeps_is_woken(academy: Academy, status: str) -> None:
    academy.take(HANEUL)
    academy.change("UPDATE enrollment_enrollment SET status = %s", status)
    enrolled = academy.take(HANEUL)
    assert (books(enrolled), enrolled.joining) == ((0, 0, 1, 0), 1)
    rows = academy.db.query("SELECT status, updated_at > enrolled_at AS later FROM enrollment_enrollment")
    assert rows == [{"status": "ACTIVE", "later": True}]


def test_what_is_missing_of_an_enrolment_is_added_and_an_attendance_is_never_overwritten(academy: Academy) -> None:
    academy.take(HANEUL, Pupil("김바다"))
    academy.change("UPDATE attendance_attendance SET status = 'ABSENT', memo = '감기' WHERE id = 1")
    academy.change("DELETE FROM attendance_attendance WHERE id = 2")
    academy.change("DELETE FROM enrollment_sessionenrollment WHERE id = 1")
    assert books(academy.take(HANEUL, Pupil("김바다"))) == (0, 0, 2, 0)
    rows = academy.db.query("SELECT status, memo FROM attendance_attendance ORDER BY id")
    assert [(row["status"], row["memo"]) for row in rows] == [("ABSENT", "감기"), ("PRESENT", "")]
    assert count(academy.db, "enrollment_sessionenrollment") == 2


def test_two_academies_with_the_same_names_do_not_meet(academy: Academy, db: Postgres, tmp_path: Path) -> None:
    other = make_academy(db, tmp_path / "other", "other")
    academy.take(HANEUL)
    assert books(other.take(HANEUL)) == (1, 0, 0, 0)
    before = hashes(db)
    assert other.student()["phone"] == "01033334444"
    assert books(academy.take(HANEUL)) == books(other.take(HANEUL)) == (0, 0, 0, 1)
    assert hashes(db) == before

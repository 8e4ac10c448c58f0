"""A student's phone belongs to one account of an academy; a child may share the own parent's."""

from __future__ import annotations

from pathlib import Path

from academyctl.stores.postgres import Postgres
from tests.enrolment.academy import Academy, Pupil, books, make_academy, make_user

PHONE = "01033334444"


def codes(enrolled: object) -> list[tuple[int, str]]:
    return [(note.row, note.code) for note in enrolled.notes]  # type: ignore[attr-defined]


def told(academy: Academy, name: str) -> tuple[str | None, bool, str]:
    student = academy.student(name)
    return student["phone"], student["uses_identifier"], student["omr_code"]


def test_a_phone_in_use_is_left_out_and_told_of(academy: Academy) -> None:
    academy.take(Pupil("김하늘", "01011110000", PHONE))
    enrolled = academy.take(Pupil("김바다", "01022220000", PHONE))
    assert codes(enrolled) == [(2, "student-phone-in-use")]
    assert books(enrolled) == (1, 0, 0, 0)
    assert told(academy, "김바다") == (None, True, "22220000")


def test_of_two_new_students_with_one_phone_the_first_gets_it(academy: Academy) -> None:
    enrolled = academy.take(Pupil("김하늘", "01011110000", PHONE), Pupil("김바다", "01022220000", PHONE))
    assert codes(enrolled) == [(3, "student-phone-in-use")]
    assert told(academy, "김하늘") == (PHONE, False, "33334444")


def test_another_students_parents_phone_is_in_use_whichever_row_comes_first(academy: Academy) -> None:
    rows = (Pupil("김하늘", "01011110000", PHONE), Pupil("김바다", PHONE))
    assert codes(academy.take(*rows)) == [(2, "student-phone-in-use")]
    assert codes(academy.take(*rows)) == []
    assert codes(academy.take(Pupil("김나무", "01055550000", PHONE))) == [(2, "student-phone-in-use")]


def test_children_may_share_their_parents_phone(academy: Academy) -> None:
    rows = [Pupil(name, PHONE, PHONE) for name in ("김하늘", "김바다")]
    assert codes(academy.take(*rows)) == []
    assert codes(academy.take(Pupil("김나무", PHONE, PHONE))) == []
    assert [told(academy, name)[0] for name in ("김하늘", "김바다", "김나무")] == [PHONE] * 3


def test_a_phone_of_another_academy_is_in_use_under_the_first_rule_only(academy: Academy, tmp_path: Path) -> None:
    other = make_academy(academy.db, tmp_path / "other", "other")
    other.take(Pupil("최지호", "01099990000", PHONE))
    assert codes(academy.take(Pupil("김하늘", "01011110000", PHONE))) == []
    assert codes(academy.take(Pupil("김바다", "01022220000", PHONE), username_rule="S1")) == [
        (2, "student-phone-in-use")
    ]
    assert other.student("최지호")["phone"] == PHONE


def test_a_member_without_a_tenant_of_its_own_uses_a_phone(academy: Academy, db: Postgres) -> None:
    user = make_user(db, "teacher", phone=PHONE)
    db.execute(
        "INSERT INTO core_tenantmembership (role, is_active, joined_at, tenant_id, user_id) "
        "VALUES ('teacher', true, now(), %s, %s)",
        (academy.tenant_id, user),
    )
    assert codes(academy.take(Pupil(student_phone=PHONE))) == [(2, "student-phone-in-use")]


def test_a_phone_of_nobody_who_is_active_is_free(academy: Academy, db: Postgres) -> None:
    make_user(db, "blocked", phone=PHONE, tenant_id=academy.tenant_id, active=False)
    make_user(db, "stranger", phone="01033335555")
    academy.take(Pupil("최지호", "01099990000", "01033336666"))
    academy.change("UPDATE students_student SET deleted_at = now()")
    rows = [Pupil(f"김하늘{end}", f"0101111000{end}", f"0103333{end}{end}{end}{end}") for end in (4, 5, 6)]
    enrolled = academy.take(*rows)
    assert (codes(enrolled), books(enrolled)) == ([], (3, 0, 0, 0))


def test_who_comes_back_keeps_the_old_phone_when_the_new_one_is_in_use(academy: Academy) -> None:
    academy.take(Pupil("최지호", "01099990000", PHONE), Pupil("김하늘", "01011110000", "01033335555"))
    academy.change("UPDATE students_student SET deleted_at = now() WHERE name = '김하늘'")
    enrolled = academy.take(Pupil("김하늘", "01011110000", PHONE))
    assert (codes(enrolled), books(enrolled)) == ([(2, "student-phone-in-use")], (0, 1, 0, 0))
    assert told(academy, "김하늘") == ("01033335555", False, "33335555")


def test_who_comes_back_with_the_old_phone_is_no_stranger_to_it(academy: Academy) -> None:
    academy.take(Pupil("김하늘", "01011110000", PHONE))
    academy.change("UPDATE students_student SET deleted_at = now()")
    assert codes(academy.take(Pupil("김하늘", "01011110000", PHONE))) == []


def test_a_row_of_somebody_known_takes_no_phone_from_others(academy: Academy) -> None:
    academy.take(Pupil("김하늘", "01011110000"))
    enrolled = academy.take(Pupil("김하늘", "01011110000", PHONE), Pupil("김바다", "01022220000", PHONE))
    assert (codes(enrolled), told(academy, "김바다")[0]) == ([], PHONE)


def test_a_warning_in_the_document_names_the_cell_and_hides_the_number(academy: Academy) -> None:
    academy.take(Pupil("김하늘", "01011110000", PHONE))
    warning = academy.take(Pupil("김바다", "01022220000", PHONE)).document["warnings"][0]
    assert (warning["sheet"], warning["cell"], warning["row"]) == ("1반", "C2", 2)
    assert warning["code"] == "student-phone-in-use"
    assert PHONE not in str(warning)

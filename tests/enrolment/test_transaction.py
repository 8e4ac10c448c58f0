"""All of a roster or nothing of it: dry runs, repeats, two at once, and whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from academyctl.enrolment import Enrolled, EnrolmentRefused, enrol
from academyctl.errors import Busy, DatabaseAway, LeaseLost, Stopping, WorkFailed
from academyctl.stores import students
from academyctl.stores.postgres import Postgres
from tests.enrolment.academy import Academy, Pupil, books, count, hashes, make_academy, pupils

FEW = pupils(6)
ENROL = """
INSERT INTO enrollment_enrollment (created_at, updated_at, status, enrolled_at, lecture_id, student_id, tenant_id)
SELECT now(), now(), 'ACTIVE', now(), %s, id, tenant_id FROM students_student
"""
_BACKEND = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
"""


def told(enrolled: Enrolled) -> dict[str, Any]:
    return {name: value for name, value in vars(enrolled).items() if name not in ("statements", "session_id")} | {
        "document": {name: value for name, value in enrolled.document.items() if name != "session_id"}
    }


def test_a_dry_run_says_what_the_real_one_does_and_changes_nothing(academy: Academy) -> None:
    academy.take(*FEW[:2])
    academy.change("UPDATE students_student SET deleted_at = now() WHERE id = 1")
    before = hashes(academy.db)
    rows = [*FEW, Pupil("김하늘", "01099990000", FEW[0].student_phone)]
    dry = academy.take(*rows, dry_run=True)
    assert hashes(academy.db) == before
    real = academy.take(*rows)
    assert told(dry) == told(real)
    assert dry.statements == real.statements
    assert books(real) == (5, 1, 0, 1)


def test_a_file_imported_again_changes_nothing(academy: Academy) -> None:
    assert books(academy.take(*FEW)) == (6, 0, 0, 0)
    before = hashes(academy.db)
    again = academy.take(*FEW)
    assert (books(again), again.document["enrolled_count"]) == ((0, 0, 0, 6), 6)
    assert hashes(academy.db) == before


def test_two_imports_of_one_file_at_once_make_nobody_twice(academy: Academy) -> None:
    requests = [academy.request(pupils(60)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda request: enrol(academy.db, request), requests)
    assert sorted([books(first), books(second)]) == [(0, 0, 0, 60), (60, 0, 0, 0)]
    assert count(academy.db, "students_student") == count(academy.db, "attendance_attendance") == 60
    assert count(academy.db, "lectures_session") == 1


def test_a_finish_that_raises_takes_everything_back(academy: Academy) -> None:
    before = hashes(academy.db)

    def lost(cursor: Any, document: Any) -> None:
        assert document["created_students_count"] == len(FEW)
        raise LeaseLost("job 1 has another owner")

    with pytest.raises(LeaseLost):
        academy.take(*FEW, finish=lost)
    assert hashes(academy.db) == before


def test_progress_only_grows_and_stays_below_the_whole(academy: Academy) -> None:
    shares: list[float] = []
    enrol(academy.db, academy.request(FEW), progress=shares.append)
    assert len(shares) > 8
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] < 1


def test_what_finish_writes_is_committed_with_the_students_or_not_at_all(academy: Academy) -> None:
    def rename(cursor: Any, document: Any) -> None:
        cursor.execute("UPDATE core_tenant SET name = %s", (f"{document['enrolled_count']}명",))

    academy.take(*FEW, finish=rename, dry_run=True)
    assert academy.db.query("SELECT name FROM core_tenant")[0]["name"] == "학원"
    academy.take(*FEW, finish=rename)
    assert academy.db.query("SELECT name FROM core_tenant")[0]["name"] == "6명"


def at_call(number: int, act: Callable[[], None]) -> Callable[[], None]:
    """A `check` that acts when it is called for the n-th time."""
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            act()

    return check


def once_resolved(act: Callable[[], None]) -> Callable[[float], None]:
    """A `progress` that acts each time when it has just been decided who is new."""
    told: list[float] = []

    def progress(share: float) -> None:
        told.append(share)
        if told[-2:] == [0.02, 0.06]:
            act()

    return progress


def checks_of(academy: Academy) -> int:
    """How often `check` is called in one import of FEW."""
    calls: list[int] = []
    enrol(academy.db, academy.request(FEW, dry_run=True), check=lambda: calls.append(1))
    return len(calls)


def test_a_stop_between_any_two_statements_leaves_nothing(academy: Academy) -> None:
    before, request = hashes(academy.db), academy.request(FEW)
    total = checks_of(academy)
    assert total > 15

    def stop() -> None:
        raise Stopping("SIGTERM")

    for number in range(1, total + 1):
        with pytest.raises(Stopping):
            enrol(academy.db, request, check=at_call(number, stop))
    assert hashes(academy.db) == before


def test_a_connection_that_dies_before_any_statement_leaves_nothing(academy: Academy) -> None:
    before, request = hashes(academy.db), academy.request(FEW)

    def kill() -> None:
        assert academy.db.query(f"SELECT pg_terminate_backend(pid) FROM ({_BACKEND}) AS ours")

    for number in range(1, checks_of(academy) + 1):
        with pytest.raises(DatabaseAway) as caught:
            enrol(academy.db, request, check=at_call(number, kill))
        assert caught.value.cause == "unreachable"
    assert hashes(academy.db) == before
    assert books(enrol(academy.db, request)) == (6, 0, 0, 0)


def test_a_change_by_the_platform_in_between_makes_the_import_run_once_more(academy: Academy) -> None:
    """The API enrols a pupil whom we resolved as absent from the class."""
    academy.take(FEW[0], lecture_id=None)
    request = academy.request(FEW)

    changes = iter((ENROL,))

    def api() -> None:
        for change in changes:
            academy.change(change, academy.lecture_id)

    assert books(enrol(academy.db, request, progress=once_resolved(api))) == (5, 0, 1, 0)
    assert count(academy.db, "enrollment_enrollment") == count(academy.db, "attendance_attendance") == 6


def test_a_lock_that_is_held_is_waited_for_and_then_given_up(academy: Academy) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with academy.db.tx() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (students.LOCK_KIND, academy.tenant_id))
            held.set()
            over.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    with pytest.raises(Busy) as caught:
        academy.take(*FEW, seconds_left=0.1)
    over.set()
    holder.join()
    assert caught.value.after > 0
    assert count(academy.db, "students_student") == 0


def test_a_row_that_the_tables_refuse_is_no_outage(academy: Academy) -> None:
    """An outage is waited for; this would be waited for in vain."""
    before = hashes(academy.db)
    with pytest.raises(WorkFailed, match="refused a row") as caught:
        academy.take(*FEW, Pupil("가" * 51))
    assert "too long" in caught.value.why
    assert hashes(academy.db) == before


def test_a_conflict_that_comes_again_is_a_failure_and_no_outage(academy: Academy) -> None:
    academy.take(FEW[0], lecture_id=None)
    changes = iter((ENROL, "DELETE FROM enrollment_enrollment WHERE lecture_id = %s"))
    with pytest.raises(WorkFailed, match="twice"):
        enrol(
            academy.db,
            academy.request(FEW),
            progress=once_resolved(lambda: academy.change(next(changes), academy.lecture_id)),
        )
    assert count(academy.db, "students_student") == 1


def test_another_academys_import_is_not_waited_for(academy: Academy, db: Postgres, tmp_path: Path) -> None:
    other = make_academy(db, tmp_path / "other", "other")

    def finish(_cursor: Any, _document: Any) -> None:
        assert books(other.take(*FEW)) == (6, 0, 0, 0)

    assert books(academy.take(*FEW, finish=finish)) == (6, 0, 0, 0)


def test_a_request_that_can_never_succeed_is_refused_with_the_contracts_words(academy: Academy) -> None:
    before = hashes(academy.db)
    with pytest.raises(EnrolmentRefused) as session:
        academy.take(*FEW, session_id=99)
    other = make_academy(academy.db, academy.folder / "other", "other")
    for changes, reason in (
        ({"tenant_id": 99}, "tenant_id not found"),
        ({"lecture_id": other.lecture_id}, "해당 학원의 강의가 아닙니다."),
        ({"lecture_id": 99}, "해당 학원의 강의가 아닙니다."),
        ({"initial_password": "123"}, "initial_password는 4자 이상이어야 합니다."),
    ):
        with pytest.raises(EnrolmentRefused) as caught:
            academy.take(*FEW, **changes)
        assert caught.value.reason == reason
    with pytest.raises(EnrolmentRefused, match="no row"):
        academy.take()
    assert session.value.reason == "해당 차시가 이 강의의 차시가 아닙니다."
    academy.change("DELETE FROM lectures_lecture WHERE tenant_id = %s", other.tenant_id)
    academy.change("DELETE FROM core_tenant WHERE id = %s", other.tenant_id)
    assert hashes(academy.db) == before


def test_books_that_do_not_balance_are_a_bug_and_change_nothing(academy: Academy) -> None:
    before, request = hashes(academy.db), academy.request(FEW)
    for wrong in ({"good": 7}, {"read": 7}):
        counts = {**request.reading.counts, **wrong}
        with pytest.raises(RuntimeError):
            enrol(academy.db, replace(request, reading=replace(request.reading, counts=counts)))
    assert hashes(academy.db) == before


def test_student_numbers_are_found_while_one_is_free_and_their_end_is_said(academy: Academy) -> None:
    wanted = students.Wanted(academy.tenant_id, None, None, academy.request(pupils(8)).spool, "x", number_space=20)
    for expected in (8, 16):
        with academy.db.tx() as cursor:
            script, _ = students.begin(cursor, wanted)
            students.enrol(script, wanted, None)
        assert count(academy.db, "students_student") == expected
        academy.db.execute("UPDATE students_student SET name = 'x' || id WHERE NOT starts_with(name, 'x')")
    with pytest.raises(WorkFailed, match="4 student numbers left for 8"), academy.db.tx() as cursor:
        script, _ = students.begin(cursor, wanted)
        students.enrol(script, wanted, None)

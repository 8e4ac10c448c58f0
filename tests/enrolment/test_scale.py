"""The number of statements does not depend on the number of rows, nor does a text's content on the way it travels."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from academyctl.enrolment import enrol
from academyctl.stores import Stores
from academyctl.stores.postgres import Postgres, Row
from tests.enrolment.academy import Academy, Pupil, books, hashes, make_academy, pupils

MOST = 25
FINISH = 2
"""What the worker's own end of a job sends: ai_job and ai_result."""


class Counted(psycopg.Cursor[Row]):
    """Counts what is really sent, whoever sends it."""

    sent = 0

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        Counted.sent += 1
        return super().execute(*args, **kwargs)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        Counted.sent += 1
        return super().copy(*args, **kwargs)


class CountedPostgres(Postgres):
    def _connect(self) -> psycopg.Connection[Row]:
        connection = super()._connect()
        connection.cursor_factory = Counted
        return connection


@pytest.mark.parametrize("rows", [1, 200, 20_000])
def test_a_roster_of_any_size_takes_the_same_few_statements(academy: Academy, stores: Stores, rows: int) -> None:
    counted = CountedPostgres(stores.settings.db)
    request = academy.request(pupils(rows))
    Counted.sent = 0
    enrolled = enrol(counted, request)
    counted.close()
    assert books(enrolled) == (rows, 0, 0, 0)
    assert enrolled.statements == Counted.sent + 2
    assert enrolled.statements == 20
    assert enrolled.statements + FINISH <= MOST


def test_even_a_roster_with_everything_in_it_takes_at_most_25_statements(academy: Academy) -> None:
    academy.take(Pupil("가나다"), Pupil("라마바", "01022223333"), Pupil("사아자", "01033334444"))
    academy.change("UPDATE students_student SET deleted_at = now() WHERE id = 1")
    academy.change("UPDATE enrollment_enrollment SET status = 'INACTIVE' WHERE id = 2")
    academy.change("DELETE FROM attendance_attendance WHERE id = 3")
    everything = [
        Pupil("가나다"), Pupil("라마바", "01022223333"), Pupil("사아자", "01033334444"),
        Pupil("Kim", "01055556666"), Pupil("KIM", "01055556666"), Pupil("가나다", "01077778888", "01033334444"),
    ]  # fmt: skip
    enrolled = academy.take(*everything)
    assert books(enrolled) == (2, 1, 2, 0)
    assert enrolled.statements + FINISH <= MOST


HOSTILE = (
    "O'Brien", 'a"b', "tab\there", "back\\slash", "NULL", "\\N", "\\\\N", "null", "가\\t나", "😀이모지", "%s %(x)s",
    "$1; DROP TABLE x;--", "=1+1", "가" * 50, " 앞뒤 ", "줄\n바꿈", "\\.", "{a,b}",
)  # fmt: skip


def test_a_text_arrives_as_it_was_whatever_is_in_it(academy: Academy) -> None:
    rows = [
        Pupil(text, f"010{number:08d}", school=text, school_class=text, major=text, memo=text, school_type="HIGH")
        for number, text in enumerate(HOSTILE)
    ]
    assert academy.take(*rows).created == len(HOSTILE)
    found = academy.db.query("SELECT * FROM students_student ORDER BY parent_phone")
    for row, text in zip(found, HOSTILE, strict=True):
        assert [row[name] for name in ("name", "high_school", "high_school_class", "major", "memo")] == [text] * 5
    before = hashes(academy.db)
    assert books(academy.take(*rows)) == (0, 0, 0, len(HOSTILE))
    assert hashes(academy.db) == before


def test_a_second_import_right_after_a_first_needs_no_statistics(academy: Academy, tmp_path: Any) -> None:
    """Tables that have just grown look small to the planner; a nested loop over them would take minutes."""
    other = make_academy(academy.db, tmp_path / "other", "other")
    other.take(*pupils(500))
    rows = pupils(2000)
    academy.take(*rows)
    enrolled = academy.take(*rows, seconds_left=3.0)
    assert books(enrolled) == (0, 0, 0, 2000)

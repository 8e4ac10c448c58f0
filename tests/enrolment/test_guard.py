"""What a person is asked about before a class changes for good, and what later imports remember of earlier ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from academyctl.enrolment import Guard, change_guard, remembered
from academyctl.local import sample
from academyctl.stores import Stores
from tests.enrolment.academy import Academy, Pupil, pupils
from tests.platform_rows import make_ai_job


@pytest.mark.parametrize(
    ("joining", "size", "namesakes", "asks"),
    [(4, 10, 0, True), (3, 10, 0, False), (30, 0, 0, False), (0, 10, 10, False), (0, 10, 11, True), (0, 0, 0, False)],
)
def test_a_person_is_asked_above_the_bounds_only(joining: int, size: int, namesakes: int, asks: bool) -> None:
    assert Guard(joining, size, namesakes).asks is asks


def test_the_share_is_of_the_class_as_it_was(academy: Academy) -> None:
    assert change_guard(academy.take(*pupils(10), dry_run=True)) == Guard(10, 0, 0)
    academy.take(*pupils(10))
    guard = change_guard(academy.take(*pupils(14), dry_run=True))
    assert (guard, guard.share, guard.asks) == (Guard(4, 10, 0), 0.4, True)


def test_a_known_name_with_another_parent_phone_is_told_of(academy: Academy) -> None:
    academy.take(Pupil("김하늘", school="한빛고", school_type="HIGH"))
    enrolled = academy.take(Pupil("김하늘", "01099990000", school="한빛고등학교", school_type="HIGH"))
    assert (enrolled.created, enrolled.namesakes) == (1, 1)
    assert [(note.row, note.code) for note in enrolled.notes] == [(2, "same-name-other-phone")]


def test_a_namesake_at_another_school_or_in_the_same_file_is_nobody_to_ask_about(academy: Academy) -> None:
    known = Pupil("김하늘", school="한빛고", school_type="HIGH")
    academy.take(known)
    assert (
        academy.take(Pupil("김하늘", "01099990000", school="새빛고", school_type="HIGH"), dry_run=True).namesakes == 0
    )
    assert academy.take(known, Pupil("김하늘", "01099990000"), dry_run=True).namesakes == 0


def test_headers_of_earlier_imports_are_remembered_newest_first_and_once(academy: Academy, stores: Stores) -> None:
    def job(headers: dict[str, str], status: str = "DONE", **values: Any) -> None:
        job_id = make_ai_job(stores, status=status, **({"tenant_id": str(academy.tenant_id)} | values))
        with stores.db.tx() as cursor:
            row = cursor.execute("SELECT id FROM ai_job WHERE job_id = %s", (job_id,)).fetchone()
            assert row is not None
            now, payload = datetime.now(UTC), json.dumps({"sheets": [{"sheet": "1반", "headers": headers}]})
            sample.insert(cursor, "ai_result", created_at=now, updated_at=now, payload=payload, job_id=row["id"])

    job({"parent_phone": "연락처2"})
    job({"parent_phone": "보호자"})
    job({"parent_phone": "연락처2"})
    job({"parent_phone": "x"}, status="FAILED")
    job({"parent_phone": "y"}, tenant_id="999")
    job({"parent_phone": "z"}, job_type="ocr")
    job({})
    make_ai_job(stores, status="DONE", tenant_id=str(academy.tenant_id), result=True)
    assert remembered(stores.db, academy.tenant_id) == ({"parent_phone": "연락처2"}, {"parent_phone": "보호자"})
    assert remembered(stores.db, 7) == ()

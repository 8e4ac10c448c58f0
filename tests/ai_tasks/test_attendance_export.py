"""attendance_excel_export, cell by cell as contract 5.7 has it."""

from __future__ import annotations

import itertools
import json
import logging
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import objects
from academyctl.errors import AwsError, DatabaseAway, Stopping, WorkFailed
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from tests.ai_tasks.export_work import (
    TOKEN,
    HeldWork,
    add_session,
    add_student,
    make_academy,
    texts,
    workbook_of,
)
from tests.ai_worker.working import run_job
from tests.platform_rows import make_ai_job
from workers._model import Done
from workers.ai_tasks._model import JobFailed
from workers.ai_tasks.attendance_excel_export import TASK

WORDS = {
    "PRESENT": ("현장", "C6EFCE"), "LATE": ("지각", "FFEB9C"), "ONLINE": ("영상", "BDD7EE"),
    "SUPPLEMENT": ("보강", "B7DEE8"), "EARLY_LEAVE": ("조퇴", "FFEB9C"), "ABSENT": ("결석", "FFC7CE"),
    "RUNAWAY": ("출튀", "FFC7CE"), "MATERIAL": ("자료", "D9D9D9"), "INACTIVE": ("부재", "F2F2F2"),
    "SECESSION": ("퇴원", "BDBCBC"),
}  # fmt: skip
Make = Callable[..., HeldWork]


@pytest.fixture
def work(excel_platform: Stores, tmp_path: Path) -> Make:
    """A job for a lecture; the payload as the API writes it, with the tenant as a text."""

    def make(tenant_id: int, lecture_id: int, **values: Any) -> HeldWork:
        payload = {"tenant_id": str(tenant_id), "lecture_id": lecture_id}
        return HeldWork(excel_platform, tmp_path, payload, str(tenant_id), **values)

    return make


def run(work: HeldWork) -> dict[str, Any]:
    result = TASK.run(work)
    assert isinstance(result, dict)
    return result


def test_every_status_has_its_word_and_its_colour(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    sessions = [add_session(stores, lecture, order=order) for order in range(1, 11)]
    add_student(stores, tenant, lecture, "김하늘", dict(zip(sessions, WORDS, strict=True)))
    (row,) = list(workbook_of(stores, run(work(tenant, lecture)))["출결"].iter_rows(min_row=2, min_col=4))
    assert [(cell.value, cell.fill.start_color.rgb[2:]) for cell in row] == list(WORDS.values())


def test_the_sheet_is_the_contracts(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    # Not made in their order: the column follows the order, then the id.
    third = add_session(stores, lecture, order=3)
    first, other_first = (add_session(stores, lecture, order=1, day=day) for day in ("2026-03-02", "2026-03-04"))
    add_student(stores, tenant, lecture, "윤시우", {first: "PRESENT", third: None}, parent_phone="01012345678")
    add_student(
        stores, tenant, lecture, "강민재", {other_first: "LATE"}, phone="01000001111", parent_phone="01099998888"
    )
    add_student(stores, tenant, lecture, "강민재", {third: "ABSENT"}, ps_number="B20001", parent_phone="01033334444")
    add_student(stores, tenant, lecture, "최삭제", {first: "PRESENT"}, deleted_at=datetime.now(UTC))
    add_student(stores, tenant, lecture, "박중단", {first: "PRESENT"}, enrolled="INACTIVE")
    add_student(stores, tenant, lecture, "오대기", {first: "PRESENT"}, enrolled="PENDING")
    add_student(stores, tenant, lecture, "이무회", {})
    held = work(tenant, lecture)
    result = run(held)

    book = workbook_of(stores, result)
    assert book.sheetnames == ["출결"]
    sheet = book["출결"]
    rows = texts(sheet)
    assert rows[0] == ["학생명", "학생번호", "학부모번호", "1차시 (2026-03-02)", "1차시 (2026-03-04)", "3차시"]
    assert rows[1] == ["강민재", "01000001111", "01099998888", None, "지각", None]
    assert rows[2] == ["강민재", "B20001", "01033334444", None, None, "결석"]
    assert (rows[3][0], rows[3][2:]) == ("윤시우", ["01012345678", "현장", None, None])
    assert len(rows) == 4
    assert sheet.freeze_panes == "D2"
    assert [sheet.column_dimensions[letter].width for letter in "ABCDEF"] == [16] * 6
    assert all(cell.font.bold and cell.alignment.horizontal == "center" for cell in sheet[1])
    assert result["filename"] == f"출결_수학A_{lecture}.xlsx"
    assert result["key"] == f"exports/{tenant}/{held.job_id}_{result['filename']}"
    assert [step for step, _ in itertools.groupby(held.seen, key=lambda seen: seen[0])] == [
        "reading", "writing", "uploading",
    ]  # fmt: skip
    assert {step for step, _ in held.seen} <= {step.name for step in TASK.steps}


def test_a_lecture_without_sessions_or_students_is_a_header(excel_platform: Stores, work: Make) -> None:
    tenant, lecture = make_academy(excel_platform)
    assert texts(workbook_of(excel_platform, run(work(tenant, lecture)))["출결"]) == [
        ["학생명", "학생번호", "학부모번호"]
    ]


def test_no_name_becomes_a_formula(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    session = add_session(stores, lecture, order=1)
    names = ["+1", "-1", '=HYPERLINK("http://x")', "@SUM(A1)", "#N/A", "=1+1"]
    for name in names:
        add_student(stores, tenant, lecture, name, {session: "PRESENT"})
    stores.db.execute("UPDATE lectures_lecture SET title = %s WHERE id = %s", ("=a/b:c?\\..", lecture))
    result = run(work(tenant, lecture))
    cells = [row[0] for row in workbook_of(stores, result)["출결"].iter_rows(min_row=2)]
    assert sorted(cell.value for cell in cells) == sorted(names)
    assert {cell.data_type for cell in cells} == {"s"}
    assert result["filename"] == f"출결_=a_b_c___{lecture}.xlsx"


def test_the_link_gives_the_file_to_anybody(excel_platform: Stores, work: Make) -> None:
    tenant, lecture = make_academy(excel_platform)
    result = run(work(tenant, lecture))
    with urllib.request.urlopen(result["download_url"]) as answer:
        assert answer.headers["Content-Type"] == objects.content_type(".xlsx")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.read(2) == b"PK"
    left = datetime.fromisoformat(result["expires_at"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600


def test_a_second_run_replaces_its_own_object(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    held = work(tenant, lecture)
    first = run(held)
    session = add_session(stores, lecture, order=1)
    add_student(stores, tenant, lecture, "김하늘", {session: "PRESENT"})
    second = run(held)
    assert first["key"] == second["key"]
    assert len(texts(workbook_of(stores, second)["출결"])) == 2
    assert len(list(stores.r2.list(stores.settings.r2.excel_bucket, f"exports/{tenant}/"))) == 1


def test_another_academys_lecture_is_not_found(excel_platform: Stores, work: Make) -> None:
    (tenant, _), (_, foreign) = make_academy(excel_platform), make_academy(excel_platform)
    with pytest.raises(JobFailed, match=r"^lecture not found$"):
        TASK.run(work(tenant, foreign))


def test_rows_filed_under_another_academy_stay_out(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    (tenant, lecture), (foreign, _) = make_academy(stores), make_academy(stores)
    session = add_session(stores, lecture, order=1)
    add_student(stores, foreign, lecture, "남의학생", {session: "PRESENT"})
    add_student(stores, tenant, lecture, "우리학생", {session: "PRESENT"})
    assert [row[0] for row in texts(workbook_of(stores, run(work(tenant, lecture)))["출결"])] == ["학생명", "우리학생"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "payload.lecture_id and tenant_id required"),
        ({"tenant_id": "7"}, "payload.lecture_id and tenant_id required"),
        ({"lecture_id": 1}, "payload.lecture_id and tenant_id required"),
        ({"tenant_id": "7", "lecture_id": "x"}, "payload.lecture_id and tenant_id required"),
        ({"tenant_id": "7", "lecture_id": True}, "payload.lecture_id and tenant_id required"),
        ({"tenant_id": "8", "lecture_id": 1}, "payload.tenant_id is not the tenant of the job"),
        ({"tenant_id": 7, "lecture_id": 2**63 - 1}, "lecture not found"),
    ],
)
def test_a_bad_payload_fails_in_the_contracts_words(
    excel_platform: Stores, tmp_path: Path, payload: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "academyctl.ai"), pytest.raises(JobFailed) as failed:
        TASK.run(HeldWork(excel_platform, tmp_path, payload, "7"))
    assert failed.value.reason == words
    assert "ATTENDANCE_EXCEL_EXPORT failed" in caplog.text


def test_a_stop_while_the_workbook_is_written_leaves_no_object(excel_platform: Stores, work: Make) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    held = work(tenant, lecture)
    held.stop = lambda: Stopping("SIGTERM") if ("writing", 50) in held.seen else None
    with pytest.raises(Stopping):
        TASK.run(held)
    assert not list(stores.r2.list(stores.settings.r2.excel_bucket, f"exports/{tenant}/"))


def test_a_workbook_that_cannot_be_written_is_tried_again(excel_platform: Stores, work: Make) -> None:
    tenant, lecture = make_academy(excel_platform)
    held = work(tenant, lecture)
    (held.folder / "export.xlsx").mkdir()
    with pytest.raises(WorkFailed, match=r"the workbook could not be written \(crashed\): IsADirectoryError"):
        TASK.run(held)
    assert not list(excel_platform.r2.list(excel_platform.settings.r2.excel_bucket, f"exports/{tenant}/"))


def test_stores_that_are_away_are_told_as_such(excel_platform: Stores, work: Make) -> None:
    tenant, lecture = make_academy(excel_platform)
    held, settings = work(tenant, lecture), excel_platform.settings
    gone = settings.model_copy(update={"r2": settings.r2.model_copy(update={"endpoint": "http://127.0.0.1:1"})})
    held.stores = Stores(gone)
    held.stores._once("r2", lambda: R2(gone.r2, attempts=1))
    with pytest.raises(AwsError) as r2_away:
        TASK.run(held)
    assert r2_away.value.cause == "unreachable"
    held.stores = Stores(settings.model_copy(update={"db": settings.db.model_copy(update={"port": 1})}))
    with pytest.raises(DatabaseAway):
        TASK.run(held)


def test_the_next_request_is_a_job_of_its_own(excel_platform: Stores, work: Make) -> None:
    """The API answers with the job that has the idempotency key, and would for ever (contract 11 #20)."""
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    key = f"attendance_export:{tenant}:{lecture}"
    job = make_ai_job(stores, status="RUNNING", locked_by=TOKEN, idempotency_key=key, tenant_id=str(tenant))
    held = work(tenant, lecture, job_id=job)
    for _ in range(2):
        run(held)
        (row,) = stores.db.query("SELECT idempotency_key FROM ai_job WHERE job_id = %s", (job,))
        assert row["idempotency_key"] == f"{key}:{job}"
    failing = make_ai_job(stores, status="RUNNING", locked_by=TOKEN, idempotency_key=key)
    with pytest.raises(JobFailed):
        TASK.run(work(tenant, 2**40, job_id=failing))
    (row,) = stores.db.query("SELECT idempotency_key FROM ai_job WHERE job_id = %s", (failing,))
    assert row["idempotency_key"] == f"{key}:{failing}"


def test_who_lost_the_lease_frees_nothing(excel_platform: Stores, work: Make) -> None:
    tenant, lecture = make_academy(excel_platform)
    job = make_ai_job(excel_platform, status="RUNNING", locked_by="another", idempotency_key=f"k:{tenant}")
    run(work(tenant, lecture, job_id=job))
    (row,) = excel_platform.db.query("SELECT idempotency_key FROM ai_job WHERE job_id = %s", (job,))
    assert row["idempotency_key"] == f"k:{tenant}"


def test_the_worker_ends_the_job_with_the_link(excel_platform: Stores, tmp_path: Path) -> None:
    stores = excel_platform
    tenant, lecture = make_academy(stores)
    payload = json.dumps({"tenant_id": str(tenant), "lecture_id": lecture})
    job = make_ai_job(stores, job_type=TASK.job_type, payload=payload, tenant_id=str(tenant))
    assert run_job(stores, job, {TASK.job_type: TASK}, tmp_path) == Done()
    (row,) = stores.db.query(
        "SELECT j.status, r.payload FROM ai_job j JOIN ai_result r ON r.job_id = j.id WHERE j.job_id = %s", (job,)
    )
    assert row["status"] == "DONE"
    assert texts(workbook_of(stores, row["payload"]).active)[0][0] == "학생명"

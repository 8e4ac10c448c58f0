"""`job enqueue`: object, row and message exactly as the API makes them, and nothing half done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from academyctl.local import sample_jobs
from academyctl.stores import Stores
from tests.job_commands.conftest import PASSWORD, Desk, audit, look, messages, typed
from tests.video_commands.conftest import Cli, Ran

UPLOAD = ("--no-check", "--password-stdin", "--apply", "-o", "json")


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "명단.XLSX"
    path.write_bytes(sample_jobs.two_phones())
    return path


def enqueue(cli: Cli, roster: Path, *words: object) -> Ran:
    with typed(PASSWORD + "\n"):
        return cli("job", "enqueue", "excel", roster, *words)


def test_a_roster_is_uploaded_recorded_and_sent_as_the_api_does(
    cli: Cli, ai_stores: Stores, desk: Desk, roster: Path, tmp_path: Path
) -> None:
    """contract 5.3."""
    tenant, lecture = desk.tenant_id, desk.lecture_id
    ran = enqueue(cli, roster, "--tenant", tenant, "--lecture", lecture, "--map", "parent_phone=C", *UPLOAD)
    assert ran.code == 0
    [sent] = messages(ai_stores)
    row = look(ai_stores, ran.json["jobs"][0]["id"])
    file_key = row.payload["file_key"]
    assert re.fullmatch(rf"excel/{tenant}/[0-9a-f]{{32}}\.xlsx", file_key)
    assert ai_stores.r2.read(ai_stores.settings.r2.excel_bucket, file_key) == roster.read_bytes()
    assert (row.status, row.job_type, row.tier, row.tenant_id) == ("PENDING", "excel_parsing", "basic", str(tenant))
    assert (row.source_domain, row.source_id) == ("enrollment", str(lecture))
    [key] = ai_stores.db.query("SELECT idempotency_key FROM ai_job")
    assert key["idempotency_key"] == f"excel:{file_key}"
    asks = {"file_key": file_key, "bucket": desk.env["R2_EXCEL_BUCKET"], "tenant_id": tenant, "lecture_id": lecture,
            "initial_password": PASSWORD, "mapping": {"parent_phone": "C"}}  # fmt: skip
    assert (sent.job_id, sent.payload, sent.source_id) == (row.job_id, asks, str(lecture))
    assert PASSWORD not in ran.out + ran.err + audit(tmp_path)


def test_students_without_a_lecture_have_no_source_id(cli: Cli, ai_stores: Stores, desk: Desk, roster: Path) -> None:
    ran = enqueue(cli, roster, "--tenant", desk.tenant_id, *UPLOAD)
    row = look(ai_stores, ran.json["jobs"][0]["id"])
    assert (row.source_domain, row.source_id, "lecture_id" in row.payload) == ("students", "", False)


def test_a_dry_run_shows_all_and_makes_nothing(cli: Cli, ai_stores: Stores, desk: Desk, roster: Path) -> None:
    ran = cli("job", "enqueue", "excel", roster, "--tenant", desk.tenant_id, "--no-check")
    assert (ran.code, ran.out.count("would")) == (0, 3)
    assert (ai_stores.db.query("SELECT 1 FROM ai_job"), messages(ai_stores)) == ([], [])


def test_a_message_that_cannot_be_sent_ends_the_job_and_names_the_way_on(
    cli: Cli, ai_stores: Stores, desk: Desk, roster: Path
) -> None:
    cli.set(AI_SQS_QUEUE_NAME_BASIC="zzz-none")
    ran = enqueue(cli, roster, "--tenant", desk.tenant_id, *UPLOAD)
    [job] = ran.json["jobs"]
    row = look(ai_stores, job["id"])
    assert (ran.code, row.status, row.has_password) == (3, "FAILED", False)
    assert f"academyctl job retry {row.job_id} --apply" in job["error"]["remedy"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--tenant", "nobody"), "tenant"),
        (("--tenant", "{tenant}", "--lecture", "999"), "lecture"),
        (("--tenant", "{tenant}", "--lecture", "{lecture}", "--session", "999"), "session"),
        (("--tenant", "{tenant}", "--session", "1"), "usage"),
        (("--tenant", "{tenant}", "--map", "phone=C"), "bad-map"),
    ],
)
def test_what_the_api_would_refuse_is_refused_before_anything_is_made(
    cli: Cli, ai_stores: Stores, desk: Desk, roster: Path, words: tuple[str, ...], code: str
) -> None:
    filled = [word.format(tenant=desk.tenant_id, lecture=desk.lecture_id) for word in words]
    ran = enqueue(cli, roster, *filled, *UPLOAD)
    assert (ran.code, ran.json["error"]["code"]) == (2, code)
    assert ai_stores.db.query("SELECT 1 FROM ai_job") == []


def test_a_file_that_is_not_there_is_a_usage_error(cli: Cli, desk: Desk, tmp_path: Path) -> None:
    assert cli("job", "enqueue", "excel", tmp_path / "none.xlsx", "--tenant", desk.tenant_id).code == 2


def test_a_file_is_read_here_first_and_not_sent_with_a_question_open(
    cli: Cli, ai_stores: Stores, desk: Desk, roster: Path
) -> None:
    asked = ("--tenant", desk.tenant_id, "--password-stdin", "--apply", "-o", "json")
    refused = enqueue(cli, roster, *asked)
    assert (refused.code, refused.json["error"]["code"]) == (1, "needs_mapping")
    assert "--map parent_phone=B" in refused.json["error"]["why"]
    assert ai_stores.db.query("SELECT 1 FROM ai_job") == []
    taken = enqueue(cli, roster, "--map", "parent_phone=B", *asked)
    assert taken.json["notes"][0] == "4 / 4 rows of the file can be enrolled"
    assert len(messages(ai_stores)) == 1


def test_a_file_with_bad_cells_is_sent_only_in_part(cli: Cli, ai_stores: Stores, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "roster.xlsx"
    path.write_bytes(sample_jobs.roster())
    asked = ("--tenant", desk.tenant_id, "--password-stdin", "--apply", "-o", "json")
    refused = enqueue(cli, path, *asked)
    assert (refused.code, refused.json["error"]["code"]) == (1, "errors")
    assert "명단!B11" in refused.json["error"]["why"]
    assert "--partial" in refused.json["error"]["remedy"]
    taken = enqueue(cli, path, "--partial", *asked)
    assert taken.json["notes"][0] == "10 / 12 rows of the file can be enrolled"
    assert [one.payload["partial"] for one in messages(ai_stores)] == [True]


def test_a_second_export_is_a_second_job(cli: Cli, ai_stores: Stores, desk: Desk) -> None:
    """contract 11 #20: with the API's permanent key it was the first one's dead link for ever."""
    tenant, lecture = desk.tenant_id, desk.lecture_id
    for _ in range(2):
        assert cli("job", "enqueue", "attendance", "--tenant", tenant, "--lecture", lecture, "--apply").code == 0
    assert cli("job", "enqueue", "payroll", "--tenant", tenant, "--year", 2026, "--month", 2, "--apply").code == 0
    rows = ai_stores.db.query("SELECT job_type, tier, payload, source_domain, source_id FROM ai_job ORDER BY id")
    asks = {"tenant_id": str(tenant), "lecture_id": lecture}
    export = {"job_type": "attendance_excel_export", "tier": "basic", "payload": asks,
              "source_domain": "attendance", "source_id": str(lecture)}  # fmt: skip
    month = {"tenant_id": str(tenant), "year": 2026, "month": 2}
    payroll = {"job_type": "staff_excel_export", "tier": "basic", "payload": month,
               "source_domain": "staffs", "source_id": "2026-2"}  # fmt: skip
    assert rows == [export, export, payroll]
    assert [one.payload for one in messages(ai_stores)] == [asks, asks, month]

"""list, status, watch and link: what an operator sees, and never a password or a whole phone number."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import ai_body
from academyctl.errors import CannotTell
from academyctl.job_follow import follow, read
from academyctl.stores import Stores
from academyctl.video_follow import Progress
from tests.job_commands.conftest import JOB, PASSWORD, Desk, MakeJob, golden, look
from tests.video_commands.conftest import Cli

NOW = datetime.now(UTC)
REPORT = {
    "enrolled_count": 0, "created_students_count": 0, "processed_by": "worker", "errors_total": 7,
    "counts": {"read": 12, "created": 0, "restored": 0, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 11},
    "errors": [
        {"sheet": "명단", "cell": f"B{row}", "row": row, "field": "parent_phone", "code": "parent-phone-invalid",
         "text_ko": "학부모 전화번호가 아닙니다.", "text_en": "no phone number", "value": "0101****"}
        for row in range(4, 11)
    ],
    "error_file": {"filename": "오류.xlsx", "download_url": "https://r2/x?X-Amz-Signature=abc123", "key": "",
                   "expires_at": "2026-03-02T00:00:00+00:00"},
}  # fmt: skip


def test_jobs_are_listed_newest_first_and_chosen(cli: Cli, ai_stores: Stores, make_job: MakeJob, desk: Desk) -> None:
    make_job(job_id="old", status="DONE", age=timedelta(days=3))
    make_job(job_id="export", job_type="staff_excel_export", status="RUNNING", locked_by="host:1",
             lease_expires_at=NOW + timedelta(hours=1))  # fmt: skip
    make_job(job_id="other", tenant_id="77", status="FAILED", error_message="call 010-1234-5678")
    [code] = [row["code"] for row in ai_stores.db.query("SELECT code FROM core_tenant")]

    def ids(*words: str) -> list[str]:
        ran = cli("job", "list", *words, "-o", "json")
        assert ran.code == 0
        return [one["id"] for one in ran.json["jobs"]]

    assert ids() == ["other", "export", "old"]
    assert ids("--limit", "1") == ["other"]
    assert ids("--tenant", code) == ids("--tenant", str(desk.tenant_id)) == ["export", "old"]
    assert ids("--type", "staff_excel_export") == ids("--status", "running") == ["export"]
    assert ids("--since", "24h") == ["other", "export"]
    make_job(job_id="hidden", status="DONE", error_message="No module named 'google'", age=timedelta(days=9))
    assert ids("--status", "FAILED") == ["hidden", "other"]
    assert cli("job", "list", "--since", "soon").code == 2
    golden("list-en", cli("job", "list").out)
    cli.set(ACADEMYCTL_LANG="ko")
    golden("list-ko", cli("job", "list").out)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_status_tells_all_that_is_known_and_no_secret(
    cli: Cli, ai_stores: Stores, make_job: MakeJob, lang: str
) -> None:
    reason = "학부모 전화번호 검증 실패: 7건. 010 10~11자리 형식이어야 합니다. (010-1234-5678)"
    row = make_job(status="FAILED", error_message=reason, payload={"initial_password": PASSWORD}, told=REPORT)
    ai_stores.redis.set_json(keys.job_status(row.tenant_id, JOB), {"status": "FAILED", "result": REPORT})
    ai_stores.redis.set_json(keys.job_progress(row.tenant_id, JOB), {"percent": 40, "step": "parsing"})
    cli.set(ACADEMYCTL_LANG=lang)
    ran, told = cli("job", "status", JOB), cli("job", "status", JOB, "-o", "json")
    assert (ran.code, told.code) == (0, 0)
    for secret in (PASSWORD, "010-1234-5678", "abc123"):
        assert secret not in ran.out + told.out
    golden(f"status-{lang}", ran.out)
    [job] = told.json["jobs"]
    assert (job["result"]["counts"]["read"], job["result"]["errors_total"], len(job["result"]["errors"])) == (12, 7, 5)
    assert job["redis"] == {"status": {"status": "FAILED"}, "progress": {"percent": 40, "step": "parsing"}}
    assert job["shows"]["progress"] == {"status": "FAILED"}
    assert job["payload"]["initial_password"] == "****"


def test_status_says_who_has_it_and_what_the_front_end_shows(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    row = make_job(status="RUNNING", locked_by="sqs-worker", lease_expires_at=NOW + timedelta(minutes=30))
    # The old worker wrote neither key; a job without tenant has the legacy one.
    ai_stores.redis.set_json(keys.legacy_job_progress(JOB), {"percent": 61, "step": "enrolling"})
    ran = cli("job", "status", JOB)
    assert "sqs-worker (the old worker)" in ran.out
    assert "/jobs/ID/ RUNNING 61 %; /jobs/ID/progress/ UNKNOWN" in ran.out
    assert f"academyctl job watch {JOB}" in ran.out
    del row


def test_status_finds_its_dead_letter_only_when_asked(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    make_job(status="PENDING")
    queue = ai_stores.settings.queues.ai_basic
    for job_id in (JOB, "another"):
        body = ai_body(job_id=job_id, job_type="excel_parsing", tier="basic", payload={}, tenant_id="1")
        ai_stores.sqs.send(f"{queue}-dlq", body)
    assert "dead" not in cli("job", "status", JOB).out.replace("dead letter", "")
    [job] = cli("job", "status", JOB, "--dlq", "-o", "json").json["jobs"]
    assert len(job["dead_letters"]) == 1
    assert f"academyctl queue redrive ai_basic --where job_id={JOB} --apply" in job["next"]
    assert ai_stores.sqs.attributes(f"{queue}-dlq").visible == 2


def test_what_does_not_exist_and_what_cannot_be_seen_have_their_exit_codes(cli: Cli, make_job: MakeJob) -> None:
    make_job()
    ran = cli("job", "status", JOB, "nobody", "-o", "json")
    assert (ran.code, [one["found"] for one in ran.json["jobs"]]) == (1, [True, False])
    cli.set(AI_SQS_QUEUE_NAME_BASIC="zzz-none")
    ran = cli("job", "status", JOB, "-o", "json")
    assert (ran.code, list(ran.json["unknown"]), ran.json["jobs"][0]["queue"]) == (3, ["queue"], None)
    cli.set(DB_PORT="1")
    assert cli("job", "status", JOB).code == cli("job", "list").code == cli("job", "watch", JOB).code == 3


@pytest.mark.parametrize(
    ("row", "code"),
    [({"status": "DONE"}, 0), ({"status": "FAILED", "error_message": "no header"}, 1),
     ({"status": "DONE", "error_message": "No module named 'google'"}, 1)],
)  # fmt: skip
def test_watch_ends_as_the_job_did(cli: Cli, make_job: MakeJob, row: dict[str, str], code: int) -> None:
    make_job(**row, told=REPORT)
    ran = cli("job", "watch", JOB)
    assert (ran.code, "B4  no phone number" in ran.out) == (code, True)
    told = cli("job", "watch", JOB, "-o", "json")
    assert (told.code, told.json["succeeded"]) == (code, code == 0)


def test_watch_follows_every_step_to_the_end_and_gives_up_when_told(ai_stores: Stores, make_job: MakeJob) -> None:
    row = make_job()
    progress = keys.job_progress(row.tenant_id, JOB)
    shown = {"step": "enrolling", "step_name_display": "등록", "step_index": 3, "step_total": 4, "percent": 70}
    steps: list[Callable[[], object]] = [
        lambda: ai_stores.db.execute("UPDATE ai_job SET status = 'RUNNING'"),
        lambda: ai_stores.redis.set(progress, json.dumps(shown)),
        lambda: ai_stores.db.execute("UPDATE ai_job SET status = 'DONE'"),
    ]
    seen: list[Progress] = []

    def update(now: Progress) -> None:
        seen.append(now)
        if steps:
            steps.pop(0)()

    assert follow(ai_stores, JOB, on_update=update, poll_s=0.01, timeout_s=20).status == "DONE"
    assert [(one.status, one.percent) for one in seen] == [
        ("PENDING", None), ("RUNNING", None), ("RUNNING", 70), ("DONE", 100),
    ]  # fmt: skip
    ai_stores.db.execute("UPDATE ai_job SET status = 'PENDING'")
    assert read(ai_stores, JOB)[1].percent is None, "an earlier run's progress says nothing of a job that waits"
    with pytest.raises(CannotTell, match="still PENDING"):
        follow(ai_stores, JOB, on_update=lambda _now: None, poll_s=0.01, timeout_s=0)


def test_a_link_is_fresh_whole_and_of_this_jobs_own_file(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    row = make_job(status="FAILED", error_message="7건", told=REPORT)
    assert cli("job", "link", JOB).code == 1
    bucket = ai_stores.settings.r2.excel_bucket
    ai_stores.r2.put(bucket, keys.export_key(row.tenant_id, JOB, "오류.xlsx"), b"workbook")
    ran = cli("job", "link", JOB, "-o", "json")
    assert (ran.code, ran.json["filename"]) == (0, "오류.xlsx")
    assert "****" not in ran.json["url"]
    assert "X-Amz-Signature=" in ran.json["url"]
    before = look(ai_stores, JOB).result["error_file"]
    assert before == REPORT["error_file"]
    assert cli("job", "link", JOB, "--apply").code == 0
    after = look(ai_stores, JOB).result["error_file"]
    assert "X-Amz-Signature=" in after["download_url"] != before["download_url"]
    assert datetime.fromisoformat(after["expires_at"]) > NOW

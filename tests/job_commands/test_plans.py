"""What retry and cancel would change, and what they refuse: tables without servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from academyctl.errors import AcademyError, UsageError
from academyctl.job_next import next_step
from academyctl.job_plans import Asked, Plan, plan_cancel, plan_retry
from academyctl.job_repairs import EndJob, ForgetKey, ReopenJob, SendJob, TellEnd
from academyctl.job_state import Job, Keys
from academyctl.stores.ai_requests import JobRow
from academyctl.stores.r2 import Head
from academyctl.stores.redis import Seen
from academyctl.stores.sqs import QueueAttributes

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROW = JobRow(
    id=7, job_id="j-1", job_type="excel_parsing", status="FAILED", tier="basic", tenant_id="3", tenant_code="demo",
    source_domain="enrollment", source_id="5", error_message="헤더 행을 찾을 수 없습니다.", last_error="",
    attempt_count=1, created_at=NOW, updated_at=NOW, locked_by="", lease_expires_at=None, last_heartbeat_at=None,
    lease_left_s=None, age_s=9000, quiet_s=8000, payload={"file_key": "excel/3/a.xlsx"}, has_password=True,
)  # fmt: skip
EMPTY = QueueAttributes("q", "", "", 0, 0, 0, 30, 60, 20, 3, "q-dlq")
FILE = Head("excel/3/a.xlsx", 10, "e", NOW)
STATUS, PROGRESS = "tenant:3:job:j-1:status", "tenant:3:job:j-1:progress"
CLEAN = Keys(None, None, STATUS, PROGRESS)
STALE = Keys(Seen('{"status": "FAILED"}', -1), Seen('{"percent": 40}', 9000), STATUS, PROGRESS)
JOB = Job("j-1", ROW, CLEAN, FILE, EMPTY)
RUNNING: dict[str, Any] = {"status": "RUNNING", "error_message": "", "locked_by": "host:1:2", "lease_left_s": 40.0}


def job(**row: Any) -> Job:
    return replace(JOB, row=replace(ROW, **row))


def retry(seen: Job, **asked: Any) -> Plan:
    return plan_retry(seen, Asked(**asked), queue="q")


def kinds(plan: Plan) -> list[type]:
    return [type(repair) for repair in plan.repairs]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {**RUNNING, "lease_left_s": -5.0},
        {**RUNNING, "locked_by": "", "lease_left_s": None},
        {"status": "DONE"},  # with its error and no result: the old worker's way to fail
        {"status": "PENDING", "error_message": ""},
        {"status": "RETRYING", "error_message": ""},
    ],
    ids=["failed", "lease run out", "no lease", "failed as done", "waits without a message", "retrying"],
)
def test_what_nobody_works_on_is_tried_again_row_first(row: dict[str, Any]) -> None:
    assert kinds(retry(job(**row))) == [ReopenJob, SendJob]


@pytest.mark.parametrize(
    ("seen", "code", "exit_code"),
    [
        (job(**RUNNING), "alive", 1),
        (job(**RUNNING | {"locked_by": "sqs-worker"}), "alive", 1),
        (job(status="DONE", error_message=""), "refused", 1),
        (job(status="DONE", has_result=True), "refused", 1),
        (replace(job(status="PENDING"), queue=replace(EMPTY, visible=1)), "refused", 1),
        (replace(job(status="PENDING"), queue=replace(EMPTY, in_flight=1)), "refused", 1),
        (replace(job(status="PENDING"), queue=None, unknown=frozenset({"queue"})), "cannot-tell", 3),
        (replace(JOB, source=None), "source-gone", 1),
        (replace(JOB, source=None, unknown=frozenset({"objects"})), "cannot-tell", 3),
        (Job("j-1"), "absent", 1),
        (Job("j-1", unknown=frozenset({"database"})), "cannot-tell", 3),
    ],
)
def test_a_retry_that_could_do_harm_is_refused_with_a_way_on(seen: Job, code: str, exit_code: int) -> None:
    with pytest.raises(AcademyError) as caught:
        retry(seen)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert caught.value.remedy_in("ko") != caught.value.remedy_in("en") != ""


def test_again_takes_a_done_job_and_a_second_message_but_never_a_living_lease() -> None:
    assert kinds(retry(job(status="DONE", error_message="", has_result=True), again=True)) == [ReopenJob, SendJob]
    assert kinds(retry(replace(job(status="PENDING"), queue=replace(EMPTY, visible=1)), again=True))
    with pytest.raises(AcademyError, match="being worked on"):
        retry(job(**RUNNING), again=True)


def test_what_the_last_try_left_in_redis_goes_between_row_and_message() -> None:
    """contract 11 #30."""
    plan = retry(replace(JOB, keys=STALE))
    assert kinds(plan) == [ReopenJob, ForgetKey, ForgetKey, SendJob]
    assert [repair.key for repair in plan.repairs if isinstance(repair, ForgetKey)] == [STATUS, PROGRESS]


def test_redis_away_holds_up_no_retry_but_is_told() -> None:
    plan = retry(replace(JOB, keys=None, unknown=frozenset({"redis"})))
    assert kinds(plan) == [ReopenJob, SendJob]
    assert "Redis" in plan.remarks[0].en


def test_a_password_that_is_gone_is_asked_for_and_never_shown() -> None:
    lost = job(has_password=False)
    assert retry(lost).needs_password
    assert not retry(JOB).needs_password
    assert not retry(job(job_type="attendance_excel_export", has_password=False)).needs_password
    given = retry(lost, password="secret77")
    assert not given.needs_password
    assert "secret77" not in " ".join(map(str, given.repairs)) + repr(given)


def test_a_column_chosen_by_the_operator_goes_into_the_payload_with_its_before_value() -> None:
    asked = {"mapping": {"parent_phone": "C"}, "partial": True, "sheet": "2반"}
    [reopen, *_] = retry(job(payload={"mapping": {"parent_phone": "B"}}), **asked).repairs
    assert isinstance(reopen, ReopenJob)
    assert reopen.changes == asked
    assert 'payload.mapping = {"parent_phone": "B"} -> {"parent_phone": "C"}' in str(reopen)
    with pytest.raises(UsageError, match="for rosters"):
        retry(job(job_type="staff_excel_export"), partial=True)


@pytest.mark.parametrize("status", ["PENDING", "RETRYING", "RUNNING"])
def test_cancel_ends_what_has_not_ended_in_the_row_and_for_the_readers_of_redis(status: str) -> None:
    assert kinds(plan_cancel(replace(job(status=status), keys=STALE))) == [EndJob, TellEnd, ForgetKey]
    assert kinds(plan_cancel(replace(job(status=status), keys=None))) == [EndJob]


@pytest.mark.parametrize("status", ["DONE", "FAILED", "REJECTED_BAD_INPUT"])
def test_cancel_refuses_what_has_ended(status: str) -> None:
    with pytest.raises(AcademyError, match="nothing to cancel"):
        plan_cancel(job(status=status))


def test_a_cancel_says_that_the_old_worker_does_not_look() -> None:
    [remark] = plan_cancel(job(**RUNNING | {"locked_by": "sqs-worker"})).remarks
    assert "may still write its result" in remark.en


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (JOB, "academyctl job retry j-1 --apply"),
        (job(result={"mapping_hint": "--map parent_phone=B", "candidates": {"parent_phone": ["B", "C"]}}),
         "choose the column (parent_phone: B | C), then: academyctl job retry j-1 --map parent_phone=B --apply"),
        (job(result={"errors": [{"cell": "B7"}]}), "academyctl job retry j-1 --partial --apply"),
        (job(result={"refused": {"code": "html"}}), "academyctl job enqueue excel FILE --tenant 3"),
        (replace(JOB, source=None), "academyctl job enqueue excel FILE --tenant 3"),
        (job(**RUNNING), "academyctl job watch j-1"),
        (job(**RUNNING | {"lease_left_s": -1.0}), "academyctl job retry j-1 --apply"),
        (job(status="PENDING"), "academyctl job status j-1 --dlq"),
        (job(status="PENDING", quiet_s=1), "academyctl job watch j-1"),
        (replace(job(status="PENDING"), queue=replace(EMPTY, visible=2)), "academyctl worker run ai"),
        (replace(job(status="PENDING"), queue=None), "academyctl queue show ai_basic"),
        (job(status="DONE"), "the front end shows success"),
        (job(status="DONE", error_message=""), "academyctl job retry j-1 --again"),
        (job(status="DONE", error_message="", has_result=True, result={"filename": "a.xlsx"}), "job link j-1"),
        (job(status="DONE", error_message="", has_result=True), "done"),
        (Job("j-1"), "academyctl job list"),
    ],
)  # fmt: skip
def test_every_state_ends_with_the_command_to_type(seen: Job, said: str) -> None:
    told = next_step(seen)
    assert said in told.en
    assert said.rpartition(": ")[2] in told.ko or "front end" in said or said == "done"
    told.ko.encode("cp949")

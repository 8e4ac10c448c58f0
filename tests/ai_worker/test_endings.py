"""How a job ends: what its row, its result, its message and the log say then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import WorkFailed
from tests.ai_worker.bench import SECRET, TYPE, Bench, Ran, commit, task
from workers.ai import tiers
from workers.ai_tasks._model import Committed, JobFailed, Result, Work

RESULT = {"enrolled_count": 2, "processed_by": "worker"}


@pytest.mark.parametrize("run", [lambda _work: RESULT, commit(RESULT)], ids=["returned", "committed by the task"])
def test_a_job_ends_done_with_its_result_and_its_message_is_gone(bench: Bench, run: Ran) -> None:
    job = bench.ask()
    log = bench.run(run)
    assert bench.ended(job) == ("DONE", "")
    assert bench.result(job) == RESULT
    row = bench.row(job)
    assert (row.locked_by, row.lease_expires_at, row.attempt_count) == ("", None, 1)
    assert (bench.left(), bench.dead()) == (0, [])
    assert "SQS_MESSAGE_RECEIVED | request_id=" in log
    assert f"job_id={job}" in log
    assert "tier=basic | job_type=excel_parsing" in log
    assert "SQS_JOB_COMPLETED | request_id=" in log


def test_a_job_that_cannot_succeed_ends_failed_with_its_report_and_never_done(bench: Bench) -> None:
    def run(_work: Work) -> Result:
        raise JobFailed("학부모 전화번호 검증 실패: 3건", result={"errors": [1, 2, 3]})

    job = bench.ask()
    log = bench.run(run)
    assert bench.ended(job) == ("FAILED", "학부모 전화번호 검증 실패: 3건")
    assert bench.column(job, "last_error") == "학부모 전화번호 검증 실패: 3건"
    assert bench.result(job) == {"errors": [1, 2, 3]}
    assert (bench.left(), bench.dead()) == (0, [])
    assert "SQS_JOB_FAILED | request_id=" in log
    assert "SQS_JOB_COMPLETED" not in log


def test_a_task_without_a_result_is_a_failure_and_not_an_empty_success(bench: Bench) -> None:
    odd: list[Any] = [None, [], "done"]
    jobs = [bench.ask() for _ in odd]
    bench.run(lambda _work: odd.pop(), 3)
    assert {bench.ended(job) for job in jobs} == {("FAILED", "inference_error_no_result")}


def test_a_task_that_wants_to_end_the_process_ends_its_own_job_only(bench: Bench) -> None:
    def run(_work: Work) -> Result:
        raise SystemExit(3)

    job = bench.ask()
    bench.run(run)
    assert bench.ended(job) == ("PENDING", "")
    assert "ended with SystemExit" in bench.column(job, "last_error")


def test_once_says_by_its_exit_code_that_the_job_failed(bench: Bench) -> None:
    def run(_work: Work) -> Result:
        raise JobFailed("no")

    bench.ask()
    with bench.going(run, once=True) as loop:
        assert loop.wait() == 1


def test_a_failure_is_tried_again_and_the_last_one_is_failed_and_a_dead_letter(bench: Bench) -> None:
    def run(work: Work) -> Result:
        raise WorkFailed(f"the disk is full, {work.payload['initial_password'][:0]}twice")

    job = bench.ask()
    for attempt in (1, 2):
        log = bench.run(run)
        assert bench.ended(job) == ("PENDING", "")
        assert bench.column(job, "last_error") == f"attempt {attempt}/3: the disk is full, twice"
        bench.show()
    log = bench.run(run)
    assert bench.ended(job) == ("FAILED", "the disk is full, twice")
    assert f"JOB_DEAD | job_id={job} | attempt=3" in log
    [dead] = bench.dead()
    assert dead.attributes["academyctl.reason"]["StringValue"] == "the disk is full, twice"
    assert SECRET not in json.dumps(dead.attributes)
    assert "initial_password" not in bench.row(job).payload


@pytest.mark.parametrize("how", ["done", "committed", "failed", "exhausted", "tier"])
def test_the_first_password_leaves_the_row_with_the_jobs_end_and_is_never_said(bench: Bench, how: str) -> None:
    def run(work: Work) -> Result | Committed:
        assert work.payload["initial_password"] == SECRET
        assert SECRET not in repr(work)
        if how == "failed":
            raise JobFailed("no")
        if how == "exhausted":
            raise ValueError("boom")
        return commit({})(work) if how == "committed" else {}

    job_type = "staff_excel_export" if how == "tier" else TYPE
    job = bench.make(job_type, tier="lite")
    bench.send(job, job_type, tier="lite")
    log = bench.run({job_type: task(run, job_type)})
    if how == "exhausted":
        assert bench.row(job).payload["initial_password"] == SECRET, "the next attempt needs it"
        for _ in range(2):
            bench.show("lite")
            log += bench.run({job_type: task(run, job_type)})
    assert bench.row(job).payload == {"file_key": "excel/1/a.xlsx", "tenant_id": 1}
    assert bench.row(job).status in ("DONE", "FAILED")
    assert SECRET not in log


def test_a_payload_that_is_no_object_ends_as_well(bench: Bench) -> None:
    seen: list[object] = []

    def run(work: Work) -> Result:
        seen.append(work.payload)
        return {}

    job = bench.ask(payload="[1, 2]")
    bench.run(run)
    assert (bench.ended(job), seen) == (("DONE", ""), [{}])


@pytest.mark.parametrize(
    ("tier", "job_type", "said"),
    [
        ("lite", "excel_parsing", ""),
        ("lite", "ocr", ""),
        (
            "lite",
            "attendance_excel_export",
            "Tier 'lite' only allows (excel_parsing, ocr), got 'attendance_excel_export'",
        ),
        ("basic", "attendance_excel_export", ""),
        ("basic", "staff_excel_export", ""),
        (
            "gold",
            "embedding",
            "Tier 'basic' only allows (attendance_excel_export, excel_parsing, homework_video_analysis, ocr, "
            "omr_grading, staff_excel_export), got 'embedding'",
        ),
        ("Premium ", "embedding", ""),
    ],
)
def test_the_tier_gate_is_the_apis_and_lets_exports_pass(tier: str, job_type: str, said: str) -> None:
    assert tiers.refusal(tier, job_type) == said


def test_what_the_rows_tier_may_not_is_failed_without_a_run(bench: Bench) -> None:
    ran = Ran()
    job = bench.make("attendance_excel_export", tier="lite")
    bench.send(job, "attendance_excel_export", tier="basic")
    bench.run({"attendance_excel_export": task(ran, "attendance_excel_export")})
    assert bench.ended(job) == ("FAILED", tiers.refusal("lite", "attendance_excel_export"))
    assert (ran.jobs, bench.left(), bench.dead()) == ([], 0, [])


def test_what_the_row_says_wins_over_the_message(bench: Bench) -> None:
    seen: list[tuple[object, ...]] = []

    def run(work: Work) -> Result:
        seen.append((work.tenant_id, work.payload["file_key"], work.source_id))
        return {}

    job = bench.make(source_id="7")
    bench.send(job, tenant_id="99", payload={"file_key": "excel/99/b.xlsx"}, job_type=" Excel_Parsing ")
    log = bench.run(run)
    assert seen == [("1", "excel/1/a.xlsx", "7")]
    assert bench.ended(job) == ("DONE", "")
    assert "another tenant" in log


def test_a_message_of_another_type_than_its_rows_is_a_dead_letter_that_says_so(bench: Bench) -> None:
    job = bench.make("ocr")
    bench.send(job, TYPE)
    ran = Ran()
    bench.run({TYPE: task(ran), "ocr": task(ran, "ocr")})
    assert (bench.ended(job), ran.jobs) == (("PENDING", ""), [])
    [dead] = bench.dead()
    assert dead.attributes["academyctl.reason"]["StringValue"].endswith(
        "is of type ocr, the message says excel_parsing"
    )


def test_a_job_without_a_row_is_waited_for_and_then_a_dead_letter(bench: Bench) -> None:
    """The API sends before its transaction commits."""
    bench.send("0d3d1a0c-not-there")
    ran = Ran()
    for _ in range(2):
        bench.run(ran)
        assert (bench.left(), bench.dead()) == (1, [])
        bench.show()
    bench.run(ran)
    assert (bench.left(), len(bench.dead()), ran.jobs) == (0, 1, [])


def test_a_malformed_message_is_a_dead_letter_at_once_and_its_text_is_in_no_log(bench: Bench) -> None:
    said = f', "payload": {{"initial_password": "{SECRET}"}}}}'
    bodies = ["not json", "[1]", "{}", '{"job_id": "x"' + said, '{"job_id": "", "job_type": "ocr"' + said]
    bench.sqs.put(bench.queues["basic"], *bodies)
    log = bench.run(Ran(), len(bodies))
    assert sorted(dead.body for dead in bench.dead()) == sorted(bodies)
    assert SECRET not in log + json.dumps([dead.attributes for dead in bench.dead()])


def test_nothing_of_a_job_stays_on_the_disk(bench: Bench) -> None:
    folders: list[Path] = []

    def run(work: Work) -> Result:
        assert list(work.folder.iterdir()) == []
        (work.folder / "roster.xlsx").write_bytes(b"x")
        folders.append(work.folder)
        raise JobFailed("no")

    bench.ask()
    bench.run(run)
    assert not folders[0].exists()
    assert list((bench.folder / "work").iterdir()) == []

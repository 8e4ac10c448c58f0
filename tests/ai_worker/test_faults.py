"""Kills, stops, lost leases, databases that go away, jobs that never end: done once, or clearly failed."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.errors import AwsError, Busy, DatabaseAway, LeaseLost
from academyctl.stores import ai_jobs
from tests.ai_worker.bench import AwayAtWill, Bench, Ran, commit, until_stopped
from tests.ai_worker.process_worker import worker_process
from tests.ai_worker.reader import progress_endpoint
from tests.conftest import eventually
from workers.ai_tasks._model import Committed, Result, Work

PAST = timedelta(seconds=-1)


def test_a_killed_workers_job_comes_back_and_is_done_once(bench: Bench) -> None:
    job = bench.ask()
    with worker_process(bench) as worker:
        eventually(lambda: bench.row(job).status == "RUNNING" and worker.began(), timeout=20)
        worker.child.send_signal(signal.SIGKILL)
        worker.child.wait(10)
    left = list((bench.folder / "work").iterdir())
    assert len(left) == 1
    # As time would: message and lease are a minute old.
    bench.show()
    bench.change(job, lease_expires_at=datetime.now(UTC) + PAST)
    ran = Ran()
    bench.run(ran)
    assert (bench.ended(job), ran.jobs, bench.row(job).attempt_count) == (("DONE", ""), [job], 2)
    assert (bench.left(), bench.dead()) == (0, [])
    assert not left[0].exists(), "the folder of a worker that is gone goes with the next start"


def test_sigterm_gives_the_job_back_at_once_and_ends_the_process_in_order(bench: Bench) -> None:
    job = bench.ask()
    with worker_process(bench, ACADEMYCTL_GRACE_SECONDS="0") as worker:
        eventually(worker.began, timeout=20)
        worker.child.send_signal(signal.SIGTERM)
        assert worker.child.wait(10) == 0
        assert "AI Worker shutdown complete" in worker.log()
    row = bench.row(job)
    assert (row.status, row.locked_by, row.lease_expires_at) == ("PENDING", "", None)
    [message] = bench.peek()
    assert not message.in_flight, "visible at once"
    ran = Ran()
    bench.run(ran)
    assert bench.ended(job) == ("DONE", "")


def test_a_stop_within_the_grace_lets_the_job_end(bench: Bench) -> None:
    job, go_on = bench.ask(), threading.Event()
    ran = Ran(lambda _work: {"waited": go_on.wait(10)})
    with bench.going(ran, grace_s=10) as loop:
        assert ran.began.wait(5)
        loop.signal()
        go_on.set()
        assert loop.wait() == 0
    assert (bench.ended(job), bench.left()) == (("DONE", ""), 0)


@pytest.mark.parametrize("how", ["another", "cancelled", "gone"])
def test_a_lease_that_is_lost_stops_the_job_and_it_writes_nothing(bench: Bench, how: str) -> None:
    job = bench.ask()
    errors: list[BaseException] = []

    def run(work: Work) -> Result:
        if how == "another":
            bench.change(job, locked_by="other:1:b")
        elif how == "cancelled":
            bench.change(job, status="FAILED", error_message="cancelled", locked_by=None)
        else:
            bench.stores.db.execute("DELETE FROM ai_job")
        try:
            return until_stopped(work)
        except LeaseLost as lost:
            errors.append(lost)
            raise

    log = bench.run(run, ai={"lease_s": 1})
    assert len(errors) == 1
    assert f"LEASE_LOST | job_id={job}" in log
    assert bench.left() == 1, "the message is the new owner's"
    if how != "gone":
        expected = ("RUNNING", "") if how == "another" else ("FAILED", "cancelled")
        assert (bench.ended(job), bench.result(job)) == (expected, None)
        assert bench.row(job).payload["initial_password"]


@pytest.mark.parametrize("by", ["the task", "the runtime"])
def test_a_job_taken_in_its_last_moment_is_not_ended_by_its_old_owner(bench: Bench, by: str) -> None:
    job = bench.ask()

    def run(work: Work) -> Result | Committed:
        bench.change(job, locked_by="other:1:b")
        return commit({"a": 1})(work) if by == "the task" else {"a": 1}

    bench.run(run)
    assert (bench.ended(job), bench.row(job).locked_by, bench.result(job)) == (("RUNNING", ""), "other:1:b", None)
    assert bench.left() == 1


def test_the_lease_and_the_heartbeat_are_renewed_while_the_job_runs(bench: Bench) -> None:
    job = bench.ask()

    def run(work: Work) -> Result:
        first = bench.row(job).lease_expires_at
        assert first is not None
        eventually(lambda: (bench.row(job).lease_expires_at or first) > first)
        assert bench.column(job, "last_heartbeat_at") > bench.column(job, "locked_at")
        assert bench.column(job, "updated_at") == bench.column(job, "last_heartbeat_at")
        return {}

    bench.run(run, ai={"lease_s": 1})
    assert bench.ended(job) == ("DONE", "")


@pytest.mark.parametrize("when", ["at the claim", "at the end", "while it fails"])
def test_a_database_that_is_away_costs_no_attempt_and_no_job(bench: Bench, when: str) -> None:
    job = bench.ask()
    database = AwayAtWill(bench.stores.settings.db)

    def run(work: Work) -> Result:
        database.away.set()
        if when == "while it fails":
            raise ValueError("boom")
        return {"a": 1}

    with bench.going(run, max_jobs=1) as loop:
        loop.stores._made["db"] = database
        if when == "at the claim":
            database.away.set()
        loop.wait()
    database.close()
    assert (bench.row(job).status, bench.dead()) == ("PENDING" if when == "at the claim" else "RUNNING", [])
    bench.show()
    bench.change(job, lease_expires_at=datetime.now(UTC) + PAST)
    bench.run(Ran())
    assert (bench.ended(job), bench.left()) == (("DONE", ""), 0)


@pytest.mark.parametrize(
    "error", [AwsError("R2 does not answer", cause="unreachable"), Busy("another import of the academy runs", after=30)]
)
def test_what_is_not_the_jobs_fault_gives_it_back_and_counts_as_no_attempt(bench: Bench, error: Exception) -> None:
    def run(_work: Work) -> Result:
        raise error

    job = bench.ask()
    for _ in range(4):
        bench.run(run)
        assert (bench.ended(job), bench.column(job, "last_error"), bench.dead()) == (("PENDING", ""), "", [])
        assert bench.left() == 1
        bench.show()
    bench.run(Ran())
    assert bench.ended(job) == ("DONE", "")


def test_what_goes_wrong_after_the_commit_changes_nothing(bench: Bench) -> None:
    job = bench.ask()

    def run(work: Work) -> Committed:
        commit({"a": 1})(work)
        raise ConnectionResetError("the answer to COMMIT was lost")

    log = bench.run(run)
    assert (bench.ended(job), bench.result(job), bench.left()) == (("DONE", ""), {"a": 1}, 0)
    assert "is DONE; what came after its commit: ConnectionResetError" in log
    assert progress_endpoint(bench.stores, "1", job)["status"] == "DONE"


def test_a_job_that_takes_too_long_is_stopped_and_failed_with_the_contracts_words(bench: Bench) -> None:
    job = bench.ask()
    log = bench.run(until_stopped, ai={"inference_max_s": 1})
    assert bench.ended(job) == ("FAILED", "inference_timeout_1min")
    assert (bench.left(), bench.dead()) == (0, [])
    assert "SQS_JOB_TIMEOUT_1MIN | request_id=" in log


def test_a_statement_that_the_time_limit_ended_is_no_outage_that_is_waited_out_for_ever(bench: Bench) -> None:
    def run(work: Work) -> Result:
        threading.Event().wait(0.1)
        raise DatabaseAway("canceling statement due to statement timeout", cause="unreachable")

    job = bench.ask()
    bench.run(run, ai={"inference_max_s": 1})
    assert bench.ended(job) == ("FAILED", "inference_timeout_1min")


def test_a_job_that_cannot_be_stopped_is_failed_and_its_thread_can_write_nothing(bench: Bench) -> None:
    """The process then takes no more jobs and ends, with code 1, taking the thread along."""
    job, other, go_on = bench.ask(), bench.make(), threading.Event()
    late: list[Any] = []

    def run(work: Work) -> Result:
        go_on.wait(20)
        work.progress("enrolling", 90)
        try:
            commit({"late": True})(work)
        except LeaseLost as lost:
            late.append(lost)
        return {}

    with bench.going(run, ai={"inference_max_s": 1}) as loop:
        assert loop.wait(15) == 1
        assert loop.hard_exits == [1]
        log = loop.log.getvalue()
    assert bench.ended(job) == ("FAILED", "inference_timeout_1min")
    assert (bench.left(), bench.dead()) == (0, [])
    assert f"job {job} did not stop when it was told to: this process takes no more jobs" in log
    go_on.set()
    eventually(lambda: late)
    assert (bench.ended(job)[0], bench.result(job)) == ("FAILED", None)
    assert bench.row(other).status == "PENDING"


def test_a_job_committed_in_its_last_moment_stays_done(bench: Bench) -> None:
    job = bench.ask()

    def run(work: Work) -> Committed:
        commit({"a": 1})(work)
        until_stopped(work)
        raise AssertionError

    bench.run(run, ai={"inference_max_s": 1})
    assert (bench.ended(job), bench.result(job), bench.left()) == (("DONE", ""), {"a": 1}, 0)


def test_a_renewal_behind_a_transaction_that_holds_the_row_does_not_wait_for_ever(bench: Bench) -> None:
    job = bench.make()
    ai_jobs.claim(bench.stores.db, job, "me", lease_s=60)
    with bench.stores.db.tx() as cursor:
        ai_jobs.finish(cursor, job, "me", {})
        with pytest.raises(Exception, match="lock timeout"):
            ai_jobs.renew(bench.stores.db, job, "me", lease_s=60)
    assert not ai_jobs.renew(bench.stores.db, job, "me", lease_s=60)

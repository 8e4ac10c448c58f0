"""Who may take a job: every status of its row with every lease, and two workers at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from academyctl.errors import Busy, LeaseLost
from academyctl.stores import ai_jobs
from academyctl.stores.ai_jobs import Claim
from tests.ai_worker.bench import TYPE, Bench, Ran, task
from tests.ai_worker.working import make_delivery, make_work, run_job
from workers._model import Done

HOUR = timedelta(hours=1)
LEASES = {"none": None, "expired": -HOUR, "living": HOUR}
STATUSES = (
    "PENDING", "RETRYING", "RUNNING", "DONE", "FAILED", "REJECTED_BAD_INPUT", "VALIDATING", "REVIEW_REQUIRED",
    "FALLBACK_TO_GPU",
)  # fmt: skip


def expected(status: str, lease: str) -> Claim:
    if status in ("PENDING", "RETRYING"):
        return Claim.CLAIMED
    if status != "RUNNING":
        return Claim.CLOSED
    return Claim.LEASED if lease == "living" else Claim.CLAIMED


@pytest.mark.parametrize("lease", LEASES)
@pytest.mark.parametrize("status", STATUSES)
def test_the_claim_of_every_status_and_lease(bench: Bench, status: str, lease: str) -> None:
    span = LEASES[lease]
    until = None if span is None else datetime.now(UTC) + span
    job = bench.make(status=status, locked_by="sqs-worker" if lease != "none" else None, lease_expires_at=until)
    before = bench.row(job)
    claimed = ai_jobs.claim(bench.stores.db, job, "me:1:a", lease_s=60)
    assert claimed.claim is expected(status, lease)
    after = bench.row(job)
    if claimed.claim is Claim.CLAIMED:
        assert (after.status, after.locked_by, after.attempt_count) == ("RUNNING", "me:1:a", 1)
        assert 59 < after.lease_left_s <= 60
        assert (
            bench.column(job, "last_heartbeat_at") == bench.column(job, "locked_at") == bench.column(job, "updated_at")
        )
    else:
        assert (after.status, after.locked_by, after.lease_expires_at) == (status, before.locked_by, until)


@pytest.mark.parametrize("status", ["DONE", "FAILED", "REJECTED_BAD_INPUT"])
def test_the_message_of_an_ended_job_is_deleted_and_nothing_runs(bench: Bench, status: str) -> None:
    ran = Ran()
    job = bench.ask(status=status, error_message="known" if status == "FAILED" else "")
    log = bench.run(ran)
    assert (bench.ended(job)[0], bench.left(), bench.dead(), ran.jobs) == (status, 0, [], [])
    assert f"AI_JOB_IDEMPOTENT_SKIP | job_id={job} | job_type=excel_parsing | reason={status}" in log


def test_an_old_workers_running_job_is_left_to_it_until_its_lease_ends(bench: Bench, tmp_path: Path) -> None:
    """Its lease is an hour long, never renewed: nobody can tell from outside whether it lives."""
    until = datetime.now(UTC) + timedelta(seconds=3540)
    job = bench.make(status="RUNNING", locked_by="sqs-worker", lease_expires_at=until)
    with pytest.raises(Busy, match="leased by sqs-worker") as busy:
        run_job(bench.stores, job, {TYPE: task(Ran())}, tmp_path)
    assert 60 < busy.value.after < 70
    bench.change(job, lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert run_job(bench.stores, job, {TYPE: task(Ran())}, tmp_path) == Done()


def test_of_two_workers_that_claim_at_once_one_gets_the_job(bench: Bench) -> None:
    job, barrier = bench.make(), Barrier(4)
    claims: list[Claim] = []

    def claim(token: str) -> None:
        barrier.wait()
        claims.append(ai_jobs.claim(bench.stores.db, job, token, lease_s=60).claim)

    threads = [Thread(target=claim, args=(f"w:{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == [Claim.CLAIMED, *[Claim.LEASED] * 3]


def test_a_job_that_was_sent_twice_runs_once_also_with_two_workers_at_it(bench: Bench) -> None:
    ran = Ran(lambda work: {"slept": len(work.stores.db.query("SELECT pg_sleep(0.1)"))})
    job = bench.ask()
    bench.send(job)
    with bench.going(ran, max_jobs=1) as one, bench.going(ran, max_jobs=1) as two:
        assert (one.wait(), two.wait()) == (0, 0)
    assert (ran.jobs, bench.row(job).attempt_count) == ([job], 1)
    assert bench.ended(job) == ("DONE", "")


def test_only_the_leases_owner_can_end_give_back_or_renew(bench: Bench) -> None:
    db, job = bench.stores.db, bench.make()
    ai_jobs.claim(db, job, "me", lease_s=60)
    assert not ai_jobs.renew(db, job, "other", lease_s=60)
    assert not ai_jobs.fail(db, job, "other", "no", unclaimed=True)
    assert not ai_jobs.give_back(db, job, "other")
    with pytest.raises(LeaseLost):
        ai_jobs.done(db, job, "other", {"a": 1})
    assert (bench.row(job).status, bench.row(job).locked_by, bench.result(job)) == ("RUNNING", "me", None)


def test_a_job_that_has_ended_is_never_ended_otherwise(bench: Bench) -> None:
    db, job = bench.stores.db, bench.make()
    ai_jobs.claim(db, job, "me", lease_s=60)
    assert ai_jobs.fail(db, job, "me", "x" * 5000, {"errors": ["\x00", float("nan"), "\ud800"]}, ["initial_password"])
    assert bench.ended(job) == ("FAILED", "x" * 2000)
    assert bench.result(job) == {"errors": ["", None, "?"]}
    with pytest.raises(LeaseLost):
        ai_jobs.done(db, job, "me", {})
    assert not ai_jobs.give_back(db, job, "me")
    assert not ai_jobs.renew(db, job, "me", lease_s=60)
    assert bench.ended(job)[0] == "FAILED"


def test_given_back_is_pending_and_free_for_the_next_worker_at_once(bench: Bench) -> None:
    db, job = bench.stores.db, bench.make()
    ai_jobs.claim(db, job, "me", lease_s=60)
    assert ai_jobs.give_back(db, job, "me", reason="attempt 1/3: boom")
    row = bench.row(job)
    assert (row.status, row.locked_by, row.lease_expires_at, row.error_message) == ("PENDING", "", None, "")
    assert bench.column(job, "last_error") == "attempt 1/3: boom"
    assert ai_jobs.claim(db, job, "next", lease_s=60).claim is Claim.CLAIMED
    ai_jobs.done(db, job, "next", {"a": 1})
    assert (bench.ended(job), bench.column(job, "last_error")) == (("DONE", ""), "")


def test_a_second_run_replaces_the_result_of_the_first(bench: Bench) -> None:
    db, job = bench.stores.db, bench.make()
    for n in (1, 2):
        bench.change(job, status="PENDING")
        ai_jobs.claim(db, job, f"w{n}", lease_s=60)
        ai_jobs.done(db, job, f"w{n}", {"n": n})
    assert bench.result(job) == {"n": 2}


def test_a_transaction_that_is_rolled_back_leaves_the_job_running(bench: Bench, tmp_path: Path) -> None:
    job = bench.make()
    work = make_work(bench.stores, job, task(Ran()), tmp_path)
    with pytest.raises(ValueError, match="boom"), bench.stores.db.tx() as cursor:
        work.finish(cursor, {"a": 1})
        raise ValueError("boom")
    assert (bench.row(job).status, bench.result(job)) == ("RUNNING", None)


def test_finish_drops_the_lease_first_so_that_no_renewal_waits_for_the_commit(bench: Bench, tmp_path: Path) -> None:
    job = bench.make()
    delivery = make_delivery(bench.stores, job)
    work = make_work(bench.stores, job, task(Ran()), tmp_path, delivery=delivery)
    delivery.hold(work._lease)
    with bench.stores.db.tx() as cursor:
        work.finish(cursor, {})
        assert delivery.holds == []

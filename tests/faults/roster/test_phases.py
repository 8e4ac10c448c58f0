"""A worker dies, is stopped, or loses its database in each phase of an import: nothing is lost, nothing is twice."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from tests.conftest import eventually
from tests.excel_world import World, adds_up, excel_env, excel_stores, pupils, workbook, world
from tests.faults.roster.hands import Hand, Hands, Phase, dead, finisher, hands, nursery, queue_is_empty, wait_for

__all__ = ["excel_env", "excel_stores", "hands", "nursery", "world"]

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at the bounds of a child"),
]

ROUNDS = int(os.environ.get("ACADEMYCTL_TEST_IMPORT_KILLS", "1"))
"""How often every phase is killed."""
PUPILS = 5
COMMIT = (b"INSERT INTO ai_result", b"COMMIT")
PHASES = (
    Phase("downloading", "r2", (b"GET /academy-xl",), "answer"),
    Phase("reading", ""),
    Phase("waiting for the academy's lock", "db", (b"pg_advisory_xact_lock",)),
    Phase("copying", "db", (b"COPY staged", "김학생0".encode())),
    Phase("between two statements", "db", (b"COPY staged", b"INSERT INTO students_student")),
    Phase("before the commit", "db", COMMIT),
    Phase("committed, not told", "db", COMMIT, "answer", committed=True),
    Phase("done, not deleted", "sqs", (b"DeleteMessage",), committed=True),
)
STATEMENT = Phase("between two statements", "db", (b"COPY staged", b"INSERT INTO students_student"))


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return workbook(tmp_path_factory.mktemp("roster") / "roster.xlsx", pupils(PUPILS)).read_bytes()


def ask(world: World, roster: bytes) -> tuple[str, int, int]:
    """An upload of a new academy and its message: (job_id, tenant_id, lecture_id)."""
    tenant_id, lecture_id = world.academy()
    job_id = world.job(world.upload(roster, tenant_id=tenant_id), tenant_id=tenant_id, lecture=lecture_id)
    world.send(job_id)
    return job_id, tenant_id, lecture_id


def hold_all(workers: list[Hand]) -> None:
    # All are looked at each time: a child that reads is soon gone.
    eventually(lambda: sum(worker.held() for worker in workers) == len(workers), timeout=60, every=0.002)


def everybody_is_there_once(world: World, asked: list[tuple[str, int, int]]) -> None:
    for job_id, tenant_id, lecture_id in asked:
        row, result = world.row(job_id), world.result(job_id)
        assert (row["status"], row["error_message"], row["locked_by"]) == ("DONE", "", None)
        assert "initial_password" not in row["payload"]
        assert adds_up(result)
        assert result["counts"]["read"] == PUPILS
        assert len(world.students(tenant_id)) == len(set(world.students(tenant_id))) == PUPILS
        assert world.enrolled(lecture_id) == PUPILS
        assert world.status(job_id)["status"] == "DONE"


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_kill_9_in_every_phase_loses_nobody_and_enrols_nobody_twice(
    world: World, hands: Hands, roster: bytes, _round: int
) -> None:
    workers = [hands.start(phase) for phase in PHASES]
    asked = [ask(world, roster) for _ in PHASES]
    hold_all(workers)
    all_or_nothing = sorted(PUPILS if phase.committed else 0 for phase in PHASES)
    # A commit whose answer is held may still be under way.
    eventually(lambda: sorted(len(world.students(tenant_id)) for _, tenant_id, _ in asked) == all_or_nothing)
    for worker in workers:
        worker.kill()
    assert not queue_is_empty(world), "no message was lost with its worker"
    hands.cut()
    for worker in workers:
        eventually(worker.childless)
    with finisher(world):
        wait_for(world, [job_id for job_id, _, _ in asked])
        eventually(lambda: queue_is_empty(world), timeout=20, every=0.1)
    everybody_is_there_once(world, asked)
    assert dead(world) == 0
    assert hands.leftovers() == []


def test_sigterm_amid_an_import_leaves_no_row_and_a_message_for_the_next_worker(
    world: World, hands: Hands, roster: bytes
) -> None:
    workers = [hands.start(STATEMENT), hands.start(Phase("reading", ""))]
    asked = [ask(world, roster) for _ in workers]
    hold_all(workers)
    for worker in workers:
        worker.process.signal(signal.SIGTERM)
    for worker in workers:
        assert worker.end() == 0, worker.log.read_text(encoding="utf-8")
        assert worker.childless()
    for job_id, tenant_id, _ in asked:
        assert world.students(tenant_id) == []
        assert (world.row(job_id)["status"], world.row(job_id)["locked_by"]) == ("PENDING", None)
        assert world.row(job_id)["payload"]["initial_password"], "the next worker needs it"
        assert world.status(job_id)["status"] == "PENDING"
    assert hands.leftovers() == []
    with finisher(world):
        wait_for(world, [job_id for job_id, _, _ in asked])
    everybody_is_there_once(world, asked)


def test_a_database_that_goes_away_amid_the_transaction_takes_everything_back(
    world: World, hands: Hands, roster: bytes
) -> None:
    worker = hands.start(STATEMENT)
    asked = ask(world, roster)
    hold_all([worker])
    ended = world.stores.db.query(
        "SELECT pg_terminate_backend(pid) AS it FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND query LIKE '%%parents_parent%%'"
    )
    assert [row["it"] for row in ended] == [True]
    assert worker.wire
    worker.wire.release()
    eventually(lambda: world.row(asked[0])["status"] == "PENDING")
    assert world.students(asked[1]) == []
    assert worker.process.alive, "the worker lives"
    assert not queue_is_empty(world), "its message waits"
    world.send(asked[0])  # the deferred one comes back in half a minute; nobody waits for that here
    wait_for(world, [asked[0]])
    everybody_is_there_once(world, [asked])


def test_a_commit_whose_answer_is_lost_is_neither_taken_back_nor_done_again(
    world: World, hands: Hands, roster: bytes
) -> None:
    worker = hands.start(Phase("committed, not told", "db", COMMIT, "answer"))
    asked = ask(world, roster)
    hold_all([worker])
    eventually(lambda: len(world.students(asked[1])) == PUPILS)
    assert worker.wire
    worker.wire.sever()
    eventually(lambda: re.search(f"SQS_JOB_COMPLETED .*{asked[0]}", worker.log.read_text(encoding="utf-8")))
    result = world.result(asked[0])
    assert world.row(asked[0])["status"] == "DONE"
    world.send(asked[0])
    eventually(lambda: f"AI_JOB_IDEMPOTENT_SKIP | job_id={asked[0]}" in worker.log.read_text(encoding="utf-8"))
    everybody_is_there_once(world, [asked])
    assert world.result(asked[0]) == result

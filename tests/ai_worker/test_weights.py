"""Two tiers, one worker: each gets its share under load, and neither waits behind the other's empty poll."""

from __future__ import annotations

import threading
import time

import pytest

from academyctl.settings import load
from tests.ai_worker.bench import TYPE, Bench, Ran, task
from tests.conftest import eventually
from workers.ai import worker as ai_worker
from workers.ai_tasks._model import Result, Work


@pytest.mark.parametrize(("concurrency", "weights"), [(1, (3, 1)), (4, (1, 2))])
def test_under_load_the_tiers_are_served_by_their_weights(
    bench: Bench, concurrency: int, weights: tuple[int, int]
) -> None:
    """100 of each wait; 60 are served. The very first poll has no rival yet and may fill every slot."""
    served: list[str] = []

    def run(work: Work) -> Result:
        served.append(work.source_id)
        threading.Event().wait(0.003)
        return {}

    for tier in ("basic", "lite"):
        bench.ask_many(100, tier=tier, source_id=tier)
    ai = {"basic_weight": weights[0], "lite_weight": weights[1]}
    with bench.going(run, ai=ai, concurrency=concurrency):
        eventually(lambda: len(served) >= 60, timeout=20)
    share = served[:60].count("basic") / 60
    assert abs(share - weights[0] / sum(weights)) <= 0.03 + concurrency / 60, share


@pytest.mark.parametrize(("tier", "concurrency"), [("basic", 1), ("lite", 3)])
def test_a_message_never_waits_behind_the_other_tiers_empty_poll(bench: Bench, tier: str, concurrency: int) -> None:
    """The old worker asked one queue at a time, 20 s long."""
    ended = threading.Event()
    waits: list[float] = []

    def run(_work: Work) -> Result:
        waits.append(time.monotonic() - sent)
        ended.set()
        return {}

    with bench.going(run, wait_s=20, concurrency=concurrency):
        bench.receives(4)
        for _ in range(3):
            job = bench.make(tier=tier)
            sent = time.monotonic()
            bench.send(job, tier=tier)
            assert ended.wait(5)
            ended.clear()
    assert max(waits) < 1.0


def test_a_busy_worker_leaves_what_it_cannot_take_to_others(bench: Bench) -> None:
    """A poll that was open when the slot was taken brings one more message: back it goes, and it is not lost."""
    go_on = threading.Event()
    ran = Ran(lambda work: {"waited": go_on.wait(10)} if work.source_id == "first" else {})
    with bench.going(ran, wait_s=20):
        bench.receives(4)
        first = bench.ask(source_id="first")
        assert ran.began.wait(5)
        second = bench.ask(tier="lite")
        eventually(lambda: bench.peek("lite")[0].receive_count == 1 and not bench.peek("lite")[0].in_flight)
        go_on.set()
        eventually(lambda: bench.row(second).status == "DONE")
    assert ran.jobs == [first, second]


def test_premium_is_alone_and_only_when_asked_for(bench: Bench) -> None:
    jobs = {tier: bench.ask(tier=tier) for tier in ("premium", "basic", "lite")}
    bench.run(Ran(), ai={"premium_only": True})
    assert {tier: bench.row(job).status for tier, job in jobs.items()} == {
        "premium": "DONE", "basic": "PENDING", "lite": "PENDING",
    }  # fmt: skip
    log = bench.run(Ran(), 2)
    assert bench.row(jobs["basic"]).status == bench.row(jobs["lite"]).status == "DONE"
    assert log.count("AI Worker (SQS) started | queue=ai-") == 2


def test_later_generations_one_queue_for_both_tiers_is_polled_once() -> None:
    both = load({"AI_SQS_QUEUE_NAME_LITE": "academy-v1-ai-queue", "AI_SQS_QUEUE_NAME_BASIC": "academy-v1-ai-queue"})
    assert ai_worker(both.settings, tasks={TYPE: task(Ran())}).queues == {"academy-v1-ai-queue": 4}


def test_several_jobs_run_at_a_time_in_one_process(bench: Bench) -> None:
    together = threading.Barrier(3)
    jobs = [bench.ask() for _ in range(3)]
    bench.run(lambda _work: {"n": together.wait(10)}, 3, concurrency=3)
    assert [bench.row(job).status for job in jobs] == ["DONE"] * 3

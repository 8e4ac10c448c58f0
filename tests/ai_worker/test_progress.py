"""What the platform's readers see of a job, at every moment of its life."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from academyctl.contract import keys, progress
from academyctl.stores.redis import Redis
from tests.ai_worker.bench import STEPS, Bench, Ran, until_stopped
from tests.ai_worker.reader import SEVEN, job_endpoint, percentage, progress_endpoint
from tests.conftest import eventually
from workers.ai.progress import Reporter
from workers.ai_tasks._model import JobFailed, Result, Work


class Watched(Redis):
    """The real Redis, and every progress and status written to it with its time."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.written: list[tuple[float, str, Mapping[str, Any]]] = []

    def set_json(self, key: str, value: Mapping[str, Any], *, ttl_s: int | None = None) -> None:
        super().set_json(key, value, ttl_s=ttl_s)
        if ":job:" in key or key.startswith("job:"):
            self.written.append((time.monotonic(), key.rsplit(":", 1)[-1], value))

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [value for _, what, value in self.written if what == kind]


def test_readers_see_the_right_thing_from_the_request_to_the_end(bench: Bench) -> None:
    seen: list[tuple[str, Any]] = []
    job = bench.make()

    def look(name: str) -> None:
        seen.append((name, progress_endpoint(bench.stores, "1", job)))

    def run(work: Work) -> Result:
        look("began")
        work.progress("downloading", 10, step_percent=100)
        eventually(lambda: percentage(bench.stores, "1", job) == 10)
        look("downloading")
        assert job_endpoint(bench.stores, "1", job)["progress"] == {
            "step": "downloading", "percent": 10, "step_index": 1, "step_total": 4, "step_name": "downloading",
            "step_name_display": "다운로드", "step_percent": 100,
        }  # fmt: skip
        return {"enrolled_count": 1}

    look("asked for")
    bench.send(job)
    bench.run(run)
    look("ended")
    running = {"status": "RUNNING", "job_type": "excel_parsing"}
    assert seen == [
        ("asked for", {"status": "UNKNOWN", "progress": None}),
        ("began", {**running, "progress": None}),
        ("downloading", {**running, "progress": 10}),
        ("ended", {
            "status": "DONE", "job_type": "excel_parsing", "error_message": "", "result": {"enrolled_count": 1},
            "progress": 100,
        }),
    ]  # fmt: skip
    assert job_endpoint(bench.stores, "1", job)["result"] == {"enrolled_count": 1}
    assert bench.stores.redis.ttl(keys.job_status("1", job)) == -1
    assert 3590 < bench.stores.redis.ttl(keys.job_progress("1", job)) <= 3600


def test_the_running_status_lives_six_hours_and_no_longer_than_it_is_true(bench: Bench) -> None:
    job = bench.ask()
    ran = Ran(until_stopped)
    with bench.going(ran, grace_s=0) as loop:
        assert ran.began.wait(5)
        assert 21590 < bench.stores.redis.ttl(keys.job_status("1", job)) <= 21600
        loop.stop()
    assert progress_endpoint(bench.stores, "1", job)["status"] == "PENDING"
    assert bench.stores.redis.ttl(keys.job_status("1", job)) > 0


@pytest.mark.parametrize("final", [True, False], ids=["JobFailed", "the last attempt"])
def test_a_failure_is_shown_with_its_reason_and_for_good(bench: Bench, final: bool) -> None:
    def run(work: Work) -> Result:
        work.progress("parsing", 25)
        raise JobFailed("나쁜 파일", result={"errors": []}) if final else ValueError("boom")

    job = bench.ask()
    for _ in range(1 if final else 3):
        bench.run(run)
        bench.show()
    seen = progress_endpoint(bench.stores, "1", job)
    assert (seen["status"], seen["error_message"]) == ("FAILED", "나쁜 파일" if final else "ValueError: boom")
    assert bench.stores.redis.ttl(keys.job_status("1", job)) == -1
    assert job_endpoint(bench.stores, "1", job)["error_message"] == seen["error_message"]


def test_a_status_that_a_killed_worker_left_is_mended_by_the_next_look_at_its_job(bench: Bench) -> None:
    job = bench.ask(status="DONE", result=True)
    bench.stores.redis.set_json(keys.job_status("1", job), {"status": "RUNNING"}, ttl_s=21600)
    bench.stores.redis.set_json(keys.job_progress("1", job), {"step": "enrolling", "percent": 40}, ttl_s=3600)
    bench.run(Ran())
    assert progress_endpoint(bench.stores, "1", job)["status"] == "DONE"
    assert bench.stores.redis.get_json(keys.job_progress("1", job)) is None


def test_a_long_result_is_not_in_the_status_but_in_the_database(bench: Bench) -> None:
    job = bench.ask()
    bench.run(lambda _work: {"text": "가" * 10_000})
    seen = progress_endpoint(bench.stores, "1", job)
    assert (seen["status"], "result" in seen) == ("DONE", False)
    assert len(job_endpoint(bench.stores, "1", job)["result"]["text"]) == 10_000


def test_a_job_without_tenant_has_the_legacy_progress_key_and_no_status_key(bench: Bench) -> None:
    job = bench.make(tenant_id=None)
    bench.send(job, tenant_id=None)
    bench.run(Ran())
    assert percentage(bench.stores, "", job) == 100
    assert [key for key in bench.stores.redis.scan("*") if job in key] == [f"job:{job}:progress"]


def test_progress_never_falls_is_written_once_a_second_at_most_and_the_last_always(bench: Bench) -> None:
    redis = Watched(bench.stores.settings.redis)
    row = bench.row(bench.make())
    with Reporter(redis, row, job_type=row.job_type, steps=STEPS, longest_s=60) as reporter:
        started = time.monotonic()
        while time.monotonic() - started < 1.3:
            share = int((time.monotonic() - started) * 50)
            reporter.show("enrolling", 40 + share - share % 7 * 3, step_percent=share)
            threading.Event().wait(0.002)
        reporter.show("enrolling", 94)
        eventually(lambda: redis.of("progress")[-1]["percent"] >= 94)
    reporter.done({})
    redis.close()
    seen = [body["percent"] for body in redis.of("progress")]
    assert seen == sorted(seen)
    assert seen[-1] == 100
    during = [at for at, kind, _ in redis.written if kind == "progress"][:-1]
    assert all(later - earlier > 0.95 for earlier, later in itertools.pairwise(during))
    assert set(SEVEN) <= set(redis.of("progress")[-1])
    assert [body["status"] for body in redis.of("status")] == ["RUNNING", "DONE"]


def test_nothing_is_shown_after_the_runs_end_by_a_thread_that_goes_on(bench: Bench) -> None:
    redis = Watched(bench.stores.settings.redis)
    row = bench.row(bench.make())
    with Reporter(redis, row, job_type=row.job_type, steps=STEPS, longest_s=60) as reporter:
        pass
    reporter.failed("inference_timeout_60min")
    count = len(redis.written)
    reporter.show("enrolling", 50)
    threading.Event().wait(0.05)
    redis.close()
    assert len(redis.written) == count


def test_a_step_that_the_job_does_not_have_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no step 'dreaming' among downloading, parsing"):
        progress.job(STEPS, "dreaming", 10)
    assert progress.job(STEPS, "done", 140)["percent"] == 100


def test_without_redis_all_is_done_and_said_once(bench: Bench) -> None:
    job = bench.ask()
    started = time.monotonic()
    log = bench.run(Ran(), env={"REDIS_HOST": ""})
    assert (bench.ended(job), "Redis" in log) == (("DONE", ""), False)
    assert time.monotonic() - started < 3


def test_with_redis_away_the_whole_time_jobs_end_as_ever(bench: Bench) -> None:
    jobs = [bench.ask() for _ in range(3)]

    def run(work: Work) -> Result:
        work.progress("parsing", 25)
        return {}

    log = bench.run(run, 3, env={"REDIS_PORT": "1"})
    assert [bench.row(job).status for job in jobs] == ["DONE"] * 3
    assert log.count("the database lease alone decides") == 1

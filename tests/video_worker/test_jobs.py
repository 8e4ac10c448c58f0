"""S3 messages: the job's row and the backlog count move together with the video (contract 2.1, 3.4; 11 #19)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode, parse_video
from academyctl.errors import Stopping
from academyctl.stores.videos import VideoRow
from tests.video_worker.tools import Bench, staged
from workers._model import Defer, Done, Outcome, Reject, Retry
from workers.video.handler import exhausted, handle

Make = Callable[..., Bench]

_INSERT = """
INSERT INTO video_videotranscodejob (id, video_id, tenant_id, state, attempt_count, cancel_requested, locked_by,
    locked_until, last_heartbeat_at, error_code, error_message, created_at, updated_at)
VALUES (%(id)s, %(video)s, %(tenant)s, %(state)s, %(attempt)s, %(cancel)s, %(by)s,
    now() + make_interval(secs => %(left)s), now() - make_interval(secs => %(silent)s), '', '', now(), now())
"""


@dataclass
class Jobs:
    at: Bench
    row: VideoRow

    def add(self, **values: Any) -> str:
        """A job as the API inserts it, counted in the backlog."""
        job_id = str(uuid.uuid4())
        fields = {"state": "QUEUED", "attempt": 1, "cancel": False, "by": "", "left": None, "silent": None, **values}
        with self.at.stores.db.tx() as cursor:
            cursor.execute(_INSERT, {"id": job_id, "video": self.row.id, "tenant": self.row.tenant_id, **fields})
        if fields["state"] in ("QUEUED", "RETRY_WAIT"):
            self.at.stores.redis.add(keys.video_backlog(self.row.tenant_id), 1)
        return job_id

    def message(self, job_id: str) -> VideoEncode:
        body = f'{{"job_id": "{job_id}", "video_id": {self.row.id}, "tenant_id": {self.row.tenant_id}, "file_key": ""}}'
        job = parse_video(body)
        assert isinstance(job, VideoEncode)
        return job

    def handle(self, job_id: str, **options: Any) -> Outcome:
        return self.at.handle(self.row, job=self.message(job_id), **options)

    def get(self, job_id: str) -> dict[str, Any]:
        return self.at.stores.db.query("SELECT * FROM video_videotranscodejob WHERE id = %s", (job_id,))[0]

    @property
    def backlog(self) -> int:
        return int(self.at.stores.redis.get(keys.video_backlog(self.row.tenant_id)) or 0)

    @property
    def video(self) -> str:
        return self.at.row(self.row).status


@pytest.fixture
def jobs(bench: Make, clip: Path) -> Jobs:
    at = bench(job_max_attempts=5)
    return Jobs(at, at.upload(clip))


@pytest.fixture
def broken(bench: Make) -> Jobs:
    """The upload is not there."""
    at = bench(job_max_attempts=5)
    row = at.upload(b"x")
    at.stores.r2.delete(at.bucket, [row.file_key])
    return Jobs(at, row)


def test_a_job_succeeds_together_with_its_video(jobs: Jobs) -> None:
    job_id = jobs.add()
    seen: list[tuple[str, str, int]] = []

    def look(name: str, _delivery: object) -> None:
        if name == "probing":
            seen.append((jobs.get(job_id)["state"], jobs.video, jobs.backlog))

    assert handle(staged(jobs.at, jobs.row, look, job=jobs.message(job_id))) == Done()
    assert seen == [("RUNNING", "PROCESSING", 0)], "a claim also sets the video's status"
    job = jobs.get(job_id)
    assert (job["state"], job["locked_by"], job["locked_until"]) == ("SUCCEEDED", "", None)
    assert (jobs.video, jobs.backlog) == ("READY", 0)


def test_a_failed_attempt_waits_counts_and_is_backlog_again(broken: Jobs) -> None:
    job_id = broken.add()
    assert isinstance(broken.handle(job_id), Retry)
    job = broken.get(job_id)
    assert (job["state"], job["attempt_count"], job["locked_by"]) == ("RETRY_WAIT", 2, "")
    assert "the upload is missing" in job["error_message"]
    assert (broken.video, broken.backlog) == ("UPLOADED", 1)


def test_the_fifth_attempt_is_the_last_whatever_the_queue_says(broken: Jobs) -> None:
    job_id = broken.add(attempt=4)
    assert isinstance(broken.handle(job_id, attempt=1), Reject)
    job = broken.get(job_id)
    assert (job["state"], job["attempt_count"]) == ("DEAD", 5)
    assert (broken.video, broken.backlog) == ("FAILED", 0)


def test_the_queues_last_attempt_is_the_jobs_too(broken: Jobs) -> None:
    job_id = broken.add()
    delivery = broken.at.delivery(broken.row, job=broken.message(job_id), attempt=3)
    outcome = handle(delivery)
    assert isinstance(outcome, Retry)
    exhausted(delivery, outcome.reason)
    assert (broken.get(job_id)["state"], broken.video, broken.backlog) == ("DEAD", "FAILED", 0)


def test_work_given_back_is_no_failed_attempt(jobs: Jobs) -> None:
    job_id = jobs.add()

    def stop(name: str, delivery: Any) -> None:
        if name == "probing":
            delivery.interrupt(Stopping("the worker is shutting down"))

    with pytest.raises(Stopping):
        handle(staged(jobs.at, jobs.row, stop, job=jobs.message(job_id)))
    job = jobs.get(job_id)
    assert (job["state"], job["attempt_count"], job["error_message"]) == ("RETRY_WAIT", 1, "")
    assert (jobs.video, jobs.backlog) == ("UPLOADED", 1)


def test_a_job_without_a_row_is_waited_for_not_deleted(jobs: Jobs) -> None:
    """Defect 19: JOB_NOT_FOUND_DELETE while the API's transaction was still open."""
    missing = str(uuid.uuid4())
    outcomes = [jobs.handle(missing, attempt=attempt) for attempt in (1, 2, 3)]
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Reject]
    assert isinstance(jobs.handle("not-a-uuid"), Retry)
    assert jobs.video == "UPLOADED"


@pytest.mark.parametrize("state", ["SUCCEEDED", "DEAD", "CANCELLED"])
def test_a_closed_job_is_done(jobs: Jobs, state: str, caplog: pytest.LogCaptureFixture) -> None:
    job_id = jobs.add(state=state)
    with caplog.at_level("INFO", "academyctl"):
        assert jobs.handle(job_id) == Done(f"job is {state}")
    assert f"IDEMPOTENT_SKIP | job_id={job_id} | reason={state}" in caplog.messages
    assert jobs.video == "UPLOADED"


def test_a_job_cancelled_while_it_waited_is_closed_and_leaves_the_backlog(jobs: Jobs) -> None:
    job_id = jobs.add(cancel=True)
    assert jobs.handle(job_id) == Done("job is CANCELLED")
    assert (jobs.get(job_id)["state"], jobs.backlog, jobs.video) == ("CANCELLED", 0, "UPLOADED")


def test_a_job_cancelled_while_it_runs_stops_and_is_closed(jobs: Jobs) -> None:
    job_id = jobs.add()

    def cancel(name: str, delivery: Any) -> None:
        if name == "probing":
            sql = "UPDATE video_videotranscodejob SET cancel_requested = true WHERE id = %s"
            jobs.at.stores.db.execute(sql, (job_id,))
            delivery.holds[0].renew()

    assert isinstance(handle(staged(jobs.at, jobs.row, cancel, job=jobs.message(job_id))), Defer)
    assert jobs.handle(job_id) == Done("job is CANCELLED")
    assert (jobs.get(job_id)["state"], jobs.backlog, jobs.video) == ("CANCELLED", 0, "UPLOADED")


def test_a_job_that_a_legacy_worker_still_beats_for_is_left_to_it(jobs: Jobs) -> None:
    job_id = jobs.add(state="RUNNING", by="legacy", left=3600, silent=20)
    assert isinstance(jobs.handle(job_id), Defer)
    assert jobs.get(job_id)["locked_by"] == "legacy"


def test_a_job_that_nobody_beats_for_any_more_is_taken(jobs: Jobs) -> None:
    """As the platform's stuck scan does: three minutes of silence."""
    job_id = jobs.add(state="RUNNING", by="legacy", left=3600, silent=200)
    assert jobs.handle(job_id) == Done()
    assert (jobs.get(job_id)["state"], jobs.video, jobs.backlog) == ("SUCCEEDED", "READY", 0)


def test_a_waiting_job_of_a_ready_video_is_closed(jobs: Jobs) -> None:
    """Left QUEUED it would block every later job of the video."""
    assert jobs.at.handle(jobs.row) == Done()
    job_id = jobs.add()
    assert jobs.handle(job_id) == Done("already ready")
    assert (jobs.get(job_id)["state"], jobs.backlog) == ("SUCCEEDED", 0)


def test_renewals_beat_for_the_job_too(jobs: Jobs) -> None:
    job_id = jobs.add(silent=500)
    seen: list[bool] = []

    def look(name: str, delivery: Any) -> None:
        if name == "probing":
            before = jobs.get(job_id)["last_heartbeat_at"]
            delivery.holds[0].renew()
            seen.append(jobs.get(job_id)["last_heartbeat_at"] > before)

    assert handle(staged(jobs.at, jobs.row, look, job=jobs.message(job_id))) == Done()
    assert seen == [True]

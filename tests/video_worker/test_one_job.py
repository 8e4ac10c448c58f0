"""`worker run video --job`: what AWS Batch runs, without a queue (contract 13, batch_main)."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import batch_events, keys
from academyctl.contract.messages import delete_body
from academyctl.stores import Stores
from tests.conftest import eventually
from tests.video_worker.test_cancel import ask_to_cancel
from tests.video_worker.test_jobs import Jobs
from tests.video_worker.tools import Bench, RecordingR2, RecordingStores, with_settings
from workers._signals import Inbox, Signalled
from workers.video import batch

Make = Callable[..., Bench]
Events = list[dict[str, Any]]
IDS = ("job_id", "tenant_id", "video_id", "aws_batch_job_id")


@pytest.fixture
def events() -> Iterator[Events]:
    """The events of the run, as their JSON lines carry them."""
    said: Events = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(getattr(record, "fields", {}))

    listener, logger = Listener(), logging.getLogger("academyctl.video")
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield said
    logger.removeHandler(listener)
    logger.setLevel(level)


@pytest.fixture
def jobs(stores: Stores, bench: Make, clip: Path) -> Jobs:
    """A queued video; no queue can be reached, and there is no grace."""
    nowhere = stores.settings.aws.model_copy(update={"endpoint_url": "http://127.0.0.1:9"})
    settings = with_settings(stores.settings, "worker", grace_s=0).model_copy(update={"aws": nowhere})
    cut = RecordingStores(stores, settings=settings, r2=RecordingR2(stores.settings))
    cut.reopen("sqs")
    at = bench(cut, job_max_attempts=5, lease_s=2)
    at.stores.reopen("sqs")
    return Jobs(at, at.upload(clip))


def do(jobs: Jobs, job_id: str = "", *, message: str = "", inbox: Inbox | None = None, tried: str = "1") -> int:
    """The exit code of one container."""
    environ = {"VIDEO_JOB_ID": job_id, "VIDEO_JOB_MESSAGE": message, "AWS_BATCH_JOB_ID": "aws-1",
               "AWS_BATCH_JOB_ATTEMPT": tried}  # fmt: skip
    return batch.run_job(jobs.at.worker, jobs.at.stores, environ, inbox=inbox)


def names(events: Events) -> list[str]:
    known = {event.name for event in batch_events.EVENTS}
    return [one["event"] for one in events if one.get("event") in known]


@contextmanager
def at_first_upload(jobs: Jobs, do_this: Callable[[], None], *, blocked_s: float) -> Iterator[None]:
    """When the encode publishes its first object; its thread then stands still for so long."""
    r2, once = jobs.at.stores.r2, threading.Lock()
    assert isinstance(r2, RecordingR2)

    def before(action: str, _key: str) -> None:
        if action == "put" and once.acquire(blocking=False):
            do_this()
            threading.Event().wait(blocked_s)

    r2.before = before
    yield


def lose_upload(jobs: Jobs) -> None:
    jobs.at.stores.r2.delete(jobs.at.bucket, [jobs.row.file_key])


def test_a_job_is_encoded_without_any_queue_and_a_second_run_has_nothing_to_do(jobs: Jobs, events: Events) -> None:
    job_id = jobs.add()
    assert do(jobs, job_id) == 0
    assert (jobs.get(job_id)["state"], jobs.video, jobs.backlog) == ("SUCCEEDED", "READY", 0)
    assert names(events) == ["BATCH_PROCESS_START", "BATCH_JOB_COMPLETED"]
    ours = [one for one in events if one.get("event", "").startswith("BATCH")]
    ids = (job_id, jobs.row.tenant_id, jobs.row.id, "aws-1")
    assert [tuple(one[key] for key in IDS) for one in ours] == [ids, ids]
    before = jobs.at.row(jobs.row)
    assert do(jobs, job_id) == 0
    assert names(events)[2:] == ["IDEMPOTENT_DONE"]
    assert jobs.at.row(jobs.row).updated_at == before.updated_at


@pytest.mark.parametrize("job_id", ["7e57ab5e-0000-4000-8000-000000000000", "not-a-uuid"])
def test_a_job_that_is_not_there_is_no_failure(jobs: Jobs, events: Events, job_id: str) -> None:
    assert (do(jobs, job_id), names(events)) == (0, ["JOB_NOT_FOUND"])


def test_the_job_of_a_ready_video_is_closed_without_an_encode(jobs: Jobs, events: Events) -> None:
    sql = "UPDATE video_video SET status = 'READY', hls_path = 'x/master.m3u8' WHERE id = %s"
    jobs.at.stores.db.execute(sql, (jobs.row.id,))
    job_id = jobs.add(state="RETRY_WAIT")
    assert (do(jobs, job_id), names(events)[-1]) == (0, "IDEMPOTENT_READY")
    assert (jobs.get(job_id)["state"], jobs.backlog) == ("SUCCEEDED", 0)


@pytest.mark.parametrize("state", ["SUCCEEDED", "DEAD", "CANCELLED", "FAILED"])
def test_a_closed_job_stays_as_it_is(jobs: Jobs, events: Events, state: str) -> None:
    job_id = jobs.add(state=state)
    before = jobs.get(job_id)
    assert (do(jobs, job_id), names(events), events[-1]["state"]) == (0, ["IDEMPOTENT_DONE"], state)
    assert (jobs.get(job_id), jobs.video) == (before, "UPLOADED")


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("DEAD", 1), ("CANCELLED", 1)])
def test_batchs_own_next_try_makes_no_success_of_a_job_that_has_died(jobs: Jobs, state: str, code: int) -> None:
    assert do(jobs, jobs.add(state=state), tried="2") == code


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to end")
@pytest.mark.parametrize(("said", "code"), [(0, 1), (130, 130)])
def test_a_process_that_cannot_wait_for_its_job_ends_as_no_success(jobs: Jobs, said: int, code: int) -> None:
    attempt = batch.Attempt(jobs.at.stores, "", {})
    child = os.fork()
    if not child:
        attempt.end_now(said)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code


def test_a_failed_attempt_is_counted_and_the_fifth_is_the_last(jobs: Jobs, events: Events) -> None:
    lose_upload(jobs)
    job_id = jobs.add(attempt=3)
    assert do(jobs, job_id) == 1
    job = jobs.get(job_id)
    assert (job["state"], job["attempt_count"], jobs.video, jobs.backlog) == ("RETRY_WAIT", 4, "UPLOADED", 1)
    assert "the upload is missing" in events[-1]["reason"]
    assert do(jobs, job_id) == 1
    job = jobs.get(job_id)
    assert (job["state"], job["attempt_count"], jobs.video, jobs.backlog) == ("DEAD", 5, "FAILED", 0)
    assert [name for name in names(events) if name != "BATCH_PROCESS_START"] == ["BATCH_JOB_FAILED", "BATCH_JOB_DEAD"]


def test_a_stop_gives_the_job_back_as_terminated_and_counts_no_attempt(jobs: Jobs, events: Events) -> None:
    job_id, inbox = jobs.add(), Inbox()
    with at_first_upload(jobs, lambda: inbox.put(Signalled("SIGTERM")), blocked_s=0.3):
        assert do(jobs, job_id, inbox=inbox) == 1
    job = jobs.get(job_id)
    assert (job["state"], job["error_code"], job["attempt_count"]) == ("RETRY_WAIT", "TERMINATED", 1)
    assert (jobs.video, jobs.backlog, job["locked_by"]) == ("UPLOADED", 1, "")
    assert names(events)[-1] == "BATCH_TERMINATED"


def test_a_cancelled_job_is_stopped_in_its_encode(jobs: Jobs, events: Events) -> None:
    job_id = jobs.add()

    def cancel() -> None:
        sql = "UPDATE video_videotranscodejob SET cancel_requested = true WHERE id = %s"
        jobs.at.stores.db.execute(sql, (job_id,))

    with at_first_upload(jobs, cancel, blocked_s=0.8):
        assert do(jobs, job_id) == 1
    assert (jobs.get(job_id)["state"], jobs.video, jobs.backlog) == ("CANCELLED", "UPLOADED", 0)
    assert names(events)[-1] == "BATCH_JOB_CANCELLED"


def test_a_retry_of_the_api_stops_the_encode_and_the_job_waits_for_another(jobs: Jobs, events: Events) -> None:
    """Its flag is in Redis (contract 2.1); nobody may have submitted anything instead (503)."""
    job_id = jobs.add()
    with at_first_upload(jobs, lambda: ask_to_cancel(jobs.at, jobs.row), blocked_s=0.8):
        assert do(jobs, job_id) == 1
    job = jobs.get(job_id)
    assert (job["state"], job["attempt_count"], jobs.video, jobs.backlog) == ("RETRY_WAIT", 1, "UPLOADED", 1)
    assert names(events)[-1] == "BATCH_JOB_CANCELLED"


def test_a_job_cancelled_before_it_began_encodes_nothing(jobs: Jobs, events: Events) -> None:
    job_id = jobs.add(cancel=True)
    assert (do(jobs, job_id), names(events)[-1]) == (1, "BATCH_JOB_CANCELLED")
    assert (jobs.get(job_id)["state"], jobs.video) == ("CANCELLED", "UPLOADED")


def test_a_video_deleted_meanwhile_ends_the_encode(jobs: Jobs, events: Events) -> None:
    job_id = jobs.add()

    def delete() -> None:
        with jobs.at.stores.db.tx() as cursor:
            cursor.execute("DELETE FROM video_videotranscodejob WHERE id = %s", (job_id,))
            cursor.execute("DELETE FROM video_video WHERE id = %s", (jobs.row.id,))

    with at_first_upload(jobs, delete, blocked_s=0.8):
        assert do(jobs, job_id) == 1
    assert names(events)[-1] == "WORKER_CANCELLED_BY_VIDEO_DELETE"


def test_the_lease_of_a_killed_container_is_waited_out(jobs: Jobs, events: Events) -> None:
    """kill -9: Batch's next attempt may begin while the first one's lease is still good."""
    job_id = jobs.add(state="RUNNING", by="dead:1:a", left=1.0, silent=1.0)
    lease(jobs, "dead:1:a", 1.0)
    lose_upload(jobs)
    assert do(jobs, job_id) == 1
    assert "the upload is missing" in events[-1]["reason"], "it was taken and tried"
    assert (jobs.get(job_id)["state"], jobs.get(job_id)["attempt_count"]) == ("RETRY_WAIT", 2)


@pytest.mark.parametrize(("state", "code"), [("RUNNING", 0), ("QUEUED", 1)])
def test_who_lives_keeps_the_video_and_a_job_that_waits_is_not_called_done(
    jobs: Jobs, events: Events, state: str, code: int
) -> None:
    """A queue worker encodes the video for the same job, or for a message that names none."""
    theirs = {"state": "RUNNING", "by": "live:1:a", "left": 60.0, "silent": 0.0} if state == "RUNNING" else {}
    job_id = jobs.add(**theirs)
    lease(jobs, "live:1:a", 60.0)
    before = jobs.get(job_id), jobs.at.row(jobs.row).leased_by
    impatient = Jobs(Bench(jobs.at.stores, lease_s=0), jobs.row)
    assert (do(impatient, job_id), names(events)[-1], events[-1]["state"]) == (code, "JOB_ALREADY_TAKEN", state)
    assert (jobs.get(job_id), jobs.at.row(jobs.row).leased_by) == before


def test_a_message_is_handled_as_the_queue_would_hand_it_over(jobs: Jobs, events: Events) -> None:
    row = jobs.row
    jobs.at.stores.r2.put(jobs.at.bucket, jobs.at.folder(row) + "master.m3u8", b"#EXTM3U")
    gone = delete_body(video_id=row.id, tenant_id=row.tenant_id, file_key=row.file_key,
                       hls_prefix=keys.hls_prefix(row.tenant_id, row.id), now=datetime.now(UTC))  # fmt: skip
    jobs.at.stores.db.execute("DELETE FROM video_video WHERE id = %s", (row.id,))
    assert (do(jobs, message=gone), jobs.at.names(row)) == (0, [])
    assert names(events) == ["BATCH_PROCESS_START", "BATCH_JOB_COMPLETED"]


def test_a_message_that_fails_three_times_fails_its_video(jobs: Jobs, events: Events) -> None:
    lose_upload(jobs)
    body = json.dumps({"video_id": jobs.row.id, "tenant_id": jobs.row.tenant_id})
    assert (do(jobs, message=body, tried="2"), jobs.video) == (1, "UPLOADED")
    assert (do(jobs, message=body, tried="3"), jobs.video) == (1, "FAILED")
    assert names(events)[-1] == "BATCH_JOB_FAILED"


def test_a_message_nobody_can_read_fails_and_says_why(jobs: Jobs, events: Events) -> None:
    assert (do(jobs, message="{}"), names(events)) == (1, ["BATCH_JOB_FAILED"])
    assert "video_id required" in events[-1]["reason"]


def lease(jobs: Jobs, token: str, seconds: float) -> None:
    sql = """UPDATE video_video SET status = 'PROCESSING', leased_by = %s,
             leased_until = now() + make_interval(secs => %s) WHERE id = %s"""
    jobs.at.stores.db.execute(sql, (token, seconds, jobs.row.id))
    eventually(lambda: jobs.at.row(jobs.row).leased_by == token)

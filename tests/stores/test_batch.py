"""Batch's jobs through the store, on both emulators; and what it makes of answers that are not Batch's."""

from __future__ import annotations

import pytest

from academyctl.errors import AwsError
from academyctl.stores.batch import STATUSES, Batch
from academyctl.stores.batch_jobs import Gate, gate_of
from tests.conftest import Emulator
from tests.local.test_batch_semantics import Desk, desk

__all__ = ["desk"]
JOB_ID = "11111111-0000-4000-8000-000000000001"


def test_a_job_is_found_again_by_its_name_with_the_id_that_it_was_given(aws_emulator: Emulator, desk: Desk) -> None:
    batch, queue = Batch(aws_emulator.clients), desk.names.batch_queue
    made = batch.submit(queue, desk.names.batch_job, "video-11111111", job_id=JOB_ID)
    # Its id in capitals: the same row's, or a reconcile would take the job for nobody's and end it.
    other = batch.submit(queue, desk.names.batch_job, "video-22222222", job_id=JOB_ID.replace("1111", "ABCD"))
    assert batch.named(queue, "video-11111111") == [made]
    assert set(batch.ids(queue, STATUSES)) == {made, other}
    found = batch.describe([made, other, "no-such-job"])
    job = found[made]
    assert found[other].job_id == JOB_ID.replace("1111", "abcd")
    assert (job.job_id, job.name, job.environment["VIDEO_JOB_ID"]) == (JOB_ID, "video-11111111", JOB_ID)
    batch.terminate(made, "a test")
    batch.terminate("no-such-job", "a test")
    desk.ended(made)


def test_what_is_not_there_is_none_and_a_queue_that_is_not_an_error(aws_emulator: Emulator, desk: Desk) -> None:
    batch = Batch(aws_emulator.clients)
    assert (batch.raw_queue("no-such-queue"), batch.raw_definition("no-such-job")) == (None, None)
    assert batch.raw_definition(desk.names.batch_job) is not None
    with pytest.raises(AwsError, match="batch:SubmitJob"):
        batch.submit("no-such-queue", desk.names.batch_job, "video-1", job_id=JOB_ID)


@pytest.mark.parametrize(
    ("video", "jobs", "gate"),
    [
        (None, [], Gate.not_found),
        ("UPLOADED", [], Gate.open),
        ("UPLOADED", ["DEAD", "SUCCEEDED"], Gate.open),
        ("UPLOADED", ["RETRY_WAIT"], Gate.active),
        ("READY", [], Gate.not_uploaded),
        ("UPLOADED", ["DEAD"] * 10, Gate.per_video_limit),
    ],
)
def test_the_platforms_conditions_of_a_submission(video: str | None, jobs: list[str], gate: Gate) -> None:
    assert gate_of(video, jobs) is gate

"""`batch submit` and `batch cancel` on the stack: what they say is what they do, once, also when they are stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import delete_body, encode_body
from academyctl.stores import Stores
from academyctl.stores.batch_jobs import SUBMITTING
from tests.batch.conftest import Desk
from tests.video_commands.conftest import Cli

Upload = Callable[..., int]


def changes(cli: Cli, *words: object) -> list[str]:
    ran = cli(*words, "--output", "json")
    assert ran.code == 0, ran.err
    return [one["change"] for one in ran.json["changes"]]


def test_a_dry_run_shows_what_apply_does_and_changes_nothing(cli: Cli, desk: Desk, upload: Upload) -> None:
    video, other = upload(), upload()
    before = desk.all()
    shown = changes(cli, "batch", "submit", video, other)
    assert desk.all() == before
    assert changes(cli, "batch", "submit", video, other, "--apply") == shown
    assert len(shown) == 4
    for row in desk.rows():
        assert (row["state"], str(row["current_job_id"]), row["video_status"]) == ("QUEUED", str(row["id"]), "UPLOADED")
    jobs = {one["jobId"]: one for one in desk.jobs()}
    for row in desk.rows():
        job = jobs.pop(row["aws_batch_job_id"])
        assert (job["jobName"], job["parameters"]) == (f"video-{str(row['id'])[:8]}", {"job_id": str(row["id"])})
        assert {"name": "VIDEO_JOB_ID", "value": str(row["id"])} in job["container"]["environment"]
    assert jobs == {}
    assert desk.stores.redis.get(keys.video_backlog(desk.rows()[0]["tenant_id"])) == "2"


def test_a_second_apply_changes_nothing(cli: Cli, desk: Desk, upload: Upload) -> None:
    video = upload()
    cli("batch", "submit", video, "--apply")
    before = desk.all()
    assert changes(cli, "batch", "submit", video, "--apply") == []
    assert desk.all() == before


def test_a_submission_killed_after_its_row_is_completed_by_the_same_command(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores
) -> None:
    video = upload()
    first = changes(cli, "batch", "submit", video)[0].split()[2]
    stores.batch_jobs.insert(first, video, 1)
    assert desk.rows()[0]["aws_batch_job_id"] == SUBMITTING
    (left,) = changes(cli, "batch", "submit", video, "--apply")
    assert left.startswith(f"submit video-{first[:8]}")
    assert [one["jobId"] for one in desk.jobs()] == [desk.rows()[0]["aws_batch_job_id"]]


def test_a_submission_killed_after_submitjob_is_noted_and_not_submitted_twice(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores
) -> None:
    video = upload()
    first = changes(cli, "batch", "submit", video)[0].split()[2]
    stores.batch_jobs.insert(first, video, 1)
    aws_id = desk.submit(first)
    (noted,) = changes(cli, "batch", "submit", video, "--apply")
    assert noted.startswith(f"note Batch job {aws_id}")
    assert [one["jobId"] for one in desk.jobs()] == [desk.rows()[0]["aws_batch_job_id"]] == [aws_id]


def test_a_plan_that_was_made_before_the_other_ones_apply_submits_nothing(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores
) -> None:
    """Two operators at once: the second one's plan finds another state."""
    from academyctl.ops.batch_gather import target, videos
    from academyctl.ops.batch_plans import plan_submit
    from academyctl.repairs import Changed

    video = upload()
    where = target(stores)
    late = plan_submit(videos(stores, [video], where.queue), where)
    cli("batch", "submit", video, "--apply")
    before = desk.all()
    for repair in late.repairs:
        with pytest.raises(Changed):
            repair.do(stores)
    assert desk.all() == before


def test_refused_videos_are_named_and_nothing_is_submitted(cli: Cli, desk: Desk, upload: Upload) -> None:
    fine, failed = upload(), upload(status="FAILED")
    before = desk.all()
    ran = cli("batch", "submit", fine, failed, "--apply")
    assert (ran.code, f"video {failed}: not_uploaded (FAILED)" in ran.err) == (1, True)
    assert desk.all() == before


def test_a_job_that_waits_for_its_next_try_is_submitted_by_its_id(cli: Cli, desk: Desk, upload: Upload) -> None:
    cli("batch", "submit", upload(), "--apply")
    (row,), (first,) = desk.rows(), desk.jobs()
    desk.batch.terminate_job(jobId=first["jobId"], reason="a test")
    desk.stores.db.execute("UPDATE video_videotranscodejob SET state = 'RETRY_WAIT', attempt_count = 2")
    (shown,) = changes(cli, "batch", "submit", "--job-id", row["id"], "--apply")
    assert shown.endswith(f"instead of Batch job {first['jobId']}")
    assert desk.rows()[0]["aws_batch_job_id"] == desk.jobs()[1]["jobId"]
    assert changes(cli, "batch", "submit", "--job-id", row["id"], "--apply") == []
    desk.stores.db.execute("UPDATE video_videotranscodejob SET state = 'DEAD'")
    assert cli("batch", "submit", "--job-id", row["id"], "--apply").code == 1


def test_a_queue_that_is_off_is_told_before_a_row_is_made(cli: Cli, desk: Desk, upload: Upload) -> None:
    video = upload()
    desk.batch.update_job_queue(jobQueue=desk.names.batch_queue, state="DISABLED")
    ran = cli("batch", "submit", video, "--apply")
    assert (ran.code, "takes no jobs" in ran.err, desk.rows()[0]["id"]) == (1, True, None)


def test_cancelling_ends_both_sides_and_a_second_time_does_nothing(cli: Cli, desk: Desk, upload: Upload) -> None:
    video = upload()
    cli("batch", "submit", video, "--apply")
    before = desk.all()
    shown = changes(cli, "batch", "cancel", "--video", video)
    assert desk.all() == before
    assert changes(cli, "batch", "cancel", "--video", video, "--apply") == shown
    assert [one["state"] for one in desk.rows()] == ["CANCELLED"]
    assert [(one["status"], one["statusReason"]) for one in desk.jobs()] == [("FAILED", "cancelled by an operator")]
    assert desk.stores.redis.get(keys.video_backlog(desk.rows()[0]["tenant_id"])) == "0"
    before = desk.all()
    assert changes(cli, "batch", "cancel", desk.jobs()[0]["jobId"], "--apply") == []
    assert desk.all() == before


def test_a_cancel_killed_after_the_row_still_ends_the_batch_job(cli: Cli, desk: Desk, upload: Upload) -> None:
    video = upload()
    cli("batch", "submit", video, "--apply")
    desk.stores.db.execute("UPDATE video_videotranscodejob SET state = 'CANCELLED', cancel_requested = true")
    (left,) = changes(cli, "batch", "cancel", "--video", video, "--apply")
    assert left.startswith("terminate Batch job")
    assert desk.jobs()[0]["status"] == "FAILED"


def test_cancelling_a_submission_that_was_killed_ends_what_it_made(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores
) -> None:
    video = upload()
    first = changes(cli, "batch", "submit", video)[0].split()[2]
    stores.batch_jobs.insert(first, video, 1)
    desk.submit(first)
    assert len(changes(cli, "batch", "cancel", "--video", video, "--apply")) == 2
    assert (desk.rows()[0]["state"], desk.jobs()[0]["status"]) == ("CANCELLED", "FAILED")


def test_the_undo_of_a_submission_is_a_command_that_undoes_it(cli: Cli, desk: Desk, upload: Upload) -> None:
    video = upload()
    ran = cli("batch", "submit", video, "--apply", "--output", "json")
    program, *words = ran.json["changes"][-1]["undo"].split()
    assert (program, cli(*words).code) == ("academyctl", 0)
    assert (desk.rows()[0]["state"], desk.jobs()[0]["status"]) == ("CANCELLED", "FAILED")
    # And the undo of that one is a new submission.
    assert cli("batch", "submit", video, "--apply").code == 0
    assert sorted(one["state"] for one in desk.rows()) == ["CANCELLED", "QUEUED"]


def test_messages_of_the_queue_become_jobs_and_what_cannot_stays(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores, platform_env: dict[str, str]
) -> None:
    queue, now = platform_env["VIDEO_SQS_QUEUE_NAME"], datetime.now(UTC)
    video = upload()
    stores.sqs.send(queue, encode_body(video_id=video, tenant_id=1, file_key="k", tenant_code="demo", now=now))
    stores.sqs.send(queue, delete_body(video_id=9, tenant_id=1, file_key="k", hls_prefix="p", now=now))
    before = desk.all()
    assert len(changes(cli, "batch", "submit", "--from-queue", 5)) == 2
    assert (desk.all(), stores.sqs.attributes(queue).visible) == (before, 2)
    ran = cli("batch", "submit", "--from-queue", 5, "--apply")
    assert ran.code == 0, ran.err
    assert f"video {video}: submitted" in ran.out
    assert "stays in" in ran.out
    depth = stores.sqs.attributes(queue)
    assert (depth.visible, depth.in_flight, len(desk.jobs())) == (0, 1, 1)

"""`batch reconcile` on the stack, with jobs that really ended: contract 13, and nothing at all on half a view."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from academyctl.contract import keys
from academyctl.local import resources
from academyctl.repairs import Changed
from academyctl.stores import Stores
from tests.batch.conftest import Desk
from tests.batch.test_submit import changes
from tests.video_commands.conftest import Cli

Upload = Callable[..., int]
FAILS = "raise SystemExit(1)"


@pytest.fixture
def failed(cli: Cli, desk: Desk, upload: Upload) -> str:
    """A job whose container ended without a word, ten minutes ago; its Batch job's id."""
    desk.define(FAILS)
    desk.power(on=True)
    cli("batch", "submit", upload(), "--apply")
    aws_id = str(desk.rows()[0]["aws_batch_job_id"])
    desk.ended(aws_id, "FAILED")
    desk.power(on=False)
    desk.age(10)
    return aws_id


def test_a_failure_is_counted_and_submitted_again_once(cli: Cli, desk: Desk, failed: str) -> None:
    before = desk.all()
    shown = changes(cli, "batch", "reconcile")
    assert desk.all() == before
    assert changes(cli, "batch", "reconcile", "--apply") == shown
    (row,) = desk.rows()
    assert (row["state"], row["attempt_count"]) == ("RETRY_WAIT", 2)
    assert row["last_counted_failure_aws_batch_job_id"] == failed
    assert [one["jobId"] for one in desk.jobs()] == [failed, row["aws_batch_job_id"]]
    before = desk.all()
    assert changes(cli, "batch", "reconcile", "--apply") == []
    desk.age(10)
    assert changes(cli, "batch", "reconcile") == []


def test_a_reconcile_killed_after_any_of_its_changes_is_completed(
    cli: Cli, desk: Desk, failed: str, stores: Stores
) -> None:
    from academyctl.ops.batch_gather import picture, target
    from academyctl.ops.batch_reconcile import plan

    where = target(stores)
    early, _ = plan(picture(stores, where.queue), where, max_attempts=5).repairs
    stores.db.execute("UPDATE video_videotranscodejob SET updated_at = now()")
    with pytest.raises(Changed, match="no longer QUEUED as it was seen"):
        early.do(stores)  # somebody has beaten for it since
    desk.age(10)
    first, _ = plan(picture(stores, where.queue), where, max_attempts=5).repairs
    first.do(stores)
    (left,) = changes(cli, "batch", "reconcile")
    assert left.startswith("submit video-")
    # Killed once more: SubmitJob was answered, nothing was noted.
    aws_id = desk.submit(str(desk.rows()[0]["id"]))
    (noted,) = changes(cli, "batch", "reconcile", "--apply")
    assert noted.startswith(f"note Batch job {aws_id}")
    (row,) = desk.rows()
    assert (row["state"], row["attempt_count"], row["aws_batch_job_id"]) == ("RETRY_WAIT", 2, aws_id)
    assert [one["jobId"] for one in desk.jobs()] == [failed, aws_id]


def test_the_fifth_failure_is_dead_and_the_video_failed(cli: Cli, desk: Desk, failed: str, stores: Stores) -> None:
    stores.db.execute("UPDATE video_videotranscodejob SET attempt_count = 5")
    (shown,) = changes(cli, "batch", "reconcile", "--apply")
    (row,) = desk.rows()
    assert (row["state"], row["error_code"], row["video_status"]) == ("DEAD", "RECONCILE_MAX_ATTEMPTS", "FAILED")
    told = stores.redis.get_json(keys.video_status(row["tenant_id"], row["video_id"]))
    assert (told or {})["status"] == "FAILED"
    assert failed in shown
    assert len(desk.jobs()) == 1


def test_when_describejobs_fails_nothing_changes_at_all(
    cli: Cli, desk: Desk, failed: str, stores: Stores, upload: Upload
) -> None:
    """Another row could be mended without Batch: it is not, either."""
    video = upload()
    for number in (1, 2):
        stores.db.execute(
            "INSERT INTO video_videotranscodejob (id, video_id, tenant_id, state, attempt_count, cancel_requested, "
            "locked_by, error_code, error_message, created_at, updated_at) VALUES (gen_random_uuid(), %s, 1, 'QUEUED', "
            "1, false, '', '', '', now() - make_interval(mins => %s), now())",
            (video, number),
        )
    key, secret = _may_everything_but(stores, "batch:DescribeJobs")
    before = desk.all()
    cli.set(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    ran = cli("batch", "reconcile", "--apply")
    assert (ran.code, "batch:DescribeJobs" in ran.err) == (3, True)
    assert desk.all() == before
    assert not stores.redis.exists(keys.batch_reconcile_lock())
    assert failed in before


def test_a_batch_job_without_a_row_is_ended_unless_it_is_new(cli: Cli, desk: Desk) -> None:
    desk.define("import time; print('up', flush=True); time.sleep(60)")
    new = desk.submit("99999999-0000-4000-8000-000000000001")
    ran = cli("batch", "reconcile", "--apply")
    assert (ran.code, f"{new} (video-99999999, RUNNABLE) has no row; left" in ran.out) == (0, True)
    desk.power(on=True)
    desk.ended(new, "RUNNING")
    (ended,) = changes(cli, "batch", "reconcile", "--apply")
    assert ended.startswith(f"terminate Batch job {new}")
    desk.ended(new, "FAILED")
    assert changes(cli, "batch", "reconcile", "--apply") == []


def test_unknown_to_batch_is_remembered_and_believed_later(
    cli: Cli, desk: Desk, upload: Upload, stores: Stores
) -> None:
    cli("batch", "submit", upload(), "--apply")
    stores.db.execute(
        "UPDATE video_videotranscodejob SET aws_batch_job_id = 'gone', updated_at = now() - interval '6m'"
    )
    # What was submitted for the row is not what it names, and is its job all the same: it is ended here.
    desk.batch.terminate_job(jobId=desk.jobs()[0]["jobId"], reason="a test")
    (first,) = changes(cli, "batch", "reconcile", "--apply")
    assert first.endswith("(time 1 of 3)")
    assert changes(cli, "batch", "reconcile", "--apply") == []
    desk.age(30)
    assert len(changes(cli, "batch", "reconcile", "--apply")) == 2
    assert [one["status"] for one in desk.jobs()] == ["FAILED", "RUNNABLE"]


def test_the_platforms_own_reconcile_keeps_ours_out(cli: Cli, desk: Desk, failed: str, stores: Stores) -> None:
    stores.redis.set(keys.batch_reconcile_lock(), "1", ttl_s=600)
    before = desk.all()
    ran = cli("batch", "reconcile", "--apply")
    assert (ran.code, "another reconcile is at work" in ran.err) == (1, True)
    assert desk.all() == before
    assert stores.redis.get(keys.batch_reconcile_lock()) == "1"
    assert failed in cli("batch", "reconcile").out


def _may_everything_but(stores: Stores, action: str) -> tuple[str, str]:
    import json

    name = f"no-{action.replace(':', '-')}"
    key = resources.create_user(stores.fleet_clients, name, "*")
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    stores.fleet_clients("iam").put_user_policy(UserName=name, PolicyName="deny", PolicyDocument=policy)
    return key

"""Videos encoded by AWS Batch, end to end on the local stack: real containers' commands, without any right to SQS."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from academyctl.local import batch_resources, resources
from academyctl.local.platform_api import upload_lecture
from academyctl.stores import Stores
from tests.batch.conftest import Desk, batch_clients, cli, desk, platform_env
from tests.clips import tiny
from tests.conftest import eventually, make_session
from tests.video_commands.conftest import Cli

__all__ = ["batch_clients", "cli", "desk", "platform_env"]
_OURS = ("AWS_", "DB_", "R2_", "REDIS_", "VIDEO_")


@pytest.fixture
def uploads(stores: Stores, tmp_path: Path) -> list[int]:
    """Three lectures as the API leaves them: UPLOADED, a message each."""
    make_session(stores)
    clip = tiny(tmp_path / "clip.mp4")
    return [upload_lecture(stores, clip, title=f"{number}강").video_id for number in (1, 2, 3)]


@pytest.fixture
def encodes(desk: Desk, platform_env: Mapping[str, str], tmp_path: Path) -> Desk:
    """The real worker in each job, with the test's platform and a key that may not speak to SQS."""
    key, secret = resources.create_user(desk.stores.fleet_clients, f"batch-{uuid.uuid4().hex[:8]}", "logs:*")
    env = {name: value for name, value in platform_env.items() if name.startswith(_OURS)}
    env |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "VIDEO_WORKER_TEMP_DIR": str(tmp_path / "work")}
    given = [{"name": name, "value": value} for name, value in env.items()]
    desk.batch.register_job_definition(
        **batch_resources.definition(desk.names.batch_job, desk.names.batch_log_group, environment=given)
    )
    return desk


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_videos_are_encoded_by_batch_and_a_killed_machine_loses_none(
    cli: Cli, encodes: Desk, uploads: list[int], stores: Stores, platform_env: Mapping[str, str]
) -> None:
    queue = platform_env["VIDEO_SQS_QUEUE_NAME"]
    function = f"t-{uuid.uuid4().hex[:12]}-to-batch"
    cli.set(ACADEMYCTL_BATCH_LAMBDA=function)

    # Two by hand, and the machine of the first is taken away before it could say anything.
    assert cli("batch", "submit", "--from-queue", 2, "--apply").code == 0
    encodes.power(on=True)
    jobs = {row["aws_batch_job_id"]: row for row in encodes.rows() if row["id"] is not None}
    killed = next(iter(jobs))
    encodes.ended(killed, "RUNNING")
    encodes.batch.terminate_job(jobId=killed, reason="Host EC2 (instance i-0) terminated.")
    encodes.ended(killed, "FAILED")
    assert stores.videos.rows(uploads)[jobs[killed]["video_id"]].status != "READY"

    # The third by the function, fed by the queue itself.
    deployed = cli("lambda", "deploy", "sqs-to-batch", "--apply")
    assert deployed.code == 0, deployed.err
    try:
        encodes.age(10)
        mended = cli("batch", "reconcile", "--apply")
        assert mended.code == 0, mended.err
        eventually(lambda: all(row.status == "READY" for row in stores.videos.rows(uploads).values()), 60, every=0.2)
    finally:
        _remove(stores, function)
    eventually(lambda: {one["status"] for one in encodes.jobs()} == {"SUCCEEDED", "FAILED"})
    assert [one["jobId"] for one in encodes.jobs() if one["status"] == "FAILED"] == [killed]
    assert {row["state"] for row in encodes.rows() if row["id"] is not None} == {"SUCCEEDED"}
    depth, dead = stores.sqs.attributes(queue), stores.sqs.attributes(f"{queue}-dlq")
    assert (depth.visible, depth.in_flight, dead.visible) == (0, 0, 0)
    assert cli("batch", "reconcile").out.startswith("the rows and Batch agree")
    logged = cli("batch", "logs", jobs[killed]["video_id"])
    assert "BATCH_JOB_COMPLETED" in logged.out


def _remove(stores: Stores, function: str) -> None:
    client = stores.fleet_clients("lambda")
    for mapping in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=mapping["UUID"])
    client.delete_function(FunctionName=function)

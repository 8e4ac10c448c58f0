"""What AWS Batch does with a job, on the emulators: where one differs, tests/local/gaps.py says so."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from academyctl.local import batch_resources
from academyctl.settings_model import Fleet
from tests.conftest import Emulator, eventually

ENDED = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True)
class Desk:
    """A compute environment, a queue and a log group of the test's own."""

    client: Any
    logs: Any
    names: Fleet

    def define(self, code: str, **changes: Any) -> str:
        """A job definition that runs this Python; its name."""
        name = f"{self.names.batch_job}-{uuid.uuid4().hex[:8]}"
        words = [sys.executable, "-c", code, *changes.pop("arguments", [])]
        container = changes.pop("container", {})
        made = batch_resources.definition(name, self.names.batch_log_group, command=words, **container)
        self.client.register_job_definition(**{**made, **changes})
        return name

    def submit(self, definition: str, **changes: Any) -> str:
        answer = self.client.submit_job(
            jobName=changes.pop("jobName", "a-job"), jobQueue=self.names.batch_queue, jobDefinition=definition,
            **changes,
        )  # fmt: skip
        return str(answer["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_jobs(jobs=[job_id])["jobs"][0]
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        eventually(lambda: self.job(job_id)["status"] in ENDED)
        return self.job(job_id)

    def lines(self, job_id: str) -> list[str]:
        stream = self.job(job_id)["container"]["logStreamName"]
        events = self.logs.get_log_events(
            logGroupName=self.names.batch_log_group, logStreamName=stream, startFromHead=True
        )["events"]
        return [one["message"] for one in events]


@pytest.fixture
def desk(aws_emulator: Emulator) -> Iterator[Desk]:
    word = uuid.uuid4().hex[:12]
    names = Fleet(
        batch_queue=f"{word}-queue", batch_job=f"{word}-job", batch_compute=f"{word}-ce", batch_log_group=f"/{word}"
    )
    batch_resources.create_batch(aws_emulator.clients, names)
    made = Desk(aws_emulator.clients("batch"), aws_emulator.clients("logs"), names)
    yield made
    made.client.update_job_queue(jobQueue=names.batch_queue, state="DISABLED")
    made.client.delete_job_queue(jobQueue=names.batch_queue)


def test_a_jobs_command_runs_with_its_parameters_and_environment(desk: Desk) -> None:
    code = "import os, sys; print(sys.argv[1], os.environ['HUE'], os.environ['AWS_BATCH_JOB_ID'])"
    definition = desk.define(
        code, arguments=["Ref::word"], container={"environment": [{"name": "HUE", "value": "red"}]}
    )
    override = {"environment": [{"name": "HUE", "value": "청색"}]}
    job = desk.submit(definition, parameters={"word": "hello"}, containerOverrides=override)
    assert desk.ended(job)["status"] == "SUCCEEDED"
    assert desk.lines(job) == [f"hello 청색 {job}"]


def test_a_command_that_fails_is_a_failed_job_with_its_exit_code(desk: Desk) -> None:
    job = desk.ended(desk.submit(desk.define("raise SystemExit(7)")))
    assert (job["status"], job["container"]["exitCode"], len(job["attempts"])) == ("FAILED", 7, 1)


def test_a_parameter_that_nobody_gives_fails_the_job_before_it_runs(desk: Desk) -> None:
    job = desk.ended(desk.submit(desk.define("print(1)", arguments=["Ref::job_id"])))
    assert (job["status"], job["statusReason"]) == ("FAILED", "No parameter found for reference job_id")


def test_the_exit_decides_whether_a_job_is_tried_again(desk: Desk) -> None:
    rules = [{"onExitCode": "1", "action": "RETRY"}, {"onExitCode": "*", "action": "EXIT"}]
    strategy = {"attempts": 3, "evaluateOnExit": rules}
    code = "import os; raise SystemExit({'1': 1, '2': 2}[os.environ['AWS_BATCH_JOB_ATTEMPT']])"
    job = desk.ended(desk.submit(desk.define(code, retryStrategy=strategy)))
    assert [one["container"]["exitCode"] for one in job["attempts"]] == [1, 2]


def test_terminating_a_job_asks_its_process_to_end(desk: Desk) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), sys.exit(3)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    job = desk.submit(desk.define(code, retryStrategy={"attempts": 3}))
    eventually(lambda: desk.job(job)["status"] in ("RUNNING", *ENDED))
    eventually(lambda: desk.lines(job) == ["up"])
    desk.client.terminate_job(jobId=job, reason="no longer wanted")
    ended = desk.ended(job)
    assert (ended["status"], ended["statusReason"], ended["isTerminated"]) == ("FAILED", "no longer wanted", True)
    assert (len(ended["attempts"]), ended["container"]["exitCode"], desk.lines(job)) == (1, 3, ["up", "asked"])


def test_jobs_wait_while_the_compute_environment_is_off(desk: Desk) -> None:
    desk.client.update_compute_environment(computeEnvironment=desk.names.batch_compute, state="DISABLED")
    job, other = (desk.submit(desk.define("print(1)"), jobName=name) for name in ("waits", "is-cancelled"))
    assert desk.job(job)["status"] == "RUNNABLE"
    desk.client.cancel_job(jobId=other, reason="a mistake")
    assert (desk.ended(other)["status"], desk.job(other)["statusReason"]) == ("FAILED", "a mistake")
    desk.client.update_compute_environment(computeEnvironment=desk.names.batch_compute, state="ENABLED")
    assert desk.ended(job)["status"] == "SUCCEEDED"


def test_jobs_are_listed_by_status_and_by_name_in_every_status(desk: Desk) -> None:
    fine, bad = desk.define("print(1)"), desk.define("raise SystemExit(1)")
    one, two = desk.submit(fine, jobName="video-aaaa"), desk.submit(bad, jobName="video-aaab")
    desk.ended(one), desk.ended(two)

    def listed(**asked: Any) -> set[str]:
        return {
            job["jobId"] for job in desk.client.list_jobs(jobQueue=desk.names.batch_queue, **asked)["jobSummaryList"]
        }

    assert listed(jobStatus="FAILED") == {two}
    assert listed() == set()  # without a status: those that run
    assert listed(filters=[{"name": "JOB_NAME", "values": ["video-aaaa"]}]) == {one}
    assert listed(filters=[{"name": "JOB_NAME", "values": ["video-a*"]}]) == {one, two}


@pytest.mark.parametrize("wrong", ["queue", "definition"])
def test_a_submission_to_what_is_not_there_is_refused(desk: Desk, wrong: str) -> None:
    definition = "no-such-job" if wrong == "definition" else desk.define("print(1)")
    queue = "no-such-queue" if wrong == "queue" else desk.names.batch_queue
    with pytest.raises(ClientError) as refused:
        desk.client.submit_job(jobName="a-job", jobQueue=queue, jobDefinition=definition)
    assert refused.value.response["Error"]["Code"] == "ClientException"


def test_a_queue_that_is_off_takes_no_job(desk: Desk) -> None:
    definition = desk.define("print(1)")
    desk.client.update_job_queue(jobQueue=desk.names.batch_queue, state="DISABLED")
    with pytest.raises(ClientError, match="ENABLED"):
        desk.submit(definition)


def test_making_batch_again_changes_nothing(aws_emulator: Emulator, desk: Desk) -> None:
    describe = desk.client.describe_job_definitions
    before = describe(jobDefinitionName=desk.names.batch_job)["jobDefinitions"]
    batch_resources.create_batch(aws_emulator.clients, desk.names)
    assert describe(jobDefinitionName=desk.names.batch_job)["jobDefinitions"] == before
    assert len(before) == 1

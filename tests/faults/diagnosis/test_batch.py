"""AWS Batch on the stack: rightly absent, in order, or with a real part missing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from academyctl.local.stack import LocalStack
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import Fleet
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from tests.conftest import Emulator, eventually

V = Verdict
NAMES = ("VIDEO_BATCH_JOB_QUEUE", "VIDEO_BATCH_JOB_DEFINITION", "VIDEO_BATCH_COMPUTE_ENVIRONMENT")
ACCOUNT = "000000000000"
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}'


@dataclass(frozen=True)
class OwnBatch:
    """A job queue with its compute environment, job definition and image; all of them are called `name`."""

    env: dict[str, str]
    name: str
    clients: ClientFactory

    @property
    def image(self) -> str:
        return f"{ACCOUNT}.dkr.ecr.ap-northeast-2.amazonaws.com/{self.name}:latest"

    def compute(self, *, state: str = "ENABLED", vcpus: int = 40) -> None:
        self.clients("batch").create_compute_environment(
            computeEnvironmentName=self.name, type="MANAGED", state=state,
            computeResources={"type": "SPOT", "minvCpus": 0, "maxvCpus": vcpus, "instanceTypes": ["c6g.xlarge"],
                              "subnets": ["subnet-1"], "instanceRole": "ecsInstanceRole"},
        )  # fmt: skip

    def queue(self, *, state: str = "ENABLED") -> None:
        order = [{"order": 1, "computeEnvironment": self.name}]
        self.clients("batch").create_job_queue(
            jobQueueName=self.name, state=state, priority=1, computeEnvironmentOrder=order
        )

    def definition(self) -> None:
        container = {"image": self.image, "vcpus": 8, "memory": 16384, "command": ["true"]}
        self.clients("batch").register_job_definition(
            jobDefinitionName=self.name, type="container", containerProperties=container
        )

    def push(self) -> None:
        ecr = self.clients("ecr")
        ecr.create_repository(repositoryName=self.name)
        ecr.put_image(repositoryName=self.name, imageManifest=MANIFEST, imageTag="latest")

    def look(self) -> Diagnosis:
        return diagnosed(self.env, ["batch"])


@pytest.fixture
def own(stack: LocalStack, fleet_clients: ClientFactory) -> OwnBatch:
    """Names of a test's own; the emulator has no call that removes them."""
    name = f"batch-{uuid.uuid4().hex[:12]}"
    return OwnBatch({**stack.env(), **dict.fromkeys(NAMES, name)}, name, fleet_clients)


def test_an_account_without_batch_is_in_order(moto_emulator: Emulator, stack: LocalStack) -> None:
    # The stack's own emulator has a Batch; no test makes one with the default names in the other.
    found = diagnosed({**stack.env(), "AWS_ENDPOINT_URL": moto_emulator.endpoint}, ["batch"])
    assert (found.verdict, exit_code(found.state)) == (Verdict.healthy, 0)
    assert "batch.not-used" in {one.code for one in found.findings}


def test_a_whole_batch_is_green(own: OwnBatch) -> None:
    for make in (own.compute, own.queue, own.definition, own.push):
        make()
    own.clients("batch").submit_job(jobName="video-1", jobQueue=own.name, jobDefinition=own.name)
    found = own.look()
    assert found.verdict is Verdict.healthy
    assert {one.state for one in found.findings} == {State.ok}


@dataclass(frozen=True)
class Fault:
    name: str
    made: Callable[[OwnBatch], None]
    code: str
    verdict: Verdict


def _all_but_queue(own: OwnBatch) -> None:
    own.compute()
    own.definition()


def _nothing(own: OwnBatch) -> None:
    assert own.name


def _queue_off(own: OwnBatch) -> None:
    own.compute()
    own.queue(state="DISABLED")
    own.definition()
    own.push()


def _compute_off(own: OwnBatch) -> None:
    own.compute(state="DISABLED")
    own.queue()
    own.definition()
    own.push()


def _no_vcpus(own: OwnBatch) -> None:
    own.compute(vcpus=0)
    own.queue()
    own.definition()
    own.push()


def _no_definition(own: OwnBatch) -> None:
    own.compute()
    own.queue()


def _no_image(own: OwnBatch) -> None:
    own.compute()
    own.queue()
    own.definition()


FAULTS = (
    Fault("the queue is gone", _all_but_queue, "batch.queue-missing", V.infrastructure),
    Fault("the settings name a queue that is not there", _nothing, "batch.queue-missing", V.infrastructure),
    Fault("the queue is off", _queue_off, "batch.queue-off", V.infrastructure),
    Fault("the compute environment is off", _compute_off, "batch.compute-off", V.infrastructure),
    Fault("the compute environment may start nothing", _no_vcpus, "batch.no-vcpus", V.capacity),
    Fault("the job definition is gone", _no_definition, "batch.job-missing", V.infrastructure),
    Fault("the image is gone", _no_image, "batch.image-missing", V.infrastructure),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_batch_has_one_root_cause(own: OwnBatch, fault: Fault) -> None:
    fault.made(own)
    found = own.look()
    assert [one.code for one in red(found)] == [one.code for one in roots(found.findings)] == [fault.code]
    assert (found.verdict, exit_code(found.state)) == (fault.verdict, 1)


def test_jobs_that_failed_are_told(moto_emulator: Emulator, stack: LocalStack) -> None:
    # The stack's own emulator calls every job a success; this one fails them for want of docker.
    batch, name = moto_emulator.clients("batch"), f"batch-{uuid.uuid4().hex[:12]}"
    role = moto_emulator.clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    batch.create_compute_environment(computeEnvironmentName=name, type="UNMANAGED", state="ENABLED", serviceRole=role)
    order = [{"order": 1, "computeEnvironment": name}]
    batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    container = {"image": "busybox", "vcpus": 1, "memory": 128}
    batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=container)
    batch.submit_job(jobName="video-1", jobQueue=name, jobDefinition=name)
    fleet = Fleet(moto_emulator.clients)
    eventually(lambda: fleet.jobs(name, "FAILED"), every=0.1)
    names = dict.fromkeys(NAMES, name)
    found = diagnosed({**stack.env(), **names, "AWS_ENDPOINT_URL": moto_emulator.endpoint}, ["batch"])
    assert [one.code for one in roots(found.findings)] == ["batch.failed-jobs"]
    assert (found.verdict, found.state) == (Verdict.code, State.warn)

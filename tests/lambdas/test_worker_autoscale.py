"""The older function (contract 8.2): it starts stopped instances, more than one, and none that it should not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.ops.lambdas import worker_autoscale
from tests.lambdas.conftest import World


@dataclass
class Machines:
    """EC2 instances under a Name tag of the test's own."""

    ec2: Any
    world: World
    tag: str

    def make(self, count: int, *, stopped: bool = True) -> list[str]:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": self.tag}]}]
        made = self.ec2.run_instances(ImageId="ami-12c6146b", MinCount=count, MaxCount=count, TagSpecifications=tags)
        ids = [str(one["InstanceId"]) for one in made["Instances"]]
        if stopped:
            self.ec2.stop_instances(InstanceIds=ids)
        return ids

    def running(self) -> set[str]:
        filters = [{"Name": "tag:Name", "Values": [self.tag]}]
        found = self.ec2.describe_instances(Filters=filters)["Reservations"]
        all_of_them = [one for reservation in found for one in reservation["Instances"]]
        return {one["InstanceId"] for one in all_of_them if one["State"]["Name"] in ("running", "pending")}

    def run(self, more: Mapping[str, str] = {}, *, event: Any = None, **env: str) -> dict[str, Any]:
        ours = {"VIDEO_WORKER_NAME_TAG": self.tag, "AI_WORKER_NAME_TAG": f"{self.tag}-ai",
                "SSM_PARAMETER_PREFIX": f"/{self.tag}"}  # fmt: skip
        return self.world.run({**ours, **more, **env}, event=event, handler=worker_autoscale)


@pytest.fixture
def machines(world: World) -> Iterator[Machines]:
    made = Machines(world.fleet.clients("ec2"), world, f"t{uuid.uuid4().hex[:10]}")
    yield made
    filters = [{"Name": "tag:Name", "Values": [made.tag]}]
    ids = [one["InstanceId"] for each in made.ec2.describe_instances(Filters=filters)["Reservations"]
           for one in each["Instances"]]  # fmt: skip
    if ids:
        made.ec2.terminate_instances(InstanceIds=ids)


def test_as_many_are_started_as_messages_wait_for_up_to_the_limit(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = machines.make(4)
    machines.world.wait("video", 3, taken=1)
    assert machines.run(MAX_INSTANCES_PER_TYPE="2")["video"]["started"] == sorted(ids)[:2]
    assert machines.running() == set(sorted(ids)[:2])
    line = capsys.readouterr().out
    assert json.loads(line.removeprefix("worker_autoscale | "))["video"]["reason"] == "visible=2 in_flight=1"
    cooling = machines.run(MAX_INSTANCES_PER_TYPE="3")
    assert (cooling["video"]["started"], cooling["video"]["reason"]) == ([], "cooldown")
    # A second one beside one that runs: the original could never start it.
    later = machines.run(MAX_INSTANCES_PER_TYPE="3", COOLDOWN_SECONDS="0")
    assert (later["video"]["up"], later["video"]["started"]) == (2, sorted(ids)[2:3])


def test_a_dry_run_starts_nothing_and_begins_no_cooldown(machines: Machines) -> None:
    machines.make(1)
    machines.world.wait("video", 1)
    assert len(machines.run(event={"dry_run": True})["video"]["started"]) == 1
    assert machines.running() == set()
    assert len(machines.run()["video"]["started"]) == 1


def test_nothing_waits_nothing_starts(machines: Machines) -> None:
    machines.make(1)
    assert machines.run()["video"]["reason"] == "desired_zero"
    assert machines.running() == set()


@pytest.mark.parametrize("broken", ["SQS", "EC2", "SSM"])
def test_what_cannot_be_read_starts_nothing_and_fails_the_run(machines: Machines, broken: str, portal: str) -> None:
    machines.make(1)
    machines.world.wait("video", 1)
    with pytest.raises(RuntimeError, match="video: "):
        machines.run({f"AWS_ENDPOINT_URL_{broken}": portal})
    assert machines.running() == set()
    assert machines.world.published()["ReadFailed", "Video"] == 1

"""An instance in its Auto Scaling group, on each emulator: who may leave, and what AWS has the last word about."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.errors import AwsError
from academyctl.stores import imds
from academyctl.stores.asg import AutoScaling
from academyctl.stores.sqs import Sqs
from tests.conftest import Emulator
from tests.imds import Imds
from workers._place import TERMINATING, Hook, Place


@dataclass
class Park:
    """A group of three instances that needs one, and its queue."""

    name: str
    emulator: Emulator

    def __post_init__(self) -> None:
        self.groups = AutoScaling(self.emulator.clients)
        self.sqs = Sqs(self.emulator.clients)

    @property
    def raw(self) -> dict[str, Any]:
        found = self.groups.raw_group(self.name)
        assert found is not None
        return found

    @property
    def ids(self) -> list[str]:
        return sorted(str(one["InstanceId"]) for one in self.raw["Instances"])

    def place(self, instance: str, *, per_worker: int | None = 1) -> Place:
        made = Place(None, lambda: self.groups, lambda: self.sqs, [self.name], per_worker=per_worker)
        made.instance = instance
        return made


@pytest.fixture
def park(aws_emulator: Emulator) -> Iterator[Park]:
    made = Park(f"leave-{uuid.uuid4().hex[:8]}", aws_emulator)
    scaling, ec2 = aws_emulator.clients("autoscaling"), aws_emulator.clients("ec2")
    data = {"ImageId": "ami-12c6146b", "InstanceType": "t4g.small"}
    ec2.create_launch_template(LaunchTemplateName=made.name, LaunchTemplateData=data)
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=made.name, MinSize=1, MaxSize=5, DesiredCapacity=3,
        LaunchTemplate={"LaunchTemplateName": made.name, "Version": "$Latest"}, AvailabilityZones=["ap-northeast-2a"],
    )  # fmt: skip
    made.sqs.create(made.name, {"VisibilityTimeout": "30"})
    yield made
    made.sqs.remove(made.name)
    scaling.delete_auto_scaling_group(AutoScalingGroupName=made.name, ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateName=made.name)


def test_idle_instances_leave_one_by_one_until_the_group_needs_the_rest(park: Park) -> None:
    first, second, third = (park.place(one) for one in park.ids)
    for place in (first, second):
        assert (place.needed(), place.leave()) == ("", "")
    assert (park.ids, park.raw["DesiredCapacity"]) == ([third.instance], 1)
    assert third.needed() == f"{park.name} has 1 in service, desired 1, and needs 1"
    assert "minSize" in third.leave(), "and AWS refuses, whoever asked too late"
    assert park.ids == [third.instance]
    assert first.needed() == "the instance is in no Auto Scaling group"


def test_of_many_that_leave_at_once_as_many_stay_as_the_group_needs(park: Park) -> None:
    places = [park.place(one) for one in park.ids]
    assert [place.needed() for place in places] == ["", "", ""], "each saw three"
    refusals: list[str] = []
    threads = [threading.Thread(target=lambda place=place: refusals.append(place.leave())) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, refusals)) == [False, False, True]
    assert (len(park.ids), park.raw["DesiredCapacity"]) == (1, 1)


def test_nobody_leaves_while_messages_wait_or_need_as_many_instances_as_there_are(park: Park) -> None:
    place = park.place(park.ids[0])
    park.sqs.send(park.name, "{}")
    assert place.needed() == place.waiting() == "messages wait: 1"
    [message] = park.sqs.receive(park.name, wait_s=1)
    assert place.needed() == "", "another instance works on it"
    for _ in range(2):
        park.sqs.send(park.name, "{}", delay_s=600)
    assert place.needed() == "messages, those in other hands and delayed ones too, need 3 instances: 3"
    assert (park.place(park.ids[0], per_worker=2).needed(), park.place(park.ids[0], per_worker=None).needed()) == (
        "", "",
    )  # fmt: skip
    park.sqs.delete(park.name, [(message.id, message.receipt)])
    assert place.needed() == ""


def test_an_instance_protects_itself_and_is_replaced(park: Park) -> None:
    place, others = park.place(park.ids[0]), park.ids[1:]
    assert place.protect(protected=True)
    protected = {one["InstanceId"]: one["ProtectedFromScaleIn"] for one in park.raw["Instances"]}
    assert protected == {place.instance: True, **dict.fromkeys(others, False)}
    assert place.protect(protected=False)
    assert not any(one["ProtectedFromScaleIn"] for one in park.raw["Instances"])
    place.be_replaced()
    assert place.instance not in park.ids
    assert (len(park.ids), park.raw["DesiredCapacity"]) == (3, 3)


def test_only_the_termination_hooks_that_wait_for_a_worker_are_answered(park: Park) -> None:
    client = park.emulator.clients("autoscaling")
    for name, transition in (
        (f"{park.name}-drain", TERMINATING),
        (f"{park.name}-launch-drain", "autoscaling:EC2_INSTANCE_LAUNCHING"),
        ("ship-logs", TERMINATING),
    ):
        client.put_lifecycle_hook(
            AutoScalingGroupName=park.name, LifecycleHookName=name, LifecycleTransition=transition,
            HeartbeatTimeout=600, DefaultResult="CONTINUE",
        )  # fmt: skip
    [hook] = park.place(park.ids[0]).hooks() or []
    assert (hook.group, hook.name, hook.beat_s) == (park.name, f"{park.name}-drain", 600)


class Silent:
    """What AWS's services are when none answers."""

    def __getattr__(self, name: str) -> Any:
        def call(*_: object, **__: object) -> None:
            raise AwsError(f"{name} failed", cause="unreachable")

        return call


def test_what_cannot_be_asked_changes_nothing_and_raises_nothing_but_the_question() -> None:
    silent: Any = Silent()
    with Imds("i-0123456789abcdef0") as served:
        place = Place(imds.from_environment(served.env), lambda: silent, lambda: silent, ["q"], per_worker=1)
        assert (place.fate().target, place.instance) == ("InService", "i-0123456789abcdef0")
    hook = Hook("g", "g-drain", 300, 3600)
    assert (place.protect(protected=True), place.beat(hook), place.complete(hook)) == (False, False, False)
    assert (place.hooks(), place.leave(), place.be_replaced()) == (None, "leave failed", False)
    with pytest.raises(AwsError):
        place.needed()

"""A group's instances as AWS has them: launched from its template, replaced, refreshed, and gone with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.stores.aws import BOTO_ERRORS
from tests.conftest import Emulator


@dataclass(frozen=True)
class Group:
    """A group of the test's own with its template, both of one name."""

    name: str
    ec2: Any
    scaling: Any

    @property
    def raw(self) -> Any:
        [found] = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return found

    @property
    def ids(self) -> list[str]:
        return [str(one["InstanceId"]) for one in self.raw["Instances"]]

    @property
    def versions(self) -> list[str]:
        return [str(one["LaunchTemplate"]["Version"]) for one in self.raw["Instances"]]

    def living(self) -> dict[str, Any]:
        """Instances by id that carry the template's Name tag and run."""
        filters = [
            {"Name": "tag:Name", "Values": [f"{self.name}-worker"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return {one["InstanceId"]: one for reservation in found for one in reservation["Instances"]}

    def protect(self, *ids: str, protected: bool = True) -> None:
        self.scaling.set_instance_protection(
            AutoScalingGroupName=self.name, InstanceIds=list(ids), ProtectedFromScaleIn=protected
        )

    def renew(self) -> None:
        self.ec2.create_launch_template_version(
            LaunchTemplateName=self.name, SourceVersion="1", LaunchTemplateData={"InstanceType": "t4g.large"}
        )

    def refresh(self, **preferences: Any) -> Any:
        self.scaling.start_instance_refresh(AutoScalingGroupName=self.name, Preferences=preferences)
        return self.refreshed()

    def refreshed(self) -> Any:
        return self.scaling.describe_instance_refreshes(AutoScalingGroupName=self.name)["InstanceRefreshes"][0]


@pytest.fixture
def group(aws_emulator: Emulator) -> Iterator[Group]:
    made = Group(f"g-{uuid.uuid4().hex[:8]}", aws_emulator.clients("ec2"), aws_emulator.clients("autoscaling"))
    tags = [{"Key": "Name", "Value": f"{made.name}-worker"}]
    data = {"ImageId": "ami-12c6146b", "InstanceType": "t4g.small",
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]}  # fmt: skip
    made.ec2.create_launch_template(LaunchTemplateName=made.name, LaunchTemplateData=data)
    made.scaling.create_auto_scaling_group(
        AutoScalingGroupName=made.name, MinSize=0, MaxSize=5, DesiredCapacity=2,
        LaunchTemplate={"LaunchTemplateName": made.name, "Version": "$Latest"}, AvailabilityZones=["ap-northeast-2a"],
    )  # fmt: skip
    yield made
    made.scaling.delete_auto_scaling_group(AutoScalingGroupName=made.name, ForceDelete=True)
    made.ec2.delete_launch_template(LaunchTemplateName=made.name)


def test_instances_are_launched_from_the_template_and_name_their_group(group: Group) -> None:
    living = group.living()
    assert set(living) == set(group.ids)
    for one in living.values():
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert one["InstanceType"] == "t4g.small"
        assert tags["aws:autoscaling:groupName"] == group.name


def test_an_instance_knows_the_number_of_its_templates_version(group: Group) -> None:
    assert group.versions == ["1", "1"]
    assert group.raw["LaunchTemplate"]["Version"] == "$Latest"
    group.renew()
    group.scaling.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=3)
    assert sorted(group.versions) == ["1", "1", "2"]


def test_fewer_wanted_are_fewer_that_run(group: Group) -> None:
    group.scaling.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    assert set(group.living()) == set(group.ids)
    assert len(group.ids) == 1


def test_an_instance_that_is_terminated_by_hand_is_replaced(group: Group) -> None:
    gone, kept = group.ids
    group.ec2.terminate_instances(InstanceIds=[gone])
    assert len(group.ids) == 2
    assert kept in group.ids
    assert set(group.living()) == set(group.ids)


def test_what_a_group_launched_and_ended_is_told_newest_first(group: Group) -> None:
    first, second = group.ids
    group.scaling.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    told = group.scaling.describe_scaling_activities(AutoScalingGroupName=group.name)["Activities"]
    [left] = group.ids
    gone = ({first, second} - {left}).pop()
    assert told[0]["Description"] == f"Terminating EC2 instance: {gone}"
    assert {one["Description"].rsplit(" ", 1)[-1] for one in told[1:]} == {first, second}
    assert {(one["StatusCode"], one["AutoScalingGroupName"]) for one in told} == {("Successful", group.name)}


def test_a_groups_end_is_its_instances_end(group: Group) -> None:
    assert len(group.living()) == 2
    group.scaling.delete_auto_scaling_group(AutoScalingGroupName=group.name, ForceDelete=True)
    assert group.living() == {}
    group.scaling.create_auto_scaling_group(
        AutoScalingGroupName=group.name, MinSize=0, MaxSize=1,
        LaunchTemplate={"LaunchTemplateName": group.name, "Version": "1"}, AvailabilityZones=["ap-northeast-2a"],
    )  # fmt: skip


def test_a_refresh_replaces_what_is_of_another_version(group: Group) -> None:
    before = group.ids
    group.refresh(SkipMatching=True)
    assert group.ids == before
    group.renew()
    done = group.refresh(SkipMatching=True)
    assert (done["Status"], done["PercentageComplete"]) == ("Successful", 100)
    assert group.versions == ["2", "2"]
    assert set(group.living()) == set(group.ids)


def test_a_refresh_waits_for_protected_instances_unless_it_ignores_them(group: Group) -> None:
    held, other = group.ids
    group.protect(held)
    assert group.refresh(ScaleInProtectedInstances="Ignore")["Status"] == "Successful"
    assert held in group.ids
    assert other not in group.ids
    waiting = group.refresh()
    assert (waiting["Status"], waiting["InstancesToUpdate"], waiting.get("EndTime")) == ("InProgress", 1, None)
    with pytest.raises(BOTO_ERRORS, match="InstanceRefreshInProgress"):
        group.refresh()
    group.protect(held, protected=False)
    assert group.refreshed()["Status"] == "Successful"
    assert held not in group.ids

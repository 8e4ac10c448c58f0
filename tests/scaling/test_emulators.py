"""What scaling relies on of AWS, asked of both emulators: a group's own settings, hooks, rules, alarms that act."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from academyctl.errors import AwsError
from academyctl.ops.scaling_policies import wanted
from academyctl.ops.scaling_state import READ, Names, State
from academyctl.stores.asg import AutoScaling
from academyctl.stores.rules import Rules
from tests.conftest import Emulator
from tests.scaling.test_doctor import AROUND, BARE, GROUP, RAW


@dataclass(frozen=True)
class Told:
    """What reading policies needs of the stores."""

    asg: AutoScaling


TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


@pytest.fixture
def group(aws_emulator: Emulator) -> Iterator[str]:
    name, asg = f"{uuid.uuid4().hex[:12]}-asg", aws_emulator.clients("autoscaling")
    asg.create_launch_configuration(
        LaunchConfigurationName=name, ImageId="ami-12c6146b", InstanceType="t3.small"
    )  # fmt: skip
    asg.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=1, MaxSize=4, DesiredCapacity=1, LaunchConfigurationName=name,
        AvailabilityZones=["ap-northeast-2a"],
    )  # fmt: skip
    yield name
    asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    asg.delete_launch_configuration(LaunchConfigurationName=name)


def test_a_group_collects_the_metrics_that_are_asked_for(aws_emulator: Emulator, group: str) -> None:
    store = AutoScaling(aws_emulator.clients)
    for on, expected in ((True, ["GroupInServiceInstances"]), (False, [])):
        store.collect(group, ["GroupInServiceInstances"], on=on)
        raw = store.raw_group(group) or {}
        assert [one["Metric"] for one in raw.get("EnabledMetrics") or []] == expected


def test_protection_from_launch_on_is_a_setting_of_the_group(aws_emulator: Emulator, group: str) -> None:
    store = AutoScaling(aws_emulator.clients)
    for protected in (True, False):
        store.new_instances_protected(group, protected=protected)
        assert (store.raw_group(group) or {})["NewInstancesProtectedFromScaleIn"] is protected


def test_a_hook_is_told_as_it_was_put_and_goes_away(aws_emulator: Emulator, group: str) -> None:
    store = AutoScaling(aws_emulator.clients)
    request = {
        "AutoScalingGroupName": group, "LifecycleHookName": "x-drain", "LifecycleTransition": TERMINATING,
        "HeartbeatTimeout": 300, "DefaultResult": "CONTINUE",
    }  # fmt: skip
    store.put_hook(request)
    [hook] = store.lifecycle_hooks(group)
    assert {key: hook[key] for key in request} == request
    store.delete_hook(group, "x-drain")
    assert store.lifecycle_hooks(group) == []


def test_an_alarm_that_fires_runs_its_step_policy(aws_emulator: Emulator, group: str) -> None:
    store, cloudwatch, name = AutoScaling(aws_emulator.clients), aws_emulator.clients("cloudwatch"), f"{group}-alarm"
    store.put_policy(
        {"AutoScalingGroupName": group, "PolicyName": "out", "PolicyType": "StepScaling",
         "AdjustmentType": "ChangeInCapacity",
         "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}]}
    )  # fmt: skip
    [policy] = store.raw_policies(group)
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Test", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[policy["PolicyARN"]],
    )  # fmt: skip
    try:
        for desired in (3, 4):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
            # Never more than the group's maximum.
            assert (store.raw_group(group) or {})["DesiredCapacity"] == desired
    finally:
        cloudwatch.delete_alarms(AlarmNames=[name])


def test_a_rule_is_restored_with_exactly_its_targets(aws_emulator: Emulator) -> None:
    rules, name = Rules(aws_emulator.clients), f"{uuid.uuid4().hex[:12]}-rule"
    request = {"Name": name, "ScheduleExpression": "rate(1 minute)", "State": "DISABLED", "Description": "d"}
    arn = "arn:aws:lambda:ap-northeast-2:123456789012:function:x"
    rules.put(name, schedule="rate(5 minutes)", state="ENABLED")
    rules.target(name, "extra", arn)
    rules.restore(request, [{"Id": "1", "Arn": arn, "Input": '{"a": 1}'}])
    raw = rules.raw(name)
    assert raw is not None
    rule, targets = raw
    assert {key: rule[key] for key in request} == request
    assert targets == [{"Id": "1", "Arn": arn, "Input": '{"a": 1}'}]
    rules.untarget(name, ["1"])
    rules.delete(name)
    assert rules.raw(name) is None


def test_what_is_asked_of_a_group_that_is_not_there_is_an_error(aws_emulator: Emulator) -> None:
    with pytest.raises(AwsError):
        AutoScaling(aws_emulator.clients).collect("no-such-group", ["GroupInServiceInstances"], on=True)


@pytest.mark.parametrize("policy", ["tt-total", "tt-backlog", "step-alarm"])
def test_a_policy_is_told_as_it_was_put(aws_emulator: Emulator, group: str, policy: str) -> None:
    """Or a second apply would never find that it is so already."""
    stores = Told(AutoScaling(aws_emulator.clients))
    these = Names("video", group, ("videos",), "depth", "rule", "feeder")
    parts = {**BARE, "group": {group: GROUP["group"]}}
    [request] = wanted(policy, State(these, parts, RAW), AROUND)["policy"].values()
    stores.asg.put_policy(request)
    assert READ["policy"](stores, these) == {request["PolicyName"]: request}  # type: ignore[arg-type]  # its asg alone

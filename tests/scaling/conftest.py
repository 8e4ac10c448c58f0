"""A fleet as an operator inherits it, with somebody else's policies, alarms and function; commands in this process."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.cli import _scaling_changes as changes
from academyctl.cli._common import Session
from academyctl.local import resources
from academyctl.local.stack import LocalStack
from academyctl.ops.scaling_plans import Asked
from academyctl.output import Format
from academyctl.repairs import Repair
from academyctl.stores.aws import ClientFactory
from academyctl.stores.functions import Functions
from academyctl.stores.sqs import Sqs
from tests.fleet import OwnFleet, own_fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.scaling import account

Step = Callable[[Repair], None]


class Killed(BaseException):
    """The process ends here: nothing catches it."""


@dataclass(frozen=True)
class Operator:
    """Runs the changing commands; `raw` is the account as AWS tells it."""

    fleet: OwnFleet
    here: Session
    said: pytest.CaptureFixture[str]

    @property
    def raw(self) -> dict[str, Any]:
        return account.raw(self.fleet.clients, self.fleet.names)

    def apply(self, policy: str, *, apply: bool = True, on_done: Step = lambda _repair: None, **more: Any) -> str:
        """What `scaling apply` says."""
        asked = Asked(policy, **({"size": 3} if policy == "fixed" else {}), workers_protect=True, **more)
        changes.put_in_force(self.here, "video", asked, apply=apply, fmt=Format.table, on_done=on_done)
        return self.said.readouterr().out

    def rollback(self, to: str = "", *, apply: bool = True, on_done: Step = lambda _repair: None) -> str:
        changes.put_back(self.here, "video", to, apply=apply, fmt=Format.table, on_done=on_done)
        return self.said.readouterr().out


def inherit(fleet: OwnFleet) -> None:
    """Guide 003's policy with another target, guide 001's step policy whose alarm also tells a topic, a function of
    the platform's own, protection from launch on, a hook, a rule that is off and has two targets."""
    group, name = fleet.names.video_asg, fleet.names.depth_lambda
    asg, cloudwatch, functions, events = (
        fleet.clients(one) for one in ("autoscaling", "cloudwatch", "lambda", "events")
    )
    fleet.track({**fleet.total})
    alarm = {
        "AlarmName": f"{group}-scaleout", "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS",
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 2, "Threshold": 3.0, "TreatMissingData": "notBreaching",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Dimensions": [{"Name": "QueueName", "Value": fleet.env["VIDEO_SQS_QUEUE_NAME"]}],
    }  # fmt: skip
    arn = fleet.step()
    topic = "arn:aws:sns:ap-northeast-2:000000000000:academy"
    cloudwatch.put_metric_alarm(**alarm, AlarmActions=[arn])
    cloudwatch.put_metric_alarm(**{**alarm, "AlarmName": f"{group}-told", "AlarmActions": [arn, topic]})
    cloudwatch.put_metric_alarm(**{**alarm, "AlarmName": f"{group}-calm", "OKActions": [arn], "AlarmActions": [topic]})
    asg.update_auto_scaling_group(AutoScalingGroupName=group, NewInstancesProtectedFromScaleIn=True)
    asg.put_lifecycle_hook(
        AutoScalingGroupName=group, LifecycleHookName="launch", HeartbeatTimeout=77, DefaultResult="ABANDON",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )  # fmt: skip
    functions.update_function_code(FunctionName=name, ZipFile=account.foreign_code())
    fleet.variables(TARGET_MESSAGES_PER_INSTANCE="20", LAMBDA_INTERNAL_API_KEY="a-secret-of-the-platform")
    Functions(fleet.clients).settled(name)
    events.put_rule(Name=fleet.names.depth_rule, ScheduleExpression="rate(5 minutes)", State="DISABLED")
    events.put_targets(
        Rule=fleet.names.depth_rule,
        Targets=[{"Id": "2", "Arn": "arn:aws:sqs:ap-northeast-2:000000000000:other", "Input": '{"a": 1}'}],
    )


@pytest.fixture
def operator(
    stack: LocalStack,
    fleet_clients: ClientFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operator]:
    name, sqs = f"{uuid.uuid4().hex[:12]}-video", Sqs(fleet_clients)
    resources.create_queue(sqs, resources.QueueSpec(name, f"{name}-dlq", 300))
    env = {**stack.env(), "VIDEO_SQS_QUEUE_NAME": name, "ACADEMYCTL_BATCH_LAMBDA": f"{name}-feeder"}
    env |= {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    with own_fleet(env, fleet_clients) as fleet:
        for key, value in fleet.env.items():
            monkeypatch.setenv(key, value)
        with Session.opened(yes=True) as here:
            yield Operator(fleet, here, capsys)
        _clean(fleet)
    sqs.remove(name)
    sqs.remove(f"{name}-dlq")


def _clean(fleet: OwnFleet) -> None:
    functions, cloudwatch = fleet.clients("lambda"), fleet.clients("cloudwatch")
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        if one["FunctionArn"].endswith(f":{fleet.names.batch_lambda}"):
            functions.delete_event_source_mapping(UUID=one["UUID"])
    if any(one["FunctionName"] == fleet.names.batch_lambda for one in functions.list_functions()["Functions"]):
        functions.delete_function(FunctionName=fleet.names.batch_lambda)
    alarms = [one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]]
    if ours := [one for one in alarms if one.startswith((fleet.names.video_asg, "academy-video-queue"))]:
        cloudwatch.delete_alarms(AlarmNames=ours)
    fleet.clients("events").remove_targets(Rule=fleet.names.depth_rule, Ids=["2"], Force=True)

"""A fleet of a test's own on the local stack: groups, the queue-depth function and its rule, as if it had just run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.local import resources
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.settings_model import Fleet
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from academyctl.stores.sqs import Sqs

WORKER_TYPES = ("Video", "AI", "Messaging")


@dataclass(frozen=True)
class OwnFleet:
    """`env` is the platform's environment with this fleet's names in it; `clients` may do everything."""

    env: dict[str, str]
    clients: ClientFactory
    names: Fleet

    def publish(self, value: float, *workers: str) -> None:
        """A depth, as the function publishes it now."""
        data = [
            {"MetricName": self.names.metric_name, "Dimensions": [{"Name": "WorkerType", "Value": one}], "Value": value}
            for one in workers or WORKER_TYPES
        ]
        self.clients("cloudwatch").put_metric_data(Namespace=self.names.metric_namespace, MetricData=data)

    def rule(self, **changes: Any) -> None:
        """The rule as it is, with some fields changed."""
        fields = {"Name": self.names.depth_rule, "ScheduleExpression": "rate(1 minute)", "State": "ENABLED"}
        self.clients("events").put_rule(**{**fields, **changes})

    def variables(self, **changes: str) -> None:
        """The function's environment with some variables changed."""
        function, name = self.clients("lambda"), self.names.depth_lambda
        now = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        function.update_function_configuration(FunctionName=name, Environment={"Variables": {**now, **changes}})

    def group(self, role: str = "video", **sizes: int) -> None:
        """Other sizes of a group."""
        name = str(getattr(self.names, f"{role}_asg"))
        self.clients("autoscaling").update_auto_scaling_group(AutoScalingGroupName=name, **sizes)

    def track(self, metric: Mapping[str, Any]) -> None:
        """A target-tracking policy of the video group, as guide 003 makes it."""
        self.clients("autoscaling").put_scaling_policy(
            AutoScalingGroupName=self.names.video_asg, PolicyName="video-backlogcount-tt",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={"TargetValue": 1, "CustomizedMetricSpecification": metric},
        )  # fmt: skip

    @property
    def total(self) -> dict[str, Any]:
        """Guide 003's metric: everything in the queue."""
        dimensions = {"WorkerType": "Video", "AutoScalingGroupName": self.names.video_asg}
        return {
            "Namespace": "Academy/VideoProcessing", "MetricName": "VideoQueueDepthTotal", "Statistic": "Average",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }  # fmt: skip

    def step(self) -> str:
        """A step policy of the video group, as guide 001 makes it (5-A); its ARN."""
        steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
        made = self.clients("autoscaling").put_scaling_policy(
            AutoScalingGroupName=self.names.video_asg, PolicyName="video-queue-scaleout", PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity", StepAdjustments=steps,
        )  # fmt: skip
        return str(made["PolicyARN"])

    def wait(self, count: int, *, taken: int = 0) -> None:
        """Messages in the video queue, some of which a worker has."""
        sqs, queue = Sqs(self.clients), self.env["VIDEO_SQS_QUEUE_NAME"]
        for _ in range(count):
            sqs.send(queue, "{}")
        if taken:
            assert sqs.receive(queue, max_messages=taken, wait_s=1, visibility_s=60)

    def waited(self, seconds: float) -> None:
        """The age of the video queue's oldest message, as SQS tells CloudWatch."""
        dimensions = [{"Name": "QueueName", "Value": self.env["VIDEO_SQS_QUEUE_NAME"]}]
        data = {"MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": dimensions, "Value": seconds}
        self.clients("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[data])

    def remove(self) -> None:
        """Everything of it; what a test has removed already is no error."""
        for role in ("video", "ai", "messaging"):
            name = str(getattr(self.names, f"{role}_asg"))
            self.clients("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
            self.clients("ec2").delete_launch_template(LaunchTemplateName=name)
        self.clients("events").remove_targets(Rule=self.names.depth_rule, Ids=["1"], Force=True)
        self.clients("events").delete_rule(Name=self.names.depth_rule, Force=True)
        if self.names.depth_lambda in self._functions():
            self.clients("lambda").delete_function(FunctionName=self.names.depth_lambda)

    def _functions(self) -> set[str]:
        return {one["FunctionName"] for one in self.clients("lambda").list_functions()["Functions"]}


@contextmanager
def own_fleet(env: Mapping[str, str], clients: ClientFactory, mode: str = "publish") -> Iterator[OwnFleet]:
    """A fleet for the queues of `env` that runs: its rule is on, and depths of 0 were published a moment ago.

    `mode` is its function's: `publish` sizes no group.
    """
    # Nothing alike: a diagnosis proposes a near name for one that is missing.
    unique = uuid.uuid4().hex[:12]
    named = {
        **env,
        "VIDEO_WORKER_ASG_NAME": f"{unique}-video",
        "AI_WORKER_ASG_NAME": f"{unique}-ai",
        "MESSAGING_WORKER_ASG_NAME": f"{unique}-messaging",
        "ACADEMYCTL_DEPTH_LAMBDA": f"{unique}-depth",
        "ACADEMYCTL_DEPTH_RULE": f"{unique}-rule",
        "METRIC_NAMESPACE": f"Academy/{unique}",
    }
    settings = load(named).settings
    made = OwnFleet(named, clients, settings.fleet)
    resources.create_fleet(clients, queues=settings.queues, fleet=settings.fleet, mode=mode)
    made.rule()
    made.publish(0)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="package")
def shared_fleet(stack: LocalStack) -> Iterator[OwnFleet]:
    """A fleet for the tests that have queues of their own and do not change a fleet."""
    stores = Stores(load(stack.env()).settings)
    with own_fleet(stack.env(), stores.aws_clients(), "lambda-rule") as fleet:
        yield fleet
    stores.close()


@pytest.fixture
def platform_env(platform_env: dict[str, str], shared_fleet: OwnFleet) -> dict[str, str]:
    """The test's own platform with a fleet that counts its queues."""
    shared_fleet.variables(VIDEO_QUEUE=platform_env["VIDEO_SQS_QUEUE_NAME"])
    shared_fleet.publish(0)
    changed = {name: value for name, value in shared_fleet.env.items() if platform_env.get(name) != value}
    return {**changed, **platform_env}


@pytest.fixture(scope="module")
def fleet_clients(stack: LocalStack) -> Iterator[ClientFactory]:
    """One set of clients: making EC2's costs more than a fleet."""
    stores = Stores(load(stack.env()).settings)
    yield stores.aws_clients()
    stores.close()


@pytest.fixture
def fleet(stack: LocalStack, fleet_clients: ClientFactory) -> Iterator[OwnFleet]:
    """A fleet that the test may break, with a video queue of its own; no database, for making one takes longest."""
    name, sqs = f"{uuid.uuid4().hex[:12]}-video", Sqs(fleet_clients)
    resources.create_queue(sqs, resources.QueueSpec(name, f"{name}-dlq", 300))
    env = {**stack.env(), "VIDEO_SQS_QUEUE_NAME": name}
    with own_fleet(env, fleet_clients, "lambda-rule") as made:
        yield made
    sqs.remove(name)
    sqs.remove(f"{name}-dlq")

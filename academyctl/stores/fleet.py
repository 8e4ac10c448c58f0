"""The AWS fleet that runs the workers: Auto Scaling, EC2, Lambda, EventBridge, CloudWatch, logs, Batch, ECR.

Everything but `resize` only reads. Every method raises AwsError and nothing else; what is not there is None or left
out, so that an operator's typing error is no exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores import _fleet_batch, _fleet_shapes
from academyctl.stores._fleet_types import (
    Activity,
    BatchJob,
    BatchQueue,
    ComputeEnvironment,
    Function,
    Group,
    Host,
    JobDefinition,
    LogLine,
    Metric,
    Point,
    Policy,
    Rule,
)
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, translate

_PAGE = 100
# DescribePolicies and FilterLogEvents answer in pages; a platform that fills more than these is told the newest.
_PAGES = 10
_LINES = 1000
# What the platform's functions print when they fail (contract 8.1), and what Lambda itself writes.
_WRONG = re.compile(
    r"\[ERROR\]|Task timed out|Traceback|Runtime\.\w+|ASG not found|\bfailed\b|errorMessage", re.IGNORECASE
)
_MISSING = frozenset(
    {
        "ResourceNotFoundException",
        "RepositoryNotFoundException",
        "ImageNotFoundException",
        "InvalidInstanceID.NotFound",
        "InvalidInstanceID.Malformed",
    }
)


class Fleet:
    """The fleet by name. `clients` are made when first used: EC2's alone costs a tenth of a second."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def groups(self, names: Sequence[str] = ()) -> dict[str, Group]:
        """Auto Scaling groups by name, in one call; those that do not exist are left out. No names: all of them."""
        call = self._clients("autoscaling").describe_auto_scaling_groups
        asked = {"AutoScalingGroupNames": list(names)} if names else {}
        with ours("autoscaling:DescribeAutoScalingGroups", ", ".join(names) or "*"):
            found = _pages(_signed(call), "AutoScalingGroups", MaxRecords=_PAGE, **asked)
            return {group.name: group for group in map(_fleet_shapes.group, found)}

    def resize(self, name: str, *, min: int, desired: int | None, max: int) -> None:  # noqa: A002 - the field's own words
        """Set a group's sizes in one call, desired None as it is; no check is made that they fit one another."""
        asked = {} if desired is None else {"DesiredCapacity": desired}
        with ours("autoscaling:UpdateAutoScalingGroup", name):
            self._clients("autoscaling").update_auto_scaling_group(
                AutoScalingGroupName=name, MinSize=min, MaxSize=max, **asked
            )

    def activities(self, name: str = "") -> tuple[Activity, ...]:
        """The newest hundred scaling activities of a group, or of all groups; newest first."""
        asked = {"AutoScalingGroupName": name} if name else {}
        with ours("autoscaling:DescribeScalingActivities", name or "*"):
            answer = self._clients("autoscaling").describe_scaling_activities(MaxRecords=_PAGE, **asked)
            return tuple(_fleet_shapes.activity(raw) for raw in answer.get("Activities", []))

    def policies(self, names: Sequence[str]) -> tuple[Policy, ...]:
        """The scaling policies of these groups."""
        # AWS filters by one group a call: asking for all is one call for three groups.
        with ours("autoscaling:DescribePolicies", ", ".join(names)):
            found = _pages(self._clients("autoscaling").describe_policies, "ScalingPolicies", MaxRecords=_PAGE)
            return tuple(_fleet_shapes.policy(raw) for raw in found if raw.get("AutoScalingGroupName") in names)

    def alarms_running(self, arns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Policy ARN -> the names of the alarms that run it, with their actions switched on."""
        with ours("cloudwatch:DescribeAlarms", "*"):
            found = _pages(self._clients("cloudwatch").describe_alarms, "MetricAlarms", MaxRecords=_PAGE)
        live = [raw for raw in found if raw.get("ActionsEnabled", True)]
        return {arn: tuple(raw["AlarmName"] for raw in live if arn in raw.get("AlarmActions", [])) for arn in arns}

    def instances(self, name_tags: Sequence[str]) -> tuple[Host, ...]:
        """EC2 instances by their Name tag, all roles in one call; terminated ones are left out."""
        return self._hosts("tag:Name", name_tags)

    def members(self, groups: Sequence[str]) -> tuple[Host, ...]:
        """EC2 instances that Auto Scaling groups launched, by the groups' names; terminated ones are left out."""
        return self._hosts("tag:aws:autoscaling:groupName", groups)

    def host(self, instance: str) -> Host | None:
        """An EC2 instance by its id."""
        with ours("ec2:DescribeInstances", instance):
            call = self._clients("ec2").describe_instances
            answer = _unless_missing(lambda: call(InstanceIds=[instance])) or {}
            found = [raw for reservation in answer.get("Reservations", []) for raw in reservation.get("Instances", [])]
        return _fleet_shapes.host(found[0]) if found else None

    def _hosts(self, word: str, values: Sequence[str]) -> tuple[Host, ...]:
        filters = [{"Name": word, "Values": list(values)}]
        with ours("ec2:DescribeInstances", ", ".join(values)):
            call = self._clients("ec2").describe_instances
            found = _pages(call, "Reservations", Filters=filters, MaxResults=_PAGE)
            hosts = [_fleet_shapes.host(raw) for reservation in found for raw in reservation.get("Instances", [])]
        return tuple(host for host in hosts if host.state != "terminated")

    def function(self, name: str) -> Function | None:
        """A Lambda function's configuration."""
        with ours("lambda:GetFunctionConfiguration", name):
            raw = _unless_missing(lambda: self._clients("lambda").get_function_configuration(FunctionName=name))
            return None if raw is None else _fleet_shapes.function(raw)

    def rule(self, name: str) -> Rule | None:
        """An EventBridge rule with its targets: two calls."""
        events = self._clients("events")
        with ours("events:DescribeRule", name):
            raw = _unless_missing(lambda: events.describe_rule(Name=name))
        if raw is None:
            return None
        with ours("events:ListTargetsByRule", name):
            targets = events.list_targets_by_rule(Rule=name).get("Targets", [])
        arns = tuple(str(one.get("Arn", "")) for one in targets)
        return Rule(name, str(raw.get("State", "")), str(raw.get("ScheduleExpression", "")), arns)

    def series(self, metrics: Mapping[str, Metric], *, now: datetime, minutes: int) -> dict[str, tuple[Point, ...]]:
        """The datapoints of the last minutes, one a minute, newest first, of all these metrics in one call."""
        ids = {f"m{index}": name for index, name in enumerate(metrics)}
        queries = [_fleet_shapes.query(made, metrics[name]) for made, name in ids.items()]
        with ours("cloudwatch:GetMetricData", ", ".join(sorted({one.name for one in metrics.values()}))):
            answer = self._clients("cloudwatch").get_metric_data(
                MetricDataQueries=queries, StartTime=now - timedelta(minutes=minutes), EndTime=now,
                ScanBy="TimestampDescending",
            )  # fmt: skip
        found = {ids[raw["Id"]]: _fleet_shapes.points(raw) for raw in answer.get("MetricDataResults", [])}
        return {name: found.get(name, ()) for name in metrics}

    def dimension_sets(self, metric: Metric) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The sets of dimensions under which a metric was published lately; the first page."""
        with ours("cloudwatch:ListMetrics", metric.name):
            answer = self._clients("cloudwatch").list_metrics(Namespace=metric.namespace, MetricName=metric.name)
            found = (one.get("Dimensions") or [] for one in answer.get("Metrics", []))
            return tuple(tuple(sorted((str(d["Name"]), str(d["Value"])) for d in one)) for one in found)

    def machine_images(self, images: Sequence[str]) -> dict[str, str]:
        """The names of machine images by id; one that is gone or not ours to see is left out."""
        wanted = [{"Name": "image-id", "Values": list(images)}]
        with ours("ec2:DescribeImages", ", ".join(images)):
            answer = self._clients("ec2").describe_images(Filters=wanted)
            return {str(one["ImageId"]): str(one.get("Name", "")) for one in answer.get("Images", [])}

    def errors_of(self, function: str, *, since: datetime) -> tuple[LogLine, ...]:
        """What a Lambda function logged about errors since then, newest first; nothing when it has no log yet."""
        # No filter pattern: the emulators read few of them, and a function that runs each minute logs little.
        group = f"/aws/lambda/{function}"
        asked = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
        with ours("logs:FilterLogEvents", group):
            call = self._clients("logs").filter_log_events
            raw = _unless_missing(lambda: {"events": _pages(call, "events", limit=_LINES, **asked)})
        lines = [_fleet_shapes.line(one) for one in (raw or {}).get("events", [])]
        wrong = [one for one in lines if _WRONG.search(one.text)]
        return tuple(sorted(wrong, key=lambda one: one.at, reverse=True))

    def batch_queue(self, name: str) -> BatchQueue | None:
        """A Batch job queue."""
        with ours("batch:DescribeJobQueues", name):
            return _fleet_batch.queue(self._clients("batch"), name)

    def compute_environments(self, names: Sequence[str]) -> dict[str, ComputeEnvironment]:
        """Batch compute environments by name; those that do not exist are left out."""
        with ours("batch:DescribeComputeEnvironments", ", ".join(names)):
            return _fleet_batch.environments(self._clients("batch"), names)

    def job_definition(self, name: str) -> JobDefinition | None:
        """The newest active revision of a Batch job definition."""
        with ours("batch:DescribeJobDefinitions", name):
            return _fleet_batch.definition(self._clients("batch"), name)

    def jobs(self, queue: str, status: str) -> tuple[BatchJob, ...]:
        """A queue's jobs in a state, a hundred at most; AWS keeps ended ones for a week."""
        with ours("batch:ListJobs", f"{queue} {status}"):
            return _fleet_batch.jobs(self._clients("batch"), queue, status)

    def image(self, image: str) -> bool | None:
        """Whether an ECR image (`id.dkr.ecr.region.amazonaws.com/name:tag`) is there; None for another registry."""
        found = _fleet_batch.ecr_name(image)
        if found is None:
            return None
        repository, which = found
        with ours("ecr:DescribeImages", image):
            ask = self._clients("ecr").describe_images
            answer = _unless_missing(lambda: ask(repositoryName=repository, imageIds=[which]))
        return bool((answer or {}).get("imageDetails"))


@contextmanager
def ours(action: str, subject: str) -> Iterator[None]:
    """botocore's errors as AwsError of this action."""
    try:
        yield
    except BOTO_ERRORS as error:
        raise translate(error, action=action, subject=subject) from error
    except (KeyError, TypeError, ValueError) as error:
        # A sign-in page parses as an answer without the fields.
        what = f"{action} failed for {subject}"
        raise AwsError(what, why="the answer is not from AWS", cause="unreachable") from error


def _signed(call: Any) -> Any:
    """The call, its answer being AWS's own: another page parses as a list of nothing."""

    def signed(**asked: Any) -> Any:
        answer = call(**asked)
        if not answer["ResponseMetadata"].get("RequestId"):
            raise ValueError("no request id")
        return answer

    return signed


def _unless_missing(call: Any) -> Any:
    try:
        return call()
    except BOTO_ERRORS as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        if code not in _MISSING:
            raise
        return None


def _pages(call: Any, field: str, **asked: Any) -> list[Any]:
    """Every page's items, `_PAGES` pages at most."""
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(_PAGES):
        answer = call(**asked, **token)
        found += answer.get(field, [])
        word = "nextToken" if "nextToken" in answer else "NextToken"
        if not answer.get(word):
            break
        token = {word: answer[word]}
    return found

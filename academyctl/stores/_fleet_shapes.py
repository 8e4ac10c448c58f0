"""botocore's answers about the fleet as our values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from academyctl.stores._fleet_types import Activity, Function, Group, Host, Instance, LogLine, Metric, Point, Policy

Raw = Mapping[str, Any]

# The only variables of a function that leave this module: names of queues, groups and metrics, and numbers.
_SHOWN = re.compile(
    r"\w*QUEUE\w*|METRIC_\w+|\w+_ASG_NAME|\w+_(MAX|MIN)|(\w+_)?TARGET_\w+|MAX_\w+|\w+_NAME_TAG|(\w+_)?MODE"
)
_LINE = 500


def group(raw: Raw) -> Group:
    instances = tuple(
        Instance(
            str(one["InstanceId"]), str(one.get("LifecycleState", "")), str(one.get("HealthStatus", "")),
            bool(one.get("ProtectedFromScaleIn")), str((one.get("LaunchTemplate") or {}).get("Version", "")),
            str(one.get("AvailabilityZone", "")),
        )
        for one in raw.get("Instances", [])
    )  # fmt: skip
    return Group(
        str(raw["AutoScalingGroupName"]), int(raw["MinSize"]), int(raw["DesiredCapacity"]), int(raw["MaxSize"]),
        instances, bool(raw.get("NewInstancesProtectedFromScaleIn")),
        tuple(str(one.get("ProcessName", "")) for one in raw.get("SuspendedProcesses") or []),
    )  # fmt: skip


def activity(raw: Raw) -> Activity:
    return Activity(
        str(raw.get("AutoScalingGroupName", "")), str(raw.get("StatusCode", "")), str(raw.get("Description", "")),
        str(raw.get("Cause", "")), str(raw.get("StatusMessage", "")), _utc(raw.get("StartTime")),
    )  # fmt: skip


def policy(raw: Raw) -> Policy:
    tracking = raw.get("TargetTrackingConfiguration") or {}
    custom = tracking.get("CustomizedMetricSpecification") or {}
    predefined = tracking.get("PredefinedMetricSpecification") or {}
    steps = [one.get("ScalingAdjustment", 0) for one in raw.get("StepAdjustments") or []]
    simple = [raw["ScalingAdjustment"]] if raw.get("ScalingAdjustment") is not None else []
    return Policy(
        group=str(raw.get("AutoScalingGroupName", "")),
        name=str(raw.get("PolicyName", "")),
        kind=str(raw.get("PolicyType", "")),
        arn=str(raw.get("PolicyARN", "")),
        target=float(tracking["TargetValue"]) if "TargetValue" in tracking else None,
        metric=_metric(custom) if custom.get("MetricName") else None,
        predefined=str(predefined.get("PredefinedMetricType", "")),
        math=bool(custom.get("Metrics")),
        adjustments=tuple(int(one) for one in [*steps, *simple]),
        alarms=tuple(str(one.get("AlarmName", "")) for one in raw.get("Alarms") or []),
    )


def _metric(raw: Raw) -> Metric:
    dimensions = tuple(sorted((str(one["Name"]), str(one["Value"])) for one in raw.get("Dimensions") or []))
    return Metric(str(raw.get("Namespace", "")), str(raw["MetricName"]), dimensions, str(raw.get("Statistic", "")))


def host(raw: Raw) -> Host:
    tags = {str(tag.get("Key")): str(tag.get("Value")) for tag in raw.get("Tags", [])}
    return Host(
        str(raw["InstanceId"]), tags.get("Name", ""), str((raw.get("State") or {}).get("Name", "")),
        str(raw.get("PrivateIpAddress", "")), str(raw.get("PublicIpAddress", "")), _utc(raw.get("LaunchTime")),
        tags.get("aws:autoscaling:groupName", ""),
        kind=str(raw.get("InstanceType", "")),
        image=str(raw.get("ImageId", "")),
        zone=str((raw.get("Placement") or {}).get("AvailabilityZone", "")),
        market=str(raw.get("InstanceLifecycle", "")),
        dns=str(raw.get("PrivateDnsName", "")),
        key=str(raw.get("KeyName", "")),
        subnet=str(raw.get("SubnetId", "")),
        profile=str((raw.get("IamInstanceProfile") or {}).get("Arn", "")).rsplit("/", 1)[-1],
        template_version=tags.get("aws:ec2launchtemplate:version", ""),
    )  # fmt: skip


def function(raw: Raw) -> Function:
    variables = (raw.get("Environment") or {}).get("Variables") or {}
    return Function(
        name=str(raw["FunctionName"]),
        arn=str(raw.get("FunctionArn", "")),
        state=str(raw.get("State", "")),
        why=str(raw.get("StateReason") or raw.get("LastUpdateStatusReason") or ""),
        last_update=str(raw.get("LastUpdateStatus", "")),
        runtime=str(raw.get("Runtime", "")),
        memory_mb=int(raw.get("MemorySize", 0)),
        timeout_s=int(raw.get("Timeout", 0)),
        variables={name: str(value) for name, value in variables.items() if _SHOWN.fullmatch(name)},
    )


def query(made: str, metric: Metric) -> dict[str, Any]:
    """One entry of GetMetricData, by the minute."""
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": made, "MetricStat": {"Metric": named, "Period": 60, "Stat": metric.stat or "Maximum"}}


def points(raw: Raw) -> tuple[Point, ...]:
    pairs = zip(raw.get("Timestamps", []), raw.get("Values", []), strict=False)
    found = [Point(at.astimezone(UTC), float(value)) for at, value in pairs]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def line(raw: Raw) -> LogLine:
    at = datetime.fromtimestamp(int(raw.get("timestamp", 0)) / 1000, UTC)
    return LogLine(at, " ".join(str(raw.get("message", "")).split())[:_LINE])


def _utc(at: Any) -> datetime | None:
    return at.astimezone(UTC) if isinstance(at, datetime) else None

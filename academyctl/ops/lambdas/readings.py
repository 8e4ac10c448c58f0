"""What the functions read before they decide: queues and groups, every field of the answer asked for.

Standard library and boto3 only: packed beside each handler that uses it. An answer without AWS's own fields (a sign-in
page with status 200, a body cut short) reads as success in boto3, and is none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from academyctl.ops import policy
else:
    import policy

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Unread(Exception):
    """Something could not be read: nothing may be concluded from it."""


def clients(region: str, *services: str) -> dict[str, Any]:
    """boto3 clients, made one after the other (that is not thread-safe), quick to give up: a run has 30 s."""
    import boto3
    from botocore.config import Config

    quick = Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2, "mode": "standard"})
    return {service: boto3.client(service, region_name=region, config=quick) for service in services}


def depth(sqs: Any, queue: str) -> policy.Depth:
    """A queue's counts. Raises Unread, naming the queue."""
    try:
        url = _answer(sqs.get_queue_url(QueueName=queue))["QueueUrl"]
        seen = _answer(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS)))["Attributes"]
        return policy.Depth(*(_count(seen[name]) for name in COUNTS))
    except Exception as error:  # whatever kept it from being read, it is not known to be empty
        raise Unread(f"{queue}: {said(error)}") from error


def groups(autoscaling: Any, names: Iterable[str]) -> dict[str, Any]:
    """Auto Scaling groups by name, those that do not exist left out. Raises Unread."""
    wanted = sorted(set(names))
    try:
        answer = _answer(autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=wanted))
        found = {str(one["AutoScalingGroupName"]): one for one in answer["AutoScalingGroups"]}
        for one in found.values():
            bounds(one)
    except Exception as error:  # as above
        raise Unread(f"{', '.join(wanted)}: {said(error)}") from error
    return found


def bounds(group: Mapping[str, Any]) -> tuple[int, policy.Bounds]:
    """(desired capacity, bounds) of a group."""
    return _count(group["DesiredCapacity"]), policy.Bounds(_count(group["MinSize"]), _count(group["MaxSize"]))


def busy(group: Mapping[str, Any]) -> int:
    """How many of its instances are protected from scale-in: a worker protects its own while it works."""
    return sum(bool(one.get("ProtectedFromScaleIn")) for one in group.get("Instances", []))


def total(depths: Iterable[policy.Depth]) -> policy.Depth:
    """Several queues as one."""
    seen = tuple(depths)
    return policy.Depth(*(sum(getattr(one, field) for one in seen) for field in ("visible", "in_flight", "delayed")))


def said(error: BaseException) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _answer(raw: Any) -> Any:
    if not raw["ResponseMetadata"]["RequestId"]:
        raise ValueError("the answer is not from AWS: it has no request id")
    return raw


def _count(value: Any) -> int:
    number = int(value)
    if number < 0 or isinstance(value, bool):
        raise ValueError(f"{value!r} is no count")
    return number

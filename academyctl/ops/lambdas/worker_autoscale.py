"""Each minute: start stopped worker instances when messages wait (contract 8.2, the function before the groups).

Mended: more than one instance may run, and an unread queue, instance list or cooldown starts nothing, publishes
ReadFailed=1 and fails the run. Environment: AI_QUEUE_LITE, AI_QUEUE_BASIC, VIDEO_QUEUE, AI_WORKER_NAME_TAG,
VIDEO_WORKER_NAME_TAG, MIN_MESSAGES_TO_START, MAX_INSTANCES_PER_TYPE, COOLDOWN_SECONDS, SSM_PARAMETER_PREFIX,
TARGET_MESSAGES_PER_INSTANCE, METRIC_NAMESPACE. With the event {"dry_run": true} it decides and starts nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from academyctl.ops import policy
    from academyctl.ops.lambdas import readings
else:
    import policy
    import readings

UP = ("pending", "running")


@dataclass(frozen=True)
class Kind:
    """A kind of worker: its WorkerType, the variables of its queues with the platform's names, its Name tag's."""

    worker: str
    queues: tuple[tuple[str, str], ...]
    tag: tuple[str, str]

    @property
    def word(self) -> str:
        return self.worker.lower()


KINDS = (
    Kind(
        "AI",
        (("AI_QUEUE_LITE", "academy-ai-jobs-lite"), ("AI_QUEUE_BASIC", "academy-ai-jobs-basic")),
        ("AI_WORKER_NAME_TAG", "academy-ai-worker-cpu"),
    ),
    Kind("Video", (("VIDEO_QUEUE", "academy-video-jobs"),), ("VIDEO_WORKER_NAME_TAG", "academy-video-worker")),
)


@dataclass(frozen=True)
class Settings:
    """What the environment says; the cooldown in seconds."""

    region: str
    at_least: int
    most: int
    per_worker: int
    cooldown: float
    prefix: str
    namespace: str


def settings(environ: Mapping[str, str]) -> Settings:
    """The environment. Raises ValueError for a number that is none or less than it may be."""
    found = Settings(
        region=environ.get("AWS_REGION") or "ap-northeast-2",
        at_least=int(environ.get("MIN_MESSAGES_TO_START") or 1),
        most=int(environ.get("MAX_INSTANCES_PER_TYPE") or 1),
        per_worker=int(environ.get("TARGET_MESSAGES_PER_INSTANCE") or 1),
        cooldown=float(environ.get("COOLDOWN_SECONDS") or 120),
        prefix=(environ.get("SSM_PARAMETER_PREFIX") or "/academy/worker-autoscale").rstrip("/"),
        namespace=environ.get("METRIC_NAMESPACE") or "Academy/Workers",
    )
    if found.at_least < 1 or found.most < 0 or found.per_worker < 1 or found.cooldown < 0:
        raise ValueError(f"a number is out of its range: {found}")
    return found


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """One run: what it saw and started by worker. Raises RuntimeError at its end when something was not readable."""
    del context
    dry = isinstance(event, dict) and event.get("dry_run") is True
    wanted = settings(os.environ)
    aws = readings.clients(wanted.region, "sqs", "ec2", "ssm", "cloudwatch")
    answer: dict[str, Any] = {"dry_run": True} if dry else {}
    failed = {}
    for kind in KINDS:
        try:
            answer[kind.word] = _serve(aws, wanted, kind, dry=dry)
        except Exception as error:  # noqa: BLE001 - the other worker is still served; told and raised below
            failed[kind.word] = readings.said(error)
            answer[kind.word] = {"started": [], "reason": "unread", "error": failed[kind.word]}
    print(f"worker_autoscale | {json.dumps(answer, sort_keys=True)}")
    if failed:
        if not dry:
            _publish(aws["cloudwatch"], wanted, [kind.worker for kind in KINDS if kind.word in failed])
        raise RuntimeError("; ".join(f"{word}: {why}" for word, why in failed.items()))
    return answer


def _serve(aws: Mapping[str, Any], wanted: Settings, kind: Kind, *, dry: bool) -> dict[str, Any]:
    depth = readings.total(
        [readings.depth(aws["sqs"], os.environ.get(variable) or default) for variable, default in kind.queues]
    )
    seen: dict[str, Any] = {"visible": depth.visible, "in_flight": depth.in_flight}
    variable, default = kind.tag
    instances = _instances(aws["ec2"], os.environ.get(variable) or default)
    stopped = sorted(one for one, state in instances.items() if state == "stopped")
    up = sum(state in UP for state in instances.values())
    count, why = policy.start_stopped(
        depth, up=up, stopped=len(stopped), most=wanted.most, at_least=wanted.at_least,
        per_worker=wanted.per_worker, cooling=_cooling(aws["ssm"], wanted, kind),
    )  # fmt: skip
    chosen = stopped[:count]
    if chosen and not dry:
        # The time first: when it cannot be written nothing is started, rather than again each minute.
        now = str(int(time.time()))
        aws["ssm"].put_parameter(Name=_parameter(wanted, kind), Value=now, Type="String", Overwrite=True)
        aws["ec2"].start_instances(InstanceIds=chosen)
    return {**seen, "up": up, "stopped": len(stopped), "started": chosen, "reason": why}


def _instances(ec2: Any, tag: str) -> dict[str, str]:
    """Instance id -> state, by Name tag."""
    found: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        answer = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [tag]}], **token)
        if not answer["ResponseMetadata"]["RequestId"]:
            raise readings.Unread("ec2:DescribeInstances: the answer is not from AWS")
        for reservation in answer["Reservations"]:
            found |= {one["InstanceId"]: one["State"]["Name"] for one in reservation["Instances"]}
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def _cooling(ssm: Any, wanted: Settings, kind: Kind) -> bool:
    """Whether the last start was less than a cooldown ago; a time in the future counts as one."""
    try:
        value = ssm.get_parameter(Name=_parameter(wanted, kind))["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return False
    return time.time() - float(value) < wanted.cooldown


def _parameter(wanted: Settings, kind: Kind) -> str:
    return f"{wanted.prefix}/last_start_{kind.word}"


def _publish(cloudwatch: Any, wanted: Settings, workers: list[str]) -> None:
    data = [
        {"MetricName": "ReadFailed", "Dimensions": [{"Name": "WorkerType", "Value": one}], "Value": 1, "Unit": "Count"}
        for one in workers
    ]
    try:
        cloudwatch.put_metric_data(Namespace=wanted.namespace, MetricData=data)
    except Exception as error:  # noqa: BLE001 - the older role may not publish; the run fails anyway
        print(f"worker_autoscale | ReadFailed could not be published: {readings.said(error)}")

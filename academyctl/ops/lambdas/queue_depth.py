"""Each minute: count the queues, publish what was seen, and make the groups that it is told to size large enough.

Contract 8.1, without its defects: a queue or group that could not be read holds the group's size and is published as
ReadFailed=1, and a run that could not read everything fails, so that AWS/Lambda Errors tells it. Environment: the
names of the queues and groups; MODE or VIDEO_MODE, AI_MODE, MESSAGING_MODE: `publish` (the default: sizes nothing),
`outstanding`, `lambda-rule`; TARGET_MESSAGES_PER_INSTANCE, or the same behind VIDEO_, AI_, MESSAGING_.
With the event {"dry_run": true} it reads and decides, and neither publishes nor sets anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from academyctl.ops import policy
    from academyctl.ops.lambdas import readings
else:
    import policy
    import readings

PUBLISH, OUTSTANDING, LAMBDA_RULE = "publish", "outstanding", "lambda-rule"
MODES = (PUBLISH, OUTSTANDING, LAMBDA_RULE)
TOTAL = ("Academy/VideoProcessing", "VideoQueueDepthTotal")


@dataclass(frozen=True)
class Role:
    """A kind of worker: its WorkerType, the variables of its queues with the platform's names, its group's name."""

    worker: str
    queues: tuple[tuple[str, str], ...]
    group: str

    @property
    def word(self) -> str:
        return self.worker.lower()


ROLES = (
    Role(
        "AI",
        (("AI_QUEUE_LITE", "academy-ai-jobs-lite"), ("AI_QUEUE_BASIC", "academy-ai-jobs-basic")),
        "academy-ai-worker-asg",
    ),
    Role("Video", (("VIDEO_QUEUE", "academy-video-jobs"),), "academy-video-worker-asg"),
    Role("Messaging", (("MESSAGING_QUEUE", "academy-messaging-jobs"),), "academy-messaging-worker-asg"),
)


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    region: str
    queues: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, str]
    modes: Mapping[str, str]
    per_worker: Mapping[str, int]
    namespace: str
    metric: str

    @property
    def sized(self) -> tuple[Role, ...]:
        return tuple(role for role in ROLES if self.modes[role.word] != PUBLISH)


@dataclass
class Run:
    """What one run saw and did, by worker word; `failed` are sentences."""

    depths: dict[str, policy.Depth]
    decisions: dict[str, tuple[int, policy.Decision]]
    unread: set[str]
    failed: list[str]


def settings(environ: Mapping[str, str]) -> Settings:
    """The environment. Raises ValueError for a mode or a number that is none: a typing error must not scale."""
    modes = {role.word: _of(environ, role, "MODE", PUBLISH) for role in ROLES}
    for word, mode in modes.items():
        if mode not in MODES:
            raise ValueError(f"{word}: MODE={mode} is none of {', '.join(MODES)}")
    per_worker = {role.word: int(_of(environ, role, "TARGET_MESSAGES_PER_INSTANCE", "1")) for role in ROLES}
    if any(count < 1 for count in per_worker.values()):
        raise ValueError("TARGET_MESSAGES_PER_INSTANCE must be 1 or more")
    return Settings(
        region=environ.get("AWS_REGION") or "ap-northeast-2",
        queues={
            role.word: tuple(environ.get(variable) or default for variable, default in role.queues) for role in ROLES
        },
        groups={role.word: environ.get(f"{role.worker.upper()}_WORKER_ASG_NAME") or role.group for role in ROLES},
        modes=modes,
        per_worker=per_worker,
        namespace=environ.get("METRIC_NAMESPACE") or "Academy/Workers",
        metric=environ.get("METRIC_NAME") or "QueueDepth",
    )


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """One run; what it saw. Raises RuntimeError at its end when anything could not be read, set or published."""
    del context
    dry = isinstance(event, dict) and event.get("dry_run") is True
    wanted = settings(os.environ)
    aws = readings.clients(wanted.region, "sqs", "cloudwatch", *(("autoscaling",) if wanted.sized else ()))
    run = Run({}, {}, set(), [])
    _count(aws["sqs"], wanted, run)
    print(f"queue_depth_metric | {' '.join(_told(role, run) for role in ROLES)}")
    if wanted.sized:
        _size(aws, wanted, run, dry=dry)
    if not dry:
        _publish(aws["cloudwatch"], wanted, run)
    for sentence in run.failed:
        print(f"queue_depth_metric | failed: {sentence}")
    if run.failed:
        raise RuntimeError("; ".join(run.failed))
    return _answer(wanted, run, dry=dry)


def _count(sqs: Any, wanted: Settings, run: Run) -> None:
    # All at once: a network that swallows answers must not use up the function's time before ReadFailed is published.
    names = sorted({name for queues in wanted.queues.values() for name in queues})
    with ThreadPoolExecutor(len(names)) as pool:
        asked = {name: pool.submit(readings.depth, sqs, name) for name in names}
    for role in ROLES:
        try:
            run.depths[role.word] = readings.total(asked[name].result() for name in wanted.queues[role.word])
        except readings.Unread as error:
            run.unread.add(role.word)
            run.failed.append(f"{role.word}: could not be read: {error}")


def _size(aws: Mapping[str, Any], wanted: Settings, run: Run, *, dry: bool) -> None:
    try:
        found = readings.groups(aws["autoscaling"], (wanted.groups[role.word] for role in wanted.sized))
    except readings.Unread as error:
        run.unread.update(role.word for role in wanted.sized)
        run.failed.append(f"groups could not be read: {error}")
        return
    for role in wanted.sized:
        group = found.get(wanted.groups[role.word])
        if group is None:
            run.unread.add(role.word)
            run.failed.append(f"ASG not found: {wanted.groups[role.word]}")
            continue
        decision = _decide(aws["sqs"], wanted, run, role, group)
        desired = int(group["DesiredCapacity"])
        run.decisions[role.word] = (desired, decision)
        if decision.action == policy.HOLD or dry:
            continue
        if not _set(aws["autoscaling"], wanted.groups[role.word], desired, decision, run.depths[role.word], run):
            # What is published is what the group has.
            run.decisions[role.word] = (desired, policy.Decision(desired, policy.HOLD, "not set"))


def _decide(sqs: Any, wanted: Settings, run: Run, role: Role, group: Mapping[str, Any]) -> policy.Decision:
    desired, bounds = readings.bounds(group)
    depth, per_worker = run.depths.get(role.word), wanted.per_worker[role.word]
    if wanted.modes[role.word] == OUTSTANDING:
        return policy.outstanding(depth, desired, bounds, per_worker=per_worker)
    busy = readings.busy(group)
    decision = policy.lambda_rule(depth, desired, bounds, per_worker=per_worker, busy=busy)
    if decision.action != policy.LOWER:
        return decision
    # The counts are approximate: that nothing is left to do is believed when it is seen twice.
    try:
        again = readings.total([readings.depth(sqs, name) for name in wanted.queues[role.word]])
    except readings.Unread as error:
        run.unread.add(role.word)
        run.failed.append(f"{role.word}: could not be read: {error}")
        return policy.lambda_rule(None, desired, bounds)
    return policy.lambda_rule(again, desired, bounds, per_worker=per_worker, busy=busy)


def _set(autoscaling: Any, name: str, desired: int, decision: policy.Decision, depth: policy.Depth, run: Run) -> bool:
    try:
        autoscaling.set_desired_capacity(
            AutoScalingGroupName=name, DesiredCapacity=decision.desired, HonorCooldown=False
        )
    except Exception as error:  # noqa: BLE001 - the other groups and the metrics are still to be served
        run.failed.append(f"set_asg_desired failed for {name}: {readings.said(error)}")
        return False
    counts = f"visible={depth.visible} in_flight={depth.in_flight}"
    print(f"{name} desired {desired} -> {decision.desired} ({counts})")
    return True


def _publish(cloudwatch: Any, wanted: Settings, run: Run) -> None:
    data = []
    for role in ROLES:
        dimensions = [{"Name": "WorkerType", "Value": role.worker}]
        if depth := run.depths.get(role.word):
            data.append(_datum(wanted.metric, depth.visible, dimensions))
            data.append(_datum("QueueInFlight", depth.in_flight, dimensions))
        if role.word in run.decisions:
            data.append(_datum("DesiredCapacity", run.decisions[role.word][1].desired, dimensions))
        if role.word in run.unread:
            data.append(_datum("ReadFailed", 1, dimensions))
    _put(cloudwatch, wanted.namespace, data, run)
    if video := run.depths.get("video"):
        dimensions = [
            {"Name": "WorkerType", "Value": "Video"},
            {"Name": "AutoScalingGroupName", "Value": wanted.groups["video"]},
        ]
        _put(cloudwatch, TOTAL[0], [_datum(TOTAL[1], video.visible + video.in_flight, dimensions)], run)


def _put(cloudwatch: Any, namespace: str, data: list[dict[str, Any]], run: Run) -> None:
    try:
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    except Exception as error:  # noqa: BLE001 - told at the end; the other namespace may still take its metric
        run.failed.append(f"metrics of {namespace} could not be published: {readings.said(error)}")


def _datum(name: str, value: int, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"}


def _told(role: Role, run: Run) -> str:
    depth = run.depths.get(role.word)
    return f"{role.word} visible={depth.visible} in_flight={depth.in_flight}" if depth else f"{role.word} unread"


def _answer(wanted: Settings, run: Run, *, dry: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {f"{role.word}_queue_depth": run.depths[role.word].visible for role in ROLES}
    video = run.depths["video"]
    answer["video_queue_depth_total"] = video.visible + video.in_flight
    answer["groups"] = {
        word: {
            "group": wanted.groups[word],
            "mode": wanted.modes[word],
            "before": before,
            "desired": decision.desired,
            "action": decision.action,
            "why": decision.why,
        }
        for word, (before, decision) in run.decisions.items()
    }
    return {**answer, "dry_run": True} if dry else answer


def _of(environ: Mapping[str, str], role: Role, name: str, default: str) -> str:
    return environ.get(f"{role.worker.upper()}_{name}") or environ.get(name) or default

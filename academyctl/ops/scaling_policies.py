"""The policies that `scaling apply` knows: for each, the whole state that it wants, made from the state that is.

Facts behind them: out by count and in by the idle worker kills nobody and costs least; whatever lowers a group by a
formula kills encodes unless busy instances are protected; a queue's total is no measure of one instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from academyctl.errors import Both, UsageError
from academyctl.ops import lambda_triggers
from academyctl.ops.lambda_repairs import Configuration
from academyctl.ops.lambda_specs import SCHEDULE, Spec
from academyctl.ops.package import package, sha256
from academyctl.ops.scaling_state import ACTIONS, Json, Names, State

OUTSTANDING, BATCH, TT_BACKLOG, LAMBDA_RULE, TT_TOTAL, STEP_ALARM, FIXED = POLICIES = (
    "outstanding", "batch", "tt-backlog", "lambda-rule", "tt-total", "step-alarm", "fixed",
)  # fmt: skip
DRAIN_HOOK = "academyctl-drain"
_DRAIN_S = 300
TT_NAME = "video-backlogcount-tt"
BACKLOG_TARGET = 0.33
SEVERAL = "20"
"""Messages for each instance of a group that is not video's: the platform's own default (contract 8.1)."""
_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


@dataclass(frozen=True)
class Around:
    """What the account and the settings give: the functions' role (ARN), what they should be, messages per worker.

    `per_worker` is the video group's; `asked` is what the operator said for the group at hand, None for nothing.
    """

    partition: str
    region: str
    account: str
    role: str
    counter: Spec
    feeder: Spec
    per_worker: int
    asked: int | None = None

    def arn(self, service: str, rest: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"


Made = dict[str, dict[str, Json]]


def wanted(policy: str, now: State, around: Around) -> Made:
    """The parts that the group should have under this policy; sizes are not among them. Raises UsageError."""
    these = now.names
    if policy not in POLICIES:
        known = ", ".join(POLICIES)
        raise UsageError(
            Both(f"there is no policy '{policy}'", f"'{policy}' 정책은 없습니다"),
            remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"),
        )
    of_video = policy in (TT_TOTAL, BATCH) and these.role != "video"
    if of_video or (policy in _ONE_QUEUE and len(these.queues) > 1):
        raise UsageError(
            Both(f"{policy} is not for the {these.role} workers", f"{policy}은(는) {these.role} 워커에 쓸 수 없습니다"),
            why="it is the video queue's" if of_video else "their messages are in several queues",
            remedy=Both("use outstanding or fixed", "outstanding 또는 fixed를 쓰세요"),
        )
    made: Made = {part: {name: dict(one) for name, one in found.items()} for part, found in now.parts.items()}
    made["policy"], made["alarm"] = {}, _without_policies(made["alarm"])
    for mapping in made["mapping"].values():
        mapping["Enabled"] = False
    _MAKE[policy](made, now, around)
    if these.function in made["function"]:
        _counting(made, these, around, {OUTSTANDING: OUTSTANDING, LAMBDA_RULE: LAMBDA_RULE}.get(policy, "publish"))
    return made


def _without_policies(alarms: Mapping[str, Json]) -> dict[str, Json]:
    """Alarms that do something else as well, doing that alone; the others go with their policies."""
    found = {}
    for name, alarm in alarms.items():
        rest = {key: [one for one in alarm.get(key, []) if not one.startswith("policy:")] for key in ACTIONS}
        if any(rest.values()):
            kept = {key: value for key, value in alarm.items() if key not in ACTIONS}
            found[name] = kept | {key: actions for key, actions in rest.items() if actions}
    return found


_ONE_QUEUE = (TT_BACKLOG, STEP_ALARM)


def _outstanding(made: Made, now: State, around: Around) -> None:
    """Out by the function, in by the idle worker; nothing else touches the size, an instance is never protected from
    its launch on (a refresh would wait for it for an hour), and one that AWS ends may drain."""
    _scheduled(made, now.names, around)
    made["group"][now.names.group]["NewInstancesProtectedFromScaleIn"] = False
    if not any(hook.get("LifecycleTransition") == _TERMINATING for hook in made["hook"].values()):
        made["hook"][DRAIN_HOOK] = {
            "AutoScalingGroupName": now.names.group, "LifecycleHookName": DRAIN_HOOK,
            "LifecycleTransition": _TERMINATING, "HeartbeatTimeout": _DRAIN_S, "DefaultResult": "CONTINUE",
        }  # fmt: skip


def _tt_total(made: Made, now: State, around: Around) -> None:
    """Guide 003 verbatim."""
    _scheduled(made, now.names, around)
    group = now.names.group
    metric = {
        "MetricName": "VideoQueueDepthTotal", "Namespace": "Academy/VideoProcessing",
        "Dimensions": _dimensions(WorkerType="Video", AutoScalingGroupName=group), "Statistic": "Average",
    }  # fmt: skip
    _track(made, group, TT_NAME, {"CustomizedMetricSpecification": metric, "TargetValue": 1.0})


def _tt_backlog(made: Made, now: State, _around: Around) -> None:
    """AWS's guide: messages that wait for each instance in service, by metric math, without a function."""
    these = now.names
    waiting = {
        "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": _dimensions(QueueName=these.queues[0]),
    }  # fmt: skip
    serving = {
        "Namespace": "AWS/AutoScaling", "MetricName": "GroupInServiceInstances",
        "Dimensions": _dimensions(AutoScalingGroupName=these.group),
    }  # fmt: skip
    metrics = [
        {"Id": "waiting", "MetricStat": {"Metric": waiting, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "serving", "MetricStat": {"Metric": serving, "Stat": "Average"}, "ReturnData": False},
        # An empty group serves nothing, and nothing divided by nothing would never start the first instance.
        {"Id": "backlog", "Expression": "IF(serving > 0, waiting / serving, waiting)", "ReturnData": True},
    ]
    group = made["group"][these.group]
    group["Metrics"] = sorted({*group["Metrics"], "GroupInServiceInstances"})
    config = {"CustomizedMetricSpecification": {"Metrics": metrics}, "TargetValue": BACKLOG_TARGET}
    _track(made, these.group, f"{these.role}-backlog-per-instance-tt", config)


def _step_alarm(made: Made, now: State, _around: Around) -> None:
    """Guide 001, 5-A, verbatim but for --cooldown, which AWS documents for simple scaling only."""
    these = now.names
    policy, alarm = f"{these.role}-queue-scaleout", f"academy-{these.role}-queue-depth-scaleout"
    made["policy"][policy] = {
        "AutoScalingGroupName": these.group, "PolicyName": policy, "PolicyType": "StepScaling",
        "AdjustmentType": "ChangeInCapacity", "MetricAggregationType": "Average",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }  # fmt: skip
    made["alarm"][alarm] = {
        "AlarmName": alarm, "AlarmDescription": f"{these.role.capitalize()} queue has messages - scale out",
        "ActionsEnabled": True, "AlarmActions": [f"policy:{policy}"],
        "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS", "Statistic": "Sum",
        "Dimensions": _dimensions(QueueName=these.queues[0]), "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }  # fmt: skip


def _fixed(_made: Made, _now: State, _around: Around) -> None:
    """Nothing decides: the sizes are the policy."""


def _batch(made: Made, now: State, around: Around) -> None:
    """One job per message; the group's workers leave when they are idle."""
    these = now.names
    _function(made, around.feeder, around)
    queue = these.queues[0]
    made["mapping"][queue] = {
        **lambda_triggers.MAPPING,
        **made["mapping"].get(queue, {}), "FunctionName": these.feeder,
        "EventSourceArn": around.arn("sqs", queue), "Enabled": True,
    }  # fmt: skip


_MAKE: Mapping[str, Callable[[Made, State, Around], None]] = {
    OUTSTANDING: _outstanding,
    LAMBDA_RULE: _outstanding,
    TT_TOTAL: _tt_total,
    TT_BACKLOG: _tt_backlog,
    STEP_ALARM: _step_alarm,
    FIXED: _fixed,
    BATCH: _batch,
}


def _track(made: Made, group: str, name: str, config: Mapping[str, Any]) -> None:
    made["policy"][name] = {
        "AutoScalingGroupName": group, "PolicyName": name, "PolicyType": "TargetTrackingScaling",
        "TargetTrackingConfiguration": dict(config),
    }  # fmt: skip


def _dimensions(**pairs: str) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def _scheduled(made: Made, these: Names, around: Around) -> None:
    """The counting function, and the rule that runs it each minute."""
    _function(made, around.counter, around)
    rule = made["rule"].get(these.rule, {"Rule": {"Name": these.rule}, "Targets": []})
    arn = around.arn("lambda", f"function:{these.function}")
    targets = rule["Targets"]
    if not any(one.get("Arn") == arn for one in targets):
        # Id 1 is the platform's own; another target may have it.
        free = "1" if all(one.get("Id") != "1" for one in targets) else these.function
        targets = sorted([*targets, {"Id": free, "Arn": arn}], key=lambda one: str(one["Id"]))
    schedule = {**rule["Rule"], "ScheduleExpression": SCHEDULE, "State": "ENABLED"}
    made["rule"][these.rule] = {"Rule": schedule, "Targets": targets}
    source = around.arn("events", f"rule/{these.rule}")
    function = made["function"][these.function]
    if not any(one["source_arn"] == source for one in function["Permissions"]):
        permission = {"statement": these.rule, "principal": "events.amazonaws.com", "source_arn": source}
        function["Permissions"] = sorted([*function["Permissions"], permission], key=lambda one: str(one["statement"]))


def _counting(made: Made, these: Names, around: Around, mode: str) -> None:
    """This role's mode of the counting function. One that is not ours is replaced: it may set sizes as it likes."""
    _function(made, around.counter, around)
    variables = made["function"][these.function]["Configuration"]["variables"]
    variables[f"{these.role.upper()}_MODE"] = mode
    key = f"{these.role.upper()}_TARGET_MESSAGES_PER_INSTANCE"
    usual = str(around.per_worker) if these.role == "video" else variables.get(key, SEVERAL)
    variables[key] = str(around.asked or usual)


def _function(made: Made, spec: Spec, around: Around) -> None:
    """A function with our code; its role, its other variables and a larger memory or timeout are kept."""
    there = made["function"].get(spec.name)
    old = there["Configuration"] if there else {}
    configuration = asdict(
        Configuration(
            role=old.get("role") or around.role,
            timeout=max(spec.timeout, old.get("timeout", 0)),
            memory=max(spec.memory, old.get("memory", 0)),
            variables={**spec.defaults, **old.get("variables", {}), **spec.variables},
        )
    )
    made["function"][spec.name] = {
        "Configuration": configuration,
        "Code": sha256(package(spec.handler)),
        "Permissions": there["Permissions"] if there else [],
        # Not the specification's: an account with a small limit refuses to reserve, and nothing here needs it.
        "Reserved": there["Reserved"] if there else None,
    }

"""What decides a group's size, whole and exact: each thing as the parameters that would make it again.

`State.parts` is part -> name -> those parameters (JSON). Ids and times that AWS makes anew are left out, an alarm's
action names its policy instead of its ARN, and a function's code is its sha256: two states are equal when the account
is, and one that was written to a file can be put back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from academyctl.asg_plans import name_of
from academyctl.errors import Both, WorkFailed
from academyctl.ops import lambda_plans

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores import Stores

Json = dict[str, Any]
Parts = Mapping[str, Mapping[str, Json]]

_POLICY = (
    "AutoScalingGroupName", "PolicyName", "PolicyType", "AdjustmentType", "MinAdjustmentMagnitude", "ScalingAdjustment",
    "Cooldown", "MetricAggregationType", "StepAdjustments", "EstimatedInstanceWarmup", "TargetTrackingConfiguration",
    "PredictiveScalingConfiguration", "Enabled",
)  # fmt: skip
_HOOK = (
    "AutoScalingGroupName", "LifecycleHookName", "LifecycleTransition", "RoleARN", "NotificationTargetARN",
    "NotificationMetadata", "HeartbeatTimeout", "DefaultResult",
)  # fmt: skip
_RULE = ("Name", "ScheduleExpression", "EventPattern", "State", "Description", "RoleArn")
MAPPING = (
    "FunctionName", "EventSourceArn", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes",
    "ScalingConfig", "FilterCriteria", "Enabled",
)  # fmt: skip
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
"""What an alarm does when it turns to a state; a step policy may be in any of them (in on OK)."""
_POLICY_ARN = re.compile(r"autoScalingGroupName/(?P<group>[^:]+):policyName/(?P<policy>.+)$")


@dataclass(frozen=True)
class Names:
    """What one group's scaling is made of. `feeder` is the function that hands its messages to Batch, '' for none."""

    role: str
    group: str
    queues: tuple[str, ...]
    function: str
    rule: str
    feeder: str = ""


@dataclass(frozen=True)
class State:
    """All of it. `raw` is the group as AWS describes it, for people to look at; it is no part of a comparison."""

    names: Names
    parts: Parts
    raw: Json

    def of(self, part: str) -> Mapping[str, Json]:
        return self.parts.get(part, {})

    @property
    def sizes(self) -> tuple[int, int, int]:
        """(min, desired, max)"""
        return int(self.raw["MinSize"]), int(self.raw["DesiredCapacity"]), int(self.raw["MaxSize"])


def names(settings: Settings, role: str) -> Names:
    """Of a kind of worker. Raises UsageError for a word that is none."""
    fleet, queues = settings.fleet, settings.queues
    group = name_of(fleet, role)
    # The function counts lite and basic only: premium's machines are others (contract 8.1).
    worked = {"video": (queues.video,), "ai": (queues.ai_lite, queues.ai_basic), "messaging": (queues.messaging,)}
    feeder = fleet.batch_lambda if role == "video" else ""
    return Names(role, group, worked[role], fleet.depth_lambda, fleet.depth_rule, feeder)


def gather(stores: Stores, these: Names) -> State:
    """Read it all at once. Raises AwsError, and WorkFailed when there is no such group."""
    _open(stores)
    reads = {part: read for part, read in READ.items() if part != "group"}
    with ThreadPoolExecutor(len(reads) + 1) as pool:
        group = pool.submit(stores.asg.raw_group, these.group)
        asked = {part: pool.submit(read, stores, these) for part, read in reads.items()}
        raw = group.result()
        if raw is None:
            remedy = Both(
                "see which groups exist: academyctl asg show; or correct the setting (academyctl config show)",
                "어떤 그룹이 있는지 확인하거나 (academyctl asg show) 설정을 고치세요 (academyctl config show)",
            )
            raise WorkFailed(
                Both(
                    f"there is no Auto Scaling group {these.group}", f"Auto Scaling 그룹 {these.group}이(가) 없습니다"
                ),
                remedy=remedy,
                code="missing",
            )
        return State(these, {"group": {these.group: _group(raw)}, **{p: f.result() for p, f in asked.items()}}, raw)


def _open(stores: Stores) -> None:
    """The clients, one after the other: making them is not thread-safe, and takes longer in threads."""
    for service in ("autoscaling", "cloudwatch", "lambda", "events"):
        stores.fleet_clients(service)
    for store in (stores.asg, stores.alarms, stores.functions, stores.rules):
        assert store


def read_one(stores: Stores, these: Names, part: str, name: str) -> Json | None:
    """One thing of a state as it is now."""
    return dict(READ[part](stores, these)).get(name)


def _group_part(stores: Stores, these: Names) -> dict[str, Json]:
    raw = stores.asg.raw_group(these.group)
    return {these.group: _group(raw)} if raw else {}


def _group(raw: Json) -> Json:
    collected = sorted(str(one["Metric"]) for one in raw.get("EnabledMetrics") or [])
    return {"NewInstancesProtectedFromScaleIn": bool(raw.get("NewInstancesProtectedFromScaleIn")), "Metrics": collected}


def _policies(stores: Stores, these: Names) -> dict[str, Json]:
    return {str(raw["PolicyName"]): _policy(raw) for raw in stores.asg.raw_policies(these.group)}


def _policy(raw: Json) -> Json:
    """Without the defaults, which one service tells and another does not."""
    made: Json = _bare(_kept(raw, _POLICY))
    if made.get("Enabled") is True:
        del made["Enabled"]
    if tracking := made.get("TargetTrackingConfiguration"):
        plain = {key: value for key, value in tracking.items() if (key, value) != ("DisableScaleIn", False)}
        made["TargetTrackingConfiguration"] = plain
    return made


def _bare(value: Any) -> Any:
    """Without lists of nothing: a metric without dimensions is told with an empty one, or without."""
    if isinstance(value, Mapping):
        return {key: _bare(one) for key, one in value.items() if one not in ([], None)}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def _alarms(stores: Stores, these: Names) -> dict[str, Json]:
    """The alarms that run a policy of the group; those that target tracking makes for itself are AWS's own."""
    from academyctl.stores.alarms import request_of

    found: dict[str, Json] = {}
    for raw in stores.alarms.all():
        actions = {key: [str(one) for one in raw[key]] for key in ACTIONS if raw.get(key)}
        ours = any(_without_ids(one, these.group) != one for some in actions.values() for one in some)
        if ours and not str(raw.get("AlarmDescription", "")).startswith("DO NOT EDIT OR DELETE. For TargetTracking"):
            request = request_of(raw)
            if request.get("TreatMissingData") == "missing":
                del request["TreatMissingData"]  # the default, which one service tells and another does not
            request |= {key: [_without_ids(one, these.group) for one in some] for key, some in actions.items()}
            found[str(raw["AlarmName"])] = request
    return found


def _without_ids(action: str, group: str) -> str:
    hit = _POLICY_ARN.search(action)
    return f"policy:{hit['policy']}" if hit and hit["group"] == group else action


def _hooks(stores: Stores, these: Names) -> dict[str, Json]:
    return {str(raw["LifecycleHookName"]): _kept(raw, _HOOK) for raw in stores.asg.lifecycle_hooks(these.group)}


def _functions(stores: Stores, these: Names) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name in filter(None, (these.function, these.feeder)):
        seen = lambda_plans.see(stores.functions, name)
        if seen.raw:
            found[name] = {
                "Configuration": asdict(seen.configuration),
                "Code": seen.code_sha,
                "Permissions": [asdict(one) for one in seen.permissions],
                "Reserved": seen.reserved,
            }
    return found


def _rules(stores: Stores, these: Names) -> dict[str, Json]:
    found = stores.rules.raw(these.rule)
    if found is None:
        return {}
    targets = sorted((dict(one) for one in found[1]), key=lambda one: str(one["Id"]))
    return {these.rule: {"Rule": _kept(found[0], _RULE), "Targets": targets}}


def _mappings(stores: Stores, these: Names) -> dict[str, Json]:
    """What feeds the group's queue to the function in front of Batch, by that queue's name."""
    found: dict[str, Json] = {}
    for raw in stores.functions.mappings(these.feeder) if these.feeder else []:
        queue = str(raw.get("EventSourceArn", "")).rpartition(":")[2]
        if queue in these.queues and raw.get("State") != "Deleting":
            kept = {key: raw[key] for key in MAPPING if raw.get(key) not in (None, "", [], {})}
            on = str(raw.get("State")) in ("Enabled", "Enabling", "Creating", "Updating")
            found[queue] = {**kept, "FunctionName": these.feeder, "Enabled": on}
    return found


READ: dict[str, Callable[[Stores, Names], Mapping[str, Json]]] = {
    "group": _group_part,
    "hook": _hooks,
    "function": _functions,
    "rule": _rules,
    "mapping": _mappings,
    "policy": _policies,
    "alarm": _alarms,
}
"""How each part is read; in the order in which it is made, the reverse of how it is taken away."""


def _kept(raw: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    return {key: raw[key] for key in fields if raw.get(key) not in (None, "", [], {})}

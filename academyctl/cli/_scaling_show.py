"""`scaling show`: who decides a group's size, what it sees, what can be taken back; one screen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.policy import Depth
    from academyctl.ops.saves import Save
    from academyctl.ops.scaling_state import Json, State

_SAVES = 5
NONE = Both(
    "none of ours; to put one in force: academyctl scaling plan outstanding --role {role}",
    "알려진 정책 아님. 정책을 정하려면: academyctl scaling plan outstanding --role {role}",
)
UNREAD = Both("could not be read", "읽지 못함")


def show(here: Session, role: str, fmt: Format) -> None:
    """Raises AwsError, and WorkFailed when there is no such group."""
    from academyctl import output
    from academyctl.cli._scaling_changes import state_folder
    from academyctl.ops import saves
    from academyctl.ops.scaling_around import around
    from academyctl.ops.scaling_plans import in_force
    from academyctl.ops.scaling_state import gather, names

    stores, these = here.stores(), names(here.loaded.settings, role)
    for service in ("autoscaling", "lambda", "sqs", "sts"):
        stores.fleet_clients(service)
    with ThreadPoolExecutor(3) as pool:
        asked = pool.submit(around, stores)
        counted = pool.submit(_depth, here, these.queues)
        now = gather(stores, these)
        policy = in_force(now, asked.result())
        depth = counted.result()
    kept = saves.listed(state_folder(here, now.raw), these.group)
    output.emit(
        _json(now, policy, depth, kept),
        fmt=fmt,
        table=lambda: "\n".join(_lines(now, policy, depth, kept, here.lang)),
    )


def _depth(here: Session, queues: tuple[str, ...]) -> Depth | None:
    """What is in the group's queues; None when one could not be read: that is no reason not to show the rest."""
    from academyctl.errors import AwsError
    from academyctl.ops.policy import Depth

    try:
        found = [here.stores().sqs_quick.attributes(name) for name in queues]
    except AwsError:
        return None
    return Depth(
        sum(one.visible for one in found), sum(one.in_flight for one in found), sum(one.delayed for one in found)
    )


def _would(now: State, depth: Depth | None) -> tuple[str, int]:
    """(action, desired) of `outstanding` for what is there now: how far the present size is from it."""
    from academyctl.ops import policy

    least, desired, most = now.sizes
    decision = policy.outstanding(depth, desired, policy.Bounds(least, most))
    return decision.action, decision.desired


def _json(now: State, policy: str, depth: Depth | None, kept: tuple[Save, ...]) -> dict[str, Any]:
    least, desired, most = now.sizes
    function = now.of("function").get(now.names.function)
    action, wanted = _would(now, depth)
    return {
        "version": 1,
        "role": now.names.role,
        "group": now.names.group,
        "policy": policy or None,
        "min": least,
        "desired": desired,
        "max": most,
        "instances": len(now.raw.get("Instances") or []),
        "in_service": _count(now, "LifecycleState", "InService"),
        "protected": _count(now, "ProtectedFromScaleIn", True),
        "new_instances_protected": now.of("group")[now.names.group]["NewInstancesProtectedFromScaleIn"],
        "queue": None
        if depth is None
        else {"visible": depth.visible, "in_flight": depth.in_flight, "delayed": depth.delayed},
        "outstanding_would": {"action": action, "desired": wanted},
        "function": None if function is None else {"name": now.names.function, **_function(now, function)},
        "rule": _rule(now),
        "policies": [dict(one) for one in now.of("policy").values()],
        "alarms": [dict(one) for one in now.of("alarm").values()],
        "hooks": [dict(one) for one in now.of("hook").values()],
        "mappings": [dict(one) for one in now.of("mapping").values()],
        "saves": [
            {"name": one.name, "at": one.at, "by": one.by, "what": one.what, "ended": one.ended,
             "taken_back": one.taken_back} for one in kept
        ],
    }  # fmt: skip


def _lines(now: State, policy: str, depth: Depth | None, kept: tuple[Save, ...], lang: str) -> list[str]:
    from academyctl.output import as_typed

    least, desired, most = now.sizes
    in_service, protected = _count(now, "LifecycleState", "InService"), _count(now, "ProtectedFromScaleIn", True)
    seen = UNREAD.pick(lang)
    if depth is not None:
        action, wanted = _would(now, depth)
        seen = f"visible {depth.visible}  in flight {depth.in_flight}  delayed {depth.delayed}"
        seen += f"  (outstanding would {action}{'' if wanted == desired else f' to {wanted}'})"
    lines = [
        f"group     {now.names.group}  min {least}  desired {desired}  max {most}  in service {in_service}"
        f"  protected {protected}",
        f"policy    {policy or as_typed(NONE.pick(lang).format(role=now.names.role))}",
        f"queue     {', '.join(now.names.queues)}  {seen}",
    ]
    if function := now.of("function").get(now.names.function):
        told = _function(now, function)
        lines.append(
            f"function  {now.names.function}  mode {told['mode']}  code {told['code']}  per worker {told['per_worker']}"
        )
    if rule := _rule(now):
        lines.append(f"rule      {rule['name']}  {rule['state']}  {rule['schedule']}  targets {len(rule['targets'])}")
    for part in ("policy", "alarm", "hook", "mapping"):
        lines += [f"{part:<8}  {name}  {_short(part, one)}" for name, one in now.of(part).items()]
    if now.of("group")[now.names.group]["NewInstancesProtectedFromScaleIn"]:
        lines.append("protect   new instances are protected from scale-in from their launch on")
    back = [one for one in kept if one.by == "apply" and not one.taken_back]
    lines += [
        f"save      {one.name}  before {one.what}{'' if one.ended else '  (did not end)'}" for one in back[:_SAVES]
    ]
    return lines


def _short(part: str, one: Json) -> str:
    if part == "policy":
        tracking = one.get("TargetTrackingConfiguration") or {}
        metric = tracking.get("CustomizedMetricSpecification") or tracking.get("PredefinedMetricSpecification") or {}
        what = metric.get("MetricName") or metric.get("PredefinedMetricType") or ("metric math" if metric else "")
        target = f"  target {tracking['TargetValue']:g}" if "TargetValue" in tracking else ""
        steps = "".join(f"  {step.get('ScalingAdjustment', 0):+d}" for step in one.get("StepAdjustments") or [])
        return f"{one.get('PolicyType', '')}  {what}{target}{steps}".replace("    ", "  ").rstrip()
    if part == "alarm":
        return f"{one.get('MetricName', '')} {one.get('ComparisonOperator', '')} {one.get('Threshold', '')}"
    if part == "hook":
        return f"{one.get('LifecycleTransition', '').rpartition(':')[2]}  {one.get('HeartbeatTimeout')} s"
    return f"{one.get('FunctionName')}  {'on' if one.get('Enabled') else 'off'}"


def _function(now: State, function: Json) -> dict[str, str]:
    """This role's part of the counting function."""
    from academyctl.ops.package import package, sha256

    variables, word = function["Configuration"]["variables"], now.names.role.upper()
    ours = function["Code"] == sha256(package("queue_depth"))
    count = variables.get(f"{word}_TARGET_MESSAGES_PER_INSTANCE") or variables.get("TARGET_MESSAGES_PER_INSTANCE", "?")
    return {
        "mode": (variables.get(f"{word}_MODE") or variables.get("MODE", "publish")) if ours else "?",
        "code": "academyctl" if ours else f"other ({function['Code'][:10]})",
        "per_worker": count,
    }


def _rule(now: State) -> dict[str, Any] | None:
    found = now.of("rule").get(now.names.rule)
    if found is None:
        return None
    rule = found["Rule"]
    targets = [str(one.get("Arn", "")) for one in found["Targets"]]
    return {"name": now.names.rule, "state": rule.get("State", ""), "schedule": rule.get("ScheduleExpression", ""),
            "targets": targets}  # fmt: skip


def _count(now: State, key: str, value: object) -> int:
    return sum(one.get(key) == value for one in now.raw.get("Instances") or [])

"""Auto Scaling: what a group says of itself, and alarms that run its step and simple policies.

As AWS has it, but that a step policy runs once when its alarm fires, not again each minute while it stays so.
"""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

# What EnableMetricsCollection without names switches on.
_METRICS = (
    "GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
)  # fmt: skip


def install() -> None:
    """Add the actions to ministack's tables."""
    from ministack.services import autoscaling as service
    from ministack.services import cloudwatch

    actions = service._ACTION_MAP
    actions["EnableMetricsCollection"] = lambda params: _collect(params, on=True)
    actions["DisableMetricsCollection"] = lambda params: _collect(params, on=False)
    update, describe = actions["UpdateAutoScalingGroup"], actions["DescribeAutoScalingGroups"]

    def updating(params: Params) -> Answer:
        group = service._asgs.get(service._p(params, "AutoScalingGroupName"))
        wanted = service._p(params, "NewInstancesProtectedFromScaleIn")
        if group and wanted:
            group["NewInstancesProtectedFromScaleIn"] = wanted == "true"
        answer: Answer = update(params)
        return answer

    def describing(params: Params) -> Answer:
        status, headers, body = describe(params)
        text = body.decode("utf-8")
        for group in service._asgs.values():
            if group.get("EnabledMetrics"):
                told = service._member_xml(
                    [{"Metric": one, "Granularity": "1Minute"} for one in group["EnabledMetrics"]]
                )
                mark = f"<AutoScalingGroupARN>{group['AutoScalingGroupARN']}</AutoScalingGroupARN>"
                text = text.replace(mark, f"{mark}<EnabledMetrics>{told}</EnabledMetrics>")
        return status, headers, text.encode("utf-8")

    actions["UpdateAutoScalingGroup"], actions["DescribeAutoScalingGroups"] = updating, describing
    dispatch = cloudwatch._dispatch_alarm_actions

    def running(alarm: Params, old_state: str, new_state: str, reason: str) -> Any:
        if new_state == "ALARM" and alarm.get("ActionsEnabled", True):
            for action in alarm.get("AlarmActions", []):
                _run(str(action))
        return dispatch(alarm, old_state, new_state, reason)

    cloudwatch._dispatch_alarm_actions = running


def _collect(params: Params, *, on: bool) -> Answer:
    from ministack.services import autoscaling as service

    name = service._p(params, "AutoScalingGroupName")
    group = service._asgs.get(name)
    if group is None:
        refused: Answer = service._error("ValidationError", "AutoScalingGroup name not found - null")
        return refused
    asked = service._parse_member_list(params, "Metrics") or list(_METRICS)
    now = set(group.get("EnabledMetrics") or [])
    group["EnabledMetrics"] = sorted(now | set(asked) if on else now - set(asked))
    verb = "EnableMetricsCollection" if on else "DisableMetricsCollection"
    made: Answer = service._xml(200, f"{verb}Response", "")
    return made


def _run(action: str) -> None:
    """A step or simple scaling policy, when the action is one."""
    from ministack.services import autoscaling as service

    policy = next((one for one in service._policies.values() if one["PolicyARN"] == action), None)
    group = service._asgs.get(policy["AutoScalingGroupName"]) if policy else None
    if policy is None or group is None or policy["PolicyType"] not in ("StepScaling", "SimpleScaling"):
        return
    steps = policy.get("StepAdjustments") or [policy]
    wanted = int(group["DesiredCapacity"]) + int(steps[0]["ScalingAdjustment"])
    group["DesiredCapacity"] = max(int(group["MinSize"]), min(int(group["MaxSize"]), wanted))
    service._reconcile_instances(group)

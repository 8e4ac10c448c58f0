"""Auto Scaling: scale-in protection, and instances that leave their group.

As AWS has them: protected instances are the last to go, and one that leaves can take its place with it.
"""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Add the actions to ministack's table, and let its resizing spare what is protected."""
    from ministack.services import autoscaling as service

    service._ACTION_MAP["SetInstanceProtection"] = _protect
    service._ACTION_MAP["TerminateInstanceInAutoScalingGroup"] = _terminate
    resize = service._reconcile_instances

    def sparing(group: Params) -> None:
        # ministack takes the last ones: those that may go are put there. AWS leaves a group too large rather than
        # end a protected instance.
        there = group["Instances"]
        there.sort(key=lambda one: not one["ProtectedFromScaleIn"])
        kept = sum(one["ProtectedFromScaleIn"] for one in there)
        wanted, group["DesiredCapacity"] = group["DesiredCapacity"], max(group["DesiredCapacity"], kept)
        resize(group)
        group["DesiredCapacity"] = wanted

    service._reconcile_instances = sparing


def _protect(params: Params) -> Answer:
    from ministack.services import autoscaling as service

    group = service._asgs.get(service._p(params, "AutoScalingGroupName"))
    wanted = service._parse_member_list(params, "InstanceIds")
    if group is None:
        return _refused("AutoScalingGroup name not found - null")
    known = {one["InstanceId"]: one for one in group["Instances"]}
    for one in wanted:
        if one not in known:
            return _refused(f"The instance {one} is not part of Auto Scaling group {group['AutoScalingGroupName']}.")
    for one in wanted:
        known[one]["ProtectedFromScaleIn"] = service._p(params, "ProtectedFromScaleIn") == "true"
    return _answer("SetInstanceProtection", "<SetInstanceProtectionResult/>")


def _terminate(params: Params) -> Answer:
    from ministack.services import autoscaling as service

    wanted = service._p(params, "InstanceId")
    decrement = service._p(params, "ShouldDecrementDesiredCapacity") == "true"
    for group in service._asgs.values():
        for one in group["Instances"]:
            if one["InstanceId"] != wanted:
                continue
            if decrement and group["DesiredCapacity"] <= group["MinSize"]:
                name, least = group["AutoScalingGroupName"], group["MinSize"]
                return _refused(
                    f"Currently, desiredSize equals minSize ({least}). Terminating instance without replacement will "
                    f"violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
                    f"lower group's min size. ({name})"
                )
            group["Instances"].remove(one)
            group["DesiredCapacity"] -= decrement
            service._reconcile_instances(group)
            told = f"<Activity><ActivityId>{wanted}</ActivityId><StatusCode>InProgress</StatusCode></Activity>"
            result = f"<TerminateInstanceInAutoScalingGroupResult>{told}</TerminateInstanceInAutoScalingGroupResult>"
            return _answer("TerminateInstanceInAutoScalingGroup", result)
    return _refused(f"Instance Id not found - No managed instance found for instance ID {wanted}")


def _answer(action: str, inner: str) -> Answer:
    from ministack.services import autoscaling as service

    made: Answer = service._xml(200, f"{action}Response", inner)
    return made


def _refused(message: str) -> Answer:
    from ministack.services import autoscaling as service

    made: Answer = service._error("ValidationError", message)
    return made

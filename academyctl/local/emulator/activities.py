"""What Auto Scaling has launched and ended, as DescribeScalingActivities tells it: the newest hundred of a group."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]
_KEPT = 100


def install() -> None:
    """Let ministack's DescribeScalingActivities, which is always empty, tell what `note` has noted."""
    from ministack.services import autoscaling as service

    def describing(params: Raw) -> Any:
        name = service._p(params, "AutoScalingGroupName")
        groups = [one for one in service._asgs.values() if not name or one["AutoScalingGroupName"] == name]
        found = [one for group in groups for one in group.get("Activities", [])]
        found.sort(key=lambda one: one["StartTime"], reverse=True)
        told = service._member_xml(found[: int(service._p(params, "MaxRecords") or _KEPT)])
        result = f"<DescribeScalingActivitiesResult><Activities>{told}</Activities></DescribeScalingActivitiesResult>"
        return service._xml(200, "DescribeScalingActivitiesResponse", result)

    service._ACTION_MAP["DescribeScalingActivities"] = describing


def note(group: Raw, what: str, why: str) -> None:
    """An activity of a group, done."""
    from ministack.services import autoscaling as service

    now = service.now_iso()
    made = {
        "ActivityId": service.new_uuid(),
        "AutoScalingGroupName": group["AutoScalingGroupName"],
        "Description": what,
        "Cause": f"At {now} {why}.",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "Progress": 100,
    }
    group["Activities"] = [made, *group.get("Activities", [])][:_KEPT]

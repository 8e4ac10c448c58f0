"""Instance refreshes that replace instances, and that protected instances hold up.

As AWS has them, but at once: what may be replaced is replaced when the refresh is looked at. ScaleInProtectedInstances
is Wait when it is not said; a refresh that waits goes on when the protection is gone.
"""

from __future__ import annotations

from typing import Any

from academyctl.local.emulator import ec2 as instances

Raw = dict[str, Any]
_ACTIVE = ("Pending", "InProgress", "Cancelling")


def install() -> None:
    """Add to ministack's refreshes what they do, and to groups the launch template that its update forgets."""
    from ministack.services import autoscaling as service

    table = service._ACTION_MAP
    start, describe, update = (
        table[f"{word}"] for word in ("StartInstanceRefresh", "DescribeInstanceRefreshes", "UpdateAutoScalingGroup")
    )

    def starting(params: Raw) -> Any:
        group = service._asgs.get(service._p(params, "AutoScalingGroupName"))
        if group and any(one["Status"] in _ACTIVE for one in group.get("InstanceRefreshes", [])):
            return service._error("InstanceRefreshInProgress", "An Instance Refresh is already in progress.")
        answer = start(params)
        if group:
            begun = group["InstanceRefreshes"][0]
            begun["Protected"] = service._p(params, "Preferences.ScaleInProtectedInstances") or "Wait"
            matching = service._p(params, "Preferences.SkipMatching") == "true"
            wanted = instances.version(group)
            begun["Left"] = [
                one["InstanceId"] for one in group["Instances"] if not (matching and _version(one) == wanted)
            ]
            begun["Of"] = len(begun["Left"])
            begun["Status"], begun["EndTime"] = "InProgress", ""
            _go_on(group, begun)
        return answer

    def describing(params: Raw) -> Any:
        group = service._asgs.get(service._p(params, "AutoScalingGroupName")) or {}
        for one in group.get("InstanceRefreshes", []):
            if one["Status"] in _ACTIVE and "Left" in one:
                _go_on(group, one)
        status, headers, body = describe(params)
        # One that still runs has no end; an empty time is no time.
        return status, headers, body.replace(b"<EndTime></EndTime>", b"")

    def updating(params: Raw) -> Any:
        group = service._asgs.get(service._p(params, "AutoScalingGroupName"))
        if group:
            template = {
                word: service._p(params, f"LaunchTemplate.{word}")
                for word in ("LaunchTemplateId", "LaunchTemplateName", "Version")
            }
            if any(template.values()):
                group["LaunchTemplate"] = {word: value for word, value in template.items() if value}
        return update(params)

    table["StartInstanceRefresh"], table["DescribeInstanceRefreshes"] = starting, describing
    table["UpdateAutoScalingGroup"] = updating


def _go_on(group: Raw, refresh: Raw) -> None:
    from ministack.services import autoscaling as service

    there = {one["InstanceId"]: one for one in group["Instances"]}
    left = [one for one in refresh["Left"] if one in there]
    held = [one for one in left if there[one]["ProtectedFromScaleIn"] and refresh["Protected"] != "Refresh"]
    for one in left:
        if one not in held:
            group["Instances"].remove(there[one])
    service._reconcile_instances(group)
    waits = held if refresh["Protected"] == "Wait" else []
    refresh["Left"], refresh["InstancesToUpdate"] = waits, len(waits)
    refresh["PercentageComplete"] = 100 if not waits else 100 * (refresh["Of"] - len(waits)) // refresh["Of"]
    if waits:
        refresh["StatusReason"] = (
            f"Waiting for remaining instances to be available. For example: {waits[0]} is protected from scale in."
        )
    else:
        refresh["Status"], refresh["StatusReason"], refresh["EndTime"] = "Successful", "", service.now_iso()


def _version(one: Raw) -> str:
    return str((one.get("LaunchTemplate") or {}).get("Version", ""))

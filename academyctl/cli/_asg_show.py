"""`academyctl asg show|activities`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Activity, Group, Policy

_MISSING = Both("does not exist", "없음")
_FAILED = ("Failed", "Cancelled")


def show(here: Session, role: str, *, fmt: Format) -> None:
    """All groups in one call; one group with what else belongs to it, side by side."""
    from academyctl import output
    from academyctl.asg_plans import ROLES, name_of

    names = {word: name_of(here.loaded.settings.fleet, word) for word in ([role] if role else ROLES)}
    stores = here.stores()
    groups, more = _gather(stores, names, role)
    output.emit(
        {"version": 1, "groups": [{**_json(word, name, groups.get(name)), **more} for word, name in names.items()]},
        fmt=fmt,
        table=lambda: _table(names, groups, here.lang) + _more(more, here.lang),
    )
    raise typer.Exit(EXIT_OK if all(name in groups for name in names.values()) else EXIT_FAILED)


def activities(here: Session, role: str, limit: int, *, failed: bool, fmt: Format) -> None:
    """What Auto Scaling did."""
    from academyctl import output
    from academyctl.asg_plans import ROLES, name_of
    from academyctl.cli._asg_find import missing

    names = [name_of(here.loaded.settings.fleet, word) for word in ([role] if role else ROLES)]
    stores = here.stores()
    stores.fleet_clients("autoscaling")
    groups, *told = _together(
        lambda: stores.fleet.groups(names), *(lambda name=name: stores.fleet.activities(name) for name in names)
    )
    if role and names[0] not in groups:
        raise missing(names[0])
    found = [one for each in told for one in each if not failed or one.status in _FAILED]
    found.sort(key=lambda one: one.started_at.timestamp() if one.started_at else 0.0, reverse=True)
    found = found[:limit]
    output.emit(
        {"version": 1, "activities": [_activity(one) for one in found]},
        fmt=fmt,
        table=lambda: _activities(found, here.lang),
    )
    raise typer.Exit(EXIT_OK if all(name in groups for name in names) else EXIT_FAILED)


def _gather(stores: Stores, names: Mapping[str, str], role: str) -> tuple[dict[str, Group], dict[str, Any]]:
    if not role:
        return stores.fleet.groups(list(names.values())), {}
    name = names[role]
    stores.fleet_clients("autoscaling")
    groups, policies, hooks, refreshes = _together(
        lambda: stores.fleet.groups([name]),
        lambda: stores.fleet.policies([name]),
        lambda: stores.asg.lifecycle_hooks(name),
        lambda: _unless_gone(lambda: stores.asg.refreshes(name)),
    )
    if name not in groups:
        return groups, {}
    return groups, {
        "policies": [_policy(one) for one in sorted(policies, key=lambda one: one.name)],
        "hooks": [
            {
                "name": str(one["LifecycleHookName"]),
                "transition": str(one["LifecycleTransition"]).rsplit(":", 1)[-1],
                "timeout_s": one.get("HeartbeatTimeout"),
                "default": str(one.get("DefaultResult", "")),
            }
            for one in hooks
        ],
        "refresh": refresh_json(refreshes[0]) if refreshes else None,
    }


def refresh_json(raw: Mapping[str, Any]) -> dict[str, Any]:
    """An instance refresh for programs."""
    return {
        "id": str(raw["InstanceRefreshId"]),
        "status": str(raw.get("Status", "")),
        "percent": int(raw.get("PercentageComplete") or 0),
        "left": raw.get("InstancesToUpdate"),
        "why": str(raw.get("StatusReason") or ""),
        "started_at": raw.get("StartTime"),
        "ended_at": raw.get("EndTime"),
    }


def _together(*calls: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def _unless_gone(call: Callable[[], list[Any]]) -> list[Any]:
    """Asked for the refreshes of a group that does not exist, AWS refuses."""
    from academyctl.errors import AwsError

    try:
        return call()
    except AwsError as error:
        if error.code != "ValidationError":
            raise
        return []


def _json(role: str, name: str, group: Group | None) -> dict[str, Any]:
    if group is None:
        return {"role": role, "name": name, "exists": False}
    instances = [
        {
            "id": one.id,
            "state": one.state,
            "health": one.health,
            "protected": one.protected,
            "template_version": one.version,
            "zone": one.zone,
        }
        for one in group.instances
    ]
    return {
        "role": role,
        "name": name,
        "exists": True,
        "min": group.min,
        "desired": group.desired,
        "max": group.max,
        "in_service": group.in_service,
        "new_instances_protected": group.new_instances_protected,
        "suspended": list(group.suspended),
        "instances": instances,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "kind": policy.kind,
        "target": policy.target,
        "metric": policy.metric.name if policy.metric else policy.predefined,
        "adjustments": list(policy.adjustments),
    }


def _activity(one: Activity) -> dict[str, Any]:
    return {
        "group": one.group,
        "at": one.started_at,
        "status": one.status,
        "what": one.description,
        "why": one.cause,
        "message": one.message,
    }


def _table(names: Mapping[str, str], groups: Mapping[str, Group], lang: str) -> str:
    width = max(len(name) for name in names.values())
    lines = []
    for role, name in names.items():
        group = groups.get(name)
        if group is None:
            lines.append(f"{role:<9}  {name:<{width}}  {_MISSING.pick(lang)}")
            continue
        sizes = f"min {group.min}  desired {group.desired}  max {group.max}  in service {group.in_service}"
        born = "  protects new ones" if group.new_instances_protected else ""
        off = f"  suspended: {', '.join(group.suspended)}" if group.suspended else ""
        lines.append(f"{role:<9}  {name:<{width}}  {sizes}{born}{off}")
        for one in group.instances:
            version = f"  template {one.version}" if one.version else ""
            protected = "  protected" if one.protected else ""
            lines.append(f"           {one.id}  {one.state}  {one.health}  {one.zone}{version}{protected}")
    return "\n".join(lines) + "\n"


def _more(more: Mapping[str, Any], lang: str) -> str:
    if not more:
        return ""
    none = Both("none", "없음").pick(lang)
    lines = []
    for one in more["policies"]:
        said = f"target {one['target']:g}" if one["target"] is not None else f"steps {one['adjustments']}"
        lines.append(f"policy     {one['name']}  {one['kind']}  {one['metric']}  {said}")
    if not more["policies"]:
        lines.append(f"policy     {none}")
    lines += [
        f"hook       {one['name']}  {one['transition']}  {one['timeout_s']} s, then {one['default']}"
        for one in more["hooks"]
    ]
    if more["refresh"]:
        one = more["refresh"]
        lines.append(f"refresh    {one['status']}  {one['percent']} %  {one['why']}".rstrip())
    return "\n".join(lines) + "\n"


def _activities(found: Sequence[Activity], lang: str) -> str:
    if not found:
        return Both("no activity is known", "기록된 활동이 없습니다").pick(lang)
    lines = []
    for one in found:
        at = f"{one.started_at:%Y-%m-%d %H:%M:%S} UTC" if one.started_at else "-"
        lines.append(f"{at}  {one.group}  {one.status}  {one.description}")
        lines += [f"    {text}" for text in (one.cause, one.message) if text]
    return "\n".join(lines)

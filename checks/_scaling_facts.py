"""What the account says about the sizes of the fleet and about who changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.settings import leaves
from checks._fan import together
from checks._fleet import FRESH_S, ROLES, age_s, endpoint_of, first_trouble, split
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores import _fleet_types as fleet

CLIENTS = ("autoscaling", "lambda")
_KEPT = 10


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group's sizes. `protected`: new instances are protected from scale-in from their launch on."""

    min: int
    desired: int
    max: int
    in_service: int
    protected: bool


@dataclass(frozen=True)
class Role:
    """A kind of worker and its group; `group` is None when there is none of that name."""

    word: str
    name: str
    variable: str
    group: Group | None


@dataclass(frozen=True)
class Activity:
    group: str
    status: str
    description: str
    message: str
    age_s: float | None


@dataclass(frozen=True)
class Policy:
    """A scaling policy. `metric` is 'namespace/name' of a metric that it follows as it is, `per_instance` that the
    policy divides it; `silent` that the metric had no datapoint lately (None: not looked at, or not seen).
    """

    group: str
    name: str
    kind: str
    target: float | None
    metric: str
    per_instance: bool
    adjustments: tuple[int, ...]
    alarms: tuple[str, ...]
    silent: bool | None


@dataclass(frozen=True)
class Facts:
    region: str
    endpoint: str
    roles: tuple[Role, ...]
    trouble: Trouble | None
    """Why no group could be seen."""
    names: tuple[str, ...]
    """Every group of the account and region, asked for when one of ours is missing."""
    activities: tuple[Activity, ...]
    activities_trouble: Trouble | None
    policies: tuple[Policy, ...]
    policies_trouble: Trouble | None
    details_trouble: Trouble | None
    """Why a policy's alarms or its metric's datapoints could not be seen."""
    function: str
    function_there: bool | None
    """Whether the Lambda function that sizes groups exists; None when it could not be seen."""
    function_trouble: Trouble | None
    batch_queue: str
    batch_there: bool | None
    """Whether AWS Batch has the video queue; asked for when there is no video group."""
    batch_trouble: Trouble | None
    published_only: tuple[str, ...]
    """The roles for which the function says itself that it sizes nothing (its MODE)."""


def gather(world: World) -> Facts:
    """Two round trips at most: the second one only asks about what was missing or incomplete."""
    settings = world.stores.settings
    names = {word: str(getattr(settings.fleet, f"{word}_asg")) for word in ROLES}
    seen = _first(world, list(names.values()), settings.fleet.depth_lambda)
    groups, trouble = split(seen["groups"])
    activities, activities_trouble = split(seen["activities"])
    policies, policies_trouble = split(seen["policies"])
    function, function_trouble = split(seen["function"])
    groups, policies = groups or {}, policies or ()
    more = {} if trouble else _second(world, groups, names, policies)
    all_groups, _ = split(more.get("groups", {}))
    queue, batch_trouble = split(more.get("batch"))
    now = world.now()
    recent = [one for one in activities or () if one.group in names.values()]
    variables = {leaf.path: leaf.env[0] for leaf in leaves()}
    return Facts(
        region=settings.aws.region,
        endpoint=endpoint_of(settings.aws.region, settings.aws.endpoint_url, "autoscaling"),
        roles=tuple(
            Role(word, name, variables[f"fleet.{word}_asg"], _group(groups.get(name))) for word, name in names.items()
        ),
        trouble=trouble,
        names=tuple(sorted(all_groups or ())),
        activities=tuple(
            Activity(one.group, one.status, one.description, one.message, age_s(now, one.started_at))
            for name in names.values()
            for one in [one for one in recent if one.group == name][:_KEPT]
        ),
        activities_trouble=activities_trouble,
        policies=tuple(_policy(one, more) for one in policies),
        policies_trouble=policies_trouble,
        details_trouble=first_trouble(more, "alarms", "metrics"),
        function=settings.fleet.depth_lambda,
        function_there=None if function_trouble else function is not None,
        function_trouble=function_trouble,
        batch_queue=settings.fleet.batch_queue,
        batch_there=None if batch_trouble or "batch" not in more else queue is not None,
        batch_trouble=batch_trouble,
        published_only=tuple(word for word in ROLES if function and _mode(function, word) == "publish"),
    )


def _mode(function: fleet.Function, word: str) -> str:
    """The function's mode for a role; '' for a function of the platform's own, which has none."""
    return function.variables.get(f"{word.upper()}_MODE") or function.variables.get("MODE") or ""


def _first(world: World, names: list[str], function: str) -> dict[str, Any]:
    # Opening the store is part of each call: it fails in the same way as the call would.
    calls: dict[str, Callable[[], Any]] = {
        "groups": lambda: world.stores.fleet.groups(names),
        "activities": lambda: world.stores.fleet.activities(),  # noqa: PLW0108 - see above
        "policies": lambda: world.stores.fleet.policies(names),
        "function": lambda: world.stores.fleet.function(function),
    }
    return together(world, calls)


def _second(
    world: World, groups: Mapping[str, fleet.Group], names: Mapping[str, str], policies: tuple[fleet.Policy, ...]
) -> dict[str, Any]:
    store, queue = world.stores.fleet, world.stores.settings.fleet.batch_queue
    calls: dict[str, Callable[[], Any]] = {}
    if len(groups) < len(set(names.values())):
        calls["groups"] = store.groups
    if names["video"] not in groups:
        calls["batch"] = lambda: store.batch_queue(queue)
    if bare := [one.arn for one in policies if one.adjustments and not one.alarms and one.arn]:
        calls["alarms"] = lambda: store.alarms_running(bare)
    # AWS's own metrics of an idle queue end by themselves.
    if followed := {
        one.name: one.metric for one in policies if one.metric and not one.metric.namespace.startswith("AWS/")
    }:
        calls["metrics"] = lambda: store.series(followed, now=world.now(), minutes=FRESH_S // 60)
    return together(world, calls) if calls else {}


def _policy(one: fleet.Policy, more: Mapping[str, Any]) -> Policy:
    alarms, _ = split(more.get("alarms", {}))
    metrics, _ = split(more.get("metrics", {}))
    followed = metrics and one.name in metrics
    metric = f"{one.metric.namespace}/{one.metric.name}" if one.metric else one.predefined
    return Policy(
        group=one.group,
        name=one.name,
        kind=one.kind,
        target=one.target,
        metric=metric,
        per_instance=one.math or bool(one.predefined) or metric.lower().endswith(("perinstance", "perworker")),
        adjustments=one.adjustments,
        alarms=one.alarms or tuple((alarms or {}).get(one.arn, ())),
        silent=not metrics[one.name] if metrics and followed else None,
    )


def _group(one: fleet.Group | None) -> Group | None:
    if one is None:
        return None
    return Group(one.min, one.desired, one.max, one.in_service, one.new_instances_protected)

"""What `scaling doctor` looks at, read at once; what could not be read is named, and never judged as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from academyctl import hosts
from academyctl.contract import worker_env
from academyctl.errors import AcademyError, StoreError
from academyctl.ops import scaling_around, scaling_state
from academyctl.ops.package import package, sha256
from academyctl.ops.scaling_plans import in_force
from academyctl.ops.scaling_state import Names, State

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Metric
    from academyctl.stores.sqs import QueueAttributes

T = TypeVar("T")
FRESH_MIN = 15
FOREIGN = "unknown"


@dataclass(frozen=True)
class Followed:
    """A metric that a policy follows: its points lately, and the other sets of dimensions that it is published with."""

    policy: str
    metric: Metric
    points: int
    others: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True)
class Env:
    """The workers' environment in SSM, this version against the one before: sizes in bytes, variables that are gone."""

    name: str
    version: int
    before: int
    after: int
    gone: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """None: could not be read (`unread` says why), or is not there where the type says so."""

    state: State
    policy: str
    per_worker: int
    queues: Mapping[str, QueueAttributes]
    known_queues: tuple[str, ...] | None
    metrics: tuple[Followed, ...] | None
    refreshes: tuple[Mapping[str, Any], ...] | None
    machines: tuple[hosts.Machine, ...] | None
    beating: bool
    """Whether heartbeats could be looked for: without Redis nobody is silent."""
    images: Mapping[str, str] | None
    env: Env | None
    unread: tuple[tuple[str, str], ...] = ()
    """(what, why)"""

    @property
    def variables(self) -> Mapping[str, str]:
        """The counting function's environment."""
        function = self.state.of("function").get(self.state.names.function)
        return dict(function["Configuration"]["variables"]) if function else {}

    @property
    def mode(self) -> str:
        """What the function does for this role: its mode, FOREIGN for code that is not ours, '' without a function."""
        function = self.state.of("function").get(self.state.names.function)
        if function is None:
            return ""
        if function["Code"] != sha256(package("queue_depth")):
            # The platform's own sizes groups, or did once: whatever the environment says.
            return FOREIGN
        return self.variables.get(f"{self.state.names.role.upper()}_MODE") or self.variables.get("MODE") or "publish"


def gather(stores: Stores, these: Names) -> Facts:
    """Raises AwsError when the group itself cannot be read, WorkFailed when there is none."""
    state = scaling_state.gather(stores, these)
    policy = in_force(state, scaling_around.around(stores))
    for service in ("sqs", "ec2", "ssm"):
        stores.fleet_clients(service)
    reads: dict[str, Callable[[], Any]] = {
        "queues": lambda: _queues(stores, these),
        "known_queues": lambda: tuple(stores.sqs_quick.names()),
        "metrics": lambda: _metrics(stores, state),
        "refreshes": lambda: tuple(stores.asg.refreshes(these.group)),
        "hosts": lambda: hosts.gather(stores, (these.role,)),
        "env": lambda: _env(stores),
    }
    found: dict[str, Any] = {}
    unread: list[tuple[str, str]] = []
    with ThreadPoolExecutor(len(reads)) as pool:
        asked = {name: pool.submit(read) for name, read in reads.items()}
        for name, future in asked.items():
            try:
                found[name] = future.result()
            except StoreError as error:
                found[name] = None
                unread.append((name, str(error)))
    seen = found["hosts"]
    machines = tuple(one for one in seen.machines if one.group == these.group) if seen else None
    if seen and seen.redis:
        unread.append(("heartbeats", seen.redis.en))
    return Facts(
        state=state,
        policy=policy,
        per_worker=stores.settings.fleet.per_worker,
        queues=found["queues"] or {},
        known_queues=found["known_queues"],
        metrics=found["metrics"],
        refreshes=found["refreshes"],
        machines=machines,
        beating=bool(seen) and not seen.redis,
        images=_images(stores, machines or (), unread),
        env=found["env"],
        unread=tuple(unread),
    )


def _queues(stores: Stores, these: Names) -> dict[str, QueueAttributes]:
    found = {}
    for name in these.queues:
        try:
            found[name] = stores.sqs_quick.attributes(name)
        except StoreError as error:
            if error.cause != "missing":
                raise
    return found


def _metrics(stores: Stores, state: State) -> tuple[Followed, ...]:
    policies = {
        one.name: one.metric
        for one in stores.fleet.policies([state.names.group])
        # AWS publishes its own; those of an idle queue end by themselves.
        if one.metric and not one.metric.namespace.startswith("AWS/")
    }
    if not policies:
        return ()
    series = stores.fleet.series(policies, now=datetime.now(UTC), minutes=FRESH_MIN)
    return tuple(
        Followed(name, metric, len(series[name]), () if series[name] else _meant(stores, metric, state.names.group))
        for name, metric in policies.items()
    )


def _meant(stores: Stores, metric: Metric, group: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Under which other dimensions it is published for this group, or for no group; another group's is none of ours."""
    word = "AutoScalingGroupName"
    found = stores.fleet.dimension_sets(metric)
    return tuple(one for one in found if one != metric.dimensions and dict(one).get(word, group) == group)


def _images(
    stores: Stores, machines: tuple[hosts.Machine, ...], unread: list[tuple[str, str]]
) -> Mapping[str, str] | None:
    ids = sorted({one.host.image for one in machines if one.host and one.host.image})
    try:
        return stores.fleet.machine_images(ids) if ids else {}
    except StoreError as error:
        unread.append(("images", str(error)))
        return None


def _env(stores: Stores) -> Env | None:
    """None as well when there is no parameter, or no earlier version of it."""
    name = stores.settings.fleet.ssm_env
    now = stores.parameters.get(name)
    old = stores.parameters.get(name, version=now.version - 1) if now and now.version > 1 else None
    if now is None or old is None:
        return None
    gone = tuple(sorted(_keys(old.value) - _keys(now.value)))
    return Env(name, now.version, len(old.value.encode()), len(now.value.encode()), gone)


def _keys(text: str) -> set[str]:
    try:
        return set(worker_env.parse(text).values)
    except AcademyError:
        return set()  # in no format that we know: its size still tells

"""The machines that run the platform: EC2's, their seat in an Auto Scaling group, and the workers that beat on them.

Replaces guide 000's describe-instances by Name tag, one role after the other, and guide 001's look at the group.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from academyctl import worker_health
from academyctl.contract import keys
from academyctl.contract.messages import parse_time
from academyctl.errors import Both, RedisAway, UsageError

if TYPE_CHECKING:
    from academyctl.settings_model import Fleet
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Group, Host, Instance

ROLES = ("video", "ai", "messaging", "api")
GROUPED = ("video", "ai", "messaging")


@dataclass(frozen=True)
class Beat:
    """A worker process by its heartbeat; `trouble` is why it counts as ill, '' when it is well."""

    kind: str
    host: str
    instance: str
    pid: int
    version: str
    at: datetime | None
    stopping: bool
    jobs: tuple[str, ...]
    running: int
    trouble: str

    @property
    def doing(self) -> str:
        """What it does, in a few words."""
        if self.trouble:
            return self.trouble
        named = ", ".join(self.jobs[:3])
        rest = f"{self.running} running" if self.running > 3 or (self.running and not named) else ""
        words = "; ".join(filter(None, (named, rest)))
        return words or ("stopping" if self.stopping else "idle")


@dataclass(frozen=True)
class Machine:
    """One machine. `host` is None for an instance of a group that EC2 does not tell; `seat` is its place in a group."""

    id: str
    role: str
    host: Host | None
    seat: Instance | None
    group: str
    beats: tuple[Beat, ...] = ()

    @property
    def state(self) -> str:
        return self.host.state if self.host else "unknown"

    @property
    def busy(self) -> bool | None:
        """Whether a worker of it has a job in hand; None when no worker of it beats."""
        well = [one for one in self.beats if not one.trouble]
        return any(one.running for one in well) if well else None


@dataclass(frozen=True)
class Seen:
    """What was found. `groups` by role; `strays` beat on no machine of these; `redis` is why no worker was seen."""

    machines: tuple[Machine, ...]
    groups: Mapping[str, Group]
    strays: tuple[Beat, ...]
    redis: Both | None


def role_of(word: str) -> str:
    """A role's word. Raises UsageError for another."""
    if word not in ROLES:
        known = ", ".join(ROLES)
        raise UsageError(
            Both(f"there is no role '{word}'", f"'{word}' 역할은 없습니다"),
            remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"),
        )
    return word


def group_names(fleet: Fleet, roles: Sequence[str] = ROLES) -> dict[str, str]:
    """Role -> Auto Scaling group, of the roles that have one."""
    return {role: str(getattr(fleet, f"{role}_asg")) for role in roles if role in GROUPED}


def gather(stores: Stores, roles: Sequence[str] = ROLES, *, now: datetime | None = None) -> Seen:
    """Machines of these roles by Name tag and by group, with their workers; one round of calls, side by side.

    Raises AwsError. That Redis is off or away is no error: machines are then told without their workers.
    """
    fleet = stores.settings.fleet
    tags = {role: str(getattr(fleet, f"{role}_name_tag")) for role in roles}
    names = group_names(fleet, roles)
    hosts, members, groups, (beats, trouble) = _together(
        stores,
        lambda: stores.fleet.instances(list(tags.values())),
        # A group whose template gives no Name tag has machines too.
        lambda: stores.fleet.members(list(names.values())) if names else (),
        lambda: stores.fleet.groups(list(names.values())) if names else {},
        lambda: _beats(stores, now or datetime.now(UTC)),
    )
    found: Mapping[str, Host] = {one.id: one for one in (*hosts, *members)}
    seats = {one.id: (role, groups[name], one) for role, name in names.items() if name in groups
             for one in groups[name].instances}  # fmt: skip
    machines = []
    for id_ in sorted({*found, *seats}, key=lambda one: _order(found.get(one), seats.get(one), tags, names)):
        host = found.get(id_)
        role, group, seat = seats.get(id_, (_role(host, tags, names), None, None))
        machines.append(Machine(id_, role, host, seat, group.name if group else (host.group if host else "")))
    placed, strays = place(machines, [one for one in beats if one.kind in roles or one.kind not in ROLES])
    return Seen(placed, {role: groups[name] for role, name in names.items() if name in groups}, strays, trouble)


def place(machines: Sequence[Machine], beats: Sequence[Beat]) -> tuple[tuple[Machine, ...], tuple[Beat, ...]]:
    """Each machine with the workers that beat on it, and the workers that beat on none of them."""
    homes: dict[str, list[Beat]] = {one.id: [] for one in machines}
    strays: list[Beat] = []
    for beat in beats:
        home = next((one for one in machines if _is_home(one, beat)), None)
        (homes[home.id] if home else strays).append(beat)
    return tuple(replace(one, beats=tuple(homes[one.id])) for one in machines), tuple(strays)


def _is_home(machine: Machine, beat: Beat) -> bool:
    """A heartbeat names its instance, or at least the machine's host name (ip-10-0-1-2...)."""
    if beat.instance:
        return beat.instance == machine.id
    host = machine.host
    if host is None or not beat.host:
        return False
    names = {host.dns, host.dns.partition(".")[0], host.private_ip} - {""}
    return beat.host in names or beat.host.partition(".")[0] in names


def _beats(stores: Stores, now: datetime) -> tuple[tuple[Beat, ...], Both | None]:
    if not stores.redis.enabled:
        return (), Both(
            "Redis is off (REDIS_HOST): workers are not shown", "Redis가 꺼져 있어(REDIS_HOST) 워커는 표시하지 않습니다"
        )
    try:
        seen = stores.redis.look(stores.redis.scan_some([keys.worker_heartbeats()]))
    except RedisAway as error:
        why = error.why or str(error)
        return (), Both(
            f"Redis cannot be read: workers are not shown ({why})",
            f"Redis를 읽을 수 없어 워커는 표시하지 않습니다 ({why})",
        )
    documents = [_document(one.value) for one in seen.values() if one.value]
    return tuple(_beat(one, now) for one in documents if one), None


def _document(value: str) -> Mapping[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _beat(document: Mapping[str, Any], now: datetime) -> Beat:
    jobs = [one for one in document.get("jobs") or () if isinstance(one, dict)]
    pid, running = document.get("pid"), document.get("running")
    return Beat(
        kind=str(document.get("kind", "")),
        host=str(document.get("host", "")),
        instance=str(document.get("instance_id") or ""),
        pid=pid if isinstance(pid, int) else 0,
        version=str(document.get("version", "")),
        at=parse_time(document.get("beat_at")),
        stopping=bool(document.get("stopping")),
        jobs=tuple(filter(None, map(_job, jobs))),
        running=running if isinstance(running, int) else len(jobs),
        trouble=worker_health.judge(document, now),
    )


def _job(job: Mapping[str, Any]) -> str:
    for word, name in (("video", "video_id"), ("job", "job_id")):
        if job.get(name):
            return f"{word} {job[name]}"
    return ""


def _role(host: Host | None, tags: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The role of a machine that is in no group of ours just now: one that starts, ends, or stands alone."""
    by_group = {name: role for role, name in names.items()}
    by_tag = {tag: role for role, tag in tags.items()}
    return "" if host is None else by_tag.get(host.name_tag) or by_group.get(host.group, "")


def _order(host: Host | None, seat: Any, tags: Mapping[str, str], names: Mapping[str, str]) -> tuple[int, str, str]:
    role = seat[0] if seat else _role(host, tags, names)
    started = host.launched_at.isoformat() if host and host.launched_at else ""
    return (ROLES.index(role) if role in ROLES else len(ROLES), started, host.id if host else seat[2].id)


def _together(stores: Stores, *calls: Callable[[], Any]) -> list[Any]:
    """The calls' results, made side by side on clients that are there already: making them is not thread-safe."""
    for service in ("ec2", "autoscaling"):
        stores.fleet_clients(service)
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]

"""What workers say of themselves, in Redis and in this machine's health files, and the machines meant to run them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from academyctl import worker_health
from academyctl.contract import keys
from academyctl.contract.messages import parse_time
from checks import _depth
from checks._depth import Depth
from checks._fan import together
from checks._fleet import ROLES, age_s, split
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores._fleet_types import Group
    from academyctl.stores.redis import Seen

_BEATS, _GROUPS, _HOSTS = "worker heartbeats", "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"


@dataclass(frozen=True)
class Job:
    """A running job; `id` is the video's or the AI job's."""

    queue: str
    id: str
    stage: str
    age_s: float
    attempt: int


@dataclass(frozen=True)
class Beat:
    """A worker process by its heartbeat. `queues` are those it takes from, none where an old heartbeat tells none.

    `silent_s` is set when it has not beaten for longer than it should, `stopped_s` when it beats and takes nothing.
    """

    role: str
    token: str
    host: str
    pid: int
    version: str
    age_s: float | None
    silent_s: float
    stopped_s: float
    stopping: bool
    queues: tuple[str, ...]
    jobs: tuple[Job, ...]

    @property
    def works(self) -> bool:
        return not self.silent_s and not self.stopped_s

    @property
    def place(self) -> str:
        return f"{self.host} (pid {self.pid})" if self.host else self.token


@dataclass(frozen=True)
class Fleet:
    """The machines of a kind of worker: `in_service` of its group, or `running` by their Name tag; None = not seen."""

    role: str
    group: str
    in_service: int | None
    running: int | None

    @property
    def machines(self) -> int:
        return self.in_service or self.running or 0


@dataclass(frozen=True)
class Facts:
    configured: bool
    """Whether there is a Redis for heartbeats."""
    trouble: Trouble | None
    beats: tuple[Beat, ...]
    fleets: tuple[Fleet, ...]
    emulated: bool
    """AWS is an emulator here, whose machines run nothing."""
    queues: tuple[Depth, ...]
    """What waits for workers; empty where topic `sqs` looks at it anyway."""


def gather(world: World) -> Facts:
    """Two round trips: the keys and the groups, then the heartbeats and the machines that stand in no group."""
    settings = world.stores.settings
    configured = bool(settings.redis.host)
    names = {role: str(getattr(settings.fleet, f"{role}_asg")) for role in ROLES}
    tags = {role: str(getattr(settings.fleet, f"{role}_name_tag")) for role in ROLES}
    words = () if "sqs" in world.topics else tuple(word for words in ROLES.values() for word in words)
    calls: dict[str, Any] = {_GROUPS: lambda: world.stores.fleet.groups(list(names.values()))}
    calls |= _depth.lookers(world, words)
    if configured:
        calls[_BEATS] = lambda: world.stores.redis.scan_some([keys.worker_heartbeats()])
    first: Mapping[str, Any] = together(world, calls)
    groups, _ = split(first[_GROUPS])
    found, trouble = split(first[_BEATS]) if configured else (None, None)
    alone = [role for role in ROLES if groups is not None and names[role] not in groups]
    calls = {}
    if found:
        calls[_BEATS] = lambda: world.stores.redis.look(found)
    if alone:
        calls[_HOSTS] = lambda: world.stores.fleet.instances([tags[role] for role in alone])
    second: Mapping[str, Any] = together(world, calls) if calls else {}
    seen, late = split(second.get(_BEATS, {}))
    hosts, _ = split(second.get(_HOSTS))
    running = {
        role: sum(host.name_tag == tags[role] and host.state == "running" for host in hosts or ())
        for role in (alone if hosts is not None else ())
    }
    now = world.now()
    documents = {**_local(world), **_remote(seen or {})}
    return Facts(
        configured=configured,
        trouble=trouble or late,
        beats=tuple(_beat(kind, token, one, now) for (kind, token), one in sorted(documents.items())),
        fleets=tuple(_fleet(role, names[role], groups, running.get(role)) for role in ROLES),
        emulated=bool(settings.aws.endpoint_url),
        queues=_depth.depths(world, words, first),
    )


def _fleet(role: str, name: str, groups: Mapping[str, Group] | None, running: int | None) -> Fleet:
    group = (groups or {}).get(name)
    return Fleet(role, name, group.in_service if group else None, running)


def _remote(seen: Mapping[str, Seen]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Kind and token -> document; a key that has just run out is left out."""
    out: dict[tuple[str, str], Mapping[str, Any]] = {}
    for key, one in seen.items():
        if one.value is None:
            continue
        kind, _, token = key.removeprefix(keys.worker_heartbeat("", "").rstrip(":") + ":").partition(":")
        try:
            document = json.loads(one.value)
        except ValueError:
            document = {}
        out[kind, token] = document if isinstance(document, dict) else {}
    return out


def _local(world: World) -> dict[tuple[str, str], Mapping[str, Any]]:
    """This machine's own workers, which say the same in a file when Redis is off or away."""
    settings = world.stores.settings
    ours = {str(getattr(settings.queues, word)) for words in ROLES.values() for word in words}
    out: dict[tuple[str, str], Mapping[str, Any]] = {}
    for role in ROLES:
        document = worker_health.read(worker_health.path_for(settings, role))
        # One file is every kind's where it is named; and a worker of another platform may run on this machine too.
        if not document or document.get("kind") != role or not ours & set(_texts(document.get("queues"))):
            continue
        if _alive(document.get("pid")):
            out[role, str(document.get("token", ""))] = document
    return out


def _alive(pid: object) -> bool:
    """A process that was killed leaves its file behind."""
    import psutil

    return isinstance(pid, int) and psutil.pid_exists(pid)


def _beat(kind: str, token: str, document: Mapping[str, Any], now: datetime) -> Beat:
    beat_at = parse_time(document.get("beat_at"))
    age = age_s(now, beat_at)
    silent = age if age is not None and age > worker_health.patience_s(document) else 0.0
    # Both times are the worker's own, so that its clock does not matter.
    stopped = worker_health.stopped_s(document, beat_at) if beat_at and not silent else 0.0
    pid = document.get("pid")
    return Beat(
        role=kind,
        token=token,
        host=str(document.get("host", "")),
        pid=pid if isinstance(pid, int) else 0,
        version=str(document.get("version", "")),
        age_s=age,
        silent_s=round(silent),
        stopped_s=round(stopped),
        stopping=bool(document.get("stopping")),
        queues=_texts(document.get("queues")),
        jobs=tuple(_job(one, now) for one in document.get("jobs") or () if isinstance(one, dict)),
    )


def _job(raw: Mapping[str, Any], now: datetime) -> Job:
    id_ = raw.get("video_id") or raw.get("job_id") or raw.get("message_id") or "?"
    attempt = raw.get("attempt")
    return Job(
        queue=str(raw.get("queue", "")),
        id=str(id_),
        stage=str(raw.get("stage") or "-"),
        age_s=age_s(now, parse_time(raw.get("since"))) or 0.0,
        attempt=attempt if isinstance(attempt, int) else 1,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()

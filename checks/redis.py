"""Redis: reachable, writable, keeps what it is given, and who holds which lock (contract 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from academyctl.contract import keys
from checks import _trouble as t
from checks._fan import within
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._sqs_facts import Facts as Queues
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.readonly_redis import Survey

LOCKS = "job:[de]*:lock"
"""Of videos (encode, delete_r2). Those of texts stay for half an hour on purpose, by the thousand, and only a worker of
the platform's own heeds them."""
LEGACY_LOCK_S = 14400
"""Lifetime of a legacy worker's lock, never renewed (contract 2.1, VIDEO_LOCK_TTL_SECONDS)."""
LATENCY_MS = 100
FULL_PERCENT = 90
_LOCK = re.compile(r"job:(encode|delete_r2):(.+):lock")
_WORKER_OF = {"encode": "video", "delete_r2": "video"}


@dataclass(frozen=True)
class Lock:
    """A held lock. `ttl_ms` -1 = no expiry; `token` is '' for a legacy worker's "1"; `beats` whether its worker lives
    (None: not known, for the owner is not)."""

    key: str
    kind: str
    id: str
    ttl_ms: int
    token: str
    host: str
    pid: int | None
    age_s: float | None
    beats: bool | None


@dataclass(frozen=True)
class Server:
    """What INFO tells; sizes in bytes, 0 = no limit."""

    version: str
    role: str
    maxmemory: int
    used_memory: int
    policy: str
    evicted_keys: int
    loading: bool


@dataclass(frozen=True)
class Facts:
    configured: bool
    where: str
    trouble: Trouble | None
    round_trip_ms: float | None
    server: Server | None
    """None when INFO was refused, and `info_why` says why."""
    info_why: str
    locks: tuple[Lock, ...]
    all_locks: bool
    """False when the key space was too large to see every lock."""


def gather(world: World) -> Facts:
    settings = world.stores.settings.redis
    where = f"{settings.host}:{settings.port} db={settings.db}"
    if not settings.host:
        return Facts(False, "", None, None, None, "", (), True)
    seen = within(world, f"Redis {where}", lambda: world.stores.redis.survey(LOCKS, keys.worker_heartbeats()))
    locks = seen if isinstance(seen, Trouble) else within(world, "locks", lambda: _locks(world, seen))
    if isinstance(seen, Trouble) or isinstance(locks, Trouble):
        trouble = seen if isinstance(seen, Trouble) else locks
        assert isinstance(trouble, Trouble)
        return Facts(True, where, trouble, None, None, "", (), True)
    server = _server(seen.info) if seen.info else None
    return Facts(True, where, None, round(seen.round_trip_ms, 1), server, seen.info_why, locks, seen.complete)


_SHOW = ("academyctl config show --section redis",)
_UNSET = Because("settings.missing", ("section",))
_DIFFERS = (Because("settings.differs", ("variable",)),)
OFF = Kind("redis.off", State.warn, Verdict.settings, _SHOW, because=(_UNSET,), stops=True)
AWAY = Kind("redis.unreachable", State.fail, Verdict.infrastructure, _SHOW, ("academyctl local up",))
HOST = Kind("redis.host-unknown", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
PASSWORD = Kind("redis.password-wrong", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
NO_ANSWER = Kind("redis.timeout", State.unknown, Verdict.infrastructure, ("academyctl diagnose redis --timeout 30",))
ODD = Kind("redis.odd", State.unknown, None, ("academyctl diagnose redis",))
INFO_DENIED = Kind("redis.info-denied", State.unknown, Verdict.settings, _SHOW)
REPLICA = Kind("redis.replica", State.fail, Verdict.settings, _SHOW)
LOADING = Kind("redis.loading", State.unknown, Verdict.infrastructure, ("academyctl diagnose redis",))
EVICTS = Kind("redis.evicts", State.warn, Verdict.settings)
FULL = Kind("redis.full", State.warn, Verdict.capacity)
SLOW = Kind("redis.slow", State.warn, Verdict.infrastructure, ("academyctl diagnose redis",))
# What the topic `video` says of the same lock says more.
_HELD = tuple(
    Because(f"video.{code}", ("id",))
    for code in ("lock-orphan", "lock-dead-worker", "legacy-lock", "deleted", "other-database")
)
ORPHAN = Kind("redis.lock-orphan", State.warn, Verdict.data, ("academyctl video unlock {id}",), because=_HELD)
ENDLESS = Kind("redis.lock-endless", State.warn, Verdict.data, ("academyctl video unlock {id}",), because=_HELD)
SHORT = Kind("redis.lock-shorter", State.warn, Verdict.settings)

_BY_CAUSE = {t.UNREACHABLE: AWAY, t.HOST: HOST, t.TIMEOUT: NO_ANSWER, t.KEY: PASSWORD}


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if not facts.configured:
        yield OFF.found("", ("settings", "REDIS_HOST is empty"), section="redis")
    elif facts.trouble:
        trouble = facts.trouble
        kind = _BY_CAUSE.get(trouble.cause, ODD)
        variable = {HOST: "REDIS_HOST", PASSWORD: "REDIS_PASSWORD"}.get(kind, "")
        evidence = (f"Redis {facts.where}", trouble.told)
        yield kind.found("", evidence, where=facts.where, why=trouble.told, variable=variable)
    else:
        version = facts.server.version if facts.server else "-"
        yield ACCESS.ok("", where=facts.where, version=version)


def _judge_server(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    server = facts.server
    if server is None:
        yield INFO_DENIED.found("", (f"Redis {facts.where} INFO", facts.info_why), why=facts.info_why)
        return
    fine = True
    if server.role != "master":
        fine = False
        yield REPLICA.found("", ("Redis INFO", f"role={server.role}"), where=facts.where)
    if server.loading:
        fine = False
        yield LOADING.found("", ("Redis INFO", "loading=1"), where=facts.where)
    if fine:
        yield WRITABLE.ok("", where=facts.where)


def _judge_memory(snapshot: Snapshot) -> Iterator[Finding]:
    server = snapshot.see(Facts).server
    assert server is not None
    told = f"maxmemory_policy={server.policy} maxmemory={server.maxmemory} used={server.used_memory}"
    evidence = ("Redis INFO", f"{told} evicted_keys={server.evicted_keys}")
    # A lock has a TTL, so volatile-* may drop it as well; allkeys-* does the day somebody sets a limit.
    risky = server.policy.startswith("allkeys") or (server.maxmemory > 0 and server.policy.startswith("volatile"))
    if risky:
        yield EVICTS.found("", evidence, policy=server.policy, evicted=server.evicted_keys)
    percent = round(100 * server.used_memory / server.maxmemory) if server.maxmemory else 0
    if percent >= FULL_PERCENT:
        yield FULL.found("", evidence, percent=percent)
    if not risky and percent < FULL_PERCENT:
        yield MEMORY.ok("", policy=server.policy, percent=percent)


def _judge_latency(snapshot: Snapshot) -> Iterator[Finding]:
    took = snapshot.see(Facts).round_trip_ms or 0.0
    if took > LATENCY_MS:
        yield SLOW.found("", ("Redis, one round trip", f"{took:.0f} ms"), milliseconds=f"{took:.0f}")
    else:
        yield LATENCY.ok("", milliseconds=f"{took:.1f}")


def _judge_locks(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    bad = 0
    for lock in facts.locks:
        ttl = "no expiry" if lock.ttl_ms < 0 else f"{lock.ttl_ms / 1000:.0f} s"
        owner = f"{lock.host} (pid {lock.pid})" if lock.token else "owner unknown (a legacy worker's lock)"
        evidence = (f"Redis {lock.key}", f"ttl {ttl}, {owner}")
        values = {"key": lock.key, "id": lock.id, "ttl": ttl, "owner": owner, "job": lock.kind}
        kind = ENDLESS if lock.ttl_ms < 0 else ORPHAN if lock.beats is False else None
        if kind is not None:
            bad += 1
            found = kind.found(lock.key, evidence, **values)
            yield found if lock.kind == "encode" else _without_commands(found)
    if not bad:
        held = ", ".join(f"{lock.kind} {lock.id}" for lock in facts.locks[:5]) or "-"
        more = "" if facts.all_locks else "+"
        legacy = sum(not lock.token for lock in facts.locks)
        yield LOCKS_OWNED.ok("", count=f"{len(facts.locks)}{more}", held=held, legacy=legacy)


def _judge_lifetimes(snapshot: Snapshot) -> Iterator[Finding]:
    """A message comes back while its legacy worker still encodes; when the lock is gone by then, another one begins."""
    legacy = [lock for lock in snapshot.see(Facts).locks if lock.kind == "encode" and not lock.token]
    queues = snapshot.find(Queues)
    box = next((one.box for one in queues.queues if one.word == "video"), None) if queues else None
    lived = max([LEGACY_LOCK_S, *(round(lock.ttl_ms / 1000) for lock in legacy)])
    if legacy and box is not None and lived < box.visibility_s:
        evidence = [(f"sqs:GetQueueAttributes {box.name}", f"VisibilityTimeout={box.visibility_s}")]
        evidence.append((f"Redis {legacy[0].key}", f"a legacy worker's lock, {lived} s at most"))
        hours = {"lock_h": f"{lived / 3600:g}", "visibility_h": f"{box.visibility_s / 3600:g}"}
        yield SHORT.found(legacy[0].key, *evidence, queue=box.name, **hours)
    else:
        yield LIFETIMES.ok("", legacy=len(legacy))


ACCESS = Check("redis.access", _judge_access, kinds=(OFF, AWAY, HOST, PASSWORD, NO_ANSWER, ODD))
WRITABLE = Check("redis.writable", _judge_server, ("redis.access",), (INFO_DENIED, REPLICA, LOADING))
MEMORY = Check("redis.memory", _judge_memory, ("redis.writable",), (EVICTS, FULL))
LATENCY = Check("redis.latency", _judge_latency, ("redis.access",), (SLOW,))
LOCKS_OWNED = Check("redis.locks", _judge_locks, ("redis.access",), (ORPHAN, ENDLESS))
LIFETIMES = Check("redis.lock-lifetimes", _judge_lifetimes, ("redis.access",), (SHORT,))
CHECKS = (ACCESS, WRITABLE, MEMORY, LATENCY, LOCKS_OWNED, LIFETIMES)


def _without_commands(found: Finding) -> Finding:
    """`video unlock` knows encode locks only."""
    return replace(found, commands=())


def _server(info: Mapping[str, Any]) -> Server:
    return Server(
        version=str(info.get("redis_version", "?")),
        role=str(info.get("role", "?")),
        maxmemory=int(info.get("maxmemory", 0)),
        used_memory=int(info.get("used_memory", 0)),
        policy=str(info.get("maxmemory_policy", "?")),
        evicted_keys=int(info.get("evicted_keys", 0)),
        loading=bool(int(info.get("loading", 0))),
    )


def _locks(world: World, survey: Survey) -> tuple[Lock, ...]:
    held = [key for key in survey.keys if _LOCK.fullmatch(key)]
    if not held:
        return ()
    from academyctl.video_state import owner_of

    now, living = world.now(), set(survey.keys)
    out = []
    for key, seen in world.stores.redis.look(held).items():
        if seen.value is None:
            continue
        kind, id_ = _parts(key)
        owner = owner_of(seen.value)
        if owner is None:
            out.append(Lock(key, kind, id_, seen.ttl_ms, "", "", None, None, None))
            continue
        # With half of the key space unseen, a heartbeat that was not met may still be there.
        beats = _heartbeat(key, owner.token) in living or (None if not survey.complete else False)
        out.append(Lock(key, kind, id_, seen.ttl_ms, owner.token, owner.host, owner.pid, _age(owner.since, now), beats))
    return tuple(out)


def _heartbeat(key: str, lease_token: str) -> str:
    """The heartbeat of the process behind a lock's token, which is the process's token and one part more."""
    return keys.worker_heartbeat(_WORKER_OF.get(_parts(key)[0], "*"), lease_token.rpartition(":")[0] or lease_token)


def _parts(key: str) -> tuple[str, str]:
    match = _LOCK.fullmatch(key)
    return (match.group(1), match.group(2)) if match else ("?", key)


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round(max(0.0, (now - since).total_seconds()), 1)

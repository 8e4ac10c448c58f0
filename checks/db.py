"""PostgreSQL: reachable, the platform's own database, writable, with room, and nobody waiting (contract 3)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from checks import _trouble as t
from checks._db_facts import CONTRACT, Facts, Server, Sessions, Videos, gather
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict

__all__ = ["CHECKS", "Facts", "Server", "Sessions", "Videos", "gather"]

FULL_PERCENT = 90
WAIT_S = 5
# Videos in these states are somebody's work: how long the oldest has been is worth a word.
_OPEN = ("PENDING", "UPLOADED", "PROCESSING")

_SHOW = ("academyctl config show --section db",)
_UP = ("academyctl local up",)
_AGAIN = ("academyctl diagnose db",)
_UNSET = (Because("settings.missing", ("section",)),)
NOT_SET = Kind("db.not-configured", State.fail, Verdict.settings, _SHOW, because=_UNSET)
AWAY = Kind("db.unreachable", State.fail, Verdict.infrastructure, _SHOW, _UP)
_DIFFERS = (Because("settings.differs", ("variable",)),)
HOST = Kind("db.host-unknown", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
PASSWORD = Kind("db.password-wrong", State.fail, Verdict.settings, _SHOW, because=(*_UNSET, *_DIFFERS))
NAME = Kind("db.name-wrong", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
NEAR = Kind("db.name-near", State.fail, Verdict.settings, ("set DB_NAME={near}",), because=_DIFFERS)
NO_ROOM = Kind("db.full", State.fail, Verdict.capacity, _AGAIN)
NO_ANSWER = Kind("db.timeout", State.unknown, Verdict.infrastructure, ("academyctl diagnose db --timeout 30",))
STARTING = Kind("db.starting", State.unknown, Verdict.infrastructure, _AGAIN)
ODD = Kind("db.odd", State.unknown, None, _AGAIN)
OTHER = Kind("db.other-database", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
BEHIND = Kind("db.schema-behind", State.fail, Verdict.code, _AGAIN)
REPLICA = Kind("db.read-only", State.fail, Verdict.settings, _SHOW, because=_DIFFERS)
GRANT = Kind("db.not-granted", State.fail, Verdict.settings, _AGAIN)
CROWDED = Kind("db.connections-high", State.warn, Verdict.capacity, _AGAIN)
WAITS = Kind("db.lock-waits", State.warn, Verdict.data, _AGAIN)
IDLE = Kind("db.idle-transaction", State.warn, Verdict.code, _AGAIN)
UNREAD = Kind("db.videos-unseen", State.unknown, None, ("academyctl diagnose db --timeout 30",))

_VARIABLES = {HOST.code: "DB_HOST", PASSWORD.code: "DB_PASSWORD", NAME.code: "DB_NAME", NEAR.code: "DB_NAME"}
_BY_CAUSE = {t.UNREACHABLE: AWAY, t.HOST: HOST, t.TIMEOUT: NO_ANSWER, t.KEY: PASSWORD, t.MISSING: NAME, t.FULL: NO_ROOM}


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if not facts.configured:
        yield NOT_SET.found("", ("settings", f"DB_HOST, DB_NAME or DB_USER is empty ({facts.where})"), section="db")
        return
    if facts.trouble is None:
        assert facts.server is not None
        yield ACCESS.ok("", where=facts.where, version=facts.server.version)
        return
    trouble = facts.trouble
    kind = STARTING if trouble.code == "57P03" else _BY_CAUSE.get(trouble.cause, ODD)
    near = next(iter(difflib.get_close_matches(facts.name, facts.names, 1, cutoff=0.6)), "")
    evidence = [(f"PostgreSQL {facts.where}", trouble.told)]
    if kind is NAME and facts.names:
        evidence.append(("pg_database", ", ".join(facts.names)[:300]))
        kind = NEAR if near else NAME
    values = {"where": facts.where, "why": trouble.told, "near": near, "name": facts.name, "section": "db"}
    yield kind.found("", *evidence, variable=_VARIABLES.get(kind.code, ""), **values)


def _judge_schema(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    server = _of(facts)
    listed = ", ".join(server.missing)
    if server.tables == 0:
        evidence = ("pg_catalog", f"none of {len(CONTRACT)} tables of the contract")
        yield OTHER.found("", evidence, where=facts.where, name=facts.name, variable="DB_NAME")
    elif server.missing:
        yield BEHIND.found("", ("pg_catalog", f"missing: {listed[:300]}"), missing=listed, name=facts.name)
    else:
        yield SCHEMA.ok("", name=facts.name, generation=server.generation)


def _judge_writable(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    server = _of(facts)
    if server.replica or server.read_only:
        told = "pg_is_in_recovery=true" if server.replica else "default_transaction_read_only=on"
        yield REPLICA.found("", ("PostgreSQL", told), where=facts.where, why=told, variable="DB_HOST")
    if server.not_granted:
        tables = ", ".join(server.not_granted)
        yield GRANT.found("", ("has_table_privilege", f"no SELECT or UPDATE: {tables}"), tables=tables)
    if not (server.replica or server.read_only or server.not_granted):
        yield WRITABLE.ok("", where=facts.where)


def _judge_room(snapshot: Snapshot) -> Iterator[Finding]:
    server = _of(snapshot.see(Facts))
    values = {"used": server.connections, "limit": server.max_connections}
    if 100 * server.connections >= FULL_PERCENT * server.max_connections:
        yield CROWDED.found("", ("pg_stat_database", f"{server.connections} of {server.max_connections}"), **values)
    else:
        yield ROOM.ok("", **values)


def _judge_waiting(snapshot: Snapshot) -> Iterator[Finding]:
    server = _of(snapshot.see(Facts))
    waits, idle = server.waiting, server.idle
    if waits.count and waits.longest_s >= WAIT_S:
        told = f"{waits.count} wait, the longest {waits.longest_s} s; pid {waits.pid} waits for {waits.blockers}"
        if waits.tables:
            told += f" ({waits.tables})"
        values = {"count": waits.count, "seconds": waits.longest_s, "blockers": waits.blockers}
        yield WAITS.found("", ("pg_stat_activity", told), **values)
    if idle.count:
        told = f"{idle.count} idle in transaction, the longest {idle.longest_s} s (pid {idle.pid})"
        yield IDLE.found("", ("pg_stat_activity", told), count=idle.count, seconds=idle.longest_s, pid=idle.pid or "?")
    if not idle.count and not (waits.count and waits.longest_s >= WAIT_S):
        yield FREE.ok()


def _judge_videos(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.videos_trouble:
        trouble = facts.videos_trouble
        yield UNREAD.found("", ("SELECT FROM video_video", trouble.told), why=trouble.told)
    else:
        yield COUNTED.ok("", states=", ".join(map(_counted, facts.videos)) or "0")


def _counted(videos: Videos) -> str:
    """`UPLOADED 3 (oldest 95 min)`."""
    age = f" (oldest {videos.oldest_s // 60} min)" if videos.status in _OPEN else ""
    return f"{videos.status} {videos.count}{age}"


ACCESS = Check(
    "db.access", _judge_access,
    kinds=(NOT_SET, AWAY, HOST, PASSWORD, NAME, NEAR, NO_ROOM, NO_ANSWER, STARTING, ODD),
)  # fmt: skip
SCHEMA = Check("db.schema", _judge_schema, ("db.access",), (OTHER, BEHIND))
WRITABLE = Check("db.writable", _judge_writable, ("db.schema",), (REPLICA, GRANT))
ROOM = Check("db.connections", _judge_room, ("db.access",), (CROWDED,))
FREE = Check("db.locks", _judge_waiting, ("db.access",), (WAITS, IDLE))
COUNTED = Check("db.videos", _judge_videos, ("db.schema",), (UNREAD,))
CHECKS = (ACCESS, SCHEMA, WRITABLE, ROOM, FREE, COUNTED)


def _of(facts: Facts) -> Server:
    assert facts.server is not None
    return facts.server

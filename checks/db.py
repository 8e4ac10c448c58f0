"""PostgreSQL: reachable, the platform's own database, writable, with room, and nobody waiting (contract 3)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks import _trouble as t
from checks._fan import within
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._trouble import Trouble

STATEMENT_MS = 3000
FULL_PERCENT = 90
WAIT_S = 5
IDLE_S = 300
# What the workers read and write (contract 3.1); tables of later generations are not required.
CONTRACT: dict[str, str] = {
    "video_video": "id session_id status file_key duration hls_path error_reason processing_started_at leased_until "
    "leased_by created_at updated_at",
    "lectures_session": "id lecture_id",
    "lectures_lecture": "id tenant_id",
    "core_tenant": "id code credit_balance messaging_is_active messaging_base_price messaging_sender",
    "ai_job": "id job_id job_type status payload error_message tenant_id tier locked_by locked_at lease_expires_at "
    "last_heartbeat_at last_error updated_at",
    "ai_result": "id job_id payload",
    "messaging_notificationlog": "id sent_at success amount_deducted recipient_summary failure_reason tenant_id",
    "students_student": "id ps_number name parent_phone tenant_id user_id deleted_at",
    "enrollment_enrollment": "id status lecture_id student_id tenant_id",
}
_WRITTEN = ("video_video", "ai_job", "ai_result", "messaging_notificationlog")
# pg_catalog and not information_schema: that one hides what the user has no right to, and a missing right would look
# like a missing table.
_SERVER = """
SELECT set_config('statement_timeout', %(ms)s, true) AS limited, current_setting('server_version') AS version,
       pg_is_in_recovery() AS replica, current_setting('default_transaction_read_only') = 'on' AS read_only,
       current_setting('max_connections')::int AS max_connections,
       (SELECT coalesce(sum(numbackends), 0)::int FROM pg_stat_database) AS connections,
       (SELECT coalesce(json_agg(json_build_object('table', c.relname, 'column', a.attname)), '[]')
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.oid IN (SELECT to_regclass(name)::oid FROM unnest(%(tables)s::text[]) AS name)) AS columns,
       (SELECT coalesce(json_agg(name), '[]') FROM unnest(%(written)s::text[]) AS name
        WHERE to_regclass(name) IS NOT NULL AND NOT (has_table_privilege(to_regclass(name)::oid, 'SELECT')
              AND has_table_privilege(to_regclass(name)::oid, 'UPDATE'))) AS not_granted,
       (SELECT json_build_object('count', count(*), 'longest_s', coalesce(extract(epoch FROM max(now() - query_start)),
               0)::int, 'pid', min(pid), 'blockers', coalesce(min(array_to_string(pg_blocking_pids(pid), ', ')), ''))
        FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) AS waiting,
       (SELECT json_build_object('count', count(*), 'longest_s', coalesce(extract(epoch FROM max(now() - state_change)),
               0)::int, 'pid', min(pid))
        FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' AND datname = current_database()
              AND now() - state_change > make_interval(secs => %(idle_s)s)) AS idle
"""
_VIDEOS = """
SELECT status, count(*)::int AS count, extract(epoch FROM now() - min(updated_at))::int AS oldest_s
FROM video_video GROUP BY status ORDER BY status
"""
_NAMES = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY datname"


@dataclass(frozen=True)
class Sessions:
    """Sessions that wait for a lock, or that sit in an open transaction: how many, for how long, one of them."""

    count: int
    longest_s: int
    pid: int | None
    blockers: str = ""


@dataclass(frozen=True)
class Videos:
    """Videos of one state; `oldest_s` since the last change of the one changed longest ago."""

    status: str
    count: int
    oldest_s: int


@dataclass(frozen=True)
class Server:
    version: str
    replica: bool
    read_only: bool
    max_connections: int
    connections: int
    missing: tuple[str, ...]
    """Tables (`video_video`) and columns (`video_video.status`) of the contract that are not there."""
    tables: int
    """Tables of the contract that are."""
    generation: str
    not_granted: tuple[str, ...]
    waiting: Sessions
    idle: Sessions


@dataclass(frozen=True)
class Facts:
    configured: bool
    where: str
    name: str
    trouble: Trouble | None
    server: Server | None
    names: tuple[str, ...]
    """Databases of the server, asked for when ours is not among them."""
    videos: tuple[Videos, ...]
    videos_trouble: Trouble | None


def gather(world: World) -> Facts:
    settings = world.stores.settings.db
    where = f"{settings.user}@{settings.host}:{settings.port}/{settings.name}"
    if not (settings.host and settings.name and settings.user):
        return Facts(False, where, settings.name, None, None, (), (), None)
    seen = within(world, "PostgreSQL", lambda: _server(world))
    names: tuple[str, ...] = ()
    videos: tuple[Videos, ...] | Trouble = ()
    if isinstance(seen, Trouble) and seen.cause == t.MISSING:
        found = within(world, "pg_database", lambda: _names(world))
        names = () if isinstance(found, Trouble) else found
    elif isinstance(seen, Server) and not any(one.startswith("video_video") for one in seen.missing):
        videos = within(world, "video_video", lambda: tuple(Videos(**row) for row in world.stores.db.query(_VIDEOS)))
    trouble, server = (seen, None) if isinstance(seen, Trouble) else (None, seen)
    if isinstance(videos, Trouble):
        return Facts(True, where, settings.name, trouble, server, names, (), videos)
    return Facts(True, where, settings.name, trouble, server, names, videos, None)


_SHOW = ("academyctl config show --section db",)
_UP = ("academyctl local up",)
_AGAIN = ("academyctl diagnose db",)
_UNSET = (Because("settings.missing", ("section",)),)
NOT_SET = Kind("db.not-configured", State.fail, Verdict.settings, _SHOW, because=_UNSET)
AWAY = Kind("db.unreachable", State.fail, Verdict.infrastructure, _SHOW, _UP)
HOST = Kind("db.host-unknown", State.fail, Verdict.settings, _SHOW)
PASSWORD = Kind("db.password-wrong", State.fail, Verdict.settings, _SHOW, because=_UNSET)
NAME = Kind("db.name-wrong", State.fail, Verdict.settings, _SHOW)
NEAR = Kind("db.name-near", State.fail, Verdict.settings, ("set DB_NAME={near}",))
NO_ROOM = Kind("db.full", State.fail, Verdict.capacity, _AGAIN)
NO_ANSWER = Kind("db.timeout", State.unknown, Verdict.infrastructure, ("academyctl diagnose db --timeout 30",))
STARTING = Kind("db.starting", State.unknown, Verdict.infrastructure, _AGAIN)
ODD = Kind("db.odd", State.unknown, None, _AGAIN)
OTHER = Kind("db.other-database", State.fail, Verdict.settings, _SHOW)
BEHIND = Kind("db.schema-behind", State.fail, Verdict.code, _AGAIN)
REPLICA = Kind("db.read-only", State.fail, Verdict.settings, _SHOW)
GRANT = Kind("db.not-granted", State.fail, Verdict.settings, _AGAIN)
CROWDED = Kind("db.connections-high", State.warn, Verdict.capacity, _AGAIN)
WAITS = Kind("db.lock-waits", State.warn, Verdict.data, _AGAIN)
IDLE = Kind("db.idle-transaction", State.warn, Verdict.code, _AGAIN)
UNREAD = Kind("db.videos-unseen", State.unknown, None, ("academyctl diagnose db --timeout 30",))

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
    yield kind.found("", *evidence, where=facts.where, why=trouble.told, near=near, name=facts.name, section="db")


def _judge_schema(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    server = _of(facts)
    listed = ", ".join(server.missing)
    if server.tables == 0:
        evidence = ("pg_catalog", f"none of {len(CONTRACT)} tables of the contract")
        yield OTHER.found("", evidence, where=facts.where, name=facts.name)
    elif server.missing:
        yield BEHIND.found("", ("pg_catalog", f"missing: {listed[:300]}"), missing=listed, name=facts.name)
    else:
        yield SCHEMA.ok("", name=facts.name, generation=server.generation)


def _judge_writable(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    server = _of(facts)
    if server.replica or server.read_only:
        told = "pg_is_in_recovery=true" if server.replica else "default_transaction_read_only=on"
        yield REPLICA.found("", ("PostgreSQL", told), where=facts.where, why=told)
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
        yield COUNTED.ok("", states=", ".join(f"{one.status} {one.count}" for one in facts.videos) or "0")


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


def _server(world: World) -> Server:
    later = ["video_videotranscodejob"]
    args = {
        "ms": str(STATEMENT_MS), "tables": [*CONTRACT, *later], "written": list(_WRITTEN), "idle_s": IDLE_S,
    }  # fmt: skip
    row = world.stores.db.query(_SERVER, args)[0]
    have: dict[str, set[str]] = {}
    for one in row["columns"]:
        have.setdefault(one["table"], set()).add(one["column"])
    return Server(
        version=row["version"],
        replica=row["replica"],
        read_only=row["read_only"],
        max_connections=row["max_connections"],
        connections=row["connections"],
        missing=tuple(_missing(have)),
        tables=sum(table in have for table in CONTRACT),
        generation=_generation(have),
        not_granted=tuple(row["not_granted"]),
        waiting=Sessions(**row["waiting"]),
        idle=Sessions(**row["idle"]),
    )


def _missing(have: Mapping[str, set[str]]) -> Iterator[str]:
    for table, columns in CONTRACT.items():
        if table not in have:
            yield table
        else:
            yield from (f"{table}.{column}" for column in columns.split() if column not in have[table])


def _generation(have: Mapping[str, set[str]]) -> str:
    """Which of the platform's generations made the video tables (contract 0)."""
    if "video_videotranscodejob" in have:
        return "S3"
    return "S2" if "folder_id" in have.get("video_video", set()) else "S1"


def _names(world: World) -> tuple[str, ...]:
    server = world.stores.database("postgres")
    try:
        rows: list[dict[str, Any]] = server.query(_NAMES)
        return tuple(str(row["datname"]) for row in rows)
    finally:
        server.close()

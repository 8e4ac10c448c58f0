"""What PostgreSQL says about itself and about the platform's tables (contract 3): connecting and two statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks import _trouble as t
from checks._fan import within
from checks._model import World
from checks._trouble import Trouble

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
SELECT current_setting('server_version') AS version,
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
               0)::int, 'pid', min(pid), 'blockers', coalesce(min(array_to_string(pg_blocking_pids(pid), ', ')), ''),
               'tables', (SELECT coalesce(string_agg(DISTINCT c.relname::text, ', '), '')
                          FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                          WHERE c.relname = ANY(%(tables)s::text[]) AND l.pid IN (
                            SELECT pid FROM pg_stat_activity
                            WHERE wait_event_type = 'Lock' AND datname = current_database())))
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
    tables: str = ""
    """The platform's tables that those who wait have touched."""


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


def _server(world: World) -> Server:
    later = ["video_videotranscodejob"]
    args = {"tables": [*CONTRACT, *later], "written": list(_WRITTEN), "idle_s": IDLE_S}
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

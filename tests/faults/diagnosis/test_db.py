"""PostgreSQL on the real stack: rights that are missing, no room, and somebody who waits for a video's row."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from academyctl.settings import load
from academyctl.stores import Stores
from checks import db
from checks._engine import take
from checks._model import State, Verdict
from checks._topics import chosen
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from tests.conftest import eventually, make_video

Env = dict[str, str]


@contextmanager
def _role(stores: Stores, limit: str = "") -> Iterator[str]:
    """A user who may read and nothing else."""
    name = f"reader_{stores.settings.db.name}"
    statements: Any = (
        f"CREATE ROLE {name} LOGIN PASSWORD 'reader-password' {limit}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
    )
    undo: Any = (f"DROP OWNED BY {name}", f"DROP ROLE {name}")
    for statement in statements:
        stores.db.execute(statement)
    try:
        yield name
    finally:
        for statement in undo:
            stores.db.execute(statement)


def test_a_user_who_may_not_write_is_a_matter_of_settings(platform_env: Env, stores: Stores) -> None:
    with _role(stores) as name:
        found = diagnosed({**platform_env, "DB_USER": name, "DB_PASSWORD": "reader-password"}, ["db"])
    assert [one.code for one in roots(found.findings)] == ["db.not-granted"]
    assert (found.verdict, exit_code(found.state)) == (Verdict.settings, 1)
    assert found.root is not None
    assert "video_video" in found.root.value("tables")


def test_a_user_without_a_connection_left_is_a_matter_of_capacity(platform_env: Env, stores: Stores) -> None:
    with _role(stores, "CONNECTION LIMIT 0") as name:
        found = diagnosed({**platform_env, "DB_USER": name, "DB_PASSWORD": "reader-password"}, ["db"])
    assert [one.code for one in red(found)] == ["db.full"]
    assert (found.verdict, found.state) == (Verdict.capacity, State.fail)


def test_who_waits_for_a_videos_row_is_seen_with_who_holds_it(platform_env: Env, stores: Stores) -> None:
    video = make_video(stores)

    def wait() -> None:
        with stores.db.tx() as cursor:
            cursor.execute("SELECT id FROM video_video WHERE id = %s FOR UPDATE", (video.id,))

    with stores.db.tx() as cursor:
        cursor.execute("SELECT id FROM video_video WHERE id = %s FOR UPDATE", (video.id,))
        pid = cursor.connection.info.backend_pid
        waiter = threading.Thread(target=wait)
        waiter.start()
        seen = eventually(lambda: (one := _server(platform_env)).waiting.count and one)
    waiter.join()
    assert (seen.waiting.count, seen.waiting.blockers) == (1, str(pid))
    assert "video_video" in seen.waiting.tables
    assert _server(platform_env).waiting.count == 0


def _server(env: Env) -> db.Server:
    facts = take(chosen(("db",)), load(env), env, timeout_s=20).see(db.Facts)
    assert facts.server is not None
    return facts.server

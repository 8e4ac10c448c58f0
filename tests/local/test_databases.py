"""The tests' own databases are used again: nothing of a test may reach the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from academyctl.local import postgres, sample
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import make_session, make_video
from tests.databases import Databases

Connect = Callable[[str], Any]


@pytest.fixture(scope="module")
def shared(stack: LocalStack) -> Iterator[Databases]:
    """With one database, which comes back at the next call."""
    made = Databases(stack, kept=1)
    yield made
    made.close()


@pytest.fixture
def pool(shared: Databases) -> Databases:
    shared.spoiled.clear()
    return shared


@pytest.fixture
def connect(stack: LocalStack) -> Iterator[Connect]:
    opened: list[Any] = []

    def to(name: str) -> Any:
        opened.append(postgres._connect(stack.state(), name))
        return opened[-1]

    yield to
    for connection in opened:
        connection.close()


def used(pool: Databases, connect: Connect, *statements: str) -> str:
    """The name of a database in which a test did that, and which it gave back."""
    name = pool.take()
    with connect(name) as connection:
        for sql in statements:
            connection.execute(sql.format(name=name))
    pool.give_back(name)
    return name


def taken(pool: Databases) -> str:
    """What the next test would get."""
    pool.give_back(name := pool.take())
    return name


def test_rows_are_gone_and_numbers_begin_again(stack: LocalStack, pool: Databases) -> None:
    name = pool.take()
    stores = Stores(load({**stack.env(), "DB_NAME": name}).settings)
    first = make_video(stores)
    with stores.db.tx() as cursor:
        sample.insert_video(cursor, *make_session(stores), status="READY", title="x" * 200)
    stores.close()
    pool.give_back(name)

    assert taken(pool) == name
    again = Stores(load({**stack.env(), "DB_NAME": name}).settings)
    tables = again.db.query("SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    assert len(tables) > 30
    rows = [again.db.query(f"SELECT count(*) AS n FROM {table['name']}")[0]["n"] for table in tables]
    assert sum(rows) == 0
    assert make_video(again).id == first.id == 1
    again.close()
    assert pool.spoiled == []


def test_a_number_that_no_row_has_used_is_given_again(pool: Databases, connect: Connect) -> None:
    name = used(pool, connect, "SELECT nextval(pg_get_serial_sequence('core_tenant', 'id'))")
    assert taken(pool) == name
    [row] = connect(name).execute("SELECT nextval(pg_get_serial_sequence('core_tenant', 'id')) AS id").fetchall()
    assert row["id"] == 1


def test_a_change_that_was_rolled_back_is_none(pool: Databases, connect: Connect) -> None:
    name = used(pool, connect, "BEGIN", "CREATE TABLE extra (id int)", "ROLLBACK")
    assert taken(pool) == name
    assert pool.spoiled == []


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE extra (id int)",
        "CREATE INDEX extra ON video_video (title)",
        "CREATE SCHEMA extra",
        "CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW extra AS SELECT 1 AS one",
        "CREATE TEMP TABLE extra (id int)",
        "DROP TABLE ai_result",
        "ALTER TABLE video_video RENAME COLUMN leased_by TO leased_by_old",
        "ALTER TABLE video_video ALTER COLUMN title DROP NOT NULL",
        "ALTER TABLE video_video ADD CONSTRAINT extra CHECK (id > 0)",
        "ALTER TABLE video_video DISABLE TRIGGER ALL",
        "GRANT SELECT ON video_video TO PUBLIC",
        'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
        'ALTER DATABASE "{name}" CONNECTION LIMIT 7',
    ],
)
def test_a_changed_database_is_thrown_away(stack: LocalStack, pool: Databases, connect: Connect, change: str) -> None:
    name = used(pool, connect, change)
    assert taken(pool) != name
    assert "changed" in pool.spoiled[0]
    assert name not in names(stack)


def test_a_database_that_somebody_is_still_in_is_thrown_away_with_him(
    stack: LocalStack, pool: Databases, connect: Connect
) -> None:
    name = pool.take()
    left = connect(name)
    left.execute("BEGIN")
    left.execute("LOCK TABLE video_video")
    pool.give_back(name)
    assert taken(pool) != name
    assert "1 connections" in pool.spoiled[0]
    assert name not in names(stack)
    with pytest.raises(Exception, match=r"terminat|closed"):
        left.execute("SELECT 1")


def test_a_database_whose_keeper_was_disconnected_is_thrown_away(pool: Databases, connect: Connect) -> None:
    """A test may end every connection of its database, as an operator does."""
    others = "FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    name = used(pool, connect, f"SELECT pg_terminate_backend(pid) {others}")
    assert taken(pool) != name
    assert len(pool.spoiled) == 1


def test_two_databases_at_a_time_are_two(pool: Databases) -> None:
    lent = [pool.take(), pool.take()]
    assert lent[0] != lent[1]
    for name in lent:
        pool.give_back(name)


def test_closing_drops_what_is_lent_too(stack: LocalStack) -> None:
    pool = Databases(stack, kept=1)
    lent, idle = pool.take(), pool.take()
    pool.give_back(idle)
    pool.close()
    assert not {lent, idle} & names(stack)


def names(stack: LocalStack) -> set[str]:
    with postgres._connect(stack.state(), "postgres") as admin:
        return {row["datname"] for row in admin.execute("SELECT datname FROM pg_database").fetchall()}

"""Databases that tests use one after another: cleaning one costs a tenth of making one.

A test gets tables as empty as a new database's, with sequences at their start. A database that is not as it was made
(another schema, a setting, somebody still connected) is never handed out again: it is dropped, and a new one made.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import psycopg

from academyctl.local import postgres
from academyctl.local.stack import LocalStack

# Handed out in turn, so that a test's connections have the time of two others to go away.
_KEPT = 3
_GONE_WITHIN_S = 0.5
_NUMBERS = itertools.count(1)
_CATALOGS = ("pg_attribute", "pg_constraint", "pg_namespace", "pg_proc", "pg_rewrite", "pg_trigger")
# Any change of a catalog's row makes a new version of it: their number and the newest tell. pg_class is the exception,
# for VACUUM writes there what it found.
_SHAPE = f"""
SELECT concat_ws(' ',
  {", ".join(f"(SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM {name})" for name in _CATALOGS)},
  (SELECT md5(string_agg(concat_ws('|', oid, relname, relnamespace, relowner, relkind, relnatts, relchecks, relacl,
                                   reloptions, relpersistence), ',' ORDER BY oid)) FROM pg_class WHERE oid >= 16384),
  (SELECT concat_ws('|', datacl, datconnlimit, datallowconn) FROM pg_database WHERE datname = current_database()),
  (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting
   WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
) AS shape
"""
_OTHERS = """
SELECT count(*) AS others FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# A table that ever had a row has a file of some length, until VACUUM cuts it off.
_USED = """
SELECT oid::regclass::text AS name FROM pg_class
WHERE relkind = 'r' AND oid >= 16384 AND pg_relation_size(oid) > 0 ORDER BY 1
"""
_RESTART = "SELECT count(setval(seqrelid::regclass, seqstart, false)) FROM pg_sequence"
# Else they are counted to the next test, when that counts its own.
_TELL = "SELECT pg_stat_force_next_flush()"


class Spoiled(Exception):
    """The database is not what it was made as; the message says how."""


@dataclass(frozen=True)
class _Kept:
    name: str
    connection: Any
    shape: str


class Databases:
    """One process's databases. `spoiled` tells why those that were thrown away were."""

    def __init__(self, stack: LocalStack, *, kept: int = _KEPT) -> None:
        self._kept = kept
        self.spoiled: list[str] = []
        self._stack = stack
        self._idle: deque[_Kept] = deque()
        self._lent: dict[str, _Kept] = {}

    def take(self) -> str:
        """The name of a database with the platform's empty tables."""
        while len(self._idle) >= self._kept:
            kept = self._idle.popleft()
            try:
                _clean(kept)
            except (Spoiled, psycopg.Error) as error:
                self.spoiled.append(f"{kept.name}: {error}")
                self._drop(kept)
            else:
                return self._lend(kept)
        return self._lend(self._make())

    def give_back(self, name: str) -> None:
        """The test is done with it. Its rows are deleted when the database's turn comes again."""
        self._idle.append(self._lent.pop(name))

    def close(self) -> None:
        for kept in (*self._idle, *self._lent.values()):
            self._drop(kept)
        self._idle.clear()
        self._lent.clear()

    def _lend(self, kept: _Kept) -> str:
        self._lent[kept.name] = kept
        return kept.name

    def _make(self) -> _Kept:
        name = f"p{os.getpid()}_{next(_NUMBERS)}"
        postgres.create(self._stack.state(), name)
        connection = postgres._connect(self._stack.state(), name)
        connection.execute("SET lock_timeout = '2s'")
        shape = _one(connection, _SHAPE)
        connection.execute(_TELL)
        return _Kept(name, connection, shape)

    def _drop(self, kept: _Kept) -> None:
        kept.connection.close()
        postgres.drop(self._stack.state(), kept.name)


def empty(at: Any) -> list[str]:
    """Delete all rows over a cursor or a connection; returns the tables that had any. For a handful of rows that is
    faster by far than TRUNCATE, which makes every table anew that knows of one of these."""
    used = _used(at)
    if used:
        # A replica asks nothing about foreign keys.
        deletes = "; ".join(f"DELETE FROM {name}" for name in used)
        at.execute(f"SET session_replication_role = replica; {deletes}; RESET session_replication_role")
    return used


def _clean(kept: _Kept) -> None:
    """Make it as it was made. Raises Spoiled when that cannot be done."""
    connection = kept.connection
    deadline = time.monotonic() + _GONE_WITHIN_S
    while others := _one(connection, _OTHERS):
        if time.monotonic() > deadline:
            raise Spoiled(f"{others} connections are still open")
        time.sleep(0.01)
    if _one(connection, _SHAPE) != kept.shape:
        raise Spoiled("its schema or settings were changed")
    if used := empty(connection):
        connection.execute(f"VACUUM (INDEX_CLEANUP ON) {', '.join(used)}")
    connection.execute(_RESTART)
    if left := _used(connection):
        raise Spoiled(f"rows are left in {', '.join(left)}")
    connection.execute(_TELL)


def _used(connection: Any) -> list[str]:
    return [row["name"] for row in connection.execute(_USED).fetchall()]


def _one(connection: Any, sql: str) -> Any:
    """The only value of the only row."""
    [row] = connection.execute(sql).fetchall()
    [value] = row.values()
    return value

"""PostgreSQL: short transactions over a few kept connections, and its failures as DatabaseAway."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from academyctl.errors import Both, DatabaseAway
from academyctl.settings_model import Db

Row = dict[str, Any]
Args = Sequence[Any] | Mapping[str, Any]
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_REFUSALS = (
    ("53300", ("too many connections", "too many clients", "remaining connection slots")),
    ("57P03", ("is starting up", "is not yet accepting connections", "is in recovery mode", "is shutting down")),
)


def connect(
    *,
    host: str,
    port: int,
    dbname: str,
    user: str,
    password: str,
    autocommit: bool = False,
    connect_timeout: int = 5,
    **options: Any,
) -> psycopg.Connection[Row]:
    """A connection whose rows are dicts. Raises DatabaseAway with the cause told apart."""
    try:
        return psycopg.connect(
            host=host, port=port, dbname=dbname, user=user, password=password, autocommit=autocommit,
            connect_timeout=connect_timeout, application_name="academyctl", row_factory=dict_row, **options,
        )  # fmt: skip
    except psycopg.Error as error:
        raise away(error, f"{user}@{host}:{port}/{dbname}") from error


class Postgres:
    """The platform's database. A handful of connections are kept, the newest used first.

    The connections are pooled here and not by a pool library because a pool's background reconnect hides which error
    it met (wrong password, no such database, no route), and that error is what a diagnosis is about.
    """

    def __init__(self, settings: Db, *, keep: int = 4) -> None:
        self._settings = settings
        self._keep = keep
        self._idle: list[psycopg.Connection[Row]] = []
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        s = self._settings
        return f"{s.user}@{s.host}:{s.port}/{s.name}"

    @contextmanager
    def tx(self, *, read_only: bool = False) -> Iterator[psycopg.Cursor[Row]]:
        """One transaction: committed at the end, rolled back on any exception. Raises DatabaseAway.

        A connection that went stale while it lay idle is replaced before anything was sent, so work is never repeated.
        """
        connection = self._take()
        try:
            connection.read_only = read_only
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
        except _LOST as error:
            connection.close()
            raise away(error, self.where) from error
        except psycopg.Error as error:
            raise away(error, self.where) from error
        finally:
            self._give_back(connection)

    def query(self, sql: LiteralString, args: Args = ()) -> list[Row]:
        """Rows of one read-only statement."""
        with self.tx(read_only=True) as cursor:
            return cursor.execute(sql, args).fetchall()

    def execute(self, sql: LiteralString, args: Args = ()) -> int:
        """Rows changed by one statement in its own transaction."""
        with self.tx() as cursor:
            return cursor.execute(sql, args).rowcount

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> psycopg.Connection[Row]:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if _alive(connection):
                return connection
            connection.close()

    def _give_back(self, connection: psycopg.Connection[Row]) -> None:
        with self._lock:
            if not connection.closed and len(self._idle) < self._keep:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> psycopg.Connection[Row]:
        s = self._settings
        return connect(
            host=s.host, port=s.port, dbname=s.name, user=s.user,
            password=s.password.get_secret_value() if s.password else "",
            connect_timeout=s.connect_timeout_s, sslmode=s.sslmode,
            keepalives_idle=30, keepalives_interval=10, keepalives_count=3, tcp_user_timeout=30000,
        )  # fmt: skip


def _alive(connection: psycopg.Connection[Row]) -> bool:
    """Whether an idle connection can be used: an idle server says nothing, a gone one makes the socket readable."""
    if connection.closed:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return not selector.select(0)


def away(error: psycopg.Error, where: str) -> DatabaseAway:
    """A psycopg error as ours, its cause told apart by SQLSTATE or by libpq's words."""
    text = " ".join(str(error).split())[:500]
    # Who is refused while connecting gets libpq's text alone.
    state = error.sqlstate or next((state for state, words in _REFUSALS if any(word in text for word in words)), "")
    if state in ("28P01", "28000") or "password authentication failed" in text or "no password supplied" in text:
        cause, remedy = "auth", Both("check DB_USER and DB_PASSWORD", "DB_USER와 DB_PASSWORD를 확인하세요")
    elif state == "3D000" or ("database" in text and "does not exist" in text):
        cause, remedy = "missing", Both("check DB_NAME", "DB_NAME을 확인하세요")
    elif state in ("42P01", "42703"):
        cause, remedy = (
            "schema",
            Both(
                "this is not the platform's database, or a migration is missing: check DB_NAME",
                "플랫폼 데이터베이스가 아니거나 마이그레이션이 빠졌습니다. DB_NAME을 확인하세요",
            ),
        )
    elif state == "42501":
        cause, remedy = (
            "permission",
            Both("grant the right named above to DB_USER", "위에 적힌 권한을 DB_USER에게 주세요"),
        )
    elif state == "53300":
        cause, remedy = "capacity", Both("too many connections: close some", "연결이 너무 많습니다. 일부를 닫으세요")
    elif isinstance(error, _LOST) or state == "25P03":  # a transaction that this process left standing
        cause, remedy = (
            "unreachable",
            Both(
                "check that PostgreSQL runs and DB_HOST/DB_PORT reach it",
                "PostgreSQL이 실행 중인지, DB_HOST/DB_PORT로 연결되는지 확인하세요",
            ),
        )
    else:
        cause, remedy = "refused", Both("see the reason above", "위의 이유를 확인하세요")
    return DatabaseAway(
        f"database {where} refused the work", why=text, cause=cause, remedy=remedy, code=state or "database-away"
    )

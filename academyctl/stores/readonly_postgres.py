"""PostgreSQL for the diagnosis: every transaction is READ ONLY, and the server refuses the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg

from academyctl.stores.postgres import Args, Postgres, Row, away

STATEMENT_MS: LiteralString = "3000"
"""A look must not weigh on the platform: what takes longer is unknown."""


class ReadOnlyPostgres(Postgres):
    """Raises DatabaseAway with SQLSTATE 25006 as its code for anything that writes."""

    @contextmanager
    def tx(self, *, read_only: bool = True) -> Iterator[psycopg.Cursor[Row]]:
        """One read-only transaction, whatever the caller asks for."""
        del read_only
        with super().tx(read_only=True) as cursor:
            yield cursor

    def query(self, sql: LiteralString, args: Args = ()) -> list[Row]:
        """Rows of one statement. BEGIN, the statement and COMMIT are one message: one round trip instead of three."""
        if ";" in sql:
            # A second statement might end the transaction that forbids writing.
            return super().query(sql, args)
        connection = self._take()
        try:
            connection.autocommit = True
            with psycopg.ClientCursor(connection, row_factory=connection.row_factory) as cursor:
                # On lines of its own: a statement may end with a comment.
                cursor.execute(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {STATEMENT_MS};\n{sql}\n; COMMIT", args)
                cursor.nextset()
                cursor.nextset()
                rows = cursor.fetchall()
            connection.autocommit = False
            return rows
        except psycopg.Error as error:
            # It may be left inside a transaction that failed: the next query takes a new one.
            connection.close()
            raise away(error, self.where) from error
        finally:
            self._give_back(connection)

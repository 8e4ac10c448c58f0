"""PostgreSQL for the diagnosis: every transaction is READ ONLY, and the server refuses the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from academyctl.stores.postgres import Postgres, Row


class ReadOnlyPostgres(Postgres):
    """Raises DatabaseAway with SQLSTATE 25006 as its code for anything that writes."""

    @contextmanager
    def tx(self, *, read_only: bool = True) -> Iterator[psycopg.Cursor[Row]]:
        """One read-only transaction, whatever the caller asks for."""
        del read_only
        with super().tx(read_only=True) as cursor:
            yield cursor

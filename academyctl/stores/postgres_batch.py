"""Several read-only statements in one transaction and one round trip, each with a time limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from academyctl.stores.postgres import Args, Postgres, Row

Statement = tuple[LiteralString, Args]
STATEMENT_MS = 3000
_LIMIT = "SELECT set_config('statement_timeout', %s, true)"


def read(
    db: Postgres, statements: Mapping[str, Statement], *, statement_ms: int = STATEMENT_MS
) -> dict[str, list[Row]]:
    """The rows of each statement, by its name. Raises DatabaseAway for the first that fails."""
    with db.tx(read_only=True) as cursor:
        connection = cursor.connection
        with connection.pipeline():
            connection.execute(_LIMIT, (str(statement_ms),))
            sent = {name: connection.execute(sql, args) for name, (sql, args) in statements.items()}
        return {name: result.fetchall() for name, result in sent.items()}

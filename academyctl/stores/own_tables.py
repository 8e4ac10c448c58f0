"""academyctl's own tables beside the platform's (own_tables.sql): what is missing, and creating it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from academyctl.errors import Both, ConfigError, DatabaseAway
from academyctl.stores.postgres import Postgres

FILE = Path(__file__).with_name("own_tables.sql")
LOCK_TIMEOUT_MS = 5000
_PART = re.compile(r"CREATE (TABLE|INDEX) IF NOT EXISTS (\w+)")
_MISSING = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
# Two who apply at once: IF NOT EXISTS does not keep the second from colliding with the first.
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('academyctl db migrate'))"
_WHO = "SELECT quote_ident(current_user) AS who, quote_ident(coalesce(current_schema(), 'public')) AS place"


@dataclass(frozen=True)
class Part:
    """A table or an index, and the statement that creates it."""

    kind: str
    name: str
    sql: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@cache
def parts() -> tuple[Part, ...]:
    """All of them, tables before their indexes."""
    text = re.sub(r"--.*", "", FILE.read_text(encoding="utf-8"))
    found = []
    for statement in filter(None, (one.strip() for one in text.split(";"))):
        named = _PART.match(statement)
        assert named is not None, statement
        found.append(Part(named[1].lower(), named[2], statement))
    return tuple(found)


def missing(db: Postgres) -> list[Part]:
    """What the database does not have. Raises DatabaseAway."""
    absent = {row["name"] for row in db.query(_MISSING, ([part.name for part in parts()],))}
    return [part for part in parts() if part.name in absent]


def plan(db: Postgres) -> list[str]:
    """What is missing, as `table academyctl_credit_entry`; nothing when all is there. Raises DatabaseAway."""
    return [str(part) for part in missing(db)]


def apply(db: Postgres, *, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> list[str]:
    """Create what is missing in one transaction; what was created. May run again, and by several at once.

    Raises DatabaseAway, with the GRANT to run where DB_USER may not create tables.
    """
    wanted = missing(db)
    if not wanted:
        return []
    try:
        with db.tx() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {lock_timeout_ms:d}")
            cursor.execute(_ALONE)
            for part in parts():
                cursor.execute(part.sql.encode())
    except DatabaseAway as error:
        raise _told(db, error) from error
    return [str(part) for part in wanted]


def require(db: Postgres) -> None:
    """Raises ConfigError when one of our tables is missing, DatabaseAway when that cannot be told."""
    absent = [part for part in missing(db) if part.kind == "table"]
    if absent:
        raise ConfigError(
            f"database {db.where} does not have academyctl's tables",
            why=", ".join(part.name for part in absent),
            remedy=Both(
                "create them: academyctl db migrate --apply",
                "테이블을 만드세요: academyctl db migrate --apply",
            ),
            code="not-migrated",
        )


def _told(db: Postgres, error: DatabaseAway) -> DatabaseAway:
    # 3F000: whoever may not use the schema has none to create in.
    if error.cause == "permission" or error.code == "3F000":
        row = db.query(_WHO)[0]
        grant = f"GRANT CREATE, USAGE ON SCHEMA {row['place']} TO {row['who']};"
        remedy = Both(
            f"let the database's owner run: {grant} Then run the command again",
            f"데이터베이스 소유자 계정으로 실행하세요: {grant} 그런 다음 이 명령을 다시 실행하세요",
        )
    elif error.code == "55P03":
        remedy = Both(
            "another transaction holds one of these tables; try again in a while",
            "다른 트랜잭션이 테이블을 잡고 있습니다. 잠시 뒤 다시 시도하세요",
        )
    else:
        return error
    what = f"academyctl's tables were not created in {db.where}; nothing was changed"
    return DatabaseAway(what, why=error.why, cause=error.cause, remedy=remedy, code=error.code)

"""The platform's students as one verb: everybody of a staged roster enrolled, by set statements (contract 5.5)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from academyctl.errors import WorkFailed
from academyctl.stores import _students_sql as sql
from academyctl.stores.postgres import Postgres, Row

Cursor = psycopg.Cursor[Row]
LOCK_KIND = 0x41435445
"""The class of our advisory locks; the object is the tenant."""
CONFLICTS = ("23505", "23503", "40001", "40P01")
"""SQLSTATEs of a change by somebody else in between: the whole transaction may be tried again."""
UNSTORABLE = ("21", "22", "23")
"""Classes of SQLSTATE that speak of the rows themselves (too long, not null, check)."""
LISTED = 1000
NUMBER_SPACE = 2_600_000
"""A00000 to Z99999."""
# Share of an import's time that is over after a statement, measured with 20,000 new students.
_SHARES = {
    sql.COPY: 0.02, sql.RESOLVE: 0.06, sql.USERS: 0.2, sql.NEW_PARENTS: 0.28, sql.STUDENTS: 0.45, sql.MEMBERS: 0.64,
    sql.ENROLMENTS: 0.77, sql.SESSIONS: 0.88, sql.ATTENDANCE: 0.99,
}  # fmt: skip
_SMALL = 200
_BLOCK = 1 << 18
_REMEMBERED_JOBS = 20
_REMEMBERED_WINDOW = 20_000


@dataclass(frozen=True)
class Wanted:
    """What to enrol. `password` is hashed; `session_id` None = the lecture's first session (order 1), made if absent.

    `lock_s` bounds one wait for a lock, `statement_s` one statement, both in seconds.
    """

    tenant_id: int
    lecture_id: int | None
    session_id: int | None
    spool: Path
    password: str
    own_usernames: bool = True
    """S2: t{tenant}_{number}, and a phone counts as used in this tenant only. S1: the bare number, all tenants."""
    rows: int = 0
    """About how many."""
    lock_s: float = 5.0
    statement_s: float = 600.0
    number_space: int = NUMBER_SPACE
    rng: random.Random = field(default_factory=random.SystemRandom)


@dataclass(frozen=True)
class Place:
    """Where the roster goes: which of the ids exist and belong together, and how many are ACTIVE in the class."""

    tenant: bool
    lecture: bool = False
    session_id: int | None = None
    class_size: int = 0


@dataclass(frozen=True)
class Note:
    """Something about a row that a person should know. `sheet` counts from 0; `value` may be a whole phone number."""

    sheet: int
    row: int
    code: str
    value: str


@dataclass(frozen=True)
class Repeated:
    """A row that names a student whom an earlier row of the file names."""

    sheet: int
    row: int
    first_sheet: int
    first_row: int


@dataclass(frozen=True)
class Outcome:
    """What the statements did. created + restored + updated + unchanged = `rows` = staged - repeated."""

    staged: int
    rows: int
    created: int
    restored: int
    updated: int
    unchanged: int
    joining: int
    """Enrolments made or woken."""
    namesakes: int
    """New students whose name an active student of the tenant has with another parent phone."""
    notes: tuple[Note, ...] = ()
    """The first 1,000; there are `notes_total`."""
    notes_total: int = 0
    repeated: tuple[Repeated, ...] = ()


class Script:
    """A transaction's statements, counted (BEGIN and COMMIT are), with `check` before and `progress` after each."""

    def __init__(
        self, cursor: Cursor, values: Mapping[str, Any], check: Callable[[], None], progress: Callable[[float], None]
    ) -> None:
        self.cursor = cursor
        self.statements = 2
        self._values = dict(values)
        self._check = check
        self._progress = progress

    def run(self, statement: LiteralString, **values: Any) -> Cursor:
        self._values |= values
        with self._counted(statement):
            # Prepared, a statement would keep the plan that was right for the five imports before it.
            return self.cursor.execute(statement, self._values if "%(" in statement else None, prepare=False)

    def row(self, statement: LiteralString, **values: Any) -> Row:
        found = self.run(statement, **values).fetchone()
        assert found is not None
        return found

    def copy(self, statement: LiteralString, source: Path) -> int:
        """Rows sent from a file, read in blocks."""
        with self._counted(statement), source.open("rb") as stream, self.cursor.copy(statement) as copy:
            while block := stream.read(_BLOCK):
                copy.write(block)
        return self.cursor.rowcount

    @contextmanager
    def _counted(self, statement: str) -> Iterator[None]:
        self._check()
        self.statements += 1
        yield
        if statement in _SHARES:
            self._progress(_SHARES[statement])


def begin(
    cursor: Cursor,
    wanted: Wanted,
    check: Callable[[], None] = lambda: None,
    progress: Callable[[float], None] = lambda _share: None,
) -> tuple[Script, Place]:
    """Wait for the tenant's lock, then look where the roster goes. `progress` takes the share done, 0..1."""
    values = {
        "tenant": wanted.tenant_id,
        "lecture": wanted.lecture_id,
        "session": wanted.session_id,
        "password": wanted.password,
        "prefix": f"t{wanted.tenant_id}_" if wanted.own_usernames else "",
        "account_tenant": wanted.tenant_id if wanted.own_usernames else None,
        "everywhere": not wanted.own_usernames,
        "listed": LISTED,
    }
    script = Script(cursor, values, check, progress)
    bounds = {"lock_ms": _milliseconds(wanted.lock_s), "statement_ms": _milliseconds(wanted.statement_s)}
    script.run(sql.CHECK_AT_ONCE)
    nested = "on" if wanted.rows < _SMALL else "off"
    script.run(sql.LOCK, kind=LOCK_KIND, nested_loops=nested, **bounds)
    found = script.run(sql.PLACE).fetchone()
    if found is None:
        return script, Place(tenant=False)
    return script, Place(True, found["lecture_id"] is not None, found["session_id"], found["class_size"])


def enrol(script: Script, wanted: Wanted, session_id: int | None) -> Outcome:
    """Everything from COPY on, but COMMIT. Raises WorkFailed when the academy has no student number left."""
    script.run(sql.STAGE)
    staged = script.copy(sql.COPY, wanted.spool)
    script.run(sql.MEASURE)
    script.run(sql.RESOLVE, session=session_id)
    counts = script.row(sql.COUNTS)
    if counts["created"] or counts["restored"]:
        _admit(script, wanted, counts)
    if wanted.lecture_id is not None:
        _enter(script, counts)
    notes, notes_total = _notes(script) if counts["created"] or counts["restored"] else ((), 0)
    repeated = _repeated(script) if counts["rows"] < staged else ()
    said = {name: counts[name] for name in ("created", "restored", "updated", "unchanged", "namesakes")}
    joining = counts["joining"] if wanted.lecture_id is not None else 0
    return Outcome(
        staged, counts["rows"], **said, joining=joining, notes=notes, notes_total=notes_total, repeated=repeated
    )


def remembered(db: Postgres, tenant_id: int) -> tuple[Mapping[str, str], ...]:
    """field -> header text of the tenant's newest 20 imports that ended well, newest first, each once.

    Looked for among the newest 20,000 jobs: no index leads from a tenant to its jobs. Raises DatabaseAway.
    """
    limits = {"tenant": tenant_id, "window": _REMEMBERED_WINDOW, "jobs": _REMEMBERED_JOBS}
    found: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
    for row in db.query(sql.REMEMBERED, limits):
        for headers in row["headers"]:
            if isinstance(headers, dict) and headers:
                texts = {str(name): str(text) for name, text in headers.items()}
                found.setdefault(tuple(sorted(texts.items())), texts)
    return tuple(found.values())


def _admit(script: Script, wanted: Wanted, counts: Row) -> None:
    """Accounts, parents, memberships and students of those who are new; those who left come back."""
    if counts["created"]:
        _draw_numbers(script, wanted, counts["created"])
    script.run(sql.PARENTS)
    if counts["created"]:
        script.run(sql.USERS)
        script.run(sql.NEW_PARENTS)
        script.run(sql.STUDENTS)
    if counts["restored"]:
        script.run(sql.RESTORE)
    script.run(sql.MEMBERS)


def _draw_numbers(script: Script, wanted: Wanted, created: int) -> None:
    space, rng = wanted.number_space, wanted.rng
    # A step without a common divisor meets every number of the space once.
    step = next(n for n in iter(lambda: rng.randrange(1, space), 0) if math.gcd(n, space) == 1)
    drawn = script.run(sql.NUMBERS, step=step, start=rng.randrange(space), space=space, created=created).rowcount
    if drawn < created:
        raise WorkFailed(f"the academy has {drawn} student numbers left for {created} new students")


def _enter(script: Script, counts: Row) -> None:
    if counts["joining"]:
        script.run(sql.ENROLMENTS)
    if counts["out_of_session"]:
        script.run(sql.SESSIONS)
    if counts["unattended"]:
        script.run(sql.ATTENDANCE)


def _notes(script: Script) -> tuple[tuple[Note, ...], int]:
    rows = script.run(sql.NOTES).fetchall()
    notes = tuple(Note(row["sheet"], row["line"], row["code"], row["value"]) for row in rows)
    return notes, rows[0]["total"] if rows else 0


def _repeated(script: Script) -> tuple[Repeated, ...]:
    rows = script.run(sql.REPEATED).fetchall()
    return tuple(Repeated(row["sheet"], row["line"], row["first_sheet"], row["first_line"]) for row in rows)


def _milliseconds(seconds: float) -> int:
    # 0 would mean "no limit" to PostgreSQL.
    return max(1, int(seconds * 1000))

"""A roster that was read becomes enrolled students: one transaction, all of it or nothing (contract 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from academyctl import roster_result
from academyctl.errors import AcademyError, Both, Busy, DatabaseAway, WorkFailed
from academyctl.passwords import FIRST_PASSWORD_MIN, hash_password
from academyctl.roster.model import Document, Reading
from academyctl.stores import students
from academyctl.stores.postgres import Postgres

GUARD_SHARE = 0.3
GUARD_NAMESAKES = 10
# Shorter than the grace that a stopping worker has: while it waits, nobody can ask it to stop.
_LOCK_WAIT_S = 5.0
_LOCK_TIMEOUT = "55P03"
_BUSY_AFTER_S = 20.0

PASSWORD = Both("the initial password needs 4 characters or more", "initial_password는 4자 이상이어야 합니다.")
NO_TENANT = Both("tenant_id not found", "tenant_id not found")
OTHER_LECTURE = Both("the lecture is not of this academy", "해당 학원의 강의가 아닙니다.")
OTHER_SESSION = Both("the session is not of this lecture", "해당 차시가 이 강의의 차시가 아닙니다.")


class EnrolmentRefused(AcademyError):
    """The request cannot be carried out, however often it is tried. `reason` has the contract's own words (5.5)."""

    def __init__(self, code: str, message: Both) -> None:
        super().__init__(message.en, code=code)
        self.message = message
        self.reason = message.ko


@dataclass(frozen=True)
class Request:
    """What to do with the good rows of a reading. Without `lecture_id` students are made and nothing else.

    `session_id` None = the lecture's first session; `username_rule`, `iterations`: settings.excel; `seconds_left`
    bounds each statement.
    """

    tenant_id: int
    lecture_id: int | None
    session_id: int | None
    spool: Path
    reading: Reading
    initial_password: str = field(repr=False)
    username_rule: Literal["S1", "S2"] = "S2"
    iterations: int = 1_000_000
    partial: bool = False
    dry_run: bool = False
    seconds_left: float = 3600.0


@dataclass(frozen=True)
class Enrolled(students.Outcome):
    """What came of it; the same for a dry run. `document` is ai_result.payload."""

    session_id: int | None = None
    class_size: int = 0
    """ACTIVE enrolments of the lecture before."""
    statements: int = 0
    """Sent to PostgreSQL, BEGIN and COMMIT included, those of `finish` not."""
    document: Document = field(default_factory=dict)


@dataclass(frozen=True)
class Guard:
    """How much of a class an import changes: what a person should be asked about before it is done for good."""

    joining: int
    class_size: int
    namesakes: int

    @property
    def share(self) -> float:
        """Of the class as it was; 0 for a class that was empty."""
        return self.joining / self.class_size if self.class_size else 0.0

    @property
    def asks(self) -> bool:
        return self.share > GUARD_SHARE or self.namesakes > GUARD_NAMESAKES


class _RolledBack(Exception):
    """Ends a dry run's transaction."""

    def __init__(self, enrolled: Enrolled) -> None:
        self.enrolled = enrolled


def enrol(
    db: Postgres,
    request: Request,
    *,
    check: Callable[[], None] = lambda: None,
    finish: Callable[[Any, Document], None] | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Enrolled:
    """Enrol everybody, or change nothing. A dry run sends the same statements and takes them back.

    `check` is called before every statement and may raise: nothing is then left. `finish(cursor, document)` does the
    caller's part inside the transaction, last. `progress` takes the share done, 0..1. Who changed the same rows
    meanwhile makes the whole transaction run once more.

    Raises EnrolmentRefused, Busy (a lock is held for too long), DatabaseAway, WorkFailed.
    """
    if len(request.initial_password) < FIRST_PASSWORD_MIN:
        raise EnrolmentRefused("short-password", PASSWORD)
    if not request.reading.counts.get("good"):
        raise EnrolmentRefused("nobody", roster_result.NOBODY)
    # Before the transaction: nobody waits for a hash, and all accounts of an import share one initial password.
    password = hash_password(request.initial_password, iterations=request.iterations)
    try:
        return _once(db, request, password, check, finish, progress)
    except DatabaseAway as error:
        if error.code not in students.CONFLICTS:
            raise _told(request, error) from error
    try:
        return _once(db, request, password, check, finish, progress)
    except DatabaseAway as error:
        raise _told(request, error) from error


def _told(request: Request, error: DatabaseAway) -> AcademyError:
    """What a database's answer means for an import: come back soon, it is away, or this roster cannot be stored.

    The last must not look like an outage: work is put off for as long as one lasts.
    """
    who = f"tenant {request.tenant_id}"
    if error.code == _LOCK_TIMEOUT:
        why = "another import of this academy, or somebody who changes its students, is at it"
        return Busy(f"{who} is locked", after=_BUSY_AFTER_S, why=why)
    if error.code in students.CONFLICTS:
        return WorkFailed(f"the students of {who} were changed by others during the import, twice", why=error.why)
    if error.code.startswith(students.UNSTORABLE):
        return WorkFailed(f"the platform's tables refused a row of the roster of {who}", why=error.why)
    return error


def change_guard(enrolled: Enrolled) -> Guard:
    """Of a dry run: whether the change is large enough to ask (more than 30 % of a class, or more than 10 students
    whose name is there already with another parent phone, who would be there twice)."""
    return Guard(enrolled.joining, enrolled.class_size, enrolled.namesakes)


def remembered(db: Postgres, tenant_id: int) -> tuple[Mapping[str, str], ...]:
    """field -> header text, of the academy's earlier imports, newest first (`Ask.remembered`). Raises DatabaseAway."""
    return students.remembered(db, tenant_id)


def _once(
    db: Postgres,
    request: Request,
    password: str,
    check: Callable[[], None],
    finish: Callable[[Any, Document], None] | None,
    progress: Callable[[float], None],
) -> Enrolled:
    wanted = students.Wanted(
        tenant_id=request.tenant_id,
        lecture_id=request.lecture_id,
        session_id=request.session_id if request.lecture_id is not None else None,
        spool=request.spool,
        password=password,
        own_usernames=request.username_rule == "S2",
        rows=request.reading.counts["good"],
        lock_s=min(_LOCK_WAIT_S, request.seconds_left),
        statement_s=request.seconds_left,
    )
    try:
        with db.tx() as cursor:
            script, place = students.begin(cursor, wanted, check, progress)
            _admit(request, place)
            outcome = students.enrol(script, wanted, place.session_id)
            told = Enrolled(
                **vars(outcome),
                session_id=place.session_id,
                class_size=place.class_size,
                statements=script.statements,
            )
            enrolled = replace(told, document=_document(request, told))
            check()
            if request.dry_run:
                raise _RolledBack(enrolled)
            if finish is not None:
                finish(cursor, enrolled.document)
            check()
        return enrolled
    except _RolledBack as done:
        return done.enrolled


def _admit(request: Request, place: students.Place) -> None:
    if not place.tenant:
        raise EnrolmentRefused("no-tenant", NO_TENANT)
    if request.lecture_id is None:
        return
    if not place.lecture:
        raise EnrolmentRefused("other-lecture", OTHER_LECTURE)
    if place.session_id is None:
        raise EnrolmentRefused("other-session", OTHER_SESSION)


def _document(request: Request, enrolled: Enrolled) -> Document:
    """The report, with the books balanced: every row that was read ended as exactly one thing."""
    reading = request.reading
    if enrolled.staged != reading.counts["good"]:
        raise RuntimeError(f"{enrolled.staged} rows were staged, {reading.counts['good']} were read")
    lecture = request.lecture_id is not None
    document = roster_result.result(reading, enrolled, lecture=lecture, partial=request.partial)
    counts = dict(document["counts"])
    if counts.pop("read") != sum(counts.values()):
        raise RuntimeError(f"the counts do not add up: {document['counts']}")
    return document

"""A class list on its way into the database: the one way of the worker and of `academyctl excel import`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from academyctl import enrolment, roster_result
from academyctl.enrolment import Enrolled
from academyctl.errors import Both
from academyctl.roster.model import Ask, Document, Limits, Reading
from academyctl.settings_model import Excel
from academyctl.stores.postgres import Postgres


@dataclass(frozen=True)
class Order:
    """What is wanted. Ids of 0 mean 'none'; `mapping` field -> column, chosen by a person."""

    tenant_id: int
    lecture_id: int = 0
    session_id: int = 0
    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    partial: bool = False


@dataclass(frozen=True)
class Read:
    """A file that was read: what it says, with which question, and its good rows in the spool."""

    source: Path
    ask: Ask
    reading: Reading
    spool: Path


def limits(excel: Excel) -> Limits:
    """The bounds of a file and of the process that reads it."""
    return Limits(
        file_bytes=excel.max_bytes,
        rows=excel.max_rows,
        wall_s=float(excel.read_wall_s),
        cpu_s=excel.read_wall_s,
        memory_bytes=excel.read_memory_mb * 2**20,
    )


def read(
    db: Postgres,
    source: Path,
    order: Order,
    excel: Excel,
    *,
    folder: Path,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Read:
    """Read a file with what this academy's earlier imports taught about its headers. Raises DatabaseAway, Cancelled."""
    from academyctl.roster.reading import read as read_roster

    ask = Ask(order.mapping, enrolment.remembered(db, order.tenant_id), order.sheet)
    spool = folder / "roster.copy"
    return Read(source, ask, read_roster(source, ask, limits(excel), spool=spool, stop_asked=stop_asked), spool)


def obstacle(found: Read, order: Order) -> Both | None:
    """Why this file is not enrolled; None = it can be."""
    return roster_result.obstacle(found.reading, partial=order.partial)


def report(found: Read, order: Order) -> Document:
    """What a file that was not enrolled leaves for its reader."""
    return roster_result.result(found.reading, None, lecture=bool(order.lecture_id), partial=order.partial)


def enrol(
    db: Postgres,
    found: Read,
    order: Order,
    password: str,
    excel: Excel,
    *,
    dry_run: bool = False,
    seconds_left: float = 3600.0,
    check: Callable[[], None] = lambda: None,
    finish: Callable[[Any, Document], None] | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> Enrolled:
    """Enrol the good rows in one transaction; see `enrolment.enrol` for the callbacks and what it raises."""
    request = enrolment.Request(
        tenant_id=order.tenant_id,
        lecture_id=order.lecture_id or None,
        session_id=order.session_id or None,
        spool=found.spool,
        reading=found.reading,
        initial_password=password,
        username_rule=excel.username_rule,
        iterations=excel.password_iterations,
        partial=order.partial,
        dry_run=dry_run,
        seconds_left=seconds_left,
    )
    return enrolment.enrol(db, request, check=check, finish=finish, progress=progress)


def annotate(
    found: Read,
    target: Path,
    excel: Excel,
    *,
    only_bad: bool = False,
    lang: str = "ko",
    stop_asked: Callable[[], bool] = lambda: False,
) -> None:
    """Write a copy of the file with every bad cell marked; `found` has bad cells. Raises WorkFailed, Stopping.

    `only_bad`: without the good rows, which are enrolled already.
    """
    from academyctl.roster.annotating import annotate_file

    bounds = limits(excel)
    annotate_file(found.source, found.ask, target, bounds, only_bad=only_bad, lang=lang, stop_asked=stop_asked)

"""`academyctl batch doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, AwsError, DatabaseAway
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.batch_doctor import Facts, Finding
    from academyctl.settings import Settings
    from academyctl.stores import Stores

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
MOST_FAILED = 100


def doctor(here: Session, *, fmt: Format) -> None:
    """Every finding; those of the set-up first."""
    from academyctl import output
    from academyctl.ops.batch_doctor import FAIL, judge

    found = judge(gather(here.stores(), here.loaded.settings))
    output.emit(
        {
            "version": 1,
            "findings": [
                {"code": one.code, "state": one.state, "text": one.text.pick(here.lang), "mend": one.mend}
                for one in found
            ],
        },
        fmt=fmt,
        table=lambda: text(found, here.lang),
    )
    raise typer.Exit(EXIT_FAILED if any(one.state == FAIL for one in found) else EXIT_OK)


def text(found: Sequence[Finding], lang: str) -> str:
    from academyctl.output import as_typed

    lines = []
    for one in found:
        lines.append(f"{_MARKS[one.state]}  {one.text.pick(lang)}")
        if one.mend:
            lines.append(f"      {as_typed(one.mend)}")
    return "\n".join(lines) + "\n"


def gather(stores: Stores, settings: Settings) -> Facts:
    """Everything that is judged. Raises AwsError; a database that is away is a finding."""
    from academyctl.ops.batch_doctor import Facts

    fleet, batch = settings.fleet, stores.batch
    queue, definition = batch.raw_queue(fleet.batch_queue), batch.raw_definition(fleet.batch_job)
    order = [str(one["computeEnvironment"]) for one in (queue or {}).get("computeEnvironmentOrder") or []]
    container = (definition or {}).get("containerProperties") or {}
    ids = (
        []
        if queue is None
        else [*batch.ids(fleet.batch_queue), *batch.ids(fleet.batch_queue, ["FAILED"], most=MOST_FAILED)]
    )
    group, there = _log_group(stores, container)
    read: dict[str, Any] = {"rows": None, "drift": None}
    try:
        read = {"rows": stores.batch_jobs.active(), "drift": _drift(stores, settings) if queue and definition else None}
    except DatabaseAway as error:
        read["database_why"] = error.why
    return Facts(
        now=datetime.now(UTC), queue_name=fleet.batch_queue, definition_name=fleet.batch_job, queue=queue,
        environments=batch.raw_environments(order) if order else [], definition=definition,
        image_there=_image(stores, str(container.get("image", ""))), log_group=group, log_group_there=there,
        jobs=list(batch.describe(ids).values()), **read,
    )  # fmt: skip


def _drift(stores: Stores, settings: Settings) -> int:
    from academyctl.ops.batch_gather import picture
    from academyctl.ops.batch_plans import Where
    from academyctl.ops.batch_reconcile import plan

    where = Where(settings.fleet.batch_queue, settings.fleet.batch_job)
    return len(plan(picture(stores, where.queue), where, max_attempts=settings.video.job_max_attempts).repairs)


def _log_group(stores: Stores, container: dict[str, Any]) -> tuple[str, bool | None]:
    """The group that a definition names, and whether it is there; None when Batch would make it."""
    options = (container.get("logConfiguration") or {}).get("options") or {}
    group = str(options.get("awslogs-group", ""))
    if not group or options.get("awslogs-create-group") == "true":
        return group, None
    return group, group in stores.logs.groups(group)


def _image(stores: Stores, image: str) -> bool | None:
    try:
        return stores.fleet.image(image) if image else None
    except AwsError as error:
        if error.cause == "permission":
            return None
        raise

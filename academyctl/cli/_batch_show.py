"""`academyctl batch list` and `batch show`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both, DatabaseAway, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow

COLUMNS = Both(
    "status\tbatch job\tname\tage\ttook\texit\tvideo\trow\twhy",
    "상태\tBatch 작업\t이름\t나이\t소요\t종료 코드\t비디오\t작업 행\t이유",
)
_NONE = Both("{queue} has no such job", "{queue}에 해당하는 작업이 없습니다")
# Of the job's environment only these are shown: the rest may be anything.
_SHOWN = ("VIDEO_JOB_ID", "VIDEO_ID", "S3_BUCKET", "S3_KEY", "MESSAGE_ID", "SQS_MESSAGE_ID", "AWS_REGION")


def list_(here: Session, statuses: Sequence[str], limit: int, *, fmt: Format) -> None:
    """The queue's jobs. Raises UsageError for a status that Batch does not have."""
    from academyctl import output
    from academyctl.cli._columns import columns
    from academyctl.stores.batch import STATUSES

    wanted = tuple(dict.fromkeys(one.upper() for one in statuses)) or STATUSES
    if unknown := [one for one in wanted if one not in STATUSES]:
        known = ", ".join(STATUSES)
        raise UsageError(
            Both(f"Batch has no status {unknown[0]}", f"Batch에 {unknown[0]} 상태는 없습니다"),
            remedy=Both(f"one of: {known}", f"가능한 값: {known}"),
        )
    stores, queue = here.stores(), here.loaded.settings.fleet.batch_queue
    ids = stores.batch.ids(queue, wanted, most=limit)
    jobs = list(stores.batch.describe(ids).values())
    jobs.sort(key=lambda job: (STATUSES.index(job.status), -job.created_at.timestamp()))
    rows = _rows(stores, [job.job_id for job in jobs if job.job_id])
    now = datetime.now(UTC)
    output.emit(
        {"version": 1, "queue": queue, "jobs": [_short(job, rows.get(job.job_id)) for job in jobs]},
        fmt=fmt,
        table=lambda: (
            columns(COLUMNS.pick(here.lang).split("\t"), [_line(job, rows.get(job.job_id), now) for job in jobs])
            if jobs
            else _NONE.pick(here.lang).format(queue=queue)
        ),
    )


def _rows(stores: Stores, job_ids: Sequence[str]) -> dict[str, JobRow]:
    """The jobs' rows; Batch's side is told without them too."""
    from academyctl import output

    try:
        return stores.batch_jobs.by_id(job_ids) if stores.settings.db.host else {}
    except DatabaseAway as error:
        output.note(f"warn  {error}")
        return {}


def show(here: Session, text: str, *, fmt: Format) -> None:
    """One job, both sides."""
    from academyctl import output
    from academyctl.ops.batch_find import find

    found = find(here.stores(), text)
    output.emit(
        {
            "version": 1,
            "batch_job": _full(found.job) if found.job else None,
            "row": row_json(found.row) if found.row else None,
        },
        fmt=fmt,
        table=lambda: "\n".join(_said(found.job, found.row, here.lang)),
    )
    failed = found.job.status == "FAILED" if found.job else found.row is not None and found.row.state == "DEAD"
    raise typer.Exit(EXIT_FAILED if failed else EXIT_OK)


def row_json(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id, "video_id": row.video_id, "tenant_id": row.tenant_id, "state": row.state,
        "attempt": row.attempt, "cancel_requested": row.cancel_requested, "aws_batch_job_id": row.aws_id,
        "created_at": row.created_at, "updated_at": row.updated_at, "last_heartbeat_at": row.last_heartbeat_at,
        "error_code": row.error_code, "error_message": row.error_message, "video_status": row.video_status,
    }  # fmt: skip


def _short(job: AwsJob, row: JobRow | None) -> dict[str, Any]:
    return {
        "id": job.id, "name": job.name, "status": job.status, "why": job.why, "exit_code": job.exit_code,
        "created_at": job.created_at, "started_at": job.started_at, "stopped_at": job.stopped_at,
        "job_id": job.job_id, "video_id": row.video_id if row else None, "row_state": row.state if row else None,
    }  # fmt: skip


def _full(job: AwsJob) -> dict[str, Any]:
    return {
        **_short(job, None), "definition": job.definition, "command": list(job.command),
        "parameters": dict(job.parameters), "environment": _environment(job), "log_group": job.log_group,
        "attempts": [
            {"exit_code": one.exit_code, "why": one.why, "started_at": one.started_at, "stopped_at": one.stopped_at,
             "log_stream": one.stream}
            for one in job.attempts
        ],
        "streams": list(job.streams),
    }  # fmt: skip


def _environment(job: AwsJob) -> dict[str, str]:
    return {name: value if name in _SHOWN else "***" for name, value in sorted(job.environment.items())}


def _line(job: AwsJob, row: JobRow | None, now: datetime) -> tuple[str, ...]:
    from academyctl.ages import ago
    from academyctl.stores.batch import EXITED

    code = "" if job.exit_code is None else str(job.exit_code)
    # Of a container that ended its exit code says all.
    why = "" if job.exit_code is not None and job.why.startswith(EXITED) else job.why
    return (
        job.status, job.id, job.name, ago((now - job.created_at).total_seconds()), _took(job, now), code,
        str(row.video_id) if row else "-", row.state if row else "-", why[:60],
    )  # fmt: skip


def _took(job: AwsJob, now: datetime) -> str:
    from academyctl.ages import ago

    return ago(((job.stopped_at or now) - job.started_at).total_seconds()) if job.started_at else ""


def _said(job: AwsJob | None, row: JobRow | None, lang: str) -> list[str]:
    lines = []
    if job is None:
        lines.append(
            Both("Batch does not know it (any more)", "Batch에는 이 작업이 없습니다(만료되었을 수 있음)").pick(lang)
        )
    else:
        lines += _of_batch(job)
    if row is None:
        lines.append(Both("there is no row of it in the database", "데이터베이스에 해당하는 행이 없습니다").pick(lang))
    else:
        lines += _of_row(row)
    return lines


def _of_batch(job: AwsJob) -> list[str]:
    from academyctl.log import mask
    from academyctl.output import as_typed

    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    lines = [
        f"batch job   {job.id}  {job.name}",
        f"status      {job.status}{code}{f': {job.why}' if job.why else ''}",
        f"definition  {job.definition}",
        f"command     {mask(' '.join(job.command))}",
        f"submitted   {_at(job.created_at)}   started {_at(job.started_at)}   stopped {_at(job.stopped_at)}",
    ]
    told = ("-" if one.exit_code is None else str(one.exit_code) for one in job.attempts)
    for number, (one, exit_code) in enumerate(zip(job.attempts, told, strict=True), 1):
        lines.append(f"attempt {number:<3} {_at(one.started_at)} .. {_at(one.stopped_at)}  exit {exit_code}  {one.why}")
    lines += [f"variable    {name}={value}" for name, value in _environment(job).items()]
    if job.streams:
        lines.append(f"logs        {as_typed(f'academyctl batch logs {job.id}')}")
    return lines


def _of_row(row: JobRow) -> list[str]:
    cancel = ", cancel requested" if row.cancel_requested else ""
    lines = [
        f"row         {row.id}  {row.state}, attempt {row.attempt}{cancel}",
        f"video       {row.video_id}  {row.video_status}  {row.title}",
        f"written     {_at(row.updated_at)}   heartbeat {_at(row.last_heartbeat_at)}",
        f"names       {row.aws_id or '-'}",
    ]
    if row.error_code or row.error_message:
        lines.append(f"error       {row.error_code} {row.error_message}".rstrip())
    return lines


def _at(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else "-"

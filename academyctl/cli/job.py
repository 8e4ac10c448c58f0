"""`academyctl job`: AI and Excel jobs, looked at, followed, repeated, ended and asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Look at AI and Excel jobs, follow, repeat, end and request them.", no_args_is_help=True)
enqueue = typer.Typer(help="Request a job, exactly as the platform's API does.", no_args_is_help=True)
app.add_typer(enqueue, name="enqueue")

MAX_ID = 2**63 - 1
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Job ids, as `job list` shows them.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Job id, as `job list` shows it.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this the changes are only shown.")]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Say which column a field is, e.g. parent_phone=C."),
]
Sheet = Annotated[str, typer.Option("--sheet", metavar="NAME", help="Only this sheet.")]
Partial = Annotated[bool, typer.Option("--partial", help="Enrol the good rows although others are bad.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the accounts' first password from stdin.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="The academy.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="Only of this academy.")] = "",
    job_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="As excel_parsing.")] = "",
    status: Annotated[str, typer.Option("--status", help="PENDING, RUNNING, DONE, FAILED (also as DONE), ...")] = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Made within it: 90m, 24h, 7d.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    fmt: OutputOption = Format.table,
) -> None:
    """List jobs, the newest first."""
    from academyctl.cli._job_show import list_jobs

    list_jobs(session(ctx), tenant, job_type, status, since, limit, fmt=fmt)


@app.command()
def status(
    ctx: typer.Context,
    ids: Ids,
    dlq: Annotated[bool, typer.Option("--dlq", help="Also look for their dead letters.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Show row, lease, result, file, Redis, queue.

    Each job ends with one line that says what to do. Live queues are never received from. Exit code 1 when a job does
    not exist, 3 when a part could not be read.
    """
    from academyctl.cli._job_show import status

    raise typer.Exit(status(session(ctx), ids, dlq=dlq, fmt=fmt))


@app.command()
def watch(
    ctx: typer.Context,
    job_id: Id,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Give up after so many seconds (exit code 3).")
    ] = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Follow a job until it ends.

    Exit code 0 when it is done, 1 when it failed, 3 when that cannot be told.
    """
    from academyctl.cli._job_show import watch

    raise typer.Exit(watch(session(ctx), job_id, timeout_s=timeout, fmt=fmt))


@app.command()
def retry(
    ctx: typer.Context,
    ids: Ids,
    maps: Maps = None,
    sheet: Sheet = "",
    partial: Partial = False,
    password_stdin: Stdin = False,
    again: Annotated[bool, typer.Option("--again", help="Also one that is DONE, or whose message may wait.")] = False,
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Try a job again.

    The row is PENDING again, what the last try left in Redis goes, the message is sent. Refused while a worker has it
    and when its file is gone.
    """
    from academyctl.cli._excel_check import asked as columns
    from academyctl.cli._job_changes import retry
    from academyctl.job_plans import Asked

    ask = columns(maps or (), sheet)
    asked = Asked(mapping=ask.mapping, sheet=ask.sheet, partial=partial, again=again)
    retry(session(ctx), ids, asked, stdin=password_stdin, apply=apply, fmt=fmt)


@app.command()
def cancel(ctx: typer.Context, ids: Ids, apply: Apply = False, fmt: OutputOption = Format.table) -> None:
    """End jobs that have not ended, as FAILED.

    A worker that has one loses its lease at its next renewal and stops.
    """
    from academyctl.cli._job_changes import cancel

    cancel(session(ctx), ids, apply=apply, fmt=fmt)


@app.command()
def link(
    ctx: typer.Context,
    job_id: Id,
    apply: Annotated[bool, typer.Option("--apply", help="Also put one into the result, for the front end.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Make a fresh link to a job's file.

    An export, or the workbook of a roster's bad cells. Whoever has the link can download it until it ends.
    """
    from academyctl.cli._job_show import link

    link(session(ctx), job_id, apply=apply, fmt=fmt)


@enqueue.command("excel")
def enqueue_excel(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="xlsx, xlsm, xls, xlsb, ods or csv.")],
    tenant: Tenant,
    lecture: Annotated[int | None, typer.Option("--lecture", min=1, max=MAX_ID, help="Enrol into it.")] = None,
    session_id: Annotated[
        int | None, typer.Option("--session", min=1, max=MAX_ID, help="And into this session (default: its first).")
    ] = None,
    maps: Maps = None,
    sheet: Sheet = "",
    partial: Partial = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Read the file here first.")] = True,
    password_stdin: Stdin = False,
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Upload a class list and request its import.

    The file is read here first; one with errors is not sent without --partial or --no-check.
    """
    from academyctl.cli._excel_check import asked as columns
    from academyctl.cli._job_enqueue import Roster, excel

    roster = Roster(file, tenant, lecture or 0, session_id or 0, columns(maps or (), sheet), partial, check)
    excel(session(ctx), roster, stdin=password_stdin, apply=apply, fmt=fmt)


@enqueue.command("attendance")
def enqueue_attendance(
    ctx: typer.Context,
    tenant: Tenant,
    lecture: Annotated[int, typer.Option("--lecture", min=1, max=MAX_ID, help="Of this lecture.")],
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Request the attendance workbook of a lecture."""
    from academyctl.cli._job_enqueue import attendance

    attendance(session(ctx), tenant, lecture, apply=apply, fmt=fmt)


@enqueue.command("payroll")
def enqueue_payroll(
    ctx: typer.Context,
    tenant: Tenant,
    year: Annotated[int, typer.Option("--year", min=2000, max=2100)],
    month: Annotated[int, typer.Option("--month", min=1, max=12)],
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Request the payroll workbook of a month."""
    from academyctl.cli._job_enqueue import payroll

    payroll(session(ctx), tenant, year, month, apply=apply, fmt=fmt)

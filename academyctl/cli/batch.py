"""`academyctl batch`: video encodes as AWS Batch jobs (contract 13)."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="AWS Batch: jobs, submit, cancel, reconcile.", no_args_is_help=True)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="A Batch job's id, a job's id (its row), or a video's number: its newest.")
]


@app.command("list")
def list_(
    ctx: typer.Context,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="RUNNABLE, RUNNING, FAILED...; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Of each status at most.")] = 20,
    fmt: OutputOption = Format.table,
) -> None:
    """List the queue's jobs in all seven states, newest first, each with its row and video."""
    from academyctl.cli._batch_show import list_

    list_(session(ctx), status or (), limit, fmt=fmt)


@app.command()
def show(ctx: typer.Context, id_: Id, fmt: OutputOption = Format.table) -> None:
    """Show everything about one job: Batch's side with its attempts, and the row's.

    Exit code 1 when there is neither, or it has failed.
    """
    from academyctl.cli._batch_show import show

    show(session(ctx), id_, fmt=fmt)


@app.command()
def submit(
    ctx: typer.Context,
    video: Annotated[list[int] | None, typer.Argument(metavar="VIDEO_ID...", help="Videos that are UPLOADED.")] = None,
    job: Annotated[
        list[str] | None, typer.Option("--job-id", metavar="ID", help="A job whose row is there; may be repeated.")
    ] = None,
    from_queue: Annotated[
        int, typer.Option("--from-queue", min=0, max=1000, help="Take so many messages of the video queue instead.")
    ] = 0,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Submit encodes: a row each, and a Batch job for it.

    Stopped halfway, the same command goes on where it stopped; no video gets two jobs.
    """
    from academyctl.cli._batch_changes import submit

    submit(session(ctx), video or (), job or (), from_queue, apply=apply, fmt=fmt)


@app.command()
def cancel(
    ctx: typer.Context,
    id_: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="A Batch job's id, a job's id (its row), or a video's number.", show_default=False
        ),
    ] = "",
    video: Annotated[
        int | None, typer.Option("--video", metavar="VIDEO_ID", help="The active job of this video.")
    ] = None,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Cancel a job: its row, then its Batch job; one that runs is asked to end."""
    from academyctl.cli._batch_changes import cancel

    cancel(session(ctx), id_, video, apply=apply, fmt=fmt)


@app.command()
def logs(
    ctx: typer.Context,
    id_: Id,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended, or Ctrl-C.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Print what a job's attempts have logged, oldest first."""
    from academyctl.cli._batch_logs import logs

    logs(session(ctx), id_, follow=follow, fmt=fmt)


@app.command()
def doctor(ctx: typer.Context, fmt: OutputOption = Format.table) -> None:
    """Check the set-up of Batch and how its jobs fare; each finding with the command that mends it.

    Exit code 1 when something is wrong.
    """
    from academyctl.cli._batch_doctor import doctor

    doctor(session(ctx), fmt=fmt)


@app.command()
def reconcile(ctx: typer.Context, apply: ApplyOption = False, fmt: OutputOption = Format.table) -> None:
    """Compare the job rows with Batch, both ways, and mend what differs.

    When Batch cannot be read, nothing is changed at all (exit code 3).
    """
    from academyctl.cli._batch_changes import reconcile

    reconcile(session(ctx), apply=apply, fmt=fmt)

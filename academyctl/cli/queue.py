"""`academyctl queue`: depths, dead letters, and dead letters sent back."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Show queues, look at dead letters, send them back.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="video, ai_lite, ai_basic, ai_premium, messaging, or a queue's own name.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="All of them without it.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="FIELD=ID", help="Only letters with video_id, job_id or tenant_id = ID."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many letters.")]


@app.command()
def show(ctx: typer.Context, names: Names = None, fmt: OutputOption = Format.table) -> None:
    """Show depths and settings of queues.

    By attributes only. Exit code 1 when a queue does not exist, 3 when one could not be read.
    """
    from academyctl.cli._queue_show import show

    show(session(ctx), names or (), fmt=fmt)


@app.command()
def peek(
    ctx: typer.Context,
    name: Name,
    dlq: Annotated[bool, typer.Option("--dlq", help="Its dead letters; nothing else can be looked at.")] = False,
    limit: Limit = 10,
    where: Where = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Look at dead letters, oldest first.

    They stay where they are. Live queues are never received from, so --dlq is needed.
    """
    from academyctl.cli._queue_letters import peek

    peek(session(ctx), name, where or (), limit, dlq=dlq, fmt=fmt)


@app.command()
def redrive(
    ctx: typer.Context,
    name: Name,
    where: Where = None,
    limit: Limit = 1000,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the letters are only listed.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Send dead letters back to their queue.

    Lists them; does it with --apply. Killed in the middle, run it again: no letter is lost, one may go twice.
    """
    from academyctl.cli._queue_letters import redrive

    redrive(session(ctx), name, where or (), limit, apply=apply, fmt=fmt)

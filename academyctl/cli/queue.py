"""`academyctl queue`: depths, settings, messages and dead letters of the queues; made, mended, emptied."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Queues: show, create, tune, send, purge; dead letters.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="video, ai_lite, ai_basic, ai_premium, messaging, analysis, or a queue's own name."
    ),
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="All of the platform's without it.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="FIELD=ID", help="Only letters with video_id, job_id or tenant_id = ID."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many letters.")]
Dlq = Annotated[bool, typer.Option("--dlq", help="Its dead-letter queue.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="This account's other queues too.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """List the queues: depth, dead letters, age of the oldest message.

    Exit code 1 when a queue of the settings does not exist, 3 when one could not be read.
    """
    from academyctl.cli._queue_list import list_

    list_(session(ctx), every=every, fmt=fmt)


@app.command()
def show(ctx: typer.Context, names: Names = None, fmt: OutputOption = Format.table) -> None:
    """Show depths and settings of queues.

    By attributes only. Exit code 1 when a queue does not exist, 3 when one could not be read.
    """
    from academyctl.cli._queue_show import show

    show(session(ctx), names or (), fmt=fmt)


@app.command()
def create(
    ctx: typer.Context, names: Names = None, apply: ApplyOption = False, fmt: OutputOption = Format.table
) -> None:
    """Create the queues that are missing, each with its DLQ.

    What is there is left as it is: queue tune mends that.
    """
    from academyctl.cli._queue_changes import create

    create(session(ctx), names or (), apply=apply, fmt=fmt)


@app.command()
def tune(
    ctx: typer.Context,
    names: Names = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ATTRIBUTE=VALUE", help="Set this on one queue, and mend nothing else."),
    ] = None,
    dlq: Annotated[bool, typer.Option("--dlq", help="With --set: of its dead-letter queue.")] = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Set what differs from the platform's values.

    Visibility, retention, long poll, delay, redrive policy; the dead-letter queue's retention. With --set: one value.
    """
    from academyctl.cli._queue_changes import tune

    tune(session(ctx), names or (), values or (), dlq=dlq, apply=apply, fmt=fmt)


@app.command()
def delete(
    ctx: typer.Context, name: Name, dlq: Dlq = False, apply: ApplyOption = False, fmt: OutputOption = Format.table
) -> None:
    """Delete an empty queue.

    One that holds messages is refused.
    """
    from academyctl.cli._queue_changes import delete

    delete(session(ctx), name, dlq=dlq, apply=apply, fmt=fmt)


@app.command()
def purge(
    ctx: typer.Context, name: Name, dlq: Dlq = False, apply: ApplyOption = False, fmt: OutputOption = Format.table
) -> None:
    """Throw away every message of a queue.

    It cannot be taken back. Dead letters only with --dlq.
    """
    from academyctl.cli._queue_changes import purge

    purge(session(ctx), name, dlq=dlq, apply=apply, fmt=fmt)


@app.command()
def send(
    ctx: typer.Context,
    name: Name,
    body: Annotated[str, typer.Option("--body", metavar="TEXT", help="The message.")] = "",
    file: Annotated[str, typer.Option("--file", metavar="PATH", help="A file with the message; - is stdin.")] = "",
    s3: Annotated[
        str, typer.Option("--s3", metavar="BUCKET/KEY", help="The event that S3 sends for this object.")
    ] = "",
    delay: Annotated[int, typer.Option("--delay", min=0, max=900, help="Seconds until workers see it.")] = 0,
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", metavar="NAME=VALUE", help="A message attribute (text).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what the queue's workers would reject.")] = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Send a message.

    Refused when the queue's workers would reject it.
    """
    from academyctl.cli._queue_send import Draft, send

    draft = Draft(body, file, s3, delay, tuple(attribute or ()))
    send(session(ctx), name, draft, force=force, apply=apply, fmt=fmt)


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
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many letters [1000].")] = None,
    native: Annotated[bool, typer.Option("--native", help="All letters, moved by SQS itself.")] = False,
    rate: Annotated[int | None, typer.Option("--rate", min=1, max=500, help="With --native: letters a second.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="With --native: stop a move that runs.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="With --native: until it is done.")] = True,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the letters are only listed.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Send dead letters back to their queue.

    Lists them; does it with --apply. Killed in the middle, run it again: no letter is lost, one may go twice.
    """
    from academyctl.cli import _queue_letters, _queue_native

    here = session(ctx)
    asked = _queue_native.Asked(rate, cancel=cancel, wait=wait)
    if not native:
        _queue_native.refuse_without(asked)
    elif _queue_native.redrive(here, name, where or (), limit, asked, apply=apply, fmt=fmt):
        return
    _queue_letters.redrive(here, name, where or (), limit or LIMIT, apply=apply, fmt=fmt)


LIMIT = 1000

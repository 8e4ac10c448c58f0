"""`academyctl alarm`: the queues' CloudWatch alarms: listed, made and mended, put and deleted one by one."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="CloudWatch alarms of the queues: list, apply.", no_args_is_help=True)

Queues = Annotated[
    list[str] | None, typer.Argument(metavar="[QUEUE]...", help="All of the platform's without it.", show_default=False)
]


@app.command("list")
def list_(ctx: typer.Context, queues: Queues = None, fmt: OutputOption = Format.table) -> None:
    """List the queues' alarms: state, whom they tell, what differs.

    Others' alarms of the same queues are listed below. Exit code 1 when one is missing, in ALARM, or tells nobody.
    """
    from academyctl.cli._alarm_list import list_

    list_(session(ctx), queues or (), fmt=fmt)


@app.command()
def apply(
    ctx: typer.Context,
    queues: Queues = None,
    action: Annotated[
        list[str] | None,
        typer.Option("--action", metavar="ARN", help="Whom they tell [fleet.alarm_topic]; may be given twice."),
    ] = None,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Make the queues' alarms and mend those that differ.

    For each queue: a dead letter (>= 1 in 300 s), and depth >= 100 (twice 300 s). Others' actions on them are kept.
    """
    from academyctl.cli._alarm_changes import apply_

    apply_(session(ctx), queues or (), action or (), apply=apply, fmt=fmt)


@app.command()
def put(
    ctx: typer.Context,
    json: Annotated[str, typer.Option("--json", metavar="JSON", help="PutMetricAlarm's parameters; @FILE reads one.")],
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Make or replace one alarm of any metric."""
    from academyctl.cli._alarm_changes import put

    put(session(ctx), json, apply=apply, fmt=fmt)


@app.command()
def delete(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The alarm's name.")],
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Delete one alarm."""
    from academyctl.cli._alarm_changes import delete

    delete(session(ctx), name, apply=apply, fmt=fmt)

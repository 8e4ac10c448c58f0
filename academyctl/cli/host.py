"""`academyctl host`: the machines that run the platform."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(
    help="The machines that run the platform: EC2, their groups, the workers on them.", no_args_is_help=True
)


@app.command("list")
def list_(
    ctx: typer.Context,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="video, ai, messaging or api; may be repeated.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also machines that are stopped.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """List machines: address, age, place in the group, and what the worker on it does.

    Exit code 1 when a group is missing, lacks machines or has an unhealthy one.
    """
    from academyctl.cli._host_list import list_

    list_(session(ctx), role or (), stopped=all_, fmt=fmt)


@app.command()
def show(
    ctx: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="An instance id, or one of the machine's addresses.")],
    fmt: OutputOption = Format.table,
) -> None:
    """Show everything about one machine, and how to log in to it.

    Exit code 1 when there is no such machine.
    """
    from academyctl.cli._host_show import show

    show(session(ctx), host, fmt=fmt)

"""`academyctl logs`: CloudWatch Logs."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="CloudWatch Logs of the platform's functions and Batch jobs.", no_args_is_help=True)


@app.callback()
def logs() -> None:
    """CloudWatch Logs of the platform's functions and Batch jobs."""


@app.command()
def tail(
    ctx: typer.Context,
    group: Annotated[
        str,
        typer.Argument(
            metavar="GROUP",
            help="depth, autoscale, sqs-to-batch, video-batch, analysis, analysis-batch, or a log group's own name.",
        ),
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with the lines that come, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="30s, 30m, 6h, 2d ago; or 2026-11-21, 2026-11-21T09:30.")
    ] = "10m",
    grep: Annotated[
        str, typer.Option("--grep", metavar="REGEX", help="Only lines with this; Python's regular expressions.")
    ] = "",
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="--grep takes capitals for small ones.")
    ] = False,
    stream: Annotated[str, typer.Option("--stream", metavar="PREFIX", help="Only streams whose name begins so.")] = "",
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=1, help="Of what there is, only the last so many.")
    ] = None,
    wait: Annotated[
        float | None, typer.Option("--for", min=0, help="With --follow: end after so many seconds.")
    ] = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Print what a log group has logged, oldest first.

    The lines are chosen here, not by CloudWatch. Exit code 1 when the group does not exist.
    """
    from academyctl.cli._logs_tail import Asked, tail

    tail(session(ctx), Asked(group, follow, since, grep, ignore_case, stream, lines, wait), fmt=fmt)

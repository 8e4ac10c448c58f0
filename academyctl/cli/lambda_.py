"""`academyctl lambda`: the platform's Lambda functions: what they are, a run by hand, logs, code and variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Look at Lambda functions, run, deploy and configure them.", no_args_is_help=True)
env = typer.Typer(help="A function's variables.", no_args_is_help=True)
app.add_typer(env, name="env")

_WORDS = "depth, autoscale, sqs-to-batch, analysis"
Name = Annotated[str, typer.Argument(metavar="NAME", help=f"{_WORDS}, or a function's own name.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Print the values that may be secrets, too.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are not the platform's.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """List the platform's functions.

    Whether each is there, runs our code, and when it was changed. Exit code 1 when one is broken.
    """
    from academyctl.cli._lambda_show import list_functions

    raise typer.Exit(list_functions(session(ctx), every=every, fmt=fmt))


@app.command()
def show(ctx: typer.Context, name: Name, reveal: Reveal = False, fmt: OutputOption = Format.table) -> None:
    """Show a function.

    Its code, limits, variables (masked), what runs it, who may call it. Exit code 1 when there is none or it is broken.
    """
    from academyctl.cli._lambda_show import show_function

    raise typer.Exit(show_function(session(ctx), name, reveal=reveal, fmt=fmt))


@app.command()
def invoke(
    ctx: typer.Context,
    name: Name,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let our function read and decide, and change nothing.")
    ] = False,
    payload: Annotated[str, typer.Option("--payload", metavar="JSON", help="The event (default: {}).")] = "",
    payload_file: Annotated[
        Path | None, typer.Option("--payload-file", metavar="FILE", help="The event, from a file.", dir_okay=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Run it; without this its effects are only told.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Run a function once.

    A run has effects (metrics, sizes, jobs): they are told first, and it runs with --apply or --dry-run. Exit code 1
    when the function fails.
    """
    from academyctl.cli._lambda_invoke import run

    here = session(ctx)
    raise typer.Exit(run(here, name, payload=payload, file=payload_file, dry=dry_run, apply=apply, fmt=fmt))


@app.command()
def logs(
    ctx: typer.Context,
    name: Name,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with the lines that come, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="30s, 30m, 6h, 2d ago; or 2026-11-21, 2026-11-21T09:30.")
    ] = "30m",
    grep: Annotated[
        str, typer.Option("--grep", metavar="REGEX", help="Only lines with this; Python's regular expressions.")
    ] = "",
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=1, help="Of what there is, only the last so many.")
    ] = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Print what a function has logged, oldest first.

    Exit code 1 when it has never logged.
    """
    from academyctl.cli._logs_tail import Asked, tail
    from academyctl.ops.lambda_specs import name_of

    here = session(ctx)
    group = f"/aws/lambda/{name_of(here.loaded.settings, name)}"
    tail(here, Asked(group, follow, since, grep, lines=lines), fmt=fmt)


@app.command()
def deploy(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"{_WORDS}; with --rollback any function's name.")],
    role: Annotated[str, typer.Option("--role", help="Another role, by name or ARN (default: as it is).")] = "",
    no_reserve: Annotated[
        bool, typer.Option("--no-reserve", help="Leave the limit of runs at a time as it is.")
    ] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put back what the last deployment replaced.")] = False,
    to: Annotated[str, typer.Option("--to", metavar="SAVE", help="With --rollback: this save.")] = "",
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Install our code.

    Code, configuration, permission, rule or queue of the function; what it has besides is kept. Shows the plan, and
    does it with --apply.
    """
    from academyctl.cli._lambda_deploy import run

    run(session(ctx), name, role=role, reserve=not no_reserve, rollback=rollback, to=to, apply=apply, fmt=fmt)


@env.command("show")
def env_show(ctx: typer.Context, name: Name, reveal: Reveal = False, fmt: OutputOption = Format.table) -> None:
    """Show a function's variables.

    Values that may be secrets are masked. Exit code 1 when there is no such function.
    """
    from academyctl.cli._lambda_show import show_variables

    raise typer.Exit(show_variables(session(ctx), name, reveal=reveal, fmt=fmt))


@env.command("set")
def env_set(
    ctx: typer.Context,
    name: Name,
    pairs: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", show_default=False)] = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", metavar="KEY", help="Remove this one.")] = None,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Set a function's variables.

    The others stay. Shows the change, and does it with --apply.
    """
    from academyctl.cli._lambda_deploy import set_variables

    set_variables(session(ctx), name, pairs or [], unset or [], apply=apply, fmt=fmt)

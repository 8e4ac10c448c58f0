"""`academyctl ssm`: the workers' environment in SSM's Parameter Store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="The workers' environment in SSM.", no_args_is_help=True)
env = typer.Typer(help="The one parameter that every worker's machine and Batch job starts with.", no_args_is_help=True)
app.add_typer(env, name="env")

Name = Annotated[
    str, typer.Option("--name", metavar="PARAMETER", help="Another parameter than the settings' (BATCH_SSM_ENV).")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="An .env file, or JSON.", exists=True, dir_okay=False)]
Reveal = Annotated[bool, typer.Option("--reveal", help="Print the secrets too.")]


@env.command()
def show(
    ctx: typer.Context,
    name: Name = "",
    version: Annotated[int | None, typer.Option("--version", min=1, help="An earlier version.")] = None,
    reveal: Reveal = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Show the variables; secrets and what is not known to be harmless are masked.

    Exit code 1 when there is no such parameter or it cannot be read as an environment.
    """
    from academyctl.cli._ssm_env import show

    show(session(ctx), name, version, reveal=reveal, fmt=fmt)


@env.command()
def diff(
    ctx: typer.Context, file: File, name: Name = "", reveal: Reveal = False, fmt: OutputOption = Format.table
) -> None:
    """Compare a file with what is stored.

    Exit code 1 when they differ.
    """
    from academyctl.cli._ssm_env import diff

    diff(session(ctx), file, name, reveal=reveal, fmt=fmt)


@env.command()
def put(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="An .env file, or JSON.", exists=True, dir_okay=False)
    ] = None,
    name: Name = "",
    allowed: Annotated[
        list[str] | None, typer.Option("--allow-removal", metavar="VARIABLE", help="This one may go; may be repeated.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="dotenv, json or base64; without it as it is stored now.")
    ] = "",
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Instead of a file: an earlier version.")
    ] = None,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Store a file as the workers' environment, or an earlier version of it.

    Shows which variables change, and does it with --apply. What would lose variables is refused.
    """
    from academyctl.cli._ssm_env import put

    put(session(ctx), file, name, allowed or (), form, version, apply=apply, fmt=fmt)

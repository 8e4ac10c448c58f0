"""`academyctl ecr`: the workers' container images."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Container images in ECR.", no_args_is_help=True)


@app.callback()
def ecr() -> None:
    """Container images in ECR."""


@app.command()
def check(
    ctx: typer.Context,
    tag: Annotated[str, typer.Option("--tag", help="The tag that the workers' machines pull.")] = "latest",
    fmt: OutputOption = Format.table,
) -> None:
    """Check the images of the workers and of the Batch jobs: there, newest, what runs.

    Exit code 1 when an image is not there.
    """
    from academyctl.cli._ecr_check import check

    check(session(ctx), tag, fmt=fmt)

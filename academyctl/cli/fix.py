"""`academyctl fix`: mend what a diagnosis found."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Mend what a diagnosis found: the plan first, then --apply.", no_args_is_help=True)

MAX_ID = 2**63 - 1
Ids = Annotated[list[int], typer.Argument(min=1, max=MAX_ID, metavar="ID...", help="Video ids.")]


@app.callback()
def fix() -> None:
    """Mend what a diagnosis found: the plan first, then --apply."""


@app.command()
def video(
    ctx: typer.Context,
    ids: Ids,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the plan is only shown.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Although a worker seems to be at it, or the file was refused before.")
    ] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Mend stuck videos.

    Judges each as `video stuck` does, and shows the changes that mend it, with how to undo them; --apply does them.
    """
    from academyctl.cli._fix_video import fix

    fix(session(ctx), ids, apply=apply, force=force, fmt=fmt)

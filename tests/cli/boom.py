"""A command line with one more word, `boom`, that ends in every way a command can. Run it as a module."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from academyctl import cli, errors
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format, emit, note

app = typer.Typer()
KINDS: dict[str, BaseException] = {
    "failed": errors.WorkFailed("the work failed", why="a reason", remedy=errors.Both("do it again", "다시 하세요")),
    "config": errors.ConfigError("config error: a", remedy="set a"),
    "usage": errors.UsageError("not like this"),
    "cannot-tell": errors.DatabaseAway("no answer", cause="unreachable"),
    "interrupted": KeyboardInterrupt(),
    "aborted": typer.Abort(),
    "bug": ZeroDivisionError("token=abcdefgh and 010-1234-5678"),
    "socket": BrokenPipeError("a server hung up"),
}


@app.command()
def boom(ctx: typer.Context, kind: Annotated[str, typer.Argument()], fmt: OutputOption = Format.table) -> int:
    """End as told."""
    if kind.isdigit():
        emit({"kind": kind}, fmt=fmt)
        raise typer.Exit(int(kind))
    if kind.startswith("silent-"):
        raise typer.Exit(int(kind.removeprefix("silent-")))
    if kind.startswith("returns-"):
        emit({"kind": kind}, fmt=fmt)
        return int(kind.removeprefix("returns-"))
    if kind == "glyphs":
        emit({"text": "√ 한글 é 🎬"}, fmt=fmt)
    elif kind == "format":
        emit({"format": fmt}, fmt="json")
    elif kind == "twice":
        emit({"kind": kind}, fmt=fmt)
        raise errors.WorkFailed("after the result")
    elif kind == "production":
        session(ctx).confirm_production(["delete everything"])
        emit({"done": True}, fmt=fmt)
    elif kind == "wait":
        note("waiting")
        time.sleep(0.4)
        while True:
            time.sleep(0.1)
    else:
        raise KINDS[kind]
    return 0


if __name__ == "__main__":
    from academyctl.__main__ import main

    cli.WORDS["boom"] = ("tests.cli.boom", "End as told.")
    sys.exit(main())

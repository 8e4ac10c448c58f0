"""`academyctl diagnose`: settings, infrastructure, capacity, data or code; one verdict, and nothing is changed."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from academyctl.cli._common import Session, session

app = typer.Typer(help="Find what is wrong, and whose fault it is.", add_completion=False)


class Shown(StrEnum):
    table = "table"
    json = "json"
    short = "short"


class FailOn(StrEnum):
    fail = "fail"
    warn = "warn"


def _inherited(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """`academyctl -o json diagnose` means `academyctl diagnose -o json`."""
    source, here = ctx.get_parameter_source(str(param.name)), ctx.find_object(Session)
    return Shown(str(here.fmt)) if here is not None and source is not None and source.name == "DEFAULT" else value


def _words(incomplete: str) -> list[str]:
    from checks._topics import ALL, words

    return [word for word in (ALL, *words()) if word.startswith(incomplete)]


Topics = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TOPIC]...",
        help="What to look at: all (the default), settings, sqs, redis, db, r2, ...; an unknown word lists them.",
        show_default=False,
        autocompletion=_words,
    ),
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Seconds for all of it.")]
Fail = Annotated[FailOn, typer.Option("--fail-on", help="warn: exit code 4 when there are warnings.")]
Output = Annotated[Shown, typer.Option("--output", "-o", help="table, json or short.", callback=_inherited)]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep the facts, to judge them again.")]
From = Annotated[Path | None, typer.Option("--from", metavar="FILE", help="Judge the facts of a saved diagnosis.")]


@app.command()
def diagnose(
    ctx: typer.Context,
    topics: Topics = None,
    timeout: Timeout = 10.0,
    fail_on: Fail = FailOn.fail,
    fmt: Output = Shown.table,
    save: Save = None,
    replay: From = None,
) -> None:
    """Look at everything, read-only and at once; say whether it is settings, infrastructure, capacity, data or code.

    Exit code 0 fine, 1 something failed, 3 something could not be seen, 4 warnings with --fail-on warn.
    """
    import gc

    # A tenth of the whole CPU time: the client libraries make many objects, and the process ends in a moment.
    gc.disable()
    try:
        code = _run(session(ctx), topics or [], timeout, fail_on, fmt, save, replay)
    finally:
        gc.enable()
    raise typer.Exit(code)


def _run(
    here: Session, asked: list[str], timeout: float, fail_on: FailOn, fmt: Shown, save: Path | None, replay: Path | None
) -> int:
    from academyctl import output
    from checks import _report, _snapshot
    from checks._engine import diagnose, kinds, take
    from checks._texts import Shell, worded
    from checks._topics import chosen
    from checks._verdict import exit_code

    topics = chosen(asked)
    if replay is not None:
        snapshot = _snapshot.read(replay, chosen(()))
    else:
        snapshot = take(topics, here.loaded, os.environ, timeout_s=timeout)
    if save is not None:
        _snapshot.save(snapshot, save)
    judged = diagnose(topics, snapshot)
    shell = Shell(os.name == "nt", _options(here))
    said = judged.with_findings(worded(judged.findings, here.lang, kinds(topics), shell=shell, local=snapshot.local))
    warn = fail_on is FailOn.warn
    output.emit(
        _report.as_json(said, here.lang, fail_on_warn=warn),
        fmt="json" if fmt is Shown.json else "table",
        table=lambda: (
            _report.as_short(said, here.lang)
            if fmt is Shown.short
            else _report.as_table(said, here.lang, replayed=replay is not None)
        ),
    )
    return exit_code(said.state, fail_on_warn=warn)


def _options(here: Session) -> tuple[str, ...]:
    """This run's global options, so that the commands it proposes look at the same settings."""
    given = (("--profile", here.profile), ("--config", here.config))
    return tuple(word for option in given if option[1] for word in option)

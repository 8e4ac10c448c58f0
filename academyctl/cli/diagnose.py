"""`academyctl diagnose`: settings, infrastructure, capacity, data or code; one verdict, and nothing is changed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from academyctl.cli._common import OutputOption, Session, session
from academyctl.output import Format


class Words(TyperGroup):
    """`diagnose diff A B` is a command of its own; every other word is a topic."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] != ["diff"]:
            return super().parse_args(ctx, args)
        super().parse_args(ctx, [])
        ctx._protected_args, ctx.args = args[:1], args[1:]
        return args[1:]

    def get_params(self, ctx: Any) -> list[Any]:
        # Else the usage of `diff` would begin with our topics.
        found = super().get_params(ctx)
        return found if ctx.command is self else [one for one in found if one.param_type_name == "option"]


app = typer.Typer(
    cls=Words,
    help="Find what is wrong, and whose fault it is.",
    add_completion=False,
    invoke_without_command=True,
    subcommand_metavar="| diff BEFORE AFTER",
    # A group's options end at its first word, unless told otherwise: `diagnose sqs -o json` must work.
    context_settings={"allow_interspersed_args": True},
)


class Shown(StrEnum):
    table = "table"
    short = "short"
    json = "json"
    ndjson = "ndjson"
    junit = "junit"
    md = "md"
    html = "html"


class FailOn(StrEnum):
    fail = "fail"
    warn = "warn"


class Listed(StrEnum):
    all = "all"
    warn = "warn"
    fail = "fail"


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
Show = Annotated[Listed, typer.Option("--show", help="What is listed; the verdict and the exit code are of all of it.")]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODE[=SUBJECT]", help="Leave out such findings; * stands for anything."),
]
Output = Annotated[
    Shown,
    typer.Option("--output", "-o", help="table, short, json, ndjson, junit, md or html.", callback=_inherited),
]
To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the report there, whole or not at all.")]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep the facts, to judge them again.")]
From = Annotated[Path | None, typer.Option("--from", metavar="FILE", help="Judge the facts of a saved diagnosis.")]
Wait = Annotated[bool, typer.Option("--wait", help="Look again until all is well.")]
Watch = Annotated[bool, typer.Option("--watch", help="Look again and print what changes.")]
For = Annotated[float | None, typer.Option("--for", min=0, metavar="SECONDS", help="End --wait (300) or --watch then.")]
Every = Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between two looks.")]
Against = Annotated[
    str,
    typer.Option(
        "--against",
        metavar="FILE|local:CONTAINER",
        help="Compare with the API's environment: a file of `docker exec academy-api env`, docker inspect or .env.",
    ),
]
Compat = Annotated[
    bool,
    typer.Option("--compat", help="The lines and exit code of check_sqs_worker_connectivity.py, without its harm."),
]
Before = Annotated[Path, typer.Argument(metavar="BEFORE", help="A diagnosis kept with --save.")]
After = Annotated[Path, typer.Argument(metavar="AFTER", help="A later one.")]


@app.callback()
def diagnose(
    ctx: typer.Context,
    topics: Topics = None,
    timeout: Timeout = 10.0,
    fail_on: Fail = FailOn.fail,
    show: Show = Listed.all,
    ignore: Ignore = None,
    fmt: Output = Shown.table,
    to: To = None,
    save: Save = None,
    replay: From = None,
    wait: Wait = False,
    watch: Watch = False,
    for_s: For = None,
    every: Every = 5.0,
    against: Against = "",
    compat: Compat = False,
) -> None:
    """Look at everything, read-only and at once; say whether it is settings, infrastructure, capacity, data or code.

    Exit code 0 fine, 1 something failed, 3 something could not be seen, 4 warnings with --fail-on warn.
    """
    if ctx.invoked_subcommand is not None:
        return
    from academyctl.cli._diagnose_run import Asked, as_the_script, run

    if compat:
        raise typer.Exit(as_the_script(session(ctx), tuple(topics or ()), timeout))
    if against and topics:
        topics = [*topics, "settings"]
    asked = Asked(
        topics=tuple(topics or ()), timeout_s=timeout, fail_on_warn=fail_on is FailOn.warn, show=str(show),
        ignore=tuple(ignore or ()), fmt=str(fmt), to=to, save=save, replay=replay, wait=wait, watch=watch,
        for_s=for_s, every_s=every, against=against,
    )  # fmt: skip
    if wait or watch:
        from academyctl.cli import _diagnose_follow

        raise typer.Exit(_diagnose_follow.run(session(ctx), asked))
    raise typer.Exit(run(session(ctx), asked))


@app.command()
def diff(ctx: typer.Context, before: Before, after: After, fmt: OutputOption = Format.table) -> None:
    """Say what changed between two saved diagnoses.

    Exit code 0 when nothing is worse, 1 when something is.
    """
    from academyctl.cli._diagnose_run import diff as compare

    raise typer.Exit(compare(session(ctx), before, after, str(fmt)))

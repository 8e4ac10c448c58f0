"""The top-level group: global options, and words whose modules are loaded when they are typed or completed."""

from __future__ import annotations

import difflib
import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from academyctl.cli import ABOUT, OPTIONS, PROGRAM, WORDS, help_text
from academyctl.cli._common import Session
from academyctl.output import Format


class Lazy(TyperGroup):
    """Knows every word; imports a word's module when the word is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(WORDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in WORDS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in WORDS and not word.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(word, WORDS, 1)
            ctx.fail(f"No such command '{word}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        del ctx
        formatter.write(help_text())

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        # Completing a word needs its name alone; only what follows it needs the module.
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from typer.core import CompletionItem  # type: ignore[attr-defined]

        return [CompletionItem(word, help=text) for word, (_, text) in WORDS.items() if word.startswith(incomplete)]


def _load(word: str) -> Any:
    app: typer.Typer = importlib.import_module(WORDS[word][0]).app
    app.info.name = word
    # Set here once, so that no module can forget them: rich help costs 100 ms, and main tells errors itself.
    app._add_completion = False
    app.pretty_exceptions_enable = False
    app.rich_markup_mode = None
    command = typer.main.get_command(app)
    command.name = word
    _whole_summaries(command)
    return command


def _whole_summaries(group: Any) -> None:
    """A list of commands folds long summaries; left to itself the parser cuts them at the terminal's width."""
    for one in getattr(group, "commands", {}).values():
        one.short_help = one.short_help or (one.help or "").strip().partition("\n\n")[0].replace("\n", " ")
        _whole_summaries(one)


def _version(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        from academyctl import __version__, output

        # Until there is a session, the context carries the format that the whole command line asks for.
        output.emit({"version": __version__}, fmt=str(ctx.obj), table=lambda: f"{PROGRAM} {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Lazy,
    help=ABOUT,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def academyctl(
    ctx: typer.Context,
    profile: Annotated[str, typer.Option("--profile", help=OPTIONS["profile"][1])] = "",
    config: Annotated[str, typer.Option("--config", help=OPTIONS["config"][1])] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=OPTIONS["yes"][1])] = False,
    lang: Annotated[str, typer.Option("--lang", help=OPTIONS["lang"][1])] = "",
    fmt: Annotated[Format, typer.Option("--output", "-o", help=OPTIONS["fmt"][1])] = Format.table,
    version: Annotated[
        bool, typer.Option("--version", help=OPTIONS["version"][1], callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version
    ctx.obj = ctx.with_resource(Session.opened(profile=profile, config=config, yes=yes, lang=lang, fmt=fmt))

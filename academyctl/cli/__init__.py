"""The command line: one file per word, loaded only when its word is typed."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Word -> (module, what `academyctl --help` says). Help text stands here so that listing the words loads none of them.
WORDS: dict[str, tuple[str, str]] = {
    "config": ("academyctl.cli.config", "Show, check and create settings."),
    "demo": ("academyctl.cli.demo", "Encode a real lecture on the local stack and check the result."),
    "diagnose": (
        "academyctl.cli.diagnose",
        "Say whether a failure is settings, infrastructure, capacity, data or code.",
    ),
    "local": ("academyctl.cli.local", "Run the embedded stack: PostgreSQL, Redis, AWS, Solapi."),
    "video": ("academyctl.cli.video", "Look at videos, encode them again, verify and play what is published."),
    "worker": ("academyctl.cli.worker", "Run workers and ask for their health."),
}


class Lazy(TyperGroup):
    """The top-level group. Knows every word; imports a word's module when the word is used or completed."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(WORDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in WORDS:
            return None
        if cmd_name not in self.commands:
            app = importlib.import_module(WORDS[cmd_name][0]).app
            app.info.name = cmd_name
            app._add_completion = False
            app.pretty_exceptions_enable = False
            app.rich_markup_mode = None
            self.commands[cmd_name] = typer.main.get_command(app)
            self.commands[cmd_name].name = cmd_name
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(word, help_text) for word, (_, help_text) in WORDS.items()])


def _version(wanted: bool) -> None:
    if wanted:
        from academyctl import __version__, output

        output.emit({"version": __version__}, table=lambda: f"academyctl {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Lazy,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def academyctl(
    ctx: typer.Context,
    profile: Annotated[str, typer.Option("--profile", help="Settings profile; `local` is the embedded stack.")] = "",
    config: Annotated[str, typer.Option("--config", help="Settings file (default: ./academyctl.toml).")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every question.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="ko or en (default: from the locale).")] = "",
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """One command for the people who keep an online academy running."""
    from academyctl.cli._common import Session

    del version
    ctx.obj = ctx.with_resource(Session.opened(profile=profile, config=config, yes=yes, lang=lang))

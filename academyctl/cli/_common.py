"""What every command gets: the output option, and a session with settings and stores, opened when first used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli import WORDS
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.settings import Loaded
    from academyctl.stores import Stores

LOCAL = "local"
"""The profile whose values come from the running embedded stack."""


def _inherited(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """`academyctl -o json video status 1` means `academyctl video status 1 -o json`."""
    source = ctx.get_parameter_source(str(param.name))
    here = ctx.find_object(Session)
    return here.fmt if here is not None and source is not None and source.name == "DEFAULT" else value


OutputOption = Annotated[Format, typer.Option("--output", "-o", help="table or json.", callback=_inherited)]


@dataclass
class Session:
    """One invocation. `loaded` and `stores()` cost their imports, so they are made when asked for."""

    profile: str = ""
    config: str = ""
    yes: bool = False
    fmt: Format = Format.table
    _loaded: Loaded | None = field(default=None, repr=False)
    _stores: Stores | None = field(default=None, repr=False)

    @classmethod
    @contextmanager
    def opened(
        cls, *, profile: str = "", config: str = "", yes: bool = False, lang: str = "", fmt: Format = Format.table
    ) -> Iterator[Session]:
        """A session that closes its stores at the command's end. Raises UsageError for a language we do not speak."""
        from academyctl import output

        if lang and lang not in output.LANGS:
            raise UsageError(f"unknown language '{lang}'", remedy=Both("one of: ko, en", "ko 또는 en"))
        if lang:
            output.choose_lang(lang)
        session = cls(profile, config, yes, fmt)
        # These work without settings, or make them.
        output.repeat(session.options, set(WORDS) - {"local", "config", "completion", "demo"})
        try:
            yield session
        finally:
            if session._stores is not None:
                session._stores.close()

    @property
    def options(self) -> tuple[str, ...]:
        """The global options that name this run's settings."""
        given = (("--profile", self.profile), ("--config", self.config))
        return tuple(word for option in given if option[1] for word in option)

    @property
    def lang(self) -> str:
        """'ko' or 'en': --lang, ACADEMYCTL_LANG, general.lang once the settings are loaded, the locale."""
        from academyctl import output

        return output.lang()

    @property
    def file(self) -> Path | None:
        """--config."""
        return Path(self.config) if self.config else None

    @property
    def profile_name(self) -> str:
        """--profile, ACADEMYCTL_PROFILE, the settings file's own choice, else `default`. Raises ConfigError."""
        from academyctl.settings_file import profile_name

        return profile_name(os.environ, profile=self.profile, file=self.file)

    @property
    def loaded(self) -> Loaded:
        """The settings of the chosen profile. Raises ConfigError naming everything that is wrong."""
        if self._loaded is None:
            from academyctl import output
            from academyctl.settings import load, secret_values

            profile = self.profile_name
            self._loaded = load(profile=profile, file=self.file, overlay=_overlay() if profile == LOCAL else None)
            output.prefer_lang(self._loaded.settings.general.lang)
            output.hide(secret_values(self._loaded.settings))
        return self._loaded

    def stores(self) -> Stores:
        """The stores of these settings, closed when the command ends."""
        if self._stores is None:
            from academyctl.stores import Stores

            self._stores = Stores(self.loaded.settings)
        return self._stores

    def confirm_production(self, what: Sequence[str]) -> None:
        """Ask before production is changed; `what` names the changes, one line each.

        Raises UsageError when nobody can answer and --yes was not given, WorkFailed when the answer is no.
        """
        if self.loaded.settings.general.production:
            self.confirm(what, Both("this profile is production:", "운영(production) 프로필입니다:"))

    def confirm(self, what: Sequence[str], why: Both) -> None:
        """Ask before something that cannot be taken back; --yes answers. Raises as `confirm_production` does."""
        from academyctl import output

        if self.yes:
            return
        output.note("\n".join([why.pick(self.lang), *(f"  {line}" for line in what)]))
        if not sys.stdin or not sys.stdin.isatty():
            raise UsageError(
                "this needs a yes and nobody can be asked",
                remedy=Both("say it: academyctl --yes ...", "확인이 필요합니다: academyctl --yes ..."),
                code="needs-yes",
            )
        if not typer.confirm(Both("go on?", "계속할까요?").pick(self.lang), err=True):
            raise WorkFailed("not confirmed; nothing was changed", code="not-confirmed")

    def warn_obsolete(self) -> None:
        """Say on stderr which variables are set without effect, and what else looks wrong in the settings."""
        from academyctl import output

        for warning in self.loaded.warnings:
            output.note(f"warn  {warning}")


def session(ctx: typer.Context) -> Session:
    """The session of this invocation."""
    found = ctx.find_object(Session)
    assert found is not None
    return found


def _overlay() -> dict[str, str]:
    from academyctl.local import profile_env

    # A laptop's stack is never production, whatever the shell or the file says.
    return {"ACADEMYCTL_PRODUCTION": "false", **profile_env()}

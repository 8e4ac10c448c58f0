"""What every command gets: the output option, and a session with settings and stores, opened when first used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from academyctl.errors import Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.settings import Loaded
    from academyctl.stores import Stores

OutputOption = Annotated[Format, typer.Option("--output", "-o", help="table or json.")]


@dataclass
class Session:
    """One invocation. `loaded` and `stores()` cost their imports, so they are made when asked for."""

    profile: str = ""
    config: str = ""
    yes: bool = False
    chosen_lang: str = ""
    _loaded: Loaded | None = field(default=None, repr=False)
    _stores: Stores | None = field(default=None, repr=False)

    @classmethod
    @contextmanager
    def opened(cls, *, profile: str, config: str, yes: bool, lang: str) -> Iterator[Session]:
        """A session that closes its stores at the command's end."""
        if lang and lang not in ("ko", "en"):
            raise UsageError(f"unknown language '{lang}'", remedy="ko or en")
        if lang:
            # The one place where the choice reaches the printer, which has no session.
            os.environ["ACADEMYCTL_LANG"] = lang
        session = cls(profile, config, yes, lang)
        try:
            yield session
        finally:
            if session._stores is not None:
                session._stores.close()

    @property
    def lang(self) -> str:
        from academyctl import output

        return output.lang()

    @property
    def loaded(self) -> Loaded:
        """The settings of the chosen profile. Raises ConfigError naming everything that is wrong."""
        if self._loaded is None:
            from academyctl.settings import load

            profile = self.profile or os.environ.get("ACADEMYCTL_PROFILE", "")
            overlay = None
            if profile == "local":
                from academyctl.local import profile_env

                overlay = profile_env()
            file = Path(self.config) if self.config else None
            self._loaded = load(profile=profile or None, file=file, overlay=overlay)
        return self._loaded

    def stores(self) -> Stores:
        if self._stores is None:
            from academyctl.stores import Stores

            self._stores = Stores(self.loaded.settings)
        return self._stores

    def confirm_production(self, what: list[str]) -> None:
        """Ask before production is changed. Raises UsageError when nobody can answer and --yes was not given."""
        if self.yes or not self.loaded.settings.general.production:
            return
        from academyctl import output

        output.note("this profile is production:")
        for line in what:
            output.note(f"  {line}")
        if not sys.stdin.isatty():
            raise UsageError(
                "production is not changed without a yes",
                remedy=Both("say it: academyctl --yes ...", "확인이 필요합니다: academyctl --yes ..."),
            )
        typer.confirm("go on?", abort=True, err=True)


def session(ctx: typer.Context) -> Session:
    """The session of this invocation."""
    found = ctx.find_object(Session)
    assert found is not None
    return found

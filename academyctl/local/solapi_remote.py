"""Talking to the running fake Solapi about itself: what it shall do wrong, its money, what it was asked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from academyctl.errors import Both, CannotTell, UsageError
from academyctl.local import environment
from academyctl.local.solapi_script import DOES, Step, parse_short

_UP = Both("academyctl local up", "academyctl local up 으로 시작하세요")


class Fake:
    """The Solapi of a folder's running stack. Raises ConfigError when there is none, CannotTell when it is dead."""

    def __init__(self, folder: Path | None = None) -> None:
        env = environment.profile_env(folder)
        self._url, self._secret = env["SOLAPI_BASE_URL"], env["SOLAPI_API_SECRET"]

    def state(self) -> dict[str, Any]:
        """What is scripted, the money, and how often each path was asked: see local.solapi_http.state."""
        return self._ask("GET", "/_fake/log")

    def script(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Fail so, after what is scripted already."""
        return self._ask("POST", "/_fake/script", {"steps": [asdict(step) for step in steps]})

    def clear(self) -> dict[str, Any]:
        return self._ask("DELETE", "/_fake/script")

    def account(self, **change: Any) -> dict[str, Any]:
        """Change balance, point, senders, templates, blocked or prices."""
        return self._ask("POST", "/_fake/account", change)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the stack's own URL
            self._url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - the stack's own URL
                return dict(json.loads(answer.read()))
        except (urllib.error.URLError, OSError) as error:
            raise CannotTell("the stack's Solapi does not answer", why=str(error), remedy=_UP) from error


def steps_of(said: Sequence[str]) -> list[Step]:
    """The failures as typed. Raises UsageError naming what there is."""
    try:
        return [parse_short(one) for one in said]
    except ValueError as error:
        names = ", ".join(["503", "503x3", "503x0", "503@list", *DOES])
        raise UsageError(
            "--fail was not understood", why=str(error), remedy=Both(f"for example: {names}", f"예: {names}")
        ) from error

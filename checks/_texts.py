"""The words of findings in both languages: `texts/<topic>.<lang>.toml`, by code. No sentence stands anywhere else.

A check has `title`, a sentence that is true when it passes, and may say more in `ok`; a finding has `summary` and
`remedy`. `*.name` is for every topic that has no text of its own. {names} are the finding's values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from checks._model import Finding, Kind, State

FOLDER = Path(__file__).with_name("texts")


@dataclass(frozen=True)
class Text:
    """A check's `title` and what it says when it passes, or a finding's `summary` and `remedy`."""

    title: str = ""
    ok: str = ""
    summary: str = ""
    remedy: str = ""


def load(lang: str) -> Mapping[str, Text]:
    """Every text of a language, by code."""
    topics = sorted(path.name.partition(".")[0] for path in FOLDER.glob(f"*.{lang}.toml"))
    return {code: text for topic in topics for code, text in _file(topic, lang).items()}


@cache
def _file(topic: str, lang: str) -> Mapping[str, Text]:
    path = FOLDER / f"{topic}.{lang}.toml"
    # Parsing all of them costs more than a small diagnosis, so each is read when its topic speaks.
    raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {code: Text(**entry) for code, entry in raw.items()}


_NONE: Mapping[str, Text] = {}
_ADDED: dict[tuple[str, str], Mapping[str, Text]] = {}


def add(topic: str, lang: str, texts: Mapping[str, Text]) -> None:
    """The texts of a topic that is not ours (a plug-in's)."""
    _ADDED[topic, lang] = texts


def text_of(code: str, lang: str) -> Text:
    """The text of a code; `sqs.key-unknown` falls back to `*.key-unknown`, which every AWS-like service shares."""
    topic, _, name = code.partition(".")
    shared = _file("shared", lang)
    own = _file(topic, lang).get(code) or _ADDED.get((topic, lang), _NONE).get(code)
    found = own or shared.get(code) or shared.get(f"*.{name}")
    return found or Text(title=code, summary=code)


def words(name: str, lang: str) -> str:
    """A word of the report itself, from the table `report`."""
    return _file("report", lang)[f"report.{name}"].title


def worded(
    findings: Iterable[Finding], lang: str, kinds: Mapping[str, Kind], *, shell: Shell, local: bool
) -> list[Finding]:
    """The findings with title, summary, remedy and commands in one language."""
    return [_worded(one, lang, kinds, shell, local) for one in findings]


def _worded(one: Finding, lang: str, kinds: Mapping[str, Kind], shell: Shell, local: bool) -> Finding:
    values = _Values(dict(one.values), subject=one.subject)
    title = text_of(one.check or one.code, lang).title
    if one.state is State.skip:
        reason = text_of(one.value("need"), lang).title
        return replace(one, title=title, summary=words("skipped", lang).format(reason=reason))
    text = text_of(one.code, lang)
    if one.state is State.ok:
        return replace(one, title=title, summary=(text.ok or text.title).format_map(values))
    kind = kinds.get(one.code)
    commands = one.commands if kind is None or not (local and kind.local_commands) else kind.local_commands
    return replace(
        one,
        title=title or text.summary.format_map(values),
        summary=text.summary.format_map(values),
        remedy=text.remedy.format_map(values),
        commands=tuple(shell.command(line.format_map(values)) for line in commands),
    )


@dataclass(frozen=True)
class Shell:
    """How the operator's shell wants a command; `options` are the global ones this run was given (--profile ...)."""

    windows: bool = False
    options: tuple[str, ...] = ()

    def command(self, line: str) -> str:
        """`set NAME=VALUE` as this shell's assignment; an academyctl command with this run's global options."""
        verb, _, rest = line.partition(" ")
        if verb == "set":
            name, _, value = rest.partition("=")
            if self.windows:
                # A bare word after = is a command to PowerShell.
                return f"$env:{name} = " + self._quotes(value)
            return f"export {name}={self.quoted(value)}"
        # The embedded stack's own commands have no profile.
        if verb != "academyctl" or not self.options or "local" in rest.split()[:2]:
            return line
        return " ".join([verb, *map(self.quoted, self.options), rest])

    def quoted(self, word: str) -> str:
        """The word, quoted only where the shell would read it otherwise."""
        if word and all(char.isalnum() or char in "-_./:@%+=" for char in word):
            return word
        return self._quotes(word)

    def _quotes(self, word: str) -> str:
        return "'" + word.replace("'", "''" if self.windows else "'\\''") + "'"


class _Values(dict[str, str]):
    """A value that a finding lacks reads '?': a report with a hole is better than no report."""

    def __missing__(self, key: str) -> str:
        return "?"

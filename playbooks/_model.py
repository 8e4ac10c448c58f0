"""What a playbook is: sections of Markdown, and in them steps, each one academyctl command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from academyctl.errors import ConfigError

LANGS = ("ko", "en")

# The commands a `check:` may run: they look and change nothing.
READING = frozenset(
    (
        "diagnose",
        "asg show",
        "config check",
        "config path",
        "config show",
        "credit ledger",
        "credit show",
        "local status",
        "message list",
        "message show",
        "queue peek",
        "queue show",
        "video progress",
        "video status",
        "video stuck",
        "video verify",
        "worker health",
        "worker list",
    )
)

# The commands a `fix:` may run: without --apply they only show what they would do.
MENDING = frozenset(("asg set", "db migrate", "fix video", "message redrive", "queue redrive", "video unlock"))


class BadPlaybook(ConfigError):
    """A playbook's text is not what the format says; names file and line."""

    code = "playbook"


class Sort(StrEnum):
    check = "check"
    fix = "fix"


@dataclass(frozen=True)
class Step:
    """One command line. `words` are without the program's name and still hold {variables}.

    `expect` are the exit codes that let the run go on; `match` a pattern that the output must contain, `without` one
    that it must not; `json` a condition on the JSON that the command prints (see `_expect`). `advice` names the section
    to read otherwise.
    """

    sort: Sort
    id: str
    words: tuple[str, ...]
    expect: frozenset[int] = frozenset((0,))
    advice: str = ""
    match: str = ""
    without: str = ""
    json: str = ""
    show: bool = False
    line: int = 0

    def command(self, values: Mapping[str, str], *, apply: bool = False) -> tuple[str, ...]:
        """The words to run. A word that is one variable and nothing else becomes as many words as its value has."""
        out: list[str] = []
        for word in self.words:
            alone = re.fullmatch(r"{(\w+)}", word)
            out += values[alone[1]].split() if alone and alone[1] in values else [filled(word, values)]
        return (*out, "--apply") if apply else tuple(out)


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it. Numbered sections are run in order; the others are advice."""

    title: str
    anchor: str = ""
    number: int = 0
    text: str = ""
    steps: tuple[Step, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Variable:
    """A value that the operator gives; `default` None: it must be given."""

    name: str
    text: str
    default: str | None = None


@dataclass(frozen=True)
class Playbook:
    """One file. `when` is its first paragraph; `path` is where it was read."""

    name: str
    lang: str
    title: str
    when: str
    variables: tuple[Variable, ...]
    sections: tuple[Section, ...]
    text: str
    path: str

    def numbered(self) -> Iterator[tuple[Section, Step]]:
        """Every step of the numbered sections, in order."""
        for section in self.sections:
            if section.number:
                yield from ((section, step) for step in section.steps)

    def steps(self) -> Iterator[Step]:
        """Every step, those of the advice too."""
        for section in self.sections:
            yield from section.steps

    def advice(self, anchor: str) -> Section | None:
        """The section of an anchor."""
        return next((section for section in self.sections if anchor and section.anchor == anchor), None)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its {variables}; other braces (docker's templates) stay."""
    return re.sub(r"{(\w+)}", lambda found: values.get(found[1], found[0]), text)

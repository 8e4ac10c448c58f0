"""What every file of a room promises: workers can be made, and a command that a text names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from academyctl import cli
from academyctl.cli._root import app
from academyctl.settings import REQUIRED, load
from workers import _find

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for folder in ("academyctl", "checks", "workers", "playbooks")
    for kind in ("*.py", "*.toml", "*.md", "*.example")
    for path in sorted((ROOT / folder).rglob(kind))
] + [ROOT / name for name in ("README.md", "CHANGELOG.md", "academyctl.toml.example")]
# A command in a text: the program, then options and words. The first word decides whether it is one.
_NAMED = re.compile(
    r"\bacademyctl((?: +(?:--?[a-z][\w-]*(?:[ =](?:local|json|video|\.\.\.))?|[a-z][\w-]*))+)", re.ASCII
)


@pytest.mark.parametrize("word", _find.words())
def test_every_worker_can_be_made_under_its_own_name(word: str) -> None:
    worker = _find.make(word, load({}).settings)
    assert worker.kind == word
    assert worker.queues
    assert all(weight > 0 for weight in worker.queues.values())
    assert worker.visibility_s >= 30
    assert word in REQUIRED


def texts() -> Iterator[tuple[str, str]]:
    """(where, text) of every string that a person may read, and of every document."""
    for path in SOURCES:
        where, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            yield where, text
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                yield (
                    f"{where}:{node.lineno}",
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values),
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{where}:{node.lineno}", node.value


def commands(text: str) -> Iterator[list[str]]:
    """The words (options left out) of every command line in a text."""
    for match in _NAMED.finditer(text):
        said = match[1].split()
        words = [
            word
            for index, word in enumerate(said)
            if not word.startswith("-") and not (index and said[index - 1] in ("--profile", "--lang", "-o", "--config"))
        ]
        if words and words[0] in cli.WORDS:
            yield words


@cache
def command_at(path: tuple[str, ...]) -> Any:
    """The command or group that these words name exactly, or None."""
    return command_at(path[:-1]).get_command(None, path[-1]) if path else typer.main.get_command(app)


def is_command(words: list[str]) -> bool:
    """Whether these words lead to a command; what follows its name are arguments."""
    for count, _ in enumerate(words):
        command = command_at(tuple(words[:count]))
        if not hasattr(command, "get_command") or (command.invoke_without_command and not command.commands):
            return True
        if command_at(tuple(words[: count + 1])) is None:
            # `diagnose` takes topics, and is a group for the sake of `diagnose diff`.
            return bool(command.invoke_without_command)
    return True


def test_every_command_that_a_text_names_exists() -> None:
    named = [(where, words) for where, text in texts() for words in commands(text)]
    wrong = [f"{where}: academyctl {' '.join(words)}" for where, words in named if not is_command(words)]
    assert len(named) > 30, "the search finds no commands: it is broken"
    assert wrong == []


def test_the_search_tells_commands_from_prose() -> None:
    found = list(commands("`academyctl --profile local video status 7`; see: academyctl config check video"))
    assert found == [["video", "status"], ["config", "check", "video"]]
    assert list(commands("academyctl needs Python; academyctl ended")) == []
    assert is_command(["video", "status", "7"])
    assert is_command(["config", "check", "video"])
    assert not is_command(["video", "stauts"])

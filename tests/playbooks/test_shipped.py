"""The playbooks that are shipped: both languages alike, every command exists, every advice is there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

import playbooks
from academyctl.cli._root import app
from checks._topics import words as topics
from playbooks._model import MENDING, READING, Playbook, Sort

NAMES = tuple(playbooks.names())
BOOKS = [playbooks.load(name, lang) for name in NAMES for lang in playbooks.LANGS]
WANTED = {
    "batch-pipeline", "first-success-today", "jobs-not-running", "messages-not-arriving", "queue-or-credentials-broken",
    "roster-import-failed", "scale-video-workers", "some-videos-stuck", "video-not-encoding",
}  # fmt: skip
VALUES = {"id": "111", "ids": "111 222 333", "desired": "2"}


def test_the_operators_guides_are_all_there_in_both_languages() -> None:
    assert set(NAMES) == WANTED
    assert all(langs == ("en", "ko") for langs in playbooks.names().values())


def _structure(book: Playbook) -> list[Any]:
    blocks = [
        (section.anchor, section.number, re.findall(r"^```(.*)$", section.text, re.MULTILINE))
        for section in book.sections
    ]
    commands = [(step.sort, step.words, step.expect, step.advice, step.id, step.show) for step in book.steps()]
    conditions = [(step.match, step.without, step.json) for step in book.steps()]
    variables = [(one.name, one.default) for one in book.variables]
    return [blocks, commands, conditions, variables]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_steps_sections_and_tables(name: str) -> None:
    english, korean = (playbooks.load(name, lang) for lang in ("en", "ko"))
    assert _structure(english) == _structure(korean)
    assert _code(english) == _code(korean)
    assert english.text.count("\n|") == korean.text.count("\n|")


def _code(book: Playbook) -> list[str]:
    """What stands in blocks that people copy."""
    return re.findall(r"^```[^\n]*\n(.*?)^```$", book.text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.name}-{book.lang}")
def test_a_playbook_is_written_in_its_language_and_for_every_console(book: Playbook) -> None:
    book.text.encode("cp949")
    korean = bool(re.search("[가-힣]", book.title + book.when))
    assert korean == (book.lang == "ko")
    for section in book.sections:
        assert bool(re.search("[가-힣]", section.title)) == korean, section.title
        # A step says what it looks at before it runs.
        assert not section.number or len(section.text.partition("```")[0].strip()) > 20, section.title


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.name}-{book.lang}")
def test_every_advice_is_reached_and_says_something(book: Playbook) -> None:
    reached = {step.advice for step in book.steps() if step.advice}
    assert reached == {section.anchor for section in book.sections if section.anchor}
    for anchor in reached:
        advice = book.advice(anchor)
        assert advice is not None
        assert len(advice.text) > 30, anchor


def parsed(words: tuple[str, ...]) -> dict[str, Any]:
    """Raises the parser's own error unless the words are a command line of academyctl; its parameters."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("academyctl", list(words))
    while (rest := [*context._protected_args, *context.args]) and hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return dict(context.params)


def _lines(book: Playbook) -> set[str]:
    """Every command line of ours that a reader could copy, in steps, other blocks and sentences."""
    blocks = re.findall(r"^academyctl (.+)$", book.text, re.MULTILINE)
    inline = re.findall(r"`academyctl ([^`]+)`", book.text)
    return {*blocks, *inline}


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.name}-{book.lang}")
def test_every_command_of_a_playbook_exists(book: Playbook) -> None:
    lines = _lines(book)
    assert lines
    for line in lines:
        filled = line.replace(" N", " 111")
        for name, value in VALUES.items():
            filled = filled.replace(f"{{{name}}}", value)
        words = tuple(filled.split())
        params = parsed(words)
        if words[0] == "diagnose":
            assert set(params["topics"] or ()) <= {"all", *topics()}, line


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.name}-{book.lang}")
def test_every_fix_takes_apply_and_every_check_does_not(book: Playbook) -> None:
    for step in book.steps():
        params = parsed(step.command(VALUES))
        assert ("apply" in params) == (step.sort is Sort.fix), step.words


def test_no_command_that_may_be_run_unasked_can_apply_anything() -> None:
    command: Any = typer.main.get_command(app)
    for line in READING | MENDING:
        found = command
        for word in line.split():
            found = found.get_command(None, word)
            assert found is not None, line
        names = {parameter.name for parameter in found.params}
        assert ("apply" in names) == (line in MENDING), line

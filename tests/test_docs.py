"""What the README shows is what the program has."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from academyctl.cli._root import app
from checks._topics import chosen
from tests import docs, docs_findings

TEXT = docs.README.read_text(encoding="utf-8")
SHOWN = docs.shown_commands(TEXT)


def parse(words: list[str]) -> str:
    """Parse a command line to its end without running it; the path of the command. Raises what the parser raises."""
    command: Any = typer.main.get_command(app)
    context: Any = command.make_context("academyctl", list(words))
    while rest := [*context._protected_args, *context.args]:
        if not hasattr(command, "list_commands"):
            break
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return str(context.command_path)


def test_the_generated_tables_are_up_to_date() -> None:
    assert docs.filled(TEXT) == TEXT, "run: make docs"


def test_every_finding_has_its_page_in_both_languages() -> None:
    assert docs_findings.stale() == [], "a topic or a text has changed; run: make docs"


def test_a_page_says_what_the_code_means_and_what_to_do() -> None:
    for lang in docs_findings.LANGS:
        pages = {path.stem: text for path, text in docs_findings.pages().items() if path.parent.name == lang}
        for topic in chosen(()):
            for kind in docs_findings.kinds(topic):
                page = pages[topic.name]
                assert f"\n## {kind.code}\n" in page
                assert page.count(f"(#{docs_findings.anchor(kind.code)})") == 1
                assert f"({topic.name}.md#{docs_findings.anchor(kind.code)})" in pages["README"]
                assert all(command in page for command in (*kind.commands, *kind.local_commands))


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_every_shown_command_parses(words: list[str]) -> None:
    assert parse(words)


def test_the_parser_refuses_what_does_not_exist() -> None:
    assert len(SHOWN) > 8
    assert parse(["--profile", "local", "video", "status", "7"]) == "academyctl video status"
    for wrong in (
        ["vidoe"],
        ["video", "status"],
        ["video", "status", "x"],
        ["config", "show", "--nosuch"],
        ["--nosuch"],
    ):
        with pytest.raises(Exception, match=r"No such|Missing|not a valid"):
            parse(wrong)


def test_every_command_stands_in_the_table() -> None:
    for word in docs.WORDS:
        assert f"| `academyctl {word}" in TEXT

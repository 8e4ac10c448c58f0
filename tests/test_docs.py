"""What the README shows is what the program has."""

from __future__ import annotations

import pytest
from typer.main import get_command

from academyctl.cli._root import app
from tests import docs

TEXT = docs.README.read_text(encoding="utf-8")


def test_the_generated_tables_are_up_to_date() -> None:
    assert docs.filled(TEXT) == TEXT, "run: python -m tests.docs"


@pytest.mark.parametrize("words", docs.shown_commands(TEXT), ids=" ".join)
def test_every_shown_command_parses(words: list[str]) -> None:
    command = get_command(app)
    context = command.make_context("academyctl", list(words), resilient_parsing=True)
    rest = [*context._protected_args, *context.args]
    while rest:
        found = command.get_command(context, rest[0])
        assert found is not None, f"{' '.join(words)}: no command {rest[0]}"
        command = found
        context = command.make_context(
            rest[0], rest[1:], parent=context, resilient_parsing=not hasattr(command, "params")
        )
        rest = [*getattr(context, "_protected_args", []), *context.args] if hasattr(command, "get_command") else []

"""Nothing of the guides is left out of the table, and nothing in it is only claimed."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path

import pytest

from tests.guides.commands import Command, commands
from tests.guides.table import ROWS, How, Row, guides_of, render, rows_of
from tests.test_docs import parse

ROOT = Path(__file__).parents[2]
TESTS = [importlib.import_module(f"tests.guides.{name}") for name in ("test_answers", "test_changes")]


@pytest.mark.parametrize("command", dict.fromkeys(commands()), ids=lambda one: f"{one.guide} {one.text}"[:60])
def test_every_command_of_the_guides_has_one_row(command: Command) -> None:
    assert len(rows_of(command.text)) == 1


def test_every_row_is_of_a_command_that_a_guide_has() -> None:
    assert [row.begins for row in ROWS if not guides_of(row)] == []
    texts = [one.text for one in commands()]
    assert [one for row in ROWS for one in row.begins if not any(text.startswith(one) for text in texts)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.begins[0])
def test_a_row_is_tried_by_the_test_that_it_names(row: Row) -> None:
    if row.how is How.compared:
        assert row.ours
        assert any(callable(getattr(module, row.test, None)) for module in TESTS), row.test
    if row.how is How.elsewhere:
        assert list((ROOT / row.elsewhere).glob("test_*.py")), row.elsewhere


@pytest.mark.parametrize("line", dict.fromkeys(line for row in ROWS for line in row.ours))
def test_our_command_can_be_typed(line: str) -> None:
    assert parse(shlex.split(line)[1:])


def test_the_four_guides_are_there_and_the_table_says_what_is_missing() -> None:
    assert {one.guide for one in commands()} == {"000", "001", "003", "004"}
    table = render()
    assert table.count("\n") == len(ROWS) + 2
    assert "not there yet" in table

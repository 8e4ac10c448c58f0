"""What a start loads. Its time is measured in tests/bench/bench_startup.py."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import typer

from academyctl import cli
from academyctl.cli._root import app
from tests.cli.tool import academyctl
from tests.docs import leaves

HEAVY = {
    "boto3", "botocore", "psycopg", "psycopg_pool", "paramiko", "openpyxl", "pydantic", "pydantic_settings", "rich",
    "redis", "prometheus_client", "psutil", "ffmpeg", "moto", "urllib3",
}  # fmt: skip
WATCH = """
import json, sys
from academyctl.__main__ import main
code = main(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""


def loaded(folder: Path, *words: str) -> set[str]:
    """Top-level names of what was imported when these words had been answered."""
    ended = academyctl(*words, folder=folder, program=(sys.executable, "-c", WATCH))
    assert ended.code == 0, ended.err
    assert ended.raw
    return set(json.loads(ended.err.splitlines()[-1]))


HELPS = [("--help",), ("--version",), ("--lang", "ko", "--help"), *((word, "--help") for word in cli.WORDS)]


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_loads_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert loaded(tmp_path, *words) & HEAVY == set()


def test_the_first_page_of_help_does_not_even_load_the_parser(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--help") & {"typer", "click"} == set()
    assert loaded(tmp_path, "--version") & {"typer", "click"} == set()


def test_a_misspelt_word_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (sys.executable, "-c", WATCH)
    ended = academyctl("video", "stauts", "1", folder=tmp_path, program=program)
    assert ended.code == 2
    assert set(json.loads(ended.err.splitlines()[-1])) & HEAVY == set()


def test_both_ways_to_the_first_page_of_help_print_the_same(tmp_path: Path) -> None:
    quick = academyctl("--help", folder=tmp_path)
    parsed = academyctl("--lang", "en", "--help", folder=tmp_path)
    assert quick.out == parsed.out == cli.help_text()


def test_no_module_of_a_word_hides_what_the_help_is_made_with() -> None:
    """A module of the name of one of the package's functions took its place once it was imported."""
    before = cli.help_text()
    for path in Path(cli.__file__).parent.glob("*.py"):
        importlib.import_module(f"academyctl.cli.{path.stem}")
    assert cli.help_text() == before


def test_the_help_names_every_option_and_fits_80_columns() -> None:
    command = typer.main.get_command(app)
    declared = {parameter.name: parameter for parameter in command.params}
    assert set(declared) | {"help"} == set(cli.OPTIONS)
    for name, parameter in declared.items():
        for spelling in parameter.opts:
            assert spelling in cli.OPTIONS[str(name)][0]
    assert max(map(len, cli.help_text().splitlines())) < 80


@pytest.mark.parametrize("word", cli.WORDS)
def test_every_word_has_its_module_and_every_command_says_what_it_does(word: str) -> None:
    group = typer.main.get_command(app)
    command = group.get_command(None, word)  # type: ignore[attr-defined]
    for path, leaf in leaves(command, word):
        assert (leaf.help or "").strip(), f"{path} has no help"

"""The printed environment survives the shell it is printed for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from academyctl.errors import UsageError
from academyctl.local.environment import spelled

AWKWARD = {"PLAIN": "a-b_c/d:1", "SPACE": "two words", "QUOTE": "it's", "DOUBLE": 'say "x"', "DOLLAR": "$HOME `id` \\n"}


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh here")
def test_sh_reads_back_every_value() -> None:
    script = spelled(AWKWARD, "sh") + f"'{sys.executable}' -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, encoding="utf-8", check=True)
    seen = json.loads(done.stdout)
    assert {name: seen[name] for name in AWKWARD} == AWKWARD


def test_powershell_quotes_singly_and_doubles_quotes() -> None:
    assert spelled({"A": "it's $x"}, "powershell") == "$env:A = 'it''s $x'\n"


def test_dotenv_quotes_what_is_not_plain() -> None:
    awkward = {"A": "plain/1", "B": 'x "y" $HOME'}
    assert spelled(awkward, "dotenv") == "A=plain/1\nB='x \"y\" $HOME'\n"


@pytest.mark.parametrize("value", [*AWKWARD.values(), "both ' and \"", "two\nlines", ""])
def test_a_dotenv_reader_reads_back_every_value(value: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(spelled({"A": value}, "dotenv"), encoding="utf-8")
    assert dotenv_values(path) == {"A": value}


def test_an_unknown_shell_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        spelled({}, "fish")

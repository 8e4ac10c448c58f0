"""What is printed survives pipes, code pages and terminals without colour."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tool import academyctl, environment

GLYPHS = "√ 한글 é 🎬"


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "utf-8"])
def test_no_code_page_makes_a_table_crash(tmp_path: Path, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding}
    ended = academyctl("boom", "glyphs", folder=tmp_path, env=env, module="tests.cli.boom")
    assert ended.code == 0, ended.err
    assert ended.raw.decode(encoding).split() == ["text", *GLYPHS.encode(encoding, "replace").decode(encoding).split()]


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "utf-8"])
def test_json_is_utf8_whatever_the_code_page(tmp_path: Path, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding}
    ended = academyctl("boom", "glyphs", "-o", "json", folder=tmp_path, env=env, module="tests.cli.boom")
    assert json.loads(ended.raw.decode("utf-8")) == {"text": GLYPHS}


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1", "TERM": "xterm-256color"}])
def test_a_pipe_gets_neither_colour_nor_folded_lines(tmp_path: Path, env: dict[str, str]) -> None:
    env = {**env, "COLUMNS": "20", "DB_HOST": "a-very-long-name.of-a-database.example.internal"}
    ended = academyctl("config", "show", folder=tmp_path, env=env)
    assert b"\x1b" not in ended.raw
    assert env["DB_HOST"] in ended.out


def _on_a_terminal(tmp_path: Path, *words: str, **env: str) -> bytes:
    """What the command writes when stdout is a terminal."""
    import pty

    parent, child = pty.openpty()
    full = environment(tmp_path, {"TERM": "xterm-256color", **env})
    argv = [sys.executable, "-m", "academyctl", *words]
    done = subprocess.run(argv, cwd=tmp_path, env=full, stdout=child, stderr=child, check=False, timeout=30)
    os.close(child)
    seen = b""
    try:
        while part := os.read(parent, 65536):
            seen += part
    except OSError:
        pass  # Linux says EIO at the end of a terminal
    os.close(parent)
    assert done.returncode == 0, seen
    return seen


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_no_color_takes_colour_and_weight_off_a_terminal(tmp_path: Path) -> None:
    words = ("config", "show", "--section", "general")
    assert b"\x1b" in _on_a_terminal(tmp_path, *words)
    assert b"\x1b[" not in _on_a_terminal(tmp_path, *words, NO_COLOR="1")
    assert b"\x1b" in _on_a_terminal(tmp_path, *words, NO_COLOR="")

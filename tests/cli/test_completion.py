"""Completion in every shell, with words whose modules are loaded only when something follows them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tool import academyctl, environment


def completed(folder: Path, shell: str, line: str, *, action: str = "get-args") -> str:
    """The program's answer to a shell's completion script for a command line that ends at the cursor."""
    words = line.split(" ")
    env = {
        "_ACADEMYCTL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line.replace(" ", "\n"),
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": action,
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1],
    }
    ended = academyctl(folder=folder, env=env)
    assert (ended.code, ended.err) == (0, "")
    return ended.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
@pytest.mark.parametrize(
    ("line", "word", "other"),
    [
        ("academyctl vi", "video", "worker"),
        ("academyctl video st", "status", "verify"),
        ("academyctl --profile local con", "config", "video"),
        ("academyctl config check me", "messaging", "show"),
        ("academyctl --prof", "--profile", "--yes"),
    ],
)
def test_a_shell_completes_words(tmp_path: Path, shell: str, line: str, word: str, other: str) -> None:
    answer = completed(tmp_path, shell, line)
    assert word in answer
    assert other not in answer


def test_fish_is_told_whether_there_are_words_to_offer(tmp_path: Path) -> None:
    assert completed(tmp_path, "fish", "academyctl vi", action="is-args") == ""


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_with_the_printed_script(tmp_path: Path) -> None:
    script = academyctl("completion", "bash", folder=tmp_path)
    assert script.code == 0
    (tmp_path / "script.sh").write_text(script.out, encoding="utf-8")
    ask = (
        "source ./script.sh; COMP_WORDS=(academyctl video stat); COMP_CWORD=2;"
        f" _academyctl_completion '{Path(sys.executable).with_name('academyctl')}'; echo \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", ask], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True,
        encoding="utf-8", check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.split() == ["status"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_a_script(tmp_path: Path, shell: str) -> None:
    ended = academyctl("completion", shell, folder=tmp_path)
    assert ended.code == 0
    assert "_ACADEMYCTL_COMPLETE" in ended.out


def test_installing_puts_the_script_where_bash_finds_it(tmp_path: Path) -> None:
    ended = academyctl("completion", "bash", "--install", folder=tmp_path)
    assert (ended.code, ended.raw) == (0, b"")
    assert (tmp_path / ".bash_completions" / "academyctl.sh").is_file()

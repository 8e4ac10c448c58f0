"""Which FFmpeg is taken: the one asked for, the machine's, the wheel's; and a clear word when there is none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.errors import ConfigError
from academyctl.media_tools import _executable, find_ffmpeg, find_ffprobe

Find = Callable[[str], Path]
BOTH = pytest.mark.parametrize(("find", "name"), [(find_ffmpeg, "ffmpeg"), (find_ffprobe, "ffprobe")])


@pytest.fixture(autouse=True)
def forget() -> None:
    find_ffmpeg.cache_clear()
    find_ffprobe.cache_clear()


@BOTH
def test_what_is_found_runs(find: Find, name: str) -> None:
    done = subprocess.run([str(find(name)), "-version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{name} version")


@BOTH
def test_a_configured_path_is_taken_as_it_is(find: Find, name: str, tmp_path: Path) -> None:
    program = tmp_path / f"my {name}"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert find(str(program)) == program


@BOTH
def test_a_configured_path_that_is_wrong_is_said_and_not_replaced(find: Find, name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not found") as missing:
        find(str(tmp_path / "nowhere"))
    for lang in ("en", "ko"):
        assert f"{name.upper()}_BIN" in missing.value.remedy_in(lang)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_a_wheels_program_without_the_executable_bit_gets_it(tmp_path: Path) -> None:
    program = tmp_path / "ffprobe"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o644)
    assert _executable(program) == program
    assert os.access(program, os.X_OK)

"""The first thing a newcomer runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_encodes_a_lecture_and_leaves_nothing_running(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    argv = [sys.executable, "-m", "academyctl", "demo", "--seconds", "6"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, encoding="utf-8", timeout=230, check=False)
    words = done.stdout + done.stderr
    assert done.returncode == 0, words
    assert "READY" in words
    assert "640x360" in words
    assert "1280x720" in words
    assert "DONE  read 12  created 9  unchanged 1  skipped 1  failed 1" in words
    assert "명단!B11" in words
    assert "Solapi has 2 texts (LMS, SMS)" in words
    assert words.rpartition("verdict:")[2].startswith(" healthy. nothing wrong was found")
    left = [
        process.info
        for process in psutil.process_iter(["pid", "cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or [])
    ]
    assert left == []

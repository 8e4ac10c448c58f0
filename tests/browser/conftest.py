"""The published video of the command tests, and a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.video_commands.conftest import ffmpeg, hls, publish, source

__all__ = ["ffmpeg", "hls", "publish", "source"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip

Open = Callable[[str], None]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Open]:
    """Open an address in headless Chromium; closed at the test's end. Skips where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on PATH: the browser tests need one (Debian: apt-get install chromium)")
    # Chromium's sandbox refuses to run as root, which is what a container's build is.
    sandbox = ("--no-sandbox",) if os.name == "posix" and os.geteuid() == 0 else ()
    opened: list[subprocess.Popen[bytes]] = []
    # It leaves folders behind when it is stopped, and a socket's path in one may have 108 characters only.
    temporary = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
    log = (tmp_path / "chromium.log").open("wb")

    def start(url: str) -> None:
        argv = [program, *QUIET, *sandbox, f"--user-data-dir={tmp_path / 'profile'}", url]
        env = {**os.environ, "TMPDIR": temporary.name}
        opened.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env))

    try:
        yield start
    finally:
        for process in opened:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()
        temporary.cleanup()

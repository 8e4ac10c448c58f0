"""A second stack, started by the command as a user would, for the tests that stop, kill and restart things."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from academyctl.local import environment, resources
from academyctl.local.processes import MARK
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.settings_model import R2, Fleet, Queues
from academyctl.stores import Stores
from tests.conftest import Emulator


@dataclass(frozen=True)
class Cli:
    """`academyctl local ...` in its own process, over one folder."""

    folder: Path

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "academyctl", "local", *words]

    def env(self) -> dict[str, str]:
        return {**os.environ, "ACADEMYCTL_LOCAL_DIR": str(self.folder), "ACADEMYCTL_LANG": "en"}

    def run(self, *words: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.argv(*words), env=self.env(), capture_output=True, text=True, encoding="utf-8", timeout=90,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert check is None or done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, check: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--output", "json", check=check).stdout)
        return found

    def left(self) -> list[str]:
        """Command lines of the living processes that carry the folder's mark, or name it."""
        return [" ".join(one) for one in _marked(str(self.folder.resolve()))]


def _marked(folder: str) -> Iterator[Sequence[str]]:
    for process in psutil.process_iter(["environ", "cmdline", "status"]):
        environ: Mapping[str, str] = process.info["environ"] or {}
        cmdline: Sequence[str] = process.info["cmdline"] or []
        named = any(folder in word for word in cmdline)
        if process.info["status"] != psutil.STATUS_ZOMBIE and (environ.get(MARK) == folder or named):
            yield cmdline


@dataclass(frozen=True)
class Timed:
    cli: Cli
    seconds: float


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    """A stack that the command started in an empty folder; `seconds` is the whole command's time."""
    cli = Cli(tmp_path_factory.mktemp("own") / "stack")
    begun = time.monotonic()
    try:
        cli.run("up")
        yield Timed(cli, time.monotonic() - begun)
    finally:
        cli.run("down", "--wipe")
        assert cli.left() == []


@pytest.fixture
def fresh() -> Iterator[Cli]:
    """A folder without a stack, wiped afterwards. Its name has a space and Hangul, and is too long for a socket's."""
    base = Path(tempfile.mkdtemp(prefix="academyctl-test-"))
    base.chmod(0o755)
    cli = Cli(base / "한글 폴더" / ("long-name-" * 10))
    assert len(str(cli.folder)) > 108
    yield cli
    cli.run("down", "--wipe")
    shutil.rmtree(base, ignore_errors=True)
    assert cli.left() == []


def stores_of(cli: Cli) -> Stores:
    """Stores over the folder's stack; the caller closes them."""
    return Stores(load(LocalStack(cli.folder).env()).settings)


@pytest.fixture(scope="session")
def provisioned() -> set[str]:
    return set()


@pytest.fixture
def platform(aws_emulator: Emulator, provisioned: set[str]) -> Emulator:
    """The emulator with everything of the platform in it."""
    if aws_emulator.name not in provisioned:
        provisioned.add(aws_emulator.name)
        made = resources.create_all(
            aws_emulator.clients, queues=Queues(), buckets=R2(), fleet=Fleet(), region=environment.REGION
        )
        assert made == []
    return aws_emulator

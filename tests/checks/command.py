"""`academyctl` in this process, in a folder and an environment of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks import _snapshot
from tests.checks import facts as f
from tests.checks.said import BY_NAME
from tests.video_commands.conftest import Cli, Ran

__all__ = ["Cli", "Ran", "cli", "saved"]
Saved = Callable[[str], str]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Cli({}, monkeypatch, capsys)


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Save the facts of a row of the fault tables (`healthy` is none); the file's name."""

    def save(case: str) -> str:
        path = tmp_path / f"{case.replace(' ', '-')}.json"
        _snapshot.save(f.snapshot(**BY_NAME.get(case, {})), path)
        return path.name

    return save

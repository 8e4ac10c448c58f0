"""Rosters in small: written with openpyxl or as text, checked through the command in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.video_commands.conftest import Cli

Lines = Sequence[Sequence[Any]]
Make = Callable[..., Path]

HEADER = ("이름", "학부모 전화번호", "학생 전화번호", "학교", "학년", "성별", "반", "계열", "메모", "구분")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Command lines in a folder of the test's own, without any settings."""
    monkeypatch.chdir(tmp_path)
    return Cli({}, monkeypatch, capsys)


@pytest.fixture
def roster(tmp_path: Path) -> Make:
    """`roster("a.xlsx", lines, ...)`: a workbook; further sheets as `sheets={name: lines}`."""

    def make(name: str, lines: Lines, *, title: str = "명단", sheets: dict[str, Lines] | None = None) -> Path:
        book = openpyxl.Workbook()
        first = book.active
        assert first is not None
        first.title = title
        for line in lines:
            first.append(list(line))
        for other, more in (sheets or {}).items():
            page = book.create_sheet(other)
            for line in more:
                page.append(list(line))
        path = tmp_path / name
        book.save(path)
        return path

    return make


def golden(name: str, text: str) -> None:
    """Compare with golden/NAME.txt. UPDATE_GOLDENS=1 rewrites it."""
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")

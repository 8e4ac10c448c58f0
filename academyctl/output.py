"""The only printer: results as a table or as exactly one JSON object, on any terminal, pipe or code page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from academyctl.errors import AcademyError


class Format(StrEnum):
    table = "table"
    json = "json"


def lang(environ: Mapping[str, str] = os.environ) -> str:
    """'ko' or 'en': ACADEMYCTL_LANG, else the locale's variables, else English."""
    for name in ("ACADEMYCTL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


def emit(data: Mapping[str, Any], *, fmt: str = "table", table: Callable[[], Any] | None = None) -> None:
    """Print a result: `data` is all of it as JSON, `table` makes what people see (a string or a rich renderable)."""
    if fmt == Format.json:
        _write(sys.stdout, json.dumps(data, ensure_ascii=False, indent=2, default=_plain) + "\n", utf8=True)
        return
    shown = table() if table is not None else _pairs(data)
    if isinstance(shown, str):
        _write(sys.stdout, shown if shown.endswith("\n") else shown + "\n")
    else:
        console(sys.stdout).print(shown)


def rows(columns: Sequence[str], lines: Sequence[Sequence[Any]], *, title: str = "") -> Any:
    """A borderless table that survives copy and paste."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for line in lines:
        grid.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in line))
    return grid


def console(stream: IO[str]) -> Any:
    """A rich console: colour only on a terminal and without NO_COLOR; wide when piped, so that nothing is folded."""
    from rich.console import Console

    _survive_code_page(stream)
    piped = not stream.isatty()
    colourless = piped or "NO_COLOR" in os.environ
    return Console(file=stream, no_color=colourless, width=200 if piped else None, highlight=False)


def note(text: str) -> None:
    """A line for people, on stderr: never part of the result."""
    _write(sys.stderr, text if text.endswith("\n") else text + "\n")


def fail(error: AcademyError, *, fmt: str = "table") -> None:
    """An error: what, why, what to do next. With JSON it is the one object on stdout."""
    language = lang()
    if fmt == Format.json:
        body = {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(language)}
        emit({"version": 1, "error": body}, fmt=fmt)
        return
    note(str(error))
    if error.remedy:
        note(("다음: " if language == "ko" else "next: ") + error.remedy_in(language))


def _pairs(data: Mapping[str, Any]) -> str:
    width = max((len(key) for key in data), default=0)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in data.items())


def _write(stream: IO[str], text: str, *, utf8: bool = False) -> None:
    from academyctl.log import mask

    if utf8 and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="strict")
    else:
        _survive_code_page(stream)
    stream.write(text if stream is sys.stdout else mask(text))
    stream.flush()


def _survive_code_page(stream: IO[str]) -> None:
    # Korean PowerShell redirects in cp949, which lacks many characters: a '?' there beats a traceback.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

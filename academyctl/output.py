"""The only printer: results as a table or as exactly one JSON object, on any terminal, pipe or code page."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from academyctl.errors import AcademyError, Both, WorkFailed

LANGS = ("ko", "en")
STREAM_PARTS = 500
"""Of a streamed object: how many pieces are held before they are written."""


class Format(StrEnum):
    table = "table"
    json = "json"


class ReaderGone(BrokenPipeError):
    """Whoever read our output (head, less) has seen enough. Not a server's broken connection."""


@dataclass
class _Run:
    """What one command line has chosen and said so far."""

    lang: str = ""
    preferred_lang: str = ""
    json_said: bool = False
    secrets: tuple[str, ...] = ()
    options: str = ""
    words: tuple[str, ...] = ()


_run = _Run()


def begin() -> None:
    """A new command line: forget the language and what was printed."""
    global _run
    _run = _Run()


def choose_lang(language: str) -> None:
    """`--lang`: stronger than the environment."""
    _run.lang = language


def prefer_lang(language: str) -> None:
    """The settings' language: stronger than the locale, weaker than --lang and ACADEMYCTL_LANG; '' says nothing."""
    _run.preferred_lang = language


def hide(secrets: Iterable[str]) -> None:
    """The settings' secret values, which no result shows wherever they turn up."""
    _run.secrets = tuple(secrets)


def repeat(options: Sequence[str], words: Iterable[str]) -> None:
    """This run's global options, which every command line that we tell needs too; `words` are the program's."""
    _run.options, _run.words = shlex.join(options), tuple(words)


def as_typed(text: str) -> str:
    """A text whose command lines carry this run's options: copied without them, one may reach another account."""
    if not _run.options:
        return text
    return re.sub(rf"\bacademyctl (?=(?:{'|'.join(_run.words)})\b)", lambda _: f"academyctl {_run.options} ", text)


def json_said() -> bool:
    """Whether this command line has printed its JSON object; there is only one."""
    return _run.json_said


def lang(environ: Mapping[str, str] = os.environ) -> str:
    """'ko' or 'en': what was chosen, ACADEMYCTL_LANG, the settings, the locale, else English."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    said = _run.lang or environ.get("ACADEMYCTL_LANG", "") or _run.preferred_lang or locale or _system_locale()
    return "ko" if said.lower().startswith("ko") else "en"


def _system_locale() -> str:
    if sys.platform != "win32":
        return ""
    # Windows has no LANG; a Korean one says Korean_Korea.
    import locale

    return locale.getlocale()[0] or ""


def emit(
    data: Mapping[str, Any], *, fmt: str = "table", table: Callable[[], Any] | None = None, revealed: bool = False
) -> None:
    """Print a result: `data` is all of it as JSON, `table` makes what people see (a string or a rich renderable).

    This is where phone numbers and secrets stop, whatever a store's words held; `revealed`: they were asked for.
    """
    hidden = str if revealed else _hidden
    if fmt == Format.json:
        plain = json.loads(json.dumps(data, default=_plain))
        told = plain if revealed else _tree(plain)
        _write(sys.stdout, json.dumps(told, ensure_ascii=False, indent=2) + "\n", utf8=True)
        _run.json_said = True
        return
    shown = table() if table is not None else _pairs(data)
    if isinstance(shown, str):
        _write(sys.stdout, hidden(shown if shown.endswith("\n") else shown + "\n"))
    else:
        # Rich would end the process itself when the reader of a pipe has gone.
        paper = console(sys.stdout)
        with paper.capture() as printed:
            paper.print(shown)
        _write(sys.stdout, hidden(printed.get()))


def stream(data: Mapping[str, Any], *, revealed: bool = False) -> None:
    """`emit` of one JSON object too large to hold: a value that is an iterator is written as a list, item by item.

    Its items (dicts of plain values) are masked like everything else.
    """
    # What is half written cannot become another object.
    _run.json_said = True
    kept: list[str] = []
    for part in _parts(data, revealed=revealed):
        kept.append(part)
        if len(kept) >= STREAM_PARTS:
            _write(sys.stdout, "".join(kept), utf8=True)
            kept.clear()
    _write(sys.stdout, "".join(kept), utf8=True)


def _parts(data: Mapping[str, Any], *, revealed: bool) -> Iterator[str]:
    # A coder made once: json.dumps with any option makes one each time.
    line = json.JSONEncoder(ensure_ascii=False).encode
    start = "{"
    for key, value in data.items():
        yield f"{start}\n  {line(key)}: "
        start = ","
        if isinstance(value, Iterator):
            opening = "["
            for item in value:
                text = line(item)
                # Nearly all items hold nothing to hide; what an escape stands for, only the item itself shows.
                if not revealed and ("\\" in text or _hidden(text) != text):
                    text = line(_tree(item))
                yield f"{opening}\n    {text}"
                opening = ","
            yield "[]" if opening == "[" else "\n  ]"
        else:
            plain = json.loads(json.dumps(value, default=_plain))
            plain = plain if revealed else _tree(plain)
            yield json.dumps(plain, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    yield f"{start if start == '{' else ''}\n}}\n"


def document(text: str) -> None:
    """Print a result that is a document of its own (XML, HTML, JSON lines): UTF-8 whatever the console speaks."""
    _write(sys.stdout, _hidden(text), utf8=True)


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
    colourless = piped or bool(os.environ.get("NO_COLOR"))
    # Without force_terminal, FORCE_COLOR and CI variables make rich write escapes into a pipe.
    return Console(
        file=stream,
        no_color=colourless,
        color_system=None if colourless else "auto",
        force_terminal=False if piped else None,
        width=200 if piped else None,
        highlight=False,
    )


def note(text: str) -> None:
    """A line for people, on stderr: never part of the result."""
    _write(sys.stderr, text if text.endswith("\n") else text + "\n")


def fail(error: AcademyError, *, fmt: str = "table") -> None:
    """An error: what, why, what to do next. With JSON it is the one object on stdout, unless that was said before."""
    language = lang()
    what, why = error.told_in(language)
    remedy = as_typed(error.remedy_in(language))
    if fmt == Format.json and not json_said():
        body = {"code": error.code, "what": what, "why": why, "remedy": remedy}
        emit({"version": 1, "error": {name: _masked(text) for name, text in body.items()}}, fmt=fmt)
        return
    note(f"{what}: {why}" if why else what)
    if error.remedy:
        note(("다음: " if language == "ko" else "next: ") + remedy)


def _masked(text: str) -> str:
    from academyctl.log import mask

    return mask(text)


def _hidden(text: str) -> str:
    from academyctl.log import mask

    return mask(text, _run.secrets, named=False)


def _tree(value: Any) -> Any:
    """Strings alone: a number may read like a phone's."""
    if isinstance(value, str):
        return _hidden(value)
    if isinstance(value, list):
        return [_tree(one) for one in value]
    return {key: _tree(one) for key, one in value.items()} if isinstance(value, dict) else value


def _pairs(data: Mapping[str, Any]) -> str:
    width = max((len(key) for key in data), default=0)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in data.items())


def _write(stream: IO[str], text: str, *, utf8: bool = False) -> None:
    if utf8 and hasattr(stream, "reconfigure"):
        # A lone surrogate (a file name that is no UTF-8) must not cost the whole answer.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    else:
        _survive_code_page(stream)
    with _writing(stream):
        stream.write(text if stream is sys.stdout else _masked(text))
        stream.flush()


@contextmanager
def _writing(stream: IO[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Windows says EINVAL when the reader of a pipe has gone.
        if isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL):
            raise ReaderGone from error
        raise WorkFailed(
            f"the output could not be written to {getattr(stream, 'name', 'the stream')}",
            why=str(error),
            remedy=Both("make room, or write elsewhere", "공간을 확보하거나 다른 곳에 쓰세요"),
        ) from error


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

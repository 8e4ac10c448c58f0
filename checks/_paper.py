"""What a text is printed on: how wide it is, whether it has colours, and which characters it can show."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from checks._model import State

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_INK = {
    State.ok: "green", State.warn: "yellow", State.fail: "red", State.skip: "dim", State.unknown: "magenta",
    State.crash: "magenta",
}  # fmt: skip
MARKS = {State.ok: "√", State.warn: "!", State.fail: "×", State.skip: "-", State.unknown: "?", State.crash: "?"}


@dataclass(frozen=True)
class Paper:
    """`width` 0 is endless: nothing is wrapped. Without `marks`, states are words."""

    width: int = 0
    marks: bool = False
    colour: bool = False

    def ink(self, text: str, *names: str) -> str:
        """The text in a colour or a weight, where there are any."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def state(self, text: str, state: State, *more: str) -> str:
        return self.ink(text, _INK[state], *more)

    def wrapped(self, text: str, indent: int) -> list[str]:
        """The text in lines that fit behind `indent` columns; a word is never broken, for it may be a name to copy."""
        text = clean(text)
        room = self.width - indent
        # A column too narrow to read is no help: then the terminal may break lines where it likes.
        if not self.width or room < _NARROWEST or columns(text) <= room:
            return [text.replace(KEPT, " ")]
        lines, line = [], ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if line and columns(longer) > room:
                lines.append(line.rstrip())
                longer = word
            line = longer
        return [one.replace(KEPT, " ") for one in (*lines, line)]

    def cut(self, text: str) -> str:
        """What of the text fits into one line."""
        while self.width and columns(text) >= self.width:
            text = text[:-1]
        return text


_NARROWEST = 20
KEPT = "\N{NO-BREAK SPACE}"
"""A blank at which no line is broken; it is printed as a plain one, for not every console has it."""
ENDLESS = Paper()
"""A pipe."""


def paper_of(stream: IO[str], env: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> Paper:
    """What a stream can show. A pipe is endlessly wide and has no colours."""
    tty = stream.isatty()
    # Old Windows consoles print escapes as they are; those that do not say who they are.
    knows = platform != "win32" or any(env.get(name) for name in ("WT_SESSION", "TERM", "ConEmuANSI"))
    return Paper(
        width=shutil.get_terminal_size().columns if tty else 0,
        marks=has_marks(getattr(stream, "encoding", "") or ""),
        colour=tty and knows and not env.get("NO_COLOR") and env.get("TERM") != "dumb",
    )


def has_marks(encoding: str) -> bool:
    """Whether all marks can be shown, each one column wide; else none is, for a mixed column reads as a riddle.

    Western code pages have one of √ and × only; the East Asian ones (cp949) have both, as wide as two letters.
    """
    try:
        return codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False


def clean(text: str) -> str:
    """The text without what a terminal would obey: a queue may be called anything."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == KEPT else "?" for char in text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes; a Korean syllable takes two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )

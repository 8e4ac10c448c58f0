"""Every command of guides 000, 001, 003 and 004, read from commands.txt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("commands.txt")


@dataclass(frozen=True)
class Command:
    """A command as the guide has it, on one line."""

    guide: str
    section: str
    text: str


def commands() -> tuple[Command, ...]:
    """In the guides' order; a continued line is one command."""
    found, guide, section = [], "", ""
    for line in FILE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line.startswith("## "):
            guide, _, section = line.removeprefix("## ").partition(" | ")
        elif line and not line.startswith("# "):
            found.append(Command(guide, section, " ".join(line.split())))
    return tuple(found)

"""The generated parts of the README, the example settings and the findings' pages. `make docs` writes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from academyctl import starter
from academyctl.cli import WORDS
from academyctl.cli._root import app
from tests import docs_findings
from tests.guides import table

__all__ = ["EXAMPLE", "README", "WORDS", "command_table", "filled", "leaves", "shown_commands"]
README = Path(__file__).parents[1] / "README.md"
EXAMPLE = README.with_name("academyctl.toml.example")


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command under a group, with the words that reach it."""
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    for word in command.list_commands(None):
        yield from leaves(command.get_command(None, word), f"{path} {word}")


def command_table() -> str:
    rows = []
    for path, command in leaves(get_command(app), "academyctl"):
        about = (command.help or "").strip().split("\n")[0]
        rows.append(f"| `{path}` | {about} |")
    return "\n".join(rows) + "\n"


def filled(text: str) -> str:
    """The README with its generated parts up to date."""
    for name, content in (("commands", command_table()), ("guides", table.render()), ("settings", starter.table())):
        text = re.sub(
            f"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, content=content: match[1] + content + match[2],  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def shown_commands(text: str) -> list[list[str]]:
    """Every `academyctl …` line of the shell blocks, as words."""
    out = []
    for block in re.findall(r"```(?:sh|powershell)\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if "academyctl" in words:
                out.append(words[words.index("academyctl") + 1 :])
    return out


if __name__ == "__main__":
    EXAMPLE.write_text(starter.text(), encoding="utf-8")
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    docs_findings.write()

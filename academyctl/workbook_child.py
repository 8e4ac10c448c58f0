"""Writes a sheet from a spool file, in a process of its own: `python -m academyctl.workbook_child SPOOL TARGET`.

A spool is JSON lines. The first is {"title", "header": [text...], "widths": [number...], "freeze": "D2"}; every other
one is a row: a list of texts, numbers and nulls, or [text, "RRGGBB"] for a filled cell and {"time": "ISO-8601"} for a
date with time. Written by `write_spool` (bounded by one row in both processes), read here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from academyctl.workbook import Cell, Look, Value, writing

EVERY = 500
"""Rows between two looks at `look`."""


@dataclass(frozen=True)
class Layout:
    """The sheet around the rows; see `academyctl.workbook.Book.sheet`."""

    title: str
    header: tuple[str, ...]
    widths: tuple[float, ...] = ()
    freeze: str = ""


def filled(text: str, fill: str) -> list[str]:
    """A text on a colour (RRGGBB)."""
    return [text, fill]


def moment(value: datetime) -> Mapping[str, str]:
    """A date with time, as its own clock shows it."""
    return {"time": value.replace(tzinfo=None, microsecond=0).isoformat()}


def main(arguments: list[str]) -> int:
    spool, target = (Path(argument) for argument in arguments)
    # Beside the target: whoever removes that folder removes also what a killed child leaves.
    tempfile.tempdir = str(target.parent)
    fills: dict[str, Look] = {}
    with spool.open(encoding="utf-8") as lines, writing(target) as book:
        head = json.loads(next(lines))
        sheet = book.sheet(head["title"], widths=head["widths"], freeze=head["freeze"])
        sheet.header(head["header"])
        for line in lines:
            sheet.row([_cell(value, fills) for value in json.loads(line)])
    return 0


def _cell(value: Any, fills: dict[str, Look]) -> Value | Cell:
    if isinstance(value, list):
        text, fill = value
        return Cell(text, fills.setdefault(fill, Look(fill=fill)))
    if isinstance(value, dict):
        return datetime.fromisoformat(value["time"])
    return value  # type: ignore[no-any-return]


def write_spool(path: Path, layout: Layout, rows: Iterable[list[Any]], look: Any = lambda _done: None) -> int:
    """Write a spool; `look` is called with the rows so far, every 500 rows, and may raise. Returns the rows."""
    done = 0
    with path.open("w", encoding="utf-8") as spool:
        spool.write(json.dumps(asdict(layout)) + "\n")
        for done, row in enumerate(rows, 1):
            spool.write(json.dumps(row) + "\n")
            if done % EVERY == 0:
                look(done)
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

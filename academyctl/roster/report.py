"""What `excel check` answers: one document for programs. The text for people is in report_text.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from academyctl.roster.model import SPOOL_COLUMNS, Document, Reading

_NULL = r"\N"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PHONES = ("parent_phone", "student_phone")
_TEXTS = ("school", "school_type", "gender", "school_class", "major", "memo")


def spool_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The good rows of a spool (model.SPOOL_COLUMNS), one at a time: sheet, row, grade as int, uses_identifier as bool.

    NULL is None. A spool that was never written has no rows.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            values = [_text(value) for value in line.rstrip("\n").split("\t")]
            row: dict[str, Any] = dict(zip(SPOOL_COLUMNS, values, strict=True))
            row["sheet"] = int(row["sheet"])
            row["row"] = int(row["row"])
            row["grade"] = None if row["grade"] is None else int(row["grade"])
            row["uses_identifier"] = row["uses_identifier"] == "t"
            yield row


def _text(value: str) -> str | None:
    if value == _NULL:
        return None
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), value) if "\\" in value else value


def check_document(
    reading: Reading, rows: Iterator[Mapping[str, Any]], lang: str, *, revealed: bool = False
) -> Document:
    """`academyctl excel check --output json`. `rows` (of `spool_rows`) stay an iterator: for `output.stream`.

    Students' and parents' numbers are masked unless `revealed`; what other cells hold is the printer's to mask.
    """
    refused = reading.refused
    return {
        "status": reading.status,
        "kind": reading.kind,
        "refused": None if refused is None else {"code": refused.code, "message": refused.message.pick(lang)},
        "sheets": [
            {
                "sheet": table.sheet,
                "header_row": table.header_row,
                "title": table.title,
                "mapping": dict(table.mapping),
            }
            for table in reading.tables
        ],
        "rows": (_row(reading, row, revealed) for row in rows),
        "skipped": [{"sheet": one.sheet, "row": one.row, "why": one.why} for one in reading.skipped],
        "errors": [
            {
                "sheet": one.sheet,
                "cell": one.cell,
                "row": one.row,
                "field": one.field,
                "code": one.code,
                "message": one.message.pick(lang),
            }
            for one in reading.problems
        ],
        "candidates": {field: list(letters) for field, letters in reading.candidates.items()},
        "counts": dict(reading.counts),
    }


def _row(reading: Reading, row: Mapping[str, Any], revealed: bool) -> dict[str, Any]:
    told = {**row, "sheet": reading.tables[row["sheet"]].sheet}
    for field in _PHONES if not revealed else ():
        told[field] = told[field] and f"{told[field][:4]}****"
    for field in _TEXTS:
        told[field] = told[field] or ""
    return told


def mapping_words(field: str, column: str) -> str:
    """The option that settles a column: `--map parent_phone=C`."""
    return f"--map {field}={column}"


def mapping_hint(reading: Reading) -> str:
    """The ready words when columns must be chosen: the first candidate of every open field; '' when nothing is open."""
    return " ".join(mapping_words(field, letters[0]) for field, letters in reading.candidates.items() if letters)

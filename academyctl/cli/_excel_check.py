"""`academyctl excel check`: a roster read on this machine, with no server and no settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.roster.model import Ask, Reading


def check(here: Session, file: Path, maps: Sequence[str], sheet: str, *, reveal: bool, shown: int, fmt: Format) -> int:
    """Print what the file says; EXIT_FAILED unless every row can be enrolled. Raises UsageError."""
    import tempfile

    from academyctl.roster.model import Limits
    from academyctl.roster.reading import read

    ask = asked(maps, sheet)
    readable(file)
    with tempfile.TemporaryDirectory(prefix="academyctl-excel-") as folder:
        spool = Path(folder) / "rows.txt"
        reading = read(file, ask, Limits(), spool=spool)
        _tell(here, reading, file, spool, reveal=reveal, shown=shown, fmt=fmt)
    return EXIT_OK if reading.status == "ok" else EXIT_FAILED


def _tell(here: Session, reading: Reading, file: Path, spool: Path, *, reveal: bool, shown: int, fmt: Format) -> None:
    from academyctl import output
    from academyctl.log import mask
    from academyctl.roster.report import check_document, spool_rows
    from academyctl.roster.report_text import check_text

    rows = spool_rows(spool)
    if fmt == Format.json:
        output.stream(check_document(reading, rows, here.lang, revealed=reveal), revealed=reveal)
        return
    text = check_text(reading, rows, here.lang, file=file, shown=shown, hide=str if reveal else mask)
    output.emit({}, table=lambda: text, revealed=reveal)


def asked(maps: Sequence[str], sheet: str = "") -> Ask:
    """`--map FIELD=COLUMN` words as an Ask. Raises UsageError for a field that is none, or a column left out."""
    from academyctl.roster.model import FIELDS, Ask

    mapping: dict[str, str] = {}
    for words in maps:
        field, _, column = (part.strip() for part in words.partition("="))
        if field not in FIELDS or not column:
            raise UsageError(
                f"--map {words}: {'no column' if field in FIELDS else f'no field is called {field!r}'}",
                remedy=Both(
                    f"--map FIELD=COLUMN, e.g. --map parent_phone=C; fields: {', '.join(FIELDS)}",
                    f"--map 항목=열 (예: --map parent_phone=C). 항목: {', '.join(FIELDS)}",
                ),
                code="bad-map",
            )
        if mapping.setdefault(field, column) != column:
            raise UsageError(
                f"--map {field} is given twice: {mapping[field]} and {column}",
                remedy=Both("say one column per field", "항목마다 열을 하나만 지정하세요"),
                code="bad-map",
            )
    return Ask(mapping=mapping, sheet=sheet)


def readable(file: Path) -> None:
    """Raise UsageError unless it is a file that can be opened."""
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read",
            why=error.strerror or str(error),
            remedy=Both("name a spreadsheet on this machine", "이 컴퓨터에 있는 엑셀 파일의 경로를 지정하세요"),
            code="no-file",
        ) from error

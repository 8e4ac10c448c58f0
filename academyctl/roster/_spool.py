"""Good rows on their way to PostgreSQL: COPY's text format, columns as `model.SPOOL_COLUMNS`."""

from __future__ import annotations

import io
from typing import BinaryIO, TextIO

NULL = "\\N"
_ROWS_AT_ONCE = 500


def escaped(text: str) -> str:
    """A text as COPY reads it back; an absent one is NULL."""
    if not text:
        return NULL
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


class Spool:
    """Writes lines in batches, to a file opened for text or for bytes (then UTF-8)."""

    def __init__(self, file: TextIO | BinaryIO) -> None:
        self._text = file if isinstance(file, io.TextIOBase) else None
        self._bytes = None if isinstance(file, io.TextIOBase) else file
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """One line, with its line break."""
        self._lines.append(line)
        if len(self._lines) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        batch = "".join(self._lines)
        self._lines.clear()
        if self._text is not None:
            self._text.write(batch)
        elif self._bytes is not None:
            self._bytes.write(batch.encode("utf-8"))  # type: ignore[arg-type]

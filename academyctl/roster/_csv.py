"""Comma, tab or semicolon separated text, in the encodings that Korean programs write."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from academyctl.roster._refusals import refusal
from academyctl.roster._text import clean
from academyctl.roster._xlsx_rows import MAX_ROWS, SPARE_ROWS
from academyctl.roster.model import Limits, Sheet, Value

CHUNK = 1 << 20
SAMPLE_CHARS = 16_384
DELIMITERS = ",\t;|"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_AS_TEXT = re.compile(r'="([^"]*)"')
"""How a CSV keeps Excel from reading 01012345678 as a number."""
_APOSTROPHE = re.compile(r"'(?=[0-9+=@-])")
_DIRECTIVE = re.compile(r"sep=(.)", re.IGNORECASE)
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class _Shape:
    encoding: str
    delimiter: str
    skipped: int
    """Lines before the first row: 1 for Excel's own `sep=;`, which it does not show."""


def sheet(path: Path, limits: Limits) -> Sheet:
    """The file as one sheet, named after it. Raises RosterRefused: encoding, empty, not-a-spreadsheet."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(SAMPLE_CHARS)
    if not sample.strip():
        raise refusal("empty")
    if len(_NOT_TEXT.findall(sample)) > 2:
        raise refusal("not-a-spreadsheet")
    said = _DIRECTIVE.match(sample.partition("\n")[0].strip().strip('"'))
    shape = _Shape(encoding, said[1] if said else _delimiter(sample), 1 if said else 0)
    return Sheet(clean(path.stem, 255), True, lambda: _rows(path, shape, limits))


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return _first_that_decodes(path, (encoding,))
    # Text without a BOM in UTF-16: every other byte of its digits, commas and line ends is 0.
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 2 * even and odd * 8 > len(head):
        return _first_that_decodes(path, ("utf-16-le",))
    if even > 2 * odd and even * 8 > len(head):
        return _first_that_decodes(path, ("utf-16-be",))
    if even + odd > 2:
        raise refusal("not-a-spreadsheet")
    return _first_that_decodes(path, ("utf-8", "cp949"))


def _first_that_decodes(path: Path, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    decoder.decode(chunk)
            decoder.decode(b"", True)
        except UnicodeError:
            continue
        return encoding
    raise refusal("encoding")


def _delimiter(sample: str) -> str:
    """The one that parts the sample's lines most evenly; a comma where none does."""
    lines = [line for line in re.sub(r'"[^"]*"', "", sample).splitlines()[:50] if line.strip()]

    def evenness(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(usual) if usual else 0, sum(counts))

    return max(DELIMITERS, key=evenness)


def _rows(path: Path, shape: _Shape, limits: Limits) -> Iterator[tuple[int, list[Value]]]:
    csv.field_size_limit(limits.text_chars * 4)
    given = 0
    with path.open(encoding=shape.encoding, newline="") as file:
        for _ in range(shape.skipped):
            file.readline()
        try:
            for number, record in enumerate(csv.reader(file, delimiter=shape.delimiter), 1):
                if number > MAX_ROWS or given > limits.rows + SPARE_ROWS:
                    raise refusal("too-many-rows")
                values = [_value(text, limits) for text in record]
                while values and values[-1] is None:
                    values.pop()
                if len(values) > limits.columns:
                    raise refusal("too-many-columns")
                if values:
                    given += 1
                    yield number, values
        except csv.Error as error:  # a quotation mark that never closes, or a NUL
            raise refusal("corrupt") from error


def _value(text: str, limits: Limits) -> Value:
    if not text or text.isspace():
        return None
    kept = _AS_TEXT.fullmatch(text)
    return clean(kept[1] if kept else _APOSTROPHE.sub("", text, count=1) if text[0] == "'" else text, limits.text_chars)

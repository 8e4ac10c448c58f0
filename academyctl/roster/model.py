"""The values that the parts of a roster's reading hand to each other. Rows and columns count as said at each field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Literal

from academyctl.errors import AcademyError, Both

FIELDS = (
    "name", "parent_phone", "student_phone", "school", "grade", "gender", "school_class", "major", "memo", "remark",
)  # fmt: skip
"""What a column can mean, in the order in which a header is tried (contract 5.4)."""
REQUIRED = ("name", "parent_phone")

SPOOL_COLUMNS = (
    "sheet", "row", "name", "parent_phone", "student_phone", "school", "grade", "school_type", "gender",
    "school_class", "major", "memo", "uses_identifier",
)  # fmt: skip
"""A spool's columns. A spool is what PostgreSQL's COPY reads in text format: a line a row, tab between columns, `\\N`
for NULL, backslash escapes. `sheet` is the sheet's place in `Reading.sheets` (0-based), `row` Excel's own number,
`grade` 1..3 or NULL, `uses_identifier` t or f; NULL for any text that is absent (name and parent_phone never are)."""

Status = Literal["ok", "errors", "needs_mapping", "refused"]


@dataclass(frozen=True)
class CellError:
    """A cell without a usable value: `#N/A` and its like, or a formula that was saved without its result."""

    text: str


Value = None | str | int | float | bool | datetime | date | time | CellError


@dataclass(frozen=True)
class Merge:
    """A merged range, 0-based and inclusive; only its top left cell has a value."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Sheet:
    """One sheet. `rows` may be called again and starts anew: Excel's row number (from 1), then values from column A.

    Rows without any value may be left out; a row ends with its last value. Cells inside a merge are None.
    """

    name: str
    visible: bool
    rows: Callable[[], Iterator[tuple[int, list[Value]]]]
    hidden_columns: frozenset[int] = frozenset()
    """0-based."""
    merged: tuple[Merge, ...] = ()


@dataclass(frozen=True)
class Book:
    """A file whose kind is known and whose bounds were checked. `kind`: xlsx, xlsm, xls, xlsb, ods or csv."""

    kind: str
    sheets: tuple[Sheet, ...]


class RosterRefused(AcademyError):
    """The file cannot be read as a roster at all: `code` says why (encrypted, html, pdf, too-many-rows, ...).

    The message exists in both languages; both name the way out.
    """

    def __init__(self, code: str, message: Both, *, kind: str = "") -> None:
        super().__init__(message.en, code=code)
        self.message = message
        self.kind = kind


@dataclass(frozen=True)
class Limits:
    """Bounds of a file and of the process that reads it. Sizes in bytes."""

    file_bytes: int = 20 * 2**20
    expanded_bytes: int = 512 * 2**20
    part_bytes: int = 384 * 2**20
    ratio: int = 400
    """Expanded to packed size, judged above `ratio_from` expanded bytes."""
    ratio_from: int = 32 * 2**20
    entries: int = 10_000
    sheets: int = 200
    columns: int = 1_024
    rows: int = 100_000
    """Body rows of all sheets together."""
    strings: int = 2_000_000
    text_chars: int = 32_767
    wall_s: float = 60.0
    cpu_s: int = 45
    memory_bytes: int = 400 * 2**20
    """Address space of the reading process, where the system can limit it."""


@dataclass(frozen=True)
class Ask:
    """What the caller knows of the columns. Letters are Excel's (`C`); a header's text works as well in `mapping`."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    """field -> column letter or header text, by the operator: wins over everything."""
    remembered: tuple[Mapping[str, str], ...] = ()
    """field -> header text, of this academy's earlier imports, newest first: settles what is ambiguous, no more."""
    sheet: str = ""
    """Only this sheet ('' = every visible one that holds a roster)."""


@dataclass(frozen=True)
class Table:
    """One roster found. `header_row` is Excel's number of the (last) header row; `mapping` field -> letter."""

    sheet: str
    header_row: int
    title: str
    mapping: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    """field -> the header's own text, for remembering."""
    rows: int = 0
    """Body rows that were not empty."""


@dataclass(frozen=True)
class Skipped:
    """A row left out on purpose. `why` is a code: example, not-a-student, no-name-no-phone, duplicate, total-row ..."""

    sheet: str
    row: int
    why: str
    first_row: int = 0
    """Of a duplicate: where the first one stands."""
    first_sheet: str = ""


@dataclass(frozen=True)
class Problem:
    """A cell that keeps its row out (or, in `warnings`, one that was mended or left empty)."""

    sheet: str
    cell: str
    """As `B7`."""
    row: int
    field: str
    code: str
    message: Both
    """Never holds a whole phone number: `value` is masked, too."""
    value: str = ""


@dataclass(frozen=True)
class Reading:
    """What a file says. Counts: read = good + skipped + failed (rows); `problems` may be capped, `counts` never."""

    status: Status
    kind: str = ""
    refused: RosterRefused | None = None
    tables: tuple[Table, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """field -> letters between which nobody but the operator may choose."""
    ask_sheet: str = ""
    """The sheet that `candidates` are letters of."""
    candidate_headers: Mapping[str, str] = field(default_factory=dict)
    """letter -> the header's text, of every letter in `candidates`."""
    candidate_samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """letter -> up to three of the column's values, phone numbers masked."""
    lecture_title: str = ""
    """contract 5.4.10: '' when there is none."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """read, good, skipped, failed, duplicates, problems, warnings."""
    bad_parent_phones: int = 0
    """Of the problems, also of those that are not kept: cells of the parent's phone."""


Document = dict[str, Any]

"""The book-keeping of one reading: every row that was read ends as good, skipped or failed, and nothing else."""

from __future__ import annotations

from academyctl.roster._letters import letter
from academyctl.roster._phones import masked
from academyctl.roster._spool import Spool
from academyctl.roster._texts import told
from academyctl.roster._values import plain
from academyctl.roster.model import CellError, Problem, Skipped, Value

MOST_TOLD = 1_000
"""Problems and warnings that a Reading holds; the counts count on."""
MOST_SKIPPED = 10_000
COUNTS = ("read", "good", "skipped", "failed", "duplicates", "problems", "warnings")


class TooManyRows(Exception):
    """More body rows than the limit."""


class Tally:
    """Counts, problems and skipped rows of all tables, the students seen so far, and the spool of good rows."""

    def __init__(self, spool: Spool, rows: int, most_told: int = MOST_TOLD) -> None:
        self.spool = spool
        self.limit = rows
        self.most_told = most_told
        self.read = self.good = self.failed = self.left_out = self.duplicates = 0
        self.problem_count = self.warning_count = self.bad_parent_phones = 0
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.skipped: list[Skipped] = []
        # hash(name, phone) -> table << 32 | row: 64 bits tell 100,000 students apart but once in 10^9 files.
        self.students: dict[int, int] = {}
        self.sheet_of: list[str] = []
        """By a table's place: its sheet."""

    def skip(self, sheet: str, row: int, why: str, *, first_row: int = 0, first_sheet: str = "") -> None:
        self.left_out += 1
        if len(self.skipped) < MOST_SKIPPED:
            self.skipped.append(Skipped(sheet, row, why, first_row, first_sheet))

    def repeated(self, sheet: str, row: int, first: int) -> None:
        """A student who stood already at `first` (as in `students`)."""
        self.duplicates += 1
        self.skip(sheet, row, "duplicate", first_row=first & 0xFFFFFFFF, first_sheet=self.sheet_of[first >> 32])

    def problem(
        self, sheet: str, row: int, column: int, field: str, code: str, value: Value = None, *, at: int = 0
    ) -> None:
        """A cell that keeps its row out. `at` is the row where the cell stands when a merge carries it down."""
        self.problem_count += 1
        self.bad_parent_phones += field == "parent_phone"
        if len(self.problems) < self.most_told:
            self.problems.append(self._told(sheet, row, column, field, code, value, at))

    def warn(
        self,
        sheet: str,
        row: int,
        column: int,
        field: str,
        code: str,
        value: Value = None,
        *,
        said: str = "",
        at: int = 0,
    ) -> None:
        """A cell that was mended or left empty."""
        self.warning_count += 1
        if len(self.warnings) < MOST_TOLD:
            self.warnings.append(self._told(sheet, row, column, field, code, value, at, said))

    def _told(
        self, sheet: str, row: int, column: int, field: str, code: str, value: Value, at: int, said: str = ""
    ) -> Problem:
        shown = value.text if isinstance(value, CellError) else masked(plain(value))
        return Problem(sheet, f"{letter(column)}{at or row}", row, field, code, told(code, said or shown), shown)

    def counts(self) -> dict[str, int]:
        counted = (self.read, self.good, self.left_out, self.failed, self.duplicates)
        return dict(zip(COUNTS, (*counted, self.problem_count, self.warning_count), strict=True))

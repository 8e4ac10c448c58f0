"""What `understand` hands back: a question to a person, or all that was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from academyctl.roster._filters import is_guide
from academyctl.roster._headers import SAMPLE
from academyctl.roster._letters import letter
from academyctl.roster._phones import masked
from academyctl.roster._rows import Rows
from academyctl.roster._tables import Found
from academyctl.roster._tally import COUNTS, Tally
from academyctl.roster._texts import refusal, told
from academyctl.roster._values import plain
from academyctl.roster.model import REQUIRED, Book, Problem, Reading, Table

SAMPLES_TOLD = 3


def needs_mapping(book: Book, unclear: Found, tables: Sequence[Found]) -> Reading:
    """Which columns a person has to choose from, and why."""
    layout, sheet = unclear.layout, unclear.sheet.name
    fields = [field for field in REQUIRED if field in layout.open]
    problems = tuple(_open_problem(unclear, field) for field in fields)
    chosen = sorted({index for field in fields for index in layout.open[field]})
    return Reading(
        "needs_mapping",
        book.kind,
        tables=tuple(_as_table(table) for table in ([*tables, unclear] if unclear not in tables else tables)),
        problems=problems,
        candidates={field: tuple(letter(index) for index in layout.open[field]) for field in fields},
        ask_sheet=sheet,
        candidate_headers={letter(index): layout.text(index) for index in chosen},
        candidate_samples=_samples(unclear, chosen),
        lecture_title=_first(table.layout.header.title for table in tables if not is_guide(table.sheet.name)),
        counts={**dict.fromkeys(COUNTS, 0), "problems": len(problems)},
    )


def _samples(found: Found, columns: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """A few values of each column, masked: what a person chooses by."""
    samples: dict[int, list[str]] = {index: [] for index in columns}
    header = found.layout.header.row
    for number, values in takewhile(lambda row: row[0] <= header + SAMPLE, found.sheet.rows()):
        for index in columns:
            text = masked(plain(values[index])) if number > header and index < len(values) else ""
            if text and len(samples[index]) < SAMPLES_TOLD:
                samples[index].append(text)
    return {letter(index): tuple(texts) for index, texts in samples.items()}


def _open_problem(found: Found, field: str) -> Problem:
    layout, columns = found.layout, found.layout.open[field]
    code = f"{'name' if field == 'name' else 'parent'}-column-{'ambiguous' if columns else 'missing'}"
    said = ", ".join(f"{letter(index)} {layout.text(index)}".strip() for index in columns)
    row = layout.header.row
    first = columns[0] if columns else min((one.index for one in layout.header.headings), default=0)
    return Problem(found.sheet.name, f"{letter(first)}{max(row, 1)}", row, field, code, told(code, said))


def _as_table(found: Found) -> Table:
    layout = found.layout
    mapping = {field: letter(index) for field, index in layout.mapping.items()}
    headers = {field: layout.text(index) for field, index in layout.mapping.items() if layout.text(index)}
    return Table(found.sheet.name, layout.header.row, layout.header.title, mapping, headers)


def reading_of(book: Book, tally: Tally, judges: Sequence[Rows]) -> Reading:
    """What was read, all rows being judged."""
    tally.spool.flush()
    tables = tuple(judge.table() for judge in judges)
    nobody = tally.good == 0 and tally.failed == 0
    return Reading(
        "refused" if nobody else "errors" if tally.failed else "ok",
        book.kind,
        refusal("no-students", kind=book.kind) if nobody else None,
        tables=tables,
        skipped=tuple(tally.skipped),
        problems=tuple(tally.problems),
        warnings=tuple(tally.warnings),
        lecture_title=_first(judge.layout.header.title for judge in judges if not judge.none_because),
        counts=tally.counts(),
        bad_parent_phones=tally.bad_parent_phones,
    )


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")

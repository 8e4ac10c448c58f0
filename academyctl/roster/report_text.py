"""What `excel check` shows people: what was found, what is wrong in which cell, and the line to type next."""

from __future__ import annotations

import shlex
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from academyctl.errors import Both
from academyctl.roster.model import FIELDS, Problem, Reading, Skipped, Table
from academyctl.roster.report import mapping_words
from academyctl.roster.words import field_name, skipped_because

SHOWN_PROBLEMS = 10
SHOWN_ROWS = 5
SHOWN_SKIPS = 6
WIDEST = 40
"""Columns of a cell's text in a table; more is cut."""
_ROW_FIELDS = (
    "name", "parent_phone", "student_phone", "school", "grade", "gender", "school_class", "major", "memo",
)  # fmt: skip


def check_text(
    reading: Reading,
    rows: Iterator[Mapping[str, Any]],
    lang: str,
    *,
    file: Path,
    shown: int = SHOWN_ROWS,
    hide: Callable[[str], str] = str,
) -> str:
    """All of it as text, of which the last line says what to do; `shown` good rows.

    `hide` masks a row's texts: here, because what is masked later no longer stands below its header.
    """
    say = _Say(lang)
    if reading.refused is not None:
        return f"{_head(reading, file)}\n{say('refused', '읽을 수 없습니다')}: {reading.refused.message.pick(lang)}"
    parts = [_head(reading, file), *(_table(table, say) for table in reading.tables)]
    if reading.status == "needs_mapping":
        return "\n\n".join([*parts, _open_columns(reading, file, say)])
    parts += [
        _counts(reading, say),
        _skips(reading, say),
        _problems(reading.problems, reading.counts.get("problems", len(reading.problems)), say, say("errors", "오류")),
        _problems(reading.warnings, reading.counts.get("warnings", len(reading.warnings)), say, say("notes", "참고")),
        _rows(reading, islice(rows, shown), say, hide),
        _last(reading, say),
    ]
    return "\n\n".join(part for part in parts if part)


class _Say:
    """Picks the language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, en: str, ko: str) -> str:
        return Both(en, ko).pick(self.lang)

    def field(self, field: str) -> str:
        return field_name(field, self.lang)


def _head(reading: Reading, file: Path) -> str:
    return f"{_clean(file.name)} ({reading.kind})" if reading.kind else _clean(file.name)


def _table(table: Table, say: _Say) -> str:
    title = say(f", title '{table.title}'", f", 제목 '{table.title}'") if table.title else ""
    rows = say(f", {table.rows} rows", f", 자료 {table.rows}행") if table.rows else ""
    head = say(
        f"sheet '{table.sheet}': header in row {table.header_row}{rows}{title}",
        f"시트 '{table.sheet}': 머리글 {table.header_row}행{rows}{title}",
    )
    lines = [
        [say.field(field), table.mapping[field], table.headers.get(field, "")]
        for field in FIELDS
        if field in table.mapping
    ]
    return "\n".join(
        [_clean(head), *grid([[say("field", "항목"), say("column", "열"), say("header", "머리글")], *lines])]
    )


def _counts(reading: Reading, say: _Say) -> str:
    read, good, skipped, failed = (reading.counts.get(name, 0) for name in ("read", "good", "skipped", "failed"))
    return say(
        f"{read} rows read = {good} good + {skipped} skipped + {failed} with errors",
        f"읽은 행 {read} = 등록할 학생 {good} + 제외 {skipped} + 오류 {failed}",
    )


def _skips(reading: Reading, say: _Say) -> str:
    groups: dict[str, list[Skipped]] = {}
    for one in reading.skipped:
        groups.setdefault(one.why, []).append(one)
    several = len({table.sheet for table in reading.tables}) > 1
    lines = []
    for why, found in groups.items():
        where = ", ".join(_where(one, several, say) for one in found[:SHOWN_SKIPS])
        more = len(found) - SHOWN_SKIPS
        tail = say(f" and {more} more", f" 외 {more}행") if more > 0 else ""
        lines.append(f"  {skipped_because(why, say.lang)} {len(found)}: {where}{tail}")
    return "\n".join([say("skipped:", "제외한 행:"), *map(_clean, lines)]) if lines else ""


def _where(one: Skipped, several: bool, say: _Say) -> str:
    place = say(f"row {one.row}", f"{one.row}행")
    if several:
        place = f"{one.sheet} {place}"
    if not one.first_row:
        return place
    sheet = f"{one.first_sheet} " if one.first_sheet and one.first_sheet != one.sheet else ""
    return place + say(f" (first in {sheet}row {one.first_row})", f"(처음: {sheet}{one.first_row}행)")


def _problems(problems: Sequence[Problem], total: int, say: _Say, title: str) -> str:
    if not problems:
        return ""
    header = [say("sheet", "시트"), say("cell", "셀"), say("field", "항목"), say("value", "값"), say("what", "내용")]
    lines = [
        [one.sheet, one.cell, say.field(one.field), one.value, one.message.pick(say.lang)]
        for one in problems[:SHOWN_PROBLEMS]
    ]
    more = total - len(lines)
    tail = [say(f"... and {more} more: --output json", f"... 외 {more}건: --output json")] if more > 0 else []
    return "\n".join([f"{title} ({total}):", *grid([header, *lines], last_free=True), *tail])


def _rows(reading: Reading, rows: Iterator[Mapping[str, Any]], say: _Say, hide: Callable[[str], str]) -> str:
    first = list(rows)
    if not first:
        return ""
    header = [say("sheet", "시트"), say("row", "행"), *(say.field(field) for field in _ROW_FIELDS)]
    lines = [
        [reading.tables[row["sheet"]].sheet, row["row"], *(hide(_shown(row, field, say)) for field in _ROW_FIELDS)]
        for row in first
    ]
    good = reading.counts.get("good", len(first))
    title = say(f"students ({len(first)} of {good}):", f"등록할 학생 ({good}명 중 {len(first)}명):")
    return "\n".join([title, *grid([header, *lines])])


def _shown(row: Mapping[str, Any], field: str, say: _Say) -> str:
    value = row[field]
    if field == "gender":
        return {"M": say("M", "남"), "F": say("F", "여")}.get(value, "")
    return "" if value is None else str(value)


def _last(reading: Reading, say: _Say) -> str:
    good, problems = reading.counts.get("good", 0), reading.counts.get("problems", len(reading.problems))
    if reading.status == "ok":
        return say(f"ok: {good} students can be enrolled", f"이상 없음: 학생 {good}명을 등록할 수 있습니다.")
    return say(
        f"FAIL: {problems} cells to correct; then check again",
        f"오류 {problems}건: 위의 셀을 고친 뒤 다시 확인하세요.",
    )


def _open_columns(reading: Reading, file: Path, say: _Say) -> str:
    """Which columns only the operator can choose between, and the lines that do it."""
    parts = [_open_column(reading, field, letters, say) for field, letters in reading.candidates.items()]
    ready = all(reading.candidates.values())
    head = say("say it with:", "다음과 같이 지정하세요:")
    if not ready:
        head = say("if the file has that column, say so:", "그 열이 파일에 있으면 다음과 같이 지정하세요:")
    return "\n\n".join([*parts, "\n".join([head, *_commands(reading, file, say)])])


def _open_column(reading: Reading, field: str, letters: Sequence[str], say: _Say) -> str:
    if not letters:
        told = next((one.message.pick(say.lang) for one in reading.problems if one.field == field), say.field(field))
        return _clean(say(f"sheet '{reading.ask_sheet}': {told}", f"시트 '{reading.ask_sheet}': {told}"))
    sheet = say(f" of sheet '{reading.ask_sheet}'", f"(시트 '{reading.ask_sheet}')") if reading.ask_sheet else ""
    name = say.field(field)
    head = say(f"which column{sheet} is the {name}?", f"어느 열이 {name}인지 정할 수 없습니다{sheet}.")
    lines = [
        [letter, reading.candidate_headers.get(letter, ""), ", ".join(reading.candidate_samples.get(letter, ()))]
        for letter in letters
    ]
    return "\n".join(
        [_clean(head), *grid([[say("column", "열"), say("header", "머리글"), say("for example", "예")], *lines])]
    )


def _commands(reading: Reading, file: Path, say: _Say) -> list[str]:
    """One line per choice where one field is open; where several are, a line that settles all."""
    start = f"  academyctl excel check {_quoted(str(file))} "
    choices = reading.candidates
    if len(choices) == 1 and all(choices.values()):
        return [start + mapping_words(field, letter) for field, letters in choices.items() for letter in letters]
    unknown = say("COLUMN", "열")
    return [start + " ".join(mapping_words(field, next(iter(choices[field]), unknown)) for field in choices)]


def _quoted(word: str) -> str:
    if sys.platform == "win32":
        # Neither cmd nor PowerShell reads shlex's quotes as one word.
        return f'"{word}"' if not word.isalnum() else word
    return shlex.quote(word)


def grid(lines: Sequence[Sequence[Any]], *, last_free: bool = False) -> list[str]:
    """Indented lines whose columns stand below each other; columns that are empty below their header are left out.

    `last_free`: the last column is a sentence and is never cut.
    """
    cells = [["" if cell is None else _clean(str(cell)) for cell in line] for line in lines]
    kept = [place for place in range(len(cells[0])) if any(line[place] for line in cells[1:])]
    shown = [[_cut(line[place], last_free and place == kept[-1]) for place in kept] for line in cells]
    widths = [max(columns(line[place]) for line in shown) for place in range(len(kept))]
    return [
        "  "
        + "  ".join(text + " " * (width - columns(text)) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in shown
    ]


def _cut(text: str, free: bool) -> str:
    if free or columns(text) <= WIDEST:
        return text
    while columns(text) > WIDEST - 2:
        text = text[:-1]
    return f"{text}.."


def _clean(text: str) -> str:
    """Without what a terminal would obey, or what would break a line: a cell may hold anything."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes; a Korean syllable takes two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )

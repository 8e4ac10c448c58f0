"""What a Reading is told as, without a file or a process."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academyctl import output
from academyctl.errors import Both
from academyctl.roster.model import SPOOL_COLUMNS, Problem, Reading, RosterRefused, Skipped, Table
from academyctl.roster.report import check_document, mapping_hint, spool_rows
from academyctl.roster.report_text import check_text, columns, grid
from academyctl.roster.words import FIELD_NAMES, SKIPPED_BECAUSE
from tests.excel_commands.conftest import golden

TABLE = Table("명단", 3, "고2 수학", {"name": "A", "parent_phone": "C"}, {"name": "이름", "parent_phone": "보호자"}, 4)
PROBLEM = Problem(
    "명단", "C5", 5, "parent_phone", "bad-phone", Both("not a phone number", "전화번호 형식이 아닙니다"), "0102****"
)
SPOOLED = (
    "0\t4\t김하나\t01012345678\t\\N\t한빛고\t2\tHIGH\tF\t3\t\\N\t탭\\t과 \\\\ 줄\\n바꿈\tt\n"
    "0\t6\t이두리\t01022223333\t01044445555\t\\N\t\\N\t\\N\t\\N\t\\N\t이과\t\\N\tf\n"
)


def reading(**changed: Any) -> Reading:
    given: dict[str, Any] = {
        "status": "errors",
        "kind": "xlsx",
        "tables": (TABLE,),
        "skipped": (Skipped("명단", 7, "duplicate", 4), Skipped("명단", 8, "example")),
        "problems": (PROBLEM,),
        "counts": {"read": 5, "good": 2, "skipped": 2, "failed": 1, "duplicates": 1, "problems": 1, "warnings": 0},
    }
    return Reading(**{**given, **changed})


OPEN = reading(
    status="needs_mapping",
    tables=(),
    candidates={"parent_phone": ("B", "C")},
    ask_sheet="명단",
    candidate_headers={"B": "연락처1", "C": "연락처2"},
    candidate_samples={"B": ("0101****", "0102****"), "C": ("0103****",)},
)
REFUSED = reading(
    status="refused",
    kind="pdf",
    refused=RosterRefused("pdf", Both("a PDF; save it as .xlsx", "PDF 파일입니다. .xlsx 로 저장하세요")),
)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "rows.txt"
    path.write_text(SPOOLED, encoding="utf-8", newline="\n")
    return path


def test_a_spools_row_is_read_back_as_it_was_written(spool: Path) -> None:
    first, second = spool_rows(spool)
    assert tuple(first) == SPOOL_COLUMNS
    assert first["memo"] == "탭\t과 \\ 줄\n바꿈"
    assert (first["sheet"], first["row"], first["grade"], first["uses_identifier"]) == (0, 4, 2, True)
    assert (second["grade"], second["school"], second["uses_identifier"]) == (None, None, False)


def test_no_spool_is_no_rows(tmp_path: Path) -> None:
    assert list(spool_rows(tmp_path / "none")) == []


def printed(
    capsys: pytest.CaptureFixture[str], found: Reading, rows: Iterator[dict[str, Any]], *, revealed: bool = False
) -> str:
    output.begin()
    output.stream(check_document(found, rows, "ko", revealed=revealed), revealed=revealed)
    return capsys.readouterr().out


def test_the_document_is_exactly_what_was_promised(capsys: pytest.CaptureFixture[str], spool: Path) -> None:
    golden("report_json", printed(capsys, reading(), spool_rows(spool)))


@pytest.mark.parametrize("found", [reading(), OPEN, REFUSED], ids=lambda found: found.status)
def test_it_is_one_object_with_the_same_keys_whatever_happened(
    capsys: pytest.CaptureFixture[str], found: Reading
) -> None:
    told = json.loads(printed(capsys, found, iter(())))
    assert list(told) == [
        "status", "kind", "refused", "sheets", "rows", "skipped", "errors", "candidates", "counts",
    ]  # fmt: skip
    assert told["rows"] == []


def test_phone_numbers_are_masked_unless_they_were_asked_for(capsys: pytest.CaptureFixture[str], spool: Path) -> None:
    assert "01012345678" not in printed(capsys, reading(), spool_rows(spool))
    assert "01012345678" in printed(capsys, reading(), spool_rows(spool), revealed=True)


def test_a_number_in_a_memo_and_a_secret_are_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    row = dict.fromkeys(SPOOL_COLUMNS, "") | {"sheet": 0, "row": 1}
    rows = [row | {"memo": "엄마 010-1234-5678"}, row | {"memo": 's3cr"et-value'}, row]
    output.begin()
    output.hide(['s3cr"et-value'])
    output.stream({"rows": iter(rows)})
    told = json.loads(capsys.readouterr().out)["rows"]
    assert [one["memo"] for one in told] == ["엄마 0101****", "****", ""]


def test_rows_are_printed_while_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    row = dict.fromkeys(SPOOL_COLUMNS, "x") | {"sheet": 0, "row": 1, "grade": 1, "uses_identifier": False}
    seen: list[str] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(2 * output.STREAM_PARTS + 1):
            if number % output.STREAM_PARTS == 0:
                seen.append(capsys.readouterr().out)
            yield row

    last = printed(capsys, reading(), rows())
    assert [len(part.splitlines()) > output.STREAM_PARTS - 20 for part in seen] == [False, True, True]
    assert len(json.loads("".join([*seen, last]))["rows"]) == 2 * output.STREAM_PARTS + 1


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize(("name", "found"), [("errors", reading()), ("mapping", OPEN), ("refused", REFUSED)])
def test_people_read(name: str, found: Reading, lang: str, spool: Path) -> None:
    golden(f"report_{name}_{lang}", check_text(found, spool_rows(spool), lang, file=Path("명단 1.xlsx")) + "\n")


def test_every_candidate_gets_a_line_that_a_shell_reads_as_these_words() -> None:
    text = check_text(OPEN, iter(()), "ko", file=Path("내 명단.xlsx"))
    lines = [shlex.split(line) for line in text.splitlines() if "--map" in line]
    assert lines == [
        ["academyctl", "excel", "check", "내 명단.xlsx", "--map", f"parent_phone={letter}"] for letter in "BC"
    ]
    assert mapping_hint(OPEN) == "--map parent_phone=B"
    assert mapping_hint(reading()) == ""


def test_several_open_fields_get_one_line_that_settles_all() -> None:
    several = reading(status="needs_mapping", candidates={"name": ("A", "B"), "parent_phone": ("C", "D")})
    text = check_text(several, iter(()), "en", file=Path("a.xlsx"))
    assert "academyctl excel check a.xlsx --map name=A --map parent_phone=C" in text


def test_a_column_that_is_not_there_is_said_and_not_guessed() -> None:
    missing = Problem("명단", "A1", 1, "parent_phone", "missing", Both("there is none", "열이 없습니다"))
    nothing = reading(status="needs_mapping", candidates={"parent_phone": ()}, problems=(missing,))
    text = check_text(nothing, iter(()), "en", file=Path("a.xlsx"))
    assert "there is none" in text
    assert "--map parent_phone=COLUMN" in text
    assert mapping_hint(nothing) == ""


def test_columns_stand_below_their_headers_in_korean_too() -> None:
    first, second = grid([["이름", "학교"], ["김", "한빛고"]])
    assert columns(first[: first.index("학교")]) == columns(second[: second.index("한빛고")])


def test_a_cell_cannot_command_the_terminal() -> None:
    evil = Problem("명단", "A5", 5, "name", "bad", Both("bad", "잘못"), "\x1b[2Jx\r\n")
    assert "\x1b" not in check_text(reading(problems=(evil,)), iter(()), "ko", file=Path("a.xlsx"))


def test_all_words_can_be_shown_on_a_korean_windows_console(spool: Path) -> None:
    for found in (reading(), OPEN, REFUSED):
        for lang in ("ko", "en"):
            check_text(found, spool_rows(spool), lang, file=Path("a.xlsx")).encode("cp949")
    for both in (*FIELD_NAMES.values(), *SKIPPED_BECAUSE.values()):
        (both.ko + both.en).encode("cp949")

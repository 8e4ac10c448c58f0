"""`academyctl excel check` as a user types it: a file, an answer, an exit code."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.tool import environment
from tests.excel_commands.conftest import HEADER, Make, golden
from tests.video_commands.conftest import Cli

GOOD = [
    ["2026 겨울방학 특강 고2 수학"],
    [],
    list(HEADER),
    ["김하나", "010-1234-5678", "010-8765-4321", "한빛고등학교", 2, "여", 3, "이과", "", ""],
    ["이두리", 1022223333, None, "신목중학교", "3학년", "남", None, None, "셔틀 이용", ""],
    ["홍길동", "010-0000-0000", None, "예시고", 1, "남", None, None, "", "예시"],
    ["박세찌", "+82 10-4444-5555", "1234-5678", "목동고(1)", None, None, None, None, "", ""],
]
BAD = [
    list(HEADER),
    ["김하나", "010-1234-5678"],
    ["이두리", "010-123-45"],
    [None, "010-2222-3333"],
    ["박세찌", None],
]
OPEN = [
    ["이름", "연락처1", "연락처2"],
    ["김하나", "010-1111-2222", "010-1234-5678"],
    ["이두리", "010-3333-4444", "010-8765-4321"],
    ["박세찌", "010-5555-6666", "010-9999-0000"],
]
WATCH = """
import json, sys
from academyctl.__main__ import main
code = main(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {"openpyxl", "boto3", "botocore", "psycopg", "redis", "python_calamine", "pydantic", "rich", "paramiko"}


def test_a_good_list_is_told_field_by_field(cli: Cli, roster: Make) -> None:
    ran = cli("excel", "check", roster("a.xlsx", GOOD), "-o", "json", "--reveal")
    assert ran.code == 0, ran.out + ran.err
    golden("check_good_json", ran.out)


@pytest.mark.parametrize(
    ("lang", "name", "lines", "code"), [("ko", "good", GOOD, 0), ("ko", "bad", BAD, 1), ("en", "bad", BAD, 1)]
)
def test_people_read_what_was_found_and_what_to_do(
    cli: Cli, roster: Make, lang: str, name: str, lines: list[Any], code: int
) -> None:
    roster("a.xlsx", lines)
    ran = cli("--lang", lang, "excel", "check", "a.xlsx")
    assert (ran.code, ran.err) == (code, "")
    golden(f"check_{name}_{lang}", ran.out)
    ran.out.encode("cp949")


def test_every_error_names_its_cell(cli: Cli, roster: Make) -> None:
    told = cli("excel", "check", roster("a.xlsx", BAD), "-o", "json")
    assert told.code == 1
    assert told.json["status"] == "errors"
    assert {one["cell"] for one in told.json["errors"]} == {"B3", "A4", "B5"}
    assert told.json["counts"]["read"] == 4


def test_phone_numbers_are_masked_unless_revealed(cli: Cli, roster: Make) -> None:
    path = roster("a.xlsx", GOOD)
    for fmt in ("table", "json"):
        masked = cli("excel", "check", path, "-o", fmt).out
        assert "0101****" in masked
        assert "01012345678" not in masked
    assert "01012345678" in cli("excel", "check", path, "--reveal").out


def test_an_ambiguous_column_is_settled_by_pasting_a_printed_line(cli: Cli, roster: Make) -> None:
    roster("내 명단.xlsx", OPEN)
    ran = cli("--lang", "ko", "excel", "check", "내 명단.xlsx")
    assert ran.code == 1
    golden("check_open_ko", ran.out)
    lines = [shlex.split(line) for line in ran.out.splitlines() if "--map" in line]
    assert len(lines) == 2
    parents = set()
    for _, *words in lines:
        settled = cli(*words, "-o", "json", "--reveal")
        assert settled.code == 0, settled.out
        parents.add(settled.json["rows"][0]["parent_phone"])
    assert parents == {"01011112222", "01012345678"}


def test_a_column_can_be_named_by_its_header(cli: Cli, roster: Make) -> None:
    ran = cli("excel", "check", roster("a.xlsx", OPEN), "--map", "parent_phone=연락처2", "-o", "json")
    assert ran.code == 0
    assert ran.json["sheets"][0]["mapping"]["parent_phone"] == "C"


def test_one_sheet_can_be_asked_for(cli: Cli, roster: Make) -> None:
    path = roster("a.xlsx", GOOD, title="월수반", sheets={"화목반": GOOD[2:5]})
    told = cli("excel", "check", path, "--sheet", "화목반", "-o", "json").json
    assert [one["sheet"] for one in told["sheets"]] == ["화목반"]


def test_the_table_shows_as_many_students_as_asked(cli: Cli, roster: Make) -> None:
    path = roster("a.xlsx", GOOD)
    out = cli("excel", "check", path, "--rows", "2").out
    assert "이두리" in out
    assert "박세찌" not in out


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
        ("a.xlsx", b""),
    ],
)
def test_what_is_no_class_list_is_refused_in_one_object(cli: Cli, tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / name).write_bytes(body)
    told = cli("excel", "check", name, "-o", "json")
    assert (told.code, told.json["status"], told.json["rows"]) == (1, "refused", [])
    assert told.json["refused"]["code"]
    assert told.json["refused"]["message"]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_people_read_what_a_refused_file_is_and_the_way_out(cli: Cli, tmp_path: Path, lang: str) -> None:
    (tmp_path / "a.xls").write_bytes("<html><table><tr><td>이름</td></tr></table></html>".encode())
    shown = cli("--lang", lang, "excel", "check", "a.xls")
    assert (shown.code, shown.err) == (1, "")
    golden(f"check_refused_{lang}", shown.out)
    shown.out.encode("cp949")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("none.xlsx",), "no-file"),
        ((".",), "no-file"),
        (("a.xlsx", "--map", "parent=C"), "bad-map"),
        (("a.xlsx", "--map", "parent_phone"), "bad-map"),
        (("a.xlsx", "--map", "parent_phone="), "bad-map"),
        (("a.xlsx", "--map", "name=A", "--map", "name=B"), "bad-map"),
    ],
)
def test_wrong_words_are_a_usage_error_and_one_object(
    cli: Cli, roster: Make, words: tuple[str, ...], code: str
) -> None:
    roster("a.xlsx", GOOD)
    ran = cli("excel", "check", *words, "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (2, code)
    assert ran.json["error"]["remedy"]


def test_no_settings_are_needed_not_even_valid_ones(cli: Cli, roster: Make, tmp_path: Path) -> None:
    (tmp_path / "academyctl.toml").write_text("[no such thing", encoding="utf-8")
    cli.set(DB_PORT="no number")
    assert cli("excel", "check", roster("a.xlsx", GOOD)).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_two_thousand_rows_load_no_library_and_cost_a_few_starts(roster: Make, tmp_path: Path) -> None:
    """A start is what --help costs."""
    lines = [GOOD[2], *([f"김{'가나다라마'[n % 5]}{'바사아자차'[n % 7 % 5]}", f"010{n:08}"] for n in range(2_000))]
    path = roster("a.xlsx", lines)

    def cpu_s(*words: str) -> float:
        watched = "import resource, runpy, sys; import subprocess as s; p = s.run(sys.argv[1:], capture_output=True);"
        watched += "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime, p.stderr.decode())"
        argv = [sys.executable, "-c", watched, sys.executable, "-c", WATCH, *words]
        ended = subprocess.run(argv, capture_output=True, check=True, env=environment(tmp_path), cwd=tmp_path)
        spent, loaded = ended.stdout.decode().split(" ", 1)
        assert set(json.loads(loaded)) & HEAVY == set()
        return float(spent)

    assert cpu_s("excel", "check", str(path)) < 6 * cpu_s("excel", "check", "--help")

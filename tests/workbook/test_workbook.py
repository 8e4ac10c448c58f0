"""Workbooks written row by row."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from academyctl import sandbox
from academyctl.workbook import Cell, Look, clean, safe_filename, safe_sheet_title, writing
from academyctl.workbook_child import Layout, filled, moment, write_spool

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "#N/A", "#REF!", "\t=1", "2026-01-01", "010"]


def read(path: Path) -> list[list[Any]]:
    return [list(row) for row in load_workbook(path).active.iter_rows()]


def test_every_text_is_a_text(tmp_path: Path) -> None:
    with writing(tmp_path / "a.xlsx") as book:
        sheet = book.sheet("명단")
        sheet.header(DANGEROUS)
        sheet.row(DANGEROUS)
        sheet.row(Cell(text, Look(fill="FFC7CE")) for text in DANGEROUS)
    for row in read(tmp_path / "a.xlsx"):
        assert [cell.value for cell in row] == DANGEROUS
        assert {cell.data_type for cell in row} == {"s"}


def test_values_and_looks_come_back(tmp_path: Path) -> None:
    red = Look(fill="FFC7CE")
    with writing(tmp_path / "a.xlsx") as book:
        sheet = book.sheet("명단", widths=[16, 9.5], freeze="D2")
        sheet.header(["가", "나"])
        sheet.row([1, 2.5, Decimal("3.25"), True, None, date(2026, 3, 2), datetime(2026, 3, 2, 9, 30, tzinfo=UTC)])
        sheet.row([Cell("빨강", red), "보통", Cell(None, red), Cell("글", Look(number_format="@")), float("inf")])
        assert sheet.rows == 3
    worksheet = load_workbook(tmp_path / "a.xlsx").active
    header, values, looks = ([*row] for row in worksheet.iter_rows())
    assert all(cell.font.bold and cell.alignment.horizontal == "center" for cell in header[:2])
    assert [cell.value for cell in values] == [
        1, 2.5, 3.25, True, None, datetime(2026, 3, 2), datetime(2026, 3, 2, 9, 30),  # noqa: DTZ001 - cells have none
    ]  # fmt: skip
    assert [cell.fill.start_color.rgb[2:] for cell in looks[:3]] == ["FFC7CE", "000000", "FFC7CE"]
    assert (looks[3].number_format, looks[4].value) == ("@", "inf")
    assert (worksheet.freeze_panes, worksheet.column_dimensions["B"].width) == ("D2", 9.5)


def test_what_xml_cannot_hold_is_left_out() -> None:
    assert clean("a\x00b\x0bc\ud800d\uffffe\nf\tg") == "abcde\nf\tg"
    assert len(clean("가" * 40_000)) == 32_767


def test_a_failure_leaves_neither_the_file_nor_temporary_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tempfile.tempdir = None  # it is remembered from the first use on
    try:
        with pytest.raises(ValueError, match="object"), writing(tmp_path / "a.xlsx") as book:
            sheet = book.sheet("명단")
            sheet.row(["하나"])
            assert list(tmp_path.iterdir())
            sheet.row([object()])  # type: ignore[list-item]
        assert not list(tmp_path.iterdir())
        with writing(tmp_path / "b.xlsx") as book:
            book.sheet("빈 시트")
        assert [path.name for path in tmp_path.iterdir()] == ["b.xlsx"]
    finally:
        tempfile.tempdir = None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("2026-2 급여정산", "2026-2 급여정산"),
        ("[고2]: 수학/과학*?\\", "_고2__ 수학_과학___"),
        ("'따옴표'", "따옴표"),
        ("가" * 40, "가" * 31),
        ("  ", "Sheet"),
        ("", "Sheet"),
    ],
)
def test_titles_are_ones_that_excel_opens(text: str, title: str) -> None:
    assert safe_sheet_title(text) == title


def test_titles_do_not_repeat() -> None:
    assert safe_sheet_title("ABC", taken=["abc", "abc (2)"]) == "ABC (3)"
    assert safe_sheet_title("가" * 40, taken=["가" * 31]) == "가" * 27 + " (2)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("출결_수학A_1.xlsx", "출결_수학A_1.xlsx"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a<b>:"c|?*.xlsx', "a_b___c___.xlsx"),
        ("CON.xlsx", "file_CON.xlsx"),
        ("이름\n바꿈\u202egpj.xlsx", "이름_바꿈_gpj.xlsx"),
        ("", "file"),
        ("가" * 300 + ".xlsx", "가" * 65 + ".xlsx"),
    ],
)
def test_file_names_hold_anywhere(text: str, name: str) -> None:
    assert safe_filename(text) == name
    assert len(safe_filename(text).encode()) <= 200


def test_a_spool_becomes_the_sheet(tmp_path: Path) -> None:
    spool, target = tmp_path / "rows.jsonl", tmp_path / "a.xlsx"
    layout = Layout("출결", ("이름", "때", "수"), widths=(16.0,) * 3, freeze="B2")
    at = datetime(2026, 3, 2, 9, 30, 15, 999, tzinfo=UTC)
    rows: list[list[Any]] = [["=김", moment(at), 1.5], [filled("현장", "C6EFCE"), None, 2]]
    assert write_spool(spool, layout, rows) == 2
    ended = sandbox.run_child(
        sandbox.module("academyctl.workbook_child", str(spool), str(target)), wall_s=60, cpu_s=60, memory_bytes=0
    )
    assert (ended.reason, ended.stderr) == ("ok", "")
    found = read(target)
    assert [[cell.value for cell in row] for row in found[1:]] == [
        ["=김", at.replace(tzinfo=None, microsecond=0), 1.5], ["현장", None, 2],
    ]  # fmt: skip
    assert found[2][0].fill.start_color.rgb == "00C6EFCE"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of one process is read from /proc")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """1,000 rows of 30 cells take 10 MB where they are kept; nothing where they are streamed."""
    code = (
        "import sys; from academyctl import workbook_child as child; child.main(sys.argv[1:]); "
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    peaks: list[int] = []
    for count in (20, 1_000):
        spool, target = tmp_path / f"{count}.jsonl", tmp_path / f"{count}.xlsx"
        write_spool(spool, Layout("출결", ("이름",) * 30), ([filled("현장", "C6EFCE")] * 30 for _ in range(count)))
        command = [sys.executable, "-c", code, str(spool), str(target)]
        peaks.append(int(sandbox.run_child(command, wall_s=60, cpu_s=60, memory_bytes=0).stdout))
    assert peaks[1] - peaks[0] < 5_000, peaks

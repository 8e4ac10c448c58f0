"""The empty class list: what Excel does with it cannot be tested here, what we read back can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from academyctl.roster.template import GUIDE, SHEET
from tests.excel_commands.conftest import HEADER
from tests.video_commands.conftest import Cli

STUDENTS = (
    ("김하나", "01012345678", "01087654321", "한빛고등학교", 2, "여", "3", "이과", "", ""),
    ("이두리", "010-2222-3333", "", "신목중학교", "1", "남", "", "", "셔틀 이용", ""),
)


def opened(path: Path) -> Any:
    return openpyxl.load_workbook(path)


def test_filled_in_it_is_read_without_a_question(cli: Cli, tmp_path: Path) -> None:
    assert cli("excel", "template", "a.xlsx", "--with-example").code == 0
    book = opened(tmp_path / "a.xlsx")
    for student in STUDENTS:
        book[SHEET].append(student)
    book.save(tmp_path / "a.xlsx")
    told = cli("excel", "check", "a.xlsx", "-o", "json", "--reveal")
    assert told.code == 0, told.out
    assert len(told.json["sheets"][0]["mapping"]) == len(HEADER)
    assert [(row["name"], row["parent_phone"], row["grade"]) for row in told.json["rows"]] == [
        ("김하나", "01012345678", 2),
        ("이두리", "01022223333", 1),
    ]
    assert [one["why"] for one in told.json["skipped"]] == ["example"]


def test_its_header_is_the_contracts(cli: Cli, tmp_path: Path) -> None:
    cli("excel", "template", "a.xlsx")
    sheet = opened(tmp_path / "a.xlsx")[SHEET]
    assert tuple(cell.value for cell in sheet[1]) == HEADER
    assert sheet.max_row == 1
    assert sheet.freeze_panes == "A2"


def test_phone_columns_are_text_and_choices_are_offered(cli: Cli, tmp_path: Path) -> None:
    cli("excel", "template", "a.xlsx")
    sheet = opened(tmp_path / "a.xlsx")[SHEET]
    assert sheet.column_dimensions["B"].number_format == "@"
    assert sheet.column_dimensions["C"].number_format == "@"
    offered = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    assert offered == {"E2:E1001": '"1,2,3"', "F2:F1001": '"남,여"'}


def test_the_guide_is_in_both_languages(cli: Cli, tmp_path: Path) -> None:
    cli("excel", "template", "a.xlsx")
    guide = opened(tmp_path / "a.xlsx")[GUIDE]
    assert all(korean.value and english.value for korean, english in guide.iter_rows())


def test_a_file_that_is_there_is_not_overwritten_by_accident(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"mine")
    ran = cli("excel", "template", "a.xlsx", "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "exists")
    assert (tmp_path / "a.xlsx").read_bytes() == b"mine"
    assert cli("excel", "template", "a.xlsx", "--force").code == 0
    assert opened(tmp_path / "a.xlsx").sheetnames == [SHEET, GUIDE]


def test_it_goes_to_roster_xlsx_and_says_what_is_next(cli: Cli, tmp_path: Path) -> None:
    ran = cli("--lang", "ko", "excel", "template")
    assert ran.code == 0
    assert "academyctl excel check roster.xlsx" in ran.out
    assert (tmp_path / "roster.xlsx").exists()
    assert cli("excel", "template", "b.xlsx", "-o", "json").json["file"] == "b.xlsx"


@pytest.mark.parametrize("name", ["a.xls", "a", "no/such/folder/a.xlsx"])
def test_where_it_cannot_be_written_is_said(cli: Cli, name: str) -> None:
    ran = cli("excel", "template", name, "-o", "json")
    assert ran.code in (1, 2)
    assert ran.json["error"]["remedy"]

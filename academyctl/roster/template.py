"""An empty class list that is read without a question: the contract's Korean headers, phone columns as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from academyctl import workbook
from academyctl.errors import Both
from academyctl.roster.words import FIELD_NAMES

SHEET = "학생명단"
GUIDE = "작성안내"
ROWS = 1_000
"""So many rows get the lists of choices; more may be filled in."""
TEXT = "@"
_REQUIRED_FILL = "FCE4D6"


class _Column(NamedTuple):
    """A column: its width in characters, what the example holds, and how it is filled in."""

    field: str
    width: float
    example: str
    text: bool = False
    choices: str = ""


_COLUMNS = (
    _Column("name", 12, "홍길동"),
    _Column("parent_phone", 18, "010-1234-5678", text=True),
    _Column("student_phone", 18, "010-8765-4321", text=True),
    _Column("school", 16, "한빛고등학교"),
    _Column("grade", 8, "2", choices="1,2,3"),
    _Column("gender", 8, "남", choices="남,여"),
    _Column("school_class", 8, "3", text=True),
    _Column("major", 10, "이과"),
    _Column("memo", 24, ""),
    _Column("remark", 10, "예시"),
)
_REQUIRED = ("name", "parent_phone")

_GUIDE = (
    Both("How to fill it in", "작성 방법"),
    Both(
        f"One student a row, from row 2 of the sheet '{SHEET}' on.",
        f"'{SHEET}' 시트의 2행부터 한 줄에 한 명씩 적습니다.",
    ),
    Both("The two coloured columns must be filled in.", "색칠된 두 항목은 반드시 적습니다."),
    Both(
        "Numbers have 11 digits and start with 010; hyphens are optional.",
        "번호는 010으로 시작하는 11자리입니다. 하이픈은 있어도 없어도 됩니다.",
    ),
    Both(
        "A student without a number: leave it empty, do not repeat the other one.",
        "학생 번호가 없으면 비워 둡니다. 보호자 번호를 대신 적지 않습니다.",
    ),
    Both(
        "Grade is 1, 2 or 3; gender is 남 (male) or 여 (female).",
        "학년은 1, 2, 3 가운데 하나, 성별은 남 또는 여입니다.",
    ),
    Both(
        "A row that says 예시 (example) in the last column is not enrolled.",
        "구분 열에 '예시'라고 적힌 줄은 등록하지 않습니다.",
    ),
    Both("Leave the names in the first row as they are.", "첫 줄의 항목 이름은 바꾸지 않습니다."),
)
"""Whole sentences, none of which reads like a header."""


def write_template(path: Path, *, with_example: bool = False) -> None:
    """Write the workbook to `path`, over what is there. `with_example`: a row marked 예시, which no import enrols.

    Raises OSError when it cannot be written.
    """
    with workbook.writing(path) as book:
        sheet = book.sheet(SHEET, widths=[column.width for column in _COLUMNS], freeze="A2")
        _prepare(sheet.worksheet)
        sheet.row([workbook.Cell(FIELD_NAMES[column.field].ko, _header(column)) for column in _COLUMNS])
        if with_example:
            sheet.row([workbook.Cell(column.example, _body(column)) for column in _COLUMNS])
        guide = book.sheet(GUIDE, widths=(62, 76))
        for number, (english, korean) in enumerate(_GUIDE):
            look = workbook.Look(bold=number == 0, wrap=True)
            guide.row([workbook.Cell(korean, look), workbook.Cell(english, look)])


def _header(column: _Column) -> workbook.Look:
    required = column.field in _REQUIRED
    return workbook.Look(bold=True, centred=True, fill=_REQUIRED_FILL if required else "")


def _body(column: _Column) -> workbook.Look:
    return workbook.Look(number_format=TEXT) if column.text else workbook.PLAIN


def _prepare(worksheet: Any) -> None:
    """Text format and choices for cells that nobody has filled in yet."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for number, column in enumerate(_COLUMNS, 1):
        letter = get_column_letter(number)
        if column.text:
            worksheet.column_dimensions[letter].number_format = TEXT
        if column.choices:
            choice = DataValidation(
                type="list", formula1=f'"{column.choices}"', allow_blank=True, showErrorMessage=True
            )
            choice.errorTitle, choice.error = FIELD_NAMES[column.field].ko, column.choices
            choice.add(f"{letter}2:{letter}{ROWS + 1}")
            worksheet.data_validations.append(choice)

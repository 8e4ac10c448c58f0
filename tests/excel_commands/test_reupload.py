"""The promise of the error workbook: correct the marked cells, upload it again, and every student is enrolled."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from academyctl.errors import Stopping, WorkFailed
from academyctl.roster.annotate import BAD
from academyctl.roster.annotating import annotate_file
from academyctl.roster.model import Ask, Limits, Reading
from academyctl.roster.reading import read
from academyctl.roster.report import spool_rows

RIGHT = "010-9876-5432"
ANNOTATED = f"00{BAD}"


def upload(path: Path) -> Path:
    """Two sheets, a title, a two-row merged header, a hidden old number, notes, and six kinds of mistakes."""
    book = openpyxl.Workbook()
    one = book.active
    assert one is not None
    one.title = "월수금반"
    for row in (
        ["2026 겨울방학 특강"],
        [],
        ["학생", None, "연락처", None, None, "메모"],
        ["이름", "학교", "학부모(구)", "학생", "학부모", None],
        ["김하나", "한빛고", "010-1111-1111", "010-8765-4321", "010-1234-5678", "=1+1"],
        ["이두리", "한빛고", None, None, "010-123-45", "-할인"],
        [None, "목동고", None, None, "010-2222-3333", "@보강"],
        ["박세찌", "목동고", None, None, None, None],
        ["최네찌", "목동고", None, None, "02-345-6789", None],
        ["정닷찌", "양정중", None, None, "011-234-5678", None],
        ["강엿찌", "양정중", None, None, "#N/A", None],
        ["조일곱", "양정중", None, None, 1044445555, "+82"],
        [],
        ["※ 문의는 사무실로 해 주세요."],
    ):
        one.append(row)
    one["F5"].data_type = "s"
    one["E11"].data_type = "e"
    for merge in ("A1:F1", "A3:B3", "C3:E3", "F3:F4", "B8:B9"):
        one.merge_cells(merge)
    one.column_dimensions["C"].hidden = True
    guide = book.create_sheet("안내", 0)
    guide.append(["이 파일의 다음 시트를 채워 주세요."])
    two = book.create_sheet("화목반")
    for row in (["보호자 전화", "성명"], ["010-5555-6666", "윤여덟"], ["전화 없음", "장아홉"]):
        two.append(row)
    book.save(path)
    return path


def reading(path: Path) -> tuple[Reading, list[tuple[Any, ...]]]:
    spool = path.with_suffix(".rows")
    found = read(path, Ask(), Limits(), spool=spool)
    return found, [
        (row["name"], row["parent_phone"], row["student_phone"], row["school"], row["memo"])
        for row in spool_rows(spool)
    ]


def marked(sheet: Any) -> list[Any]:
    """The cells that are to be corrected: filled, and not in the column of errors."""
    last = sheet.max_column
    cells = [cell for row in sheet.iter_rows() for cell in row]
    return [cell for cell in cells if cell.fill.start_color.rgb == ANNOTATED and cell.column < last]


def correct(path: Path) -> int:
    """What the user does: a name where a name is missing, a number everywhere else. How many cells that were."""
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book for cell in marked(sheet)]
    for number, cell in enumerate(cells):
        cell.value = (
            "한새로" if re.fullmatch(r"A\d+", cell.coordinate) and cell.value is None else f"010-9876-{number:04}"
        )
    book.save(path)
    return len(cells)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return upload(tmp_path_factory.mktemp("upload") / "명단.xlsx")


@pytest.fixture(scope="module")
def annotated(wrong: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("annotated") / "명단_오류.xlsx"
    annotate_file(wrong, Ask(), out, Limits())
    return out


def test_after_correcting_the_marked_cells_alone_everybody_is_read_right(
    wrong: Path, annotated: Path, tmp_path: Path
) -> None:
    before, _ = reading(wrong)
    assert (before.status, before.counts["failed"]) == ("errors", 7)
    out = Path(shutil.copy(annotated, tmp_path))
    assert correct(out) == 7
    after, students = reading(out)
    assert (after.status, after.counts["good"], after.counts["failed"]) == ("ok", 10, 0)
    assert [table.mapping for table in after.tables] == [table.mapping for table in before.tables]
    assert after.lecture_title == before.lecture_title == "2026 겨울방학 특강"
    assert students == [
        ("김하나", "01012345678", "01087654321", "한빛고", "=1+1"),
        ("이두리", "01098760000", None, "한빛고", "-할인"),
        ("한새로", "01022223333", None, "목동고", "@보강"),
        ("박세찌", "01098760002", None, "목동고", None),
        ("최네찌", "01098760003", None, "목동고", None),
        ("정닷찌", "01098760004", None, "양정중", None),
        ("강엿찌", "01098760005", None, "양정중", None),
        ("조일곱", "01044445555", None, "양정중", "+82"),
        ("윤여덟", "01055556666", None, None, None),
        ("장아홉", "01098760006", None, None, None),
    ]


def test_only_the_bad_rows_can_be_corrected_and_uploaded_alone(wrong: Path, tmp_path: Path) -> None:
    out = tmp_path / "rest.xlsx"
    annotate_file(wrong, Ask(), out, Limits(), only_bad=True)
    assert correct(out) == 7
    after, students = reading(out)
    assert (after.status, after.counts["good"]) == ("ok", 7)
    assert [(name, school) for name, _, _, school, _ in students] == [
        ("이두리", "한빛고"), ("한새로", "목동고"), ("박세찌", "목동고"), ("최네찌", "목동고"), ("정닷찌", "양정중"),
        ("강엿찌", "양정중"), ("장아홉", None),
    ]  # fmt: skip


def test_corrected_halfway_it_is_annotated_again_without_a_second_column(annotated: Path, tmp_path: Path) -> None:
    twice = tmp_path / "2.xlsx"
    annotate_file(annotated, Ask(), twice, Limits())
    first, second = (openpyxl.load_workbook(path) for path in (annotated, twice))
    assert first.sheetnames == second.sheetnames == ["월수금반", "화목반"]
    for name in first.sheetnames:
        assert [row[:-1] for row in first[name].values] == [row[:-1] for row in second[name].values]
        assert [bool(row[-1]) for row in first[name].values] == [bool(row[-1]) for row in second[name].values]


def test_the_mapping_that_was_chosen_is_used_for_the_errors_too(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["이름", "연락처1", "연락처2"], ["김하나", "010-1111-2222", "1"], ["이두리", "2", "010-3333-4444"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    out = tmp_path / "b.xlsx"
    annotate_file(tmp_path / "a.xlsx", Ask({"parent_phone": "C"}), out, Limits())
    sheet = openpyxl.load_workbook(out).worksheets[0]
    assert [cell.coordinate for cell in marked(sheet)] == ["C2"]
    assert "parent" not in sheet["D2"].value


def test_every_problem_is_marked_not_the_first_thousand(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["이름,학부모 전화번호", *(f"김{'가나다라마바사'[n % 7]}{'하허호후'[n % 4]},010-12" for n in range(1_001))]
    path.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "b.xlsx"
    annotate_file(path, Ask(), out, Limits())
    with zipfile.ZipFile(out) as parts:
        written = parts.read("xl/worksheets/sheet1.xml").decode()
    assert len(re.findall(r'<c r="C\d+"', written)) == 1 + 1_001


def test_no_formula_survives_into_the_workbook(annotated: Path) -> None:
    cells = [cell for sheet in openpyxl.load_workbook(annotated) for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type in ("f", "e") or isinstance(cell.value, ArrayFormula)]


def test_a_stop_and_a_bound_end_the_making_and_leave_no_file(wrong: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.xlsx"
    with pytest.raises(Stopping):
        annotate_file(wrong, Ask(), out, Limits(), stop_asked=lambda: True)
    with pytest.raises(WorkFailed, match="wall"):
        annotate_file(wrong, Ask(), out, Limits(wall_s=0.0))
    assert list(tmp_path.iterdir()) == []

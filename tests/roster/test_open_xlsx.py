"""Our own reader of xlsx says what openpyxl says, and what openpyxl cannot say."""

# ruff: noqa: DTZ001 - a workbook knows no time zone
from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.formula import ArrayFormula

from academyctl.roster._xlsx_parts import is_date_format
from academyctl.roster._xlsx_stream import blocks, look, unprefixed
from academyctl.roster.model import CellError, Limits, Merge, RosterRefused, Sheet, Value
from academyctl.roster.opening import open_book
from tests.roster.packages import STRICT, STRICT_RELS, parts, sheet_xml, zipped

Rows = dict[int, list[Value]]
TWO = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>7</v></c></row>'


def sheet_of(tmp_path: Path, made: dict[str, str | bytes], limits: Limits | None = None) -> Sheet:
    return open_book(zipped(tmp_path / "a.xlsx", made), limits or Limits()).sheets[0]


def rows_of(tmp_path: Path, rows: str, **given: Any) -> Rows:
    return dict(sheet_of(tmp_path, parts(sheet_xml(rows), **given)).rows())


def refused(tmp_path: Path, made: dict[str, str | bytes], limits: Limits | None = None) -> str:
    with pytest.raises(RosterRefused) as caught:
        list(sheet_of(tmp_path, made, limits).rows())
    return caught.value.code


def openpyxls(path: Path) -> list[Rows]:
    book = openpyxl.load_workbook(path, data_only=True)
    out = []
    for sheet in book.worksheets:
        rows: Rows = {}
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            values = list(row)
            while values and values[-1] in (None, ""):
                values.pop()
            if values:
                rows[number] = values
        out.append(rows)
    return out


def random_book(path: Path, rng: random.Random, *, mac: bool) -> None:
    book = openpyxl.Workbook()
    if mac:
        book.epoch = CALENDAR_MAC_1904
    formats = ("General", "0.00", "000-0000-0000", "yyyy-mm-dd", 'yyyy"년" m"월" d"일"', "h:mm:ss", '"day" 0', "@")
    for sheet in (book.active, book.create_sheet("둘 & '셋' <4>")):
        for _ in range(300):
            cell = sheet.cell(rng.randrange(1, 60), rng.randrange(1, 30))
            kind = rng.randrange(8)
            cell.value = (
                rng.choice(["김민서", " 앞뒤 ", "a&b<c>\"d'", "줄\n바꿈", "_x41 아님", "1", "010-1234-5678"]),
                rng.randrange(10**11), round(rng.uniform(-1e6, 1e6), rng.randrange(9)), bool(rng.randrange(2)),
                datetime(rng.randrange(1950, 2100), rng.randrange(1, 13), 28, rng.randrange(24), 5, 59),
                date(rng.randrange(1950, 2100), 2, rng.randrange(1, 29)), time(rng.randrange(24), 30),
                rng.choice([1e300, 1e15, -0.0, 45_000, 0.25, 59, 61]),
            )[kind]  # fmt: skip
            if kind in (1, 7):
                cell.number_format = rng.choice(formats if abs(cell.value) < 100_000 else formats[:3])
    book.save(path)


@pytest.mark.parametrize("mac", [False, True], ids=["1900", "1904"])
@pytest.mark.parametrize("seed", range(3))
def test_random_workbooks_read_as_openpyxl_reads_them_cell_by_cell(tmp_path: Path, seed: int, mac: bool) -> None:
    path = tmp_path / "a.xlsx"
    random_book(path, random.Random(seed), mac=mac)
    book = open_book(path, Limits())
    assert [dict(sheet.rows()) for sheet in book.sheets] == openpyxls(path)
    assert [sheet.name for sheet in book.sheets] == ["Sheet", "둘 & '셋' <4>"]


def test_rows_may_be_read_again_and_half(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, parts(sheet_xml(TWO), strings="<si><t>이름</t></si>"))
    next(sheet.rows())
    assert list(sheet.rows()) == list(sheet.rows()) == [(1, ["이름", 7])]


@pytest.mark.parametrize("odd", ["", "<!-- read by expat -->"], ids=["plain", "expat"])
def test_both_ways_of_reading_say_the_same_of_every_kind_of_cell(tmp_path: Path, odd: str) -> None:
    cells = (
        '<c r="A1" t="s"><v>1</v></c><c r="B1" t="inlineStr"><is><t xml:space="preserve"> 가 &amp; 나 </t></is></c>'
        '<c r="C1" t="str"><f>A1&amp;"x"</f><v>ax</v></c><c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c>'
        '<c r="F1"><f>SUM(A1)</f></c><c r="G1"><f>1+1</f><v>2</v></c><c r="H1" s="1"><v>45000.5</v></c>'
        '<c r="I1" t="d"><v>2026-03-01T09:30:00</v></c><c r="J1" t="n" s="1"><v>0.5</v></c><c r="K1"><v>1E3</v></c>'
        '<c r="L1"><v>1.5</v></c><c r="M1" s="1"/><c r="N1" t="str"><v>a_x000D_b_x005F_x0041_</v></c>'
        '<c r="P1"><f t="shared" si="0"/></c><c r="Q1" t="s" s="1"><v>0</v></c><c r="R1" t="str"><f>""</f><v></v></c>'
    )
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    strings = "<si><t>이름</t></si><si><t/></si>"
    rows = rows_of(tmp_path, f'<row r="3" spans="1:9">{odd}{cells}</row>', styles=styles, strings=strings)
    assert rows == {
        3: [
            None, " 가 & 나 ", "ax", True, CellError("#N/A"), CellError("=SUM(A1)"), 2, datetime(2023, 3, 15, 12),
            datetime(2026, 3, 1, 9, 30), time(12), 1000, 1.5, None, "a\nb_x0041_", None, CellError("="), "이름",
        ]
    }  # fmt: skip


def test_runs_are_joined_and_their_phonetics_dropped(tmp_path: Path) -> None:
    rich = "<si><r><rPr><b/></rPr><t>김</t></r><r><t>민서</t></r><rPh sb='0' eb='1'><t>キム</t></rPh><phoneticPr/></si>"
    inline = f'<c r="B1" t="inlineStr">{rich.replace("si>", "is>")}</c>'
    assert rows_of(tmp_path, f'<row r="1"><c r="A1" t="s"><v>0</v></c>{inline}</row>', strings=rich) == {
        1: ["김민서", "김민서"]
    }


def test_text_is_freed_of_what_no_eye_sees(tmp_path: Path) -> None:
    seen = "김\u200b민\u00a0서\ufeff", "\u202e010", "\u1100\u1161", "a_x0000_b", "가\r\n나", "全\u3000角"
    rows = rows_of(
        tmp_path,
        "".join(f'<row><c t="inlineStr"><is><t>{t.replace(chr(13), "&#13;")}</t></is></c></row>' for t in seen),
    )
    assert [row[0] for row in rows.values()] == ["김민 서", "010", "가", "ab", "가\n나", "全 角"]


def test_strict_ooxml_is_read(tmp_path: Path) -> None:
    made = parts(sheet_xml(TWO, main=STRICT), strings="<si><t>이름</t></si>", main=STRICT, rels=STRICT_RELS)
    assert list(sheet_of(tmp_path, made).rows()) == [(1, ["이름", 7])]


@pytest.mark.parametrize(
    "target", ["/xl/worksheets/sheet1.xml", "worksheets\\sheet1.xml", "../XL/Worksheets/Sheet1.xml"]
)
def test_odd_targets_lead_to_the_sheet(tmp_path: Path, target: str) -> None:
    assert list(sheet_of(tmp_path, parts(target=target)).rows()) == [(1, ["이름"])]


@pytest.mark.parametrize(
    "before", ["", '<dimension ref="A1"/>', '<dimension ref="A1:XFD1048576"/>'], ids=["none", "wps", "all"]
)
def test_the_dimension_is_not_believed(tmp_path: Path, before: str) -> None:
    made = parts(sheet_xml('<row r="2"><c r="C2"><v>1</v></c></row>', before=before))
    assert list(sheet_of(tmp_path, made).rows()) == [(2, [None, None, 1])]


def test_cells_and_rows_without_references_stand_where_they_come(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path, '<row><c><v>1</v></c><c/><c><v>3</v></c></row><row r="5"><c r="B5"><v>2</v></c><c><v>4</v></c></row>'
    )
    assert rows == {1: [1, None, 3], 5: [None, 2, 4]}


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_hidden_columns_merges_and_visibility_are_told(tmp_path: Path, prefix: str) -> None:
    before = (
        '<cols><col min="1" max="1"/><col min="2" max="3" hidden="1"/><col min="5" max="16384" hidden="true"/></cols>'
    )
    after = (
        '<mergeCells count="9"><mergeCell ref="A1:B2"/><mergeCell ref="$D$4:$D$6"/><mergeCell ref="C1"/></mergeCells>'
    )
    sheets = (
        '<sheet name="가" r:id="rId1"/><sheet name="나" state="veryHidden" r:id="rId1"/><sheet name="다" r:id="no"/>'
    )
    xml = sheet_xml(before=before, after=after)
    if prefix:
        xml = xml.replace("</", "\0").replace("<", "<x:").replace("\0", "</x:").replace(" xmlns=", " xmlns:x=")
    book = open_book(zipped(tmp_path / "a.xlsx", parts(xml, sheets=sheets)), Limits(columns=7))
    shown, hidden = book.sheets
    assert (shown.name, shown.visible, hidden.name, hidden.visible) == ("가", True, "나", False)
    assert shown.hidden_columns == {1, 2, 4, 5, 6}
    assert shown.merged == (Merge(0, 0, 1, 1), Merge(3, 3, 5, 3))
    assert list(shown.rows()) == list(hidden.rows()) == [(1, ["이름"])]


def test_formulas_that_openpyxl_wrote_have_no_result(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"] = "=1+1", ArrayFormula("B1:B1", "=SUM(1)")
    book.save(tmp_path / "a.xlsx")
    assert list(open_book(tmp_path / "a.xlsx", Limits()).sheets[0].rows()) == [
        (1, [CellError("=1+1"), CellError("=SUM(1)")])
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "euc-kr"])
def test_a_sheet_may_be_written_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    xml = f'<?xml version="1.0" encoding="{encoding}"?>{sheet_xml()}'.encode(encoding)
    if encoding == "euc-kr":  # expat knows no such encoding: said, not guessed
        assert refused(tmp_path, parts(xml)) == "corrupt"
    else:
        assert list(sheet_of(tmp_path, parts(xml)).rows()) == [(1, ["이름"])]


def test_empty_cells_and_rows_are_left_out_however_far(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="B1" s="1"/><c r="XFD1" s="1"/></row><row r="2"/>'
    rows += '<row r="1048576"><c r="A1048576"/></row>'
    assert rows_of(tmp_path, rows) == {1: [1]}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', "too-many-columns"),
        ('<row r="1"><c r="A1" t="s"><v>9</v></c></row>', "corrupt"),
        ('<row r="2"/><row r="1"/>', "corrupt"),
        ("<!-- expat --><row r='x'/>", "corrupt"),
        ('<row r="1"/><row r="1"/>', "corrupt"),
        ('<row r="1048577"><c><v>1</v></c></row>', "too-many-rows"),
        ('<row r="1"><c r="A1"><v>1</c></v></row>', "corrupt"),
        ('<row r="1"><c r="A1"><v>1</v></c>', "corrupt"),
    ],
)
def test_a_sheet_that_excel_would_not_write_is_refused(tmp_path: Path, rows: str, code: str) -> None:
    assert refused(tmp_path, parts(sheet_xml(rows))) == code


def test_more_rows_than_the_limit_are_refused_while_they_are_read(tmp_path: Path) -> None:
    rows = "<row><c><v>1</v></c></row>" * 1_012
    assert refused(tmp_path, parts(sheet_xml(rows)), Limits(rows=10)) == "too-many-rows"
    assert len(list(sheet_of(tmp_path, parts(sheet_xml(rows)), Limits(rows=100)).rows())) == 1_012


@pytest.mark.parametrize(
    ("code", "expected"),
    [("yyyy-mm-dd", True), ("[$-412]AM/PM h:mm;@", True), ('0"days"', False), ("[Red]0.00", False), ("[h]:mm", False),
     ("General", False), (r"0\d", False), ("_d0", False), ("#,##0", False), ('[$-F800]dddd", "mmmm dd', True),
     ("0.00E+00", False), ("@", False), ('0;"yyyy"', False), ('yyyy"년"', True)],
)  # fmt: skip
def test_a_number_format_is_a_date_by_its_codes_not_by_its_literals(code: str, expected: bool) -> None:
    assert is_date_format(code) is expected


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 10, 11, 13, 16, 19, 50])
def test_no_cut_of_the_stream_loses_or_doubles_an_element(size: int) -> None:
    xml = b'<x><sst a="1">' + b"".join(b"<si><t>%d</t></si>" % n for n in range(9)) + b"</sst><y/></x>"

    def chunks() -> Iterator[bytes]:
        return iter([xml[at : at + size] for at in range(0, len(xml), size)])

    around = look(chunks(), b"sst", b"<si", 9, too_many="too-big")
    assert (around.head, around.tail, around.plain) == (b"<x>", b"</sst><y/></x>", True)
    assert "".join(blocks(chunks(), b"sst", b"<si")) == xml.decode()[7 : xml.index(b"</sst")]
    with pytest.raises(RosterRefused):
        look(chunks(), b"sst", b"<si", 8, too_many="too-big")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_a_prefix_is_taken_off_wherever_the_stream_is_cut(size: int) -> None:
    xml = b'<?xml version="1.0"?><x:sst xmlns:x="y"><x:si><x:t>x: 1</x:t></x:si><xx:si/></x:sst>'
    cuts = [0, *range(40, len(xml), size), len(xml)]
    chunks = list(unprefixed(iter([xml[at:to] for at, to in pairwise(cuts)])))
    assert b"".join(chunks) == xml.replace(b"<x:", b"<").replace(b"</x:", b"</")
    assert all(chunks)

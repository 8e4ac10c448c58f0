"""A file is what its content says; what cannot be read is refused by its name, with the way out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.roster._refusals import TEXTS
from academyctl.roster.model import Book, Limits, RosterRefused, Value
from academyctl.roster.opening import open_book
from tests.roster import packages
from tests.roster.packages import compound, ods_parts, ods_row, parts, xls_bytes, xlsb_parts, zipped

TABLE = [["이름", "학부모 전화"], ["김민서", "010-1234-5678"]]
CSV = "이름,학부모 전화\r\n김민서,010-1234-5678\r\n"
OOXML = "application/vnd.openxmlformats-officedocument"
MARKUP = "<table><tr><td>이름</td></tr></table>"
XML2003 = '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>'
ENCRYPTED_ODS = "<manifest><file-entry><encryption-data/></file-entry></manifest>"


def values(book: Book) -> list[list[Value]]:
    return [row for _, row in book.sheets[0].rows()]


def typed(kind: str) -> dict[str, str | bytes]:
    return parts(kind=kind)


def test_every_kind_of_spreadsheet_is_read(tmp_path: Path) -> None:
    made = {
        "xls": xls_bytes([*TABLE]),  # type: ignore[list-item]
        "xlsb": zipped(tmp_path / "b", xlsb_parts(TABLE)).read_bytes(),
        "ods": zipped(tmp_path / "o", ods_parts("".join(ods_row(*row) for row in TABLE))).read_bytes(),
        "csv": CSV.encode(),
    }
    for kind, content in made.items():
        path = tmp_path / "명단.xlsx"  # the name lies
        path.write_bytes(content)
        book = open_book(path, Limits())
        assert (book.kind, values(book)) == (kind, TABLE)
    for kind, said in (("xlsx", f"{packages.TYPES}.sheet"), ("xlsm", "application/vnd.ms-excel.sheet.macroEnabled")):
        book = open_book(zipped(tmp_path / "명단.csv", typed(f"{said}.main+xml")), Limits())
        assert (book.kind, values(book)) == (kind, [["이름"]])


def test_an_xls_of_more_rows_than_one_sector_is_told_from_its_directory(tmp_path: Path) -> None:
    rows: list[list[str | float]] = [["이름", 1012345678.0], ["김민서", 0.5]] * 50
    path = tmp_path / "x"
    path.write_bytes(xls_bytes(rows))
    assert values(open_book(path, Limits())) == rows


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", b""), ("utf-8-sig", b""), ("cp949", b""), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"),
     ("utf-16-le", b""), ("utf-16-be", b"")],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_text_is_read_in_any_encoding_of_korean_programs(
    tmp_path: Path, encoding: str, bom: bytes, delimiter: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(bom + CSV.replace(",", delimiter).encode(encoding))
    assert values(open_book(path, Limits())) == TABLE


def test_what_keeps_a_zero_from_excel_is_undone_in_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('sep=;\n="01012345678";\'01012345678;"여러\n줄; 칸";\n;;;\n끝;it\'s\n', encoding="utf-8")
    rows = list(open_book(path, Limits()).sheets[0].rows())
    assert rows == [(1, ["01012345678", "01012345678", "여러\n줄; 칸"]), (3, ["끝", "it's"])]


def zip_of(made: dict[str, str | bytes]) -> Callable[[Path], None]:
    return lambda path: (zipped(path, made), None)[1]


def password_zip(path: Path) -> None:
    zipped(path, parts())
    raw = bytearray(path.read_bytes())
    at = raw.find(b"PK\x01\x02")
    raw[at + 8] |= 1
    path.write_bytes(raw)


def truncated(path: Path) -> None:
    zipped(path, parts())
    path.write_bytes(path.read_bytes()[:-200])


REFUSED: list[tuple[str, bytes | Callable[[Path], None]]] = [
    ("encrypted", compound({"EncryptionInfo": b"", "EncryptedPackage": b""})),
    ("encrypted", xls_bytes([["이름"]], encrypted=True)),
    ("encrypted", zip_of(ods_parts(ods_row("이름"), ENCRYPTED_ODS))),
    ("encrypted", password_zip),
    ("drm", b"\x9b DRMONE  This Document is encrypted"),
    ("html", MARKUP.encode()),
    ("html", b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>" + MARKUP.encode()),
    ("html", ("<html><meta charset=euc-kr>" + MARKUP).encode("utf-16")),
    ("html", b"MIME-Version: 1.0\r\nContent-Type: multipart/related"),
    ("xml2003", XML2003.encode()),
    ("xml2003", XML2003.encode("utf-16")),
    ("xml", b"<?xml version='1.0'?><students/>"),
    ("old-xls", b"\x09\x08\x08\x00\x00\x05\x10\x00" + bytes(40)),
    ("pdf", b"%PDF-1.7\n%\xe2\xe3"),
    ("docx", zip_of(typed(f"{OOXML}.wordprocessingml.document.main+xml"))),
    ("docx", compound({"WordDocument": b"", "1Table": b""})),
    ("pptx", zip_of(typed(f"{OOXML}.presentationml.presentation.main+xml"))),
    ("hwp", compound({"FileHeader": b"HWP Document File"})),
    ("hwpx", zip_of({"mimetype": "application/hwp+zip"})),
    ("numbers", zip_of({"Index/Document.iwa": "x"})),
    ("zip", zip_of({"명단.xlsx": "x"})),
    ("zip", b"7z\xbc\xaf\x27\x1c"),
    ("image", b"\x89PNG\r\n\x1a\n"),
    ("image", b"\0\0\0\x18ftypheic\0\0\0\0"),
    ("empty", b""),
    ("empty", b"\xef\xbb\xbf \r\n"),
    ("corrupt", truncated),
    ("corrupt", zip_of(xlsb_parts(TABLE) | {"xl/_rels/workbook.bin.rels": "<Relationships/>"})),  # calamine panics
    ("corrupt", compound({})[:512]),
    ("encoding", "이름,전화".encode() + b"\xff\xfe\xfd,x"),
    ("not-a-spreadsheet", b"\x7fELF\x02\x01\x01" + bytes(60)),
    ("no-sheet", zip_of(parts(sheets=""))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "content"), REFUSED, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSED)])
def test_what_is_no_readable_spreadsheet_is_refused_by_its_name(
    tmp_path: Path, code: str, content: bytes | Callable[[Path], None]
) -> None:
    path = tmp_path / "명단.xlsx"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(RosterRefused) as refused:
        open_book(path, Limits())
    assert refused.value.code == code
    assert refused.value.message == TEXTS[code]


def test_every_refusal_says_what_to_do_in_words_that_a_korean_console_can_show() -> None:
    for text in TEXTS.values():
        text.ko.encode("cp949")
        assert "올려 주세요" in text.ko
        assert "upload" in text.en


def test_a_file_above_the_limit_is_refused_before_it_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"PK" * 50)
    with pytest.raises(RosterRefused, match="too big"):
        open_book(path, Limits(file_bytes=99))


def test_a_word_file_that_holds_a_workbook_is_still_a_word_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(compound({"WordDocument": b"", "Workbook": b""}))
    with pytest.raises(RosterRefused) as refused:
        open_book(path, Limits())
    assert refused.value.code == "docx"


def test_no_file_is_left_open(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", parts())
    next(open_book(path, Limits()).sheets[0].rows())
    assert zipfile.is_zipfile(path)
    path.unlink()  # which Windows refuses for an open file

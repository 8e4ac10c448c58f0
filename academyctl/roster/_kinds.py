"""What a file is, by its content: its name and its declared type say what somebody hoped for."""

from __future__ import annotations

import re
from pathlib import Path

from academyctl.roster import _package
from academyctl.roster._compound import root_entries
from academyctl.roster._package import Package
from academyctl.roster._refusals import refusal
from academyctl.roster.model import Limits

READ = ("xlsx", "xlsm", "xls", "xlsb", "ods", "csv")
HEAD_BYTES = 8192
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "pdf"),
    (b"{\\rtf", "docx"),
    (b"HWP Document File", "hwp"),
    (b"\x89PNG", "image"), (b"\xff\xd8\xff", "image"), (b"GIF8", "image"), (b"BM", "image"), (b"II*\0", "image"),
    (b"MM\0*", "image"), (b"RIFF", "image"),
    (b"Rar!", "zip"), (b"7z\xbc\xaf", "zip"), (b"\x1f\x8b", "zip"), (b"BZh", "zip"), (b"\xfd7zXZ", "zip"),
    (b"EGGA", "zip"), (b"ALZ\x01", "zip"),
    (b"\x9b DRMONE", "drm"), (b"<## NASCA DRM", "drm"), (b"SCDSA", "drm"), (b"<DOCUMENT SAFER", "drm"),
    (b"\x09\x00\x04\x00", "old-xls"), (b"\x09\x02\x06\x00", "old-xls"), (b"\x09\x04\x06\x00", "old-xls"),
    (b"\x09\x08\x08\x00", "old-xls"), (b"\x09\x08\x10\x00", "old-xls"),
)  # fmt: skip
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|meta|body|table|style|script|div)\b|^mime-version:", re.IGNORECASE)
_XML2003 = (b"urn:schemas-microsoft-com:office:spreadsheet", b'progid="Excel.Sheet"')
_OLE2_KINDS = (
    ("EncryptedPackage", "encrypted"), ("WordDocument", "docx"), ("PowerPoint Document", "pptx"),
    ("HwpSummaryInformation", "hwp"), ("FileHeader", "hwp"),
)  # fmt: skip
_MIMETYPES = (
    (b"application/hwp+zip", "hwpx"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"application/vnd.oasis.opendocument.presentation", "pptx"),
    (b"application/vnd.oasis.opendocument", "docx"),
    (b"application/epub", "docx"),
)
_CONTENT_TYPES = (
    (b"ms-excel.sheet.binary", "xlsb"),
    (b"ms-excel.sheet.macroEnabled", "xlsm"),
    (b"ms-excel.template.macroEnabled", "xlsm"),
    (b"spreadsheetml.sheet.main", "xlsx"),
    (b"spreadsheetml.template.main", "xlsx"),
    (b"wordprocessingml.document.main", "docx"),
    (b"presentationml.presentation.main", "pptx"),
)


def kind_of(path: Path, limits: Limits) -> str:
    """One of READ. Raises RosterRefused with the code of what it is instead, empty, or too-big."""
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise refusal("too-big")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise refusal("empty" if size <= HEAD_BYTES else "not-a-spreadsheet")
    if head.startswith(_OLE2):
        return _compound_kind(path)
    if head.startswith(b"PK"):
        with _package.opened(path, limits) as package:
            return _zip_kind(package)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            raise refusal(kind)
    if b"%PDF-" in head[:1024]:
        raise refusal("pdf")
    if head[4:8] == b"ftyp":
        raise refusal("image" if head[8:11] in (b"hei", b"mif", b"avi") else "not-a-spreadsheet")
    _refuse_markup(head)
    return "csv"


def _refuse_markup(head: bytes) -> None:
    """Web tables and XML under an Excel name, in whatever encoding: they are told by their ASCII letters."""
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if any(mark in text for mark in _XML2003):
        raise refusal("xml2003")
    if (text.startswith(b"<") and _HTML.search(text)) or _HTML.match(text):
        raise refusal("html")
    if text.startswith(b"<?xml"):
        raise refusal("xml")


def _compound_kind(path: Path) -> str:
    names = root_entries(path)
    for name, kind in _OLE2_KINDS:
        if name in names:
            raise refusal(kind)
    if "Workbook" in names or "Book" in names:
        return "xls"
    raise refusal("not-a-spreadsheet" if names else "corrupt")


def _zip_kind(package: Package) -> str:
    if "mimetype" in package:
        mimetype = package.read("mimetype", most=HEAD_BYTES).strip()
        for known, kind in _MIMETYPES:
            if mimetype.startswith(known):
                return _ods(package) if kind == "ods" else _refuse(kind)
    if "xl/workbook.bin" in package:
        return "xlsb"
    if "[content_types].xml" in package:
        types = package.read("[content_types].xml", most=HEAD_BYTES * 512)
        for word, kind in _CONTENT_TYPES:
            if word in types:
                return kind if kind in READ else _refuse(kind)
    if "xl/workbook.xml" in package:
        return "xlsx"
    if any(name.endswith(".iwa") or name == "index.zip" for name in package.parts):
        return _refuse("numbers")
    return _refuse("zip" if package.parts else "empty")


def _ods(package: Package) -> str:
    manifest = "meta-inf/manifest.xml"
    if manifest in package and b"encryption-data" in package.read(manifest, most=2**22):
        raise refusal("encrypted")
    return "ods"


def _refuse(kind: str) -> str:
    raise refusal(kind)

"""Files of every kind, made by hand: packages from their XML, an xls and an xlsb from their records."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
PACKAGE_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>이름</t></is></c></row>'


def zipped(path: Path, parts: Mapping[str, str | bytes], *, level: int = 6) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def sheet_xml(rows: str = ROW, *, before: str = "", after: str = "", main: str = MAIN) -> str:
    return f'<worksheet xmlns="{main}" xmlns:r="{RELS}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def relationship(number: int, kind: str, target: str, rels: str = RELS) -> str:
    return f'<Relationship Id="rId{number}" Type="{rels}/{kind}" Target="{target}"/>'


def parts(
    sheet: str | bytes | None = None,
    *,
    strings: str = "",
    styles: str = "",
    sheets: str = '<sheet name="명단" sheetId="1" r:id="rId1"/>',
    properties: str = "",
    target: str = "worksheets/sheet1.xml",
    main: str = MAIN,
    rels: str = RELS,
    kind: str = f"{TYPES}.sheet.main+xml",
) -> dict[str, str | bytes]:
    """An xlsx's parts, by name; `strings` and `styles` are what stands inside `<sst>` and `<styleSheet>`."""
    links = relationship(1, "worksheet", target, rels)
    links += relationship(2, "sharedStrings", "sharedStrings.xml", rels) + relationship(3, "styles", "styles.xml", rels)
    names = f'xmlns="{main}" xmlns:r="{rels}"'
    out: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types><Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE_RELS}">'
        + relationship(1, "officeDocument", "xl/workbook.xml", rels)
        + "</Relationships>",
        "xl/workbook.xml": f"<workbook {names}>{properties}<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE_RELS}">{links}</Relationships>',
        "xl/worksheets/sheet1.xml": sheet if sheet is not None else sheet_xml(main=main),
    }
    if strings:
        out["xl/sharedStrings.xml"] = f'<sst xmlns="{main}">{strings}</sst>'
    if styles:
        out["xl/styles.xml"] = f'<styleSheet xmlns="{main}">{styles}</styleSheet>'
    return out


def ods_parts(rows: str, manifest: str = "<manifest/>") -> dict[str, str | bytes]:
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    body = f'<table:table table:name="명단">{rows}</table:table>'
    return {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>{body}"
        "</office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": manifest,
    }


def ods_row(*texts: str) -> str:
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in texts
    )
    return f"<table:table-row>{cells}</table:table-row>"


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE2 file (MS-CFB) of one allocation sector: every stream in sectors of its own, siblings in a row."""
    chains: list[bytes] = []
    fat: list[int] = []
    entries = [_entry("Root Entry", 5, child=1 if streams else 0xFFFFFFFF)]
    for number, (name, content) in enumerate(streams.items(), 1):
        padded = content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0")
        first, count = len(fat), len(padded) // 512
        fat += [*range(first + 1, first + count), 0xFFFFFFFE]
        chains.append(padded)
        right = number + 1 if number < len(streams) else 0xFFFFFFFF
        entries.append(_entry(name, 2, right=right, start=first, size=len(padded)))
    directory = b"".join(entries).ljust(-(-len(entries) // 4) * 512, b"\0")
    at, count = len(fat), len(directory) // 512
    fat += [*range(at + 1, at + count), 0xFFFFFFFE, 0xFFFFFFFD]
    table = struct.pack("<128I", *fat, *[0xFFFFFFFF] * (128 - len(fat)))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, at, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)  # fmt: skip
    header += struct.pack("<109I", len(fat) - 1, *[0xFFFFFFFF] * 108)
    return header + b"".join(chains) + directory + table


def _entry(
    name: str, kind: int, *, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF, start: int = 0, size: int = 0
) -> bytes:
    raw = name.encode("utf-16-le")
    head = (raw + b"\0\0").ljust(64, b"\0") + struct.pack("<HBB", len(raw) + 2, kind, 1)
    return head + struct.pack("<III", 0xFFFFFFFF, right, child) + bytes(36) + struct.pack("<IQ", start, size)


def xls_bytes(rows: list[list[str | float]], *, encrypted: bool = False) -> bytes:
    """A BIFF8 workbook (MS-XLS) of one sheet of LABEL and NUMBER records."""
    globals_ = _biff(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6))
    if encrypted:
        globals_ += _biff(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48))
    globals_ += _biff(0x42, struct.pack("<H", 1200))
    name = "명단".encode("utf-16-le")
    after = _biff(0x0A, b"")
    at = len(globals_) + 4 + 8 + len(name) + len(after)
    globals_ += _biff(0x85, struct.pack("<IBBBB", at, 0, 0, len(name) // 2, 1) + name) + after
    body = _biff(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                raw = value.encode("utf-16-le")
                body += _biff(0x204, struct.pack("<HHHHB", r, c, 0, len(raw) // 2, 1) + raw)
            else:
                body += _biff(0x203, struct.pack("<HHHd", r, c, 0, value))
    return compound({"Workbook": globals_ + body + _biff(0x0A, b"")})


def _biff(record: int, data: bytes) -> bytes:
    return struct.pack("<HH", record, len(data)) + data


def xlsb_parts(rows: list[list[str]]) -> dict[str, str | bytes]:
    """A binary workbook (MS-XLSB) of one sheet of BrtCellSt records."""
    link = _wide("rId1")
    bundle = struct.pack("<II", 0, 1) + link + _wide("명단")
    book = _brt(131) + _brt(143) + _brt(156, bundle) + _brt(144) + _brt(132)
    cells = b""
    for r, row in enumerate(rows):
        cells += _brt(0, struct.pack("<IIHBBBI", r, 0, 300, 0, 0, 0, 0))
        for c, text in enumerate(row):
            cells += _brt(6, struct.pack("<II", c, 0) + _wide(text))
    size = struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
    sheet = _brt(129) + _brt(148, size) + _brt(145) + cells + _brt(146) + _brt(130)
    made = parts(target="worksheets/sheet1.bin", kind="application/vnd.ms-excel.sheet.binary.macroEnabled.main")
    del made["xl/worksheets/sheet1.xml"], made["xl/workbook.xml"]
    rels = str(made.pop("_rels/.rels")).replace("workbook.xml", "workbook.bin")
    links = made.pop("xl/_rels/workbook.xml.rels")
    own = {"xl/workbook.bin": book, "xl/worksheets/sheet1.bin": sheet, "xl/_rels/workbook.bin.rels": links}
    return {**made, "_rels/.rels": rels, **own}


def _wide(text: str) -> bytes:
    raw = text.encode("utf-16-le")
    return struct.pack("<I", len(raw) // 2) + raw


def _brt(record: int, data: bytes = b"") -> bytes:
    number = bytes([record]) if record < 128 else bytes([record & 0x7F | 0x80, record >> 7])
    size, length = b"", len(data)
    while True:
        size += bytes([length & 0x7F | (0x80 if length > 127 else 0)])
        length >>= 7
        if not length:
            return number + size + data

"""No file takes more than a second of CPU or 100 MB to be refused, whatever it says of itself."""

from __future__ import annotations

import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from academyctl.roster import _package
from academyctl.roster._wire import request_json
from academyctl.roster.model import Ask, Limits
from academyctl.roster.reading import read
from academyctl.sandbox import run_child
from tests.roster.packages import ROW, ods_parts, ods_row, parts, relationship, sheet_xml, xls_bytes, zipped

CPU_S = 1.0
PEAK_MB = 100
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + "]>"  # fmt: skip
QUADRATIC = f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>'
# Reads one file after the other with the child's own code; what each one took, and the peak of them all so far.
MEASURED = """
import json, re, sys, time
from academyctl.roster.child import answer
for request in json.load(sys.stdin):
    began = time.process_time()
    reading = answer(request)
    took = time.process_time() - began
    try:
        peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) // 1024
    except OSError:
        peak = 0
    print(json.dumps([reading.refused and reading.refused.code, reading.status, took, peak]))
"""


@dataclass(frozen=True)
class Cost:
    code: str | None
    status: str
    cpu_s: float
    peak_mb: int


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    folder = tmp_path_factory.mktemp("hostile")
    requests = []
    for number, (_, make, limits) in enumerate(HOSTILE.values()):
        path = make(folder / f"{number}.xlsx")
        requests.append(request_json(path, Ask(), limits, folder / "spool"))
    run = [sys.executable, "-c", MEASURED]
    child = run_child(run, json.dumps(requests).encode(), wall_s=120, cpu_s=60, memory_bytes=Limits().memory_bytes)
    assert child.reason == "ok", child
    return dict(zip(HOSTILE, (Cost(*json.loads(line)) for line in child.stdout.splitlines()), strict=True))


def bomb(path: Path, name: str, head: str, body: bytes, times: int, tail: str) -> Path:
    """An xlsx whose part `name` repeats `body`, deflated once and copied: gigabytes made in milliseconds.

    Its CRC is wrong: who reads it to the end says `corrupt` instead of what it had to be refused for on the way.
    """
    zipped(path, {key: value for key, value in parts(strings="x").items() if key != name})
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    first = deflater.compress(head.encode()) + deflater.flush(zlib.Z_FULL_FLUSH)
    repeated = deflater.compress(body) + deflater.flush(zlib.Z_FULL_FLUSH)
    last = deflater.compress(tail.encode()) + deflater.flush(zlib.Z_FINISH)
    _append(path, name, first + repeated * times + last, len(head.encode() + tail.encode()) + len(body) * times, 1)
    return path


def _append(path: Path, name: str, packed: bytes, size: int, crc: int) -> None:
    """Write a member whose deflated bytes, size and CRC are given, true or not."""
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.header_offset = archive.start_dir
        info.compress_type, info.file_size, info.compress_size, info.CRC = zipfile.ZIP_DEFLATED, size, len(packed), crc
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        archive.fp.write(info.FileHeader(zip64=False) + packed)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(info)
        archive.NameToInfo[name] = info
        archive._didModify = True  # type: ignore[attr-defined]


HEAD, TAIL = sheet_xml("|").split("|")
MIB = 2**20
TINY = b"<si><t/></si>" * 80_659

Make = Callable[[Path], Path]


def rows_bomb(path: Path, row: bytes, megabytes: int) -> Path:
    return bomb(path, SHEET, HEAD, row * (MIB // len(row)), megabytes, TAIL)


def duplicate(path: Path) -> Path:
    zipped(path, parts())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("XL\\worksheets\\SHEET1.xml", sheet_xml())
    return path


def overlapping(path: Path) -> Path:
    """Every entry of the directory but the first leads into one body (David Fifield's better zip bomb)."""
    zipped(path, parts())
    raw = bytearray(path.read_bytes())
    at = raw.find(b"PK\x01\x02", raw.find(b"PK\x01\x02") + 4)
    first = struct.unpack_from("<I", raw, at + 42)[0]
    last = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<I", raw, last + 42, first)
    path.write_bytes(raw)
    return path


def wrong_crc(path: Path) -> Path:
    body = HEAD.encode() + ROW.encode() + TAIL.encode()
    zipped(path, {key: value for key, value in parts().items() if key != SHEET})
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    _append(path, SHEET, deflater.compress(body) + deflater.flush(), len(body), 1)
    return path


def lying(path: Path) -> Path:
    """The directory says one kilobyte; 200 MB would come out."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = deflater.compress(HEAD.encode()) + deflater.flush(zlib.Z_FULL_FLUSH)
    blanks = deflater.compress(b" " * MIB) + deflater.flush(zlib.Z_FULL_FLUSH)
    zipped(path, {key: value for key, value in parts().items() if key != SHEET})
    _append(path, SHEET, head + blanks * 200 + deflater.flush(), 1000, 1)
    return path


def truncated(path: Path) -> Path:
    zipped(path, parts())
    path.write_bytes(path.read_bytes()[:-60])
    return path


def named(path: Path, *names: str) -> Path:
    return zipped(path, parts() | dict.fromkeys(names, "x"))


def sheet(rows: str) -> Make:
    return lambda path: zipped(path, parts(sheet_xml(rows)))


def part(name: str, content: str | bytes) -> Make:
    return lambda path: zipped(path, parts(strings="x") | {name: content})


def cells_bomb(path: Path) -> Path:
    return bomb(path, SHEET, f"{HEAD}<row><c><v>", b"0123456789" * 13_000, 1024, "</v></c></row>" + TAIL)


def links_bomb(path: Path) -> Path:
    link = relationship(1, "x", "y").encode()
    return bomb(path, "xl/_rels/workbook.xml.rels", "<Relationships>", link * 9_000, 20, "</Relationships>")


SHEETS = "".join(f'<sheet name="{n}" r:id="rId1"/>' for n in range(300))
FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
WIDE = "".join(f"<c><v>{n}</v></c>" for n in range(16_384))
MANY = ods_row("x").replace("-cell ", '-cell table:number-columns-repeated="16000" ')
PLAIN = Limits()
TRUSTING = Limits(ratio=10**6, expanded_bytes=2**40)
"""So that what is behind the first look at a package's sizes has to hold as well."""
HOSTILE: dict[str, tuple[str, Make, Limits]] = {
    "1 GiB of blanks": ("too-big", lambda p: bomb(p, SHEET, HEAD, b" " * MIB, 1024, TAIL), PLAIN),
    "350 MiB of blanks": ("too-big", lambda p: bomb(p, SHEET, HEAD, b" " * MIB, 350, TAIL), TRUSTING),
    "130 MB in a cell": ("too-big", cells_bomb, TRUSTING),
    "130 MB in a string": ("too-big", lambda p: bomb(p, STRINGS, "<sst><si><t>", b"a" * MIB, 130, "</sst>"), TRUSTING),
    "far cell": ("too-many-columns", sheet(FAR), PLAIN),
    "16k columns": ("too-many-columns", sheet(f'<row r="1">{WIDE}</row>'), PLAIN),
    "billion laughs": ("unsafe", part(SHEET, LAUGHS + sheet_xml("<row><c><v>&j;</v></c></row>")), PLAIN),
    "quadratic": ("unsafe", part(SHEET, QUADRATIC + sheet_xml(f"<row><c><v>{'&a;' * 9999}</v></c></row>")), PLAIN),
    "laughs in UTF-16": ("unsafe", part(SHEET, (LAUGHS + sheet_xml()).encode("utf-16")), PLAIN),
    "laughs in strings": ("unsafe", part(STRINGS, LAUGHS + "<sst><si><t>&j;</t></si></sst>"), PLAIN),
    "laughs in the workbook": ("unsafe", part("xl/workbook.xml", LAUGHS + "<workbook/>"), PLAIN),
    "laughs in ods": ("unsafe", lambda p: zipped(p, ods_parts("") | {"content.xml": LAUGHS + "<x>&j;</x>"}), PLAIN),
    "20 M shared strings": ("too-big", lambda p: bomb(p, STRINGS, "<sst>", TINY, 248, "</sst>"), TRUSTING),
    "9 M tiny rows": ("too-many-rows", lambda p: rows_bomb(p, b"<row><c/></row>", 129), TRUSTING),
    "2 M rows without a reference": ("too-many-rows", lambda p: rows_bomb(p, b"<row/>", 12), PLAIN),
    "rows that never end": ("unsafe", sheet("<row><c><is>" * 200_000), PLAIN),
    "cells that never end": ("too-big", lambda p: rows_bomb(p, b"<c><v>1", 30), TRUSTING),
    "deep nesting": ("unsafe", sheet("<row><c>" + "<a>" * 300_000), PLAIN),
    "deep nesting in strings": ("unsafe", part(STRINGS, "<sst><si><r>" + "<a>" * 300_000), PLAIN),
    "300 sheets": ("too-many-sheets", lambda p: zipped(p, parts(sheets=SHEETS)), PLAIN),
    "180,000 relationships": ("too-big", links_bomb, PLAIN),
    "duplicate parts": ("unsafe", duplicate, PLAIN),
    "overlapping parts": ("unsafe", overlapping, PLAIN),
    "wrong CRC": ("corrupt", wrong_crc, PLAIN),
    "lying size": ("corrupt", lying, PLAIN),
    "truncated": ("corrupt", truncated, PLAIN),
    "500 entries where 400 may be": ("too-big", lambda p: named(p, *map(str, range(500))), Limits(entries=400)),
    "a target outside": ("corrupt", lambda p: zipped(p, parts(target="../../../../etc/passwd")), PLAIN),
    "ods that never ends": ("corrupt", lambda p: zipped(p, ods_parts("</table:table>")), PLAIN),
    "ods of repeated cells": ("too-many-columns", lambda p: zipped(p, ods_parts(MANY)), PLAIN),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_its_name_for_less_than_a_second_and_100_mb(
    costs: dict[str, Cost], name: str
) -> None:
    cost = costs[name]
    print(f"{name}: {cost}")
    assert (cost.status, cost.code) == ("refused", HOSTILE[name][0])
    assert cost.cpu_s < CPU_S
    assert cost.peak_mb < PEAK_MB


def test_names_like_paths_are_names_and_nothing_is_written(tmp_path: Path) -> None:
    path = named(tmp_path / "a.xlsx", "../../evil.txt", "/etc/evil", "C:\\evil")
    with _package.opened(path, Limits()) as package:
        assert "../../evil.txt" in package
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.xlsx"]


def test_what_even_the_bounds_let_through_ends_the_child_alone(tmp_path: Path) -> None:
    """A cell in each corner of an xls makes calamine ask for half a gigabyte at once, and end its process."""
    path = tmp_path / "a.xls"
    path.write_bytes(xls_bytes([["x"], *[[]] * 65_534, ["x"] * 256]))
    reading = read(path, Ask(), Limits(memory_bytes=2**28), spool=tmp_path / "spool")
    assert (reading.status, reading.refused and reading.refused.code) == ("refused", "too-heavy")

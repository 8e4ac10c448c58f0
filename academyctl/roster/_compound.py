"""The names in the root of an OLE2 compound file (MS-CFB), which tell an xls from a Word file or an encrypted one."""

from __future__ import annotations

import struct
from pathlib import Path

MAX_SECTORS = 4_096
"""Of the directory; 128 bytes an entry, so this is far beyond any document."""
_END = 0xFFFFFFFA
_ENTRY_BYTES = 128


def root_entries(path: Path) -> frozenset[str]:
    """Names of the streams and storages in the root; empty for a damaged file."""
    data = path.read_bytes()
    try:
        directory = _directory(data)
        found: set[str] = set()
        seen: set[int] = set()
        todo = [_child(directory, 0)]
        while todo:
            at = todo.pop()
            if at >= _END or at in seen:
                continue
            seen.add(at)
            entry = directory[at * _ENTRY_BYTES : (at + 1) * _ENTRY_BYTES]
            length = struct.unpack_from("<H", entry, 64)[0]
            found.add(entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"))
            todo += struct.unpack_from("<II", entry, 68)
    except (struct.error, IndexError, ValueError):
        return frozenset()
    return frozenset(found)


def _child(directory: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", directory, at * _ENTRY_BYTES + 76)[0])


def _directory(data: bytes) -> bytes:
    shift = struct.unpack_from("<H", data, 30)[0]
    if shift not in (9, 12):
        raise ValueError(shift)
    size = 1 << shift
    table = _table_sectors(data, size)
    sector = struct.unpack_from("<I", data, 48)[0]
    found = bytearray()
    for _ in range(MAX_SECTORS):
        if sector >= _END:
            break
        found += data[(sector + 1) * size : (sector + 2) * size]
        where, at = divmod(sector, size // 4)
        sector = struct.unpack_from("<I", data, (table[where] + 1) * size + at * 4)[0]
    return bytes(found)


def _table_sectors(data: bytes, size: int) -> list[int]:
    """Where the allocation table lies: 109 sectors by the header, the rest (a file above 7 MB) by a chain of lists."""
    table = list(struct.unpack_from("<109I", data, 76))
    more, count = struct.unpack_from("<II", data, 68)
    for _ in range(min(count, MAX_SECTORS)):
        if more >= _END:
            break
        *listed, more = struct.unpack_from(f"<{size // 4}I", data, (more + 1) * size)
        table += listed
    return table

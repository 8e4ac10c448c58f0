"""A zip package whose bounds are checked before anything in it is parsed, and again while it is inflated.

What a zip says of itself may be a lie, so each bound is held twice: by what the directory declares, and by zipfile,
which never inflates more of a part than is declared and compares its CRC at the end.
"""

from __future__ import annotations

import io
import mmap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from academyctl.roster._refusals import refusal
from academyctl.roster.model import Limits

CHUNK = 256 * 1024
_DIRECTORY_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30
_FLAG_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, RuntimeError)


class Package:
    """The parts of an open zip, found by name whatever the case, the slashes or a leading slash."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.parts = {_plain(info.filename): info for info in archive.infolist() if not info.is_dir()}

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self.parts

    def chunks(self, name: str) -> Iterator[bytes]:
        """The part's bytes, 256 KiB at a time. Raises RosterRefused `corrupt`, also at its end for a wrong CRC."""
        try:
            with self._archive.open(self.parts[_plain(name)]) as part:
                while chunk := part.read(CHUNK):
                    yield chunk
        except (*_BROKEN, KeyError) as error:
            raise refusal("corrupt") from error

    def read(self, name: str, *, most: int) -> bytes:
        """A whole part. Raises RosterRefused: `too-big` above `most` bytes, `corrupt`, `unsafe` for one with a DTD."""
        found = io.BytesIO()
        for chunk in self.chunks(name):
            found.write(chunk)
            if found.tell() > most:
                raise refusal("too-big")
        refuse_dtd(found.getvalue())
        return found.getvalue()


def refuse_dtd(xml: bytes) -> None:
    """Raise RosterRefused `unsafe` for XML that declares a document type or an entity: no spreadsheet has one."""
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise refusal("unsafe")


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Package]:
    """The package, its directory judged by `limits`.

    Raises RosterRefused: corrupt, encrypted, too-big, or unsafe (parts of one name, parts that lie over each other).
    """
    _refuse_long_directory(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (*_BROKEN, ValueError) as error:
        raise refusal("corrupt") from error
    with archive:
        _judge(archive, limits)
        yield Package(archive)


def _refuse_long_directory(path: Path, limits: Limits) -> None:
    """Before zipfile makes an object of each entry; the count that a zip declares is not what zipfile reads."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, entries = data.find(_DIRECTORY_ENTRY), 0
        while at >= 0:
            entries += 1
            if entries > limits.entries:
                raise refusal("too-big")
            at = data.find(_DIRECTORY_ENTRY, at + 4)


def _judge(archive: zipfile.ZipFile, limits: Limits) -> None:
    infos = archive.infolist()
    expanded = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if any(info.flag_bits & _FLAG_ENCRYPTED for info in infos):
        raise refusal("encrypted")
    if expanded > limits.expanded_bytes or any(info.file_size > limits.part_bytes for info in infos):
        raise refusal("too-big")
    if expanded > limits.ratio_from and expanded > limits.ratio * max(packed, 1):
        raise refusal("too-big")
    names = [_plain(info.filename) for info in infos]
    if len(set(names)) != len(names) or _overlap(infos):
        raise refusal("unsafe")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise refusal("unsafe")


def _overlap(infos: list[zipfile.ZipInfo]) -> bool:
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            return True
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
    return False


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()

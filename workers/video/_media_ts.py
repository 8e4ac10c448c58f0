"""What an MPEG transport stream segment says of its pictures, without decoding them (ISO 13818-1, H.264 §7.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKET = 188
SYNC = 0x47
LOOK_AT = 400 * PACKET
VIDEO_TYPES, AUDIO_TYPES = frozenset({0x1B}), frozenset({0x0F})
_NAL = re.compile(rb"\x00\x00\x01(?=(.)(.{0,3}))", re.DOTALL)
_SPS, _IDR, _SLICE = 7, 5, 1
ENOUGH = 8 * 1024
"""Bytes of the first picture: parameter sets and x264's own note come before its first slice."""


@dataclass(frozen=True)
class FirstPacket:
    """`start_s`: presentation time on the stream's own clock; `keyframe`: an IDR picture, or sound; `codec`: as in
    RFC 6381 (`avc1.64001f`, `mp4a.40.2`), '' where the segment does not carry it."""

    start_s: float
    keyframe: bool
    codec: str


def first_packet(segment: Path) -> FirstPacket | None:
    """Of the video, or of the sound when there is no video. None: not a transport stream with H.264 or AAC in it."""
    with segment.open("rb") as file:
        head = file.read(LOOK_AT)
    packets = list(_packets(head))
    pid, is_video = _elementary(packets)
    if pid is None:
        return None
    payload = bytearray()
    for at, start, data in packets:
        if at != pid or not (start or payload):
            continue
        if start and payload:
            break
        payload += data
        if len(payload) > ENOUGH:
            break
    pts = _pts(payload)
    if pts is None:
        return None
    if not is_video:
        return FirstPacket(pts / 90_000, keyframe=True, codec="mp4a.40.2")
    return FirstPacket(pts / 90_000, keyframe=_begins_with_idr(payload), codec=_codec(payload))


def presentation_times(segment: Path) -> list[float]:
    """When each picture (or sound packet) of a segment is due, in seconds, sorted."""
    packets = list(_packets(segment.read_bytes()))
    pid, _ = _elementary(packets)
    times = (_pts(data) for at, start, data in packets if start and at == pid)
    return sorted(pts / 90_000 for pts in times if pts is not None)


def _packets(head: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """(PID, begins a unit, payload) of each packet that has a payload."""
    for at in range(0, len(head) - PACKET + 1, PACKET):
        packet = head[at : at + PACKET]
        if packet[0] != SYNC:
            return
        control = packet[3] >> 4 & 3
        begin = 4 + (1 + packet[4] if control & 2 else 0)
        if control & 1 and begin < PACKET:
            yield (packet[1] & 0x1F) << 8 | packet[2], bool(packet[1] & 0x40), packet[begin:]


def _elementary(packets: list[tuple[int, bool, bytes]]) -> tuple[int | None, bool]:
    """The PID of the H.264 stream, else of the AAC stream, from the programme tables."""
    tables = {pid: data[1 + data[0] :] for pid, start, data in packets if start and data[:1] and data[:3] != b"\0\0\1"}
    association = tables.get(0, b"")
    if len(association) < 12:
        return None, False
    programme = tables.get((association[10] & 0x1F) << 8 | association[11], b"")
    if len(programme) < 12:
        return None, False
    end = 3 + ((programme[1] & 0x0F) << 8 | programme[2]) - 4
    at = 12 + ((programme[10] & 0x0F) << 8 | programme[11])
    found: dict[int, int] = {}
    while at + 5 <= min(end, len(programme)):
        found.setdefault(programme[at], (programme[at + 1] & 0x1F) << 8 | programme[at + 2])
        at += 5 + ((programme[at + 3] & 0x0F) << 8 | programme[at + 4])
    for kinds in (VIDEO_TYPES, AUDIO_TYPES):
        for kind, pid in found.items():
            if kind in kinds:
                return pid, kinds is VIDEO_TYPES
    return None, False


def _pts(payload: bytes | bytearray) -> int | None:
    """The presentation time stamp of a PES header, in 1/90000 s."""
    if len(payload) < 14 or payload[:3] != b"\0\0\1" or not payload[7] & 0x80:
        return None
    a, b, c, d, e = payload[9:14]
    return (a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1


def _begins_with_idr(payload: bytes | bytearray) -> bool:
    """Whether the first slice is one of an IDR picture."""
    for match in _NAL.finditer(bytes(payload[9:])):
        kind = match[1][0] & 0x1F
        if kind in {_SLICE, _IDR}:
            return kind == _IDR
    return False


def _codec(payload: bytes | bytearray) -> str:
    """Profile, constraints and level of the sequence parameter set."""
    for match in _NAL.finditer(bytes(payload[9:])):
        if match[1][0] & 0x1F == _SPS and len(match[2]) == 3:
            return f"avc1.{match[2].hex()}"
    return ""

"""HLS playlists as values: the small part of RFC 8216 that a published video uses, read strictly."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from academyctl.errors import WorkFailed

_ATTRIBUTE = re.compile(r'\s*([A-Z0-9-]+)\s*=\s*("[^"]*"|[^,"]*)\s*(?:,|$)')


class BadPlaylist(WorkFailed):
    """A text that is no playlist, or one with a line that cannot be read."""

    code = "bad-playlist"


@dataclass(frozen=True)
class Variant:
    """One EXT-X-STREAM-INF (RFC 8216 §4.3.4.2). `bandwidth` is bit/s; `resolution` is (width, height)."""

    uri: str
    bandwidth: int
    codecs: str = ""
    resolution: tuple[int, int] | None = None
    frame_rate: float | None = None
    audio_group: str = ""


@dataclass(frozen=True)
class Audio:
    """One EXT-X-MEDIA of type AUDIO (§4.3.4.1); no `uri` = the sound is inside the variant."""

    group: str
    name: str
    uri: str = ""


@dataclass(frozen=True)
class Master:
    variants: tuple[Variant, ...]
    audio: tuple[Audio, ...] = ()


@dataclass(frozen=True)
class Segment:
    uri: str
    duration_s: float


@dataclass(frozen=True)
class Media:
    """A media playlist (§4.3.3). `kind` is VOD, EVENT or ''; `ended` = it has EXT-X-ENDLIST."""

    segments: tuple[Segment, ...]
    target_duration_s: int
    kind: str
    ended: bool

    @property
    def duration_s(self) -> float:
        return sum(segment.duration_s for segment in self.segments)


def parse(text: str) -> Master | Media:
    """Read a playlist. Raises BadPlaylist, which names the line."""
    lines = [line.strip() for line in text.splitlines()]
    if not lines or lines[0].lstrip("\ufeff") != "#EXTM3U":
        raise BadPlaylist("not a playlist", why="the first line is not #EXTM3U")
    if any(line.startswith("#EXT-X-STREAM-INF:") for line in lines):
        return _master(lines)
    return _media(lines)


def resolve(playlist_key: str, uri: str) -> str | None:
    """The object key that a URI inside a playlist names; None when it leads out of the playlist's store."""
    parts = urlsplit(uri)
    if parts.scheme or parts.netloc or uri.startswith("/") or "\\" in uri:
        return None
    key = posixpath.normpath(posixpath.join(posixpath.dirname(playlist_key), unquote(parts.path)))
    return None if key.startswith("..") else key


def _master(lines: list[str]) -> Master:
    variants: list[Variant] = []
    audio: list[Audio] = []
    pending: dict[str, str] | None = None
    for number, line in _meaningful(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            pending = _attributes(line, number)
        elif line.startswith("#EXT-X-MEDIA:"):
            found = _attributes(line, number)
            if found.get("TYPE") == "AUDIO":
                audio.append(Audio(found.get("GROUP-ID", ""), found.get("NAME", ""), found.get("URI", "")))
        elif not line.startswith("#"):
            if pending is None:
                raise BadPlaylist(f"line {number}: a URI without EXT-X-STREAM-INF before it")
            variants.append(_variant(line, pending, number))
            pending = None
    if pending is not None:
        raise BadPlaylist("the last EXT-X-STREAM-INF names no playlist")
    return Master(tuple(variants), tuple(audio))


def _variant(uri: str, found: dict[str, str], number: int) -> Variant:
    try:
        width, cross, height = found.get("RESOLUTION", "").partition("x")
        rate = found.get("FRAME-RATE")
        return Variant(
            uri=uri,
            bandwidth=int(found["BANDWIDTH"]),
            codecs=found.get("CODECS", ""),
            resolution=(int(width), int(height)) if cross else None,
            frame_rate=float(rate) if rate else None,
            audio_group=found.get("AUDIO", ""),
        )
    except (KeyError, ValueError) as error:
        raise BadPlaylist(f"line {number - 1}: EXT-X-STREAM-INF cannot be read", why=str(error)) from error


def _media(lines: list[str]) -> Media:
    segments: list[Segment] = []
    target: int | None = None
    kind, ended, length = "", False, -1.0
    for number, line in _meaningful(lines):
        tag, _, value = line.partition(":")
        try:
            if tag == "#EXTINF":
                length = float(value.partition(",")[0])
            elif tag == "#EXT-X-TARGETDURATION":
                target = int(value)
        except ValueError as error:
            raise BadPlaylist(f"line {number}: {tag} cannot be read", why=value) from error
        if tag == "#EXT-X-PLAYLIST-TYPE":
            kind = value.strip()
        elif tag == "#EXT-X-ENDLIST":
            ended = True
        elif tag in ("#EXT-X-BYTERANGE", "#EXT-X-KEY"):
            # Contract 4 publishes whole, clear segments; pretending to check anything else would be a lie.
            raise BadPlaylist(f"line {number}: {tag} is not part of the platform's layout")
        elif not line.startswith("#"):
            if length < 0:
                raise BadPlaylist(f"line {number}: a segment without EXTINF before it")
            segments.append(Segment(line, length))
            length = -1.0
    if target is None:
        raise BadPlaylist("EXT-X-TARGETDURATION is missing")
    return Media(tuple(segments), target, kind, ended)


def _meaningful(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines[1:], start=2):
        if line and (not line.startswith("#") or line.startswith("#EXT")):
            yield number, line


def _attributes(line: str, number: int) -> dict[str, str]:
    text = line.partition(":")[2]
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None or match.end() == at:
            raise BadPlaylist(f"line {number}: the attribute list cannot be read", why=text[at : at + 60])
        found[match[1]] = match[2].strip('"')
        at = match.end()
    return found

"""HLS playlists (RFC 8216): FFmpeg's local ones are read, the ones for viewers are written here.

    local = parse_local(out_dir / "v1" / "index.m3u8")          # what is finished so far, with durations
    media_playlist(local.segments, target_s=4, ended=False, kind="EVENT")
    master_playlist(renditions, codecs={"1": "avc1.64001e", ...}, frame_rate=source.shown_fps, rates=None)

`rates` None is for the early master: the rates are then what the encoder may at most do, and are replaced by measured
ones at the end. Media playlists are `{rendition.directory}/index.m3u8`, relative to the master.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from workers.video.ladder import Rendition

VERSION = 6
"""What the platform's playlists have always said; more than any tag in them needs (RFC 8216 §7)."""
AUDIO_CODEC = "mp4a.40.2"
AUDIO_GROUP = "audio"
_EXTINF = re.compile(r"#EXTINF:([0-9.]+)")
_TS_OVERHEAD = 1.06
_BUFFER_S = 2.0
"""The encoder's buffer (`-bufsize`) in seconds of its highest rate: so much more may come in one burst."""


class Segment(NamedTuple):
    name: str
    duration_s: float


@dataclass(frozen=True)
class LocalPlaylist:
    """Finished segments in order; `ended`: no more will come."""

    segments: tuple[Segment, ...]
    ended: bool

    @property
    def duration_s(self) -> float:
        return math.fsum(segment.duration_s for segment in self.segments)


@dataclass(frozen=True)
class Rate:
    """Bits per second: of the fastest stretch, and on average."""

    peak: int
    average: int


def parse_local(path: Path) -> LocalPlaylist:
    """FFmpeg's own playlist of one rendition; empty while there is none yet."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return LocalPlaylist((), ended=False)
    segments: list[Segment] = []
    duration_s = 0.0
    for line in lines:
        if match := _EXTINF.match(line):
            duration_s = float(match[1])
        elif line and not line.startswith("#"):
            segments.append(Segment(line.rsplit("/", 1)[-1], duration_s))
    return LocalPlaylist(tuple(segments), ended="#EXT-X-ENDLIST" in lines)


def target_duration(segments: Sequence[Segment], segment_s: int) -> int:
    """No EXTINF, rounded to the nearest integer, may be larger (RFC 8216 §4.3.3.1)."""
    return max([segment_s, *(math.floor(segment.duration_s + 0.5) for segment in segments)])


def media_playlist(
    segments: Sequence[Segment],
    *,
    target_s: int,
    ended: bool,
    kind: Literal["EVENT", "VOD"],
    prefix: str = "",
) -> str:
    """The playlist of one rendition; `prefix` ('' or 'ab12cd34/') stands before every segment's name.

    A playlist that grows must keep its target duration (RFC 8216 §6.2.1): publish every EVENT playlist of a run with
    the segment length, and only the VOD one with `target_duration`.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{kind}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for segment in segments:
        lines += [f"#EXTINF:{segment.duration_s:.6f},", prefix + segment.name]
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def master_playlist(
    renditions: Sequence[Rendition],
    *,
    codecs: Mapping[str, str],
    frame_rate: Fraction,
    segment_s: int = 4,
    rates: Mapping[str, Rate] | None = None,
) -> str:
    """The master: the highest rendition last, as the ladder has them. `codecs` and `rates` by rendition name."""
    sound = next((rendition for rendition in renditions if rendition.is_audio), None)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if sound is not None:
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
            f'URI="{sound.directory}/index.m3u8"'
        )
    for rendition in renditions:
        if rendition.is_audio:
            continue
        heard = sound is not None or rendition.audio_bps
        attributes = _bandwidth(rendition, sound, rates, segment_s)
        attributes.append(f'CODECS="{codecs[rendition.name]}{"," + AUDIO_CODEC if heard else ""}"')
        attributes.append(f"RESOLUTION={rendition.width}x{rendition.height}")
        attributes.append(f"FRAME-RATE={float(frame_rate):.3f}")
        if sound is not None:
            attributes.append(f'AUDIO="{AUDIO_GROUP}"')
        lines += ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{rendition.directory}/index.m3u8"]
    return "\n".join(lines) + "\n"


def measured_rate(segments: Sequence[Segment], sizes: Sequence[int], target_s: int) -> Rate:
    """Peak and mean of one rendition from its segments' sizes in bytes (RFC 8216 §4.1: the peak is that of any run of
    segments as long as half to one and a half target durations)."""
    total_s = math.fsum(segment.duration_s for segment in segments)
    average = sum(sizes) * 8 / total_s if total_s else 0.0
    peak = average
    for first in range(len(segments)):
        length_s, size = 0.0, 0
        for segment, segment_size in zip(segments[first:], sizes[first:], strict=True):
            length_s += segment.duration_s
            size += segment_size
            # A single segment longer than that is its own peak.
            if length_s > 1.5 * target_s and length_s > segment.duration_s:
                break
            if length_s >= 0.5 * target_s:
                peak = max(peak, size * 8 / length_s)
    return Rate(math.ceil(peak), math.ceil(average))


def _bandwidth(
    rendition: Rendition, sound: Rendition | None, rates: Mapping[str, Rate] | None, segment_s: int
) -> list[str]:
    if rates is None:
        bits = rendition.maxrate_bps * (1 + _BUFFER_S / segment_s) + rendition.audio_bps
        return [f"BANDWIDTH={math.ceil((bits + (sound.audio_bps if sound else 0)) * _TS_OVERHEAD)}"]
    parts = [rates[rendition.name], *([rates[sound.name]] if sound else [])]
    return [f"BANDWIDTH={sum(p.peak for p in parts)}", f"AVERAGE-BANDWIDTH={sum(p.average for p in parts)}"]

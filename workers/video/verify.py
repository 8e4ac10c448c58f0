"""Whether what FFmpeg left is what was asked for; it ends with status 0 also on a cut upload and on a full disk.

    checked = check_output(out_dir, renditions, source)         # after ffmpeg.run and ffmpeg.judge_decoding

Raises MediaRefused `cut_off` (the upload holds less than it claims) and EncodeFailed `bad_output`. Reads one playlist a
rendition and the first packets of each segment: no decoding, about 0.1 ms a segment.

Lengths. Every rendition must be as long as the source, sound and picture alike, because graph.py holds the last picture
or adds silence where one of them ends earlier. Shorter by more than `allowed_shortfall_s` is refused; longer is the
container's mistake and is taken as it is: `Checked.duration_s` is what was made, and belongs into the database. For
containers whose clock may jump (MPEG transport and program streams) a shortfall means nothing: FFmpeg closes the gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.video._media_errors import EncodeFailed, MediaRefused
from workers.video._media_measure import Extent, measure
from workers.video._media_source import Source
from workers.video._media_ts import PACKET, FirstPacket, first_packet
from workers.video.ladder import Rendition
from workers.video.limits import allowed_shortfall_s
from workers.video.playlists import LocalPlaylist, Rate, Segment, measured_rate, parse_local, target_duration
from workers.video.segments import Growing

ALIGNED_S = 0.002


@dataclass(frozen=True)
class CheckedRendition:
    """One rendition as it was written; `sizes` in bytes, beside `segments`; `codec` as in RFC 6381."""

    rendition: Rendition
    segments: tuple[Segment, ...]
    sizes: tuple[int, ...]
    starts_s: tuple[float, ...]
    codec: str
    duration_s: float

    def rate(self, segment_s: int) -> Rate:
        """The measured BANDWIDTH and AVERAGE-BANDWIDTH of it."""
        return measured_rate(self.segments, self.sizes, target_duration(self.segments, segment_s))


@dataclass(frozen=True)
class Checked:
    """`duration_s`: how long the picture is. (Sound is counted with the 21 ms that only prime its decoder.)"""

    renditions: tuple[CheckedRendition, ...]
    duration_s: float

    @property
    def codecs(self) -> dict[str, str]:
        return {each.rendition.name: each.codec for each in self.renditions}

    def rates(self, segment_s: int) -> dict[str, Rate]:
        return {each.rendition.name: each.rate(segment_s) for each in self.renditions}


def check_output(out_dir: Path, renditions: Sequence[Rendition], source: Source) -> Checked:
    """See the module's text."""
    checked = tuple(_checked(out_dir, rendition, source) for rendition in renditions)
    videos = [each for each in checked if not each.rendition.is_audio]
    for each in videos[1:]:
        _aligned(videos[0], each)
    for each in checked:
        _long_enough(each, source)
    return Checked(checked, max(each.duration_s for each in videos))


def demuxed(
    playlist: Path, *, ffprobe: Path, timeout_s: float = 600.0, check: Callable[[], None] = lambda: None
) -> Extent:
    """How long a rendition is by its packets, all segments read: slower and independent of the playlist's own words.

    Of the video where there is one, else of the sound.
    """
    extents = measure(
        playlist, ffprobe=ffprobe, options=("-protocol_whitelist", "file"), timeout_s=timeout_s, check=check
    )
    if not extents:
        raise _bad(playlist.parent.name, "no packets in it")
    return extents[min(extents)]


def codec_of(segment: Path) -> str:
    """The CODECS entry of a rendition, from any of its segments: for the early master. Raises EncodeFailed."""
    return _first(segment).codec


def _checked(out_dir: Path, rendition: Rendition, source: Source) -> CheckedRendition:
    folder = out_dir / rendition.directory
    _complete(folder, parse_local(folder / "index.m3u8"))
    local = Growing(out_dir, rendition, fps=source.shown_fps).look()
    paths = [folder / segment.name for segment in local.segments]
    firsts = [_first(path) for path in paths]
    for path, first in zip(paths, firsts, strict=True):
        if not first.keyframe:
            raise _bad(f"{folder.name}/{path.name}", "does not begin with a key frame")
    return CheckedRendition(
        rendition=rendition,
        segments=local.segments,
        sizes=tuple(path.stat().st_size for path in paths),
        starts_s=tuple(first.start_s for first in firsts),
        codec=firsts[0].codec,
        duration_s=local.duration_s,
    )


def _complete(folder: Path, local: LocalPlaylist) -> None:
    if not local.segments or not local.ended:
        raise _bad(folder.name, "its playlist has no end")
    for segment in local.segments:
        path = folder / segment.name
        size = path.stat().st_size if path.exists() else 0
        if size == 0 or size % PACKET:
            raise _bad(f"{folder.name}/{segment.name}", f"{size} bytes are no whole segment")


def _first(path: Path) -> FirstPacket:
    first = first_packet(path)
    if first is None:
        raise _bad(f"{path.parent.name}/{path.name}", "no H.264 or AAC found in it")
    return first


def _long_enough(checked: CheckedRendition, source: Source) -> None:
    short_s = source.duration_s - checked.duration_s
    if short_s > allowed_shortfall_s(source.duration_s) and not source.discontinuous:
        raise MediaRefused(
            "cut_off",
            "the upload is incomplete or damaged",
            why=f"it claims {source.duration_s:.1f} s, {checked.duration_s:.1f} s could be read"
            + (" (sound)" if checked.rendition.is_audio else ""),
        )


def _aligned(one: CheckedRendition, other: CheckedRendition) -> None:
    """A player switches between renditions at segment borders: they must be the same."""
    borders = zip(one.starts_s, other.starts_s, strict=False)
    if len(one.segments) != len(other.segments) or any(abs(a - b) > ALIGNED_S for a, b in borders):
        raise _bad(other.rendition.directory, f"its segments do not begin where those of {one.rendition.directory} do")


def _bad(what: str, why: str) -> EncodeFailed:
    return EncodeFailed("bad_output", f"FFmpeg's output is not usable: {what}", why=why)

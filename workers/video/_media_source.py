"""An accepted upload as a value, and how long it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from workers.video._media_errors import MediaRefused
from workers.video._media_measure import Extent
from workers.video._media_streams import AudioStream, VideoStream
from workers.video.limits import Limits

MAX_FPS = 60
DISCONTINUOUS = frozenset({"mpegts", "mpeg"})
_NO_SOUND_FRAME_IS_LONGER = 4096
"""Samples; bounds from above what a number of audio packets can cover."""


@dataclass(frozen=True)
class Source:
    """An accepted upload. `file_start_s` is the container's own time zero; all other times count from there. `lead_s`
    is what lies before the first of picture and sound; the encode begins after it."""

    path: Path
    container: str
    size_bytes: int
    file_start_s: float
    video: VideoStream
    audio: AudioStream | None
    duration_s: float = 0.0
    lead_s: float = 0.0
    measured: bool = False

    @property
    def video_late_s(self) -> float:
        """How long after time zero of the encode the first picture comes."""
        return self.video.start_s - self.lead_s

    @property
    def frame_step(self) -> int:
        """Every how many-eth picture is kept, so that the rate stays within MAX_FPS."""
        return max(1, math.ceil(self.video.fps / MAX_FPS - 0.01))

    @property
    def shown_fps(self) -> Fraction:
        """The mean rate of the encode."""
        return self.video.fps / self.frame_step

    @property
    def discontinuous(self) -> bool:
        """Time stamps may jump; FFmpeg closes the gaps, so an encode may be shorter than the file claims."""
        return self.container.split(",")[0] in DISCONTINUOUS


def timed(source: Source) -> Source:
    """With `lead_s` and `duration_s` from the streams' own starts and lengths; 0 where one is not known."""
    parts: list[VideoStream | AudioStream] = [part for part in (source.video, source.audio) if part is not None]
    lead_s = min(part.start_s for part in parts)
    ends_s = [part.start_s + part.duration_s for part in parts if part.duration_s is not None]
    return replace(source, lead_s=lead_s, duration_s=max(ends_s) - lead_s if len(ends_s) == len(parts) else 0.0)


def measured(source: Source, extents: Mapping[int, Extent]) -> Source:
    """The same source with lengths, counts and rate from its packets. Raises MediaRefused `duration_probe_failed`."""
    seen = extents.get(source.video.index)
    if seen is None or seen.length_s <= 0:
        raise MediaRefused(
            "duration_probe_failed", "the duration of the upload cannot be found", why="no picture in it"
        )
    fps = Fraction(seen.packets / seen.length_s).limit_denominator(1001)
    video = replace(
        source.video,
        duration_s=_length_s(seen, source.file_start_s + source.video.start_s),
        frames=seen.packets,
        fps=fps or source.video.fps,
    )
    audio = source.audio
    heard = extents.get(audio.index) if audio else None
    if audio is not None and heard is not None:
        length_s = _length_s(heard, source.file_start_s + audio.start_s)
        audio = replace(audio, duration_s=length_s, frames=heard.packets)
    elif audio is not None:
        audio = None  # announced, and not one packet of it in the file
    return replace(timed(replace(source, video=video, audio=audio)), measured=True)


def _length_s(extent: Extent, start_s: float) -> float:
    """From the stream's declared start: packets before it only prime the decoder."""
    return extent.first_s + extent.length_s - max(start_s, extent.first_s)


def doubtful(source: Source, limits: Limits) -> bool:
    """Whether the container's word about the length is missing or hard to believe."""
    duration_s = source.duration_s
    if duration_s <= 0 or duration_s > limits.max_duration_s or full_of_holes(source, limits):
        return True
    return source.size_bytes * 8 < duration_s * limits.min_plausible_bps


def full_of_holes(source: Source, limits: Limits) -> bool:
    """Few pictures over a long time, without sound that covers it: FFmpeg would fill a hole of hours with copies."""
    video, audio = source.video, source.audio
    if video.frames is None or source.duration_s <= video.frames * limits.max_mean_frame_s:
        return False
    if audio is None or audio.frames is None:
        return True
    return audio.frames * _NO_SOUND_FRAME_IS_LONGER / audio.sample_rate < source.duration_s / 2

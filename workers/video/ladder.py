"""Which renditions a source gets: never upscaled, never stretched (contract 4: ladder; contract 11 #41).

A rung is a box that the picture must fit into; for a portrait picture the box is turned. A source smaller than the
lowest box gets one rendition of its own size. A further rung is worth its cost only when it shows noticeably more.
More rungs are a matter of the `rungs` argument; their names are the folders' names (`v1`, `v2`, ...), low to high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workers.video._media_source import Source

Audio = Literal["shared", "muxed"]
WORTH_IT = 1.25
"""Times the pixels of the rung below."""
FLOOR_BPS = 250_000
AUDIO = "audio"


@dataclass(frozen=True)
class Rung:
    """A box in pixels (landscape), the highest video rate in it, and the sound that goes with it."""

    name: str
    width: int
    height: int
    video_bps: int
    audio_bps: int


RUNGS = (
    Rung("1", 640, 360, 800_000, 96_000),
    Rung("2", 1280, 720, 2_500_000, 128_000),
)


@dataclass(frozen=True)
class Rendition:
    """One folder of the output. `maxrate_bps` 0: sound only; `audio_bps` 0: no sound in it."""

    name: str
    width: int
    height: int
    maxrate_bps: int
    audio_bps: int

    @property
    def directory(self) -> str:
        return f"v{self.name}"

    @property
    def is_audio(self) -> bool:
        return self.maxrate_bps == 0


def ladder(source: Source, *, audio: Audio = "shared", rungs: Sequence[Rung] = RUNGS) -> tuple[Rendition, ...]:
    """The video renditions from small to large, then, for shared sound, the one that all of them use."""
    kept: list[tuple[Rung, int, int]] = []
    for rung in rungs:
        width, height = _fit(source.video.width, source.video.height, rung)
        if not kept or width * height >= WORTH_IT * kept[-1][1] * kept[-1][2]:
            kept.append((rung, width, height))
    muxed = audio == "muxed" and source.audio is not None
    videos = tuple(
        Rendition(rung.name, width, height, _rate(rung, width * height), rung.audio_bps if muxed else 0)
        for rung, width, height in kept
    )
    if source.audio is None or muxed:
        return videos
    return (*videos, Rendition(AUDIO, 0, 0, 0, kept[-1][0].audio_bps))


def _fit(width: int, height: int, rung: Rung) -> tuple[int, int]:
    """The largest even size of the same shape inside the rung's box and no larger than the picture itself."""
    box_width, box_height = (rung.height, rung.width) if height > width else (rung.width, rung.height)
    scale = min(1.0, box_width / width, box_height / height)
    return _even(width * scale, min(width, box_width)), _even(height * scale, min(height, box_height))


def _even(length: float, at_most: int) -> int:
    nearest = max(2, round(length / 2) * 2)
    return nearest if nearest <= max(2, at_most) else nearest - 2


def _rate(rung: Rung, pixels: int) -> int:
    share = min(1.0, pixels / (rung.width * rung.height))
    return max(min(FLOOR_BPS, rung.video_bps), round(rung.video_bps * share))

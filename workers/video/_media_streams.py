"""What ffprobe says of a stream, as values: `VideoStream` and `AudioStream`. Times in seconds from the file's start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Json = Mapping[str, Any]

HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})
_UNKNOWN = frozenset({"", "unknown", "unspecified", "reserved"})
NEARLY_SQUARE = 0.005
"""What rounding to whole pixels leaves behind when somebody scaled a film."""
FALLBACK_FPS = Fraction(30)
# r_frame_rate is the finest grid that all time stamps fit; further from the mean than this, the rate varies.
_VFR_RATIO = 1.02


@dataclass(frozen=True)
class VideoStream:
    """`width` x `height` is what a viewer sees: cropped, rotated, with square pixels. `fps` is the mean rate.
    `duration_s` is the stream's own length, None where the container does not say. `matrix`, `transfer`, `primaries`
    are FFmpeg's names, '' where unknown. `start_s` is the first picture's time after the file's own start."""

    index: int
    codec: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int
    sar: Fraction
    fps: Fraction
    vfr: bool
    interlaced: bool
    pix_fmt: str
    bit_depth: int
    matrix: str
    transfer: str
    primaries: str
    full_range: bool
    start_s: float
    duration_s: float | None
    frames: int | None

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR_TRANSFERS

    @property
    def wide_gamut(self) -> bool:
        return self.primaries in WIDE_PRIMARIES

    @property
    def rgb(self) -> bool:
        return self.matrix == "gbr" or self.pix_fmt.startswith(
            ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2")
        )


@dataclass(frozen=True)
class AudioStream:
    """`frames` counts packets where the container says; `duration_s` as for video."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start_s: float
    duration_s: float | None
    frames: int | None


def video_stream(raw: Json, *, file_start_s: float) -> VideoStream:
    """One entry of ffprobe's `streams`. Sizes are 0 where ffprobe found none."""
    coded_width, coded_height = int(raw.get("width") or 0), int(raw.get("height") or 0)
    sar = _fraction(raw.get("sample_aspect_ratio")) or Fraction(1)
    if abs(sar - 1) < NEARLY_SQUARE:
        sar = Fraction(1)
    rotation = _rotation(raw)
    width, height = _shown(raw, coded_width, coded_height, sar, rotation)
    mean, grid = _fraction(raw.get("avg_frame_rate")), _fraction(raw.get("r_frame_rate"))
    fps = mean or grid or FALLBACK_FPS
    pix_fmt = str(raw.get("pix_fmt") or "")
    return VideoStream(
        index=int(raw["index"]),
        codec=str(raw.get("codec_name") or ""),
        width=width,
        height=height,
        coded_width=coded_width,
        coded_height=coded_height,
        rotation=rotation,
        sar=sar,
        fps=fps,
        vfr=bool(mean and grid and grid / mean > _VFR_RATIO),
        interlaced=raw.get("field_order") in {"tt", "bb", "tb", "bt"},
        pix_fmt=pix_fmt,
        bit_depth=_bit_depth(pix_fmt, raw),
        matrix=_known(raw.get("color_space")),
        transfer=_known(raw.get("color_transfer")),
        primaries=_known(raw.get("color_primaries")),
        full_range=raw.get("color_range") == "pc" or pix_fmt.startswith("yuvj"),
        start_s=_start(raw, file_start_s),
        duration_s=_duration(raw, file_start_s),
        frames=_count(raw),
    )


def audio_stream(raw: Json, *, file_start_s: float) -> AudioStream | None:
    """One entry of ffprobe's `streams`, or None when nothing could be decoded from it."""
    sample_rate, channels = int(raw.get("sample_rate") or 0), int(raw.get("channels") or 0)
    if not (raw.get("codec_name") and sample_rate and channels):
        return None
    return AudioStream(
        index=int(raw["index"]),
        codec=str(raw["codec_name"]),
        sample_rate=sample_rate,
        channels=channels,
        start_s=_start(raw, file_start_s),
        duration_s=_duration(raw, file_start_s),
        frames=_count(raw),
    )


def is_picture_of_film(raw: Json) -> bool:
    """A video stream that is not the cover picture of a sound file (what FFmpeg's `0:V` selects)."""
    disposition = raw.get("disposition") or {}
    return raw.get("codec_type") == "video" and not (
        disposition.get("attached_pic") or disposition.get("timed_thumbnails")
    )


def is_empty(raw: Json) -> bool:
    """A track that was announced and never filled, as phones write when they may not use the microphone."""
    return raw.get("nb_frames") == "0"


def seconds(value: object) -> float | None:
    """ffprobe's decimal seconds; None for N/A."""
    try:
        return float(str(value))
    except ValueError:
        return None


def side_data(raw: Json, kind: str) -> Json | None:
    return next((entry for entry in raw.get("side_data_list") or () if entry.get("side_data_type") == kind), None)


def _shown(raw: Json, width: int, height: int, sar: Fraction, rotation: int) -> tuple[int, int]:
    if crop := side_data(raw, "Frame Cropping"):
        width -= int(crop.get("crop_left", 0)) + int(crop.get("crop_right", 0))
        height -= int(crop.get("crop_top", 0)) + int(crop.get("crop_bottom", 0))
    # The longer way: no line of the picture is thrown away for the shape of its pixels.
    if sar >= 1:
        width = round(width * sar)
    else:
        height = round(height / sar)
    return (height, width) if rotation % 180 == 90 else (width, height)


def _rotation(raw: Json) -> int:
    matrix = side_data(raw, "Display Matrix") or {}
    return round(float(matrix.get("rotation") or 0) / 90) * 90 % 360


def _bit_depth(pix_fmt: str, raw: Json) -> int:
    for bits in (16, 14, 12, 10, 9):
        if f"p{bits}" in pix_fmt or f"gray{bits}" in pix_fmt or pix_fmt in {f"p0{bits}le", f"p2{bits}le"}:
            return bits
    said = str(raw.get("bits_per_raw_sample") or "8")
    return max(8, int(said)) if said.isdigit() and int(said) <= 16 else 8


def _known(value: object) -> str:
    text = str(value or "")
    return "" if text in _UNKNOWN else text


def _fraction(value: object) -> Fraction | None:
    """'30000/1001' or '4:3'; None for N/A, 0/0, 0/1."""
    top, _, bottom = str(value or "").replace(":", "/").partition("/")
    try:
        return Fraction(int(top), int(bottom or 1)) or None
    except (ValueError, ZeroDivisionError):
        return None


def _start(raw: Json, file_start_s: float) -> float:
    return max(0.0, (seconds(raw.get("start_time")) or 0.0) - file_start_s)


def _duration(raw: Json, file_start_s: float) -> float | None:
    """The stream's own length. Matroska has it only as a tag, which counts from time 0."""
    if (own := seconds(raw.get("duration"))) is not None:
        return own
    tags = raw.get("tags") or {}
    clock = str(tags.get("DURATION") or "").split(":")
    if len(clock) != 3 or _start(raw, file_start_s) > 0.1:
        return None
    try:
        return int(clock[0]) * 3600 + int(clock[1]) * 60 + float(clock[2])
    except ValueError:
        return None


def _count(raw: Json) -> int | None:
    said = str(raw.get("nb_frames") or "")
    return int(said) if said.isdigit() else None

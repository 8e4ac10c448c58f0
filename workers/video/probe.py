"""What an upload is, or why it is refused.

    source = probe(path, ffprobe=..., limits=Limits())      # -> Source

Raises MediaRefused, whose `reason` is one of
    empty_file  too_big  not_media  format_not_allowed  cut_off  no_video  video_unreadable  audio_unreadable  encrypted
    too_many_streams  too_many_pixels  picture_shape  dolby_vision  too_long  implausible_duration
    duration_probe_failed (the platform's own word: no duration can be found)
and EncodeFailed `probe_timeout`, `no_ffmpeg`: the machine's fault, not the upload's.

Nothing but the file itself is ever opened: ffprobe gets the file protocol alone and a list of containers that hold
their own data (no playlist, no concat script, no session description).

Durations. `Source.duration_s` is exact: from the start of the earlier of picture and sound to the end of the later one.
Where the container gives no length for a stream, or gives one that its bytes make implausible, every packet is read
(`measured`). `duration_column` turns it into the whole seconds of the database.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.video._media_errors import DiskFull, EncodeFailed, MediaError, MediaRefused
from workers.video._media_measure import deadline, measure
from workers.video._media_process import drive
from workers.video._media_source import Source, doubtful, full_of_holes, measured, timed
from workers.video._media_streams import (
    AudioStream,
    Json,
    VideoStream,
    audio_stream,
    is_empty,
    is_picture_of_film,
    seconds,
    side_data,
    video_stream,
)
from workers.video.limits import Limits

__all__ = [
    "AudioStream", "DiskFull", "EncodeFailed", "MediaError", "MediaRefused", "Source", "VideoStream",
    "duration_column", "input_options", "probe",
]  # fmt: skip

CONTAINERS = "mov,matroska,mpegts,mpeg,avi,flv,asf,ogg,mxf,wtv,mp3,aac,wav,flac"
"""The sound-only ones are there to be refused with the right word."""
JSON_CHARS = 8 * 1024 * 1024


def input_options(limits: Limits) -> dict[str, str | int]:
    """What every reading of an upload is given, by FFmpeg and ffprobe alike."""
    return {
        "protocol_whitelist": "file",
        "format_whitelist": CONTAINERS,
        "max_streams": limits.max_streams,
        "probesize": 50_000_000,
        "analyzeduration": 20_000_000,
    }


def duration_column(duration_s: float) -> int:
    """Whole seconds as the platform counts them: cut, not rounded (so that nobody can watch more than all of it), but a
    tenth forgiven for containers that say 59.97, and never 0, which the platform reads as 'no duration'."""
    return max(1, int(duration_s + 0.1))


def probe(
    path: Path,
    *,
    ffprobe: Path,
    limits: Limits | None = None,
    timeout_s: float | None = None,
    check: Callable[[], None] = lambda: None,
) -> Source:
    """Look at `path`; see the module's text for what is raised. `check` is called at least four times a second."""
    limits = limits or Limits()
    size = path.stat().st_size
    if size == 0:
        raise MediaRefused("empty_file", "the upload is an empty file")
    if size > limits.max_bytes:
        raise MediaRefused(
            "too_big", "the upload is too big", why=f"{size >> 20} MiB, at most {limits.max_bytes >> 20}"
        )
    facts, warnings = _ask(path, ffprobe, limits, timeout_s or limits.probe_timeout_s, check)
    source = _source(path, size, facts, limits)
    if "Estimating duration from bitrate" in warnings or doubtful(source, limits):
        extents = measure(
            _url(path), ffprobe=ffprobe, options=_flags(limits), timeout_s=limits.measure_timeout_s, check=check
        )
        source = measured(source, extents)
    _bounded(source, limits)
    return source


def _url(path: Path) -> str:
    """The `file:` keeps a colon or a leading dash in a name from meaning something."""
    return f"file:{path.absolute()}"


def _flags(limits: Limits) -> tuple[str, ...]:
    return tuple(part for name, value in input_options(limits).items() for part in (f"-{name}", str(value)))


def _ask(path: Path, ffprobe: Path, limits: Limits, timeout_s: float, check: Callable[[], None]) -> tuple[Json, str]:
    """ffprobe's JSON (format, streams, the first packets) and its warnings."""
    out: list[str] = []
    err: list[str] = []
    argv = [str(ffprobe), "-v", "warning", *_flags(limits), "-show_format", "-show_streams"]
    argv += ["-show_packets", "-read_intervals", "%+#24", "-of", "json", _url(path)]
    ended = drive(
        argv,
        on_out=_keeper(out),
        on_err=_keeper(err),
        tick=deadline(timeout_s, check, time.monotonic),
        cpu_s=int(timeout_s) + 1,
    )
    said = "\n".join(err)
    if ended.returncode == 127:
        raise EncodeFailed("no_ffmpeg", f"cannot start {ffprobe.name}", why=said.strip())
    try:
        facts: dict[str, Any] = json.loads("\n".join(out))
    except ValueError:
        facts = {}
    if ended.returncode != 0 or not facts.get("format"):
        raise _unreadable(said, limits)
    return facts, said


def _keeper(lines: list[str]) -> Callable[[str], None]:
    """Keeps lines up to a bound: a container may hold a gigabyte of tags."""
    room = [JSON_CHARS]

    def keep(line: str) -> None:
        room[0] -= len(line)
        if room[0] > 0:
            lines.append(line)

    return keep


def _unreadable(said: str, limits: Limits) -> MediaRefused:
    """Which refusal ffprobe's last words mean."""
    if "not on whitelist" in said:
        return MediaRefused("format_not_allowed", "the upload is not a video file of a kind that is accepted")
    if "max_streams" in said:
        return _too_many(limits)
    if "moov atom not found" in said and "low score" not in said:
        return MediaRefused("cut_off", "the upload is incomplete", why="its index (moov) is missing")
    return MediaRefused("not_media", "the upload is not a video file, or it is damaged from its first bytes on")


def _too_many(limits: Limits) -> MediaRefused:
    return MediaRefused("too_many_streams", "the upload has too many streams", why=f"at most {limits.max_streams}")


def _source(path: Path, size: int, facts: Json, limits: Limits) -> Source:
    """The first film picture and the first usable sound. Raises MediaRefused."""
    streams: list[Json] = facts.get("streams") or []
    if len(streams) > limits.max_streams:
        raise _too_many(limits)
    file_start_s = seconds(facts["format"].get("start_time")) or 0.0
    raw_video = next((raw for raw in streams if is_picture_of_film(raw)), None)
    if raw_video is None:
        raise MediaRefused("no_video", "the upload has no video", why="sound only")
    if any(side_data(packet, "Encryption info") for packet in facts.get("packets") or ()):
        raise MediaRefused("encrypted", "the upload is encrypted (DRM)")
    if (side_data(raw_video, "DOVI configuration record") or {}).get("dv_profile") == 5:
        raise MediaRefused(
            "dolby_vision", "the upload's colours are Dolby Vision profile 5, which has no plain picture"
        )
    video = video_stream(raw_video, file_start_s=file_start_s)
    audio = _sound(streams, file_start_s)
    _picture(video, limits)
    source = Source(
        path=path,
        container=str(facts["format"].get("format_name") or ""),
        size_bytes=size,
        file_start_s=file_start_s,
        video=video,
        audio=audio,
    )
    return timed(source)


def _sound(streams: list[Json], file_start_s: float) -> AudioStream | None:
    """The first sound that can be decoded; None only when there is none (contract 11 #42: never silently mute)."""
    raw_sounds = [raw for raw in streams if raw.get("codec_type") == "audio" and not is_empty(raw)]
    sounds = [audio_stream(raw, file_start_s=file_start_s) for raw in raw_sounds]
    usable = next((sound for sound in sounds if sound is not None), None)
    if raw_sounds and usable is None:
        raise MediaRefused("audio_unreadable", "the upload has sound that cannot be read")
    return usable


def _picture(video: VideoStream, limits: Limits) -> None:
    if not (video.codec and video.coded_width > 0 and video.coded_height > 0):
        raise MediaRefused("video_unreadable", "the upload's video cannot be read")
    size = f"{video.coded_width}x{video.coded_height}"
    if video.coded_width * video.coded_height > limits.max_pixels:
        raise MediaRefused(
            "too_many_pixels", "the picture is too large", why=f"{size}, at most {limits.max_pixels} pixels"
        )
    short, long = sorted((video.width, video.height))
    if short < limits.min_side_px or long > short * limits.max_aspect:
        raise MediaRefused(
            "picture_shape", "the picture is too small or too narrow", why=f"{video.width}x{video.height}"
        )


def _bounded(source: Source, limits: Limits) -> None:
    if source.duration_s <= 0:
        raise MediaRefused("duration_probe_failed", "the duration of the upload cannot be found")
    if full_of_holes(source, limits):
        raise MediaRefused(
            "implausible_duration",
            "the upload claims a length that its content does not fill",
            why=f"{source.video.frames} pictures in {source.duration_s:.0f} s",
        )
    if source.duration_s > limits.max_duration_s:
        raise MediaRefused(
            "too_long",
            "the upload is too long",
            why=f"{source.duration_s / 3600:.1f} h, at most {limits.max_duration_s / 3600:.1f} h",
        )

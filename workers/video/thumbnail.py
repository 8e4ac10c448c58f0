"""The thumbnail, from the finished top rendition: decoding one segment instead of seeking in the upload again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ffmpeg as graph

from workers.video import ffmpeg as runner
from workers.video._media_errors import EncodeFailed
from workers.video.ladder import Rendition
from workers.video.limits import Limits
from workers.video.playlists import Segment, parse_local

ROOM_S = 60.0
"""CPU and patience for one picture, on top of what a segment may need."""


def thumbnail_second(duration_s: float) -> int:
    """Contract 4: the middle, but never second 0 of a clip of three seconds or more."""
    seconds = int(duration_s)
    if seconds >= 10:
        return seconds // 2
    return max(1, seconds // 2) if seconds >= 3 else 0


def thumbnail(
    out_dir: Path,
    renditions: Sequence[Rendition],
    out: Path,
    *,
    at_s: float,
    ffmpeg: Path,
    limits: Limits | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write the picture shown at `at_s` as a JPEG. Raises EncodeFailed (a video without one is still a video)."""
    top = [rendition for rendition in renditions if not rendition.is_audio][-1]
    folder = out_dir / top.directory
    segment, offset_s = _locate(parse_local(folder / "index.m3u8").segments, at_s)
    for seek_s in dict.fromkeys((offset_s, 0.0)):  # nothing may be shown so late where the frame rate varies
        out.unlink(missing_ok=True)
        _take(folder / segment, seek_s, out, ffmpeg, limits or Limits(), check)
        if out.exists() and out.stat().st_size:
            return
    raise EncodeFailed("thumbnail_failed", "no picture could be taken", why=f"{top.directory}/{segment}")


def _locate(segments: Sequence[Segment], at_s: float) -> tuple[str, float]:
    """The segment that is playing at a time, and how far into it that is."""
    if not segments:
        raise EncodeFailed("thumbnail_failed", "no picture could be taken", why="there is no segment")
    for segment in segments:
        if at_s < segment.duration_s:
            return segment.name, max(0.0, at_s)
        at_s -= segment.duration_s
    return segments[-1].name, 0.0


def _take(segment: Path, seek_s: float, out: Path, ffmpeg: Path, limits: Limits, check: Callable[[], None]) -> None:
    source = graph.input(f"file:{segment.absolute()}", ss=f"{seek_s:.3f}", f="mpegts", protocol_whitelist="file")
    said = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+warning", "-progress", "pipe:1")
    options = {"vframes": 1, "update": 1, "q:v": 2, "pix_fmt": "yuvj420p", "f": "image2"}
    output = graph.output(source["v:0"], f"file:{out.absolute()}", **options).global_args(*said).overwrite_output()
    runner.run(output.compile(cmd=str(ffmpeg)), out_dir=out.parent, limits=limits, duration_s=ROOM_S, check=check)

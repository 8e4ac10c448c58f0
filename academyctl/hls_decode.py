"""How long media really is: what FFmpeg decodes or demuxes, frame by frame, not what a header claims."""

from __future__ import annotations

import math
import re
import subprocess
import threading
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO

from academyctl.errors import WorkFailed

# A picture may stand still: only the part of a pause beyond this is counted as a hole, for the caller to judge.
HOLE_S = 1.0
# The containers that the platform accepts; a playlist in disguise must not make FFmpeg open something else.
CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,mp3,wav,flv,asf,ogg,aac,h264,hevc"
ERRORS_KEPT = 5


@dataclass(frozen=True)
class Decoded:
    """Seconds of picture (first to last) and of sound (None = no such stream), pictures counted, FFmpeg's complaints.

    `holes_s` adds up what pauses between two pictures exceed HOLE_S by: missing pictures, or a film of standing ones.
    """

    video_s: float | None
    audio_s: float | None
    frames: int
    errors: tuple[str, ...] = ()
    holes_s: float = 0.0

    @property
    def length_s(self) -> float:
        """Of the longer of the two."""
        return max(self.video_s or 0.0, self.audio_s or 0.0)


@dataclass
class _Track:
    """One stream of FFmpeg's frame list. Times in seconds; `starts` only of pictures, in any order."""

    kind: str = ""
    base: Fraction = Fraction(1)
    starts: array[float] = field(default_factory=lambda: array("d"))
    frames: int = 0
    sum_s: float = 0.0
    first: float = math.inf
    end: float = -math.inf

    def add(self, at: float, duration: float) -> None:
        self.frames += 1
        self.sum_s += duration
        self.first, self.end = min(self.first, at), max(self.end, at + duration)
        if self.kind == "video":
            self.starts.append(at)

    @property
    def end_s(self) -> float:
        """With a mean picture's time added where the container gives the last one none."""
        last = max(self.starts, default=-math.inf)
        mean = (self.end - self.first) / (self.frames - 1) if self.end == last and self.frames > 1 else 0.0
        return self.end + mean

    def holes_s(self, begin: float) -> float:
        times = [begin, *sorted(self.starts)]
        return sum(max(0.0, later - earlier - HOLE_S) for earlier, later in pairwise(times))


def decode(ffmpeg: Path, chunks: Iterable[bytes]) -> Decoded:
    """Decode an MPEG transport stream, given as bytes in order, to its end; nothing touches the disk."""
    # wrapped_avframe keeps FFmpeg from copying every picture; only the time stamps are wanted.
    argv = [
        str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", "-f", "mpegts", "-i", "pipe:0",
        "-map", "0:v:0?", "-map", "0:a:0?", "-c:v", "wrapped_avframe", "-c:a", "pcm_s16le",
        "-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-f", "framecrc", "pipe:1",
    ]  # fmt: skip
    tracks, errors = _run(argv, chunks)
    video, audio = tracks.get("video"), tracks.get("audio")
    return Decoded(
        video_s=video.end_s - video.first if video else None,
        # Sound has no pauses: its frames lie end to end, so their sum is what can be heard.
        audio_s=audio.sum_s if audio else None,
        frames=video.frames if video else 0,
        errors=errors,
        holes_s=video.holes_s(video.first) if video else 0.0,
    )


def source_length(ffmpeg: Path, path: Path) -> Decoded:
    """A source file's first picture and sound streams, from its packets: each from the file's start to its own end."""
    argv = [
        str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", "-protocol_whitelist", "file",
        "-format_whitelist", CONTAINERS, "-i", str(path),
        "-map", "0:V:0?", "-map", "0:a:0?", "-c", "copy", "-f", "framecrc", "pipe:1",
    ]  # fmt: skip
    tracks, errors = _run(argv, ())
    # FFmpeg has moved the file's start to 0; what lies before is an encoder's run-up that nobody hears.
    video, audio = tracks.get("video"), tracks.get("audio")
    return Decoded(
        video_s=video.end_s if video else None,
        audio_s=audio.end_s if audio else None,
        frames=video.frames if video else 0,
        errors=errors,
        holes_s=video.holes_s(0.0) if video else 0.0,
    )


def _run(argv: list[str], chunks: Iterable[bytes]) -> tuple[dict[str, _Track], tuple[str, ...]]:
    """FFmpeg's tracks by kind, those that have frames, and the first of its complaints."""
    try:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise WorkFailed(f"FFmpeg cannot be started: {argv[0]}", why=str(error)) from error
    assert process.stdin
    assert process.stdout
    assert process.stderr
    feeder = _Feeder(process.stdin, chunks)
    words: list[str] = []
    reader = threading.Thread(target=_collect, args=(process.stderr, words), daemon=True)
    feeder.start()
    reader.start()
    try:
        tracks = _tracks(line.decode("ascii", "replace") for line in process.stdout)
    except BaseException:  # ^C included: FFmpeg must not outlive us
        process.kill()
        raise
    finally:
        process.stdout.close()
        code = process.wait()
        feeder.join()
        reader.join()
        process.stderr.close()
    if feeder.failed is not None:
        raise feeder.failed
    if code != 0 and not words:
        words.append(f"FFmpeg ended with exit code {code}")
    return {track.kind: track for track in tracks.values() if track.frames}, tuple(words)


@dataclass
class _Feeder:
    """Writes the input while the output is read; whatever the input raises is kept for the caller."""

    stream: IO[bytes]
    chunks: Iterable[bytes]
    failed: Exception | None = None
    _thread: threading.Thread = field(init=False)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _feed(self) -> None:
        try:
            for chunk in self.chunks:
                self.stream.write(chunk)
        except OSError:
            pass  # FFmpeg ended early: its own words on stderr say why.
        except Exception as error:  # noqa: BLE001 - a thread cannot raise; the caller does, with whatever it was
            self.failed = error
        finally:
            with suppress(OSError):
                self.stream.close()


def _collect(stream: IO[bytes], words: list[str]) -> None:
    for line in stream:
        if len(words) < ERRORS_KEPT:
            # The address in `[h264 @ 0x55d…]` differs each time and says nothing.
            words.append(re.sub(r" @ 0x[0-9a-f]+", "", line.decode("utf-8", "replace").strip())[:200])


def _tracks(lines: Iterator[str]) -> dict[int, _Track]:
    """FFmpeg's framecrc text: `#tb N: a/b`, `#media_type N: kind`, then `N, dts, pts, duration, size, crc`."""
    tracks: dict[int, _Track] = {}
    for line in lines:
        if line.startswith("#"):
            head, _, value = line[1:].partition(":")
            name, _, index = head.partition(" ")
            if name in ("tb", "media_type") and index.isdigit():
                track = tracks.setdefault(int(index), _Track())
                if name == "tb":
                    track.base = Fraction(value.strip())
                else:
                    track.kind = value.strip()
            continue
        parts = line.split(",", 4)
        if len(parts) == 5:
            track = tracks[int(parts[0])]
            track.add(float(int(parts[2]) * track.base), float(int(parts[3]) * track.base))
    return tracks

"""Run one FFmpeg command: progress out, checks in, and nothing of it left on any way out.

    result = run(argv, out_dir=folder, limits=limits, duration_s=source.duration_s,
                 on_progress=lambda out_time_s, speed: ..., check=lambda: ...)

`check` is called at least four times a second on the caller's thread and may raise (Cancelled, Stopping, LeaseLost):
FFmpeg's process group is killed and the exception goes on. FFmpeg must have been given `-progress pipe:1 -nostats
-nostdin -loglevel repeat+level+verbose` (graph.command and thumbnail do).

Raises MediaRefused `damaged_source` (the input cannot be decoded well enough), EncodeFailed with one of the reasons
`stalled`, `cpu_limit`, `file_limit`, `killed`, `encode_failed`, `no_ffmpeg`, and DiskFull.
On Linux FFmpeg cannot outlive us, not even our SIGKILL (see _media_leash.py). On macOS and Windows it can outlive a
SIGKILL / TerminateProcess of ours: it then ends by itself at the end of its input. On Windows `cpu_s` is 0.
"""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workers.video._media_errors import DiskFull, EncodeFailed, MediaError, MediaRefused
from workers.video._media_process import Ended, drive
from workers.video.limits import Limits

SIGXCPU, SIGXFSZ = 24, 25  # Linux; the signal module of Windows has neither
EXIT_ERROR_RATE = 69
LOG_LINES = 50
_LEVEL = re.compile(r"\[(warning|error|fatal|panic)\]")
_DECODED = re.compile(r"Input stream #\d+:\d+ \((video|audio)\):.*?; (\d+) frames decoded; (\d+) decode errors")
_CORRUPT = "corrupt decoded frame"
_SIGNAL = re.compile(r"received signal (\d+)")
_DIRECTORY = re.compile(r"(?<![\w/:.\\-])(?:file:)?(?:[A-Za-z]:)?(?:[\\/][^\s\\/:'\"]+)+[\\/]")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")


@dataclass(frozen=True)
class RunResult:
    """`frames`: video frames written to the first video output; `decoded_frames`, `decode_errors`: of the input video
    and of all inputs; `corrupt_frames`: decoded, but with holes patched by the decoder; `out_time_s`: the furthest
    output time seen; `log`: the last warnings and errors, without folders, addresses and query strings."""

    cpu_s: float
    wall_s: float
    frames: int
    decoded_frames: int
    decode_errors: int
    corrupt_frames: int
    out_time_s: float
    log: tuple[str, ...] = ()


def run(
    argv: list[str],
    *,
    out_dir: Path,
    limits: Limits,
    duration_s: float,
    on_progress: Callable[[float, float], None] = lambda *_: None,
    check: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> RunResult:
    """Run `argv`; `out_dir` is watched for free space; `on_progress(out_time_s, speed)` never goes backwards."""
    progress, log = _Progress(), _Log()
    watch = _Watch(progress, out_dir, limits, on_progress, clock)

    def tick() -> None:
        check()
        watch()

    ended = drive(
        argv,
        on_out=progress.take,
        on_err=log.take,
        tick=tick,
        cpu_s=limits.cpu_limit_s(duration_s),
        file_bytes=limits.max_file_bytes,
    )
    if ended.returncode != 0:
        raise _failure(ended, log, limits)
    return RunResult(
        cpu_s=ended.cpu_s,
        wall_s=ended.wall_s,
        frames=progress.frames,
        decoded_frames=log.decoded_frames,
        decode_errors=log.decode_errors,
        corrupt_frames=log.corrupt_frames,
        out_time_s=progress.out_time_s,
        log=tuple(log.lines),
    )


def judge_decoding(result: RunResult, limits: Limits) -> None:
    """Raise MediaRefused `damaged_source` when too many frames came out broken, though FFmpeg ended with status 0.

    FFmpeg's own -max_error_rate counts only packets that gave no picture; a decoder that patches holes reports none.
    """
    bad = result.corrupt_frames + result.decode_errors
    if bad > limits.max_error_rate * max(result.decoded_frames, 1) and bad > 2:
        raise MediaRefused(
            "damaged_source",
            "the upload is damaged: too much of it cannot be decoded",
            why=f"{bad} errors in {result.decoded_frames} frames",
        )


def tidy(line: str) -> str:
    """A line of FFmpeg's log as a person may see it: no folders of this machine, no addresses, no query strings."""
    return _ADDRESS.sub("", _DIRECTORY.sub("", _QUERY.sub(r"\1?…", line)))


@dataclass
class _Progress:
    """What `-progress pipe:1` has said so far. Written by the reader thread, read by the caller's."""

    frames: int = 0
    out_time_s: float = 0.0
    speed: float = 0.0
    blocks: int = 0

    def take(self, line: str) -> None:
        key, _, value = line.partition("=")
        value = value.strip()
        try:
            if key == "out_time_us":
                # "N/A" before the first packet; it steps back near the end, while muxers flush.
                self.out_time_s = max(self.out_time_s, int(value) / 1e6)
            elif key == "frame":
                self.frames = max(self.frames, int(value))
            elif key == "speed":
                self.speed = float(value.removesuffix("x"))
            elif key == "progress":
                self.blocks += 1
        except ValueError:
            return


@dataclass
class _Log:
    """What FFmpeg's log says: the last lines that matter, and the decoders' own account at the end."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    decoded_frames: int = 0
    decode_errors: int = 0
    corrupt_frames: int = 0
    no_space: bool = False
    signal: int = 0

    def take(self, line: str) -> None:
        if match := _DECODED.search(line):
            self.decode_errors += int(match[3])
            if match[1] == "video":
                self.decoded_frames += int(match[2])
        elif match := _SIGNAL.search(line):
            self.signal = int(match[1])
        elif _LEVEL.search(line):
            self.corrupt_frames += _CORRUPT in line
            self.no_space |= "No space left on device" in line
            self.lines.append(tidy(line))


class _Watch:
    """The two things FFmpeg does not do itself: notice that nothing moves, and that the disk is full."""

    def __init__(
        self,
        progress: _Progress,
        out_dir: Path,
        limits: Limits,
        on_progress: Callable[[float, float], None],
        clock: Callable[[], float],
    ) -> None:
        self._progress, self._out_dir, self._limits = progress, out_dir, limits
        self._on_progress, self._clock = on_progress, clock
        self._told = 0
        self._seen = (-1, -1.0)
        self._moved_at = clock()

    def __call__(self) -> None:
        self._stalled()
        _room(self._out_dir, self._limits)
        if self._told != self._progress.blocks:
            self._told = self._progress.blocks
            self._on_progress(self._progress.out_time_s, self._progress.speed)

    def _stalled(self) -> None:
        seen = (self._progress.frames, self._progress.out_time_s)
        if seen != self._seen:
            self._seen, self._moved_at = seen, self._clock()
        elif self._clock() - self._moved_at > self._limits.stall_s:
            raise EncodeFailed(
                "stalled",
                f"FFmpeg made no progress for {self._limits.stall_s:.0f} s and was stopped",
                why=f"it stood at {seen[1]:.1f} s of the video",
            )


def _room(out_dir: Path, limits: Limits) -> None:
    """Raise DiskFull while there is still a little room: on a full disk FFmpeg's HLS muxer ends with status 0."""
    try:
        free = shutil.disk_usage(out_dir).free
    except OSError as error:
        raise EncodeFailed(
            "encode_failed", "the output folder is gone", why=errno.errorcode.get(error.errno or 0, "")
        ) from error
    if free < limits.min_free_bytes:
        raise DiskFull(
            "the disk is full where the encode is written",
            why=f"{free >> 20} MiB free, {limits.min_free_bytes >> 20} MiB are kept",
        )


def _failure(ended: Ended, log: _Log, limits: Limits) -> MediaError:
    """The error for a non-zero end, most telling cause first."""
    tail = tuple(log.lines)
    if log.no_space:
        return DiskFull("the disk is full where the encode is written", why=tail[-1])
    if ended.returncode == EXIT_ERROR_RATE:
        return MediaRefused(
            "damaged_source",
            "the upload is damaged: too much of it cannot be decoded",
            why=f"more than {limits.max_error_rate:.0%} of its frames",
        )
    # It catches some signals and ends with 255; what it says then is which.
    reason, what = {
        -SIGXCPU: ("cpu_limit", "FFmpeg used more CPU time than any real video needs and was stopped"),
        -SIGXFSZ: ("file_limit", "FFmpeg wrote a file larger than any segment can be and was stopped"),
        -9: ("killed", "FFmpeg was killed from outside (out of memory?)"),
        127: ("no_ffmpeg", "FFmpeg could not be started"),
    }.get(-log.signal or ended.returncode, ("encode_failed", "FFmpeg ended with an error"))
    telling = [line for line in tail if "[error]" in line or "[fatal]" in line] or list(tail)
    return EncodeFailed(
        reason,
        what,
        why=f"status {ended.returncode}" + (f", {telling[-1]}" if telling else ""),
        stderr_tail=tail,
        returncode=ended.returncode,
    )

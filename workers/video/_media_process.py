"""One child process of the media engine: bounded, listened to, and gone on every way out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from workers.video._media_errors import EncodeFailed

TICK_S = 0.2
MAX_LINE = 64 * 1024
LEASH = Path(__file__).with_name("_media_leash.py")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
"""All that FFmpeg gets of our environment: it needs no secret, and FFREPORT would write files."""


@dataclass(frozen=True)
class Ended:
    """`returncode` is negative for a signal (POSIX); `cpu_s` is user + system time of the child."""

    returncode: int
    cpu_s: float
    wall_s: float


def drive(
    argv: list[str],
    *,
    on_out: Callable[[str], None],
    on_err: Callable[[str], None],
    tick: Callable[[], None],
    cpu_s: int = 0,
    file_bytes: int = 0,
) -> Ended:
    """Run `argv` to its end, handing on each line of its two outputs.

    `on_out` and `on_err` are called on reader threads, `tick` on the caller's thread at least every TICK_S; what any
    of them raises is raised here, after the child's whole process group has been killed. Raises EncodeFailed
    (`no_ffmpeg`) when the program cannot be started.
    """
    started = time.monotonic()
    with _child(argv, cpu_s=cpu_s, file_bytes=file_bytes) as proc:
        assert proc.stdout is not None
        assert proc.stderr is not None
        readers = [_Reader(proc.stdout, on_out), _Reader(proc.stderr, on_err)]
        while any(reader.is_alive() for reader in readers):
            _listen(readers, tick)
        while (ended := _reap(proc, started)) is None:  # it has closed its pipes and is still there
            time.sleep(0.002)
            tick()
        _listen(readers, tick)
        return ended


def _listen(readers: list[_Reader], tick: Callable[[], None]) -> None:
    deadline = time.monotonic() + TICK_S
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))
        if reader.error is not None:
            raise reader.error
    tick()


class _Reader(threading.Thread):
    """Reads one pipe to its end; keeps the first error of its listener for the caller's thread."""

    def __init__(self, pipe: IO[str], listener: Callable[[str], None]) -> None:
        super().__init__(daemon=True, name="media-reader")
        self.error: Exception | None = None
        self._pipe = pipe
        self._listener = listener
        self.start()

    def run(self) -> None:
        try:
            with self._pipe:
                while line := self._pipe.readline(MAX_LINE):
                    self._listener(line.rstrip("\r\n"))
        except Exception as error:  # noqa: BLE001  handed to the caller's thread, which raises it
            self.error = error


@contextmanager
def _child(argv: list[str], *, cpu_s: int, file_bytes: int) -> Iterator[subprocess.Popen[str]]:
    group: dict[str, int] = {"process_group": 0}
    if sys.platform == "win32":
        group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        proc = subprocess.Popen(
            _leashed(argv, cpu_s=cpu_s, file_bytes=file_bytes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"AV_LOG_FORCE_NOCOLOR": "1"},
            **group,  # type: ignore[call-overload]
        )
    except OSError as error:
        raise EncodeFailed("no_ffmpeg", f"cannot start {Path(argv[0]).name}", why=str(error.strerror)) from error
    try:
        yield proc
    finally:
        _kill(proc)


def _leashed(argv: list[str], *, cpu_s: int, file_bytes: int) -> list[str]:
    if sys.platform == "win32" or not sys.executable:
        return argv
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(cpu_s), str(file_bytes), *argv]


def _reap(proc: subprocess.Popen[str], started: float) -> Ended | None:
    """The child's end and its CPU time, or None while it runs. Sets `proc.returncode`, so that Popen does not wait."""
    wall_s = time.monotonic() - started
    if sys.platform == "win32":
        returncode = proc.poll()
        return None if returncode is None else Ended(returncode, 0.0, wall_s)
    pid, status, usage = os.wait4(proc.pid, os.WNOHANG)
    if pid == 0:
        return None
    proc.returncode = os.waitstatus_to_exitcode(status)
    return Ended(proc.returncode, usage.ru_utime + usage.ru_stime, wall_s)


def _kill(proc: subprocess.Popen[str]) -> None:
    if proc.returncode is not None:
        return
    if sys.platform == "win32":
        proc.kill()
    else:
        try:
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            proc.kill()
    proc.wait()

"""Run what reads a stranger's file in a process of its own, which may use so much and no more, and can be stopped.

No file kills the worker: a child that asks for too much memory, computes too long or crashes dies alone, and says so.
Linux enforces all bounds in the child (RLIMIT_AS, RLIMIT_CPU), and the child dies with the thread that started it.
Elsewhere the parent watches the child's memory, and a parent's sudden death leaves the child to its CPU limit (macOS)
or to its own end (Windows).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

Reason = Literal["ok", "wall", "cpu", "memory", "stopped", "crashed"]

POLL_S = 0.2
STDERR_KEPT = 4_000
LEASH = Path(__file__).with_name("_sandbox_leash.py")
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "TESSDATA_PREFIX",
    "SYSTEMROOT", "WINDIR", "PATHEXT", "USERPROFILE", "LOCALAPPDATA", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
)  # fmt: skip
# CREATE_NEW_PROCESS_GROUP and CREATE_NO_WINDOW, names that subprocess has on Windows only.
_WINDOWS_FLAGS = 0x0000_0200 | 0x0800_0000 if os.name == "nt" else 0
_NO_MEMORY = ("MemoryError", "memory allocation of", "bad_alloc", "Cannot allocate memory")


@dataclass(frozen=True)
class ChildResult:
    """How a child ended. `reason`: ok (code 0), crashed (any other end of its own), or what ended it."""

    returncode: int
    stdout: bytes
    stderr: str
    """Its last 4,000 characters."""
    reason: Reason


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules (`python -m`) in a child."""
    return ["-m", name, *arguments]


def run_child(
    command: Sequence[str],
    request: bytes = b"",
    *,
    wall_s: float,
    cpu_s: int,
    memory_bytes: int,
    stop_asked: Callable[[], bool] = lambda: False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> ChildResult:
    """Run a program (argv) or `module(...)` with `request` on its stdin, and wait for its end; it never raises for one.

    `stop_asked` is called about five times a second; once it is true, or a bound is passed, the child and all that it
    started are killed with SIGKILL. `cpu_s` and `memory_bytes` (address space): 0 = no bound. The child's environment
    holds what programs need to start, `env`, and nothing else: no credentials.
    """
    if stop_asked():
        return ChildResult(-signal.SIGTERM, b"", "not started", "stopped")
    with tempfile.TemporaryFile() as given:  # and not a pipe: `communicate` forgets a long input after its timeout
        given.write(request)
        given.seek(0)
        try:
            process = _start(command, given, cpu_s=cpu_s, memory_bytes=memory_bytes, env=env, cwd=cwd)
        except OSError as error:
            return ChildResult(127, b"", f"cannot start {command[0]}: {error.strerror}", "crashed")
    watched = 0 if sys.platform == "linux" else memory_bytes
    ended: Reason | None = None
    deadline = time.monotonic() + wall_s
    try:
        while True:
            try:
                out, err = process.communicate(timeout=max(0.0, min(POLL_S, deadline - time.monotonic())))
                break
            except subprocess.TimeoutExpired:
                if ended is None and (ended := _why_end(process.pid, stop_asked, deadline, watched)):
                    _kill(process)
                    deadline += 3600  # the pipes close with the last of the group
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
    tail = err.decode("utf-8", "replace")[-STDERR_KEPT:]
    return ChildResult(process.returncode, out, tail, ended or _reason(process.returncode, tail))


def _start(
    command: Sequence[str],
    given: IO[bytes],
    *,
    cpu_s: int,
    memory_bytes: int,
    env: Mapping[str, str] | None,
    cwd: Path | None,
) -> subprocess.Popen[bytes]:
    leashed = [sys.executable, "-P", str(LEASH), str(os.getpid()), str(cpu_s), str(memory_bytes), *command]
    # exec on Windows is a new process whose parent ends at once: only our own modules go through the leash there.
    argv = leashed if os.name == "posix" or command[0] == "-m" else list(command)
    return subprocess.Popen(
        argv,
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=_environment(env or {}),
        process_group=0 if os.name == "posix" else None,
        creationflags=_WINDOWS_FLAGS,
    )


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # This very package, wherever it was imported from: the child sees neither our sys.path nor our PYTHONPATH.
    return kept | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONUTF8": "1"} | dict(extra)


def _why_end(pid: int, stop_asked: Callable[[], bool], deadline: float, memory_bytes: int) -> Reason | None:
    if stop_asked():
        return "stopped"
    if time.monotonic() >= deadline:
        return "wall"
    return "memory" if memory_bytes and _resident(pid) > memory_bytes else None


def _resident(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone, or not yet in its group (macOS says EPERM for a zombie)
            process.kill()
        return
    import psutil

    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        started = []
    process.kill()
    for child in started:
        try:
            child.kill()
        except psutil.Error:
            continue


def _reason(returncode: int, stderr: str) -> Reason:
    if returncode == 0:
        return "ok"
    if sys.platform != "win32" and returncode == -signal.SIGXCPU:
        return "cpu"
    # Nobody but the kernel, short of memory, sends SIGKILL to a child that we did not kill.
    starved = sys.platform != "win32" and returncode == -signal.SIGKILL
    return "memory" if starved or any(word in stderr for word in _NO_MEMORY) else "crashed"

"""A Batch job's container as a process of this machine: its words, its environment, its output, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KILL_AFTER_S = 30.0
# What a process needs of the machine; a container gets nothing else of its host.
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "VIRTUAL_ENV", "_ACADEMYCTL_STACK", "HOME", "APPDATA")
_HERE = Path(__file__).parents[3]


class Container:
    """One attempt of a job. `run` returns when it has ended; `stop` may be called by anyone at any time."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
        self._words, self._env = _program(words), {**_machine(), **env}
        self._process: subprocess.Popen[str] | None = None
        self._stopped = self._late = False
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []

    def run(self, said: Callable[[str], None], *, timeout_s: float | None = None) -> tuple[int, bool]:
        """(exit code, whether the time ran out); each line of output is given to `said`. Raises OSError."""
        with self._lock:
            if self._stopped:
                return 128 + signal.SIGTERM, False
            self._process = process = subprocess.Popen(
                self._words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=self._env, cwd=tempfile.gettempdir(), text=True, encoding="utf-8", errors="replace",
                start_new_session=os.name != "nt",
            )  # fmt: skip
        if timeout_s is not None:
            self._later(timeout_s, self._ran_out)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said(line.rstrip("\r\n"))
            process.stdout.close()
            code = process.wait()
        finally:
            for timer in self._timers:
                timer.cancel()
        return (128 - code if code < 0 else code), self._late

    def stop(self, *, kill_after_s: float = KILL_AFTER_S) -> None:
        """SIGTERM, and SIGKILL to whatever is left of it a while later."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            _signal(process, "SIGTERM")
            self._later(kill_after_s, lambda: _signal(process, "SIGKILL"))

    def _ran_out(self) -> None:
        self._late = True
        self.stop()

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def _program(words: Sequence[str]) -> list[str]:
    """The command as this machine has it: academyctl and Python are those that run the stack."""
    if words and words[0] == "academyctl":
        return [sys.executable, "-m", *words]
    if words and words[0] in ("python", "python3"):
        return [sys.executable, *words[1:]]
    return list(words)


def _machine() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = os.pathsep.join(filter(None, (str(_HERE), os.environ.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def _signal(process: subprocess.Popen[str], name: str) -> None:
    # To the whole group: what the job started must not outlive it. The group's leader may have ended before.
    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, getattr(signal, name))
    except ProcessLookupError:
        pass

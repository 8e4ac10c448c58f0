"""Start services that outlive us, know them again, and stop them for sure."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from academyctl.errors import WorkFailed
from academyctl.local.state import Process

STOP_S = 8.0
# Every service carries its folder in its environment: who was started but not yet written down is found by it.
MARK = "LOCAL_STACK_OF"


def spawn(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, user: str | None = None) -> Process:
    """Start a detached process whose output goes to `log`. It survives the death of whoever started it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS: closing the console must not end the stack.
    flags = 0x00000200 | 0x00000008 if os.name == "nt" else 0
    account: dict[str, Any] = {"user": user, "group": user_group(user), "extra_groups": []} if user else {}
    with log.open("ab") as stream:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**(os.environ if env is None else env), MARK: str(log.parent.parent)},
            start_new_session=os.name != "nt",
            creationflags=flags,
            cwd=str(log.parent),
            **account,
        )
    return Process(process.pid, psutil.Process(process.pid).create_time())


def user_group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def alive(process: Process | None) -> bool:
    """Whether this very process still runs; a zombie or a reused pid does not count."""
    return _find(process) is not None


def stop(process: Process | None, *, timeout_s: float = STOP_S) -> None:
    """Terminate the process and its children, then kill what is left. A process that is gone is fine."""
    found = _find(process)
    if found is None:
        return
    try:
        family = [found, *found.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        _signal(member, "terminate")
    _, left = psutil.wait_procs(family, timeout=timeout_s)
    for member in left:
        _signal(member, "kill")
    psutil.wait_procs(left, timeout=timeout_s)


def strays(folder: Path) -> list[Process]:
    """Processes of a folder's stack that nobody wrote down, because their starter was killed in between."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.pid != os.getpid():
                found.append(Process(process.pid, process.create_time()))
        except (psutil.Error, OSError):
            # Somebody else's process, or one that ended while we looked.
            continue
    return found


def wait_until(ready: Callable[[], bool], process: Process, *, what: str, log: Path, timeout_s: float = 30) -> None:
    """Wait for a started service to answer. Raises WorkFailed with the log's end when it died or stays silent."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not alive(process) or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-1500:] if log.exists() else ""
            state = "does not answer" if alive(process) else "ended at once"
            raise WorkFailed(f"{what} {state}", why=tail.strip(), remedy=f"read {log}")
        time.sleep(0.03)


def listening(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _find(process: Process | None) -> psutil.Process | None:
    if process is None:
        return None
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started) < 1.0
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _signal(process: psutil.Process, how: str) -> None:
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return

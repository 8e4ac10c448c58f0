"""Start services that outlive us, know them again, and stop them for sure."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from academyctl.errors import Both, WorkFailed
from academyctl.local.state import Process

STOP_S = 8.0
# Every process of a stack carries the stack's folder in its environment, and so do its children. That is how one is
# found again whose starter was killed before it could write the pid down.
MARK = "_ACADEMYCTL_STACK"


def spawn(
    argv: Sequence[str], *, folder: Path, log: Path, env: Mapping[str, str] | None = None, user: str | None = None
) -> Process:
    """Start a detached process of the stack in `folder`. It survives whoever started it; its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS: closing the console must not end the stack.
    flags = 0x00000200 | 0x00000008 if os.name == "nt" else 0
    with log.open("ab") as stream:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=marked(folder, env),
            start_new_session=os.name != "nt",
            creationflags=flags,
            cwd=str(log.parent),
            **as_user(user),
        )
    try:
        started = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        started = 0.0
    # It is meant to outlive this object: without a return code Python would warn that it still runs.
    process.returncode = 0
    return Process(process.pid, started)


def marked(folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process of the folder's stack, also one that is waited for: its starter may be killed."""
    return {**(os.environ if env is None else env), MARK: _name(folder)}


def as_user(user: str | None) -> dict[str, Any]:
    """Popen's words for another account with no other groups; nothing for our own."""
    return {"user": user, "group": user_group(user), "extra_groups": []} if user else {}


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
    _end(family, timeout_s)


def strays(folder: Path, known: Iterable[Process]) -> list[psutil.Process]:
    """Living processes of the folder's stack that are neither `known` nor a child of one."""
    ours: set[int] = set()
    for process in known:
        found = _find(process)
        if found is not None:
            ours |= {found.pid, *(child.pid for child in _children(found))}
    return [
        process
        for process in psutil.process_iter(["environ", "status"])
        if (process.info["environ"] or {}).get(MARK) == _name(folder)
        and process.pid not in ours
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def sweep(folder: Path, known: Iterable[Process] = (), *, timeout_s: float = STOP_S) -> int:
    """Stop every stray; how many there were."""
    found = strays(folder, known)
    _end(found, timeout_s)
    return len(found)


def wait_until(ready: Callable[[], bool], process: Process, *, what: str, log: Path, timeout_s: float = 30) -> None:
    """Wait for a started service to answer. Raises WorkFailed with the log's end when it died or stays silent."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not alive(process) or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-1500:] if log.exists() else ""
            state = "does not answer" if alive(process) else "ended at once"
            raise WorkFailed(
                f"{what} {state}",
                why=tail.strip(),
                remedy=Both(
                    f"read {log}, then: academyctl local up", f"{log} 을 보고 academyctl local up 을 다시 실행하세요"
                ),
            )
        time.sleep(0.03)


def listening(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _name(folder: Path) -> str:
    return str(folder.resolve())


def _find(process: Process | None) -> psutil.Process | None:
    if process is None:
        return None
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started) < 1.0
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_gone(family: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until the processes have ended; those that have not come back.

    A zombie has ended: whether its parent (in a container often a careless pid 1) collects it is not our wait.
    """
    deadline = time.monotonic() + timeout_s
    left = [member for member in family if not _ended(member)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [member for member in left if not _ended(member)]
    return left


def _end(family: Sequence[psutil.Process], timeout_s: float) -> None:
    for member in family:
        _signal(member, "terminate")
    left = wait_gone(family, timeout_s)
    for member in left:
        _signal(member, "kill")
    wait_gone(left, timeout_s)


def _ended(process: psutil.Process) -> bool:
    try:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return False
    except psutil.NoSuchProcess:
        return True
    if os.name != "nt":
        # If it is our own child, collect it.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
    return True


def _signal(process: psutil.Process, how: str) -> None:
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return

"""What a local stack remembers of itself: ports, secrets and which processes are its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from academyctl.errors import Both, ConfigError, WorkFailed

FILE = "stack.json"
LOCK = "stack.lock"
VERSION = 2
_ANEW = Both(
    "stop it with the version that made it, delete the folder, then: academyctl local up",
    "그 폴더를 만든 버전으로 중지하고 폴더를 지운 뒤 academyctl local up 을 실행하세요",
)


@dataclass
class Process:
    """A started service. `started` is the process's own start time, so that a reused pid is never taken for ours."""

    pid: int
    started: float


@dataclass
class State:
    """The stack of one folder.

    `data_ready`: `up` has finished, so the environment is whole. `database`: where the cluster's files are.
    `tools`: FFmpeg and ffprobe as found at `up`. `gaps`: what could not be made on this emulator, as sentences.
    """

    version: int = VERSION
    aws: str = "ministack"
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    data_ready: bool = False
    database: str = ""
    tools: dict[str, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)


def default_dir() -> Path:
    """ACADEMYCTL_LOCAL_DIR, else a folder of the user's own data."""
    chosen = os.environ.get("ACADEMYCTL_LOCAL_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    usual = Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".local/share")
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME") or str(usual)
    return Path(base) / "academyctl" / "local"


def read(folder: Path) -> State | None:
    """The remembered stack, or None when the folder has none. Raises ConfigError for a file of another version."""
    try:
        raw: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(f"{folder / FILE} cannot be read", why=str(error), remedy=_ANEW) from error
    if raw.get("version") != VERSION:
        raise ConfigError(f"{folder} was made by another version of academyctl", remedy=_ANEW)
    processes = {name: Process(**entry) for name, entry in raw.pop("processes").items()}
    return State(**raw, processes=processes)


def write(folder: Path, state: State) -> None:
    """Replace the file in one step; only its owner can read it, for it holds the stack's passwords."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{FILE}.new"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    path.replace(folder / FILE)


@contextlib.contextmanager
def alone(folder: Path, *, wait_s: float = 60) -> Iterator[None]:
    """One `up`, `down` or `reset` of a folder at a time. The system frees the lock when its holder dies.

    Raises WorkFailed when another one holds it for longer than `wait_s` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as handle:
        deadline = time.monotonic() + wait_s
        while not _lock(handle):
            if time.monotonic() > deadline:
                raise WorkFailed(
                    f"another `academyctl local` command works on {folder}",
                    remedy=Both("wait for it, or end it", "그 명령이 끝나기를 기다리거나 종료하세요"),
                )
            time.sleep(0.05)
        yield


def _lock(handle: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def fresh(aws: str) -> State:
    """A new stack's ports and secrets."""
    names = ("postgres", "redis", "aws", "solapi")
    root = "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    made = {
        "root_key": root,
        "root_secret": secrets.token_hex(20),
        "db_password": secrets.token_hex(12),
        "redis_password": secrets.token_hex(12),
        "solapi_key": "NCS" + secrets.token_hex(7).upper(),
        "solapi_secret": secrets.token_hex(16),
        "worker_token": secrets.token_hex(16),
    }
    return State(aws=aws, ports=dict(zip(names, free_ports(len(names)), strict=True)), secrets=made)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on; all are held open together so that none comes twice."""
    held = []
    try:
        for _ in range(count):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.bind(("127.0.0.1", 0))
            held.append(sock)
        return [int(sock.getsockname()[1]) for sock in held]
    finally:
        for sock in held:
            sock.close()

"""The run's folder on disk: `video-{id}-*` under the temp dir, gone whatever happens (contract 4: temp).

A killed worker cannot clean up: each folder names its owner, and the next worker of this host removes what a process
that is gone has left. A process id alone is no name (containers start at 1 again), so its start time is part of it.
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from academyctl.errors import Both, WorkFailed

log = logging.getLogger("academyctl.video")

OWNER = "owner.json"
UNNAMED = ".video-"
REMOVALS, REMOVE_EVERY_S = 20, 0.1
# Between mkdtemp and the owner's name a folder is nobody's for a moment.
NAMELESS_S = 3600.0
# What stays free besides the video: logs, the health file, other programs.
RESERVE_BYTES = 64 * 2**20

Free = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@contextmanager
def workdir(root: Path, video_id: int, *, host: str) -> Iterator[Path]:
    """A new folder for one run, removed at the end. Raises WorkFailed when the disk does not take it."""
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        folder = _owned(root, video_id, host)
    try:
        yield folder
    finally:
        remove(folder)


def _owned(root: Path, video_id: int, host: str) -> Path:
    """A folder that has its name only when it has its owner: a kill in between leaves nothing that looks like a run."""
    unnamed = Path(tempfile.mkdtemp(prefix=f"{UNNAMED}{video_id}-", dir=root))
    (unnamed / OWNER).write_text(json.dumps(_me(host)), encoding="utf-8")
    return unnamed.rename(root / unnamed.name.removeprefix("."))


def remove(folder: Path) -> None:
    """Delete a folder, its owner's name last: what cannot be deleted now is found again by `remove_leftovers`.

    A killed worker's FFmpeg lives a moment longer and may still write here, so an unfinished deletion is repeated.
    """
    for _ in range(REMOVALS):
        for entry in folder.glob("*"):
            if entry.name != OWNER:
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
        if {entry.name for entry in folder.glob("*")} <= {OWNER}:
            shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(REMOVE_EVERY_S)
    log.warning("the folder %s could not be removed completely", folder)


def remove_leftovers(root: Path, *, host: str, now: Callable[[], float] = time.time) -> list[Path]:
    """Remove the folders of this host's processes that are gone; the removed ones come back."""
    ours = [*root.glob("video-*"), *root.glob(f"{UNNAMED}*")]
    gone = [folder for folder in ours if folder.is_dir() and _abandoned(folder, host, now())]
    for folder in gone:
        log.warning("removing %s, left behind by a worker that is gone", folder)
        remove(folder)
    return gone


def require_space(folder: Path, need: int, what: str, *, free: Free = free_bytes) -> None:
    """Raise WorkFailed unless the disk has room for `need` bytes more."""
    have = free(folder)
    if have < need + RESERVE_BYTES:
        raise _full(folder, f"{what} needs {_mib(need + RESERVE_BYTES)} MiB, free are {_mib(have)} MiB")


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """A full or unwritable disk as a WorkFailed that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folder, str(error)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise WorkFailed(
                f"the working folder {folder} cannot be written",
                why=str(error),
                remedy=Both(
                    "give the worker's user a writable VIDEO_WORKER_TEMP_DIR",
                    "워커 사용자가 쓸 수 있는 VIDEO_WORKER_TEMP_DIR를 지정하세요",
                ),
                code="disk",
            ) from error
        raise


def _full(folder: Path, why: str) -> WorkFailed:
    return WorkFailed(
        f"the disk is full: no space left in {folder}",
        why=why,
        remedy=Both(
            "free space there, or point VIDEO_WORKER_TEMP_DIR to a larger disk",
            "공간을 비우거나 VIDEO_WORKER_TEMP_DIR를 더 큰 디스크로 지정하세요",
        ),
        code="disk-full",
    )


def _abandoned(folder: Path, host: str, now: float) -> bool:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        pid, started, where = int(owner["pid"]), float(owner["started"]), str(owner["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return _nameless(folder, now)
    if where != host:
        return False
    try:
        return abs(psutil.Process(pid).create_time() - started) > 1.0
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _nameless(folder: Path, now: float) -> bool:
    with suppress(OSError):
        return now - folder.stat().st_mtime > NAMELESS_S
    return False


def _me(host: str) -> dict[str, object]:
    process = psutil.Process()
    return {"pid": process.pid, "started": process.create_time(), "host": host}


def _mib(size: int) -> int:
    return -(-size // 2**20)

"""The run's folder on disk: `video-{id}-*` under the temp dir, gone whatever happens (contract 4: temp)."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from academyctl.errors import Both, WorkFailed
from workers import _folders
from workers._folders import OWNER as OWNER
from workers._folders import remove as remove

# What stays free besides the video: logs, the health file, other programs.
RESERVE_BYTES = 64 * 2**20

Free = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@contextmanager
def workdir(root: Path, video_id: int, *, host: str) -> Iterator[Path]:
    """A new folder for one run, removed at the end. Raises WorkFailed when the disk does not take it."""
    with disk_errors(root):
        folder = _folders.make(root, f"video-{video_id}", host=host)
    try:
        yield folder
    finally:
        remove(folder)


def remove_leftovers(root: Path, *, host: str, now: Callable[[], float] = time.time) -> list[Path]:
    """Remove the folders of this host's processes that are gone; the removed ones come back."""
    return _folders.remove_leftovers(root, "video", host=host, now=now)


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


def _mib(size: int) -> int:
    return -(-size // 2**20)

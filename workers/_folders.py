"""A run's own folder on disk, gone whatever happens: its owner removes it, or the next worker of the same host does.

A killed worker cannot clean up: each folder names its owner, and a start removes what processes that are gone have
left. A process id alone is no name (containers start at 1 again), so its start time is part of it.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

log = logging.getLogger("academyctl.worker")

OWNER = "owner.json"
REMOVALS, REMOVE_EVERY_S = 20, 0.1
# Between mkdtemp and the owner's name a folder is nobody's for a moment.
NAMELESS_S = 3600.0


def make(root: Path, name: str, *, host: str) -> Path:
    """A new folder `{name}-...` in `root` (made when absent), the owner's name inside. Raises OSError.

    It has its name only when it has its owner: a kill in between leaves nothing that looks like a run.
    """
    root.mkdir(parents=True, exist_ok=True)
    unnamed = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    (unnamed / OWNER).write_text(json.dumps(_me(host)), encoding="utf-8")
    return unnamed.rename(root / unnamed.name.removeprefix("."))


def remove(folder: Path) -> None:
    """Delete a folder, its owner's name last: what cannot be deleted now is found again by `remove_leftovers`.

    A killed worker's child lives a moment longer and may still write here, so an unfinished deletion is repeated.
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


def remove_leftovers(root: Path, name: str, *, host: str, now: Callable[[], float] = time.time) -> list[Path]:
    """Remove the folders `{name}-...` of this host's processes that are gone; the removed ones come back."""
    ours = [*root.glob(f"{name}-*"), *root.glob(f".{name}-*")]
    gone = [folder for folder in ours if folder.is_dir() and _abandoned(folder, host, now())]
    for folder in gone:
        log.warning("removing %s, left behind by a worker that is gone", folder)
        remove(folder)
    return gone


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

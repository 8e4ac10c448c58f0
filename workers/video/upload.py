"""Files on their way up to R2: a bounded number of threads, each file tried again, sizes kept (contract 4, 11 #44)."""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from academyctl.errors import AwsError, WorkFailed
from academyctl.settings_model import Video
from workers.video.download import backoff_s

log = logging.getLogger("academyctl.video")

T = TypeVar("T")
IDLE_POLL_S = 0.2
AGAIN = frozenset({"unreachable", "throttled", "unknown"})
"""Causes of an AwsError that may be gone a second later."""


class Uploads:
    """A pool of daemon threads: an upload that hangs must not keep a stopping process alive.

    `put` stores one file under one key; the first error ends the pool and is raised by `check`.
    """

    def __init__(self, put: Callable[[str, Path], None], *, threads: int) -> None:
        self._put = put
        self._todo: queue.SimpleQueue[tuple[str, Path] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._sizes: dict[str, int] = {}
        self._submitted = 0
        self._error: Exception | None = None
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"upload-{n}", daemon=True) for n in range(max(1, threads))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, key: str, path: Path) -> None:
        """Upload a finished file; returns at once."""
        self._submitted += 1
        self._todo.put((key, path))

    def done(self, key: str) -> bool:
        """Whether this object is up."""
        return key in self._sizes

    @property
    def sizes(self) -> dict[str, int]:
        """What is up, with its size in bytes."""
        with self._changed:
            return dict(self._sizes)

    def forget(self, key: str) -> None:
        """It is not up after all."""
        with self._changed:
            if self._sizes.pop(key, None) is not None:
                self._submitted -= 1

    def check(self) -> None:
        """Raise what ended the pool, if anything did."""
        if self._error is not None:
            raise self._error

    def wait(self, check: Callable[[], None], on_progress: Callable[[int, int], None]) -> None:
        """Until everything submitted is up; `on_progress(done, all)`. Raises what `check` or an upload raises."""
        while True:
            check()
            self.check()
            with self._changed:
                done = len(self._sizes)
                if done >= self._submitted:
                    on_progress(done, self._submitted)
                    return
                self._changed.wait(IDLE_POLL_S)
            on_progress(done, self._submitted)

    def close(self) -> None:
        """Start nothing more. Uploads under way end by themselves."""
        self._closed = True
        for _ in self._threads:
            self._todo.put(None)

    def _run(self) -> None:
        while (item := self._todo.get()) is not None and not self._closed and self._error is None:
            key, path = item
            try:
                size = path.stat().st_size
                self._put(key, path)
            except Exception as error:  # noqa: BLE001 - a thread cannot raise: `check` does, with whatever it was
                with self._changed:
                    self._error = self._error or error
                    self._changed.notify_all()
                return
            with self._changed:
                self._sizes[key] = size
                self._changed.notify_all()


def persistently(
    action: Callable[[], T], what: str, *, settings: Video, wait: Callable[[float], None], rng: random.Random
) -> T:
    """Try one call to R2 up to `retry_max` times. Raises WorkFailed when they are used up; other AwsErrors at once."""
    for turn in range(1, settings.retry_max + 1):
        try:
            return action()
        except AwsError as error:
            if error.cause not in AGAIN or error.code in ("PreconditionFailed", "412"):
                raise
            if turn == settings.retry_max:
                raise WorkFailed(f"upload failed key={what}", why=f"{turn} tries; the last: {error}") from error
            log.warning("upload retry attempt=%d key=%s err=%s", turn, what, error)
            wait(backoff_s(settings, turn, rng))
    raise AssertionError("retry_max is at least 1")

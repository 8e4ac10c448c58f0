"""What ends a worker: signals and the loop's own reasons, through one queue that a signal handler may fill."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from academyctl.errors import EXIT_INTERRUPTED

SLICE_S = 0.5


@dataclass(frozen=True)
class Signalled:
    """The operator, the supervisor or the shell asked for the end."""

    name: str


class Inbox:
    """Events for the main thread. SimpleQueue's put is reentrant, an Event's set is not: a handler could deadlock."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, event: object) -> None:
        self._events.put(event)

    def get(self) -> Any:
        """The next event. Waits in slices: between them Windows delivers Ctrl+C, and a signal is noticed that the
        system gave to another thread, which wakes nobody here."""
        while True:
            try:
                return self._events.get(timeout=SLICE_S)
            except queue.Empty:
                continue

    def take(self) -> Any:
        """The next event if there is one, else None."""
        try:
            return self._events.get_nowait()
        except queue.Empty:
            return None


@contextmanager
def signals_into(inbox: Inbox, *, end_now: Callable[[int], Any]) -> Iterator[None]:
    """The first SIGTERM, SIGINT or Ctrl+Break goes into the inbox, the second ends the process at once (130).

    Outside of the main thread nothing is installed: Python delivers signals to no other.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            end_now(EXIT_INTERRUPTED)
        inbox.put(Signalled(signal.Signals(number).name))

    wanted = [signal.SIGTERM, signal.SIGINT]
    if os.name == "nt":
        wanted.append(signal.Signals["SIGBREAK"])
    before = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def end_process(code: int) -> None:
    """Leave without waiting for any thread, and take child processes along: an orphan FFmpeg would encode for hours."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    # Nothing to flush: every log line is written when it is said.
    os._exit(code)

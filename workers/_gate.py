"""Receives under way, counted: who wants to leave must know that none brings a message any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Every receive, from its call to its messages' place in the table, happens inside `passing`.

    While the gate is closed none begins; those that were under way end in their own time.
    """

    def __init__(self) -> None:
        self._open = threading.Condition()
        self._closed = False
        self._under_way = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait until the gate is open, then be counted."""
        with self._open:
            # A poller is a daemon: at the end of the process nobody waits for it here.
            self._open.wait_for(lambda: not self._closed)
            self._under_way += 1
        try:
            yield
        finally:
            with self._open:
                self._under_way -= 1
                self._open.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Let no receive begin any more."""
        with self._open:
            self._closed = True

    def open(self) -> None:
        with self._open:
            self._closed = False
            self._open.notify_all()

    def still(self, seconds: float) -> bool:
        """Wait until no receive is under way, at most so long; whether that is so."""
        with self._open:
            return self._open.wait_for(lambda: not self._under_way, seconds)

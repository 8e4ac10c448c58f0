"""The rate limit: texts a second of this process, over all its handler threads."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Limiter:
    """A token bucket that holds one second's worth. `rate` 0 = no limit. `clock` is monotonic, in seconds.

    Who takes more than there is goes into debt and waits it off: nobody waits for a bucket that never gets so full, and
    the threads are served in the order in which they asked.
    """

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(rate)
        self._at = clock()

    def take(self, count: int, wait: Callable[[float], None]) -> None:
        """Wait until `count` texts may go. What `wait` raises (the process ends) gives them back."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            self._tokens = min(float(self._rate), self._tokens + (now - self._at) * self._rate)
            self._at = now
            self._tokens -= count
            debt_s = -self._tokens / self._rate
        if debt_s <= 0:
            return
        try:
            wait(debt_s)
        except BaseException:
            with self._lock:
                self._tokens += count
            raise

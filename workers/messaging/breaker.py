"""The breaker before Solapi and the database: after a failure nothing is fetched and nothing is sent for a while.

closed --failed--> open (1 s, doubling to 60 s; longer where Solapi says so) --time--> half-open: one text may try
   ^                                                                                      |
   +------------------------------------ passed ------------------------------------------+ failed: open again
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

FIRST_S = 1.0
MOST_S = 60.0
ASKED_MOST_S = 300.0
"""A Retry-After is respected up to this."""
TRIAL_S = 0.2
"""How long others wait before they look again whether the one that tries has come through."""


@dataclass(frozen=True)
class Admission:
    """How many may go now. None: `wait_s` until the next question. `trial`: the one whose fate decides for all."""

    count: int
    wait_s: float = 0.0
    trial: bool = False


class Breaker:
    """One for all handler threads of a process. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._trying = False

    def admit(self, wanted: int) -> Admission:
        """Ask before every group; what was admitted as a trial must be `ended`."""
        with self._lock:
            if not self._failures:
                return Admission(wanted)
            left = self._until - self._clock()
            if left > 0:
                return Admission(0, left)
            if self._trying:
                return Admission(0, TRIAL_S)
            self._trying = True
            return Admission(min(1, wanted), trial=True)

    def ended(self, admission: Admission) -> None:
        """A trial is over, whatever came of it: it may have had nothing to send."""
        if admission.trial:
            with self._lock:
                self._trying = False

    def passed(self) -> bool:
        """It works. True when it did not before."""
        with self._lock:
            was_open = self._failures > 0
            self._failures, self._until, self._trying = 0, 0.0, False
            return was_open

    def failed(self, asked_s: float | None = None) -> float:
        """It does not work; for how many seconds nothing goes. `asked_s`: a Retry-After."""
        with self._lock:
            now = self._clock()
            # Two threads that fail in the same moment are one failure.
            if not self._failures or now >= self._until:
                self._failures = min(self._failures + 1, 20)
                grown = min(MOST_S, FIRST_S * 2.0 ** (self._failures - 1))
                self._until = now + grown * self._rng.uniform(0.75, 1.0)
            if asked_s is not None:
                self._until = max(self._until, now + min(ASKED_MOST_S, asked_s))
            self._trying = False
            return self._until - now

    def hold_off_s(self) -> float:
        """Seconds for which nothing should be fetched."""
        with self._lock:
            return max(0.0, self._until - self._clock()) if self._failures else 0.0

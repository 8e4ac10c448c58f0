"""Jobs that are left for the worker that has their type: said once in a while, not with every message."""

from __future__ import annotations

import logging
import threading

from academyctl.contract import logtokens
from academyctl.stores.ai_jobs import AiJobRow
from workers._guards import say
from workers._model import Defer, Delivery

log = logging.getLogger("academyctl.ai")

LEAVE_S = (60.0, 120.0)
SAY_EVERY_S = 600.0
KNOWN_MAX = 1000


class Others:
    """Defers, and warns once per job type and ten minutes."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def leave(self, delivery: Delivery, row: AiJobRow, why: str) -> Defer:
        """Come back in a minute or two, spread: many may wait for the same worker."""
        if self._due(row.job_type, delivery.clock.monotonic()):
            fields = {"job_type": row.job_type, "tier": row.tier}
            say(logtokens.AI_TYPE_LEFT, fields, logging.WARNING, reason=why)
        return Defer(f"job type {row.job_type}: {why}", delivery.rng.uniform(*LEAVE_S))

    def _due(self, job_type: str, now: float) -> bool:
        with self._lock:
            due = now - self._said.get(job_type, float("-inf")) >= SAY_EVERY_S
            if due:
                if len(self._said) >= KNOWN_MAX:
                    self._said.clear()
                self._said[job_type] = now
            return due

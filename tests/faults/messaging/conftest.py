"""One corner of the platform and its crew for all of these tests: making them costs more than most tests."""

from __future__ import annotations

from tests.faults.messaging.corner import corner
from tests.faults.messaging.crew import crew

__all__ = ["corner", "crew"]

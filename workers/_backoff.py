"""How long to wait: for a failed job, and for a service that is away. Pure but for the rng given."""

from __future__ import annotations

import random
from collections.abc import Callable

JOB_BASE_S = 10.0
JOB_CAP_S = 900.0
OUTAGE_MIN_S = 1.0
OUTAGE_MAX_S = 60.0


def job_retry_s(attempt: int, rng: random.Random) -> float:
    """Seconds before the attempt after `attempt` (1 = the first): full jitter under 10 s * 2^n, at most 15 minutes.

    Full jitter spreads the jobs that one outage failed together. Never under a second: 0 would be a hot loop.
    """
    ceiling = min(JOB_CAP_S, JOB_BASE_S * 2.0 ** min(attempt - 1, 16))
    return max(1.0, rng.uniform(0, ceiling))


class Outage:
    """A service that is away: how long to wait before the next try.

    A quarter of the time it has been away, between 1 and 60 seconds. So an outage of any length is noticed to be over
    within a quarter of its length, and costs a number of calls that grows with its logarithm only.
    """

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._since: float | None = None

    @property
    def away(self) -> bool:
        return self._since is not None

    def failed(self) -> float:
        """Note a failure; the seconds to wait."""
        now = self._clock()
        if self._since is None:
            self._since = now
        delay = (now - self._since) / 4 * self._rng.uniform(0.75, 1.25)
        return min(OUTAGE_MAX_S, max(OUTAGE_MIN_S * self._rng.uniform(1, 1.25), delay))

    def over(self) -> float:
        """Note a success; the seconds that the outage lasted, 0 when there was none."""
        since, self._since = self._since, None
        return 0.0 if since is None else self._clock() - since

"""The row lease of a running encode: renewed by the keeper, confirmed before anything that cannot be taken back.

The Redis lock at `job:encode:{id}:lock` keeps two workers from starting; the row lease is what fences one that was
paused and thinks that it still owns the video: every terminal write names the token (contract 3.2, 11 #5, #6).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode
from academyctl.errors import Cancelled, DatabaseAway, LeaseLost, RedisAway
from workers._model import Delivery
from workers._process import AWAY

log = logging.getLogger("academyctl.video")

T = TypeVar("T")
HEARTBEAT_TTL_S = 60
PATIENCE_S = 900.0
"""So long a finished encode waits for a database that is away: nobody else could take the video meanwhile either."""
TRY_EVERY_S = 3.0


class RowLease:
    """A Hold: `leased_by`/`leased_until` of the row, the S3 job's heartbeat, and the heartbeat key of contract 2.1."""

    name = "row lease"

    def __init__(self, delivery: Delivery, job: VideoEncode) -> None:
        self._delivery = delivery
        self._job = job
        self._lease_s = delivery.settings.video.lease_s
        self._heartbeat = keys.video_heartbeat(job.tenant_id, job.video_id)

    def renew(self) -> None:
        """Push it on. Raises LeaseLost when the row is another's, finished, failed or gone; DatabaseAway."""
        job = self._job
        videos = self._delivery.stores.videos
        if not videos.renew(job.video_id, self._delivery.token, lease_s=self._lease_s, job_id=job.job_id):
            raise LeaseLost(f"the lease of video {job.video_id} is lost", why="its row is another's, finished or gone")
        if job.job_id is not None and videos.job_cancel_wanted(job.job_id):
            self._delivery.interrupt(Cancelled(f"job {job.job_id} is cancelled"))
        self._beat()

    def confirm(self) -> None:
        """Ask the database now, and stop the job here if the lease is gone. Raises LeaseLost, DatabaseAway.

        What was listed before this call was made while the lease was ours: no later owner's object is in it.
        """
        self._delivery.check()
        try:
            patiently(self._delivery, self.renew)
        except LeaseLost as lost:
            self._delivery.interrupt(lost)
            raise

    @contextmanager
    def held(self) -> Iterator[RowLease]:
        """Renewed by the keeper inside the block, and not a moment longer: a terminal write may follow at once."""
        self._beat()
        self._delivery.hold(self)
        try:
            yield self
        finally:
            self._delivery.drop(self)

    def end(self) -> None:
        """Take the heartbeat key away: nobody works on the video any more."""
        try:
            self._delivery.stores.redis.delete(self._heartbeat)
        except RedisAway:
            log.debug("the heartbeat of video %d stays until it expires", self._job.video_id)

    def _beat(self) -> None:
        try:
            ttl_s = max(HEARTBEAT_TTL_S, self._lease_s)
            self._delivery.stores.redis.set(self._heartbeat, "1", ttl_s=ttl_s)
        except RedisAway:
            log.debug("no heartbeat for video %d: Redis is away", self._job.video_id)


def patiently(delivery: Delivery, action: Callable[[], T], *, clock: Callable[[], float] = time.monotonic) -> T:
    """Do it, and again while the database is away, so that a blink does not cost an encode. Raises DatabaseAway."""
    until = clock() + PATIENCE_S
    while True:
        try:
            return action()
        except DatabaseAway as away:
            if away.cause not in AWAY or clock() > until:
                raise
            log.warning("video %d waits for the database: %s", delivery.job.video_id, away)
        delivery.wait(TRY_EVERY_S)

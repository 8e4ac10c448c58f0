"""The row lease of a running job: renewed by the keeper, gone the moment that the row is ended, taken or cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from academyctl.errors import LeaseLost
from academyctl.stores import ai_jobs
from workers._model import Delivery


class RowLease:
    """A Hold: `lease_expires_at`, `last_heartbeat_at` and `updated_at` of the job's row.

    There is no Redis lock beside it: the claim is a compare-and-set in the database, and so is every later write.
    """

    name = "row lease"

    def __init__(self, delivery: Delivery, job_id: str) -> None:
        self._delivery = delivery
        self._job_id = job_id
        self._lease_s = delivery.settings.ai.lease_s

    def renew(self) -> None:
        """Push it on. Raises LeaseLost when the row is another's, ended, cancelled or gone; DatabaseAway."""
        db, token = self._delivery.stores.db, self._delivery.token
        if ai_jobs.renew(db, self._job_id, token, lease_s=self._lease_s):
            return
        row = ai_jobs.row(db, self._job_id)
        if row is None:
            why = "its row is gone"
        else:
            why = f"its row is {row.status}" + (f", locked by {row.locked_by}" if row.locked_by else "")
        raise LeaseLost(f"the lease of job {self._job_id} is lost", why=why)

    @contextmanager
    def held(self) -> Iterator[RowLease]:
        """Renewed by the keeper inside the block, and not a moment longer: a terminal write may follow at once."""
        self._delivery.hold(self)
        try:
            yield self
        finally:
            self.drop()

    def drop(self) -> None:
        """No renewal from now on; one that is under way is waited for. Before every terminal write."""
        self._delivery.drop(self)

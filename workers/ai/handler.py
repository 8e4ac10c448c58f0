"""One message of an AI queue: claim the job's row, run its task, and say what that means for row and message.

other type than the row's -> Reject: the row counts, and one of the two is forged or mixed up (contract 11 #47)
no such row               -> Retry: the API's transaction may still be open (#19); on the last attempt Reject
ended already             -> Done: a late duplicate changes nothing (#23)
not this worker's type    -> Defer, for the worker that has it; never deleted, never nearer to the dead letters
leased                    -> Busy until the lease runs out. An old worker's row, too: its lease may be an hour long
claimed                   -> `workers.ai.run`
database away             -> Defer
"""

from __future__ import annotations

import logging
from pathlib import Path

from academyctl.contract import logtokens
from academyctl.contract.messages import AiJob
from academyctl.errors import Busy, DatabaseAway
from academyctl.stores import ai_jobs
from academyctl.stores.ai_jobs import AiJobRow, Claim
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry
from workers.ai.others import Others
from workers.ai.progress import correct_status
from workers.ai.registry import Registry, normal
from workers.ai.run import AWAY_S, Run, reporter_of
from workers.ai.supervise import LET_GO_S

log = logging.getLogger("academyctl.ai")

NOT_YET_S = 20.0
"""Before the second look at a row that an open transaction may still bring; three times as long before the third."""
BUSY_MAX_S = 60.0
"""A lease's holder is asked after at least so often: the old worker's lives an hour, whatever became of its owner."""


class Handler:
    """Handles and, on the last attempt, gives up.

    `root` is where the jobs' folders go, `let_go_s` how long a task may take to stop after it was told to.
    """

    def __init__(self, registry: Registry, *, root: Path, let_go_s: float = LET_GO_S) -> None:
        self._registry = registry
        self._root = root
        self._let_go_s = let_go_s
        self._others = Others()

    def handle(self, delivery: Delivery) -> Outcome:
        """Raises LeaseLost, Stopping, Busy, StoreError and what a task throws: the runtime knows what they mean."""
        job: AiJob = delivery.job
        try:
            row = ai_jobs.row(delivery.stores.db, job.job_id)
            refused = self._refusal(delivery, job, row)
            if refused is not None:
                return refused
            assert row is not None
            task = self._registry.task(normal(row.job_type), delivery.settings)
            if isinstance(task, str):
                return self._others.leave(delivery, row, task)
            lease_s = delivery.settings.ai.lease_s
            claimed = ai_jobs.claim(delivery.stores.db, job.job_id, delivery.token, lease_s=lease_s)
        except DatabaseAway as away:
            return Defer(str(away), AWAY_S)
        if claimed.claim is Claim.LEASED and claimed.row is not None:
            after = min(BUSY_MAX_S, claimed.row.lease_left_s) + delivery.rng.uniform(1, 4)
            raise Busy(f"job {job.job_id} is leased by {claimed.row.locked_by}", after=after)
        if claimed.claim is not Claim.CLAIMED or claimed.row is None:
            return self._refusal(delivery, job, claimed.row) or _not_yet(delivery, job)
        return Run(delivery, claimed.row, task, self._secrets(claimed.row)).outcome(self._root, self._let_go_s)

    def exhausted(self, delivery: Delivery, reason: str) -> None:
        """The last attempt has failed: FAILED, if the job is ours or nobody's. Raises StoreError: not yet then."""
        job: AiJob = delivery.job
        db = delivery.stores.db
        row = ai_jobs.row(db, job.job_id)
        if row is None or normal(row.job_type) != normal(job.job_type):
            return
        if ai_jobs.fail(db, row.job_id, delivery.token, reason, None, self._secrets(row), unclaimed=True):
            reporter_of(delivery, row).failed(reason)

    def _secrets(self, row: AiJobRow) -> tuple[str, ...]:
        return self._registry.secret_keys(normal(row.job_type))

    def _refusal(self, delivery: Delivery, job: AiJob, row: AiJobRow | None) -> Outcome | None:
        """What becomes of a message whose row says that there is nothing to do; None = there may be something."""
        if row is None:
            return _not_yet(delivery, job)
        if normal(row.job_type) != normal(job.job_type):
            return Reject(f"job {row.job_id} is of type {row.job_type}, the message says {job.job_type}")
        if row.open:
            return None
        correct_status(delivery.stores.redis, delivery.stores.db, row)
        log.info(logtokens.AI_IDEMPOTENT_SKIP.text(job_id=row.job_id, job_type=row.job_type, reason=row.status))
        return Done(f"job is {row.status}")


def _not_yet(delivery: Delivery, job: AiJob) -> Outcome:
    reason = f"job {job.job_id} has no row in {delivery.stores.db.where}"
    if delivery.last_attempt:
        return Reject(reason)
    return Retry(reason, NOT_YET_S * 3.0 ** (delivery.attempt - 1))

"""A claimed job, from its task's first step to the end of its row.

How it ends: DONE with its result; JobFailed, also for the time limit and a tier that may not -> FAILED, the message
done with, for only its user can act; any other failure -> PENDING again with the reason, and FAILED when the last
attempt has failed (contract 11 #15); stopping or a store away -> given back; lease lost -> nothing is touched any more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from academyctl.errors import AcademyError, Busy, DatabaseAway, LeaseLost, Stopping, StoreError
from academyctl.stores import ai_jobs
from academyctl.stores.ai_jobs import AiJobRow
from workers import _folders
from workers._guards import AWAY, say
from workers._model import Defer, Delivery, Done, Outcome, Retry
from workers._process import describe
from workers.ai import tiers
from workers.ai.job import Job, timeout_token, too_long
from workers.ai.lease import RowLease
from workers.ai.progress import Reporter
from workers.ai.registry import normal
from workers.ai.supervise import Abandoned, supervised
from workers.ai_tasks._model import Committed, JobFailed, Result, Task

log = logging.getLogger("academyctl.ai")

AWAY_S = 30.0
LAST_S = 1.0
"""Of the time limit: what ends then was ended by it (a statement's timeout, a child's), or the job would never end."""


class Run:
    """One run of one job."""

    def __init__(self, delivery: Delivery, row: AiJobRow, task: Task, secret_keys: tuple[str, ...]) -> None:
        self._delivery = delivery
        self._row = row
        self._task = task
        self._secret_keys = secret_keys
        self._db = delivery.stores.db
        self._job: Job | None = None
        self._reporter = reporter_of(delivery, row, task)

    def outcome(self, root: Path, let_go_s: float) -> Outcome:
        """Run it. Raises LeaseLost, Stopping, Busy, StoreError, and what the task threw: the runtime knows them."""
        row = self._row
        if self._delivery.job.tenant_id not in ("", row.tenant_id):
            log.warning("job %s: the message says another tenant than its row; the row's counts", row.job_id)
        refusal = tiers.refusal(row.tier, normal(row.job_type))
        try:
            if refusal:
                raise JobFailed(refusal, code="tier")
            result = self._work(root, let_go_s)
            self._reporter.done(result)
            return Done()
        except Exception as error:  # whatever it was, the row must say so and be free for the next attempt
            outcome = self._after(error)
            if outcome is None:
                raise
            return outcome

    def _work(self, root: Path, let_go_s: float) -> Result:
        """Run the task to DONE. Raises what ended it instead."""
        delivery, row = self._delivery, self._row
        folder = _folders.make(root, f"ai-{row.id}", host=delivery.settings.worker.id)
        lease = RowLease(delivery, row.job_id)
        try:
            (inside := folder / "job").mkdir()
            with lease.held(), self._reporter:
                self._job = Job(
                    delivery, row, folder=inside, lease=lease, reporter=self._reporter, secret_keys=self._secret_keys
                )
                result = supervised(self._job, self._task.run, let_go_s=let_go_s)
        finally:
            _folders.remove(folder)
        if isinstance(result, Committed):
            return result.result
        if not isinstance(result, Mapping):
            raise JobFailed("inference_error_no_result")
        # Whole: also a run that was told to stop at the last moment is DONE now.
        ai_jobs.done(self._db, row.job_id, delivery.token, result, self._secret_keys)
        return result

    def _after(self, error: Exception) -> Outcome | None:
        """What a run that did not reach DONE leaves behind; None = the runtime knows what the exception means."""
        delivery = self._delivery
        if isinstance(error, Abandoned):
            delivery.retire(f"job {self._row.job_id} did not stop when it was told to")
        if self._committed():
            log.warning("job %s is DONE; what came after its commit: %s", self._row.job_id, describe(error))
            return Done("done")
        if self._job is not None and self._job.seconds_left < LAST_S and not isinstance(error, JobFailed):
            delivery.interrupt(too_long(delivery.settings))
        # Whatever was thrown after the job was told to stop was thrown for that.
        why = delivery.interrupted or error
        if isinstance(why, LeaseLost):
            return None
        if isinstance(why, JobFailed):
            return self._failed(why)
        if isinstance(why, Stopping | Busy) or (isinstance(error, StoreError) and error.cause in AWAY):
            self._give_back()
            return None
        ours = isinstance(error, AcademyError)
        reason = str(error) if ours else describe(error)
        # On the last attempt the lease stays until `exhausted` has said FAILED.
        if not delivery.last_attempt:
            self._give_back(f"attempt {delivery.attempt}/{delivery.max_attempts}: {reason}")
        # An error of ours says what happened by itself; the runtime logs anything else with its traceback.
        return Retry(reason) if ours else None

    def _committed(self) -> bool:
        """Whether the job is DONE although its run did not end well: its task had called `finish`."""
        if self._job is None or not self._job.finishing:
            return False
        try:
            row = ai_jobs.row(self._db, self._row.job_id)
            result = ai_jobs.result_of(self._db, self._row.job_id)
        except DatabaseAway:
            # The message comes back, and the next look at the row tells.
            return False
        if row is None or row.status != ai_jobs.DONE:
            return False
        self._reporter.done(result or {})
        return True

    def _failed(self, why: JobFailed) -> Outcome:
        """FAILED for good. Raises LeaseLost when the job is not ours any more."""
        delivery, row = self._delivery, self._row
        if why.code == too_long(delivery.settings).code:
            fields = {"request_id": delivery.request_id, "job_id": row.job_id, "job_type": row.job_type}
            say(timeout_token(delivery.settings), fields, logging.ERROR)
        try:
            ours = ai_jobs.fail(self._db, row.job_id, delivery.token, why.reason, why.result, self._secret_keys)
        except DatabaseAway as away:
            return Defer(f"the failure cannot be recorded: {away}", AWAY_S)
        if not ours:
            raise LeaseLost(f"job {row.job_id} failed but is no longer ours", why=why.reason)
        self._reporter.failed(why.reason, why.result)
        return Done(why.reason, failed=True)

    def _give_back(self, reason: str = "") -> None:
        """PENDING again and free. A database that is away is no error: the lease then runs out by itself."""
        try:
            if ai_jobs.give_back(self._db, self._row.job_id, self._delivery.token, reason=reason):
                self._reporter.given_back()
        except DatabaseAway as away:
            log.warning("job %s could not be given back, its lease runs out by itself: %s", self._row.job_id, away)


def reporter_of(delivery: Delivery, row: AiJobRow, task: Task | None = None) -> Reporter:
    """What shows this job to its readers; without a task only its end."""
    keeper = delivery.keeper
    return Reporter(
        delivery.stores.redis,
        row,
        job_type=row.job_type,
        steps=task.steps if task is not None else (),
        longest_s=delivery.settings.ai.inference_max_s,
        on_away=keeper.redis_away if keeper is not None else lambda _error: None,
    )

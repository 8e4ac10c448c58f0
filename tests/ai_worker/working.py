"""A real Work for a task's tests: the row is claimed, the lease and the Redis keys are real, no queue is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from academyctl.contract.messages import AiJob
from academyctl.settings import Settings
from academyctl.stores import Stores, ai_jobs
from academyctl.stores.ai_jobs import AiJobRow
from academyctl.stores.sqs import Message
from workers._model import Delivery, Outcome
from workers.ai.handler import Handler
from workers.ai.job import Job
from workers.ai.lease import RowLease
from workers.ai.progress import Reporter
from workers.ai.registry import SECRETS, Registry
from workers.ai_tasks._model import Task


def row_of(stores: Stores, job_id: str) -> AiJobRow:
    """The job's row as it is now."""
    row = ai_jobs.row(stores.db, job_id)
    assert row is not None
    return row


def make_delivery(
    stores: Stores,
    job_id: str,
    *,
    attempt: int = 1,
    max_attempts: int = 3,
    token: str = "host:1:a",
    settings: Settings | None = None,
    job_type: str = "",
) -> Delivery:
    """The job's message in hand, without a queue and without a keeper."""
    row = ai_jobs.row(stores.db, job_id)
    said = job_type or (row.job_type if row is not None else "excel_parsing")
    job = AiJob(job_id, said, row.tier if row is not None else "basic")
    message = Message(id="m-1", body="", receive_count=attempt, sent_at=None)
    return Delivery(
        job=job, message=message, queue=stores.settings.queues.ai_basic, stores=stores,
        settings=settings or stores.settings, token=token, max_attempts=max_attempts,
    )  # fmt: skip


def make_work(
    stores: Stores,
    job_id: str,
    task: Task,
    folder: Path,
    *,
    settings: Settings | None = None,
    delivery: Delivery | None = None,
) -> Job:
    """Claim the job and hand it to `task.run(work)`. Progress is written only inside `with work._reporter`."""
    delivery = delivery or make_delivery(stores, job_id, settings=settings)
    claimed = ai_jobs.claim(stores.db, job_id, delivery.token, lease_s=delivery.settings.ai.lease_s)
    assert claimed.claim is ai_jobs.Claim.CLAIMED, claimed
    assert claimed.row is not None
    row = claimed.row
    folder.mkdir(parents=True, exist_ok=True)
    return Job(
        delivery, row, folder=folder, lease=RowLease(delivery, job_id),
        reporter=Reporter(stores.redis, row, job_type=row.job_type, steps=task.steps, longest_s=60),
        secret_keys=tuple(dict.fromkeys((*SECRETS, *task.secret_keys))),
    )  # fmt: skip


def run_job(
    stores: Stores, job_id: str, tasks: Mapping[str, str | Task], root: Path, *, delivery: Delivery | None = None
) -> Outcome:
    """The job through the worker's own handler: claim, task, DONE or FAILED, Redis; the outcome for its message.

    Raises what the handler raises (LeaseLost, Stopping, StoreError, and what the task threw).
    """
    return Handler(Registry(tasks), root=root).handle(delivery or make_delivery(stores, job_id))

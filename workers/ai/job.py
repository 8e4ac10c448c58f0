"""One job in a task's hands: the runtime's side of `workers.ai_tasks._model.Work`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from academyctl.contract import logtokens
from academyctl.errors import LeaseLost
from academyctl.settings import Settings
from academyctl.stores import Stores, ai_jobs
from academyctl.stores.ai_jobs import AiJobRow
from workers._model import Delivery
from workers.ai.lease import RowLease
from workers.ai.progress import Reporter
from workers.ai_tasks._model import JobFailed, Result


class Job:
    """A claimed job. It holds secrets: its text names the job and nothing of its payload."""

    def __init__(
        self,
        delivery: Delivery,
        row: AiJobRow,
        *,
        folder: Path,
        lease: RowLease,
        reporter: Reporter,
        secret_keys: Sequence[str],
    ) -> None:
        self._delivery = delivery
        self._row = row
        self._folder = folder
        self._lease = lease
        self._reporter = reporter
        self._secret_keys = tuple(secret_keys)
        self._until = delivery.clock.monotonic() + delivery.settings.ai.inference_max_s
        self._ended = False
        self.finishing = False
        """Whether `finish` was called: if its transaction is committed, the job is DONE, whatever comes after."""

    def __repr__(self) -> str:
        return f"Job({self.job_id}, {self._row.job_type})"

    @property
    def job_id(self) -> str:
        return self._row.job_id

    @property
    def tenant_id(self) -> str:
        return self._row.tenant_id

    @property
    def payload(self) -> Mapping[str, Any]:
        return self._row.payload

    @property
    def source_id(self) -> str:
        return self._row.source_id

    @property
    def token(self) -> str:
        return self._delivery.token

    @property
    def stores(self) -> Stores:
        return self._delivery.stores

    @property
    def settings(self) -> Settings:
        return self._delivery.settings

    @property
    def folder(self) -> Path:
        return self._folder

    def check(self) -> None:
        """Raise what asked the job to stop: LeaseLost, Stopping, or JobFailed when its time is used up."""
        if self.seconds_left <= 0:
            self._delivery.interrupt(too_long(self._delivery.settings))
        self._delivery.check()
        if self._ended:
            raise LeaseLost(f"job {self.job_id} was given up", why="it did not stop when it was told to")

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._until - self._delivery.clock.monotonic())

    @property
    def stop_asked(self) -> Callable[[], bool]:
        return self._stop_asked

    def progress(self, step: str, percent: int, *, step_percent: int = 0) -> None:
        """Show where the job is. It never raises what `check` raises: a job whose work is committed must get through.

        Raises ValueError for a step that the task does not have.
        """
        self._delivery.current_stage = step
        self._reporter.show(step, percent, step_percent=step_percent)

    def finish(self, cursor: Any, result: Result) -> None:
        """End the job DONE inside the caller's transaction, fenced by the lease. Raises LeaseLost: roll back then."""
        # A renewal behind this update would wait for the commit and then find the lease gone.
        self._lease.drop()
        self.finishing = True
        ai_jobs.finish(cursor, self.job_id, self.token, result, self._secret_keys)

    def end(self) -> None:
        """The runtime is done with this run: a thread of it that still works hears so at its next `check`."""
        self._ended = True

    def _stop_asked(self) -> bool:
        return self._ended or self._delivery.interrupted is not None or self.seconds_left <= 0


def minutes(settings: Settings) -> int:
    """The time limit as texts say it, rounded up to whole minutes."""
    return -(-settings.ai.inference_max_s // 60)


def too_long(settings: Settings) -> JobFailed:
    """What ends a job whose time is used up (contract 5.1)."""
    return JobFailed(f"inference_timeout_{minutes(settings)}min", code="inference-timeout")


def timeout_token(settings: Settings) -> logtokens.Token:
    """The log line of that."""
    return logtokens.ai_timeout(minutes(settings))

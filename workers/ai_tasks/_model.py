"""What a job type is, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from academyctl.errors import AcademyError, Both
from academyctl.settings import Settings
from academyctl.stores import Stores

Result = Mapping[str, Any]


class JobFailed(AcademyError):
    """The job cannot succeed, however often it is tried: it ends FAILED with this text, and its message is done with.

    `result` is what the job leaves for its reader nevertheless (a report of every bad cell).
    """

    code = "job-failed"

    def __init__(self, reason: str, *, result: Result | None = None, remedy: str | Both = "", code: str = "") -> None:
        super().__init__(reason, remedy=remedy, code=code)
        self.reason = reason
        self.result = result


@dataclass(frozen=True)
class Committed:
    """A result whose job row was ended DONE in the very transaction that did the work: nothing is left to write."""

    result: Result


class Work(Protocol):
    """One job in a task's hands; the runtime's side of it is `workers.ai`."""

    @property
    def job_id(self) -> str: ...
    @property
    def tenant_id(self) -> str:
        """As ai_job has it: a text, '' where the row has none."""

    @property
    def payload(self) -> Mapping[str, Any]:
        """Of the job's row, not of the message (contract 11 #47)."""

    @property
    def source_id(self) -> str: ...
    @property
    def token(self) -> str:
        """The lease token: the value of ai_job.locked_by while this delivery owns the job."""

    @property
    def stores(self) -> Stores: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def folder(self) -> Path:
        """A folder of this delivery's own, empty at first, gone afterwards."""

    def check(self) -> None:
        """Raise what asked the job to stop (LeaseLost, Stopping, JobFailed for the time limit), if anything did."""

    @property
    def seconds_left(self) -> float:
        """Until AI_INFERENCE_MAX_SECONDS are used up."""

    @property
    def stop_asked(self) -> Callable[[], bool]:
        """Whether `check` would raise; for `academyctl.sandbox`, which kills the child then."""

    def progress(self, step: str, percent: int, *, step_percent: int = 0) -> None:
        """Say where the job is, for the platform's readers: monotonic, written at most once a second (contract 5.6).

        `step` is one of the task's `steps`.
        """

    def finish(self, cursor: Any, result: Result) -> None:
        """End the job DONE inside the caller's transaction, fenced by the lease. Raises LeaseLost: roll back then."""


@dataclass(frozen=True)
class Step:
    """A step as readers see it: its name, and its name for people."""

    name: str
    display: str


@dataclass(frozen=True)
class Task:
    """A job type. `run` returns the result (written with DONE by the runtime) or Committed; raises JobFailed."""

    job_type: str
    run: Callable[[Work], Result | Committed]
    steps: tuple[Step, ...] = ()
    secret_keys: tuple[str, ...] = field(default=())
    """Keys of the payload that are secrets: never logged, and removed from the row when the job ends."""
    missing: Callable[[Settings], str] = lambda _settings: ""
    """What this installation lacks for the type ('' = nothing): its jobs are then left for other workers."""

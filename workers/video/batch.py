"""One encode without a queue: what AWS Batch runs (contract 13, batch_main).

How it is called (argv, or the variables of the container; argv wins):

    academyctl worker run video --job UUID                    or  VIDEO_JOB_ID=UUID
    academyctl worker run video --message '{"video_id": …}'   or  VIDEO_JOB_MESSAGE='{"video_id": …}'
    ... --env-from-ssm NAME                                   the settings from an SSM parameter first (contract 13)

`--job` names a row of video_videotranscodejob; `--message` is the body of a message of the video queue, as the API
sends it. AWS_BATCH_JOB_ID is read for the events. Nothing is read from SQS, and nothing is sent to it.
Exit code 0: done, or there was nothing to do. 1: failed, cancelled or terminated; the job's row says which.

The job is claimed, leased, renewed and ended by the handler of the queue worker, so a Batch job, its duplicate and a
message for the same video never encode at the same time. Who holds the video may be a process that was killed: it is
waited for as long as its lease may last, and only then the job is somebody else's.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from academyctl.contract import batch_events as events
from academyctl.contract.logtokens import Token
from academyctl.contract.states import JobState, VideoState
from academyctl.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    BadMessage,
    Busy,
    Cancelled,
    DatabaseAway,
    LeaseLost,
    Stopping,
)  # fmt: skip
from academyctl.stores import Stores
from academyctl.stores.job_runs import JobRun, JobRuns
from workers._guards import kept, locked
from workers._loop import RunOptions, run
from workers._model import Defer, Delivery, Done, Outcome, Reject, Worker
from workers._one_job import NOWHERE, OneJob
from workers._process import describe
from workers._signals import end_process
from workers.video.ending import count_backlog
from workers.video.handler import handle

log = logging.getLogger("academyctl.video")

PREFIX = "VIDEO-WORKER-BATCH"
JOB, MESSAGE = "VIDEO_JOB_ID", "VIDEO_JOB_MESSAGE"
AWS_JOB, AWS_ATTEMPT = "AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ATTEMPT"
MESSAGE_ATTEMPTS = 3
"""A message without a job has no count of its own: the queue's limit (contract 1.1), counted by Batch."""
MARGIN_S = 10.0
"""Beyond the lease of a process that was killed."""
GRACE_MAX_S = 15.0
"""Batch kills thirty seconds after SIGTERM, and giving a job back takes some of them."""
PATIENCE_S = 120.0
PAUSE_S = 3.0


@dataclass
class Attempt:
    """One process's try at one job. `ids` go with every event."""

    stores: Stores
    job_id: str
    ids: dict[str, Any]
    delivery: Delivery | None = None
    error: BaseException | None = None
    began: float = field(default_factory=time.monotonic)

    def say(self, event: Token, **more: object) -> None:
        """One event, as a JSON line (or as text, where --log-format says so)."""
        told = {key: value if isinstance(value, int | float) else str(value) for key, value in more.items()}
        fields = {**self.ids, **told}
        log.info("%s", event.text(**fields), extra={"fields": {"event": event.name, **fields}})

    def end_now(self, code: int) -> None:
        """The process cannot wait: its handler does not let go, or a second signal came. Never as a success."""
        if code != EXIT_INTERRUPTED:  # in a signal's handler nothing may be written
            self.say(events.TERMINATED, reason="the job did not let go; its lease runs out by itself")
        end_process(code or EXIT_FAILED)

    @contextmanager
    def witnessed(self, delivery: Delivery) -> Iterator[None]:
        """The outermost guard: keeps what the loop would settle a message by."""
        self.delivery = delivery
        try:
            yield
        except BaseException as error:
            self.error = error
            raise


def names_one(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a job or a message."""
    return bool(environ.get(JOB, "").strip() or environ.get(MESSAGE, "").strip())


def run_job(worker: Worker, stores: Stores, environ: Mapping[str, str], **loop: Any) -> int:
    """Do the one job that the environment names; the exit code (see the module)."""
    job_id, body = environ.get(JOB, "").strip(), environ.get(MESSAGE, "").strip()
    job_id = job_id or _job_of(body)
    attempt = Attempt(stores, job_id, {"job_id": job_id, "aws_batch_job_id": environ.get(AWS_JOB, "")})
    try:
        return _run(attempt, worker, body, _number(environ.get(AWS_ATTEMPT)), loop)
    except (DatabaseAway, BadMessage) as error:
        attempt.say(events.FAILED, reason=error)
        return EXIT_FAILED


def _run(attempt: Attempt, worker: Worker, body: str, tried: int, loop: Mapping[str, Any]) -> int:
    if attempt.job_id:
        job = _patiently(lambda: JobRuns(attempt.stores.db).get(attempt.job_id))
        if job is None:
            attempt.say(events.NOT_FOUND, reason="no such job, or its video is deleted")
            return EXIT_OK
        attempt.ids |= {"tenant_id": job.tenant_id, "video_id": job.video_id}
        if job.state not in (JobState.QUEUED, JobState.RETRY_WAIT, JobState.RUNNING):
            attempt.say(events.IDEMPOTENT_DONE, state=job.state)
            # Batch's own next try at a job that has just died must not make a success of it.
            return EXIT_OK if tried == 1 or job.state == JobState.SUCCEEDED else EXIT_FAILED
        attempt.say(events.PROCESS_START, state=job.state, attempt=job.attempt)
        body = body or _body(job)
        queue = OneJob(body)
    else:
        parsed = worker.parse(body)
        attempt.ids |= {"tenant_id": parsed.tenant_id, "video_id": parsed.video_id}
        attempt.say(events.PROCESS_START, attempt=tried)
        queue = OneJob(body, attempt=tried, limit=MESSAGE_ATTEMPTS)
    alone = replace(
        worker, log_prefix=PREFIX, queues={NOWHERE: 1}, handle=_patient, guards=(attempt.witnessed, kept),
        started=events.STARTED, prefetch=0,
    )  # fmt: skip
    options = RunOptions(once=True, wait_s=0, grace_s=min(GRACE_MAX_S, attempt.stores.settings.worker.grace_s))
    run(alone, attempt.stores, options, queues=queue, **{"end_now": attempt.end_now, **loop})
    return _told(attempt)


def _patient(delivery: Delivery) -> Outcome:
    """The queue's handler, tried again while the video is another's: as long as a lease may last without its owner."""
    lease_s = delivery.settings.video.lease_s
    until = time.monotonic() + 2 * lease_s + min(MARGIN_S, lease_s)
    while True:
        try:
            with locked(delivery):
                outcome = handle(delivery)
        except Busy as busy:
            outcome = Defer(str(busy), busy.after)
        if not isinstance(outcome, Defer) or delivery.interrupted is not None or time.monotonic() > until:
            return outcome
        after = min(outcome.after, lease_s / 2)
        log.info("waiting %.0f s: %s", after, outcome.reason)
        delivery.wait(after)


def _told(attempt: Attempt) -> int:
    """The event of this ending, and the exit code."""
    delivery = attempt.delivery
    if delivery is None:
        attempt.say(events.TERMINATED, reason="ended before it began")
        return EXIT_FAILED
    outcome, why = delivery.outcome, delivery.interrupted
    if isinstance(outcome, Done):
        return _done(attempt, outcome)
    if isinstance(why, Stopping):
        _quietly(lambda jobs: jobs.terminated(attempt.job_id, str(why)), attempt)
        attempt.say(events.TERMINATED, state=_state(attempt), reason=why)
    elif isinstance(why, Cancelled):
        if _quietly(lambda jobs: jobs.cancelled(attempt.job_id), attempt):
            # Given back it was counted as waiting again, which it is no more.
            count_backlog(attempt.stores, attempt.ids["tenant_id"], -1)
        attempt.say(events.CANCELLED, reason=why)
    elif isinstance(why or attempt.error, LeaseLost):
        return _lost(attempt)
    elif isinstance(outcome, Defer):
        # RUNNING under another's hand is that one's to end; a job that still waits must be submitted again.
        state = _state(attempt)
        attempt.say(events.ALREADY_TAKEN, state=state, reason=outcome.reason)
        return EXIT_OK if state == JobState.RUNNING else EXIT_FAILED
    else:
        reason = getattr(outcome, "reason", "") or (describe(attempt.error) if attempt.error else "")
        state = _state(attempt)
        dead = isinstance(outcome, Reject) and state == JobState.DEAD
        attempt.say(events.DEAD if dead else events.FAILED, attempt=_tries(attempt), reason=reason)
    return EXIT_FAILED


def _done(attempt: Attempt, outcome: Done) -> int:
    note = outcome.note
    if not note:
        if attempt.delivery is not None and attempt.delivery.interrupted is not None:
            attempt.say(events.SIGNAL_IGNORED, reason=attempt.delivery.interrupted)
        attempt.say(events.COMPLETED, duration_sec=f"{time.monotonic() - attempt.began:.2f}")
        return EXIT_OK
    if note == f"job is {JobState.CANCELLED}":
        attempt.say(events.CANCELLED, reason=note)
        return EXIT_FAILED
    ready = note == "already ready"
    attempt.say(events.IDEMPOTENT_READY if ready else events.IDEMPOTENT_DONE, state=_state(attempt) or note)
    return EXIT_OK


def _lost(attempt: Attempt) -> int:
    """The video is another's, or it is gone: nothing was written over."""
    row = _quietly(lambda _jobs: attempt.stores.videos.row(attempt.ids["video_id"]), attempt)
    if row is None:
        attempt.say(events.VIDEO_DELETED)
        return EXIT_FAILED
    attempt.say(events.STALE, state=_state(attempt), reason=f"the video is {row.status}")
    return EXIT_OK if row.status == VideoState.READY else EXIT_FAILED


def _state(attempt: Attempt) -> str:
    job = _quietly(lambda jobs: jobs.get(attempt.job_id), attempt)
    return job.state if job else ""


def _tries(attempt: Attempt) -> int:
    job = _quietly(lambda jobs: jobs.get(attempt.job_id), attempt)
    return job.attempt if job else attempt.delivery.attempt if attempt.delivery else 0


def _quietly(ask: Callable[[JobRuns], Any], attempt: Attempt) -> Any:
    """What the database says, None when it is away or there is no job: the event is said all the same."""
    try:
        return ask(JobRuns(attempt.stores.db))
    except (DatabaseAway, ValueError) as error:
        log.warning("job %s could not be looked at: %s", attempt.job_id, error)
        return None


def _patiently(ask: Callable[[], JobRun | None]) -> JobRun | None:
    """A container takes minutes to start: a blink of the database must not waste it. Raises DatabaseAway."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except DatabaseAway as away:
            if away.cause != "unreachable" or time.monotonic() > until:
                raise
            log.warning("waiting for the database: %s", away)
        time.sleep(PAUSE_S)


def _body(job: JobRun) -> str:
    """The job's message, as the queue of the third generation carried it (contract 1.3)."""
    return json.dumps(
        {"job_id": job.id, "video_id": job.video_id, "tenant_id": job.tenant_id, "file_key": job.file_key,
         "tenant_code": job.tenant_code}
    )  # fmt: skip


def _job_of(body: str) -> str:
    try:
        found = json.loads(body).get("job_id")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 1

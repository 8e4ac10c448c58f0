"""What an encode without a queue says of itself: the event names of the platform's batch_main (contract 13)."""

from __future__ import annotations

from academyctl.contract.logtokens import Token

_IDS = ("job_id", "tenant_id", "video_id", "aws_batch_job_id")

STARTED = Token("Video Worker (Batch) started", ("queue", "wait_time", "worker"))
PROCESS_START = Token("BATCH_PROCESS_START", (*_IDS, "state", "attempt"))
COMPLETED = Token("BATCH_JOB_COMPLETED", (*_IDS, "duration_sec"))
CANCELLED = Token("BATCH_JOB_CANCELLED", (*_IDS, "reason"))
DEAD = Token("BATCH_JOB_DEAD", (*_IDS, "attempt", "reason"))
# Not among the platform's names: it says a failed attempt that leaves others in a traceback only.
FAILED = Token("BATCH_JOB_FAILED", (*_IDS, "state", "attempt", "reason"))
TERMINATED = Token("BATCH_TERMINATED", (*_IDS, "state", "reason"))
SIGNAL_IGNORED = Token("BATCH_SIGNAL_IGNORED", (*_IDS, "reason"))
ALREADY_TAKEN = Token("JOB_ALREADY_TAKEN", (*_IDS, "state", "reason"))
NOT_FOUND = Token("JOB_NOT_FOUND", (*_IDS, "reason"))
IDEMPOTENT_DONE = Token("IDEMPOTENT_DONE", (*_IDS, "state"))
IDEMPOTENT_READY = Token("IDEMPOTENT_READY", (*_IDS, "state"))
VIDEO_DELETED = Token("WORKER_CANCELLED_BY_VIDEO_DELETE", _IDS)
STALE = Token("BATCH_JOB_STALE_COMPLETE_IGNORED", (*_IDS, "state", "reason"))

EVENTS = (
    PROCESS_START, COMPLETED, CANCELLED, DEAD, FAILED, TERMINATED, SIGNAL_IGNORED, ALREADY_TAKEN, NOT_FOUND,
    IDEMPOTENT_DONE, IDEMPOTENT_READY, VIDEO_DELETED, STALE,
)  # fmt: skip

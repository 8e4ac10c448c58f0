"""States of videos and their jobs, and what may follow what (contract 3.2, 3.4)."""

from __future__ import annotations

from enum import StrEnum


class VideoState(StrEnum):
    PENDING = "PENDING"
    UPLOADED = "UPLOADED"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


class JobState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RETRY_WAIT = "RETRY_WAIT"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


# A worker may take these; PENDING has no upload yet, READY is done, FAILED waits for a retry through the API.
CLAIMABLE = (VideoState.UPLOADED, VideoState.PROCESSING)
# POST .../retry/ takes these and answers 400 "Cannot retry" for the rest.
RETRYABLE = (VideoState.FAILED, VideoState.UPLOADED, VideoState.PROCESSING)
JOB_CLAIMABLE = (JobState.QUEUED, JobState.RETRY_WAIT, JobState.RUNNING)
# What backlog_count counts (contract 2.1): +1 when a job starts to wait, -1 when it stops waiting.
JOB_WAITING = (JobState.QUEUED, JobState.RETRY_WAIT)

ERROR_REASON_MAX = 2000
LEASED_BY_MAX = 64

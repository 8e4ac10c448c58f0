"""The log lines that operators grep, formatted by workers and parsed by checks from the same constant (contract 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """A line `NAME | key=value | ...`. Values must not hold ` | `; `text` renders, `parse` reads it back."""

    name: str
    fields: tuple[str, ...]

    def text(self, **values: object) -> str:
        """The line; an unknown field is a programming error, an absent one is left out."""
        stray = set(values) - set(self.fields)
        if stray:
            raise ValueError(f"{self.name} has no field {min(stray)}")
        parts = [f"{key}={_flat(values[key])}" for key in self.fields if key in values]
        return " | ".join([self.name, *parts])

    def parse(self, line: str) -> Mapping[str, str] | None:
        """The fields of a line that carries this token (anywhere behind its prefix), else None."""
        if self.name not in line:
            return None
        found = re.search(rf"(?<![A-Za-z_]){re.escape(self.name)}(?= \||\s*$)", line)
        if found is None:
            return None
        pairs = (part.split("=", 1) for part in line[found.end() :].split(" | ") if "=" in part)
        return {key.strip(" |"): value.rstrip() for key, value in pairs}


def _flat(value: object) -> str:
    text = str(value)
    if "\n" in text or "\r" in text:
        text = re.sub(r"[\r\n]+", " ", text)
    return text.replace(" | ", " / ")


VIDEO_STARTED = Token("Video Worker (SQS) started", ("queue", "wait_time", "worker"))
AI_STARTED = Token("AI Worker (SQS) started", ("queue", "wait_time", "worker"))
MESSAGING_STARTED = Token("Messaging Worker started", ("queue", "wait_time", "worker"))
ANALYSIS_STARTED = Token("Analysis Worker started", ("queue", "wait_time", "worker"))
RECEIVED = Token(
    "SQS_MESSAGE_RECEIVED",
    (
        "request_id", "job_id", "video_id", "tenant_id", "tier", "job_type", "queue_wait_sec", "created_at",
        "receive_count",
    ),
)  # fmt: skip
COMPLETED = Token(
    "SQS_JOB_COMPLETED",
    (
        "request_id", "job_id", "video_id", "tier", "job_type", "tenant_code", "processing_duration",
        "queue_wait_sec", "result",
    ),
)  # fmt: skip
FAILED = Token("SQS_JOB_FAILED", ("request_id", "job_id", "video_id", "job_type", "attempt", "max_attempts", "error"))
DEFERRED = Token("SQS_JOB_DEFERRED", ("request_id", "job_id", "video_id", "job_type", "after_sec", "reason"))
REJECTED = Token("SQS_JOB_REJECTED", ("request_id", "job_id", "video_id", "job_type", "reason"))
ALREADY_READY = Token("VIDEO_ALREADY_READY_SKIP", ("video_id", "tenant_id"))
IDEMPOTENT_SKIP = Token("IDEMPOTENT_SKIP", ("job_id", "reason"))
AI_IDEMPOTENT_SKIP = Token("AI_JOB_IDEMPOTENT_SKIP", ("job_id", "job_type", "reason"))
AI_TYPE_LEFT = Token("AI_JOB_TYPE_LEFT_FOR_OTHERS", ("job_type", "tier", "reason"))
ENCODING_DURATION = Token("VIDEO_ENCODING_DURATION", ("video_id", "duration_sec"))
LEASE_LOST = Token("LEASE_LOST", ("video_id", "job_id", "reason"))
JOB_DEAD = Token("JOB_DEAD", ("job_id", "video_id", "attempt", "reason"))
RAW_KEPT = Token("R2_RAW_KEPT", ("video_id", "key", "days"))
MESSAGE_SENT = Token("MESSAGE_SENT", ("key", "tenant_id", "kind", "group", "message"))
MESSAGE_FAILED = Token("MESSAGE_FAILED", ("key", "tenant_id", "reason"))
MESSAGE_UNKNOWN = Token("MESSAGE_UNKNOWN", ("key", "tenant_id", "reason"))
STOPPING = Token("Received", ("signal", "current_job"))

TOKENS = (
    VIDEO_STARTED, AI_STARTED, MESSAGING_STARTED, ANALYSIS_STARTED, AI_IDEMPOTENT_SKIP, AI_TYPE_LEFT,
    RECEIVED, COMPLETED, FAILED, DEFERRED, REJECTED, ALREADY_READY, IDEMPOTENT_SKIP,
    ENCODING_DURATION, LEASE_LOST, JOB_DEAD, RAW_KEPT, MESSAGE_SENT, MESSAGE_FAILED, MESSAGE_UNKNOWN,
)  # fmt: skip

# Plain sentences of the platform's workers, kept word for word because runbooks grep them.
CONFIG_ERROR = "config error: Missing required env: {name}"
SQS_UNAVAILABLE = "SQS unavailable ({why}). Waiting {seconds:.0f}s before retry. queue={queue}"
HANDLER_CALL = "[SQS_MAIN] Calling handler.handle() video_id={video_id}"
HANDLER_RETURNED = "[SQS_MAIN] handler.handle() returned video_id={video_id} result={result}"
HANDLER_START = "[HANDLER] Starting video processing video_id={video_id} job_id=encode:{video_id}"
LOCK_REFUSED = "[HANDLER] Lock acquisition failed, giving the message back video_id={video_id}"
LOCK_ACQUIRED = "[HANDLER] Lock acquired, marking as PROCESSING video_id={video_id}"
CANNOT_MARK = "Cannot mark video {video_id} as PROCESSING: status={status}"
PROCESS_START = "[HANDLER] Starting process_fn video_id={video_id}"
PROCESS_DONE = "[HANDLER] process_fn completed video_id={video_id} hls_path={hls_path} duration={duration}"
CANCELLED = "[HANDLER] Processing cancelled (retry requested) video_id={video_id}"
VIDEO_COMPLETED = "Video processing completed: video_id={video_id}, duration={duration}"
VIDEO_FAILED = "Video processing failed: video_id={video_id}, error={error}"
FFMPEG_START = "[TRANSCODER] Starting ffmpeg for video_id={video_id} cmd={cmd}"
TRANSCODE_PROGRESS = (
    "[PROCESSOR] Transcode progress video_id={video_id} current={current}/{total} "
    "step_percent={step}% overall={overall}%"
)
DOWNLOAD_RETRY = "download retry attempt={attempt} video_id={video_id} error={error}"
THUMBNAIL_FAILED = "thumbnail failed video_id={video_id} err={error}"
RAW_DELETED_AFTER = "R2 raw deleted after encode video_id={video_id} key={key}"
RAW_DELETED = "R2 raw deleted video_id={video_id} key={key}"
PREFIX_DELETED = "R2 HLS prefix deleted video_id={video_id} prefix={prefix} count={count}"
DELETE_FAILED = "R2 delete job failed video_id={video_id}: {error}"
EXCEL_DONE = "EXCEL_PARSING processed_by=worker job_id={job_id} enrolled={enrolled}"
EXCEL_FAILED = "EXCEL_PARSING failed job_id={job_id} tenant_id={tenant_id}: {error}"
EXCEL_DELETE_FAILED = "R2 delete_object after EXCEL_PARSING bucket={bucket} key={key}: {error}"
ATTENDANCE_EXPORT_DONE = "ATTENDANCE_EXCEL_EXPORT done job_id={job_id} tenant_id={tenant_id} key={key}"
ATTENDANCE_EXPORT_FAILED = "ATTENDANCE_EXCEL_EXPORT failed job_id={job_id} tenant_id={tenant_id}: {error}"
STAFF_EXPORT_DONE = "STAFF_EXCEL_EXPORT done job_id={job_id} tenant_id={tenant_id} key={key}"
STAFF_EXPORT_FAILED = "STAFF_EXCEL_EXPORT failed job_id={job_id} tenant_id={tenant_id}: {error}"
INSUFFICIENT_BALANCE = "tenant_id={tenant_id} insufficient_balance balance={balance} base_price={price}, skip send"
ALIMTALK_FALLBACK = "alimtalk failed, fallback to {kind}"
MOCK_START = (
    "[MockSolapi] SOLAPI_MOCK or DEBUG is on: this worker ONLY PRETENDS. No text goes out, nothing is charged, "
    "and every message is deleted as if it had been sent / 실제 문자는 발송되지 않습니다"
)
MOCK_SENT = "[MockSolapi] 발송 스킵 (실제 API 미호출) | texts={count} | SOLAPI_MOCK or DEBUG is on: nothing is sent"
SIGNAL = "Received {signal}, initiating graceful shutdown... | current_job={current}"
SHUTDOWN_DONE = "Graceful shutdown: current job completed, exiting"
SHUTDOWN = "{kind} Worker shutdown complete"


def ai_timeout(minutes: int) -> Token:
    """`SQS_JOB_TIMEOUT_60MIN | ...`: the time limit is a part of the name (contract 10)."""
    return Token(f"SQS_JOB_TIMEOUT_{minutes}MIN", ("request_id", "job_id", "job_type"))

"""The progress and status values that the API reads from Redis (contract 2.1-2.3, 5.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

STEP_TOTAL = 7
PROCESSING_STATUS_TTL_S = 21600
JOB_PROGRESS_TTL_S = 3600
JOB_RESULT_CHARS = 10_000
"""A result whose JSON is as long or longer is not in the status key: its reader takes it from the database."""


@dataclass(frozen=True)
class Step:
    """A step of the video pipeline: `percent` is where it starts, `until` where it ends (overall, 0..100)."""

    name: str
    index: int
    display: str
    percent: int
    until: int
    remaining_s: int


PRESIGNING = Step("presigning", 1, "준비", 5, 5, 120)
DOWNLOADING = Step("downloading", 2, "다운로드", 15, 24, 300)
PROBING = Step("probing", 3, "분석", 25, 25, 240)
TRANSCODING = Step("transcoding", 4, "인코딩", 50, 85, 0)
VALIDATING = Step("validating", 5, "검증", 85, 85, 45)
THUMBNAIL = Step("thumbnail", 6, "썸네일", 90, 90, 30)
UPLOADING = Step("uploading", 7, "업로드", 95, 99, 15)
DONE = Step("done", 7, "완료", 100, 100, 0)
STEPS = (PRESIGNING, DOWNLOADING, PROBING, TRANSCODING, VALIDATING, THUMBNAIL, UPLOADING, DONE)


def payload(step: Step, step_percent: int, *, remaining_s: int | None = None, **extra: Any) -> dict[str, Any]:
    """The eight keys that the API needs, plus extras. `step_percent` is 0..100 within the step."""
    share = max(0, min(100, step_percent))
    percent = step.percent + (step.until - step.percent) * share // 100
    return {
        "step": step.name,
        **extra,
        "percent": percent,
        "remaining_seconds": max(0, step.remaining_s if remaining_s is None else remaining_s),
        "step_index": step.index,
        "step_total": STEP_TOTAL,
        "step_name": step.name,
        "step_name_display": step.display,
        "step_percent": share,
    }


def transcoding(current_s: float, total_s: float, *, speed: float = 0.0) -> dict[str, Any]:
    """Progress inside FFmpeg: percent = int(50 + 35 * current / total), never out of 50..85."""
    share = min(1.0, max(0.0, current_s / total_s)) if total_s > 0 else 0.0
    left = max(0.0, total_s - current_s)
    body = payload(
        TRANSCODING,
        int(share * 100),
        remaining_s=int(left / speed) + 15 if speed > 0 else int(left) + 60,
        duration=round(total_s),
        current_sec=int(current_s),
    )
    body["percent"] = int(50 + 35 * share)
    return body


def status(state: str, *, hls_path: str = "", duration: int | None = None, error_reason: str = "") -> dict[str, Any]:
    """The value of the status key; absent parts are left out, as the API expects."""
    body: dict[str, Any] = {"status": state}
    if hls_path:
        body["hls_path"] = hls_path
    if duration is not None:
        body["duration"] = duration
    if error_reason:
        body["error_reason"] = error_reason
    return body


class NamedStep(Protocol):
    """A step of an AI job: its name, and its name for people."""

    @property
    def name(self) -> str: ...
    @property
    def display(self) -> str: ...


def job(steps: Sequence[NamedStep], name: str, percent: int, *, step_percent: int = 0) -> dict[str, Any]:
    """An AI job's progress, the seven keys that the API needs (contract 2.1): overall and in its step, both 0..100.

    Raises ValueError for a step that the job does not have.
    """
    index = next((index for index, step in enumerate(steps, 1) if step.name == name), None)
    if index is None:
        raise ValueError(f"no step '{name}' among {', '.join(step.name for step in steps) or 'none'}")
    return {
        "step": name,
        "percent": max(0, min(100, percent)),
        "step_index": index,
        "step_total": len(steps),
        "step_name": name,
        "step_name_display": steps[index - 1].display or name,
        "step_percent": max(0, min(100, step_percent)),
    }


def job_status(
    state: str, *, job_type: str = "", error_message: str | None = None, result: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The value of an AI job's status key; absent parts and a long result are left out."""
    body: dict[str, Any] = {"status": state}
    if job_type:
        body["job_type"] = job_type
    if error_message is not None:
        body["error_message"] = error_message
    if result is not None and len(json.dumps(result, ensure_ascii=False)) < JOB_RESULT_CHARS:
        body["result"] = dict(result)
    return body


@dataclass(frozen=True)
class MessageStep:
    """A step of a text."""

    name: str
    display: str


MESSAGE_STEPS = (MessageStep("sending", "발송"), MessageStep("done", "완료"))


def message(*, done: bool) -> dict[str, Any]:
    """A text's progress: handed to Solapi or perhaps so, or known to be there."""
    return job(MESSAGE_STEPS, "done" if done else "sending", 100 if done else 50, step_percent=100 if done else 0)

"""The progress and status values that the API reads from Redis (contract 2.2, 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STEP_TOTAL = 7
PROCESSING_STATUS_TTL_S = 21600


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

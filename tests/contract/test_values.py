"""Keys, types, progress and log lines as the platform's readers expect them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys, logtokens, objects, progress

REDIS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "messages.json").read_text(encoding="utf-8"))[
    "redis"
]


def test_keys_are_the_platforms() -> None:
    assert keys.encode_lock(1) == "job:encode:1:lock"
    assert keys.delete_lock(1) == "job:delete_r2:1:lock"
    assert keys.video_progress(1, 2) == "tenant:1:video:2:progress"
    assert keys.video_status(1, 2) == "tenant:1:video:2:status"
    assert keys.video_cancel(1, 2) == "tenant:1:video:2:cancel_requested"
    assert keys.hls_prefix(1, 2) == "tenants/1/video/hls/2"
    assert keys.hls_master(1, 2) == "tenants/1/video/hls/2/master.m3u8"


def test_the_folder_of_a_video_ends_with_a_slash() -> None:
    """Deleting video 1 must not name 10, 12 and 1234."""
    assert keys.hls_folder(1, 1) == "tenants/1/video/hls/1/"
    assert not keys.hls_folder(1, 12).startswith(keys.hls_folder(1, 1))


@pytest.mark.parametrize(
    ("key", "kind", "cache"),
    [
        ("a/master.m3u8", "application/vnd.apple.mpegurl", "no-cache"),
        ("a/v1/index0.ts", "video/MP2T", "public, max-age=31536000, immutable"),
        ("a/thumbnail.jpg", "image/jpeg", "public, max-age=604800"),
        ("a/b.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "private, no-store"),
        ("a/other.bin", "application/octet-stream", "public, max-age=3600"),
    ],
)
def test_objects_have_the_platforms_types(key: str, kind: str, cache: str) -> None:
    assert (objects.content_type(key), objects.cache_control(key)) == (kind, cache)


def test_progress_has_the_keys_of_the_captured_values() -> None:
    captured = REDIS["tenant:1:video:1:progress (transcoding)"]
    ours = progress.transcoding(4.6, 15)
    assert set(captured) <= set(ours)
    assert (ours["percent"], ours["step_percent"], ours["duration"], ours["current_sec"]) == (60, 30, 15, 4)
    captured = REDIS["tenant:1:video:1:progress (done, captured)"]
    assert progress.payload(progress.DONE, 100, hls_path=captured["hls_path"], duration=15) == captured


@pytest.mark.parametrize(
    ("step", "percent", "index", "display"),
    [
        (progress.PRESIGNING, 5, 1, "준비"),
        (progress.DOWNLOADING, 15, 2, "다운로드"),
        (progress.PROBING, 25, 3, "분석"),
        (progress.TRANSCODING, 50, 4, "인코딩"),
        (progress.VALIDATING, 85, 5, "검증"),
        (progress.THUMBNAIL, 90, 6, "썸네일"),
        (progress.UPLOADING, 95, 7, "업로드"),
        (progress.DONE, 100, 7, "완료"),
    ],
)
def test_each_step_starts_where_the_api_expects_it(step: progress.Step, percent: int, index: int, display: str) -> None:
    body = progress.payload(step, 0)
    assert (body["percent"], body["step_index"], body["step_total"]) == (percent, index, 7)
    assert (body["step_name"], body["step_name_display"]) == (step.name, display)


def test_the_steps_never_go_backwards() -> None:
    ends = [(progress.payload(step, 0)["percent"], progress.payload(step, 100)["percent"]) for step in progress.STEPS]
    flat = [percent for pair in ends for percent in pair]
    assert flat == sorted(flat)


@pytest.mark.parametrize("current", [-5, 0, 7.5, 15, 99, float("nan")])
def test_transcoding_stays_between_50_and_85(current: float) -> None:
    assert 50 <= progress.transcoding(0.0 if current != current else current, 15)["percent"] <= 85


def test_the_status_value_leaves_absent_parts_out() -> None:
    assert progress.status("PROCESSING") == {"status": "PROCESSING"}
    captured = REDIS["tenant:1:video:1:status READY (no ttl, captured)"]
    assert progress.status("READY", hls_path=captured["hls_path"], duration=15) == captured
    assert progress.status("FAILED", error_reason="boom") == {"status": "FAILED", "error_reason": "boom"}


def test_a_token_reads_back_what_it_wrote() -> None:
    line = logtokens.RECEIVED.text(request_id="ab12cd34", video_id=7, tenant_id=1, queue_wait_sec=0.5)
    assert line == "SQS_MESSAGE_RECEIVED | request_id=ab12cd34 | video_id=7 | tenant_id=1 | queue_wait_sec=0.5"
    seen = logtokens.RECEIVED.parse(f"2026-11-21 10:00:00,123 [INFO] [VIDEO-WORKER-SQS] {line}")
    assert seen == {"request_id": "ab12cd34", "video_id": "7", "tenant_id": "1", "queue_wait_sec": "0.5"}
    assert logtokens.COMPLETED.parse(line) is None


def test_a_value_cannot_forge_a_field_or_a_line() -> None:
    line = logtokens.FAILED.text(video_id=7, error="x | video_id=8\nSQS_JOB_COMPLETED | video_id=8")
    assert "\n" not in line
    seen = logtokens.FAILED.parse(line)
    assert seen is not None
    assert seen["video_id"] == "7"

"""A job's row, its Batch job and its video, to be varied by tests of plans and judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.ops.batch_plans import Plan, Where
from academyctl.stores.batch import AwsJob
from academyctl.stores.batch_jobs import JobRow
from academyctl.stores.videos import VideoRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHERE = Where("a-queue", "a-definition")
ROW = JobRow(
    id="11111111-0000-4000-8000-000000000001", video_id=7, tenant_id=1, state="QUEUED", attempt=1,
    cancel_requested=False, aws_id="aws-1", counted_id="", created_at=NOW - timedelta(hours=2),
    updated_at=NOW - timedelta(minutes=10), last_heartbeat_at=None, error_code="", error_message="", title="1강",
    video_status="UPLOADED", video_leased=False, seen_at=NOW,
)  # fmt: skip
JOB = AwsJob(
    id="aws-1", name="video-11111111", status="RUNNABLE", why="", job_id=ROW.id, definition="d:1", command=(),
    environment={}, parameters={}, exit_code=None, created_at=NOW - timedelta(minutes=10), started_at=None,
    stopped_at=None, attempts=(), log_group="g", stream="",
)  # fmt: skip
VIDEO = VideoRow(
    id=7, title="1강", status="UPLOADED", file_key="k", duration=None, hls_path="", error_reason="", leased_by="",
    leased_until=None, processing_started_at=None, created_at=NOW, updated_at=NOW, session_id=1, tenant_id=1,
    tenant_code="demo", seen_at=NOW,
)  # fmt: skip


def row(**changes: Any) -> JobRow:
    return replace(ROW, **changes)


def job(**changes: Any) -> AwsJob:
    return replace(JOB, **changes)


def done(found: Plan) -> list[str]:
    """The changes without their ids."""
    words = {ROW.id: "J", "11111111": "J8"}
    told = [str(repair) for repair in found.repairs]
    for text, short in words.items():
        told = [one.replace(text, short) for one in told]
    return told


COUNTED = (
    "set job J of video 7 RUNNING -> RETRY_WAIT, attempt 1 -> 2 (Batch job aws-1 FAILED: exit)",
    "submit video-J8 for job J of video 7 to a-queue (a-definition), instead of Batch job aws-1",
)
AGAIN = COUNTED[1:]

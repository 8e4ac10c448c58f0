"""Facts of one video, as the table sees them: a healthy platform, to be changed one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from checks._stuck_facts import Beat, Dead, Facts, Lock, Object, Progress, Queue, Row, Running

NOW = datetime.fromisoformat("2026-02-17T03:35:57.000+00:00")
PROCESS = "i-0ab:42:beef"
TOKEN = f"{PROCESS}:0badcafe"
QUEUE = Queue("academy-video-jobs", 0, 0, 0, "academy-video-jobs-dlq", 0)
ENDLESS = -1


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def row(status: str = "UPLOADED", *, minutes: float = 47, **changes: Any) -> Row:
    """A row that was last changed so many minutes ago."""
    fine = Row(
        status=status, title="3강", tenant_id=1, file_key="tenants/1/video/raw/7/sample.mp4", hls_path="",
        error_reason="", duration=None, updated_at=ago(minutes * 60), started_at="", leased_by="", lease_left_s=0.0,
    )  # fmt: skip
    return replace(fine, **changes)


def lock(token: str = TOKEN, *, ttl_s: float = 13412, since_s: float = 2820) -> Lock:
    return Lock("job:encode:111:lock", token, "i-0ab", 42, ago(since_s), int(ttl_s * 1000))


LEGACY = Lock("job:encode:111:lock", "", "", None, "", 13_412_000)


def beat(*videos: int, token: str = PROCESS, seconds: float = 3, since_s: float = 300, **job: Any) -> Beat:
    """A worker that runs these videos and has just said so."""
    jobs = tuple(replace(Running(one, 1, "transcoding", ago(since_s)), **job) for one in videos)
    return Beat(token, "i-0ab", 42, ago(seconds), 1, jobs)


def facts(status: str | None = "UPLOADED", *, minutes: float = 47, of_row: Any = (), **changes: Any) -> Facts:
    """Video 111 with its upload, nobody at it, and an empty queue. Without a status it has no row."""
    fine = Facts(
        id=111, row=None if status is None else row(status, minutes=minutes, **dict(of_row)), last_id=333, job=None,
        lock=None, owner=None, workers=(), cancel_ttl_ms=None, heartbeat_ttl_ms=None, redis_status="", progress=None,
        upload=Object("tenants/1/video/raw/7/sample.mp4", 1048576), master=None, problems=(), queue=QUEUE, dead=(),
        dead_read=True, database="db.internal:5432/academy", bucket="academy-video", unknown={}, seen_at=ago(0),
    )  # fmt: skip
    return replace(fine, **changes)


def queued(visible: int = 0, in_flight: int = 0, delayed: int = 0) -> Queue:
    return replace(QUEUE, visible=visible, in_flight=in_flight, delayed=delayed)


def dead(reason: str = "the disk is full") -> tuple[Dead, ...]:
    return (Dead("5f0c", 3, ago(600), reason),)


def progress(percent: int = 42, *, age_s: float | None = 12, remaining_s: int = 540) -> Progress:
    return Progress(percent, "transcoding", remaining_s, age_s)


MASTER = Object("tenants/1/video/hls/111/master.m3u8", 412)

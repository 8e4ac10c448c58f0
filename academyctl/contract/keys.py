"""Redis keys and object keys, written and diagnosed through the same functions (contract 2.1, 4)."""

from __future__ import annotations


def encode_lock(video_id: int) -> str:
    return f"job:encode:{video_id}:lock"


def delete_lock(video_id: int) -> str:
    return f"job:delete_r2:{video_id}:lock"


def messaging_lock(message_id: str) -> str:
    return f"job:messaging:{message_id}:lock"


def video_progress(tenant_id: int, video_id: int) -> str:
    return f"tenant:{tenant_id}:video:{video_id}:progress"


def video_status(tenant_id: int, video_id: int) -> str:
    return f"tenant:{tenant_id}:video:{video_id}:status"


def video_cancel(tenant_id: int, video_id: int) -> str:
    return f"tenant:{tenant_id}:video:{video_id}:cancel_requested"


def video_heartbeat(tenant_id: int, video_id: int) -> str:
    return f"tenant:{tenant_id}:video:{video_id}:heartbeat"


def video_backlog(tenant_id: int) -> str:
    return f"tenant:{tenant_id}:video:backlog_count"


def job_progress(tenant_id: str | int, job_id: str) -> str:
    return f"tenant:{tenant_id}:job:{job_id}:progress"


def legacy_job_progress(job_id: str) -> str:
    """Of a job without tenant; readers try it after `job_progress`."""
    return f"job:{job_id}:progress"


def job_status(tenant_id: str | int, job_id: str) -> str:
    return f"tenant:{tenant_id}:job:{job_id}:status"


def worker_heartbeat(kind: str, token: str) -> str:
    """Ours alone: the platform reads no such key. One key a worker process, JSON, short TTL."""
    return f"academyctl:worker:{kind}:{token}"


def worker_heartbeats(kind: str = "*") -> str:
    """The SCAN pattern of `worker_heartbeat`."""
    return f"academyctl:worker:{kind}:*"


def raw_key(tenant_id: int, session_id: int, name: str) -> str:
    return f"tenants/{tenant_id}/video/raw/{session_id}/{name}"


def raw_prefix(tenant_id: int) -> str:
    return f"tenants/{tenant_id}/video/raw/"


def hls_prefix(tenant_id: int, video_id: int) -> str:
    """Without a trailing slash, as the platform stores it. List `hls_folder`, never this (contract 11 #1)."""
    return f"tenants/{tenant_id}/video/hls/{video_id}"


def hls_folder(tenant_id: int, video_id: int) -> str:
    """The only prefix that may be listed or deleted: without the slash video 1 also names 10..19 and 123."""
    return hls_prefix(tenant_id, video_id) + "/"


def hls_master(tenant_id: int, video_id: int) -> str:
    return hls_folder(tenant_id, video_id) + "master.m3u8"


def hls_thumbnail(tenant_id: int, video_id: int) -> str:
    return hls_folder(tenant_id, video_id) + "thumbnail.jpg"


def excel_folder(tenant_id: str | int) -> str:
    """Of an academy's uploaded spreadsheets, in the Excel bucket (contract 5.3)."""
    return f"excel/{tenant_id}/"


def exports_folder(tenant_id: str | int) -> str:
    """Of the files made for an academy's people, in the Excel bucket (contract 5.7)."""
    return f"exports/{tenant_id}/"


def export_key(tenant_id: str | int, job_id: str, filename: str) -> str:
    return f"{exports_folder(tenant_id)}{job_id}_{filename}"


def batch_reconcile_lock() -> str:
    """The platform's own hourly reconcile takes it for 600 s (contract 13)."""
    return "video:reconcile:lock"


def batch_unseen(job_id: str) -> str:
    """Ours alone: how often Batch did not know a job's Batch job."""
    return f"academyctl:batch:unseen:{job_id}"

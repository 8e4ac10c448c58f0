"""How a video's state is told: one line of judgement, JSON, and the block that people read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from academyctl.contract.states import VideoState
from academyctl.errors import Both
from academyctl.stores.redis import Seen
from academyctl.stores.videos import VideoRow
from academyctl.video_state import Gathered, Keys, Lock, Video, life_signs


def summary(video: Video, now: datetime) -> Both:
    """What the state means and what to do, in one line."""
    row = video.row
    if row is None:
        if video.absent:
            return Both("there is no such video", "그런 비디오가 없습니다")
        return Both("the database is away: unknown", "데이터베이스에 연결할 수 없어 알 수 없습니다")
    alive = bool(life_signs(video, now))
    match row.status:
        case VideoState.READY:
            return _ready(video, row)
        case VideoState.PROCESSING:
            return _processing(video, row, alive)
        case VideoState.UPLOADED:
            return _uploaded(video, row, alive)
        case VideoState.FAILED:
            return Both(
                f"failed; again: academyctl video retry {row.id}",
                f"실패했습니다. 다시: academyctl video retry {row.id}",
            )
        case _:
            return Both("its upload was never completed", "업로드가 완료되지 않았습니다")


def failed(gathered: Gathered) -> bool:
    """Whether an id names no video at all."""
    return any(video.absent for video in gathered.videos)


def as_json(gathered: Gathered, lang: str) -> dict[str, Any]:
    """The whole picture; parts that could not be read are listed in `unknown` and are null."""
    return {
        "version": 1,
        "videos": [_json(video, gathered.seen_at, lang) for video in gathered.videos],
        "unknown": {
            part: {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)}
            for part, error in gathered.away.items()
        },
    }


def as_text(gathered: Gathered, lang: str) -> str:
    """A block a video."""
    blocks = []
    for video in gathered.videos:
        lines = _lines(video, gathered, lang)
        blocks.append("\n".join(f"{name:<10}{value}".rstrip() for name, value in lines))
    return "\n\n".join(blocks) + "\n"


def _ready(video: Video, row: VideoRow) -> Both:
    if "objects" not in video.unknown and video.master is None:
        again = f"academyctl video retry {row.id} --force"
        return Both(
            f"READY, but its master playlist is not in R2: {again}", f"READY이지만 R2에 마스터가 없습니다: {again}"
        )
    return Both("ready to play", "재생할 수 있습니다")


def _processing(video: Video, row: VideoRow, alive: bool) -> Both:
    if alive:
        percent = (video.keys.progress or {}).get("percent") if video.keys else None
        share = "" if percent is None else f", {percent} %"
        return Both(f"is being encoded{share}", f"인코딩 중입니다{share}")
    if video.unknown & {"redis"}:
        return Both("PROCESSING; whether a worker lives is unknown", "PROCESSING. 워커가 살아 있는지 알 수 없습니다")
    return Both(
        f"nobody works on it; its message comes back by itself, or: academyctl video retry {row.id}",
        f"작업 중인 워커가 없습니다. 메시지가 돌아오지 않으면: academyctl video retry {row.id}",
    )


def _uploaded(video: Video, row: VideoRow, alive: bool) -> Both:
    if alive:
        return Both("waits; an earlier run is still stopping", "대기 중입니다. 이전 작업이 멈추고 있습니다")
    if video.keys is not None and video.keys.lock is not None:
        unlock = f"academyctl video unlock {row.id} --apply"
        return Both(
            f"waits behind a lock without a living owner: {unlock}", f"소유자 없는 락 때문에 기다립니다: {unlock}"
        )
    enqueue = f"academyctl video enqueue {row.id}"
    return Both(
        f"waits in the queue; if no worker ever takes it: {enqueue}",
        f"큐에서 기다립니다. 워커가 가져가지 않으면: {enqueue}",
    )


def _lines(video: Video, gathered: Gathered, lang: str) -> list[tuple[str, str]]:
    row, now = video.row, gathered.seen_at
    unknown = "unknown" if "database" in video.unknown else "-"
    lines = [("video", f"{video.id}  {row.title}" if row else str(video.id))]
    lines.append(("status", row.status if row else unknown))
    if row is not None:
        lines.append(("tenant", f"{row.tenant_id} ({row.tenant_code})"))
        lines.append(("duration", "-" if row.duration is None else f"{row.duration} s"))
        if row.error_reason:
            lines.append(("reason", row.error_reason))
        lines.append(("lease", _lease(row)))
    lines += _redis_lines(video, now)
    if row is not None:
        lines.append(("master", _master(video)))
    lines.append(("summary", summary(video, now).pick(lang)))
    return lines


def _redis_lines(video: Video, now: datetime) -> list[tuple[str, str]]:
    if video.keys is None:
        return [("redis", "unknown")]
    found = video.keys
    lines = [("lock", _lock(found.lock, now))]
    if video.worker is not None:
        stage = f", {video.worker.stage}" if video.worker.stage else ""
        lines.append(("worker", f"{video.worker.host} pid {video.worker.pid}{stage}"))
    if found.status is not None:
        lines.append(("redis", f"status {found.status.get('status', '?')}"))
    if found.progress is not None:
        step = found.progress.get("step", "?")
        lines.append(("progress", f"{found.progress.get('percent', '?')} %, {step}"))
    if found.cancel is not None:
        lines.append(("cancel", f"requested, {_left(found.cancel)}"))
    return lines


def _lease(row: VideoRow) -> str:
    if not row.leased_by:
        return "-"
    return f"{row.leased_by}, {row.lease_left_s:.0f} s left" if row.leased else f"{row.leased_by}, run out"


def _lock(lock: Lock | None, now: datetime) -> str:
    if lock is None:
        return "-"
    left = "no expiry" if lock.ttl_ms < 0 else f"{lock.ttl_ms / 1000:.0f} s left"
    if lock.owner is None:
        return f"owner unknown (value {lock.value!r}), {left}"
    age = lock.owner.age_s(now)
    return f"{lock.owner.token}, {'?' if age is None else f'{age:.0f}'} s old, {left}"


def _master(video: Video) -> str:
    if "objects" in video.unknown:
        return "unknown"
    return "-" if video.master is None else f"{video.master.key}, {video.master.size} bytes"


def _left(seen: Seen) -> str:
    return "no expiry" if seen.ttl_ms < 0 else f"{seen.ttl_ms / 1000:.0f} s left"


def _json(video: Video, now: datetime, lang: str) -> dict[str, Any]:
    row = video.row
    return {
        "id": video.id,
        "found": None if "database" in video.unknown else row is not None,
        "status": row.status if row else None,
        "title": row.title if row else None,
        "tenant_id": row.tenant_id if row else None,
        "tenant_code": row.tenant_code if row else None,
        "duration_s": row.duration if row else None,
        "error_reason": row.error_reason if row else None,
        "hls_path": row.hls_path if row else None,
        "updated_at": row.updated_at if row else None,
        "lease": _lease_json(row),
        "redis": None if video.keys is None else _keys_json(video.keys, now),
        "worker": None
        if video.worker is None
        else {
            "token": video.worker.token,
            "host": video.worker.host,
            "pid": video.worker.pid,
            "stage": video.worker.stage,
            "beat_at": video.worker.beat_at,
        },
        "master": None if video.master is None else {"key": video.master.key, "bytes": video.master.size},
        "alive": list(life_signs(video, now)),
        "unknown": sorted(video.unknown),
        "summary": summary(video, now).pick(lang),
    }


def _lease_json(row: VideoRow | None) -> Mapping[str, Any] | None:
    if row is None or not row.leased_by:
        return None
    return {"owner": row.leased_by, "until": row.leased_until, "left_s": round(row.lease_left_s, 1)}


def _keys_json(found: Keys, now: datetime) -> Mapping[str, Any]:
    lock = found.lock
    return {
        "lock": None
        if lock is None
        else {
            "key": lock.key,
            "value": lock.value,
            "owner": lock.owner.token if lock.owner else None,
            "age_s": lock.owner.age_s(now) if lock.owner else None,
            "ttl_s": _ttl_s(lock.ttl_ms),
        },
        "status": found.status,
        "progress": found.progress,
        "cancel_ttl_s": None if found.cancel is None else _ttl_s(found.cancel.ttl_ms),
        "heartbeat_ttl_s": None if found.heartbeat is None else _ttl_s(found.heartbeat.ttl_ms),
    }


def _ttl_s(ttl_ms: int) -> float | None:
    """Seconds left; None = no expiry."""
    return None if ttl_ms < 0 else ttl_ms / 1000

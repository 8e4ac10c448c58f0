"""The queue messages of the platform's API, as values (contract 1.3, 1.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import BadMessage

_MAX_ID = 2**63 - 1
_MAX_DIGITS = 100


@dataclass(frozen=True)
class VideoEncode:
    """An upload to encode. S1/S2 messages have no job_id, S3 messages have one and little else."""

    video_id: int
    tenant_id: int
    file_key: str = ""
    tenant_code: str = ""
    created_at: datetime | None = None
    job_id: str | None = None


@dataclass(frozen=True)
class VideoDelete:
    """A deleted video's objects. `hls_prefix` carries no trailing slash on the wire (contract 11 #1)."""

    video_id: int
    tenant_id: int
    file_key: str = ""
    hls_prefix: str = ""
    created_at: datetime | None = None


def parse_video(body: str) -> VideoEncode | VideoDelete:
    """Read a message of the video queue. Raises BadMessage, whose text never repeats the body."""
    data = json_object(body)
    action = data.get("action")
    video_id, tenant_id = positive_id(data, "video_id"), positive_id(data, "tenant_id")
    file_key, created_at = _text(data, "file_key"), parse_time(data.get("created_at"))
    if action == "delete_r2":
        return VideoDelete(video_id, tenant_id, file_key, _text(data, "hls_prefix"), created_at)
    if action not in (None, "", "encode"):
        raise BadMessage("Invalid message format: action is neither absent nor delete_r2")
    job_id = data.get("job_id")
    if job_id is not None and not (isinstance(job_id, str) and job_id):
        raise BadMessage("Invalid message format: job_id is not a text")
    return VideoEncode(video_id, tenant_id, file_key, _text(data, "tenant_code"), created_at, job_id)


def encode_body(*, video_id: int, tenant_id: int, file_key: str, tenant_code: str, now: datetime) -> str:
    """An encode message, byte for byte as the API sends it (messages.json: video_encode)."""
    return json.dumps(
        {
            "video_id": video_id,
            "file_key": file_key,
            "tenant_id": tenant_id,
            "tenant_code": tenant_code,
            "created_at": _iso(now),
            "attempt": 1,
        }
    )


def delete_body(*, video_id: int, tenant_id: int, file_key: str, hls_prefix: str, now: datetime) -> str:
    """A delete_r2 message, byte for byte as the API sends it (messages.json: video_delete_r2)."""
    return json.dumps(
        {
            "action": "delete_r2",
            "tenant_id": tenant_id,
            "video_id": video_id,
            "file_key": file_key,
            "hls_prefix": hls_prefix,
            "created_at": _iso(now),
        }
    )


@dataclass(frozen=True)
class AiJob:
    """A job of the AI queues. The row in ai_job is what counts: payload and tenant here are what its sender said."""

    job_id: str
    job_type: str
    tier: str = "basic"
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tenant_id: str = ""
    source_domain: str = ""
    source_id: str = ""
    created_at: datetime | None = None


def parse_ai(body: str) -> AiJob:
    """Read a message of an AI queue. Raises BadMessage, whose text never repeats the body (it may hold a password)."""
    data = json_object(body)
    job_id = _text(data, "job_id")
    job_type = next((text for name in ("job_type", "type", "task") if (text := _text(data, name))), "")
    for name, text, most in (("job_id", job_id, 64), ("job_type", job_type, 50)):
        if not text.strip() or len(text) > most:
            raise BadMessage(f"Invalid message format ({name} required): it is absent or longer than {most} characters")
    payload, tenant = data.get("payload") or {}, data.get("tenant_id")
    if not isinstance(payload, dict):
        raise BadMessage("Invalid message format: payload is no object")
    if isinstance(tenant, int) and not isinstance(tenant, bool):
        data = {**data, "tenant_id": str(tenant)}
    return AiJob(
        job_id, job_type, _text(data, "tier") or "basic", payload, _text(data, "tenant_id"),
        _text(data, "source_domain"), _text(data, "source_id"), parse_time(data.get("created_at")),
    )  # fmt: skip


def ai_body(
    *,
    job_id: str,
    job_type: str,
    tier: str,
    payload: Mapping[str, Any],
    tenant_id: str | None,
    source_domain: str | None = None,
    source_id: str | None = None,
    now: datetime | None = None,
) -> str:
    """An AI job's message, byte for byte as the API sends it (messages.json: ai_excel_parsing_lecture)."""
    return json.dumps(
        {
            "job_id": job_id,
            "job_type": job_type,
            "tier": tier,
            "payload": dict(payload),
            "tenant_id": tenant_id,
            "source_domain": source_domain,
            "source_id": source_id,
            "created_at": _iso(now or datetime.now(UTC)),
            "attempt": 1,
        }
    )


def parse_time(value: object) -> datetime | None:
    """An ISO-8601 text or a Unix number; anything else is None, as the platform's consumer takes it."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and value:
            parsed = datetime.fromisoformat(value)
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _iso(now: datetime) -> str:
    # Django's isoformat drops the microseconds when they are 0; readers take both.
    return now.astimezone(UTC).isoformat()


def json_object(body: str) -> dict[str, Any]:
    """The body's JSON object. Raises BadMessage."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessage("Invalid JSON in message body") from error
    if not isinstance(data, dict):
        raise BadMessage("Invalid message format: not a JSON object")
    return data


def positive_id(data: Mapping[str, Any], name: str) -> int:
    """A required id, also when written as a text of digits. Raises BadMessage."""
    value = data.get(name)
    # Python refuses to read a number of thousands of digits.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_ID:
        raise BadMessage(f"Invalid message format ({name} required): it is absent or no positive whole number")
    return value


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or "\x00" in value or len(value) > 1024:
        raise BadMessage(f"Invalid message format: {name} is no text of at most 1024 characters")
    return value

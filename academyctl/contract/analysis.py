"""The messages of guide 004's pipeline, in the three shapes that its producers send, and where results are kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from academyctl.contract.messages import json_object
from academyctl.errors import BadMessage

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_KEY = 1024
"""Bytes of an object's key; S3's own limit."""


@dataclass(frozen=True)
class Upload:
    """One uploaded object. `key` is the object's name as it is, never its URL-encoded form; times are as was said."""

    bucket: str
    key: str
    video_id: str = ""
    event_time: str = ""


@dataclass(frozen=True)
class UploadMessage:
    """What one message asks for. Without uploads there is nothing to do, and `nothing` says why."""

    uploads: tuple[Upload, ...]
    nothing: str = ""


def parse_uploads(body: str) -> UploadMessage:
    """Read a message of the pipeline's queue. Raises BadMessage, whose text never repeats the body.

    S3's own event:      {"Records": [{"eventName": "ObjectCreated:Put", "s3": {...}}]}, whose keys are URL-encoded
    the backend's:       {"eventType": "video-uploaded", "s3": {"bucket", "key"}, "video": {"id": "84"}, ...}
    the first version's: {"bucket", "key"}
    """
    data = json_object(body)
    if data.get("Event") == "s3:TestEvent":
        return UploadMessage((), "S3's test of its notification")
    if "Records" in data:
        return _events(data["Records"])
    if "s3" in data:
        return UploadMessage((_of_backend(data),))
    if "bucket" in data and "key" in data:
        return UploadMessage((upload(data["bucket"], data["key"]),))
    raise BadMessage("Invalid message format: neither an S3 event, nor s3 with bucket and key, nor bucket and key")


def upload(bucket: object, key: object, *, video_id: object = "", event_time: object = "") -> Upload:
    """An upload by name. Raises BadMessage for a bucket or key that S3 cannot have."""
    if not isinstance(bucket, str) or not _BUCKET.fullmatch(bucket):
        raise BadMessage("Invalid message format: the bucket's name is absent or no bucket's name")
    if not isinstance(key, str) or not key or "\x00" in key or not _fits(key):
        raise BadMessage("Invalid message format: the object's key is absent or no key of an object")
    told = video_id if isinstance(video_id, str | int) and not isinstance(video_id, bool) else ""
    return Upload(bucket, key, str(told)[:100], event_time if isinstance(event_time, str) else "")


def shown(key: str) -> str:
    """A key for logs: it may hold line ends, and would write lines of its own there."""
    return "".join(one if one.isprintable() else "?" for one in key)


def result_key(prefix: str, bucket: str, key: str, version: str) -> str:
    """Where the result of one version of an object is kept; `version` is its ETag.

    Readable where S3's limit allows it; by its hash where it does not.
    """
    version = re.sub(r"[^\w.-]", "", version)
    readable = f"{prefix}{bucket}/{key}/{version}.json"
    if len(readable.encode()) <= _MAX_KEY:
        return readable
    return f"{prefix}{bucket}/{hashlib.sha256(key.encode()).hexdigest()}/{version}.json"


def _events(records: object) -> UploadMessage:
    if not isinstance(records, list) or not all(isinstance(one, Mapping) for one in records):
        raise BadMessage("Invalid message format: Records is no list of events")
    made = [one for one in records if _is_creation(one)]
    # One object twice in a message is one upload.
    uploads = tuple(dict.fromkeys(_of_event(one) for one in made))
    names = ", ".join(sorted({str(one.get("eventName", "")) for one in records})[:3])
    return UploadMessage(uploads, "" if uploads else f"no object was created ({names or 'no events'})")


def _is_creation(event: Mapping[str, Any]) -> bool:
    return str(event.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated")


def _of_event(event: Mapping[str, Any]) -> Upload:
    told = event.get("s3")
    bucket, thing = (told.get("bucket"), told.get("object")) if isinstance(told, Mapping) else (None, None)
    if not isinstance(bucket, Mapping) or not isinstance(thing, Mapping) or not isinstance(thing.get("key"), str):
        raise BadMessage("Invalid message format: an event without s3.bucket.name or s3.object.key")
    try:
        key = unquote_plus(thing["key"], errors="strict")
    except UnicodeDecodeError as error:
        raise BadMessage("Invalid message format: s3.object.key is not URL-encoded UTF-8") from error
    return upload(bucket.get("name"), key, event_time=event.get("eventTime"))


def _of_backend(data: Mapping[str, Any]) -> Upload:
    """The backend's shape. Its README writes `video.video_id` where the code sends `video.id`."""
    where, video = data["s3"], data.get("video")
    if not isinstance(where, Mapping):
        raise BadMessage("Invalid message format: s3 is no object with bucket and key")
    named = video if isinstance(video, Mapping) else {}
    video_id = named.get("id", named.get("video_id", ""))
    return upload(where.get("bucket"), where.get("key"), video_id=video_id, event_time=data.get("timestamp"))


def _fits(key: str) -> bool:
    try:
        return len(key.encode()) <= _MAX_KEY
    except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8, so no key
        return False

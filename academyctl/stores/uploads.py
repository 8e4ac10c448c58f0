"""Uploaded objects of guide 004's pipeline in S3, and the notes beside them that say who analyses what.

AWS's own S3 with AWS's keys, not R2. A note is written over exactly what was read, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, translate

_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


@dataclass(frozen=True)
class Found:
    """An object as it is now; `version` is its ETag without the quotes."""

    version: str
    size: int


@dataclass(frozen=True)
class Note:
    """A JSON object in S3. `age_s`: since it was written, by S3's own clock."""

    document: Mapping[str, Any]
    etag: str
    age_s: float


class Uploads:
    """Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def find(self, bucket: str, key: str) -> Found | None:
        """The object, or None when there is none; a bucket that does not exist is an AwsError (cause `missing`)."""
        try:
            with _ours("s3:HeadObject", bucket, key):
                raw = self._client.head_object(Bucket=bucket, Key=key)
        except AwsError as error:
            if error.cause != "missing":
                raise
            with _ours("s3:HeadBucket", bucket, ""):
                self._client.head_bucket(Bucket=bucket)
            return None
        return Found(str(raw["ETag"]).strip('"'), int(raw["ContentLength"]))

    def note(self, bucket: str, key: str) -> Note | None:
        """The note, or None when there is none. What is no JSON object reads as an empty one."""
        try:
            with _ours("s3:GetObject", bucket, key):
                raw = self._client.get_object(Bucket=bucket, Key=key)
                text = raw["Body"].read()
        except AwsError as error:
            if error.code not in ("NoSuchKey", "404"):
                raise
            return None
        try:
            document = json.loads(text)
        except ValueError:
            document = {}
        written, now = raw["LastModified"], _date(raw)
        age_s = max(0.0, (now - written).total_seconds())
        return Note(document if isinstance(document, dict) else {}, str(raw["ETag"]), age_s)

    def write(self, bucket: str, key: str, document: Mapping[str, Any], *, replacing: str) -> str:
        """Write a note over the one with this ETag ('' = where none is yet); its new ETag, '' when another came first.

        S3 says the same to a request of ours that it had already carried out when its answer was lost: read it then.
        """
        body = _json(document)
        only = {"IfMatch": replacing} if replacing else {"IfNoneMatch": "*"}
        try:
            with _ours("s3:PutObject", bucket, key):
                return str(
                    self._client.put_object(
                        Bucket=bucket, Key=key, Body=body, ContentType="application/json; charset=utf-8", **only
                    )["ETag"]
                )
        except AwsError as error:
            if error.code in _CHANGED or (replacing and error.code in ("NoSuchKey", "404")):
                return ""
            raise

    @property
    def _client(self) -> Any:
        return self._clients("s3")


def _json(document: Mapping[str, Any]) -> bytes:
    # Without indents: of an answer that is nested deep they would make gigabytes.
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry and UTF-8 cannot
        return json.dumps(document).encode()


def _date(raw: Mapping[str, Any]) -> datetime:
    headers = raw.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        told = parsedate_to_datetime(str(headers.get("date", "")))
    except ValueError:
        return datetime.now(UTC)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


@contextmanager
def _ours(action: str, bucket: str, key: str) -> Iterator[None]:
    subject = f"s3://{bucket}/{key}" if key else f"bucket {bucket}"
    try:
        yield
    except BOTO_ERRORS as error:
        raise translate(error, action=action, subject=subject) from error
    except OSError as error:
        # A connection cut while a body is read surfaces as urllib3's or the socket's own error.
        why = f"{type(error).__name__}: {error}"
        raise AwsError(f"{action} failed for {subject}", why=why, cause="unreachable") from error

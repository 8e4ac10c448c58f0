"""R2 (an S3): objects of the platform's buckets. Listing and deleting take folders, never bare prefixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from academyctl import settings_model
from academyctl.contract import objects
from academyctl.errors import AwsError, UsageError
from academyctl.stores.aws import BOTO_ERRORS, client_factory, translate

DELETE_BATCH = 1000


@dataclass(frozen=True)
class Head:
    """An object's metadata; size in bytes. A listing does not tell the type and the cache rule."""

    key: str
    size: int
    etag: str
    modified: datetime
    content_type: str = ""
    cache_control: str = ""


@dataclass(frozen=True)
class CorsRule:
    """Which sites' pages may do what with a bucket, as S3 writes it (`*` = any)."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]


class R2:
    """Objects by bucket and key. Every method raises AwsError (cause `missing` for an absent object or bucket)."""

    def __init__(
        self,
        settings: settings_model.R2,
        *,
        pool: int = 16,
        read_timeout: float = 30,
        connect_timeout: float = 5,
        attempts: int = 3,
    ) -> None:
        # R2 knows only some checksums, and over HTTPS the client's default is a trailer that it refuses.
        self._clients = client_factory(
            region=settings.region,
            endpoint_url=settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            attempts=attempts,
            max_pool_connections=pool,
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )

    def head(self, bucket: str, key: str) -> Head | None:
        """The object's metadata, or None when there is no such object (the bucket must exist)."""
        try:
            with _ours("r2:HeadObject", bucket, key):
                raw = self._client.head_object(Bucket=bucket, Key=key)
        except AwsError as error:
            if error.cause == "missing":
                self.check_bucket(bucket)
                return None
            raise
        told = (str(raw.get("ContentType", "")), str(raw.get("CacheControl", "")))
        return Head(key, int(raw["ContentLength"]), str(raw["ETag"]), raw["LastModified"], *told)

    def check_bucket(self, bucket: str) -> None:
        """Raise unless the bucket exists and may be listed."""
        with _ours("r2:ListObjectsV2", bucket, ""):
            self._client.list_objects_v2(Bucket=bucket, MaxKeys=1)

    def check_readable(self, bucket: str, key: str) -> None:
        """Raise when the bucket's objects may not be read; `key` need not exist."""
        try:
            with _ours("r2:HeadObject", bucket, key):
                self._client.head_object(Bucket=bucket, Key=key)
        except AwsError as error:
            if error.cause != "missing":
                raise

    def cors(self, bucket: str) -> tuple[CorsRule, ...]:
        """What browsers of other sites may do; no rules, no tuple entries. Few tokens may ask: AwsError then."""
        try:
            with _ours("r2:GetBucketCors", bucket, ""):
                found = self._client.get_bucket_cors(Bucket=bucket).get("CORSRules", [])
        except AwsError as error:
            if error.code != "NoSuchCORSConfiguration":
                raise
            found = []
        return tuple(
            CorsRule(tuple(raw.get("AllowedOrigins", [])), tuple(raw.get("AllowedMethods", []))) for raw in found
        )

    def buckets(self) -> list[str]:
        """The account's buckets; only an administrator's token may ask."""
        with _ours("r2:ListBuckets", "", ""):
            return sorted(str(raw["Name"]) for raw in self._client.list_buckets().get("Buckets", []))

    def read(self, bucket: str, key: str) -> bytes:
        """The whole object; for small ones."""
        with _ours("r2:GetObject", bucket, key):
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def stream(self, bucket: str, key: str, *, start: int = 0, etag: str = "", chunk: int = 1 << 20) -> Iterator[bytes]:
        """The object's bytes from `start` on. With `etag`, an object replaced meanwhile is an error, not a mixture."""
        extra = {"IfMatch": etag} if etag else {}
        with _ours("r2:GetObject", bucket, key):
            body = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-", **extra)["Body"]
            try:
                yield from body.iter_chunks(chunk)
            finally:
                body.close()

    def put(self, bucket: str, key: str, body: bytes | Path, *, replacing: str | None = None) -> str:
        """Store bytes or a file with the content type and cache rule of its name (contract 4); its ETag comes back.

        With `replacing` (an ETag, or '' for 'there is nothing yet') only over exactly that object: otherwise AwsError
        with the code PreconditionFailed, and nothing is changed.
        """
        extra = {"ContentType": objects.content_type(key), "CacheControl": objects.cache_control(key)}
        if replacing is not None:
            extra |= {"IfMatch": replacing} if replacing else {"IfNoneMatch": "*"}
        with _ours("r2:PutObject", bucket, key):
            if isinstance(body, bytes):
                return str(self._client.put_object(Bucket=bucket, Key=key, Body=body, **extra)["ETag"])
            with body.open("rb") as handle:
                return str(self._client.put_object(Bucket=bucket, Key=key, Body=handle, **extra)["ETag"])

    def upload(self, bucket: str, key: str, path: Path) -> None:
        """Store a file of any size, in parts when it is large."""
        with _ours("r2:PutObject", bucket, key):
            # A method of boto3's clients only; importing it costs more than a client, so here and not above.
            from boto3.s3.inject import upload_file

            upload_file(self._client, str(path), bucket, key, ExtraArgs={"ContentType": objects.content_type(key)})

    def list(self, bucket: str, folder: str) -> Iterator[Head]:
        """Every object of a folder. It ends with a slash, or video 1 would also name 10..19 (contract 11 #1)."""
        if not folder.endswith("/") or folder.strip("/") == "":
            raise UsageError(f"'{folder}' is no folder: a prefix to list ends with a slash and is not empty")
        with _ours("r2:ListObjectsV2", bucket, folder):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
                for raw in page.get("Contents", []):
                    yield Head(str(raw["Key"]), int(raw["Size"]), str(raw["ETag"]), raw["LastModified"])

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete objects, 1000 a call; per key that R2 refused, its error. An absent key counts as deleted."""
        failed: dict[str, str] = {}
        for start in range(0, len(keys), DELETE_BATCH):
            chunk = keys[start : start + DELETE_BATCH]
            with _ours("r2:DeleteObjects", bucket, f"{len(chunk)} objects"):
                answer = self._client.delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": key} for key in chunk], "Quiet": False}
                )
            done = {str(entry["Key"]) for entry in answer.get("Deleted", [])}
            told = {
                str(entry["Key"]): f"{entry.get('Code')}: {entry.get('Message')}" for entry in answer.get("Errors", [])
            }
            failed |= {key: told.get(key, "not confirmed") for key in chunk if key not in done}
        return failed

    def presign_get(self, bucket: str, key: str, *, expires_s: int) -> str:
        """A URL that reads one object for a while. It is a secret: never logged."""
        with _ours("r2:Presign", bucket, key):
            return str(
                self._client.generate_presigned_url(
                    "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_s
                )
            )

    @property
    def _client(self) -> Any:
        return self._clients("s3")


@contextmanager
def _ours(action: str, bucket: str, key: str) -> Iterator[None]:
    try:
        yield
    except BOTO_ERRORS as error:
        raise translate(error, action=action, subject=f"{bucket}/{key}" if key else f"bucket {bucket}") from error
    except OSError as error:
        # A connection cut while a body streams surfaces as urllib3's or the socket's own error.
        raise AwsError(
            f"{action} failed for {bucket}/{key}", why=f"{type(error).__name__}: {error}", cause="unreachable"
        ) from error

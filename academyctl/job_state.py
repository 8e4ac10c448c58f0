"""All that is known of an AI job at one moment: its row, its Redis keys, its file, its queue. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from academyctl.contract import keys
from academyctl.errors import StoreError
from academyctl.stores import Stores, ai_requests
from academyctl.stores.ai_requests import JobRow
from academyctl.stores.r2 import Head
from academyctl.stores.redis import Seen
from academyctl.stores.sqs import QueueAttributes
from academyctl.video_state import json_object

T = TypeVar("T")


@dataclass(frozen=True)
class Keys:
    """A job's Redis keys as they are. `progress_key` holds the progress: the tenant's, or the legacy one that is read
    after it (contract 2.1); `status_key` is '' without a tenant."""

    status: Seen | None
    progress: Seen | None
    status_key: str
    progress_key: str

    @property
    def status_body(self) -> Mapping[str, Any]:
        return (json_object(self.status.value) if self.status else None) or {}

    @property
    def progress_body(self) -> Mapping[str, Any]:
        return (json_object(self.progress.value) if self.progress else None) or {}


@dataclass(frozen=True)
class Job:
    """One id. A part is None when it is absent or unknown; `unknown` tells which parts could not be read."""

    id: str
    row: JobRow | None = None
    keys: Keys | None = None
    source: Head | None = None
    """The file that the job reads, where it reads one."""
    queue: QueueAttributes | None = None
    unknown: frozenset[str] = frozenset()

    @property
    def absent(self) -> bool:
        """The database was asked and has no such row."""
        return self.row is None and "database" not in self.unknown

    @property
    def file_key(self) -> str:
        return str(self.row.payload.get("file_key") or "") if self.row else ""

    @property
    def unqueued(self) -> bool:
        """Its queue was seen empty: its message is nowhere but in the dead letters, if anywhere."""
        return self.queue is not None and not (self.queue.visible or self.queue.in_flight or self.queue.delayed)


@dataclass(frozen=True)
class Gathered:
    """What was asked for, in order, and why parts are unknown: 'database', 'redis', 'queue' or 'objects'."""

    jobs: tuple[Job, ...]
    away: Mapping[str, StoreError] = field(default_factory=dict)
    seen_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def gather(stores: Stores, ids: Sequence[str]) -> Gathered:
    """Look at jobs: one query, one round trip to Redis, attributes of each queue, a HEAD for each file."""
    away: dict[str, StoreError] = {}

    def tried(part: str, ask: Callable[[], T], instead: T) -> T:
        try:
            return ask()
        except StoreError as error:
            away.setdefault(part, error)
            return instead

    nothing: dict[str, JobRow] = {}
    rows = tried("database", lambda: ai_requests.rows(stores.db, ids), nothing)
    seen: dict[str, Seen] = {}
    if stores.redis.enabled:
        wanted = [key for row in rows.values() for key in (*progress_keys(row), _status_key(row)) if key]
        seen = tried("redis", lambda: stores.redis.look(wanted), {})
    queues = {
        name: tried("queue", lambda name=name: stores.sqs_quick.attributes(name), None)  # type: ignore[misc]
        for name in dict.fromkeys(queue_name(stores, row.tier) for row in rows.values())
    }
    sources = {
        job_id: tried("objects", lambda row=row: source_of(stores, row), None)  # type: ignore[misc]
        for job_id, row in rows.items()
    }
    unknown = frozenset(away)
    return Gathered(
        tuple(
            Job(one, row, None if "redis" in unknown else keys_of(row, seen), sources.get(one),
                queues.get(queue_name(stores, row.tier)), unknown)
            if (row := rows.get(one)) is not None
            else Job(one, unknown=unknown)
            for one in ids
        ),
        away,
    )  # fmt: skip


def queue_name(stores: Stores, tier: str) -> str:
    """The queue of a tier; the producer puts a tier that it does not know into the basic one."""
    queues = stores.settings.queues
    return {"lite": queues.ai_lite, "premium": queues.ai_premium}.get(tier, queues.ai_basic)


def queue_word(tier: str) -> str:
    """The same queue's name on our command line."""
    return f"ai_{tier if tier in ('lite', 'premium') else 'basic'}"


def source_of(stores: Stores, row: JobRow) -> Head | None:
    """The file that the job reads; None when it reads none, or its file is gone. Raises AwsError."""
    file_key = row.payload.get("file_key")
    if not isinstance(file_key, str) or not file_key:
        return None
    return stores.r2.head(bucket_of(stores, row), file_key)


def bucket_of(stores: Stores, row: JobRow) -> str:
    """contract 5.3: the payload's own bucket first."""
    named = row.payload.get("bucket")
    return named if isinstance(named, str) and named else stores.settings.r2.excel_bucket


def progress_keys(row: JobRow) -> tuple[str, ...]:
    """Where its progress may stand, as the API's readers look for it (contract 2.1)."""
    legacy = keys.legacy_job_progress(row.job_id)
    return (keys.job_progress(row.tenant_id, row.job_id), legacy) if row.tenant_id else (legacy,)


def _status_key(row: JobRow) -> str:
    # Without a tenant nobody reads one.
    return keys.job_status(row.tenant_id, row.job_id) if row.tenant_id else ""


def keys_of(row: JobRow, seen: Mapping[str, Seen]) -> Keys:
    """What Redis was seen to hold of a job."""

    def present(key: str) -> Seen | None:
        found = seen.get(key)
        return found if found is not None and found.value is not None else None

    own = progress_keys(row)
    holder = next((key for key in own if present(key)), own[0])
    return Keys(present(_status_key(row)), present(holder), _status_key(row), holder)

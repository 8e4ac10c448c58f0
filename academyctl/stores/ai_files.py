"""Which AI jobs the objects of the Excel bucket belong to (contract 5.3, 5.7). Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from academyctl.stores.postgres import Postgres, Row

_CLOSED = ("DONE", "FAILED", "REJECTED_BAD_INPUT")
_ENDS = """
SELECT job_id, coalesce(idempotency_key, '') AS idempotency_key, updated_at,
       status <> ALL(%(closed)s) AS open, status <> 'DONE' OR error_message <> '' AS failed
FROM ai_job WHERE {} = ANY(%(wanted)s)
"""
_BY_FILE = _ENDS.format("idempotency_key")
_BY_ID = _ENDS.format("job_id")
_OPEN = """
SELECT payload->>'file_key' AS file_key FROM ai_job
WHERE status <> ALL(%(closed)s) AND jsonb_typeof(payload) = 'object' AND payload ? 'file_key'
"""
_KEY = "excel:"
"""An upload's job has the idempotency key `excel:{file_key}`."""


@dataclass(frozen=True)
class JobEnd:
    """How a job stands. `ended_at` is None while it is open; `failed` also counts the old worker's hidden ones
    (contract 11 #15)."""

    open: bool = False
    failed: bool = False
    ended_at: datetime | None = None


def job_ends(
    db: Postgres, file_keys: Sequence[str], job_ids: Sequence[str]
) -> tuple[Mapping[str, JobEnd], Mapping[str, JobEnd]]:
    """The jobs of these uploads by file key, and these jobs by job_id; both by unique indexes. Raises DatabaseAway."""
    found: list[list[Row]] = [[], []]
    for place, (sql, wanted) in enumerate(((_BY_FILE, [_KEY + key for key in file_keys]), (_BY_ID, list(job_ids)))):
        if wanted:
            found[place] = db.query(sql, {"closed": list(_CLOSED), "wanted": wanted})
    by_file = {row["idempotency_key"].removeprefix(_KEY): _end(row) for row in found[0]}
    return by_file, {row["job_id"]: _end(row) for row in found[1]}


def open_files(db: Postgres) -> frozenset[str]:
    """The uploads that jobs not ended yet name in their payload. Raises DatabaseAway."""
    return frozenset(row["file_key"] for row in db.query(_OPEN, {"closed": list(_CLOSED)}))


def _end(row: Row) -> JobEnd:
    return JobEnd(row["open"], row["failed"], None if row["open"] else row["updated_at"])

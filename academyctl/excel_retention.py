"""Which spreadsheets have outlived their job: uploads and the files made for people, in the Excel bucket.

upload, job DONE                      source_retention_days after its end
upload, job FAILED                    failed_retention_days after its end: the user may still ask for it to be retried
export or error workbook              failed_retention_days after it was made
no job knows it                       failed_retention_days after it was stored
job open, or not such a file's name   stays
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from academyctl.contract import keys
from academyctl.errors import Both, WorkFailed
from academyctl.repairs import Changed
from academyctl.settings_model import Excel
from academyctl.stores import Stores
from academyctl.stores.ai_files import JobEnd, job_ends, open_files
from academyctl.stores.r2 import Head

BATCH = 500
# As the API names an upload, and we a file for a person; anything else in these folders is somebody's own.
_UPLOAD = re.compile(r"excel/\d+/[0-9a-f]{32}\.[A-Za-z0-9]{1,8}")
_EXPORT = re.compile(r"exports/\d+/([0-9A-Za-z-]{8,64})_[^/]+")


@dataclass(frozen=True)
class Rule:
    """Days; of an upload after DONE, of everything else."""

    done: int
    failed: int

    @classmethod
    def of(cls, excel: Excel) -> Rule:
        return cls(excel.source_retention_days, excel.failed_retention_days)


@dataclass(frozen=True)
class Expired:
    """An object that may go. `why`: done, failed, export or no-job; `days` since then."""

    key: str
    size: int
    why: str
    days: int


def judge(head: Head, job: JobEnd | None, rule: Rule, now: datetime) -> Expired | None:
    """Whether an object may go; None = it stays. `job`: what its job's row says, None when there is none."""
    export = _EXPORT.fullmatch(head.key) is not None
    if (job is not None and job.open) or not (export or job is not None or _UPLOAD.fullmatch(head.key)):
        return None
    since, after, why = head.modified, rule.failed, "export" if export else "no-job"
    if job is not None and export:
        # A job that was run again has written it anew, under the same key.
        since = max(since, job.ended_at or now)
    elif job is not None:
        since = job.ended_at or now
        after, why = (rule.failed, "failed") if job.failed else (rule.done, "done")
    age = now - since
    return Expired(head.key, head.size, why, age.days) if age >= timedelta(days=after) else None


def expired(stores: Stores, rule: Rule, *, tenant_id: int = 0, now: datetime | None = None) -> list[Expired]:
    """What may go now, of one academy or of all. Raises StoreError."""
    bucket, now = stores.settings.r2.excel_bucket, now or datetime.now(UTC)
    folders = [keys.excel_folder(tenant_id), keys.exports_folder(tenant_id)] if tenant_id else ["excel/", "exports/"]
    found: list[Expired] = []
    for folder in folders:
        for heads in _batches(stores.r2.list(bucket, folder)):
            found += _judged(stores, heads, rule, now)
    return found


@dataclass(frozen=True)
class DeleteFiles:
    """A repair: delete some expired objects, those that are still expired at that moment."""

    bucket: str
    files: tuple[Expired, ...]
    rule: Rule

    def __str__(self) -> str:
        size = sum(one.size for one in self.files)
        return f"delete {len(self.files)} files ({size} bytes) of {self.bucket}: {', '.join(f.key for f in self.files)}"

    def do(self, stores: Stores) -> None:
        """Raises Changed naming what is needed again, WorkFailed naming what R2 refused; the others are gone then."""
        wanted = [one.key for one in self.files]
        kept = _needed_again(stores, self.files, self.rule)
        refused = stores.r2.delete(self.bucket, [key for key in wanted if key not in kept])
        if refused:
            told = "; ".join(f"{key}: {why}" for key, why in sorted(refused.items()))
            raise WorkFailed(
                f"R2 refused to delete {len(refused)} of {len(wanted)} files",
                why=told,
                remedy=Both("see the reasons above, then run it again", "위의 이유를 확인한 뒤 다시 실행하세요"),
                code="refused",
            )
        if kept:
            raise Changed(f"{len(kept)} of {len(wanted)} files stay", why=f"their jobs run again: {', '.join(kept)}")

    @property
    def undo(self) -> str:
        return "nothing: a deleted file cannot be brought back"


def plan(stores: Stores, rule: Rule, *, tenant_id: int = 0) -> list[DeleteFiles]:
    """The deletions, a batch each. Raises StoreError."""
    found = expired(stores, rule, tenant_id=tenant_id)
    bucket = stores.settings.r2.excel_bucket
    return [DeleteFiles(bucket, tuple(found[at : at + BATCH]), rule) for at in range(0, len(found), BATCH)]


def _needed_again(stores: Stores, files: Sequence[Expired], rule: Rule) -> list[str]:
    now = datetime.now(UTC)
    jobs = _jobs(stores, [one.key for one in files])
    # As old as it was: only its job can have changed, for nothing else writes under such a name.
    old = [Head(one.key, one.size, "", now - timedelta(days=one.days)) for one in files]
    return [head.key for head in old if judge(head, jobs.get(head.key), rule, now) is None]


def _judged(stores: Stores, heads: Sequence[Head], rule: Rule, now: datetime) -> Iterator[Expired]:
    jobs = _jobs(stores, [head.key for head in heads])
    for head in heads:
        found = judge(head, jobs.get(head.key), rule, now)
        if found is not None:
            yield found


def _jobs(stores: Stores, named: Sequence[str]) -> Mapping[str, JobEnd]:
    """Object key -> what is known of its job."""
    of_export = {key: match[1] for key in named if (match := _EXPORT.fullmatch(key))}
    uploads = [key for key in named if key not in of_export]
    by_file, by_id = job_ends(stores.db, uploads, list(of_export.values()))
    # An open job may name a file in its payload only: asked for by hand, or again.
    still_open = open_files(stores.db)
    ends = {key: JobEnd(open=True) if key in still_open else by_file.get(key) for key in uploads}
    ends |= {key: by_id.get(job_id) for key, job_id in of_export.items()}
    return {key: end for key, end in ends.items() if end is not None}


def _batches(heads: Iterable[Head]) -> Iterator[list[Head]]:
    each = iter(heads)
    while batch := list(islice(each, BATCH)):
        yield batch

"""Fresh links to files that jobs made: the first end after EXCEL_LINK_SECONDS, the files do not (contract 11 #20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.contract import keys
from academyctl.errors import Both, WorkFailed
from academyctl.stores import Stores
from academyctl.stores.ai_requests import JobRow

EXPORTS = ("attendance_excel_export", "staff_excel_export")
ERROR_FILE = "error_file"
"""Where a roster's result tells of its error workbook; an export's own result is about its file."""


@dataclass(frozen=True)
class Link:
    """Who has `url` can read the file until `expires_at`: it is shown to who asked for it, and never logged."""

    url: str = field(repr=False)
    filename: str
    key: str
    expires_at: datetime


def presign(stores: Stores, key: str, filename: str, *, now: datetime | None = None) -> Link:
    """A link to an object of the Excel bucket, for EXCEL_LINK_SECONDS. Nothing is asked over the network."""
    settings = stores.settings
    url = stores.r2.presign_get(settings.r2.excel_bucket, key, expires_s=settings.excel.link_s)
    ends = (now or datetime.now(UTC)) + timedelta(seconds=settings.excel.link_s)
    return Link(url, filename, key, ends.replace(microsecond=0))


def fresh_link(stores: Stores, row: JobRow) -> Link:
    """A new link to the file that a job left: its export, or the error workbook of a roster.

    Raises WorkFailed when the job left none or the file is gone, AwsError when R2 cannot be asked.
    """
    told, _ = _file(row)
    filename = str(told.get("filename") or "")
    # The old worker's results have no key, but its rule is the contract's.
    key = str(told.get("key") or (keys.export_key(row.tenant_id, row.job_id, filename) if filename else ""))
    if not key.startswith(keys.export_key(row.tenant_id, row.job_id, "")):
        see = f"academyctl job status {row.job_id}"
        raise WorkFailed(
            f"job {row.job_id} ({row.job_type}, {row.status}) left no file",
            remedy=Both(f"see what became of it: {see}", f"작업 상태를 확인하세요: {see}"),
            code="no-file",
        )
    if stores.r2.head(stores.settings.r2.excel_bucket, key) is None:
        again = f"academyctl job retry {row.job_id} --again"
        raise WorkFailed(
            f"the file of job {row.job_id} is gone",
            why=key,
            remedy=Both(f"make it again: {again}", f"다시 만들려면: {again}"),
            code="file-gone",
        )
    return presign(stores, key, filename)


def renew(stores: Stores, row: JobRow) -> Link:
    """`fresh_link`, also put into the job's result, where the platform's readers find it. Raises as it does.

    A link that someone else renewed meanwhile is left as it is.
    """
    from academyctl.stores import exports

    link = fresh_link(stores, row)
    told, path = _file(row)
    before, ends = str(told.get("download_url") or ""), link.expires_at.isoformat()
    exports.relink(stores.db, row.job_id, path=path, before=before, url=link.url, expires_at=ends)
    return link


def _file(row: JobRow) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What the result says of the file, and where in the result that stands."""
    if row.job_type in EXPORTS:
        return row.result, ()
    inner = row.result.get(ERROR_FILE)
    return (inner, (ERROR_FILE,)) if isinstance(inner, Mapping) else ({}, ())

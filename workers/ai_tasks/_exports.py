"""What both exports do with their rows: spool, workbook, object, link (contract 5.7).

openpyxl computes for every cell, and would keep the keeper's thread from renewing the lease: it works in a child.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from academyctl import export_links, sandbox
from academyctl.contract import keys
from academyctl.errors import AcademyError, LeaseLost, Stopping, StoreError, WorkFailed
from academyctl.stores import exports
from workers.ai_tasks._model import JobFailed, Result, Step, Work

log = logging.getLogger("academyctl.ai")

READING = Step("reading", "조회")
WRITING = Step("writing", "작성")
UPLOADING = Step("uploading", "업로드")
DONE = Step("done", "완료")
STEPS = (READING, WRITING, UPLOADING, DONE)
WIDTH = 16.0
MEMORY_BYTES = 512 * 2**20
"""Of address space; a child was measured to use 28 MB of memory for 20,000 rows of 40 cells."""
_SPOOL = "rows.jsonl"
_MAX_ID = 2**63 - 1


def publish(work: Work, filename: str) -> Result:
    """Make the workbook of `work.folder`'s spool, store it and link it. A second run replaces the first one's object.

    Raises what asked the job to stop, StoreError, WorkFailed when the child did not manage.
    """
    work.check()
    work.progress(WRITING.name, 50)
    _write(work)
    work.check()
    work.progress(UPLOADING.name, 90)
    key = keys.export_key(work.tenant_id, work.job_id, filename)
    work.stores.r2.put(work.settings.r2.excel_bucket, key, work.folder / "export.xlsx")
    link = export_links.presign(work.stores, key, filename)
    exports.free_key(work.stores.db, work.job_id, work.token)
    return {
        "download_url": link.url,
        "filename": filename,
        "key": key,
        "expires_at": link.expires_at.isoformat(),
    }


def spool_of(work: Work) -> Path:
    """Where the rows go, see `academyctl.workbook_child`."""
    return work.folder / _SPOOL


def _write(work: Work) -> None:
    left = max(1.0, work.seconds_left)
    ended = sandbox.run_child(
        sandbox.module("academyctl.workbook_child", str(spool_of(work)), str(work.folder / "export.xlsx")),
        wall_s=left,
        cpu_s=int(left) + 1,
        memory_bytes=MEMORY_BYTES,
        stop_asked=work.stop_asked,
    )
    if ended.reason == "ok":
        return
    work.check()
    if ended.reason == "stopped":
        raise Stopping("the workbook was being written")
    # The traceback's last line: an exception's name and text, never a row.
    why = ended.stderr.strip().rpartition("\n")[2][:300]
    raise WorkFailed(f"the workbook could not be written ({ended.reason})", why=why)


def tenant_of(work: Work, refusal: str) -> int:
    """The job's tenant, which the payload must name too (contract 11 #47). Raises JobFailed."""
    told = number(work.payload.get("tenant_id"))
    if told is None:
        raise JobFailed(refusal)
    if str(told) != work.tenant_id.strip():
        raise JobFailed("payload.tenant_id is not the tenant of the job")
    return told


def number(value: object) -> int | None:
    """A positive whole number, also from its digits (the platform sends both); None for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value) if len(value.strip()) < 20 else 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_ID:
        return None
    return value


@contextmanager
def told(work: Work, *, done: str, failed: str) -> Iterator[dict[str, Any]]:
    """Write the line that operators grep; the result put into the yielded dict names the key."""
    names: Mapping[str, Any] = {"job_id": work.job_id, "tenant_id": work.tenant_id}
    result: dict[str, Any] = {}
    try:
        yield result
    except (LeaseLost, Stopping):
        raise
    except AcademyError as error:
        log.error(failed.format(**names, error=error))
        if not isinstance(error, StoreError):
            # A failed export must not answer the next request either.
            exports.free_key(work.stores.db, work.job_id, work.token)
        raise
    log.info(done.format(**names, key=result.get("key", "")))

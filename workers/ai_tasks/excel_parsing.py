"""`excel_parsing`: an uploaded class list becomes enrolled students, all of it or nothing (contract 5.3-5.6).

    download -> read in a child process -> refused, or a column must be chosen, or bad cells -> FAILED with the report
                                        -> one transaction: students, enrolments, ai_job DONE, ai_result

The uploaded file stays until its retention ends (`academyctl excel purge`), so a job can always be run again.
"""

from __future__ import annotations

import logging
from typing import Any

from academyctl import roster_import
from academyctl.contract import keys, logtokens
from academyctl.enrolment import EnrolmentRefused
from academyctl.errors import Cancelled, Stopping, WorkFailed
from academyctl.roster.model import Document
from academyctl.roster_import import Order, Read
from workers.ai_tasks import _excel_source
from workers.ai_tasks._excel_payload import Upload, parse
from workers.ai_tasks._model import Committed, JobFailed, Step, Task, Work

log = logging.getLogger("academyctl.ai")

ERROR_FILE = "오류.xlsx"


def run(work: Work) -> Committed:
    """Raises JobFailed (with the report, where there is one), StoreError, and what `work.check` raises."""
    try:
        upload = parse(work.payload, tenant_id=work.tenant_id, settings=work.settings)
        result = _import(work, upload)
    except JobFailed as failed:
        log.error(
            logtokens.EXCEL_FAILED.format(job_id=work.job_id, tenant_id=work.tenant_id or "-", error=failed.reason)
        )
        raise
    enrolled = result.get("enrolled_count", result.get("created", 0))
    log.info(logtokens.EXCEL_DONE.format(job_id=work.job_id, enrolled=enrolled))
    if work.settings.excel.source_retention_days == 0:
        _excel_source.remove(work, upload)
    return Committed(result)


def _import(work: Work, upload: Upload) -> Document:
    """Read and enrol; what the job's readers get. Afterwards it is committed."""
    work.progress("downloading", 10)
    source = _excel_source.download(work, upload)
    work.progress("parsing", 25)
    order = Order(
        upload.tenant_id, upload.lecture_id, upload.session_id, upload.mapping, upload.sheet, partial=upload.partial
    )
    stores, settings = work.stores, work.settings.excel
    try:
        read = roster_import.read(stores.db, source, order, settings, folder=work.folder, stop_asked=work.stop_asked)
    except Cancelled:
        work.check()  # knows why
        raise
    obstacle = roster_import.obstacle(read, order)
    extra: dict[str, Any] = {}
    if read.reading.status == "errors":
        extra = _error_file(work, upload, read)
    if obstacle is not None:
        raise JobFailed(obstacle.ko, result=roster_import.report(read, order) | extra, code=read.reading.status)
    work.progress("parsing", 40, step_percent=100)
    try:
        enrolled = roster_import.enrol(
            stores.db,
            read,
            order,
            upload.password,
            settings,
            seconds_left=work.seconds_left,
            check=work.check,
            finish=lambda cursor, document: work.finish(cursor, document | extra),
            progress=lambda share: work.progress("enrolling", 40 + int(55 * share), step_percent=int(100 * share)),
        )
    except EnrolmentRefused as refused:
        report = roster_import.report(read, order) | extra
        raise JobFailed(refused.reason, result=report, code=refused.code) from refused
    work.progress("enrolling", 95, step_percent=100)
    return enrolled.document | extra


def _error_file(work: Work, upload: Upload, read: Read) -> dict[str, Any]:
    """The error workbook, in R2: `{"error_file": {...}}`. Without one the job's report still names every cell."""
    from academyctl import export_links

    path = work.folder / ERROR_FILE
    try:
        roster_import.annotate(read, path, work.settings.excel, only_bad=upload.partial, stop_asked=work.stop_asked)
    except Stopping:
        work.check()
        raise
    except WorkFailed as failed:
        log.warning("job %s has no error workbook: %s", work.job_id, failed)
        return {}
    key = keys.export_key(upload.tenant_id, work.job_id, ERROR_FILE)
    work.stores.r2.put(work.settings.r2.excel_bucket, key, path)
    link = export_links.presign(work.stores, key, ERROR_FILE)
    told = {"download_url": link.url, "filename": link.filename, "key": link.key}
    return {"error_file": told | {"expires_at": link.expires_at.isoformat()}}


TASK = Task(
    job_type="excel_parsing",
    run=run,
    steps=(
        Step("downloading", "다운로드"),
        Step("parsing", "분석"),
        Step("enrolling", "등록"),
        Step("done", "완료"),
    ),
    secret_keys=("initial_password",),
)

"""The uploaded file: from R2 to the working folder, bounded and whole, and its end."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath

from academyctl.contract import logtokens
from academyctl.errors import AwsError, StoreError, WorkFailed
from workers.ai_tasks._excel_payload import Upload
from workers.ai_tasks._model import JobFailed, Work

log = logging.getLogger("academyctl.ai")

CUTS = 3
"""Connections in a row that may end without a byte before R2 counts as away."""
_CHUNK = 1 << 18


def download(work: Work, upload: Upload) -> Path:
    """The object as a file in the work's folder.

    Raises JobFailed for an object that is absent or too large, AwsError while R2 is away, WorkFailed when the object
    was replaced while it was read, and what `work.check` raises.
    """
    r2, most = work.stores.r2, work.settings.excel.max_bytes
    head = r2.head(upload.bucket, upload.file_key)
    if head is None:
        raise _missing(upload)
    if head.size > most:
        raise _too_large(head.size, most)
    target = work.folder / f"roster{PurePosixPath(upload.file_key).suffix.lower()[:8]}"
    with target.open("wb") as handle:
        done = cuts = 0
        while done < head.size:
            before = done
            try:
                # The ETag is a condition of every request: a file replaced meanwhile is an error, not a mixture.
                for piece in r2.stream(upload.bucket, head.key, start=done, etag=head.etag, chunk=_CHUNK):
                    done += handle.write(piece)
                    if done > head.size:
                        raise _too_large(done, most)
                    work.check()
                    work.progress("downloading", 10, step_percent=100 * done // head.size)
                error = AwsError("the stream ended early", cause="unreachable")
            except AwsError as cut:
                error = cut
            if done < head.size:
                cuts = 1 if done > before else cuts + 1
                _give_up_on(error, upload, cuts)
    return target


def remove(work: Work, upload: Upload) -> None:
    """Delete the uploaded file of a job that is DONE. Its failure changes nothing: `excel purge` comes by later."""
    try:
        refused = work.stores.r2.delete(upload.bucket, [upload.file_key])
        error = refused.get(upload.file_key, "")
    except StoreError as away:
        error = str(away)
    if error:
        log.warning(logtokens.EXCEL_DELETE_FAILED.format(bucket=upload.bucket, key=upload.file_key, error=error))


def _give_up_on(error: AwsError, upload: Upload, cuts: int) -> None:
    if error.code in ("PreconditionFailed", "412"):
        raise WorkFailed(f"{upload.file_key} was replaced while it was read", why="its ETag is another one") from error
    if error.cause == "missing":
        raise _missing(upload) from error
    if error.cause not in ("unreachable", "throttled") or cuts >= CUTS:
        raise error


def _missing(upload: Upload) -> JobFailed:
    return JobFailed(
        f"업로드한 파일을 찾을 수 없습니다 ({upload.bucket}/{upload.file_key}). 파일을 다시 올려 주세요.",
        code="no-file",
    )


def _too_large(size: int, most: int) -> JobFailed:
    return JobFailed(
        f"파일이 너무 큽니다: {size / 2**20:.1f} MB (최대 {most / 2**20:.0f} MB). 학생 명단만 남겨 다시 올려 주세요.",
        code="too-large",
    )

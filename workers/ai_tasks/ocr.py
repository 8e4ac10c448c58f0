"""The text of an image, read by Tesseract: the optional extra academyctl[ocr] and Debian's tesseract-ocr packages.

The platform's own worker reads images with Google Vision. Where OCR_ENGINE says google, or something is missing here,
the jobs are left to it.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from academyctl import sandbox
from academyctl.errors import AwsError, Stopping, WorkFailed
from academyctl.settings import Settings
from academyctl.stores import downloads
from workers.ai_tasks._model import JobFailed, Result, Step, Task, Work

DOWNLOADING = Step("downloading", "다운로드")
READING = Step("reading", "인식")
DONE = Step("done", "완료")
ENGINE = "tesseract"
MAX_BYTES = 30 * 2**20
WALL_S = 1800.0
"""30 pages of 24 s each, as an A4 page at 300 dpi was measured to take on a busy machine, and some room."""
MEMORY_BYTES = 1536 * 2**20
DOWNLOAD_S = 30.0
_LANGUAGES = ("kor", "eng")


def run(work: Work) -> Result:
    work.progress(DOWNLOADING.name, 10)
    image = work.folder / "image"
    _download(work, image)
    work.check()
    work.progress(READING.name, 30)
    languages = [name for name in _LANGUAGES if name in installed(_binary())]
    read = _read(work, image, "+".join(languages))
    return {**read, "engine": ENGINE, "languages": languages}


def missing(settings: Settings) -> str:
    """What to do so that this worker reads images; '' = nothing."""
    engine = settings.ai.ocr_engine.strip().lower()
    if engine not in (ENGINE, "auto"):
        return f"OCR_ENGINE is {engine}: left for the worker that has it (tesseract or auto: read here)"
    if any(importlib.util.find_spec(module) is None for module in ("pytesseract", "PIL")):
        return "Python packages: pip install 'academyctl[ocr]'"
    if not _binary():
        return "the tesseract program: apt-get install tesseract-ocr tesseract-ocr-kor"
    if _LANGUAGES[0] not in installed(_binary()):
        return "Tesseract's Korean: apt-get install tesseract-ocr-kor"
    return ""


def _binary() -> str:
    return shutil.which(ENGINE) or ""


@cache
def installed(binary: str) -> frozenset[str]:
    """The languages of a tesseract program; asked once a process, for every waiting job needs the answer."""
    try:
        told = subprocess.run([binary, "--list-langs"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(told.stdout.split())


def _download(work: Work, image: Path) -> None:
    url, key = (work.payload.get(name) for name in ("download_url", "file_key"))
    r2 = work.settings.r2
    if isinstance(url, str) and url:
        try:
            downloads.fetch(
                url, image, storages=(r2.endpoint, r2.public_base_url, r2.admin_public_base_url),
                max_bytes=MAX_BYTES, timeout_s=DOWNLOAD_S, look=work.check,
            )  # fmt: skip
        except downloads.LinkRefused as refused:
            raise JobFailed(str(refused)) from refused
    elif isinstance(key, str) and key:
        _copy(work, r2.ai_bucket, key, image)
    else:
        raise JobFailed("payload.download_url required")


def _copy(work: Work, bucket: str, key: str, image: Path) -> None:
    try:
        head = work.stores.r2.head(bucket, key)
        if head is None:
            raise JobFailed(f"payload.file_key: there is no object {key}")
        if head.size > MAX_BYTES:
            raise JobFailed(f"the file is larger than {MAX_BYTES // 2**20} MB")
        with image.open("wb") as file:
            for chunk in work.stores.r2.stream(bucket, key, etag=head.etag):
                file.write(chunk)
                work.check()
    except AwsError as error:
        if error.code == "PreconditionFailed":  # replaced meanwhile: the next try reads the new one
            raise WorkFailed("the file was replaced while it was read") from error
        raise


def _read(work: Work, image: Path, languages: str) -> dict[str, Any]:
    left = max(1.0, min(WALL_S, work.seconds_left))
    ended = sandbox.run_child(
        sandbox.module("academyctl.ocr_child", str(image), languages),
        wall_s=left,
        cpu_s=int(left) + 1,
        memory_bytes=MEMORY_BYTES,
        stop_asked=work.stop_asked,
        # Its temporary files go with the job's folder; its threads would take the cores of the jobs beside it.
        env={"TMPDIR": str(work.folder), "OMP_THREAD_LIMIT": "1"},
    )
    work.check()
    if ended.reason == "stopped":
        raise Stopping("the image was being read")
    if ended.reason in ("wall", "cpu", "memory"):
        raise JobFailed(f"the image needs too much to be read ({ended.reason})")
    if ended.reason != "ok":
        raise WorkFailed("the image could not be read", why=ended.stderr.strip().rpartition("\n")[2][:300])
    answer: dict[str, Any] = json.loads(ended.stdout)
    if "refused" in answer:
        raise JobFailed(f"the image cannot be read: {answer['refused']}")
    return answer


TASK = Task("ocr", run, steps=(DOWNLOADING, READING, DONE), missing=missing)

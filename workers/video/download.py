"""The upload, from R2 to the working folder: resumed after a cut, never mixed, never truncated (contract 11 #43)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from academyctl.contract import logtokens
from academyctl.errors import AwsError, WorkFailed
from academyctl.settings_model import Video
from academyctl.stores.r2 import R2, Head
from workers._process import AWAY
from workers.video.workdir import disk_errors

log = logging.getLogger("academyctl.video")

Progress = Callable[[int, int], None]
"""(bytes so far, bytes in all)"""


def download(
    r2: R2,
    bucket: str,
    head: Head,
    target: Path,
    *,
    video_id: int,
    settings: Video,
    on_progress: Progress,
    wait: Callable[[float], None],
    rng: random.Random,
) -> None:
    """Write the object that `head` describes to `target`.

    A cut stream is asked for again from where it ended, with the ETag as a condition. `retry_max` failures in a row
    without a byte between them are the end. `wait` sleeps and raises what stops the job; it is also called with 0
    between chunks. Raises WorkFailed.
    """
    part = target.with_name(target.name + ".part")
    chunk, failures, done = settings.download_chunk_bytes, 0, 0

    def tell(so_far: int) -> None:
        wait(0)
        on_progress(so_far, head.size)

    with disk_errors(part.parent), part.open("wb", buffering=0) as handle:
        while done < head.size:
            before = done
            try:
                _append(handle, r2.stream(bucket, head.key, start=done, etag=head.etag, chunk=chunk), tell)
                error = AwsError("the stream ended early", cause="unreachable")
            except AwsError as cut:
                error = cut
            done = handle.tell()
            if done < head.size:
                failures = 1 if done > before else failures + 1
                _give_up_on(error, head, failures, settings.retry_max)
                log.warning(logtokens.DOWNLOAD_RETRY.format(attempt=failures, video_id=video_id, error=error))
                wait(backoff_s(settings, failures, rng))
    if done != head.size:
        raise WorkFailed(f"download failed: {head.key}", why=f"{done} bytes came instead of {head.size}")
    part.replace(target)


def backoff_s(settings: Video, failures: int, rng: random.Random) -> float:
    """Seconds before the next try of one transfer: min(cap, base * 2^n) with +-50 % jitter (contract 4: download)."""
    return min(settings.backoff_cap_s, settings.backoff_base_s * 2.0 ** (failures - 1)) * rng.uniform(0.5, 1.5)


def _append(handle: IO[bytes], pieces: Iterator[bytes], tell: Callable[[int], None]) -> None:
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            # Unbuffered, so that `tell` never counts what is not on the disk; a nearly full disk takes a part first.
            rest = rest[handle.write(rest) :]
        tell(handle.tell())


def _give_up_on(error: AwsError, head: Head, failures: int, retry_max: int) -> None:
    if error.code in ("PreconditionFailed", "412"):
        raise WorkFailed(
            f"download failed: {head.key} was replaced while it was read", why="its ETag is another one"
        ) from error
    if error.cause == "missing":
        raise WorkFailed(f"download failed: {head.key} was deleted while it was read") from error
    if error.cause in AWAY - {"unreachable", "throttled"}:
        raise error
    if failures >= retry_max:
        raise WorkFailed(f"download failed: {head.key}", why=f"{failures} tries; the last: {error}") from error

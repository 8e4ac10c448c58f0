"""`academyctl batch logs`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.errors import AwsError, Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import LogLine
    from academyctl.stores.batch import AwsJob

EVERY_S = 2.0
_SKEW = timedelta(minutes=5)
"""A machine's clock may run behind Batch's."""


def logs(here: Session, text: str, *, follow: bool, fmt: Format) -> None:
    """The lines of every attempt. Raises WorkFailed when there is no job, or it has logged nothing and never will."""
    from academyctl import output
    from academyctl.cli._logs_tail import shown
    from academyctl.ops.batch_find import find

    if follow and fmt == Format.json:
        raise UsageError(
            Both("--follow has no end, a JSON object has one", "--follow는 끝이 없어 JSON으로 낼 수 없습니다"),
            remedy=Both("leave --output json or --follow out", "--output json이나 --follow 중 하나를 빼세요"),
        )
    stores = here.stores()
    job = find(stores, text).job
    if job is None:
        raise WorkFailed(
            Both(f"Batch has no job for {text}", f"Batch에 {text}의 작업이 없습니다"),
            why=Both(
                "it was not submitted, or ended more than a week ago", "제출하지 않았거나 끝난 지 일주일이 넘었습니다"
            ),
            remedy=Both(
                f"its row: academyctl batch show {text}; older lines: academyctl logs tail video-batch --since 14d",
                f"행 확인: academyctl batch show {text} / 오래된 로그: academyctl logs tail video-batch --since 14d",
            ),
            code="missing",
        )
    if follow:
        for line in _followed(stores, job):
            output.emit({}, table=lambda line=line: shown(readable(line)))  # type: ignore[misc]
        return
    lines = list(_lines(stores, job))
    output.emit(
        {
            "version": 1, "batch_job": job.id, "status": job.status, "log_group": job.log_group,
            "lines": [{"at": one.at.isoformat(), "stream": one.stream, "text": one.text} for one in lines],
        },
        fmt=fmt,
        table=lambda: "".join(shown(readable(one)) for one in lines) or _silent(job, here.lang),
    )  # fmt: skip


def readable(line: LogLine) -> LogLine:
    """A worker's JSON line as its level and message; any other line as it is."""
    try:
        told = json.loads(line.text)
        return replace(line, text=f"{told['level']:<7} {told['message']}")
    except (ValueError, KeyError, TypeError):
        return line


def _lines(stores: Stores, job: AwsJob) -> Iterator[LogLine]:
    if not job.streams:
        return
    try:
        yield from stores.logs.tail(job.log_group, since=job.created_at - _SKEW, streams=job.streams)
    except AwsError as error:
        if error.cause != "missing":
            raise


def _followed(stores: Stores, job: AwsJob, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
    """The lines so far and those that come, until the job has ended and has been read to its end."""
    told: set[str] = set()
    ended = False
    while True:
        # Once more after its end: the last lines reach CloudWatch seconds after it.
        last, job = ended, stores.batch.describe([job.id]).get(job.id, job)
        for line in _lines(stores, job):
            if line.id not in told:
                told.add(line.id)
                yield line
        if last:
            return
        ended = not job.active
        sleep(EVERY_S)


def _silent(job: AwsJob, lang: str) -> str:
    why = f": {job.why}" if job.why else ""
    return Both(
        f"Batch job {job.id} is {job.status}{why}; it has logged nothing",
        f"Batch 작업 {job.id}: {job.status}{why}. 아직 로그가 없습니다",
    ).pick(lang)

"""What retry and cancel would change: pure functions from what is known of an AI job to a list of repairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from academyctl.errors import Both, CannotTell, UsageError
from academyctl.job_repairs import EndJob, ForgetKey, ReopenJob, SendJob, TellEnd
from academyctl.job_state import Job
from academyctl.repairs import Repair
from academyctl.stores.ai_requests import LIVING, PASSWORD, JobRow
from academyctl.video_plans import Refused

LEGACY_OWNER = "sqs-worker"
"""What the old worker writes to locked_by; it neither renews its lease nor notices that it lost it."""
SECRETS: Mapping[str, str] = {"excel_parsing": PASSWORD}
"""Job types that cannot run without a secret in their payload, which is removed from a row that has ended."""
ROSTERS = ("excel_parsing",)
"""Job types that take a mapping, and rows that may fail."""


@dataclass(frozen=True)
class Asked:
    """What the operator wants of another try. `again`: although the state speaks against it."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    partial: bool = False
    again: bool = False
    password: str = field(default="", repr=False)

    @property
    def changes(self) -> dict[str, Any]:
        """Keys of the payload that are given, as the task of `excel_parsing` reads them."""
        told = {"mapping": dict(self.mapping), "sheet": self.sheet, "partial": self.partial}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True)
class Plan:
    """Repairs in order, and remarks that the operator should read before. `needs_password`: not given yet."""

    job_id: str
    repairs: tuple[Repair, ...]
    remarks: tuple[Both, ...] = ()
    needs_password: bool = False


def plan_retry(job: Job, asked: Asked, *, queue: str) -> Plan:
    """PENDING again, without what the last try left in Redis (contract 11 #30), and then its message.

    The row is committed before the message is sent, so that a worker that is quick finds it (contract 11 #19).
    """
    row = present(job)
    _refuse_untimely(job, row, asked)
    _refuse_without_file(job, row)
    changes = asked.changes
    if changes and row.job_type not in ROSTERS:
        raise UsageError(f"job {row.job_id} is a {row.job_type}: --map, --sheet and --partial are for rosters")
    needs = row.job_type in SECRETS and not row.has_password
    reopen = ReopenJob(row, changes, asked.password if needs else "")
    repairs = (reopen, *_clear(job), SendJob(row.job_id, queue))
    return Plan(row.job_id, repairs, tuple(_remarks(job, row)), needs and not asked.password)


def plan_cancel(job: Job) -> Plan:
    """FAILED, in the row and for the readers of Redis. Only what has not ended yet."""
    row = present(job)
    if row.status not in LIVING:
        see = f"academyctl job status {row.job_id}"
        raise Refused(
            f"job {row.job_id} is {row.status}: there is nothing to cancel",
            remedy=Both(f"see it: {see}", f"확인: {see}"),
        )
    remarks: list[Both] = []
    if row.locked_by == LEGACY_OWNER:
        remarks.append(
            Both(
                "the old worker has it and does not look: it may still write its result",
                "예전 워커가 처리 중이며 취소를 확인하지 않습니다. 결과가 나중에 기록될 수 있습니다",
            )
        )
    elif row.leased:
        remarks.append(
            Both(
                "its worker stops when it next renews its lease; an import that has not committed changes nothing",
                "워커는 다음 리스 갱신 때 멈춥니다. 커밋하지 않은 등록은 반영되지 않습니다",
            )
        )
    if "redis" in job.unknown:
        remarks.append(_BLIND)
    return Plan(row.job_id, (EndJob(row.job_id, row.status, row.locked_by), *_tell(job, row)), tuple(remarks))


def present(job: Job) -> JobRow:
    """The row. Raises Refused when there is none, CannotTell when the database is away."""
    if job.row is not None:
        return job.row
    if job.absent:
        raise Refused(
            f"there is no AI job {job.id}",
            remedy=Both(
                "the newest ones: academyctl job list (and the profile: academyctl config show)",
                "최근 작업: academyctl job list (프로필 확인: academyctl config show)",
            ),
            code="absent",
        )
    raise CannotTell(
        f"job {job.id} cannot be looked up",
        why="the database is away",
        remedy=Both(
            "check that PostgreSQL runs and DB_HOST/DB_PORT reach it",
            "PostgreSQL이 실행 중인지, DB_HOST/DB_PORT를 확인하세요",
        ),
    )


def _refuse_untimely(job: Job, row: JobRow, asked: Asked) -> None:
    if row.leased:
        raise Refused(
            f"job {row.job_id} is being worked on",
            why=f"the lease of {row.locked_by or 'its worker'} runs for {row.lease_left_s:.0f} s more",
            remedy=Both(
                f"follow it: academyctl job watch {row.job_id}; end it: academyctl job cancel {row.job_id} --apply",
                f"진행 확인: academyctl job watch {row.job_id} / 취소: academyctl job cancel {row.job_id} --apply",
            ),
            code="alive",
        )
    if asked.again or row.status == "FAILED" or row.status == "RUNNING":
        return
    again = f"academyctl job retry {row.job_id} --again"
    if row.status in LIVING:
        if job.unqueued:
            return
        if job.queue is None:
            raise CannotTell(
                f"whether job {row.job_id} still has its message cannot be told",
                why="its queue could not be read",
                remedy=Both(f"a second message does no harm: {again}", f"메시지가 하나 더 있어도 괜찮습니다: {again}"),
            )
        raise Refused(
            f"job {row.job_id} is {row.status} and its message may be among those of {job.queue.name}",
            remedy=Both(
                f"is a worker running? academyctl worker list; send a second message: {again}",
                f"워커 실행 확인: academyctl worker list / 한 번 더 보내려면: {again}",
            ),
        )
    if row.status == "DONE" and row.reason and not row.has_result:
        return  # contract 11 #15: the old worker's failures
    raise Refused(
        f"job {row.job_id} is {row.status}",
        remedy=Both(f"to do it once more: {again}", f"한 번 더 처리하려면: {again}"),
    )


def _refuse_without_file(job: Job, row: JobRow) -> None:
    if not job.file_key:
        return
    if "objects" in job.unknown:
        raise CannotTell(
            f"whether the file of job {row.job_id} is still there cannot be told",
            why="R2 could not be read",
            remedy=Both("look at it first: academyctl diagnose r2", "먼저 확인하세요: academyctl diagnose r2"),
        )
    if job.source is None:
        raise Refused(
            f"the file of job {row.job_id} is gone: {job.file_key}",
            why="the old worker deletes it after every try; ours keeps it for EXCEL_FAILED_RETENTION_DAYS",
            remedy=Both(
                "upload it again in the front end, or: academyctl job enqueue excel FILE --tenant "
                f"{row.tenant_id or 'ID'}",
                "화면에서 다시 업로드하거나: academyctl job enqueue excel FILE --tenant " + (row.tenant_id or "ID"),
            ),
            code="source-gone",
        )


def _clear(job: Job) -> tuple[Repair, ...]:
    found = job.keys
    if found is None:
        return ()
    left: list[Repair] = []
    if found.status is not None:
        left.append(ForgetKey(found.status_key, str(found.status_body.get("status", "?"))))
    if found.progress is not None:
        left.append(ForgetKey(found.progress_key, f"{found.progress_body.get('percent', '?')} %"))
    return tuple(left)


def _tell(job: Job, row: JobRow) -> tuple[Repair, ...]:
    found = job.keys
    if found is None or not found.status_key:
        return ()
    told: list[Repair] = [TellEnd(found.status_key, row.job_type, str(found.status_body.get("status", "")))]
    if found.progress is not None:
        told.append(ForgetKey(found.progress_key, f"{found.progress_body.get('percent', '?')} %"))
    return tuple(told)


def _remarks(job: Job, row: JobRow) -> list[Both]:
    found: list[Both] = []
    if row.status == "RUNNING" and not job.unqueued:
        found.append(
            Both(
                "its own message may come back as well; whichever is second is skipped",
                "원래 메시지가 돌아올 수도 있습니다. 나중에 온 쪽은 건너뜁니다",
            )
        )
    if row.status == "DONE" and not row.reason:
        found.append(
            Both(
                "it was done already: students that are there stay as they are",
                "이미 끝난 작업입니다. 등록된 학생은 그대로 유지됩니다",
            )
        )
    if "redis" in job.unknown:
        found.append(_BLIND)
    return found


_BLIND = Both(
    "Redis could not be read: what the front end shows may be old until a worker writes again",
    "Redis를 읽지 못했습니다. 워커가 다시 기록할 때까지 화면에 이전 상태가 보일 수 있습니다",
)

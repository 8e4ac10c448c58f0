"""What to do about an AI job, by its state: one line that ends with the command to type."""

from __future__ import annotations

from collections.abc import Sequence

from academyctl.dead_letters import Letter
from academyctl.errors import Both
from academyctl.job_plans import SECRETS
from academyctl.job_state import Job, queue_word
from academyctl.stores.ai_requests import LIVING, JobRow

PATIENCE_S = 60
"""A job that has waited less may be on its way into the queue: SQS counts are exact within a minute."""


def next_step(job: Job, letters: Sequence[Letter] | None = None) -> Both:
    """The line; `letters` are its dead letters, None when they were not looked for."""
    row = job.row
    if row is None:
        if job.absent:
            return Both("there is no such job: academyctl job list", "그런 작업이 없습니다: academyctl job list")
        return Both("the database is away: academyctl diagnose db", "데이터베이스 연결 불가: academyctl diagnose db")
    if row.status in LIVING:
        return _running(row) if row.status == "RUNNING" else _waiting(job, row, letters)
    if row.status == "DONE":
        return _done(job, row)
    return _failed(job, row)


def _running(row: JobRow) -> Both:
    if row.leased:
        watch = f"academyctl job watch {row.job_id}"
        return Both(f"is being worked on: {watch}", f"처리 중입니다: {watch}")
    retry = f"academyctl job retry {row.job_id} --apply"
    return Both(
        f"nobody works on it; its message comes back by itself, or: {retry}",
        f"맡은 워커가 없습니다. 메시지가 돌아오지 않으면: {retry}",
    )


def _waiting(job: Job, row: JobRow, letters: Sequence[Letter] | None) -> Both:
    word = queue_word(row.tier)
    if letters:
        back = f"academyctl queue redrive {word} --where job_id={row.job_id} --apply"
        return Both(f"its message is a dead letter: {back}", f"메시지가 DLQ에 있습니다: {back}")
    if job.queue is None:
        look = f"academyctl queue show {word}"
        return Both(f"whether its message waits is unknown: {look}", f"메시지가 있는지 알 수 없습니다: {look}")
    if not job.unqueued:
        return Both(
            "waits for a worker: academyctl worker list; start one: academyctl worker run ai",
            "워커를 기다립니다. 확인: academyctl worker list / 시작: academyctl worker run ai",
        )
    if row.quiet_s < PATIENCE_S:
        watch = f"academyctl job watch {row.job_id}"
        return Both(f"was just sent: {watch}", f"방금 보냈습니다: {watch}")
    retry = f"academyctl job retry {row.job_id} --apply"
    if letters is None:
        dead = f"academyctl job status {row.job_id} --dlq"
        return Both(
            f"its queue is empty: a dead letter ({dead}), or lost: {retry}",
            f"큐가 비어 있습니다. DLQ 확인: {dead} / 다시 보내기: {retry}",
        )
    return Both(f"its message is lost: {retry}", f"메시지가 없어졌습니다: {retry}")


def _done(job: Job, row: JobRow) -> Both:
    if row.reason and not row.has_result:
        told = _failed(job, row)
        return Both(
            f"it FAILED, the old worker wrote DONE and the front end shows success; {told.en}",
            f"실패했지만 예전 워커가 DONE으로 적어 화면에는 성공으로 보입니다. {told.ko}",
        )
    if not row.has_result:
        again = f"academyctl job retry {row.job_id} --again"
        return Both(
            f"DONE without a result: see whether the work is there; if not: {again}",
            f"결과 없이 DONE입니다. 처리되었는지 확인하고, 아니면: {again}",
        )
    if row.result.get("error_file"):
        link = f"academyctl job link {row.job_id}"
        return Both(f"done, but not every row; the bad ones: {link}", f"일부 행만 처리되었습니다. 오류 파일: {link}")
    if row.result.get("filename"):
        link = f"academyctl job link {row.job_id}"
        return Both(f"done; a fresh link: {link}", f"완료되었습니다. 새 링크: {link}")
    return Both("done", "완료되었습니다")


def _candidates(row: JobRow) -> str:
    """` (parent_phone: B or C)`: the hint names the first of them only."""
    found = row.result.get("candidates")
    told = found.items() if isinstance(found, dict) else ()
    listed = [f"{name}: {' | '.join(map(str, columns))}" for name, columns in told if isinstance(columns, list)]
    return f" ({'; '.join(listed)})" if listed else ""


def _failed(job: Job, row: JobRow) -> Both:
    retry = f"academyctl job retry {row.job_id}"
    if job.file_key and job.source is None and "objects" not in job.unknown:
        again = f"academyctl job enqueue excel FILE --tenant {row.tenant_id or 'ID'}"
        return Both(
            f"its file is gone: upload it again in the front end, or: {again}",
            f"파일이 없어졌습니다. 화면에서 다시 업로드하거나: {again}",
        )
    hint = row.result.get("mapping_hint")
    if isinstance(hint, str) and hint.strip():
        chosen = f"{retry} {hint.strip()} --apply"
        which = _candidates(row)
        return Both(f"choose the column{which}, then: {chosen}", f"열을 확인해 고르세요{which}: {chosen}")
    if row.result.get("refused"):
        again = f"academyctl job enqueue excel FILE --tenant {row.tenant_id or 'ID'}"
        return Both(
            f"the file itself cannot be read: save it as the reason says, then: {again}",
            f"파일 자체를 읽을 수 없습니다. 이유대로 다시 저장한 뒤: {again}",
        )
    if row.job_type in SECRETS and (row.result.get("error_file") or row.result.get("errors")):
        link = f"academyctl job link {row.job_id}"
        return Both(
            f"correct the marked cells ({link}) and upload it; or enrol the good rows: {retry} --partial --apply",
            f"오류 파일({link})의 표시된 셀을 고쳐 업로드하거나, 정상 행만 등록: {retry} --partial --apply",
        )
    return Both(f"mend the reason, then: {retry} --apply", f"이유를 해결한 뒤: {retry} --apply")

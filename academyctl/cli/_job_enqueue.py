"""`job enqueue`: the file stored, the row committed, the message sent, in this order (contract 5.3, 11 #19)."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.cli._words import academy
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.repairs import Repair
    from academyctl.roster.model import Ask, Reading
    from academyctl.stores import Stores
    from academyctl.stores.ai_requests import Request, Tenant

UNKNOWN_PASSWORD = "(asked for with --apply)"  # noqa: S105 - what a dry run has instead of one


@dataclass(frozen=True)
class Roster:
    """A class list and where it goes. Ids of 0 mean 'none'."""

    file: Path
    tenant: str
    lecture: int
    session: int
    ask: Ask
    partial: bool
    check: bool


def excel(here: Session, roster: Roster, *, stdin: bool, apply: bool, fmt: Format) -> None:
    """Read the file, look the academy up, then upload and request. Raises UsageError, WorkFailed, StoreError."""
    from academyctl.cli._excel_check import readable
    from academyctl.cli._password import first_password
    from academyctl.contract import keys
    from academyctl.job_repairs import PutFile
    from academyctl.stores.ai_requests import PASSWORD, Request

    readable(roster.file)
    if roster.session and not roster.lecture:
        raise UsageError("--session needs its --lecture", remedy=Both("give both", "--lecture도 함께 지정하세요"))
    stores = here.stores()
    found = academy(stores, roster.tenant)
    _refuse_elsewhere(stores, found, roster.lecture, roster.session)
    notes = _checked(here, stores, found, roster) if roster.check else []
    password = first_password(here, stdin=stdin) if apply else UNKNOWN_PASSWORD
    bucket = stores.settings.r2.excel_bucket
    file_key = f"{keys.excel_folder(found.id)}{uuid.uuid4().hex}.{roster.file.suffix.lower().lstrip('.') or 'xlsx'}"
    payload = {
        "file_key": file_key,
        "bucket": bucket,
        "tenant_id": found.id,
        **({"lecture_id": roster.lecture} if roster.lecture else {}),
        **({"session_id": roster.session} if roster.session else {}),
        PASSWORD: password,
        **({"mapping": dict(roster.ask.mapping)} if roster.ask.mapping else {}),
        **({"sheet": roster.ask.sheet} if roster.ask.sheet else {}),
        **({"partial": True} if roster.partial else {}),
    }
    request = Request(
        job_id=str(uuid.uuid4()),
        job_type="excel_parsing",
        tenant_id=str(found.id),
        payload=payload,
        source_domain="enrollment" if roster.lecture else "students",
        source_id=str(roster.lecture) if roster.lecture else None,
        idempotency_key=f"excel:{file_key}",
    )
    upload = PutFile(roster.file, bucket, file_key, roster.file.stat().st_size)
    _carry_out(here, stores, request, (upload,), apply=apply, fmt=fmt, notes=notes)


def attendance(here: Session, tenant_word: str, lecture: int, *, apply: bool, fmt: Format) -> None:
    """A second request is a second job: a permanent key returned the first one's dead link for ever (11 #20)."""
    stores = here.stores()
    found = academy(stores, tenant_word)
    _refuse_elsewhere(stores, found, lecture, 0)
    payload = {"tenant_id": str(found.id), "lecture_id": lecture}
    key = f"attendance_export:{found.id}:{lecture}"
    request = _export("attendance_excel_export", found, payload, "attendance", str(lecture), key)
    _carry_out(here, stores, request, (), apply=apply, fmt=fmt)


def payroll(here: Session, tenant_word: str, year: int, month: int, *, apply: bool, fmt: Format) -> None:
    stores = here.stores()
    found = academy(stores, tenant_word)
    payload = {"tenant_id": str(found.id), "year": year, "month": month}
    key = f"staff_export:{found.id}:{year}:{month}"
    request = _export("staff_excel_export", found, payload, "staffs", f"{year}-{month}", key)
    _carry_out(here, stores, request, (), apply=apply, fmt=fmt)


def _export(job_type: str, found: Tenant, payload: dict[str, object], domain: str, source: str, key: str) -> Request:
    from academyctl.stores.ai_requests import Request

    return Request(
        job_id=str(uuid.uuid4()),
        job_type=job_type,
        tenant_id=str(found.id),
        payload=payload,
        source_domain=domain,
        source_id=source,
        idempotency_key=f"{key}:{uuid.uuid4().hex}",
    )


def _carry_out(
    here: Session,
    stores: Stores,
    request: Request,
    before: tuple[Repair, ...],
    *,
    apply: bool,
    fmt: Format,
    notes: list[Both] | None = None,
) -> None:
    from academyctl.cli._job_changes import Result, carry_out
    from academyctl.job_plans import Plan
    from academyctl.job_repairs import CreateJob, SendJob
    from academyctl.job_state import queue_name

    repairs = (*before, CreateJob(request), SendJob(request.job_id, queue_name(stores, request.tier)))
    then = Both(
        f"follow it: academyctl job watch {request.job_id}", f"진행 확인: academyctl job watch {request.job_id}"
    )
    told = [*(notes or ()), *([then] if apply else ())]
    carry_out(here, [Result(request.job_id, Plan(request.job_id, repairs))], apply=apply, fmt=fmt, notes=told)


def _refuse_elsewhere(stores: Stores, found: Tenant, lecture: int, session: int) -> None:
    """What the API checks before it makes the job (contract 5.3)."""
    from academyctl.stores import ai_requests

    if lecture and ai_requests.lecture_title(stores.db, found.id, lecture) is None:
        raise UsageError(
            f"lecture {lecture} is not one of {found.name} ({found.code})",
            remedy=Both("give a lecture of that academy", "해당 학원의 강의를 지정하세요"),
            code="lecture",
        )
    if session and ai_requests.session_title(stores.db, lecture, session) is None:
        raise UsageError(
            f"session {session} is not one of lecture {lecture}",
            remedy=Both("leave --session out for its first one", "--session을 빼면 1차시에 등록합니다"),
            code="session",
        )


def _checked(here: Session, stores: Stores, found: Tenant, roster: Roster) -> list[Both]:
    """What the worker will say of the file, in a line. Raises WorkFailed when it would refuse it, StoreError."""
    import tempfile

    from academyctl import roster_import

    excel = stores.settings.excel
    partial = roster.partial or excel.partial
    order = roster_import.Order(
        found.id, roster.lecture, roster.session, roster.ask.mapping, roster.ask.sheet, partial=partial
    )
    with tempfile.TemporaryDirectory(prefix="academyctl-job-") as folder:
        seen = roster_import.read(stores.db, roster.file, order, excel, folder=Path(folder))
    reading, counts = seen.reading, seen.reading.counts
    obstacle = roster_import.obstacle(seen, order)
    if obstacle is None:
        told = f"{counts.get('good', 0)} / {counts.get('read', 0)}"
        return [Both(f"{told} rows of the file can be enrolled", f"파일의 {told}행을 등록할 수 있습니다")]
    see = f"academyctl excel check {shlex.quote(str(roster.file))}"
    raise WorkFailed(
        f"{roster.file.name} was not sent",
        why=(_first_cell(reading) if reading.status == "errors" else obstacle).pick(here.lang),
        remedy=_WAYS_ON.get(reading.status, _otherwise)(see),
        code=reading.refused.code if reading.refused else reading.status,
    )


def _otherwise(see: str) -> Both:
    return Both(f"see what it holds: {see}", f"내용 확인: {see}")


_WAYS_ON: dict[str, Callable[[str], Both]] = {
    "errors": lambda see: Both(
        f"see every cell: {see}; only its good rows: --partial; send it all the same: --no-check",
        f"셀별 확인: {see} / 정상 행만 등록: --partial / 그대로 보내기: --no-check",
    ),
    "needs_mapping": lambda see: Both(
        f"look at the columns: {see}; then give this command the right one: --map",
        f"열 확인: {see} / 확인한 열을 이 명령에 --map으로 지정하세요",
    ),
}


def _first_cell(reading: Reading) -> Both:
    number = reading.counts.get("problems", len(reading.problems))
    first = reading.problems[0]
    place = f"{first.sheet}!{first.cell}"
    return Both(
        f"cells to correct: {number}, the first: {place} {first.message.en}",
        f"고칠 셀 {number}개, 첫 번째: {place} {first.message.ko}",
    )

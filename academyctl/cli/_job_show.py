"""`job list`, `job status`, `job watch` and `job link`: what there is, and how it goes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.cli._words import length_s
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.dead_letters import Letter
    from academyctl.job_state import Gathered
    from academyctl.stores import Stores
    from academyctl.stores.ai_requests import JobRow

DEAD_MOST = 100_000
DEAD_S = 60.0
REASON_CHARS = 60


def list_jobs(here: Session, tenant: str, job_type: str, status: str, since: str, limit: int, *, fmt: Format) -> None:
    """Print the newest jobs."""
    from academyctl import output
    from academyctl.stores import ai_requests

    found = ai_requests.newest(
        here.stores().db, tenant=tenant, job_type=job_type, status=status.upper(), since_s=length_s(since), limit=limit
    )
    output.emit(
        {"version": 1, "jobs": [_listed(row) for row in found]}, fmt=fmt, table=lambda: _table(found, here.lang)
    )


def status(here: Session, ids: Sequence[str], *, dlq: bool, fmt: Format) -> int:
    """Print all that is known of jobs; the exit code: 1 when one does not exist, 3 when a part could not be read."""
    from academyctl import output
    from academyctl.job_state import gather
    from academyctl.job_status import as_json, as_text

    stores = here.stores()
    found = gather(stores, list(dict.fromkeys(ids)))
    letters = _letters(stores, found) if dlq else {}
    output.emit(
        as_json(found, stores, here.lang, letters),
        fmt=fmt,
        table=lambda: as_text(found, stores, here.lang, letters),
    )
    if fmt == Format.table:
        for error in found.away.values():
            output.fail(error)
    if found.away:
        return EXIT_CANNOT_TELL
    return EXIT_FAILED if any(job.absent for job in found.jobs) else EXIT_OK


def watch(here: Session, job_id: str, *, timeout_s: float | None, fmt: Format) -> int:
    """Follow a job to its end; EXIT_OK when it was done. Raises CannotTell after the timeout."""
    from academyctl import output
    from academyctl.job_follow import follow, succeeded
    from academyctl.job_status import counts_of, ended_text
    from academyctl.video_report import shown

    stores = here.stores()
    if fmt == Format.json:
        row = follow(stores, job_id, on_update=lambda _now: None, timeout_s=timeout_s)
    else:
        with shown(sys.stderr, here.lang) as update:
            row = follow(stores, job_id, on_update=update, timeout_s=timeout_s)
    output.emit(
        {"version": 1, "id": job_id, "status": row.status, "succeeded": succeeded(row), "reason": row.reason,
         "counts": counts_of(row.result)},
        fmt=fmt, table=lambda: ended_text(row, here.lang),
    )  # fmt: skip
    return EXIT_OK if succeeded(row) else EXIT_FAILED


def link(here: Session, job_id: str, *, apply: bool, fmt: Format) -> None:
    """Print a fresh link to the file that a job left; `apply` also puts one where the front end reads it."""
    from academyctl import export_links, output, repairs
    from academyctl.job_plans import present
    from academyctl.job_repairs import Relink
    from academyctl.job_state import Job
    from academyctl.stores import ai_requests

    stores = here.stores()
    row = present(Job(job_id, ai_requests.rows(stores.db, [job_id]).get(job_id)))
    made = export_links.fresh_link(stores, row)
    if apply:
        change = Relink(row)
        here.confirm_production([str(change)])
        repairs.apply([change], stores, repairs.audit_path())
    # The link is what was asked for, although whoever has it can download.
    output.emit(
        {"version": 1, "id": job_id, "filename": made.filename, "url": made.url, "expires_at": made.expires_at},
        fmt=fmt, revealed=True, table=lambda: made.url,
    )  # fmt: skip
    if fmt == Format.table:
        until = made.expires_at.isoformat()
        output.note(Both(f"{made.filename}, until {until}", f"{made.filename}, {until}까지 유효").pick(here.lang))


def _letters(stores: Stores, found: Gathered) -> dict[str, Sequence[Letter]]:
    """The dead letters of each job, of the one queue that its tier has."""
    from academyctl.dead_letters import pair, sample
    from academyctl.job_state import queue_word

    letters: dict[str, Sequence[Letter]] = {}
    of_queue: dict[str, Sequence[Letter]] = {}
    for job in found.jobs:
        if job.row is None:
            continue
        word = queue_word(job.row.tier)
        if word not in of_queue:
            of_queue[word] = sample(stores, pair(stores, word).dlq, DEAD_MOST, timeout_s=DEAD_S).letters
        letters[job.id] = [one for one in of_queue[word] if one.matches({"job_id": job.id})]
    return letters


def _listed(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.job_id, "status": row.status, "job_type": row.job_type, "tier": row.tier,
        "tenant_id": row.tenant_id, "tenant_code": row.tenant_code, "created_at": row.created_at,
        "age_s": round(row.age_s, 1), "attempts": row.attempt_count, "owner": row.locked_by,
        "lease_left_s": row.lease_left_s, "reason": row.reason,
    }  # fmt: skip


def _table(found: Sequence[JobRow], lang: str) -> Any:
    from academyctl import output
    from academyctl.ages import ago
    from academyctl.job_status import lease

    if not found:
        return Both("no such job", "해당하는 작업이 없습니다").pick(lang)
    columns = (
        Both("job", "작업"), Both("status", "상태"), Both("type", "종류"), Both("tenant", "학원"), Both("age", "경과"),
        Both("tries", "시도"), Both("lease", "점유"), Both("reason", "이유"),
    )  # fmt: skip
    lines = [
        (
            row.job_id, row.status, row.job_type, row.tenant_code or row.tenant_id or "-", ago(row.age_s),
            row.attempt_count, lease(row), " ".join(row.reason.split())[:REASON_CHARS],
        )
        for row in found
    ]  # fmt: skip
    return output.rows([column.pick(lang) for column in columns], lines)

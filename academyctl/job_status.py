"""How an AI job's state is told: what it means, what to do next, JSON, and the block that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from academyctl.ages import ago
from academyctl.contract.messages import parse_time
from academyctl.dead_letters import Letter
from academyctl.errors import Both
from academyctl.job_follow import progress, succeeded
from academyctl.job_next import next_step
from academyctl.job_plans import LEGACY_OWNER
from academyctl.job_state import Gathered, Job, bucket_of
from academyctl.redrive import about
from academyctl.stores import Stores
from academyctl.stores.ai_requests import PASSWORD, JobRow

SHOWN_ERRORS = 5
COUNTS = ("read", "created", "restored", "updated", "unchanged", "skipped", "failed", "enrolled_count")
"""Of a result with our counts, in this order; all but the first and the last add up to the first."""
OLD_COUNTS = ("enrolled_count", "created_students_count", "created", "failed", "total")
"""Of the old worker's (contract 5.5)."""
_LINK = {
    True: Both("its link works", "링크 유효"),
    False: Both("its link has ended", "링크 만료"),
    None: Both("its link may have ended", "링크가 만료되었을 수 있음"),
}
_SECRET = re.compile(r"(?i)password|secret|token|signature")

Letters = Mapping[str, Sequence[Letter]]
"""job_id -> its dead letters; a job that is not in it was not looked for."""


def as_json(found: Gathered, stores: Stores, lang: str, letters: Letters) -> dict[str, Any]:
    """The whole picture; parts that could not be read are listed in `unknown` and are null."""
    return {
        "version": 1,
        "jobs": [_json(job, stores, lang, letters.get(job.id)) for job in found.jobs],
        "unknown": {
            part: {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)}
            for part, error in found.away.items()
        },
    }


def as_text(found: Gathered, stores: Stores, lang: str, letters: Letters) -> str:
    """A block a job."""
    blocks = []
    for job in found.jobs:
        lines = [("job", job.id), *_lines(job, stores, lang, letters.get(job.id))]
        blocks.append("\n".join(f"{name:<10}{value}".rstrip() for name, value in lines))
    return "\n\n".join(blocks) + "\n"


def ended_text(row: JobRow, lang: str) -> str:
    """How a job ended: a line with its counts, and its first bad cells."""
    counts = (f"{name} {number}" for name, number in counts_of(row.result).items() if number)
    return "\n".join(["  ".join([row.status, *filter(None, [row.reason]), *counts]), *error_lines(row.result, lang)])


def shown(job: Job) -> dict[str, Any]:
    """What the platform's two endpoints answer (contract 2.1, 2.3, 7): the row with progress; Redis's status key."""
    row, found = job.row, job.keys
    assert row is not None
    body = found.progress_body if found is not None else {}
    return {
        "jobs": {
            "status": row.status,
            "error_message": row.error_message or None,
            "percent": progress(row, body).percent if body else None,
            "result": row.has_result,
        },
        "progress": {"status": (found.status_body.get("status") if found else None) or "UNKNOWN"},
    }


def lease(row: JobRow) -> str:
    """Who has it, and for how long."""
    if not row.locked_by and row.lease_left_s is None:
        return "-"
    owner = "sqs-worker (the old worker)" if row.locked_by == LEGACY_OWNER else row.locked_by or "nobody"
    if row.lease_left_s is None:
        return f"{owner}, no lease"
    return f"{owner}, {row.lease_left_s:.0f} s left" if row.lease_left_s > 0 else f"{owner}, run out"


def _lines(job: Job, stores: Stores, lang: str, letters: Sequence[Letter] | None) -> Iterator[tuple[str, str]]:
    row = job.row
    if row is None:
        yield "status", "-" if job.absent else "unknown"
        yield "next", next_step(job, letters).pick(lang)
        return
    yield "type", f"{row.job_type}, {row.tier}"
    yield "status", f"{row.status}{'' if row.status != 'DONE' or succeeded(row) else ' (with an error: it failed)'}"
    yield "made", f"{ago(row.age_s)} ago, changed {ago(row.quiet_s)} ago, attempts {row.attempt_count}"
    yield "tenant", f"{row.tenant_id or '-'} ({row.tenant_code or '?'})"
    if row.source_domain:
        yield "for", f"{row.source_domain} {row.source_id}".rstrip()
    if row.reason:
        yield "reason", row.reason
    yield "lease", lease(row)
    yield "asks", "  ".join(f"{name}={value}" for name, value in _payload(row).items()) or "-"
    if job.file_key:
        yield "file", _file(job, row, stores)
    yield from _result_lines(row, lang)
    yield from _redis_lines(job)
    yield "queue", _queue(job)
    if letters is not None:
        yield "dead", "; ".join(f"{letter.id} ({about(letter)})" for letter in letters) or "no dead letter is of it"
    yield "next", next_step(job, letters).pick(lang)


def _payload(row: JobRow) -> dict[str, Any]:
    told = {name: "****" if _SECRET.search(name) else value for name, value in row.payload.items()}
    return told | ({PASSWORD: "****"} if row.has_password else {})


def _file(job: Job, row: JobRow, stores: Stores) -> str:
    where = f"{bucket_of(stores, row)}/{job.file_key}"
    if "objects" in job.unknown:
        return f"{where}, unknown whether it is there"
    return f"{where}, {job.source.size} bytes" if job.source is not None else f"{where}, gone"


def counts_of(result: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of a result: our counts where it has them, else the contract's; a list counts as its length."""
    ours = result.get("counts")
    told = {**result, **(ours if isinstance(ours, dict) else {})}
    found = {}
    for name in COUNTS if isinstance(ours, dict) else OLD_COUNTS:
        value = told.get(name)
        value = len(value) if isinstance(value, list) else value
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = value
    return found


def error_lines(result: Mapping[str, Any], lang: str, most: int = SHOWN_ERRORS) -> list[str]:
    """The first bad cells of a result, as `2반!B7 text`; ours, or the contract's `failed` rows."""
    listed = [one for one in _list(result.get("errors")) if isinstance(one, dict)]
    lines = [
        f"{one.get('sheet') or ''}!{one.get('cell') or one.get('row') or '?'}".lstrip("!")
        + f"  {one.get(f'text_{lang}') or one.get('text_ko') or one.get('code') or ''}"
        for one in listed[:most]
    ]
    if not listed:
        failed = [one for one in _list(result.get("failed")) if isinstance(one, dict)]
        lines = [f"{one.get('row', '?')}  {one.get('error', '')}" for one in failed[:most]]
        listed = failed
    total = result.get("errors_total")
    left = (total if isinstance(total, int) else len(listed)) - len(lines)
    return lines + ([Both(f"... {left} more", f"... 그 외 {left}건").pick(lang)] if left > 0 and lines else [])


def _result_lines(row: JobRow, lang: str) -> Iterator[tuple[str, str]]:
    if not row.has_result:
        yield "result", "-"
        return
    earlier = "" if row.status in ("DONE", "FAILED") else " (of an earlier try)"
    told = ", ".join(f"{name} {number}" for name, number in counts_of(row.result).items() if number or name == "read")
    link = linked(row, datetime.now(UTC))
    state = "" if link is None else _LINK[link["living"]].pick(lang)
    yield "result", ", ".join(filter(None, (told, f"{link['filename']} ({state})" if link else ""))) + earlier or "yes"
    for line in error_lines(row.result, lang):
        yield "", line


def linked(row: JobRow, now: datetime) -> dict[str, Any] | None:
    """A result's file, and whether the link in it still works; None in `living` = it does not say until when.

    The link itself is a secret and is not shown.
    """
    found = row.result.get("error_file")
    told: Mapping[str, Any] = found if isinstance(found, dict) else row.result
    name = told.get("filename")
    if not isinstance(name, str) or not name:
        return None
    until = parse_time(told.get("expires_at"))
    return {"filename": name, "expires_at": until, "living": None if until is None else until > now}


def _redis_lines(job: Job) -> Iterator[tuple[str, str]]:
    found = job.keys
    if found is None:
        yield "redis", "unknown"
        return
    body = found.progress_body
    step = f"{body.get('percent', '?')} %, {body.get('step', '?')}" if body else "no progress"
    yield "redis", f"status {found.status_body.get('status', '-')}, {step}"
    told = shown(job)
    jobs = told["jobs"]
    percent = "" if jobs["percent"] is None else f" {jobs['percent']} %"
    yield "shows", f"/jobs/ID/ {jobs['status']}{percent}; /jobs/ID/progress/ {told['progress']['status']}"


def _queue(job: Job) -> str:
    if job.queue is None:
        return "unknown"
    seen = job.queue
    return f"{seen.name}: {seen.visible} visible, {seen.in_flight} in flight, {seen.delayed} delayed (of all jobs)"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(job: Job, stores: Stores, lang: str, letters: Sequence[Letter] | None) -> dict[str, Any]:
    row, found = job.row, job.keys
    if row is None:
        told: dict[str, Any] = {"id": job.id, "found": None if "database" in job.unknown else False}
        return told | {"next": next_step(job, letters).pick(lang)}
    source = {"key": job.file_key, "bucket": bucket_of(stores, row), "bytes": job.source.size if job.source else None}
    # The key repeats the whole result.
    status = {name: value for name, value in found.status_body.items() if name != "result"} if found else {}
    return {
        "id": job.id, "found": True, "job_type": row.job_type, "tier": row.tier, "status": row.status,
        "succeeded": succeeded(row), "tenant_id": row.tenant_id, "tenant_code": row.tenant_code,
        "source_domain": row.source_domain, "source_id": row.source_id, "reason": row.reason,
        "attempts": row.attempt_count, "created_at": row.created_at, "updated_at": row.updated_at,
        "lease": {"owner": row.locked_by, "left_s": row.lease_left_s, "living": row.leased},
        "payload": _payload(row), "file": source if job.file_key else None,
        "result": {
            "counts": counts_of(row.result), "errors": _list(row.result.get("errors"))[:SHOWN_ERRORS],
            "errors_total": row.result.get("errors_total"), "mapping_hint": row.result.get("mapping_hint"),
            "link": linked(row, datetime.now(UTC)),
        } if row.has_result else None,
        "redis": None if found is None else {"status": status or None, "progress": found.progress_body or None},
        "shows": shown(job),
        "queue": None if job.queue is None else {
            "name": job.queue.name, "visible": job.queue.visible, "in_flight": job.queue.in_flight,
            "delayed": job.queue.delayed,
        },
        "dead_letters": None if letters is None else [{"id": one.id, "about": about(one)} for one in letters],
        "unknown": sorted(job.unknown),
        "next": next_step(job, letters).pick(lang),
    }  # fmt: skip

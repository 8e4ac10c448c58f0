"""AI and Excel jobs: what waits, what nobody works on any more, what failed and why (contract 3.1, 3.3, 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from academyctl.settings import missing
from checks import _depth, _failures
from checks._depth import Depth
from checks._failures import Reason
from checks._fan import together
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.ai_jobs import Survey

CLIENTS = ("sqs",)
WAIT_MINUTES = 10
"""A PENDING job whose queue is empty is lost after that: SQS counts are exact within a minute."""
_ROWS = "ai rows"
_WORDS = ("ai_lite", "ai_basic", "ai_premium")
# What workers write as the reason (contract 5) -> what it is about, and whose fault. Texts about a roster are data.
REASONS: tuple[_failures.Group, ...] = (
    (r"No module named|ImportError|Unsupported job type|only allows|inference_error_no_result", "code", Verdict.code),
    (r"(?i)InvalidAccessKey|SignatureDoesNotMatch|AccessDenied|Unauthorized|api[_ ]key|\b40[13]\b", "auth",
     Verdict.settings),
    (r"(?i)connection refused|could not connect|EndpointConnection|OperationalError", "network",
     Verdict.infrastructure),
    (r"(?i)timeout|timed out|out of memory", "time", Verdict.capacity),
)  # fmt: skip


@dataclass(frozen=True)
class Open:
    """Jobs of one status that have not ended; `oldest_s` since the first of them was made."""

    status: str
    count: int
    oldest_s: int


@dataclass(frozen=True)
class Job:
    """A job that needs attention. `since_s`: how long it has waited, or how long ago its lease ended."""

    id: str
    type: str
    tier: str
    owner: str
    since_s: int


@dataclass(frozen=True)
class Waiting:
    """PENDING jobs of a tier, older than WAIT_MINUTES: how many, and the first of them."""

    tier: str
    total: int
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Ended:
    """Jobs that ended within 24 hours. `hidden`: DONE with an error, which the front end shows as success
    (contract 11 #15); `without_result`: DONE, no error, and no ai_result."""

    ended: int
    failed: int
    hidden: int
    hidden_ids: tuple[str, ...]
    without_result: int
    without_ids: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Facts:
    here: bool
    """Whether anything that only this worker needs is set on this machine."""
    missing: tuple[str, ...]
    rows_trouble: Trouble | None
    open: tuple[Open, ...]
    stale: tuple[Job, ...]
    stale_total: int
    waiting: tuple[Waiting, ...]
    ended: Ended | None
    queues: tuple[Depth, ...]


def gather(world: World) -> Facts:
    r2 = world.stores.settings.r2
    calls: dict[str, Any] = {_ROWS: lambda: _survey(world), **_depth.lookers(world, _WORDS)}
    answers: Mapping[str, Any] = together(world, calls)
    rows = answers[_ROWS]
    seen: Survey | None = None if isinstance(rows, Trouble) else rows
    return Facts(
        here=bool(r2.endpoint or r2.access_key or r2.secret_key),
        missing=tuple(missing(world.loaded, "ai")),
        rows_trouble=rows if isinstance(rows, Trouble) else None,
        open=tuple(Open(**row) for row in seen.open) if seen else (),
        stale=tuple(_job(row) for row in seen.stale) if seen else (),
        stale_total=seen.stale[0]["total"] if seen and seen.stale else 0,
        waiting=tuple(_waiting(seen.waiting)) if seen else (),
        ended=_ended(seen) if seen else None,
        queues=_depth.depths(world, _WORDS, answers),
    )


_BOOK = ("academyctl playbook show roster-import-failed",)
NOT_SET = Kind(
    "ai.not-configured", State.fail, Verdict.settings, ("academyctl config show --section r2",),
    because=(Because("settings.missing"),),
)  # fmt: skip
UNREAD = Kind("ai.unread", State.unknown, None, ("academyctl diagnose db",), because=(Because("db.not-granted"),))
# `jobs` are the first of them, as words of a command line.
_SEE = "academyctl job status {jobs}"
_RETRY = "academyctl job retry {jobs}"
_FAILED = ("academyctl job list --status FAILED --since 24h", *_BOOK)
STALE = Kind("ai.stale", State.warn, Verdict.data, (_SEE, _RETRY, *_BOOK))
# The API fills another queue than the one that is empty here.
_ELSEWHERE = (Because("settings.differs", ("variable",)),)
LOST = Kind(
    "ai.lost", State.fail, Verdict.data, ("academyctl queue peek {queue} --dlq", _RETRY, *_BOOK), because=_ELSEWHERE,
)  # fmt: skip
QUEUE_UNSEEN = _depth.unseen("ai")
MOST = Kind("ai.failures-most", State.fail, Verdict.data, _FAILED)
MANY = Kind("ai.failures", State.warn, Verdict.data, _FAILED)
HIDDEN = Kind(
    "ai.failed-as-done", State.warn, Verdict.data, (_SEE, _RETRY, *_BOOK),
    because=(Because(MOST.code), Because(MANY.code)),
)  # fmt: skip
NO_RESULT = Kind("ai.no-result", State.warn, Verdict.data, (_SEE, *_BOOK))


def _judge_configured(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if not facts.here:
        yield CONFIGURED.skip(CONFIGURED.code)
    elif facts.missing:
        names = ", ".join(facts.missing)
        yield NOT_SET.found("", ("settings", f"empty: {names}"), names=names)
    else:
        yield CONFIGURED.ok()


def _judge_rows(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.rows_trouble:
        yield UNREAD.found("", ("SELECT FROM ai_job", facts.rows_trouble.told), why=facts.rows_trouble.told)
    else:
        yield ROWS.ok(
            "", states=", ".join(f"{one.status} {one.count} ({_age(one.oldest_s)})" for one in facts.open) or "0"
        )


def _judge_stale(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if not facts.stale:
        yield OWNED.ok()
        return
    evidence = [
        (
            f"ai_job {one.id}",
            f"RUNNING {one.type} {one.tier}, {one.owner or 'no owner'}, lease over {_age(one.since_s)}",
        )
        for one in facts.stale[:5]
    ]
    yield STALE.found("", *evidence, count=facts.stale_total, **_ids([one.id for one in facts.stale[:5]]))


def _judge_lost(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    old = {one.tier: one for one in facts.waiting}
    fine = True
    for queue in facts.queues:
        tier = queue.word.removeprefix("ai_")
        if queue.trouble:
            fine = False
            evidence = (queue.trouble.what, queue.trouble.told)
            yield QUEUE_UNSEEN.found(queue.name, evidence, word=queue.word, why=queue.trouble.told)
        elif tier in old and queue.empty:
            fine = False
            yield _lost(queue, old[tier])
    if fine:
        yield QUEUED.ok("", count=sum(one.total for one in facts.waiting), minutes=WAIT_MINUTES)


def _lost(queue: Depth, waiting: Waiting) -> Finding:
    rows = [(f"ai_job {one.id}", f"PENDING {one.type} {waiting.tier}, {_age(one.since_s)}") for one in waiting.jobs[:5]]
    empty = (f"sqs:GetQueueAttributes {queue.name}", "visible=0 in flight=0 delayed=0")
    return LOST.found(
        queue.name, empty, *rows, count=waiting.total, minutes=WAIT_MINUTES, queue=queue.name, word=queue.word,
        variable=f"AI_SQS_QUEUE_NAME_{waiting.tier.upper()}", **_ids([one.id for one in waiting.jobs[:5]]),
    )  # fmt: skip


def _judge_ended(snapshot: Snapshot) -> Iterator[Finding]:
    ended = _of(snapshot)
    percent = _failures.share(ended.failed, ended.ended)
    values = {"failed": ended.failed, "ended": ended.ended, "percent": percent}
    about, cause = _failures.blamed(ended.reasons, REASONS)
    source = "ai_job, 24 h"
    fine = True
    if percent >= _failures.WARN_PERCENT:
        fine = False
        kind = MOST if percent > _failures.FAIL_PERCENT else MANY
        counted = (source, f"{ended.failed} of {ended.ended} failed")
        reason = ended.reasons[0].text
        found = kind.found("", counted, *_failures.told(ended.reasons), about=about, reason=reason, **values)
        yield replace(found, cause=cause)
    if ended.hidden:
        fine = False
        counted = (source, f"DONE with an error: {', '.join(ended.hidden_ids)}")
        ids = _ids(ended.hidden_ids)
        found = HIDDEN.found("", counted, *_failures.told(ended.reasons), about=about, count=ended.hidden, **ids)
        yield replace(found, cause=cause)
    if fine:
        yield ENDED_WELL.ok("", **values)


def _judge_results(snapshot: Snapshot) -> Iterator[Finding]:
    ended = _of(snapshot)
    if ended.without_result:
        evidence = ("ai_job, ai_result", f"DONE and no result: {', '.join(ended.without_ids)}")
        yield NO_RESULT.found("", evidence, count=ended.without_result, **_ids(ended.without_ids))
    else:
        yield RESULTS.ok()


CONFIGURED = Check("ai.configured", _judge_configured, kinds=(NOT_SET,))
ROWS = Check("ai.rows", _judge_rows, ("db.schema",), (UNREAD,))
OWNED = Check("ai.owned", _judge_stale, ("ai.rows",), (STALE,))
QUEUED = Check("ai.queued", _judge_lost, ("ai.rows", "sqs.access"), (LOST, QUEUE_UNSEEN))
ENDED_WELL = Check("ai.ended", _judge_ended, ("ai.rows",), (MOST, MANY, HIDDEN))
RESULTS = Check("ai.results", _judge_results, ("ai.rows",), (NO_RESULT,))
CHECKS = (CONFIGURED, ROWS, OWNED, QUEUED, ENDED_WELL, RESULTS)


def _ids(jobs: Sequence[str]) -> dict[str, str]:
    """The first jobs as people read them, and as words of a command line."""
    return {"ids": ", ".join(jobs), "jobs": " ".join(jobs)}


def _of(snapshot: Snapshot) -> Ended:
    ended = snapshot.see(Facts).ended
    assert ended is not None
    return ended


def _survey(world: World) -> Survey:
    from academyctl.stores import ai_jobs

    return ai_jobs.survey(world.stores.db, pending_minutes=WAIT_MINUTES, hours=_failures.HOURS)


def _job(row: Mapping[str, Any]) -> Job:
    return Job(row["job_id"], row["job_type"], row["tier"], row.get("owner", ""), row["since_s"])


def _waiting(rows: Sequence[Mapping[str, Any]]) -> Iterator[Waiting]:
    for tier in dict.fromkeys(row["tier"] for row in rows):
        of_tier = [row for row in rows if row["tier"] == tier]
        yield Waiting(tier, of_tier[0]["total"], tuple(_job(row) for row in of_tier))


def _ended(seen: Survey) -> Ended:
    row = seen.ended
    return Ended(
        row["ended"], row["failed"], row["hidden"], tuple(row["hidden_ids"] or ()), row["without_result"],
        tuple(row["without_ids"] or ()), _failures.reasons_of(seen.reasons),
    )  # fmt: skip


def _age(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds >= 7200 else f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"

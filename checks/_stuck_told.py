"""The facts of one video as evidence (source, value, age) and as the values that the texts are filled with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from checks import _stuck_facts as f
from checks._model import Evidence
from checks._stuck_facts import Beat, Lock, Running
from checks._stuck_view import View

REASON_CHARS = 200
Lines = Iterator[Evidence]


def evidence(view: View, parts: tuple[str, ...]) -> tuple[Evidence, ...]:
    """The lines of these parts, in this order; a part with nothing to say says nothing."""
    return tuple(line for part in parts for line in _PARTS[part](view))


def values(view: View) -> Mapping[str, str]:
    """Everything that a text may name, '-' where there is nothing."""
    facts, row, queue = view.f, view.f.row, view.f.queue
    running = view.running
    percent, eta_s = _speed(view)
    ahead = _ahead(view)
    found = {
        "id": facts.id,
        "status": row.status if row else "",
        "minutes": _minutes(view) if row else "",
        "owner": _owner(facts.lock, row.leased_by if row else ""),
        "ttl": _ttl(facts.lock.ttl_ms) if facts.lock else "",
        "worker": f"{running[0].host} (pid {running[0].pid})" if running else "",
        "percent": percent,
        "eta": _clock(eta_s),
        "where": facts.database,
        "last_id": facts.last_id,
        "bucket": facts.bucket,
        "upload": row.file_key if row else "",
        "queue": queue.name if queue else "",
        "visible": queue.visible if queue else "",
        "in_flight": queue.in_flight if queue else "",
        "dlq": queue.dlq if queue else "",
        "ahead": ahead,
        "reason": view.told_reason[:REASON_CHARS],
        "reason_class": view.reason,
        "problem": _problem(view),
        "letter": facts.dead[0].reason[:REASON_CHARS] if facts.dead else "",
        "cancel": _ttl(facts.cancel_ttl_ms) if facts.cancel_ttl_ms is not None else "",
        "why": _why(view),
    }
    # A '?' or a brace in somebody's text must not read like a hole in ours.
    return {name: str(value) if value not in ("", None) else "-" for name, value in found.items()}


def ago(seconds: float | None) -> str:
    """An age in the unit that fits."""
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _db(view: View) -> Lines:
    row, facts = view.f.row, view.f
    if row is None:
        yield Evidence("db", f"no row {facts.id} in {facts.database}, whose last id is {facts.last_id}", facts.seen_at)
        return
    parts = [f"status={row.status}", f"updated {ago(view.age_s(row.updated_at))} ago"]
    if row.status == "PROCESSING" and row.started_at:
        parts.append(f"started {ago(view.age_s(row.started_at))} ago")
    if row.leased_by:
        left = f"{row.lease_left_s:.0f} s left" if row.lease_left_s > 0 else "run out"
        parts.append(f"lease {row.leased_by} {left}")
    if row.error_reason:
        parts.append(f"error_reason={row.error_reason[:REASON_CHARS]}")
    yield Evidence("db", ", ".join(parts), row.updated_at)


def _job(view: View) -> Lines:
    job = view.f.job
    if job is not None:
        beat = f", beat {ago(view.age_s(job.beat_at))} ago" if job.beat_at else ""
        yield Evidence("db", f"job {job.id} {job.state}, attempt {job.attempt}{beat}", job.beat_at)


def _lock(view: View) -> Lines:
    lock = view.f.lock
    if lock is not None:
        owner = _owner(lock, "")
        since = f", taken {ago(view.age_s(lock.since))} ago" if lock.since else ""
        yield Evidence("redis", f"{lock.key} ttl {_ttl(lock.ttl_ms)}, {owner}{since}", lock.since or view.f.seen_at)
    elif not view.blind(f.REDIS):
        yield Evidence("redis", f"job:encode:{view.f.id}:lock is not held", view.f.seen_at)


def _worker(view: View) -> Lines:
    if view.blind(f.REDIS):
        return
    if view.running is not None:
        beat, job = view.running
        told = f"{_named(beat)} beat {ago(view.age_s(beat.beat_at))} ago: {job.stage or 'runs it'}"
        yield Evidence("worker", f"{told}, for {ago(view.age_s(job.since))}", beat.beat_at)
    elif view.f.owner is not None:
        beat = view.f.owner
        told = "does not name this video" if view.beats(beat) else "is silent since"
        yield Evidence("worker", f"{_named(beat)} {told}, beat {ago(view.age_s(beat.beat_at))} ago", beat.beat_at)
    else:
        yield Evidence("worker", "no heartbeat of an owner", view.f.seen_at)


def _workers(view: View) -> Lines:
    if view.blind(f.REDIS):
        return
    living = [beat for beat in view.f.workers if view.beats(beat)]
    if not living:
        yield Evidence("workers", "none beats", view.f.seen_at)
    for beat in living[:5]:
        doing = ", ".join(_doing(job) for job in beat.jobs) or "idle"
        elsewhere = "" if beat in view.consumers else f", takes from {', '.join(beat.queues)}"
        told = f"{_named(beat)}: {doing} ({len(beat.jobs)} of {beat.concurrency}){elsewhere}"
        yield Evidence("worker", told, beat.beat_at)


def _progress(view: View) -> Lines:
    told = view.f.progress
    if told is not None:
        age = f", written {ago(told.age_s)} ago" if told.age_s is not None else ""
        yield Evidence("redis", f"progress {told.percent} % {told.step}{age}", view.f.seen_at)


def _cancel(view: View) -> Lines:
    if view.f.cancel_ttl_ms is not None:
        yield Evidence("redis", f"cancel_requested, ttl {_ttl(view.f.cancel_ttl_ms)}", view.f.seen_at)


def _sqs(view: View) -> Lines:
    queue = view.f.queue
    if queue is not None:
        depths = f"visible {queue.visible}, in flight {queue.in_flight}, delayed {queue.delayed}"
        yield Evidence("sqs", f"{queue.name} {depths}", view.f.seen_at)


def _dlq(view: View) -> Lines:
    queue = view.f.queue
    for dead in view.f.dead[:3]:
        told = f"{dead.reason[:REASON_CHARS]}, " if dead.reason else ""
        yield Evidence("dlq", f"{told}received {dead.receive_count} times", dead.sent_at)
    if queue is None or not queue.dlq or view.f.dead:
        return
    told = "none names it" if view.f.dead_read else "not read" if queue.dead else "empty"
    yield Evidence("dlq", f"{queue.dlq} {queue.dead} messages, {told}", view.f.seen_at)


def _r2(view: View) -> Lines:
    row, facts = view.f.row, view.f
    if row is None or view.blind(f.OBJECTS):
        return
    if row.status == "READY":
        master = facts.master
        yield Evidence("r2", f"{master.key} {master.size} bytes" if master else "no master playlist", facts.seen_at)
        yield from (Evidence("r2", problem, facts.seen_at) for problem in facts.problems[:5])
    elif facts.upload is not None:
        yield Evidence("r2", f"upload {facts.upload.key} {facts.upload.size} bytes", facts.seen_at)
    else:
        yield Evidence("r2", f"no upload {facts.bucket}/{row.file_key or '(file_key is empty)'}", facts.seen_at)


def _unknown(view: View) -> Lines:
    yield from (Evidence(part, f"not read: {why}", view.f.seen_at) for part, why in sorted(view.f.unknown.items()))


_PARTS: dict[str, Callable[[View], Lines]] = {
    "db": _db, "job": _job, "lock": _lock, "worker": _worker, "workers": _workers, "progress": _progress,
    "cancel": _cancel, "sqs": _sqs, "dlq": _dlq, "r2": _r2, "unknown": _unknown,
}  # fmt: skip


def _named(beat: Beat) -> str:
    return f"{beat.host} (pid {beat.pid})"


def _doing(job: Running) -> str:
    share = f" {job.percent} %" if job.percent is not None else ""
    left = f", about {_clock(job.remaining_s)} left" if job.remaining_s else ""
    return f"video {job.video_id} {job.stage}{share}{left}".replace("  ", " ")


def _owner(lock: Lock | None, leased_by: str) -> str:
    if lock is None:
        return leased_by
    if not lock.token:
        return "owner unknown (a legacy worker's lock)"
    return f"{lock.host} (pid {lock.pid})" if lock.host else lock.token


def _ahead(view: View) -> str:
    """What the consumers are busy with."""
    doing = [_doing(job) for beat in view.consumers for job in beat.jobs]
    return "; ".join(doing[:3]) or "-"


def _speed(view: View) -> tuple[int | None, int | None]:
    told = view.f.progress
    return (None, None) if told is None else (told.percent, told.remaining_s)


def _problem(view: View) -> str:
    if view.f.problems:
        more = f" (+{len(view.f.problems) - 1})" if len(view.f.problems) > 1 else ""
        return view.f.problems[0] + more
    return "no master playlist" if view.f.master is None else ""


def _why(view: View) -> str:
    """Why it cannot be told: the parts that were not read, or a queue whose messages nobody may read."""
    blind = "; ".join(f"{part}: {why}" for part, why in sorted(view.f.unknown.items()))
    queue = view.f.queue
    return blind or (f"sqs: visible {queue.visible}, in flight {queue.in_flight}" if queue is not None else "")


def _ttl(ttl_ms: int) -> str:
    return "no expiry" if ttl_ms < 0 else f"{ttl_ms / 1000:.0f} s"


def _minutes(view: View) -> int | str:
    """In this state; legacy workers leave updated_at alone when they begin."""
    row = view.f.row
    began = view.age_s(row.started_at) if row is not None and row.status == "PROCESSING" else None
    seconds = view.waited_s if began is None else began
    return "" if seconds == float("inf") else round(seconds / 60)


def _clock(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds // 60}:{seconds % 60:02d}"

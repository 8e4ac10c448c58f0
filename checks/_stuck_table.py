"""The one table of what may be wrong with a video. A video that several rows fit takes the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from academyctl.contract.states import VideoState
from checks import _stuck_facts as f
from checks import _stuck_told as told
from checks._model import Because, Evidence, Finding, Kind, State, Verdict
from checks._stuck_facts import Facts
from checks._stuck_view import GRACE_S, LOST_S, UPLOAD_S, View

WORD = "video"
_FIX = ("academyctl fix video {id}",)
_STATUS = ("academyctl video status {id}",)
_SHOW = ("academyctl config show --section db",)
_RUN = ("academyctl worker run video",)
S, V = State, Verdict


@dataclass(frozen=True)
class Rule:
    """A row: when it fits, what it is, the evidence (parts of `_stuck_told`), how `fix` mends it ('' = it does not).

    `state` replaces the kind's where one code is worse in one row than in another. Videos with equal values under
    `same` have one cause.
    """

    kind: Kind
    when: Callable[[View], bool]
    evidence: tuple[str, ...]
    fix: str = ""
    state: State | None = None
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """What one video's facts amount to. `commands` are ready to be typed; `same` is '' or equal for equal causes."""

    id: int
    code: str
    state: State
    verdict: Verdict | None
    evidence: tuple[Evidence, ...]
    commands: tuple[str, ...]
    values: Mapping[str, str]
    fix: str = ""
    same: str = ""

    @property
    def subject(self) -> str:
        return str(self.id)


def _kind(
    name: str, state: State, verdict: Verdict | None, commands: tuple[str, ...] = (), because: tuple[Because, ...] = ()
) -> Kind:
    return Kind(f"video.{name}", state, verdict, commands, because=because)


UNKNOWN = _kind("unknown", S.unknown, None, ("academyctl diagnose",))
ELSEWHERE = _kind("other-database", S.fail, V.settings, _SHOW)
DELETED = _kind("deleted", S.warn, V.data, _STATUS)
ABSENT = _kind("absent", S.fail, V.data, ("academyctl config show",))
ENCODING = _kind("encoding", S.ok, V.healthy, ("academyctl video progress {id} --watch",))
UPLOADING = _kind("uploading", S.ok, V.healthy)
PENDING = _kind("pending", S.warn, V.data, _STATUS)
BROKEN = _kind("broken", S.fail, V.data, ("academyctl video verify {id}", *_FIX))
READY = _kind("ready", S.ok, V.healthy, ("academyctl video play {id}",))
SOURCE = _kind("failed-source", S.warn, V.data, _STATUS)
PROBE = _kind("failed-probe", S.warn, V.data, _STATUS)
DISK = _kind("failed-disk", S.warn, V.infrastructure, _FIX)
UPLOAD = _kind("failed-upload", S.warn, V.infrastructure, ("academyctl diagnose r2", *_FIX))
NOT_FOUND = _kind("failed-database", S.warn, V.settings, (*_SHOW, *_FIX))
FAILED = _kind("failed", S.warn, V.data, _FIX)
ORPHAN = _kind("lock-orphan", S.fail, V.data, _FIX)
DEAD_WORKER = _kind("lock-dead-worker", S.fail, V.data, _FIX)
LEGACY = _kind("legacy-lock", S.unknown, V.data, (*_STATUS, *_FIX))
CANCEL = _kind("cancel-eats-retries", S.fail, V.data, _FIX)
DEAD_LETTER = _kind("dead-letter", S.fail, V.data, _FIX)
NO_OWNER = _kind("no-owner", S.fail, V.data, _FIX)
LOST = _kind("lost", S.fail, V.data, _FIX)
NO_WORKER = _kind("no-worker", S.fail, V.capacity, _RUN, (Because("scaling.nobody", ("word",)),))
BEHIND = _kind("queued-behind", S.warn, V.capacity, _RUN, (Because("scaling.max-one", ("word",)),))
WAITING = _kind("may-be-queued", S.ok, V.healthy)

_UPLOADED, _PROCESSING = VideoState.UPLOADED, VideoState.PROCESSING
_PENDING, _READY, _FAILED = VideoState.PENDING, VideoState.READY, VideoState.FAILED
_HELD = ("db", "lock", "worker", "progress", "sqs", "dlq", "r2")
_WAITS = ("db", "job", "sqs", "workers", "dlq", "r2")
_GAVE_UP = ("db", "job", "r2", "dlq", "lock")


def _failed(why: str) -> Callable[[View], bool]:
    return lambda v: v.is_in(_FAILED) and v.reason == why


TABLE: tuple[Rule, ...] = (
    Rule(UNKNOWN, lambda v: v.blind(f.DATABASE), ("unknown", "lock", "worker"), same=("why",)),
    # Ids that our database does not know.
    Rule(ELSEWHERE, lambda v: v.f.row is None and v.traces and v.f.id > v.f.last_id,
         ("db", "worker", "lock", "dlq"), same=("where",)),
    Rule(DELETED, lambda v: v.f.row is None and v.traces, ("db", "worker", "lock", "dlq")),
    Rule(ABSENT, lambda v: v.f.row is None, ("db",), same=("where",)),
    Rule(ELSEWHERE, lambda v: v.elsewhere, ("db", "worker", "lock"), same=("where",)),
    # What is not to be touched.
    Rule(UPLOADING, lambda v: v.is_in(_PENDING) and not v.told_reason and v.waited_s < UPLOAD_S, ("db", "r2")),
    Rule(PENDING, lambda v: v.is_in(_PENDING), ("db", "r2")),
    Rule(UNKNOWN, lambda v: v.is_in(_READY) and v.blind(f.OBJECTS), ("unknown", "db"), same=("why",)),
    Rule(BROKEN, lambda v: v.is_in(_READY) and (v.f.master is None or bool(v.f.problems)), ("db", "r2"), "reverify"),
    Rule(READY, lambda v: v.is_in(_READY), ("db", "r2")),
    Rule(ENCODING, lambda v: v.is_in(_UPLOADED, _PROCESSING) and v.moving, _HELD),
    # FAILED: each reason has its own remedy, and without its upload none has.
    Rule(SOURCE, _failed("source"), _GAVE_UP),
    Rule(NOT_FOUND, _failed("database"), _GAVE_UP, "retry"),
    Rule(DISK, _failed("disk"), _GAVE_UP, "retry", same=("reason_class",)),
    Rule(UPLOAD, _failed("upload"), _GAVE_UP, "retry", same=("reason_class",)),
    Rule(PROBE, _failed("probe"), _GAVE_UP),
    Rule(FAILED, lambda v: v.is_in(_FAILED), _GAVE_UP, "retry"),
    # UPLOADED or PROCESSING, and nobody is at it.
    Rule(UNKNOWN, lambda v: not v.is_in(_UPLOADED, _PROCESSING) or v.blind(f.REDIS), ("unknown", "db", "sqs"),
         same=("why",)),
    Rule(ORPHAN, lambda v: v.silent_lock and v.no_message, _HELD, "unlock-requeue", same=("owner",)),
    Rule(DEAD_WORKER, lambda v: v.silent_lock or v.hung, _HELD, "unlock", same=("owner",)),
    # Whoever takes a lock says PROCESSING at once: an UPLOADED row with an old lock is nobody's.
    Rule(LEGACY, lambda v: v.legacy_lock and v.is_in(_UPLOADED) and v.waited_s > GRACE_S, _HELD, "unlock-requeue",
         S.fail),
    Rule(LEGACY, lambda v: v.legacy_lock, _HELD, "unlock-requeue"),
    Rule(CANCEL, lambda v: v.f.cancel_ttl_ms is not None, ("db", "cancel", "worker", "sqs", "dlq"), "clear-cancel"),
    Rule(SOURCE, lambda v: v.no_upload, ("db", "r2", "sqs")),
    Rule(DEAD_LETTER, lambda v: v.given_up, ("db", "dlq", "sqs"), "redrive"),
    Rule(NO_OWNER, lambda v: v.is_in(_PROCESSING), ("db", "job", "worker", "progress", "sqs", "dlq", "r2"), "requeue"),
    # UPLOADED, and free to be taken.
    Rule(WAITING, lambda v: v.waited_s < GRACE_S, _WAITS),
    Rule(UNKNOWN, lambda v: v.f.queue is None, ("unknown", "db"), same=("why",)),
    Rule(LOST, lambda v: v.no_message, _WAITS, "requeue"),
    Rule(NO_WORKER, lambda v: v.no_consumer, _WAITS, same=("queue",)),
    Rule(BEHIND, lambda v: v.behind, _WAITS, same=("queue",)),
    Rule(WAITING, lambda v: v.waited_s < LOST_S, _WAITS),
    Rule(UNKNOWN, lambda _v: True, ("db", "sqs", "workers"), same=("why",)),
)  # fmt: skip
KINDS = {rule.kind.code: rule.kind for rule in TABLE}


def judge(facts: Facts, now: datetime) -> Case:
    """The first row that fits. Pure."""
    view = View(facts, now)
    rule = next(rule for rule in TABLE if rule.when(view))
    kind = rule.kind
    values = told.values(view)
    same = " ".join(values[name] for name in rule.same)
    return Case(
        id=facts.id,
        code=kind.code,
        state=rule.state or kind.state,
        verdict=kind.cause,
        evidence=told.evidence(view, rule.evidence),
        commands=tuple(line.format_map(values) for line in kind.commands),
        values=values,
        fix=rule.fix,
        same=f"{kind.code} {same}" if same else "",
    )


def finding(case: Case) -> Finding:
    """One case as the diagnosis knows it."""
    kind = replace(KINDS[case.code], state=case.state)
    found = kind.found(case.subject, **{**case.values, "word": WORD})
    return replace(found, evidence=case.evidence)


def findings(cases: Sequence[Case]) -> Iterator[Finding]:
    """One a case; of videos with one cause the later ones follow from the first."""
    first: dict[str, Finding] = {}
    for case in cases:
        found = finding(case)
        if case.same:
            root = first.setdefault(case.same, found)
            found = found if root is found else replace(found, because_of=root.key)
        yield found

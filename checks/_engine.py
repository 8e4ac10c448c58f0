"""The diagnosis: look at all topics at once under one deadline, judge what was seen, find the cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from traceback import extract_tb

from academyctl import __version__
from academyctl.errors import StoreError
from academyctl.log import mask
from academyctl.settings import Loaded, secret_values
from academyctl.stores.readonly import ReadOnlyStores
from checks._against import Other
from checks._codec import plain, texts_of, typed
from checks._model import Check, Diagnosis, Evidence, Finding, Gathered, Kind, Snapshot, State, Topic, Verdict, World
from checks._verdict import decide, fold

TIMEOUT_S = 10.0
# Facts are due a little before the end, so that what was seen by then still reaches the report.
_DUE = 0.9
_BEAT_S = 0.1

LATE = Kind("topic.late", State.unknown, Verdict.infrastructure)
STOPPED = Kind("topic.stopped", State.unknown)
CRASH = Kind("topic.crash", State.crash, Verdict.code)
CHECK_CRASH = Kind("check.crash", State.crash, Verdict.code)
ENGINE_KINDS = (LATE, STOPPED, CRASH, CHECK_CRASH)

Now = Callable[[], datetime]


class Interrupted(KeyboardInterrupt):
    """The operator has seen enough; `snapshot` is what was seen by then."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


def utc_now() -> datetime:
    return datetime.now(UTC)


def take(
    topics: Sequence[Topic],
    loaded: Loaded,
    env: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
    now: Now = utc_now,
    other: Other | None = None,
) -> Snapshot:
    """Gather the facts of the topics, read-only and concurrently; what is not there in `timeout_s` seconds is late.

    `other` is another part's environment, to compare the settings with. Raises Interrupted, with what was seen so far,
    on Ctrl-C.
    """
    started, taken_at = time.monotonic(), now()
    stores = ReadOnlyStores(loaded.settings, timeout_s=timeout_s, now=now)
    words = frozenset(topic.name for topic in topics)
    world = World(stores, loaded, env, started + timeout_s * _DUE, now, other, words)
    secrets = secret_values(loaded.settings)
    done: dict[str, Gathered] = {}
    threads = {}
    unseen = "timeout"
    try:
        # Topics that need an AWS client start last: making one is this thread's work, and others wait meanwhile.
        for topic in sorted(topics, key=lambda one: bool(one.clients)):
            for client in topic.clients:
                _open(stores, client)
            thread = threading.Thread(target=_look, args=(topic, world, secrets, done), name=topic.name, daemon=True)
            thread.start()
            threads[topic.name] = thread
        for thread in threads.values():
            # In short waits: Ctrl-C ends none of them on Windows, and elsewhere not one that is just beginning.
            while thread.is_alive() and (left := started + timeout_s - time.monotonic()) > 0:
                thread.join(min(left, _BEAT_S))
    except KeyboardInterrupt:
        unseen = "stopped"
    # Copied: a late thread may still write. Nothing is closed under a thread that still waits.
    seen = dict(done)
    if len(seen) == len(topics):
        stores.close()
    took = _ms(started)
    lost = Gathered(unseen, took_ms=took, at=_stamp(now()))
    snapshot = Snapshot(
        topics={topic.name: seen.get(topic.name, lost) for topic in topics},
        taken_at=_stamp(taken_at),
        took_ms=took,
        timeout_s=timeout_s,
        tool=__version__,
        profile=loaded.profile,
        local=world.local,
    )
    if unseen == "stopped":
        raise Interrupted(snapshot)
    return snapshot


def diagnose(topics: Sequence[Topic], snapshot: Snapshot) -> Diagnosis:
    """Judge a snapshot; pure. Topics that it does not hold are left out."""
    present = tuple(topic for topic in topics if topic.name in snapshot.topics)
    findings = fold(_judged(present, snapshot), kinds(present))
    verdict, state, root = decide(findings)
    return Diagnosis(verdict, state, root, findings, snapshot)


def kinds(topics: Sequence[Topic]) -> dict[str, Kind]:
    """Every kind of finding that the topics can make, by code."""
    listed = (*ENGINE_KINDS, *(kind for topic in topics for check in topic.checks for kind in check.kinds))
    return {kind.code: kind for kind in listed}


def _look(topic: Topic, world: World, secrets: Sequence[str], done: dict[str, Gathered]) -> None:
    started = time.monotonic()
    try:
        facts = topic.gather(world)
        # Through JSON and the mask at once: what is judged now is, to the byte, what a saved snapshot will say.
        facts = typed(topic.facts, texts_of(plain(facts), lambda text: mask(text, secrets)))
        done[topic.name] = Gathered("seen", facts, "", _ms(started), _stamp(world.now()))
    except Exception as error:  # noqa: BLE001 - one topic's bug must not cost the other topics' answers
        done[topic.name] = Gathered("crash", None, mask(_where(error), secrets), _ms(started), _stamp(world.now()))


def _judged(topics: Sequence[Topic], snapshot: Snapshot) -> list[Finding]:
    owner = {check.code: (topic, check) for topic in topics for check in topic.checks}
    done: dict[str, list[Finding]] = {}
    whole: dict[str, Finding] = {topic.name: found for topic in topics if (found := _unseen(topic, snapshot))}

    def run(code: str) -> list[Finding]:
        if code not in done:
            topic, check = owner[code]
            needed = {need: run(need) for need in check.needs if need in owner}
            done[code] = _one(topic, check, needed, whole.get(topic.name), snapshot)
        return done[code]

    out: list[Finding] = []
    for topic in topics:
        if topic.name in whole:
            out.append(whole[topic.name])
        for check in topic.checks:
            out += run(check.code)
    return out


def _one(
    topic: Topic, check: Check, needed: Mapping[str, Sequence[Finding]], whole: Finding | None, snapshot: Snapshot
) -> list[Finding]:
    gathered = snapshot.topics[topic.name]

    def placed(finding: Finding) -> Finding:
        evidence = tuple(Evidence(one.source, one.value, gathered.at) for one in finding.evidence)
        return replace(finding, topic=topic.name, check=check.code, took_ms=gathered.took_ms, evidence=evidence)

    if whole is not None:
        return [placed(_skipped(check, whole, check.code))]
    for need, findings in needed.items():
        # A need that holds for some of its subjects leaves those to judge.
        if not any(one.state in (State.ok, State.warn) and not one.stops for one in findings):
            return [placed(_skipped(check, findings[0], need))]
    try:
        findings = [placed(one) for one in check.judge(snapshot)]
        if not findings:
            # Silence is not ok.
            raise AssertionError("the judge said nothing")
    except Exception as error:  # noqa: BLE001 - a judge's bug is that check's finding, the others still count
        crash = CHECK_CRASH.found(check.code, ("judge", _where(error)), why=_where(error))
        return [placed(crash)]
    return findings


def _skipped(check: Check, reason: Finding, need: str) -> Finding:
    skipped = Kind(check.code, State.skip).found("", need=need)
    return replace(skipped, because_of=reason.because_of or reason.key)


def _unseen(topic: Topic, snapshot: Snapshot) -> Finding | None:
    gathered = snapshot.topics[topic.name]
    if gathered.state == "seen":
        return None
    if gathered.state == "timeout":
        found = LATE.found(topic.name, ("deadline", f"{snapshot.timeout_s:g} s"), seconds=f"{snapshot.timeout_s:g}")
    elif gathered.state == "stopped":
        found = STOPPED.found(topic.name, ("interrupted after", f"{snapshot.took_ms} ms"))
    else:
        found = CRASH.found(topic.name, ("gather", gathered.why), why=gathered.why)
    evidence = tuple(Evidence(one.source, one.value, gathered.at) for one in found.evidence)
    return replace(found, topic=topic.name, took_ms=gathered.took_ms, evidence=evidence)


def _open(stores: ReadOnlyStores, client: str) -> None:
    try:
        stores.open_client(client)
    except StoreError:
        # The topic meets the same error again and reports it as its own fact.
        return


def _where(error: Exception) -> str:
    at = extract_tb(error.__traceback__)[-1:]
    place = f" ({at[0].filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{at[0].lineno})" if at else ""
    return f"{type(error).__name__}: {error}{place}"


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")

"""SQS: every queue and dead-letter queue of the contract, by their attributes, never received from (contract 1.1)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from academyctl.settings import leaves
from checks import _trouble as t
from checks._access import WHOLE, access_finding, access_kinds, clock_finding, clock_kinds
from checks._fan import together, within
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.sqs import QueueAttributes, Sqs

CLIENTS = ("sqs",)
WORDS = ("video", "ai_lite", "ai_basic", "ai_premium", "messaging")
RETENTION_S = 1209600
# What the platform's scripts of any generation set; anything else is drift.
_VISIBILITY = {
    "video": (300, 900, 10800, 21600), "messaging": (60, 900),
    "ai_lite": (3600, 1800), "ai_basic": (3600, 1800), "ai_premium": (3600, 1800),
}  # fmt: skip
_MAX_RECEIVE = (3, 5)
_WAIT_S = 20


@dataclass(frozen=True)
class Box:
    """One queue as SQS describes it; the depths are approximate."""

    name: str
    arn: str
    visible: int
    in_flight: int
    delayed: int
    visibility_s: int
    retention_s: int
    wait_s: int
    max_receive: int | None
    dlq_name: str


@dataclass(frozen=True)
class Queue:
    """A queue of the settings with its dead-letter queue. Exactly one of box and trouble is there, for each."""

    word: str
    name: str
    variable: str
    box: Box | None
    trouble: Trouble | None
    dlq_name: str
    dlq: Box | None
    dlq_trouble: Trouble | None


@dataclass(frozen=True)
class Facts:
    region: str
    endpoint: str
    queues: tuple[Queue, ...]
    names: tuple[str, ...] | None
    """Every queue of the account and region; None when ListQueues did not answer, and `listing` says why."""
    listing: Trouble | None
    skew_s: float | None


def gather(world: World) -> Facts:
    aws, queues = world.stores.settings.aws, world.stores.settings.queues
    names = {word: str(getattr(queues, word)) for word in WORDS}
    # The redrive policy names the real one; this is where to look before that is known.
    dlqs = {word: str(getattr(queues, f"{word}_dlq")) or f"{names[word]}-dlq" for word in WORDS}
    listing = within(world, "sqs:ListQueues *", lambda: world.stores.sqs.names())  # noqa: PLW0108 - opening may fail too
    seen: dict[str, Box | Trouble] = {}
    if isinstance(listing, Trouble) and listing.cause in WHOLE:
        seen = dict.fromkeys((*names.values(), *dlqs.values()), listing)
    else:
        seen = _boxes(world, {*names.values(), *dlqs.values()})
        for word, name in names.items():
            box = seen[name]
            if isinstance(box, Box) and box.dlq_name:
                dlqs[word] = box.dlq_name
        seen |= _boxes(world, set(dlqs.values()) - set(seen))
    variables = {leaf.path: leaf.env[0] for leaf in leaves()}
    return Facts(
        region=aws.region,
        endpoint=aws.endpoint_url or f"https://sqs.{aws.region}.amazonaws.com",
        queues=tuple(
            Queue(
                word, names[word], variables[f"queues.{word}"], *_split(seen[names[word]]),
                dlqs[word], *_split(seen[dlqs[word]]),
            )
            for word in WORDS
        ),
        names=None if isinstance(listing, Trouble) else tuple(listing),
        listing=listing if isinstance(listing, Trouble) else None,
        skew_s=world.stores.skew_s.get("aws"),
    )  # fmt: skip


_VARIABLES = {
    "key_variable": "AWS_ACCESS_KEY_ID",
    "secret_variable": "AWS_SECRET_ACCESS_KEY",
    "endpoint_variable": "AWS_ENDPOINT_URL",
}
_SHOW = ("academyctl config show --section queues",)
_RESET = ("academyctl --yes local reset",)
ACCESS_KINDS = access_kinds(
    "sqs",
    {
        t.UNREACHABLE: (Because("settings.region-odd"), Because("settings.endpoint-odd")),
        t.HOST: (Because("settings.region-odd"), Because("settings.endpoint-odd")),
        t.SETUP: (Because("settings.region-odd"), Because("settings.endpoint-odd")),
    },
)
NONE_HERE = Kind("sqs.none-here", State.fail, Verdict.settings, ("academyctl config show --section aws",), _RESET)
_NONE = (Because("sqs.none-here"),)
NAME = Kind("sqs.queue-name", State.fail, Verdict.settings, ("set {variable}={near}",), because=_NONE)
MISSING = Kind("sqs.queue-missing", State.fail, Verdict.infrastructure, _SHOW, _RESET, _NONE)
DENIED = Kind("sqs.queue-denied", State.fail, Verdict.settings, ("academyctl config show --section aws",))
UNSEEN = Kind("sqs.queue-unseen", State.unknown, None, ("academyctl diagnose sqs --timeout 30",))
_NO_QUEUE = (Because("sqs.queue-name", ("word",)), Because("sqs.queue-missing", ("word",)))
DLQ_MISSING = Kind(
    "sqs.dlq-missing", State.fail, Verdict.infrastructure, _SHOW, _RESET, (*_NONE, *_NO_QUEUE)
)  # fmt: skip
NO_REDRIVE = Kind("sqs.no-redrive", State.warn, Verdict.infrastructure, _SHOW)
DRIFT = Kind("sqs.drift", State.warn, Verdict.infrastructure, _SHOW)
DLQ_RETENTION = Kind("sqs.dlq-retention", State.warn, Verdict.infrastructure, _SHOW)
DEAD = Kind("sqs.dead-letters", State.warn, Verdict.data)
IDLE = Kind("sqs.not-consumed", State.warn, Verdict.capacity)


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    troubles = [one for queue in facts.queues for one in (queue.trouble, queue.dlq_trouble) if one]
    # 'No such queue' is an answer too: the key was good and SQS understood.
    boxes = [one for queue in facts.queues for one in (queue.box, queue.dlq) if one]
    if facts.names is not None or boxes or any(one.cause == t.MISSING for one in troubles):
        yield ACCESS.ok("", region=facts.region, endpoint=facts.endpoint)
        return
    # No worker needs ListQueues: that it is denied says nothing while there is something else to say.
    asked = [facts.listing] if facts.listing and facts.listing.cause != t.DENIED else []
    asked += troubles
    yield access_finding(
        ACCESS_KINDS, "sqs", asked, service="SQS", endpoint=facts.endpoint, region=facts.region, **_VARIABLES
    )


def _judge_queues(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    absent = [queue for queue in facts.queues if queue.trouble and queue.trouble.cause == t.MISSING]
    if len(absent) == len(facts.queues):
        seen = ", ".join(facts.names or ()) or "none"
        evidence = ("sqs:ListQueues", f"queues in {facts.region}: {seen[:300]}")
        yield NONE_HERE.found("", evidence, region=facts.region, count=len(absent), used="AWS_REGION")
    for queue in facts.queues:
        if queue.box:
            box = queue.box
            yield QUEUES.ok(queue.name, visible=box.visible, in_flight=box.in_flight, delayed=box.delayed)
        elif queue.trouble:
            yield _no_box(facts, queue, queue.trouble)


def _no_box(facts: Facts, queue: Queue, trouble: Trouble) -> Finding:
    evidence = (trouble.what, trouble.told)
    values = {"variable": queue.variable, "word": queue.word, "why": trouble.told}
    if trouble.cause == t.MISSING:
        if near := _near(facts, queue):
            return NAME.found(queue.name, evidence, ("sqs:ListQueues", near), near=near, **values)
        return MISSING.found(queue.name, evidence, region=facts.region, **values)
    if trouble.cause == t.DENIED and "GetQueueUrl" in trouble.what:
        return DENIED.found(queue.name, evidence, **values)
    return UNSEEN.found(queue.name, evidence, **values)


def _near(facts: Facts, queue: Queue) -> str:
    """The queue that was probably meant: one that exists and that no other setting names."""
    taken = {one.name for one in facts.queues} | {one.dlq_name for one in facts.queues if one.box}
    free = [name for name in facts.names or () if name not in taken and not name.endswith("-dlq")]
    return next(iter(difflib.get_close_matches(queue.name, free, 1, cutoff=0.75)), "")


def _judge_dlqs(snapshot: Snapshot) -> Iterator[Finding]:
    found = 0
    for queue in snapshot.see(Facts).queues:
        if queue.box and not queue.box.dlq_name:
            evidence = (f"sqs:GetQueueAttributes {queue.name}", "no RedrivePolicy")
            yield NO_REDRIVE.found(queue.name, evidence, word=queue.word)
        elif queue.dlq:
            found += 1
        elif queue.dlq_trouble:
            trouble = queue.dlq_trouble
            kind = DLQ_MISSING if trouble.cause == t.MISSING else UNSEEN
            values = {"word": queue.word, "queue": queue.name, "why": trouble.told}
            yield kind.found(queue.dlq_name, (trouble.what, trouble.told), **values)
    if found:
        yield DLQS.ok("", count=found)


def _judge_attributes(snapshot: Snapshot) -> Iterator[Finding]:
    seen = drifted = 0
    for queue in snapshot.see(Facts).queues:
        if queue.box is None:
            continue
        seen += 1
        if differs := _drift(queue.word, queue.box):
            drifted += 1
            evidence = tuple((f"sqs:GetQueueAttributes {queue.name}", one) for one in differs)
            yield DRIFT.found(queue.name, *evidence, word=queue.word, differs="; ".join(differs))
        if queue.dlq and queue.dlq.retention_s < queue.box.retention_s:
            drifted += 1
            yield DLQ_RETENTION.found(
                queue.dlq_name,
                (f"sqs:GetQueueAttributes {queue.dlq_name}", f"MessageRetentionPeriod={queue.dlq.retention_s}"),
                (f"sqs:GetQueueAttributes {queue.name}", f"MessageRetentionPeriod={queue.box.retention_s}"),
                days=queue.dlq.retention_s // 86400, queue=queue.name, queue_days=queue.box.retention_s // 86400,
            )  # fmt: skip
    if not drifted:
        yield ATTRIBUTES.ok("", count=seen)


def _drift(word: str, box: Box) -> list[str]:
    out = []
    if box.visibility_s not in _VISIBILITY[word]:
        out.append(f"VisibilityTimeout={box.visibility_s} (contract: {_VISIBILITY[word][0]})")
    if box.retention_s != RETENTION_S:
        out.append(f"MessageRetentionPeriod={box.retention_s} (contract: {RETENTION_S})")
    if box.wait_s != _WAIT_S:
        out.append(f"ReceiveMessageWaitTimeSeconds={box.wait_s} (contract: {_WAIT_S})")
    if box.max_receive is not None and box.max_receive not in _MAX_RECEIVE:
        out.append(f"maxReceiveCount={box.max_receive} (contract: {_MAX_RECEIVE[0]})")
    return out


def _judge_dead(snapshot: Snapshot) -> Iterator[Finding]:
    boxes = [(queue, queue.dlq) for queue in snapshot.see(Facts).queues if queue.dlq]
    full = 0
    for queue, dlq in boxes:
        waiting = dlq.visible + dlq.in_flight + dlq.delayed
        if waiting:
            full += 1
            evidence = (f"sqs:GetQueueAttributes {dlq.name}", f"messages={waiting}")
            yield DEAD.found(dlq.name, evidence, count=waiting, queue=queue.name)
    if not full:
        yield DEAD_EMPTY.ok("", count=len(boxes))


def _judge_consumed(snapshot: Snapshot) -> Iterator[Finding]:
    boxes = [(queue.word, queue.box) for queue in snapshot.see(Facts).queues if queue.box]
    idle = 0
    for word, box in boxes:
        # A worker that lives has its next message in flight within a blink.
        if box.visible and not box.in_flight:
            idle += 1
            evidence = (f"sqs:GetQueueAttributes {box.name}", f"visible={box.visible} in flight=0")
            found = IDLE.found(box.name, evidence, count=box.visible, word=word)
            yield replace(found, commands=("academyctl worker run video",)) if word == "video" else found
    if not idle:
        yield CONSUMED.ok("", visible=sum(box.visible for _, box in boxes))


def _judge_clock(snapshot: Snapshot) -> Iterator[Finding]:
    yield clock_finding(CLOCK, "SQS", snapshot.see(Facts).skew_s)


ACCESS = Check("sqs.access", _judge_access, kinds=tuple(ACCESS_KINDS.values()))
QUEUES = Check("sqs.queues", _judge_queues, ("sqs.access",), (NONE_HERE, NAME, MISSING, DENIED, UNSEEN))
DLQS = Check("sqs.dlqs", _judge_dlqs, ("sqs.access",), (DLQ_MISSING, NO_REDRIVE, UNSEEN))
ATTRIBUTES = Check("sqs.attributes", _judge_attributes, ("sqs.queues",), (DRIFT, DLQ_RETENTION))
DEAD_EMPTY = Check("sqs.no-dead-letters", _judge_dead, ("sqs.dlqs",), (DEAD,))
CONSUMED = Check("sqs.consumed", _judge_consumed, ("sqs.queues",), (IDLE,))
CLOCK = Check("sqs.clock", _judge_clock, ("sqs.access",), clock_kinds("sqs"))
CHECKS = (ACCESS, QUEUES, DLQS, ATTRIBUTES, DEAD_EMPTY, CONSUMED, CLOCK)


def _boxes(world: World, names: set[str]) -> dict[str, Box | Trouble]:
    sqs = world.stores.sqs
    return together(world, {name: _look(sqs, name) for name in sorted(names)})


def _look(sqs: Sqs, name: str) -> Callable[[], Box]:
    return lambda: _box(sqs.attributes(name))


def _box(raw: QueueAttributes) -> Box:
    return Box(
        raw.name, raw.arn, raw.visible, raw.in_flight, raw.delayed, raw.visibility_s, raw.retention_s, raw.wait_s,
        raw.max_receive, raw.dlq_name,
    )  # fmt: skip


def _split(one: Box | Trouble) -> tuple[Box | None, Trouble | None]:
    return (None, one) if isinstance(one, Trouble) else (one, None)

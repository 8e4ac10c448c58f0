"""SQS: every queue and dead-letter queue of the contract, by their attributes, never received from (contract 1.1)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace

from checks import _trouble as t
from checks._access import access_finding, access_kinds, clock_finding, clock_kinds, statement
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict
from checks._sqs_facts import WORDS, Box, Facts, Queue, gather
from checks._trouble import Trouble

__all__ = ["CHECKS", "CLIENTS", "WORDS", "Box", "Facts", "Queue", "gather"]

RUNNABLE = ("video", "ai")
"""Roles whose worker is `academyctl worker run ROLE`."""
CLIENTS = ("sqs",)
RETENTION_S = 1209600
# What the platform's scripts of any generation set; anything else is drift.
_VISIBILITY = {
    "video": (300, 900, 10800, 21600), "messaging": (60, 900),
    "ai_lite": (3600, 1800), "ai_basic": (3600, 1800), "ai_premium": (3600, 1800),
}  # fmt: skip
_MAX_RECEIVE = (3, 5)
_WAIT_S = 20
# Longer, and workers that do run cannot keep up: a lecture of three hours is encoded in less than twice its length.
_OLD_S = {"video": 21600, "messaging": 900, "ai_lite": 3600, "ai_basic": 3600, "ai_premium": 3600}

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
    of_account=True,
)
NONE_HERE = Kind(
    "sqs.none-here", State.fail, Verdict.settings, ("academyctl config show --section aws",), _RESET,
    (Because("settings.differs", ("used",)),),
)  # fmt: skip
_NONE = (Because("sqs.none-here"), Because("settings.differs", ("variable",)))
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
DEAD = Kind("sqs.dead-letters", State.warn, Verdict.data, ("academyctl queue peek {queue} --dlq",))
_NOBODY = (
    Because("scaling.nobody", ("word",)), Because("workers.absent", ("role",)), Because("workers.hung", ("role",)),
    Because("video.no-worker", ("word",)),
)  # fmt: skip
IDLE = Kind("sqs.not-consumed", State.warn, Verdict.capacity, because=_NOBODY)
_FEW = tuple(Because(f"scaling.{code}", ("word",)) for code in ("nobody", "max-one", "holds-back"))
OLD = Kind("sqs.waits-long", State.warn, Verdict.capacity, ("academyctl diagnose scaling",), because=_FEW)


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
        return DENIED.found(queue.name, evidence, statement=statement([trouble], facts.region), **values)
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
    waiting = bad = 0
    for queue in snapshot.see(Facts).queues:
        if queue.box is None:
            continue
        box, word = queue.box, queue.word
        waiting += box.visible
        evidence = [(f"sqs:GetQueueAttributes {box.name}", f"visible={box.visible} in flight={box.in_flight}")]
        if queue.oldest_s is not None:
            evidence.append((f"AWS/SQS ApproximateAgeOfOldestMessage {box.name}", f"{queue.oldest_s} s"))
        # A worker that lives has its next message in flight within a blink.
        if box.visible and not box.in_flight:
            bad += 1
            role = word.partition("_")[0]
            found = IDLE.found(box.name, *evidence, count=box.visible, word=word, role=role)
            yield replace(found, commands=(f"academyctl worker run {role}",)) if role in RUNNABLE else found
        elif box.visible and (queue.oldest_s or 0) > _OLD_S[word]:
            bad += 1
            minutes = (queue.oldest_s or 0) // 60
            yield OLD.found(box.name, *evidence, count=box.visible, minutes=minutes, word=word)
    if not bad:
        yield CONSUMED.ok("", visible=waiting)


def _judge_clock(snapshot: Snapshot) -> Iterator[Finding]:
    yield clock_finding(CLOCK, "SQS", snapshot.see(Facts).skew_s)


ACCESS = Check("sqs.access", _judge_access, kinds=tuple(ACCESS_KINDS.values()))
QUEUES = Check("sqs.queues", _judge_queues, ("sqs.access",), (NONE_HERE, NAME, MISSING, DENIED, UNSEEN))
DLQS = Check("sqs.dlqs", _judge_dlqs, ("sqs.access",), (DLQ_MISSING, NO_REDRIVE, UNSEEN))
ATTRIBUTES = Check("sqs.attributes", _judge_attributes, ("sqs.queues",), (DRIFT, DLQ_RETENTION))
DEAD_EMPTY = Check("sqs.no-dead-letters", _judge_dead, ("sqs.dlqs",), (DEAD,))
CONSUMED = Check("sqs.consumed", _judge_consumed, ("sqs.queues",), (IDLE, OLD))
CLOCK = Check("sqs.clock", _judge_clock, ("sqs.access",), clock_kinds("sqs"))
CHECKS = (ACCESS, QUEUES, DLQS, ATTRIBUTES, DEAD_EMPTY, CONSUMED, CLOCK)

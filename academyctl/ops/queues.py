"""The platform's queues as they should be (contract 1.1), and plans that make and mend them.

A queue is made whole or not at all touched: what differs on one that is there is mended by `tune` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from academyctl.errors import Both, ConfigError, UsageError
from academyctl.ops.queue_repairs import MakeQueue, SetAttributes
from academyctl.repairs import Repair

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.settings_model import Queues
    from academyctl.stores.queue_admin import QueueAdmin
    from academyctl.stores.sqs import QueueAttributes, Sqs

RETENTION_S = 1209600
WAIT_S = 20
MAX_RECEIVE = 3
ANALYSIS = "analysis"
"""The queue of guide 004's pipeline: known by name, and no part of `all`, for most platforms have none."""
_VISIBILITY_S = {"video": 300, "messaging": 60, "ai_lite": 3600, "ai_basic": 3600, "ai_premium": 3600}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
POLICY = "RedrivePolicy"
Raw = Mapping[str, str]


@dataclass(frozen=True)
class QueueSpec:
    """A queue and its dead-letter queue as the platform's scripts make them; times in seconds.

    `dlq_said` is False when the settings name no dead-letter queue: then the redrive policy's own counts.
    """

    name: str
    dlq: str
    visibility_s: int
    word: str = ""
    retention_s: int = RETENTION_S
    max_receive: int = MAX_RECEIVE
    dlq_said: bool = True

    def attributes(self) -> dict[str, str]:
        """Of the queue, without its redrive policy: that needs the dead-letter queue's ARN (`policy`)."""
        return {
            "VisibilityTimeout": str(self.visibility_s),
            "MessageRetentionPeriod": str(self.retention_s),
            "ReceiveMessageWaitTimeSeconds": str(WAIT_S),
        }

    def dlq_attributes(self) -> dict[str, str]:
        return {"MessageRetentionPeriod": str(RETENTION_S)}


def policy(dlq_arn: str, max_receive: int) -> str:
    """A redrive policy as SQS takes it."""
    return json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": str(max_receive)})


def target(raw: Raw) -> tuple[str, int]:
    """(ARN of the dead-letter queue, receives) of a queue's redrive policy; ('', 0) without one."""
    try:
        said = json.loads(raw.get(POLICY) or "{}")
        return str(said.get("deadLetterTargetArn", "")), int(said.get("maxReceiveCount", 0))
    except (ValueError, AttributeError):
        return "", 0


def queue_specs(queues: Queues) -> tuple[QueueSpec, ...]:
    """The five of contract 1.1: visibility is S2's 300 s for video, 60 for messaging, 3600 for the AI tiers."""
    words = [word for word in type(queues).model_fields if not word.endswith("_dlq")]
    return tuple(
        _spec(word, getattr(queues, word), getattr(queues, f"{word}_dlq"), _VISIBILITY_S[word]) for word in words
    )


def analysis_spec(settings: Settings) -> QueueSpec:
    """Guide 004's queue: visibility 900 s, kept 4 days, 3 receives."""
    return replace(_spec(ANALYSIS, settings.analysis.queue, "", 900), retention_s=345600)


def create_queue(sqs: Sqs, spec: QueueSpec, *, max_receive: int = MAX_RECEIVE) -> None:
    """A queue and its DLQ with the platform's attributes, at once and without a plan."""
    sqs.create(spec.dlq, spec.dlq_attributes())
    arn = sqs.attributes(spec.dlq).arn
    sqs.create(spec.name, {**spec.attributes(), POLICY: policy(arn, max_receive)})


def chosen(settings: Settings, names: Sequence[str] = ()) -> tuple[QueueSpec, ...]:
    """The queues that these words or names mean, all five without one. Raises UsageError, ConfigError."""
    found = dict.fromkeys(find(settings, name)[0] for name in names)
    return check(settings, tuple(found) or queue_specs(settings.queues))


def find(settings: Settings, name: str) -> tuple[QueueSpec, bool]:
    """The queue of a word, a name or a dead-letter queue's name, and whether the latter was said.

    Raises UsageError: only queues of the settings can be named.
    """
    known = every(settings)
    for spec in known:
        if name in (spec.word, spec.name):
            return spec, False
    for spec in known:
        if name == spec.dlq:
            return spec, True
    if name.endswith(".fifo"):
        _refuse_fifo(name, UsageError)
    words = ", ".join(spec.word for spec in known)
    raise UsageError(
        Both(f"there is no queue {name} in the settings", f"설정에 {name} 큐가 없습니다"),
        remedy=Both(f"one of: {words}", f"다음 중 하나: {words}"),
    )


def every(settings: Settings) -> tuple[QueueSpec, ...]:
    """All that the settings name: the five and the pipeline's."""
    return (*queue_specs(settings.queues), analysis_spec(settings))


def check(settings: Settings, specs: tuple[QueueSpec, ...]) -> tuple[QueueSpec, ...]:
    """The same. Raises ConfigError for names that cannot be: FIFO, unknown letters, a live queue for dead letters."""
    live = {spec.name: spec.word for spec in every(settings)}
    for spec in specs:
        for name in (spec.name, spec.dlq):
            if name.endswith(".fifo"):
                _refuse_fifo(name, ConfigError)
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name!r} cannot be a queue's name",
                    why="SQS takes 1 to 80 letters, digits, - and _",
                    remedy=_SETTING,
                )
        if spec.dlq in live:
            raise ConfigError(
                f"{spec.dlq} is the dead-letter queue of {spec.word} and the queue {live[spec.dlq]}: "
                "workers would take what was given up",
                remedy=_SETTING,
            )
    return specs


_SETTING = Both(
    "correct [queues] in academyctl.toml or its variables (academyctl config show)",
    "academyctl.toml의 [queues] 또는 환경 변수를 고치세요 (academyctl config show)",
)


@dataclass(frozen=True)
class Seen:
    """A queue and its dead-letter queue as they are; None for what does not exist. `spec.dlq` is the one in force."""

    spec: QueueSpec
    queue: Raw | None
    dlq: Raw | None


def look(admin: QueueAdmin, specs: Sequence[QueueSpec]) -> list[Seen]:
    """All of them, read at once. Raises AwsError when one could not be read."""
    with ThreadPoolExecutor(max(1, len(specs))) as pool:
        return list(pool.map(lambda spec: _look(admin, spec), specs))


def looked(settings: Settings, admin: QueueAdmin, names: Sequence[str] = ()) -> list[Seen]:
    """The queues of these words or names as they are. Raises as `chosen` and `look`, also for a policy's own names."""
    seen = look(admin, chosen(settings, names))
    check(settings, tuple(one.spec for one in seen))
    return seen


def _look(admin: QueueAdmin, spec: QueueSpec) -> Seen:
    queue = admin.raw(spec.name)
    if queue is not None and not spec.dlq_said and (arn := target(queue)[0]):
        spec = replace(spec, dlq=arn.rsplit(":", 1)[-1])
    return Seen(spec, queue, admin.raw(spec.dlq))


def as_seen(settings: Settings, word: str, queue: QueueAttributes, dlq: QueueAttributes | None) -> Seen:
    """The same of what `Sqs.attributes` told."""
    return Seen(find(settings, word)[0], _raw(queue), None if dlq is None else _raw(dlq))


def _raw(queue: QueueAttributes) -> Raw:
    limit = queue.max_receive or 0
    told = {
        "QueueArn": queue.arn,
        "VisibilityTimeout": str(queue.visibility_s),
        "MessageRetentionPeriod": str(queue.retention_s),
        "ReceiveMessageWaitTimeSeconds": str(queue.wait_s),
    }
    arn = f"{queue.arn.rpartition(':')[0]}:{queue.dlq_name}"
    return {**told, POLICY: policy(arn, limit)} if limit else told


def drift(seen: Seen) -> dict[str, tuple[str, str]]:
    """Attribute -> (what it is, what it should be) of a queue that exists; '' is a policy that is not there."""
    raw, spec = seen.queue or {}, seen.spec
    found = {
        name: (raw.get(name, ""), wanted)
        for name, wanted in {**spec.attributes(), "DelaySeconds": "0"}.items()
        if raw.get(name, wanted) != wanted
    }
    if seen.dlq is not None and target(raw) != (seen.dlq["QueueArn"], spec.max_receive):
        found[POLICY] = (raw.get(POLICY, ""), policy(seen.dlq["QueueArn"], spec.max_receive))
    return found


def dlq_drift(seen: Seen) -> dict[str, tuple[str, str]]:
    """The same of its dead-letter queue."""
    raw = seen.dlq or {}
    return {
        name: (raw[name], wanted) for name, wanted in seen.spec.dlq_attributes().items() if raw.get(name, "") != wanted
    }


def making(seen: Sequence[Seen], options: Sequence[str] = ()) -> tuple[Repair, ...]:
    """Make what is not there, each dead-letter queue before the queue that needs it, a shared one once."""
    made: dict[str, Repair] = {}
    for one in seen:
        spec = one.spec
        if one.dlq is None:
            made.setdefault(
                spec.dlq, MakeQueue(spec.word, spec.dlq, _pairs(spec.dlq_attributes()), options=_t(options))
            )
        if one.queue is None:
            made[spec.name] = MakeQueue(
                spec.word, spec.name, _pairs(spec.attributes()), spec.dlq, spec.max_receive, _t(options)
            )
    return tuple(made.values())


def tuning(seen: Sequence[Seen], options: Sequence[str] = ()) -> tuple[Repair, ...]:
    """Set what differs on queues that are there; a shared dead-letter queue is set once."""
    made: dict[str, Repair] = {}
    for one in seen:
        spec = one.spec
        if one.queue is not None and (found := drift(one)):
            made[spec.name] = SetAttributes(spec.word, spec.name, _changes(found), options=_t(options))
        if one.dlq is not None and (found := dlq_drift(one)):
            made[spec.dlq] = SetAttributes(spec.word, spec.dlq, _changes(found), dlq=True, options=_t(options))
    return tuple(made.values())


def _spec(word: str, name: str, dlq: str, visibility_s: int) -> QueueSpec:
    return QueueSpec(name, dlq or f"{name}-dlq", visibility_s, word, dlq_said=bool(dlq))


def _refuse_fifo(name: str, kind: type[UsageError] | type[ConfigError]) -> None:
    raise kind(
        f"{name} is a FIFO queue",
        why="the platform's queues are standard ones: its producers send no message group, so a FIFO queue refuses all",
        remedy=Both("name a standard queue (without .fifo)", "표준 큐 이름을 쓰세요 (.fifo 없이)"),
        code="fifo",
    )


def _pairs(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(attributes.items())


def _changes(found: Mapping[str, tuple[str, str]]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, before, after) for name, (before, after) in found.items())


def _t(options: Sequence[str]) -> tuple[str, ...]:
    return tuple(options)

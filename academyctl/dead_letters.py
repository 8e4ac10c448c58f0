"""Dead letters: which queue's they are, what they say and why they are there. Only ever dead-letter queues are read.

Receiving from a queue that feeds workers counts as an attempt and hides the message from them (contract 11 #26). A
dead-letter queue feeds nobody, and has no limit that a receive could count towards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from academyctl.contract.marks import REASON, SOURCE
from academyctl.contract.messages import VideoDelete, VideoEncode, parse_video
from academyctl.errors import BadMessage, Both, UsageError
from academyctl.log import mask
from academyctl.settings import Settings
from academyctl.settings_model import Queues
from academyctl.stores import Stores
from academyctl.stores.sqs import BATCH, Message, Receipt, Sqs

LIMIT = 100
TIMEOUT_S = 15.0
HOLD_S = 20
"""So long letters stay hidden when whoever looks at more than ten of them is killed."""
EMPTY_POLLS = 2
"""A short poll may miss the servers that have the letters, so a long one must come back with nothing new too."""
FIELDS = ("video_id", "job_id", "tenant_id")
"""What letters can be chosen by: the ids that the platform's messages carry."""


@dataclass(frozen=True)
class Letter:
    """A dead letter. `reason` is '' when SQS itself moved it: received too often and never deleted.

    `body` is as it was sent and may hold phone numbers: print `shown`.
    """

    id: str
    body: str = field(repr=False)
    receive_count: int
    sent_at: datetime | None
    reason: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    moved_from: str = ""

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The body's JSON object, empty for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def message(self) -> VideoEncode | VideoDelete | None:
        """The video message that it is, if it is one."""
        try:
            return parse_video(self.body)
        except BadMessage:
            return None

    @property
    def video_id(self) -> int | None:
        return None if self.message is None else self.message.video_id

    @property
    def source(self) -> str:
        """The queue that gave it up, as a worker or SQS noted it; '' when neither did."""
        return self.attributes.get(SOURCE, "") or self.moved_from

    @property
    def shown(self) -> str:
        """The body without phone numbers and secrets, on one line."""
        return mask(" ".join(self.body.split()))

    def matches(self, where: Mapping[str, str]) -> bool:
        """Whether its body has all these ids, compared as texts."""
        # A null or an object is no id, whatever Python writes for it.
        ids = {name: str(said) for name, said in self.fields.items() if type(said) in (int, str)}
        return all(ids.get(name) == value for name, value in where.items())


@dataclass(frozen=True)
class Sampled:
    """The letters that were seen, and whether they are all that there are."""

    letters: tuple[Letter, ...]
    complete: bool


@dataclass(frozen=True)
class Pair:
    """A queue of the contract and where its messages go when they are given up. `word` is its name in the settings."""

    word: str
    name: str
    dlq: str


def words(queues: Queues) -> dict[str, str]:
    """The queues of the contract: word in the settings -> the queue's name."""
    return {word: str(getattr(queues, word)) for word in type(queues).model_fields if not word.endswith("_dlq")}


def all_words(settings: Settings) -> dict[str, str]:
    """The same with the queue of guide 004's pipeline, which is asked about by its word only."""
    return {**words(settings.queues), "analysis": settings.analysis.queue}


def pair(stores: Stores, name: str) -> Pair:
    """The queue that is meant by its word, its own name or its dead-letter queue's. Raises UsageError, AwsError."""
    known = all_words(stores.settings)
    for word, queue in known.items():
        said = str(getattr(stores.settings.queues, f"{word}_dlq", ""))
        if name in (word, queue, said or f"{queue}-dlq"):
            return Pair(word, queue, said or target(stores.sqs_quick, queue))
    raise UsageError(
        Both(f"there is no queue {name} in the settings", f"설정에 {name} 큐가 없습니다"),
        remedy=Both(f"one of: {', '.join(known)}", f"다음 중 하나: {', '.join(known)}"),
    )


def target(sqs: Sqs, queue: str) -> str:
    """Where the queue's redrive policy sends what is given up; NAME-dlq without one, as the workers do."""
    return sqs.attributes(queue).dlq_name or f"{queue}-dlq"


def sample(stores: Stores, queue: str, limit: int = LIMIT, *, timeout_s: float = TIMEOUT_S) -> Sampled:
    """Look at a dead-letter queue's letters, oldest first.

    Up to ten letters are not even hidden while they are read. More can only be told apart by hiding those that were
    seen, for the seconds that this takes. Receive counts rise, which decides nothing in a dead-letter queue.
    Raises UsageError for a queue that is not a dead-letter queue, AwsError.
    """
    refuse_unless_dead(stores, queue)
    sqs, until = stores.sqs_quick, time.monotonic() + timeout_s
    depth = sqs.attributes(queue)
    hidden = depth.visible > BATCH
    seen: dict[str, Message] = {}
    fruitless = 0
    # The depth is approximate: a queue that says 0 is asked once all the same.
    wanted, patience = min(limit, max(1, depth.visible)), EMPTY_POLLS if depth.visible else 1
    try:
        while len(seen) < wanted and fruitless < patience and time.monotonic() < until:
            # A long poll asks every server, so it follows a short one that brought nothing.
            got = sqs.receive(queue, wait_s=1 if fruitless else 0, visibility_s=HOLD_S if hidden else 0)
            fruitless = 0 if any(message.id not in seen for message in got) else fruitless + 1
            seen |= {message.id: message for message in got}
    finally:
        give_back(sqs, queue, [(message.id, message.receipt) for message in seen.values()] if hidden else [])
    letters = sorted((letter(message) for message in seen.values()), key=_age)[:limit]
    whole = len(seen) >= depth.visible and len(seen) <= limit and not depth.in_flight and not depth.delayed
    return Sampled(tuple(letters), whole)


def letter(message: Message) -> Letter:
    """A received message as a letter."""
    return Letter(
        id=message.id,
        body=message.body,
        receive_count=message.receive_count,
        sent_at=message.sent_at,
        reason=message.attributes.get(REASON, ""),
        attributes=message.attributes,
        moved_from=message.moved_from,
    )


def give_back(sqs: Sqs, queue: str, receipts: list[Receipt]) -> None:
    """Make held letters visible at once. What SQS refuses was given back, taken or deleted by somebody before."""
    if receipts:
        sqs.extend(queue, receipts, 0)


def refuse_unless_dead(stores: Stores, queue: str) -> None:
    """Raises UsageError for any queue that a worker may live on: only dead-letter queues are received from."""
    sqs, known = stores.sqs_quick, all_words(stores.settings)
    named = {str(getattr(stores.settings.queues, f"{word}_dlq", "")) or f"{live}-dlq" for word, live in known.items()}
    why = ""
    if queue in known.values():
        why = "workers take their messages from it"
    elif sqs.attributes(queue).max_receive is not None:
        why = "it has a redrive policy of its own: a receive counts there"
    elif queue not in named and queue not in _targets(sqs, known):
        why = "no queue of the settings gives its messages up to it"
    if why:
        raise UsageError(
            f"{queue} is not a dead-letter queue and is not received from",
            why=why,
            remedy=Both(
                "its depths: academyctl queue show; its dead letters: academyctl queue peek NAME --dlq",
                "깊이: academyctl queue show / 데드레터: academyctl queue peek NAME --dlq",
            ),
            code="not-a-dlq",
        )


def _targets(sqs: Sqs, known: Mapping[str, str]) -> set[str]:
    from academyctl.errors import AwsError

    found = set()
    for queue in known.values():
        try:
            found.add(sqs.attributes(queue).dlq_name)
        except AwsError as error:
            if error.cause != "missing":
                raise
    return found


def _age(letter: Letter) -> tuple[float, str]:
    return (letter.sent_at.timestamp() if letter.sent_at else 0.0, letter.id)

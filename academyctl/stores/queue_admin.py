"""SQS for the people who keep the queues: attributes as AWS tells them, made, changed, emptied, and move tasks.

What workers do with messages is `stores.sqs`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import AwsError, Both
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours
from academyctl.stores.sqs import Sqs

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
SETTLING_S = (0, 0.5, 1, 2, 4)
"""SQS says that a queue can be used a second after it was made."""
RUNNING = ("RUNNING", "CANCELLING")
# A number is no code of AWS's: an emulator without the action breaks down over it.
_NO_SUCH_ACTION = frozenset({"InvalidAction", "UnsupportedOperation", "UnknownOperationException", "500", "501"})
_MINUTE = Both("SQS allows it again 60 s later: wait a minute", "SQS가 60초 뒤에 다시 허용합니다. 1분 뒤 실행하세요")
_SAME = Both(
    "see what differs: academyctl queue tune NAME", "차이점을 확인하세요: academyctl queue tune NAME"
)  # fmt: skip
# What SQS refuses for a reason of its own; `translate` knows the codes that every service has.
_REFUSED: dict[str, Both] = {
    "AWS.SimpleQueueService.PurgeQueueInProgress": _MINUTE,
    "PurgeQueueInProgress": _MINUTE,
    "AWS.SimpleQueueService.QueueDeletedRecently": _MINUTE,
    "QueueDeletedRecently": _MINUTE,
    "QueueAlreadyExists": _SAME,
    "QueueNameExists": _SAME,
}


@dataclass(frozen=True)
class Move:
    """A message move task of a dead-letter queue. Only a running one has a `handle`, `why` says what a failed one met.

    `status`: RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED. `destination` is an ARN, '' for each letter's own
    source. `expected` is how many letters there were at its start, None where AWS does not say.
    """

    status: str
    source: str
    destination: str
    moved: int
    expected: int | None
    rate: int | None
    why: str
    started_at: datetime | None
    handle: str = field(repr=False, default="")

    @property
    def running(self) -> bool:
        return self.status in RUNNING


class QueueAdmin:
    """Queues by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._sqs = Sqs(clients)

    def names(self) -> list[str]:
        """The queues of this account and region, 1000 at most."""
        return self._sqs.names()

    def raw(self, name: str) -> dict[str, str] | None:
        """All attributes of a queue as AWS tells them, depths among them; None when there is no such queue."""
        try:
            url = self._sqs.url(name)
            with _ours("sqs:GetQueueAttributes", name):
                answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        except AwsError as error:
            if error.cause != "missing":
                raise
            self._sqs.forget(name)
            return None
        found = dict(answer.get("Attributes", {}))
        if "QueueArn" not in found:
            raise AwsError(
                f"sqs:GetQueueAttributes failed for {name}", why="the answer is not from SQS", cause="unreachable"
            )
        return found

    def create(self, name: str, attributes: Mapping[str, str]) -> str:
        """Make a queue; its ARN. SQS refuses when there is one with other values of these attributes."""
        self._sqs.forget(name)
        with _refused():
            self._sqs.create(name, attributes)
        for pause_s in SETTLING_S:
            time.sleep(pause_s)
            if (raw := self.raw(name)) is not None:
                return raw["QueueArn"]
        raise AwsError(
            f"queue {name} was created and is not seen yet",
            cause="missing",
            remedy=Both("run it again in a minute", "1분 뒤 다시 실행하세요"),
        )

    def set(self, name: str, attributes: Mapping[str, str]) -> None:
        """Change these attributes; '' takes a policy (RedrivePolicy) away."""
        url = self._sqs.url(name)
        with _ours("sqs:SetQueueAttributes", name):
            self._client.set_queue_attributes(QueueUrl=url, Attributes=dict(attributes))

    def delete(self, name: str) -> None:
        """Delete a queue with everything in it."""
        self._sqs.remove(name)

    def purge(self, name: str) -> None:
        """Throw away every message of a queue, those in flight too."""
        url = self._sqs.url(name)
        with _ours("sqs:PurgeQueue", name):
            self._client.purge_queue(QueueUrl=url)

    def sources(self, dlq: str) -> list[str]:
        """The queues whose redrive policy names this one."""
        url = self._sqs.url(dlq)
        with _ours("sqs:ListDeadLetterSourceQueues", dlq):
            pages = self._client.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=url)
            return sorted(str(one).rsplit("/", 1)[-1] for page in pages for one in page.get("queueUrls", []))

    def moves(self, source_arn: str) -> tuple[Move, ...] | None:
        """The newest ten move tasks of a dead-letter queue, newest first; None where this SQS has no move tasks."""
        try:
            with _ours("sqs:ListMessageMoveTasks", _name(source_arn)):
                found = self._client.list_message_move_tasks(SourceArn=source_arn, MaxResults=10).get("Results", [])
        except AwsError as error:
            if error.code in _NO_SUCH_ACTION:
                return None
            raise
        return tuple(sorted(map(_move, found), key=_started, reverse=True))

    def start_move(self, source_arn: str, destination_arn: str = "", *, rate: int | None = None) -> str:
        """Let SQS move every letter, to their own sources when no destination is named; the task's handle.

        `rate` is messages a second, 500 at most; SQS decides without it.
        """
        asked: dict[str, Any] = {"DestinationArn": destination_arn} if destination_arn else {}
        if rate is not None:
            asked["MaxNumberOfMessagesPerSecond"] = rate
        with _ours("sqs:StartMessageMoveTask", _name(source_arn)):
            return str(self._client.start_message_move_task(SourceArn=source_arn, **asked)["TaskHandle"])

    def cancel_move(self, handle: str, name: str) -> int:
        """Stop a running move task; how many letters it had moved by then."""
        with _ours("sqs:CancelMessageMoveTask", name):
            answer = self._client.cancel_message_move_task(TaskHandle=handle)
            return int(answer.get("ApproximateNumberOfMessagesMoved", 0))

    @property
    def _client(self) -> Any:
        return self._clients("sqs")


def held(raw: Mapping[str, str]) -> int:
    """Everything in a queue: waiting, in flight and delayed (approximate)."""
    return sum(int(raw.get(name, 0)) for name in COUNTS)


def _move(raw: Mapping[str, Any]) -> Move:
    at = raw.get("StartedTimestamp")
    return Move(
        status=str(raw.get("Status", "")),
        source=str(raw.get("SourceArn", "")),
        destination=str(raw.get("DestinationArn", "")),
        moved=int(raw.get("ApproximateNumberOfMessagesMoved", 0)),
        expected=_whole(raw.get("ApproximateNumberOfMessagesToMove")),
        rate=_whole(raw.get("MaxNumberOfMessagesPerSecond")),
        why=str(raw.get("FailureReason", "")),
        started_at=None if at is None else datetime.fromtimestamp(int(at) / 1000, UTC),
        handle=str(raw.get("TaskHandle", "")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _started(move: Move) -> tuple[bool, float]:
    return (move.running, move.started_at.timestamp() if move.started_at else 0.0)


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


@contextmanager
def _ours(action: str, name: str) -> Iterator[None]:
    with _refused(), ours(action, f"queue {name}"):
        yield


@contextmanager
def _refused() -> Iterator[None]:
    """Our remedy for what SQS refuses for a reason of its own."""
    try:
        yield
    except AwsError as error:
        remedy = _REFUSED.get(error.code)
        if remedy is None:
            raise
        raise AwsError(error.what, why=error.why, cause="refused", remedy=remedy, code=error.code) from error

"""SQS: receive, settle and describe queues. URLs are resolved once, deletes and extends go in batches of ten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, translate

BATCH = 10
MAX_DELAY_S = 900
MAX_VISIBILITY_S = 43200

BATCH_BYTES = 256 * 1024
"""What the messages of one SendMessageBatch may measure together."""

Receipt = tuple[str, str]
"""(message id, receipt handle)"""


@dataclass(frozen=True)
class Message:
    """One received message. The receipt is a capability: it is never printed or logged.

    `moved_from` is the queue whose redrive policy made it a dead letter, '' when nothing did.
    """

    id: str
    body: str
    receive_count: int
    sent_at: datetime | None
    receipt: str = field(repr=False, default="")
    attributes: Mapping[str, str] = field(default_factory=dict)
    moved_from: str = ""


@dataclass(frozen=True)
class Mail:
    """A message to send. Attributes that are '' stay away."""

    body: str = field(repr=False)
    delay_s: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes as SQS counts them."""
        told = sum(len(key.encode()) + len("String") + len(value.encode()) for key, value in self.attributes.items())
        return len(self.body.encode()) + told

    @property
    def request(self) -> dict[str, Any]:
        """As SendMessage takes it."""
        carried = {key: {"DataType": "String", "StringValue": value} for key, value in self.attributes.items() if value}
        delay_s = max(0, min(MAX_DELAY_S, self.delay_s))
        return {"MessageBody": self.body, "DelaySeconds": delay_s, "MessageAttributes": carried}


@dataclass(frozen=True)
class QueueAttributes:
    """What GetQueueAttributes tells. `max_receive` is None without a redrive policy."""

    name: str
    url: str
    arn: str
    visible: int
    in_flight: int
    delayed: int
    visibility_s: int
    retention_s: int
    wait_s: int
    max_receive: int | None
    dlq_name: str


class Sqs:
    """Queues by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._urls: dict[str, str] = {}

    def url(self, name: str) -> str:
        """The queue's URL, asked for once and kept until a call says that the queue is gone."""
        if name not in self._urls:
            with _ours("sqs:GetQueueUrl", name):
                answer = self._client.get_queue_url(QueueName=name)
            url = answer.get("QueueUrl", "")
            # A captive portal answers 200 with anything: an answer without the field is not an answer.
            if not url:
                raise AwsError(
                    f"sqs:GetQueueUrl failed for {name}", why="the answer is not from SQS", cause="unreachable"
                )
            self._urls[name] = url
        return self._urls[name]

    def names(self) -> list[str]:
        """The queues of this account and region, 1000 at most; afterwards their URLs are known without asking."""
        with _ours("sqs:ListQueues", "*"):
            answer = self._client.list_queues()
        # A captive portal's page parses as an empty answer; SQS's own says who answered.
        if "x-amzn-requestid" not in answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}):
            raise AwsError("sqs:ListQueues failed for *", why="the answer is not from SQS", cause="unreachable")
        urls = {str(url).rsplit("/", 1)[-1]: str(url) for url in answer.get("QueueUrls", [])}
        self._urls.update(urls)
        return sorted(urls)

    def forget(self, name: str) -> None:
        """Resolve the URL again next time: the queue may have been made anew."""
        self._urls.pop(name, None)

    def receive(
        self, name: str, *, max_messages: int = BATCH, wait_s: int = 20, visibility_s: int | None = None
    ) -> list[Message]:
        """Up to ten messages; an empty list after `wait_s` seconds."""
        extra = {} if visibility_s is None else {"VisibilityTimeout": visibility_s}
        url = self.url(name)
        with _ours("sqs:ReceiveMessage", name):
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=max(1, min(BATCH, max_messages)),
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp", "DeadLetterQueueSourceArn"],
                MessageAttributeNames=["All"],
                **extra,
            )
        if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") != 200:
            raise AwsError(
                f"sqs:ReceiveMessage failed for {name}", why="the answer is not from SQS", cause="unreachable"
            )
        return [_message(raw) for raw in answer.get("Messages", [])]

    def send(self, name: str, body: str, *, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> str:
        """Send one message and return its id."""
        url = self.url(name)
        with _ours("sqs:SendMessage", name):
            answer = self._client.send_message(QueueUrl=url, **Mail(body, delay_s, attributes or {}).request)
        return str(answer["MessageId"])

    def send_batch(self, name: str, mails: Sequence[Mail]) -> dict[int, str]:
        """Send what one of `batches` holds with one call; by position, why SQS refused a message."""
        url = self.url(name)
        entries = [{"Id": str(n), **mail.request} for n, mail in enumerate(mails)]
        with _ours("sqs:SendMessage", name):
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        refused = {
            int(one["Id"]): f"{one.get('Code', '')} {one.get('Message', '')}" for one in answer.get("Failed", [])
        }
        if len(refused) + len(answer.get("Successful", [])) != len(mails):
            raise AwsError(f"sqs:SendMessage failed for {name}", why="the answer is not from SQS", cause="unreachable")
        return refused

    def delete(self, name: str, receipts: Sequence[Receipt]) -> list[str]:
        """Delete in batches; the ids of the entries that SQS refused come back."""
        return self._each_batch("sqs:DeleteMessage", "delete_message_batch", name, [(one, {}) for one in receipts])

    def extend(self, name: str, receipts: Sequence[Receipt], seconds: int) -> list[str]:
        """Set the visibility timeout from now on, in batches; 0 gives the messages back at once."""
        return self.hide(name, [(receipt, seconds) for receipt in receipts])

    def hide(self, name: str, times: Sequence[tuple[Receipt, int]]) -> list[str]:
        """The same with a timeout for each."""
        entries = [
            (receipt, {"VisibilityTimeout": max(0, min(MAX_VISIBILITY_S, seconds))}) for receipt, seconds in times
        ]
        return self._each_batch("sqs:ChangeMessageVisibility", "change_message_visibility_batch", name, entries)

    def attributes(self, name: str) -> QueueAttributes:
        """Depths (approximate) and settings of a queue; changes nothing."""
        url = self.url(name)
        with _ours("sqs:GetQueueAttributes", name):
            raw = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
        if "QueueArn" not in raw:
            raise AwsError(
                f"sqs:GetQueueAttributes failed for {name}", why="the answer is not from SQS", cause="unreachable"
            )
        policy = json.loads(raw.get("RedrivePolicy") or "{}")
        return QueueAttributes(
            name=name,
            url=url,
            arn=raw["QueueArn"],
            visible=int(raw.get("ApproximateNumberOfMessages", 0)),
            in_flight=int(raw.get("ApproximateNumberOfMessagesNotVisible", 0)),
            delayed=int(raw.get("ApproximateNumberOfMessagesDelayed", 0)),
            visibility_s=int(raw.get("VisibilityTimeout", 30)),
            retention_s=int(raw.get("MessageRetentionPeriod", 345600)),
            wait_s=int(raw.get("ReceiveMessageWaitTimeSeconds", 0)),
            max_receive=int(policy["maxReceiveCount"]) if policy.get("maxReceiveCount") else None,
            dlq_name=str(policy.get("deadLetterTargetArn", "")).rsplit(":", 1)[-1],
        )

    def create(self, name: str, attributes: Mapping[str, str]) -> str:
        """Create a queue (idempotent with equal attributes) and return its URL."""
        with _ours("sqs:CreateQueue", name):
            self._urls[name] = self._client.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"]
        return self._urls[name]

    def remove(self, name: str) -> None:
        """Delete a queue with everything in it."""
        url = self.url(name)
        with _ours("sqs:DeleteQueue", name):
            self._client.delete_queue(QueueUrl=url)
        self.forget(name)

    def purge(self, name: str) -> None:
        """Throw away every message of a queue."""
        url = self.url(name)
        with _ours("sqs:PurgeQueue", name):
            self._client.purge_queue(QueueUrl=url)

    @property
    def _client(self) -> Any:
        return self._clients("sqs")

    def _each_batch(
        self, action: str, method: str, name: str, items: Sequence[tuple[Receipt, Mapping[str, Any]]]
    ) -> list[str]:
        failed: list[str] = []
        url = self.url(name)
        for start in range(0, len(items), BATCH):
            chunk = items[start : start + BATCH]
            entries = [{"Id": str(i), "ReceiptHandle": one[1], **extra} for i, (one, extra) in enumerate(chunk)]
            with _ours(action, name):
                answer = getattr(self._client, method)(QueueUrl=url, Entries=entries)
            failed += [chunk[int(entry["Id"])][0][0] for entry in answer.get("Failed", [])]
        return failed


def batches(mails: Sequence[Mail]) -> Iterator[range]:
    """The positions that go together into one `send_batch`: ten at most, and no more than SQS takes at once."""
    start = size = 0
    for n, mail in enumerate(mails):
        if n > start and (n - start == BATCH or size + mail.size > BATCH_BYTES):
            yield range(start, n)
            start, size = n, 0
        size += mail.size
    if mails:
        yield range(start, len(mails))


def _message(raw: Mapping[str, Any]) -> Message:
    system = raw.get("Attributes", {})
    sent = system.get("SentTimestamp")
    return Message(
        id=str(raw["MessageId"]),
        body=str(raw.get("Body", "")),
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        receipt=str(raw["ReceiptHandle"]),
        attributes={key: str(value.get("StringValue", "")) for key, value in raw.get("MessageAttributes", {}).items()},
        moved_from=str(system.get("DeadLetterQueueSourceArn", "")).rsplit(":", 1)[-1],
    )


@contextmanager
def _ours(action: str, name: str) -> Iterator[None]:
    try:
        yield
    except BOTO_ERRORS as error:
        raise translate(error, action=action, subject=f"queue {name}") from error

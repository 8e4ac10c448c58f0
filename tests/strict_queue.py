"""One queue of the strict SQS endpoint: what is visible, in flight, delayed, counted and moved to the dead letters."""

from __future__ import annotations

import heapq
import itertools
import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_ORDER = itertools.count()


@dataclass
class Stored:
    """A message in a queue. `visible_at` is time.monotonic; a new `receipt` with each receive makes the old stale."""

    id: str
    body: str
    attributes: dict[str, Any]
    sent_ms: int
    visible_at: float = 0.0
    receive_count: int = 0
    receipt: str = ""
    in_flight: bool = False

    def shown(self) -> dict[str, Any]:
        """As ReceiveMessage answers."""
        counted = {"ApproximateReceiveCount": str(self.receive_count), "SentTimestamp": str(self.sent_ms)}
        return {
            "MessageId": self.id,
            "ReceiptHandle": self.receipt,
            "Body": self.body,
            "MD5OfBody": "",
            "Attributes": counted,
            "MessageAttributes": self.attributes,
        }


@dataclass
class Queue:
    """Messages by id, in the order they become visible. Not locked: the endpoint serialises its calls."""

    attributes: dict[str, str] = field(default_factory=dict)
    messages: dict[str, Stored] = field(default_factory=dict)
    ready: deque[str] = field(default_factory=deque)
    later: list[tuple[float, int, str]] = field(default_factory=list)

    @property
    def redrive(self) -> tuple[int, str]:
        """(maxReceiveCount, name of the dead-letter queue); (0, '') without a policy."""
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        return int(policy.get("maxReceiveCount", 0)), str(policy.get("deadLetterTargetArn", "")).rsplit(":", 1)[-1]

    def depths(self) -> dict[str, int]:
        """How many messages are visible, in flight and delayed."""
        now = time.monotonic()
        out = {"visible": 0, "in_flight": 0, "delayed": 0}
        for message in self.messages.values():
            out["visible" if message.visible_at <= now else "in_flight" if message.in_flight else "delayed"] += 1
        return out

    def put(self, body: str, attributes: dict[str, Any], delay_s: float = 0) -> Stored:
        stored = Stored(str(uuid.uuid4()), body, attributes, int(time.time() * 1000))
        self.take_in(stored, delay_s)
        return stored

    def take_in(self, stored: Stored, delay_s: float = 0) -> None:
        self.messages[stored.id] = stored
        self.show_in(stored, delay_s)

    def show_in(self, stored: Stored, seconds: float) -> None:
        """Visible after so many seconds; 0 = now."""
        stored.visible_at = time.monotonic() + seconds
        if seconds > 0:
            heapq.heappush(self.later, (stored.visible_at, next(_ORDER), stored.id))
        else:
            stored.in_flight = False
            self.ready.append(stored.id)

    def delete(self, receipt: str) -> None:
        """SQS says success for a stale receipt, and keeps the message."""
        stored = self.messages.get(receipt.split("/", 1)[0])
        if stored is not None and stored.receipt == receipt:
            del self.messages[stored.id]

    def change(self, receipt: str, seconds: float) -> bool:
        """Whether the visibility could be changed: only in flight, and only with the newest receipt."""
        stored = self.messages.get(receipt.split("/", 1)[0])
        if stored is None or stored.receipt != receipt:
            return False
        if not stored.in_flight or stored.visible_at <= time.monotonic():
            return False
        self.show_in(stored, seconds)
        return True

    def pick(self, count: int, visibility_s: float, dead_letters: dict[str, Queue]) -> list[Stored]:
        """Receive; what is over its limit goes to the dead-letter queue instead."""
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            self.ready.append(heapq.heappop(self.later)[2])
        picked: list[Stored] = []
        while self.ready and len(picked) < count:
            stored = self.messages.get(self.ready.popleft())
            # An entry of a message that was deleted, or hidden again meanwhile, is a left-over.
            if stored is None or stored.visible_at > now:
                continue
            limit, dlq = self.redrive
            if limit and stored.receive_count >= limit and dlq in dead_letters:
                del self.messages[stored.id]
                dead_letters[dlq].take_in(stored)
                continue
            stored.receive_count += 1
            stored.receipt = f"{stored.id}/{stored.receive_count}/{uuid.uuid4()}"
            self.show_in(stored, visibility_s)
            stored.in_flight = visibility_s > 0
            picked.append(stored)
        return picked

"""One message without a queue, for the loop to run like any other: what SQS would be asked is answered here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from academyctl.stores.sqs import Mail, Message, Receipt
from workers._queues import Policy, Queues

NOWHERE = "-"
"""In the place of a queue's name."""
ENDLESS = 1_000_000


class OneJob(Queues):
    """Has its message once. Whatever it is settled with, it does not come back: its sender decides about another try.

    `limit`: the attempt that is the last, None = this side does not count.
    """

    def __init__(self, body: str, *, attempt: int = 1, limit: int | None = None) -> None:
        self._message: Message | None = Message(id=NOWHERE, body=body, receive_count=attempt, sent_at=None, receipt="-")
        self._limit = limit or ENDLESS
        self.pace_s = 0.0

    def receive(self, name: str, *, max_messages: int, wait_s: int, visibility_s: int) -> list[Message]:
        del name, max_messages, wait_s, visibility_s
        message, self._message = self._message, None
        return [message] if message is not None else []

    def delete(self, name: str, receipts: Sequence[Receipt]) -> list[str]:
        del name, receipts
        return []

    def extend(self, name: str, receipts: Sequence[Receipt], seconds: int) -> list[str]:
        del name, receipts, seconds
        return []

    def hide(self, name: str, times: Sequence[tuple[Receipt, int]]) -> list[str]:
        del name, times
        return []

    def send(self, name: str, body: str, *, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        del name, body, delay_s, attributes

    def send_batch(self, name: str, mails: Sequence[Mail]) -> dict[int, str]:
        del name, mails
        return {}

    def policy(self, name: str) -> Policy:
        del name
        return Policy(self._limit, NOWHERE)

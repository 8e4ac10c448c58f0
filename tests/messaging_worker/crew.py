"""Running the messaging worker in a test's own thread, with what it logged."""

from __future__ import annotations

import io
import itertools
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from academyctl.contract import marks
from academyctl.contract.texts import parse_text, text_body
from academyctl.log import MaskingFormatter
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from tests.texting_platform import PHONE, Texting
from workers._clock import Clock
from workers._loop import RunOptions, run
from workers._model import Delivery, Outcome
from workers.messaging import worker as messaging
from workers.messaging.handler import Handler

_NUMBERS = itertools.count(1)
TEXT = "출석이 확인되었습니다."


def work(texting: Texting, folder: Path, *, messages: int = 1, clock: Clock | None = None, **env: str) -> str:
    """Handle so many messages (every receive counts) by the real loop and return the log. `env`: more settings."""
    opened = Stores(load({**texting.env, **env}).settings)
    made = messaging(opened.settings)
    options = RunOptions(
        max_jobs=messages, wait_s=1, health_file=folder / "health", concurrency=made.threads, grace_s=2
    )
    with logged() as stream:
        try:
            code = run(made, opened, options, clock=clock, rng=random.Random(7))
        finally:
            opened.close()
    assert code == 0
    return stream.getvalue()


@dataclass
class Bench:
    """The handler without loop and queue: messages as deliveries, and what it makes of them."""

    stores: Stores
    handler: Handler

    def message(
        self, tenant_id: int, *, message_id: str = "", to: str = PHONE, text: str = TEXT, receives: int = 1,
        sent_ago_s: float = 0, redriven: bool = False, clock: Clock | None = None, **said: Any,
    ) -> Delivery:  # fmt: skip
        """A message as it is received; the same `message_id` is the same message again."""
        now = datetime.now(UTC)
        body = text_body(tenant_id=tenant_id, to=to, text=text, **said)
        attributes = {marks.REDRIVEN: now.isoformat()} if redriven else {}
        message = Message(
            message_id or f"m{next(_NUMBERS)}", body, receives, now - timedelta(seconds=sent_ago_s), "r", attributes
        )
        return Delivery(
            parse_text(body), message, self.stores.settings.queues.messaging, self.stores, self.stores.settings,
            f"t:{next(_NUMBERS)}", rng=random.Random(7), clock=clock or Clock(),
        )  # fmt: skip

    def handle(self, *deliveries: Delivery) -> list[Outcome]:
        return self.handler.handle_many(deliveries)

    def one(self, tenant_id: int, **said: Any) -> Outcome:
        """The outcome of one message."""
        return self.handle(self.message(tenant_id, **said))[0]


@contextmanager
def bench(texting: Texting, *, real_time: bool = False, **env: str) -> Iterator[Bench]:
    """A handler over `texting`, with more settings. Unless in real time, its breaker holds nobody back for long."""
    opened = Stores(load({**texting.env, **env}).settings)
    try:
        clock = Clock() if real_time else Clock(monotonic=Leaps())
        yield Bench(opened, Handler(opened.settings, clock=clock, rng=random.Random(7)))
    finally:
        opened.close()


class Leaps:
    """A clock that is a minute later whenever it is read: nothing has to be waited for."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self) -> float:
        self._at += 61
        return self._at


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What our loggers say, masked as in production."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(prefix="MESSAGING-WORKER", as_json=False))
    logger = logging.getLogger("academyctl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)

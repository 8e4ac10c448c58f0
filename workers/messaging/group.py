"""A group of messages on its way: what each of them is, and what the steps share."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.contract import marks
from academyctl.contract.messages import parse_time
from academyctl.contract.texts import Text, delivery_key
from academyctl.errors import DatabaseAway
from academyctl.messaging.model import Composed
from academyctl.stores import deliveries
from academyctl.stores.postgres import Postgres
from workers._model import Defer, Delivery, Outcome
from workers.messaging.breaker import Breaker
from workers.messaging.limiter import Limiter
from workers.messaging.plan import Asked, Look

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores import Stores
    from academyctl.stores.solapi_sending import Sender, Stage

log = logging.getLogger("academyctl.messaging")


@dataclass(eq=False)
class Part:
    """One message of a group. `composed`: what its next request holds, from the moment that its row is ours."""

    delivery: Delivery
    asked: Asked
    outcome: Outcome | None = None
    composed: Composed | None = field(default=None, repr=False)
    stage: Stage = "first"
    tenant_id: int = 0
    open: bool = False
    """Its row is CLAIMED or SENDING and ours."""
    sent: bool = False
    """It went out, or may have: its lock in Redis stays, so that a worker of the platform's own leaves it alone."""

    @property
    def key(self) -> str:
        return self.asked.key

    def ends(self, outcome: Outcome) -> None:
        """The first outcome counts."""
        self.outcome = self.outcome or outcome

    def defers(self, why: str, least_s: float, most_s: float) -> None:
        self.ends(Defer(why, self.delivery.rng.uniform(least_s, most_s)))


@dataclass(eq=False)
class Group:
    """The parts have different keys. `token` fences every write of this group."""

    parts: Sequence[Part]
    breaker: Breaker
    limiter: Limiter
    token: str = ""
    ready: list[Part] = field(default_factory=list)
    """Paid, and to be sent now."""
    looks: list[tuple[Part, Look]] = field(default_factory=list)
    claimed: bool = False
    """Whether it is known what the first transaction wrote."""
    stopped: str = ""
    """Why nothing more is sent: Solapi cannot be used now."""
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        # Random of its own: no two groups of any worker may ever have the same, whatever seeds the rest.
        self.token = self.token or f"{self.settings.worker.id[:30]}:{os.getpid()}:{secrets.token_hex(10)}"

    @property
    def settings(self) -> Settings:
        return self.parts[0].delivery.settings

    @property
    def stores(self) -> Stores:
        return self.parts[0].delivery.stores

    @property
    def db(self) -> Postgres:
        return self.stores.db

    @property
    def sender(self) -> Sender:
        return self.stores.solapi_sender

    @property
    def mock(self) -> bool:
        return pretends(self.settings)

    @property
    def lease_s(self) -> float:
        """Longer than a request may take, whatever the settings say."""
        return max(self.settings.messaging.lease_s, 2 * self.settings.messaging.request_s)

    def wait(self, seconds: float) -> None:
        """Raises Stopping when the process ends, LeaseLost when the first message is lost."""
        self.parts[0].delivery.wait(seconds)

    def stop(self, why: str, hold_s: float) -> None:
        self.stopped, self.hold_s = why, max(self.hold_s, hold_s)

    def release(self) -> None:
        """Let the next receiver have at once what this group leaves open; if it cannot, it has it after the lease."""
        keys = [part.key for part in self.parts if part.open or not self.claimed]
        try:
            deliveries.release(self.db, keys, self.token)
        except DatabaseAway as away:
            log.warning("%d texts stay leased for %.0f s: %s", len(keys), self.lease_s, away)


def pretends(settings: Settings) -> bool:
    """Whether nothing is sent and nothing charged, as the platform's own worker takes these settings."""
    return settings.solapi.mock or settings.platform.debug


def part_of(delivery: Delivery) -> Part:
    text: Text = delivery.job
    first_id = delivery.first_id
    asked = Asked(
        key=delivery_key(text.business_key, first_id),
        first_id=first_id,
        text=text,
        first_sent_at=parse_time(delivery.message.attributes.get(marks.FIRST_SENT_AT)) or delivery.message.sent_at,
        redriven_at=delivery.redriven_at,
    )
    return Part(delivery, asked, tenant_id=text.tenant_id)


def by_key(parts: Sequence[Part]) -> tuple[list[Part], list[tuple[Part, Part]]]:
    """The first of each key, and the others with the first of theirs: a producer's double click."""
    first: dict[str, Part] = {}
    for part in parts:
        first.setdefault(part.key, part)
    return list(first.values()), [(part, first[part.key]) for part in parts if first[part.key] is not part]

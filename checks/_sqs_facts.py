"""What SQS says about the queues of the settings: attributes alone, never received from (contract 1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.settings import leaves
from checks._access import WHOLE
from checks._fan import together, within
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.sqs import QueueAttributes, Sqs

WORDS = ("video", "ai_lite", "ai_basic", "ai_premium", "messaging")
AGE_MINUTES = 15
"""CloudWatch learns of SQS every minute or every few; a queue without traffic falls silent."""


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
    oldest_s: int | None = None
    """Age of the oldest message, asked for when some wait; None when CloudWatch does not tell."""


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
    ages: dict[str, int] = {}
    if isinstance(listing, Trouble) and listing.cause in WHOLE:
        seen = dict.fromkeys((*names.values(), *dlqs.values()), listing)
    else:
        seen = _boxes(world, {*names.values(), *dlqs.values()})
        for word, name in names.items():
            box = seen[name]
            if isinstance(box, Box) and box.dlq_name:
                dlqs[word] = box.dlq_name
        waiting = [name for name in names.values() if isinstance(box := seen[name], Box) and box.visible]
        rest, ages = _rest(world, set(dlqs.values()) - set(seen), waiting)
        seen |= rest
    variables = {leaf.path: leaf.env[0] for leaf in leaves()}
    return Facts(
        region=aws.region,
        endpoint=aws.endpoint_url or f"https://sqs.{aws.region}.amazonaws.com",
        queues=tuple(
            Queue(
                word, names[word], variables[f"queues.{word}"], *_split(seen[names[word]]),
                dlqs[word], *_split(seen[dlqs[word]]), ages.get(names[word]),
            )
            for word in WORDS
        ),
        names=None if isinstance(listing, Trouble) else tuple(listing),
        listing=listing if isinstance(listing, Trouble) else None,
        skew_s=world.stores.skew_s.get("aws"),
    )  # fmt: skip


def _boxes(world: World, names: set[str]) -> dict[str, Box | Trouble]:
    sqs = world.stores.sqs
    return together(world, {name: _look(sqs, name) for name in sorted(names)})


def _rest(world: World, names: set[str], waiting: list[str]) -> tuple[dict[str, Box | Trouble], dict[str, int]]:
    """The dead-letter queues that only a redrive policy names and, at the same time, the ages of what waits."""
    boxes: dict[str, Box | Trouble] = {}
    ages: dict[str, int] = {}
    calls: dict[str, Callable[[], None]] = {}
    if names:
        calls["queues"] = lambda: boxes.update(_boxes(world, names))
    if waiting:
        calls["ages"] = lambda: ages.update(_ages(world, waiting))
    # An age that cannot be had is no evidence, and no finding either: few keys may ask CloudWatch.
    together(world, calls)
    return boxes, ages


def _ages(world: World, names: list[str]) -> dict[str, int]:
    from academyctl.stores._fleet_types import Metric

    asked = {name: Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", name),)) for name in names}
    told = world.stores.fleet.series(asked, now=world.now(), minutes=AGE_MINUTES)
    return {name: round(points[0].value) for name, points in told.items() if points}


def _look(sqs: Sqs, name: str) -> Callable[[], Box]:
    return lambda: _box(sqs.attributes(name))


def _box(raw: QueueAttributes) -> Box:
    return Box(
        raw.name, raw.arn, raw.visible, raw.in_flight, raw.delayed, raw.visibility_s, raw.retention_s, raw.wait_s,
        raw.max_receive, raw.dlq_name,
    )  # fmt: skip


def _split(one: Box | Trouble) -> tuple[Box | None, Trouble | None]:
    return (None, one) if isinstance(one, Trouble) else (one, None)

"""How many messages some queues hold, for topics that compare a queue with rows; never received from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks._model import Because, Kind, State, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.sqs import QueueAttributes


@dataclass(frozen=True)
class Depth:
    """A queue of the settings and its approximate depths; all 0 with a trouble, which says why nothing was seen."""

    word: str
    name: str
    visible: int
    in_flight: int
    delayed: int
    trouble: Trouble | None

    @property
    def empty(self) -> bool:
        """Whether it was seen, and nothing at all was in it."""
        return self.trouble is None and not (self.visible or self.in_flight or self.delayed)


def lookers(world: World, words: tuple[str, ...]) -> dict[str, Callable[[], Depth]]:
    """One call a queue, to be made together with others; `depths` reads their answers."""

    def looker(word: str, name: str) -> Callable[[], Depth]:
        return lambda: _depth(word, world.stores.sqs.attributes(name))

    return {f"queue {word}": looker(word, _name(world, word)) for word in words}


def depths(world: World, words: tuple[str, ...], answers: Mapping[str, object]) -> tuple[Depth, ...]:
    """The depths in the order of the words."""
    seen = {word: answers[f"queue {word}"] for word in words}
    return tuple(
        one if isinstance(one, Depth) else Depth(word, _name(world, word), 0, 0, 0, _trouble(one))
        for word, one in seen.items()
    )


def unseen(topic: str) -> Kind:
    """The kind for a queue whose depth is not known; it follows from what the queues' own topic found."""
    because = tuple(
        Because(f"sqs.{code}", ("word",)) for code in ("queue-name", "queue-missing", "queue-denied", "queue-unseen")
    )
    return Kind(
        f"{topic}.queue-unseen", State.unknown, None, ("academyctl diagnose sqs",),
        because=(Because("sqs.none-here"), *because),
    )  # fmt: skip


def _name(world: World, word: str) -> str:
    return str(getattr(world.stores.settings.queues, word))


def _depth(word: str, raw: QueueAttributes) -> Depth:
    return Depth(word, raw.name, raw.visible, raw.in_flight, raw.delayed, None)


def _trouble(one: object) -> Trouble:
    assert isinstance(one, Trouble)
    return one

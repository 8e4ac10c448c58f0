"""A message in hand, and the line in which those wait that nobody has begun: their owners take turns."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.stores.sqs import Message

if TYPE_CHECKING:
    from workers._model import Delivery

log = logging.getLogger("academyctl.worker")


@dataclass(eq=False)
class Held:
    """One received message. Times are the monotonic clock's; `refused` counts refused renewals in a row."""

    queue: str
    message: Message
    received_at: float
    extended_at: float
    receipt: str = field(repr=False)
    owner: str = ""
    refused: int = 0
    started_at: float | None = None
    delivery: Delivery | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return self.message.id


def owner_of(message: Message, share: Callable[[Message], str] | None) -> str:
    """Whose message it is, '' where owners take no turns."""
    try:
        return share(message) if share is not None else ""
    except Exception:  # whose a malformed message is cannot be told; it waits among its like to be rejected
        log.debug("message %s has no owner that could be told", message.id, exc_info=True)
        return ""


class Line:
    """Fair queueing by `Held.owner`: one message of each owner, then again; what one owner has keeps its order.

    Every step costs the same however long the line is.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[str, OrderedDict[str, Held]] = OrderedDict()
        self._length = 0

    def add(self, held: Held) -> None:
        """At the end of its owner's line; an owner who had nothing here is behind all others."""
        self._owners.setdefault(held.owner, OrderedDict())[held.id] = held
        self._length += 1

    def take(self, most: int) -> list[Held]:
        """The next ones, at most so many."""
        taken: list[Held] = []
        while len(taken) < most and self._owners:
            owner = next(iter(self._owners))
            theirs = self._owners[owner]
            taken.append(theirs.popitem(last=False)[1])
            if theirs:
                self._owners.move_to_end(owner)
            else:
                del self._owners[owner]
        self._length -= len(taken)
        return taken

    def discard(self, held: Held) -> None:
        """Take it out, if it is here."""
        if held not in self:
            return
        theirs = self._owners[held.owner]
        del theirs[held.id]
        self._length -= 1
        if not theirs:
            del self._owners[held.owner]

    def __contains__(self, held: Held) -> bool:
        theirs = self._owners.get(held.owner)
        return theirs is not None and theirs.get(held.id) is held

    def __iter__(self) -> Iterator[Held]:
        for theirs in self._owners.values():
            yield from theirs.values()

    def __len__(self) -> int:
        return self._length

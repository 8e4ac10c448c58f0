"""Changes of queues themselves, as repairs: make one, set its attributes, delete an empty one, empty one."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.errors import Both, WorkFailed
from academyctl.ops.shell_words import packed
from academyctl.repairs import Changed
from academyctl.stores.queue_admin import held

if TYPE_CHECKING:
    from academyctl.stores import Stores

POLICY = "RedrivePolicy"


@dataclass(frozen=True)
class MakeQueue:
    """Make a queue that is not there. With `dlq` it gives up to that one after `max_receive` receives."""

    word: str
    name: str
    attributes: tuple[tuple[str, str], ...]
    dlq: str = ""
    max_receive: int = 0
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [f"{name}={value}" for name, value in self.attributes]
        told += [f"to {self.dlq} after {self.max_receive} receives"] if self.dlq else []
        return f"create {'queue' if self.dlq else 'dead-letter queue'} {self.name} ({', '.join(told)})"

    def do(self, stores: Stores) -> None:
        admin = stores.queue_admin
        if admin.raw(self.name) is not None:
            raise Changed(f"queue {self.name} was not created", why="somebody made it meanwhile")
        attributes = dict(self.attributes)
        if self.dlq:
            dead = admin.raw(self.dlq)
            if dead is None:
                raise Changed(f"queue {self.name} was not created", why=f"its dead-letter queue {self.dlq} is gone")
            attributes[POLICY] = json.dumps(
                {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": str(self.max_receive)}
            )
        admin.create(self.name, attributes)

    @property
    def undo(self) -> str:
        return _line(self.options, "delete", self.word, dlq=not self.dlq)


@dataclass(frozen=True)
class SetAttributes:
    """Set attributes while they are what the plan showed. `changes` are (name, before, after); '' is no policy."""

    word: str
    name: str
    changes: tuple[tuple[str, str, str], ...]
    dlq: bool = False
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = ", ".join(f"{name} {shown(name, old)} -> {shown(name, new)}" for name, old, new in self.changes)
        return f"set queue {self.name} {told}"

    def do(self, stores: Stores) -> None:
        now = stores.queue_admin.raw(self.name)
        if now is None:
            raise Changed(f"queue {self.name} was not changed", why="it is gone")
        for name, before, _after in self.changes:
            if now.get(name, "") != before:
                why = f"its {name} is {shown(name, now.get(name, ''))}, it was {shown(name, before)}"
                raise Changed(f"queue {self.name} was not changed", why=why)
        stores.queue_admin.set(self.name, {name: after for name, _before, after in self.changes})

    @property
    def undo(self) -> str:
        back = [word for name, before, _after in self.changes for word in ("--set", f"{name}={packed(before)}")]
        return _line(self.options, "tune", self.word, *back, dlq=self.dlq)


@dataclass(frozen=True)
class DeleteQueue:
    """Delete a queue, while nothing is in it."""

    word: str
    name: str
    dlq: bool = False
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"delete queue {self.name} (empty)"

    def do(self, stores: Stores) -> None:
        now = stores.queue_admin.raw(self.name)
        if now is None:
            raise Changed(f"queue {self.name} was not deleted", why="it is gone")
        if held(now):
            raise Changed(f"queue {self.name} was not deleted", why=f"it is not empty ({held(now)} in it)")
        stores.queue_admin.delete(self.name)

    @property
    def undo(self) -> str:
        return _line(self.options, "create", self.word)


@dataclass(frozen=True)
class Purge:
    """Throw away what is in a queue, while it is no more than the plan showed: (waiting, in flight, delayed)."""

    name: str
    counts: tuple[int, int, int]

    def __str__(self) -> str:
        waiting, taken, delayed = self.counts
        return f"throw away everything in {self.name} ({waiting} waiting, {taken} in flight, {delayed} delayed)"

    def do(self, stores: Stores) -> None:
        now = stores.queue_admin.raw(self.name)
        if now is None:
            raise Changed(f"{self.name} was not emptied", why="it is gone")
        if held(now) > sum(self.counts):
            why = f"it holds {held(now)} messages, it held {sum(self.counts)}"
            raise Changed(f"{self.name} was not emptied", why=why)
        stores.queue_admin.purge(self.name)

    @property
    def undo(self) -> str:
        return "nothing: what was thrown away cannot be brought back"


def refuse_unless_empty(name: str, count: int) -> None:
    """Raises WorkFailed for a queue that holds messages: deleting one is not how they are thrown away."""
    if count:
        raise WorkFailed(
            Both(
                f"{name} is not empty ({count} in it) and is not deleted",
                f"{name}이(가) 비어 있지 않아 삭제하지 않습니다 ({count}개)",
            ),
            remedy=Both(
                f"let workers finish them, or throw them away first: academyctl queue purge {name}",
                f"워커가 처리하게 두거나 먼저 비우세요: academyctl queue purge {name}",
            ),
            code="not-empty",
        )


def shown(name: str, value: str) -> str:
    """An attribute's value for people."""
    if not value:
        return "none"
    if name != POLICY:
        return value
    try:
        said = json.loads(value)
        return f"{str(said['deadLetterTargetArn']).rsplit(':', 1)[-1]} after {said['maxReceiveCount']} receives"
    except (ValueError, KeyError, TypeError):
        return value


def _line(options: tuple[str, ...], *words: str, dlq: bool = False) -> str:
    return shlex.join(("academyctl", *options, "queue", *words, *(("--dlq",) if dlq else ()), "--apply"))

"""Dead letters moved back by SQS itself: a task that runs at AWS, whoever started it; it is watched, and stopped.

It moves every letter and cannot choose; a copy is a new message, and keeps what a worker wrote on the letter.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.errors import AwsError, Both, UsageError
from academyctl.ops.queues import queue_specs
from academyctl.repairs import Changed
from academyctl.stores.queue_admin import Move, held

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.queue_admin import QueueAdmin

FIRST_PAUSE_S = 0.05
PAUSE_S = 2.0
APPEARS_S = 20.0
"""A task that was just started may be missing from the list so long."""


@dataclass(frozen=True)
class Moving:
    """What a native redrive finds: the dead-letter queue's ARN, how much it holds, its tasks, newest first."""

    arn: str
    count: int
    moves: tuple[Move, ...]

    @property
    def running(self) -> Move | None:
        return next((one for one in self.moves if one.running), None)


@dataclass(frozen=True)
class StartMove:
    """Let SQS move every dead letter back to its queue. `rate` is messages a second, None as SQS decides."""

    word: str
    dlq: str
    queue: str
    count: int
    rate: int | None = None
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        paced = f", {self.rate} a second" if self.rate else ""
        return f"let SQS move every dead letter of {self.dlq} ({self.count}) to {self.queue}{paced}"

    def do(self, stores: Stores) -> None:
        admin = stores.queue_admin
        live, dead = admin.raw(self.queue), admin.raw(self.dlq)
        if live is None or dead is None:
            gone = self.queue if live is None else self.dlq
            raise Changed(f"the dead letters of {self.dlq} were not moved", why=f"{gone} is gone")
        refuse_shared(stores, self.dlq, self.queue)
        if any(one.running for one in admin.moves(dead["QueueArn"]) or ()):
            raise Changed(f"the dead letters of {self.dlq} were not moved", why="another task moves them already")
        admin.start_move(dead["QueueArn"], live["QueueArn"], rate=self.rate)

    @property
    def undo(self) -> str:
        return _line(self.options, self.word, "--cancel")


@dataclass(frozen=True)
class CancelMove:
    """Stop a running move; what was moved stays moved, the rest stays dead."""

    word: str
    dlq: str
    moved: int
    expected: int | None
    handle: str = field(repr=False)
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"stop SQS moving the dead letters of {self.dlq} ({progress(self.moved, self.expected)} moved)"

    def do(self, stores: Stores) -> None:
        dead = stores.queue_admin.raw(self.dlq)
        moves = stores.queue_admin.moves(dead["QueueArn"]) if dead is not None else ()
        if not any(one.status == "RUNNING" and one.handle == self.handle for one in moves or ()):
            raise Changed(f"the move from {self.dlq} was not stopped", why="it has ended")
        stores.queue_admin.cancel_move(self.handle, self.dlq)

    @property
    def undo(self) -> str:
        return _line(self.options, self.word)


def look(stores: Stores, dlq: str) -> Moving | None:
    """What is to be moved and what moves; None where this SQS has no move tasks. Raises AwsError."""
    raw = stores.queue_admin.raw(dlq)
    if raw is None:
        raise AwsError(
            f"there is no queue {dlq}",
            cause="missing",
            remedy=Both("make it: academyctl queue create", "만드세요: academyctl queue create"),
        )
    moves = stores.queue_admin.moves(raw["QueueArn"])
    return None if moves is None else Moving(raw["QueueArn"], held(raw), moves)


def refuse_shared(stores: Stores, dlq: str, queue: str) -> None:
    """Raises UsageError unless this queue alone gives its messages up to that one: the task cannot tell them apart."""
    said = {spec.name for spec in queue_specs(stores.settings.queues) if spec.dlq == dlq}
    sources = set(stores.queue_admin.sources(dlq))
    others = sorted((said | sources) - {queue})
    if others:
        raise UsageError(
            f"{dlq} holds the dead letters of {', '.join([queue, *others])}: SQS would move all of them to {queue}",
            remedy=Both(
                "leave --native out: letters are then told apart one by one",
                "--native 없이 실행하세요. 그러면 메시지를 하나씩 구분합니다",
            ),
            code="shared-dlq",
        )
    if queue not in sources:
        raise UsageError(
            f"SQS moves nothing from {dlq}: no redrive policy names it",
            remedy=Both(
                f"set the policy (academyctl queue tune {queue}), or leave --native out",
                f"정책을 설정하거나 (academyctl queue tune {queue}) --native 없이 실행하세요",
            ),
            code="not-a-dlq",
        )


def follow(
    admin: QueueAdmin,
    moving: Moving,
    *,
    pause: Callable[[float], None],
    seen: Callable[[Move], None] = lambda _move: None,
) -> Move | None:
    """The task that runs, or that was started after `moving` was looked at, when it has ended; None if none is seen."""
    current, wait_s, waited_s = moving.running, FIRST_PAUSE_S, 0.0
    known = {one.started_at for one in moving.moves if one is not current}
    while waited_s < APPEARS_S:
        found = next((one for one in admin.moves(moving.arn) or () if one.started_at not in known), None)
        if found is not None:
            seen(found)
            waited_s = 0.0
            if not found.running:
                return found
        pause(wait_s)
        waited_s, wait_s = waited_s + wait_s, min(PAUSE_S, wait_s * 2)
    return None


def progress(moved: int, expected: int | None) -> str:
    return f"{moved}" if expected is None else f"{moved} of {expected}"


def _line(options: tuple[str, ...], word: str, *more: str) -> str:
    return shlex.join(("academyctl", *options, "queue", "redrive", word, "--native", *more, "--apply"))

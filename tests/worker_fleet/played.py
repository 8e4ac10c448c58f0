"""A worker that may leave, on a clock that only the test moves, in a fleet that the test plays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.errors import AwsError, CannotTell
from academyctl.stores.imds import Fate
from academyctl.stores.sqs import Message
from workers._clock import Clock
from workers._gate import Gate
from workers._health import State
from workers._inflight import InFlight
from workers._leaving import Leave, Leaving
from workers._place import Hook, Place
from workers._signals import Inbox

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class Played(Place):
    """The place, as the test has it; `calls` are the changes that were asked for."""

    def __init__(self) -> None:
        super().__init__(None, _nobody, _nobody, (), per_worker=None)
        self.instance = "i-1"
        self.told: Fate | None = Fate(target="InService")
        self.why_needed = self.refusal = ""
        self.away = self.refuses_protection = False
        self.beats = True
        self.bug: Exception | None = None
        self.found: list[Hook] | None = []
        self.calls: list[str] = []

    def fate(self) -> Fate:
        if self.bug is not None:
            raise self.bug
        if self.told is None:
            raise CannotTell("no instance")
        return self.told

    def waiting(self) -> str:
        return self.needed()

    def needed(self) -> str:
        if self.bug is not None:
            raise self.bug
        if self.away:
            raise AwsError("sqs away", cause="unreachable")
        return self.why_needed

    def leave(self) -> str:
        self.calls.append("leave")
        return self.refusal

    def be_replaced(self) -> bool:
        self.calls.append("be replaced")
        return not self.refusal

    def protect(self, *, protected: bool) -> bool:
        self.calls.append("protect" if protected else "unprotect")
        return not self.refuses_protection

    def hooks(self) -> list[Hook] | None:
        return self.found

    def beat(self, hook: Hook) -> bool:
        self.calls.append("beat")
        return self.beats

    def complete(self, hook: Hook) -> bool:
        self.calls.append(f"complete {hook.name}")
        return True


def _nobody() -> Any:
    raise AssertionError("nobody is asked")


@dataclass
class World:
    idle_exit_s: float = 300
    leave_asg: bool = True
    clear: bool = True
    now: float = 1000.0
    place: Played = field(default_factory=Played)
    gate: Gate = field(default_factory=Gate)
    inbox: Inbox = field(default_factory=Inbox)

    def __post_init__(self) -> None:
        clock = Clock(lambda: self.now, lambda: NOW + timedelta(seconds=self.now - 1000))
        self.table = InFlight({"q": 1}, concurrency=1, prefetch=0, clock=clock.monotonic)
        self.state = State("video", "t", "h", 1, "1", NOW, 20, 20, ("q",), 1)
        self.leaving = Leaving(
            self.place, self.table, self.gate, self.inbox, clock, self.state, idle_exit_s=self.idle_exit_s,
            leave_asg=self.leave_asg, wait_s=20, notice_s=5, clear=lambda: self.clear,
        )  # fmt: skip

    def pass_s(self, seconds: float, *, empty: bool = True) -> Leave | None:
        """Time passes, polls find nothing, and the thread looks; how it wants to end."""
        self.now += seconds
        if empty:
            self.leaving.empty("q")
        self.leaving.tick()
        event = self.inbox.take()
        assert event is None or isinstance(event, Leave)
        return event

    def take(self, number: int = 1) -> None:
        room = self.table.reserve("q")
        self.table.fill("q", room, [Message(str(number), "{}", 1, None, receipt="r")])

    def finish(self) -> None:
        held = self.table.next()
        assert held is not None
        self.table.remove(held)

    def job(self) -> None:
        self.take()
        self.finish()

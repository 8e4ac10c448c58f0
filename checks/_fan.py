"""Many looks at once, each of which may fail or be late without taking the others with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from academyctl.errors import StoreError
from checks._trouble import Trouble, late, trouble

T = TypeVar("T")


class Clock(Protocol):
    """Whoever knows how long an answer may still take: a World is one."""

    def left_s(self) -> float: ...


def attempt(call: Callable[[], T]) -> T | Trouble:
    """The value, or why there is none."""
    try:
        return call()
    except StoreError as error:
        return trouble(error)


def within(world: Clock, what: str, call: Callable[[], T]) -> T | Trouble:
    """One call, late when the time is up."""
    return together(world, {what: call})[what]


def together(world: Clock, calls: Mapping[str, Callable[[], T]]) -> dict[str, T | Trouble]:
    """Every call on a thread of its own; what is not there when the time is up is late.

    The threads are daemons: a host that swallows packets must not keep the process from ending. An exception that is
    no StoreError is a bug and is raised here.
    """
    done: dict[str, T | Trouble] = {}
    bugs: list[Exception] = []

    def run(name: str, call: Callable[[], T]) -> None:
        try:
            done[name] = attempt(call)
        except Exception as error:  # noqa: BLE001 - carried to the caller's thread, where it becomes a crash finding
            bugs.append(error)

    threads = {
        name: threading.Thread(target=run, args=(name, call), name=f"look {name}", daemon=True)
        for name, call in calls.items()
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(world.left_s())
    if bugs:
        raise bugs[0]
    # A copy: a late thread may still write.
    seen = dict(done)
    return {name: seen.get(name, late(name)) for name in calls}

"""Messaging workers that are killed at a point of their work, and one that finishes what they left."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import eventually
from tests.faults.messaging.corner import Corner
from tests.faults.roster.hands import KEPT, Nursery
from tests.faults.roster.wire import Hold, Wire, wire

HELD_S = 30
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Point:
    """Where in its work a worker is held: once it has said these words to that server.

    `states` and `accepted` are what the database and Solapi know of its texts by then: rows by state, texts by stage.
    A point that is not where it says it is would prove nothing.
    """

    name: str
    server: str
    """db, solapi or sqs."""
    words: tuple[bytes, ...]
    hold: Hold = "question"
    states: Mapping[str, int] | None = None
    accepted: int = 0


@dataclass
class Hand:
    """One worker process."""

    pid: int
    log: Path
    crew: Crew

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.crew.reap(self.pid)

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)
        return self.crew.reap(self.pid)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


class Crew:
    """All worker processes; none outlives it. Scenes run in threads of their own and share it."""

    def __init__(self, corner: Corner) -> None:
        self.corner = corner
        self._nursery = Nursery("messaging")
        self._asking = threading.Lock()
        self._alive: set[int] = set()

    def start(self, queue: str, **env: str) -> Hand:
        folder, number = self.corner.folder, next(_NUMBERS)
        log = folder / f"worker{number}.log"
        given = {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **self.corner.env, "MESSAGING_SQS_QUEUE_NAME": queue,
            "ACADEMYCTL_HEALTH_FILE": str(folder / f"health{number}.json"), **env,
        }  # fmt: skip
        with self._asking:
            pid = self._nursery.ask(env=given, log=str(log), folder=str(folder))
            self._alive.add(pid)
        return Hand(pid, log, self)

    @contextmanager
    def held(self, queue: str, point: Point, **env: str) -> Iterator[tuple[Hand, Wire]]:
        """A worker that has come to this point. When the block ends, what is held there is lost."""
        host, port, ways = self._way(point.server)
        with wire(host, port, *point.words, hold=point.hold) as made:
            hand = self.start(queue, **ways(made.port), **env)
            assert made.held.wait(HELD_S), f"{point.name} was not reached:\n{hand.said()[-3000:]}"
            yield hand, made

    def kill_at(self, queue: str, point: Point, seen: Callable[[], object], *, max_receive: int = 1000) -> str:
        """Kill a worker at this point, once `seen` is true as well, and let time pass; the queue of what it left."""
        with self.held(queue, point) as (hand, _wire):
            try:
                eventually(seen)
            except pytest.fail.Exception as never:
                raise AssertionError(f"it is not yet, or no more, {point.name}:\n{hand.said()[-4000:]}") from never
            hand.kill()
        self.corner.pass_time(hand.pid)
        return self.corner.gather([queue], max_receive=max_receive)

    @contextmanager
    def at_work(self, queue: str, **env: str) -> Iterator[Hand]:
        """A worker that nothing happens to; it must end in order."""
        hand = self.start(queue, **env)
        try:
            yield hand
        except BaseException:
            hand.kill()
            raise
        assert hand.end() == 0, hand.said()[-3000:]

    def reap(self, pid: int) -> int:
        # One question after the other: a process that was told to end does so within its grace.
        with self._asking:
            code = self._nursery.ask(wait=pid)
            self._alive.discard(pid)
        return code

    def close(self) -> None:
        for pid in list(self._alive):
            os.kill(pid, signal.SIGKILL)
            self.reap(pid)
        self._nursery.close()

    def _way(self, server: str) -> tuple[str, int, Callable[[int], dict[str, str]]]:
        """Where a server is, and the environment that leads a worker to another port instead."""
        env = self.corner.env
        if server == "db":
            return env["DB_HOST"], int(env["DB_PORT"]), lambda port: {"DB_PORT": str(port)}
        name = {"solapi": "SOLAPI_BASE_URL", "sqs": "AWS_ENDPOINT_URL"}[server]
        there = urlsplit(env[name])
        return there.hostname or "", there.port or 0, lambda port: {name: f"http://127.0.0.1:{port}"}


@pytest.fixture(scope="package")
def crew(corner: Corner) -> Iterator[Crew]:
    made = Crew(corner)
    yield made
    made.close()


def in_parallel(scenes: Iterable[Callable[[], object]]) -> None:
    """Run them all at once, each in a thread of its own; raise what the first failed one raised."""
    waiting = list(scenes)
    with ThreadPoolExecutor(len(waiting)) as pool:
        for running in [pool.submit(scene) for scene in waiting]:
            running.result()

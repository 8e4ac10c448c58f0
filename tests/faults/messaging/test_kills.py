"""kill -9 between the receipt of a text and its deletion: each is sent once and billed once, wherever it happens."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from academyctl.messaging.model import State
from tests.conftest import eventually
from tests.faults.messaging.corner import Corner, Sent, everything_adds_up
from tests.faults.messaging.crew import Crew, Point, in_parallel
from tests.faults.messaging.points import ACCEPTED, HALVES, POINTS, RECOVERIES, REDRIVES

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(os.name == "nt", reason="forks and SIGKILL")]

CRASHES = int(os.environ.get("ACADEMYCTL_TEST_CRASHES", "0"))
"""How many workers are killed at least; by default each point has one."""

UNWANTED = "refused_by_solapi: [ValidationError] by script"
"""What an operator may mend is a dead letter."""


@dataclass
class Volley:
    """One worker for every point, all at once, each with a queue of its own; one that finishes what they left."""

    corner: Corner
    crew: Crew
    texts: list[Sent] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)

    def scenes(self) -> list[Callable[[], None]]:
        firsts = [partial(self.killed, point) for point in POINTS]
        seconds = [partial(self.killed, ACCEPTED, point) for point in RECOVERIES]
        charged = [partial(self.killed_after_a_charge, point) for point in REDRIVES]
        return [*firsts, *seconds, *charged, *[partial(self.killed_amid_halves, point) for point in HALVES]]

    def killed(self, *points: Point) -> None:
        """A handful of texts, and one worker after the other dies over it."""
        queue = self.corner.queue()
        self.die(queue, self.corner.handful(queue, self.corner.academies()), *points)

    def killed_after_a_charge(self, point: Point) -> None:
        """Texts of an academy without credit, which are dead letters until it is charged."""
        queue = self.corner.queue()
        academy = self.corner.academies([850], balance=0)[0]
        texts = [self.corner.put(queue, academy, named=named) for named in (True, False, False)]
        with self.crew.at_work(queue, MESSAGING_CREDIT_WAIT_SECONDS="0") as worker:
            eventually(lambda: self.corner.is_over(queue), timeout=30, every=0.05)
        assert self.corner.sqs.left(f"{queue}-dlq") == len(texts), worker.said()
        self.corner.charge(academy)
        self.die(self.corner.redrive(queue), texts, point)

    def killed_amid_halves(self, point: Point) -> None:
        """Four texts, of which the second makes Solapi refuse every request that it is in."""
        queue = self.corner.queue()
        academy = self.corner.academies([850])[0]
        word = f"unwanted-{queue}."
        self.corner.solapi.script({"do": "refuse", "code": "ValidationError", "contains": word, "times": 0})
        good = [self.corner.put(queue, academy) for _ in range(3)]
        self.die(queue, [*good, replace(self.corner.put(queue, academy, text=word), state=State.FAILED)], point)

    def die(self, queue: str, texts: list[Sent], *points: Point) -> None:
        for point in points:
            queue = self.crew.kill_at(queue, point, lambda point=point: self.is_at(point, texts))  # type: ignore[misc]
        self.queues.append(queue)
        self.texts += texts

    def is_at(self, point: Point, texts: list[Sent]) -> bool:
        rows = Counter(self.corner.states(texts).values())
        accepted = self.corner.arrived(texts).total()
        return point.states is None or (accepted == point.accepted and rows == point.states)

    def recover(self) -> None:
        queue = self.corner.gather(self.queues)
        with self.crew.at_work(queue):
            eventually(lambda: self.corner.is_over(queue), timeout=60, every=0.05)
        letters = [letter for one in (*self.queues, queue) for letter in self.corner.sqs.peek(f"{one}-dlq")]
        reasons = [letter.attributes["academyctl.reason"]["StringValue"] for letter in letters]
        assert reasons == [UNWANTED] * len(HALVES)


def test_kill_9_at_every_point_sends_and_bills_each_text_once(corner: Corner, crew: Crew) -> None:
    crashes = 0
    while crashes == 0 or crashes < CRASHES:
        volley = Volley(corner, crew)
        in_parallel(volley.scenes())
        volley.recover()
        everything_adds_up(corner, volley.texts)
        crashes += len(POINTS) + 2 * len(RECOVERIES) + len(REDRIVES) + len(HALVES)
    print(f"{crashes} workers killed")

"""Scaling policies over days of uploads: a discrete-event simulation of one queue, one group and its workers.

Ours decide with the very functions of `policy`; AWS's target tracking and step scaling are models (`scalers`). What it
knows of SQS: a message in a worker's hands is in flight until its visibility ends, and after `MAX_RECEIVE` receives it
goes to the dead-letter queue. All times are seconds from the first day's midnight.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from academyctl.ops.policy import Bounds, Depth
from academyctl.ops.scalers import Scaler, Setup
from academyctl.ops.traces import Job

MAX_RECEIVE = 3
TICK_S = 60
# A policy that loses jobs for ever must end: so long after the last upload the rest counts as unfinished.
_PATIENCE_S = 30 * 86400


@dataclass(frozen=True)
class Outcome:
    """What became of a trace under a policy. `waits_s`: upload to the start of the run that finished, by job."""

    name: str
    waits_s: tuple[float, ...]
    instance_h: float
    killed: int
    wasted_h: float
    dead: int
    unfinished: int
    peak: int
    timeline: tuple[int, ...]
    """The most instances of each hour."""

    @property
    def mean_min(self) -> float:
        return sum(self.waits_s) / len(self.waits_s) / 60 if self.waits_s else 0.0

    @property
    def max_min(self) -> float:
        return max(self.waits_s, default=0.0) / 60

    def percentile_min(self, share: float) -> float:
        """The wait in minutes that this share of the jobs did not exceed."""
        ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 60 if ordered else 0.0


@dataclass
class _Message:
    job: Job
    receives: int = 0


@dataclass
class _Instance:
    launched: float
    ready: float
    message: _Message | None = None
    started: float = 0.0
    run: int = 0
    idle_since: float = 0.0


@dataclass(frozen=True)
class _Run:
    instance: _Instance
    number: int


@dataclass
class _World:
    setup: Setup
    rng: random.Random
    now: float = 0.0
    desired: int = 0
    visible: deque[_Message] = field(default_factory=deque)
    hidden: int = 0
    there: list[_Instance] = field(default_factory=list)
    events: list[tuple[float, int, str, object]] = field(default_factory=list)
    order: itertools.count[int] = field(default_factory=itertools.count)
    waits: list[float] = field(default_factory=list)
    used_s: float = 0.0
    killed: int = 0
    wasted_s: float = 0.0
    dead: int = 0
    peaks: dict[int, int] = field(default_factory=dict)

    def at(self, when: float, what: str, subject: object = None) -> None:
        heapq.heappush(self.events, (when, next(self.order), what, subject))

    @property
    def busy(self) -> int:
        return sum(one.message is not None for one in self.there)

    @property
    def in_service(self) -> int:
        return sum(one.ready <= self.now for one in self.there)


def simulate(name: str, setup: Setup, jobs: Sequence[Job], *, seed: int = 1) -> Outcome:
    """Run the jobs through this setup until each is done or dead. `seed` chooses the victims of a scale-in."""
    world = _World(setup, random.Random(seed))  # noqa: S311 - uploads, no secrets
    scaler = setup.scaler()
    for job in jobs:
        world.at(job.arrived_s, "arrived", job)
    end = max((job.arrived_s for job in jobs), default=0.0)
    _resize(world, setup.start)
    world.at(TICK_S, "tick")
    while world.events and world.now < end + _PATIENCE_S:
        world.now, _, what, subject = heapq.heappop(world.events)
        if what == "tick":
            left = world.now < end or world.visible or world.hidden or world.busy
            if not left and world.now >= _whole_days(end):
                break
            _tick(world, scaler)
        else:
            _HANDLERS[what](world, subject)
        _assign(world)
        hour = int(world.now // 3600)
        world.peaks[hour] = max(world.peaks.get(hour, 0), len(world.there))
    world.used_s += sum(world.now - one.launched for one in world.there)
    return Outcome(
        name=name,
        waits_s=tuple(world.waits),
        instance_h=world.used_s / 3600,
        killed=world.killed,
        wasted_h=world.wasted_s / 3600,
        dead=world.dead,
        unfinished=len(jobs) - len(world.waits) - world.dead,
        peak=max(world.peaks.values(), default=0),
        timeline=tuple(world.peaks.get(hour, 0) for hour in range(int(world.now // 3600) + 1)),
    )


def _whole_days(seconds: float) -> float:
    return (seconds // 86400 + 1) * 86400


def _tick(world: _World, scaler: Scaler) -> None:
    """A minute has passed: the scaler looks and decides, idle workers leave."""
    depth = Depth(len(world.visible), world.hidden + world.busy)
    bounds = Bounds(world.setup.min, world.setup.max)
    # Also when it stays: an instance that was protected when the size was lowered goes once it is idle.
    _resize(world, scaler.decide(depth, world.desired, world.in_service, bounds))
    if world.setup.idle_exit_s:
        _leave(world, world.setup.idle_exit_s)
    world.at(world.now + TICK_S, "tick")


def _leave(world: _World, idle_exit_s: float) -> None:
    """Workers that idled long enough end their own instance, down to the minimum, while nothing waits."""
    for one in [one for one in world.there if one.ready <= world.now and one.message is None]:
        if world.visible or world.in_service <= world.setup.min or world.desired <= world.setup.min:
            return
        if world.now - one.idle_since >= idle_exit_s:
            _end(world, one)
            world.desired -= 1


def _resize(world: _World, wanted: int) -> None:
    world.desired = wanted
    while len(world.there) < wanted:
        one = _Instance(world.now, world.now + world.setup.boot_s, idle_since=world.now + world.setup.boot_s)
        world.there.append(one)
        world.at(one.ready, "ready", one)
    if len(world.there) <= wanted:
        return
    victims = [one for one in world.there if one.message is None] if world.setup.protects else list(world.there)
    world.rng.shuffle(victims)
    for victim in victims[: len(world.there) - wanted]:
        _kill(world, victim)


def _kill(world: _World, victim: _Instance) -> None:
    """AWS ends an instance: the message in its hands comes back when its visibility ends."""
    if (message := victim.message) is not None:
        world.killed += 1
        worked = world.now - victim.started
        world.wasted_s += worked
        fixed = world.setup.visibility_s
        back_s = 0.0 if world.setup.drains else fixed - (worked % (fixed / 2) if world.setup.renews else worked)
        world.hidden += 1
        world.at(world.now + max(0.0, back_s), "back", message)
    _end(world, victim)


def _end(world: _World, one: _Instance) -> None:
    world.used_s += world.now - one.launched
    one.run += 1
    one.message = None
    world.there.remove(one)


def _assign(world: _World) -> None:
    """Idle workers receive what is visible; a message received too often goes to the dead-letter queue instead."""
    if not world.visible:
        return
    for one in world.there:
        if one.ready > world.now or one.message is not None:
            continue
        while world.visible and one.message is None:
            message = world.visible.popleft()
            message.receives += 1
            if message.receives > MAX_RECEIVE:
                world.dead += 1
                continue
            one.message, one.started, one.run = message, world.now, one.run + 1
            world.at(world.now + message.job.encode_s, "done", _Run(one, one.run))


def _arrived(world: _World, job: object) -> None:
    assert isinstance(job, Job)
    world.visible.append(_Message(job))
    if world.setup.one_job:
        outstanding = len(world.visible) + world.hidden + world.busy
        _resize(world, max(world.desired, min(world.setup.max, outstanding)))


def _back(world: _World, message: object) -> None:
    assert isinstance(message, _Message)
    world.hidden -= 1
    world.visible.append(message)


def _done(world: _World, ended: object) -> None:
    assert isinstance(ended, _Run)
    one = ended.instance
    if one.run != ended.number or one.message is None:
        return  # that run was killed
    world.waits.append(one.started - one.message.job.arrived_s)
    one.message, one.idle_since = None, world.now
    if world.setup.one_job:
        _end(world, one)
        world.desired -= 1


def _ready(world: _World, one: object) -> None:
    """An instance has booted; `_assign` gives it work."""


_HANDLERS = {"arrived": _arrived, "back": _back, "done": _done, "ready": _ready}

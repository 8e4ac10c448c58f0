"""Who decides a group's size each minute: our policies as they are, and models of what AWS and the guides do."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from academyctl.ops import policy
from academyctl.ops.policy import Bounds, Depth

HIGH_MINUTES = 3
LOW_MINUTES = 15
"""Datapoints of a target-tracking policy's two alarms, as AWS makes them."""

SIX_HOURS = 6 * 3600.0
LEASE_S = 60.0
_IDLE_EXIT_S = 300.0
_BATCH_BOOT_S = 180.0
_BACKLOG_TARGET = 0.33
"""Ten minutes of waiting accepted, half an hour of encoding: backlog per instance as AWS's guide computes it."""


class Scaler(Protocol):
    """Asked once a minute for the desired capacity."""

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int: ...


@dataclass(frozen=True)
class Setup:
    """A policy with everything around it that decides what a scale-in costs.

    `renews`: a short visibility, renewed while the job runs; else it is fixed. `protects`: busy instances are protected
    from scale-in. `drains`: a worker that is told to stop gives its message back. `one_job`: an instance for each job.
    """

    scaler: Callable[[], Scaler]
    min: int = 1
    max: int = 10
    visibility_s: float = LEASE_S
    renews: bool = True
    protects: bool = False
    drains: bool = False
    idle_exit_s: float = 0.0
    boot_s: float = 120.0
    one_job: bool = False

    @property
    def start(self) -> int:
        return self.min


@dataclass(frozen=True)
class Ours:
    """A function of `policy`, as the Lambda function runs it."""

    rule: Callable[..., policy.Decision]
    per_worker: int = 1

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        del in_service
        return self.rule(depth, desired, bounds, per_worker=self.per_worker).desired


@dataclass(frozen=True)
class Fixed:
    size: int

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        del depth, in_service
        return policy.fixed(desired, self.size, bounds).desired


@dataclass(frozen=True)
class GuideLambda:
    """Guide 001's function as it is: sets the size both ways, busy or not."""

    per_worker: int

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        del desired, in_service
        total = depth.visible + depth.in_flight
        return bounds.clamp(math.ceil(total / self.per_worker)) if total else bounds.min


@dataclass
class Tracking:
    """AWS's target tracking: sizes in proportion when the metric was above the target for three minutes, or below
    nine tenths of it for fifteen. A metric without a value (nothing in service) breaches nothing."""

    metric: Callable[[Depth, int], float | None]
    target: float
    seen: deque[float] = field(default_factory=lambda: deque(maxlen=LOW_MINUTES))

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        value = self.metric(depth, in_service)
        if value is None:
            return desired
        self.seen.append(value)
        newest = list(self.seen)
        # While instances boot AWS counts them as there, so that it does not ask for the same ones again.
        if len(newest) >= HIGH_MINUTES and min(newest[-HIGH_MINUTES:]) > self.target:
            base = max(1, in_service)
            return max(desired, bounds.clamp(math.ceil(base * value / self.target)))
        if len(newest) == LOW_MINUTES and max(newest) < 0.9 * self.target:
            return min(desired, bounds.clamp(math.ceil(in_service * value / self.target)))
        return desired


@dataclass(frozen=True)
class StepAlarm:
    """Guide 001, 5-A: one more for every minute in which something waits; nothing lowers it."""

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        del in_service
        return bounds.clamp(desired + 1) if depth.visible else desired


@dataclass(frozen=True)
class OnePerMessage:
    """AWS Batch: a machine for each job."""

    def decide(self, depth: Depth, desired: int, in_service: int, bounds: Bounds) -> int:
        del in_service
        return max(desired, bounds.clamp(depth.outstanding))


def total(depth: Depth, in_service: int) -> float | None:
    """Guide 003's metric: everything in the queue."""
    del in_service
    return float(depth.visible + depth.in_flight)


def backlog(depth: Depth, in_service: int) -> float | None:
    """AWS's guide: what waits for each instance in service."""
    return depth.visible / in_service if in_service else None


def setups(*, least: int, most: int) -> dict[str, Setup]:
    """What `scaling simulate` compares, by name; `least` and `most` are the group's sizes."""

    def made(scaler: Callable[[], Scaler], **more: object) -> Setup:
        return Setup(scaler, **{"min": least, "max": most, **more})  # type: ignore[arg-type]  # the fields above

    def tracking(metric: Callable[[Depth, int], float | None], target: float) -> Callable[[], Scaler]:
        return lambda: Tracking(metric, target)

    old = {"visibility_s": SIX_HOURS, "renews": False}
    return {
        "outstanding": made(lambda: Ours(policy.outstanding), idle_exit_s=_IDLE_EXIT_S, protects=True),
        "outstanding-min-0": made(lambda: Ours(policy.outstanding), min=0, idle_exit_s=_IDLE_EXIT_S, protects=True),
        "batch": made(OnePerMessage, min=0, boot_s=_BATCH_BOOT_S, one_job=True),
        "tt-backlog": made(tracking(backlog, _BACKLOG_TARGET), protects=True),
        "tt-backlog-unprotected": made(tracking(backlog, _BACKLOG_TARGET), **old),
        "lambda-rule": made(lambda: Ours(policy.lambda_rule), protects=True),
        "guide-001-per-1": made(lambda: GuideLambda(1), **old),
        "guide-001-per-20": made(lambda: GuideLambda(20), **old),
        "tt-total": made(tracking(total, 1.0)),
        "step-alarm": made(StepAlarm),
        "fixed-1": made(lambda: Fixed(1), min=1),
    }

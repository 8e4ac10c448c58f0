"""Uploads to simulate: seeded weeks of an academy, or what a file recorded."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from academyctl.errors import Both, UsageError

# Lectures are uploaded when they end: lessons of the afternoon and the evening, by hour of the day.
_HOURS = {9: 1, 10: 1, 11: 1, 13: 1, 14: 2, 15: 2, 16: 3, 17: 4, 18: 5, 19: 5, 20: 6, 21: 8, 22: 6, 23: 2}
_WEEKEND = 1.3
LOADS = ("usual", "double", "exam")
_A_DAY = 15.0
_MEAN_S = 30 * 60
_SPREAD = 0.7
_SHORTEST_S, _LONGEST_S = 120.0, 3 * 3600.0
# How many of a lesson's recordings come at once: several classes end with the same bell.
_BELL = (1, 1, 1, 1, 1, 2)


@dataclass(frozen=True)
class Job:
    """An upload: when its message is sent, and for how long a worker encodes it, in seconds."""

    arrived_s: float
    encode_s: float


def seeded(*, seed: int, days: int, load: str = "usual") -> tuple[Job, ...]:
    """Uploads of `days` days; equal arguments give equal uploads.

    `double` has twice as many, `exam` three times as many in the last quarter of the days.
    """
    rng = random.Random(seed)  # noqa: S311 - uploads, no secrets
    jobs: list[Job] = []
    for day in range(days):
        wanted = _A_DAY * (_WEEKEND if day % 7 in (5, 6) else 1.0) * _factor(load, day, days)
        count = 0
        while count < wanted:
            hour = rng.choices(list(_HOURS), weights=list(_HOURS.values()))[0]
            bell = day * 86400 + hour * 3600 + rng.randrange(6) * 600
            for _ in range(rng.choice(_BELL)):
                jobs.append(Job(bell + rng.uniform(0, 300), _encode_s(rng)))
                count += 1
    return tuple(sorted(jobs, key=lambda one: one.arrived_s))


def _factor(load: str, day: int, days: int) -> float:
    if load == "double":
        return 2.0
    return 3.0 if load == "exam" and day >= days * 3 / 4 else 1.0


def _encode_s(rng: random.Random) -> float:
    return min(_LONGEST_S, max(_SHORTEST_S, rng.lognormvariate(math.log(_MEAN_S) - _SPREAD**2 / 2, _SPREAD)))


def recorded(path: Path) -> tuple[Job, ...]:
    """The uploads of a CSV file: when (seconds, or a time as ISO 8601), encode seconds; a first line of words is
    left out. Raises UsageError naming the line that is no upload."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            Both(f"{path} cannot be read", f"{path}을(를) 읽을 수 없습니다"), why=str(error), remedy=_SHAPE
        ) from error
    found: list[Job] = []
    for number, row in enumerate(rows, 1):
        if not "".join(row).strip():
            continue
        try:
            at_s, encode_s = _seconds(row[0].strip()), float(row[1])
        except (ValueError, IndexError) as error:
            if number == 1:
                continue
            raise UsageError(f"{path} line {number} is no upload", why=",".join(row)[:80], remedy=_SHAPE) from error
        if not (math.isfinite(at_s) and 0 < encode_s < math.inf):
            raise UsageError(f"{path} line {number} is no upload", why=",".join(row)[:80], remedy=_SHAPE)
        found.append(Job(at_s, encode_s))
    if not found:
        raise UsageError(Both(f"{path} has no uploads", f"{path}에 업로드가 없습니다"), remedy=_SHAPE)
    return _from_midnight(found)


_SHAPE = Both(
    "each line: time (2026-02-21T18:05:00Z, or seconds), encode seconds",
    "한 줄에 하나씩: 시각(2026-02-21T18:05:00Z 또는 초), 인코딩 시간(초)",
)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _from_midnight(jobs: Sequence[Job]) -> tuple[Job, ...]:
    first = min(one.arrived_s for one in jobs) // 86400 * 86400
    return tuple(sorted((Job(one.arrived_s - first, one.encode_s) for one in jobs), key=lambda one: one.arrived_s))

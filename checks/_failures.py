"""Work that failed by the reasons it gave: how much of it, and whose fault the most frequent reason names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks._model import Verdict

HOURS = 24
MIN_ENDED = 5
"""Of fewer attempts a share says nothing."""
WARN_PERCENT = 30
FAIL_PERCENT = 80
Group = tuple[str, str, Verdict]
"""(pattern of the reason, what it is about, whose fault)"""


@dataclass(frozen=True)
class Reason:
    """A reason as the worker wrote it, and how often."""

    text: str
    count: int


def share(failed: int, ended: int) -> int:
    """Percent of failures; 0 while too little was tried."""
    return round(100 * failed / ended) if ended >= MIN_ENDED else 0


def blamed(reasons: Sequence[Reason], groups: Sequence[Group]) -> tuple[str, Verdict]:
    """What the largest group of reasons is about, and whose fault it is; reasons of no group are about the data."""
    weight: dict[tuple[str, Verdict], int] = {}
    for reason in reasons:
        found = next(
            ((about, cause) for pattern, about, cause in groups if re.search(pattern, reason.text)),
            ("other", Verdict.data),
        )
        weight[found] = weight.get(found, 0) + reason.count
    return max(weight, key=lambda one: weight[one], default=("other", Verdict.data))


def told(reasons: Sequence[Reason]) -> list[tuple[str, str]]:
    """Evidence: the three most frequent."""
    return [("reason", f"{reason.count} x {reason.text}") for reason in reasons[:3]]


def reasons_of(rows: Sequence[Mapping[str, object]]) -> tuple[Reason, ...]:
    """From rows with reason and count."""
    return tuple(Reason(str(row["reason"]), int(str(row["count"]))) for row in rows)

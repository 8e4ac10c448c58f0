"""How many instances a group should have: pure functions, shared by the Lambda functions, the CLI and the simulation.

Standard library only, and importable without academyctl: this very file is packed beside each function's handler.
Nobody counts an unread queue as an empty one (contract 11 #36), and nobody lowers what may be at work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

RAISE, HOLD, LOWER = "raise", "hold", "lower"


@dataclass(frozen=True)
class Depth:
    """Messages of the queues that one group works off: waiting, in a worker's hands, delayed."""

    visible: int
    in_flight: int
    delayed: int = 0

    @property
    def outstanding(self) -> int:
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True)
class Bounds:
    """MinSize and MaxSize of the group."""

    min: int
    max: int

    def clamp(self, wanted: int) -> int:
        return max(self.min, min(self.max, wanted))


@dataclass(frozen=True)
class Decision:
    """The desired capacity to have now; `action` is raise, hold or lower, `why` a stable word with its numbers."""

    desired: int
    action: str
    why: str


def outstanding(depth: Depth | None, desired: int, bounds: Bounds, *, per_worker: int = 1) -> Decision:
    """The default: out by count, never in. Idle workers leave by themselves; an unread queue (None) holds.

    A desired capacity above the maximum, set by hand, is left: it is not ours to lower either.
    """
    if depth is None:
        return Decision(desired, HOLD, "unread")
    wanted = bounds.clamp(math.ceil(depth.outstanding / per_worker))
    if wanted > desired:
        return Decision(wanted, RAISE, f"outstanding={depth.outstanding}")
    return Decision(desired, HOLD, f"outstanding={depth.outstanding}")


def lambda_rule(depth: Depth | None, desired: int, bounds: Bounds, *, per_worker: int = 1, busy: int = 0) -> Decision:
    """Guide 001's function, mended: out by count, in to the minimum only when nothing waits and nothing is in hand.

    `busy` are instances that say themselves that they work (protected from scale-in): never fewer than those.
    """
    if depth is None:
        return Decision(desired, HOLD, "unread")
    if depth.outstanding == 0:
        # What they hold no message for any more may still be written: a count of 0 does not end an instance at work.
        wanted, why = bounds.clamp(busy), "empty"
    else:
        wanted = bounds.clamp(math.ceil((depth.visible + depth.in_flight) / per_worker))
        why = f"visible={depth.visible} in_flight={depth.in_flight}"
    if wanted > desired:
        return Decision(wanted, RAISE, why)
    if wanted < desired and depth.outstanding == 0:
        return Decision(wanted, LOWER, why)
    return Decision(desired, HOLD, why)


def start_stopped(
    depth: Depth | None, *, up: int, stopped: int, most: int, at_least: int = 1, per_worker: int = 1, cooling: bool
) -> tuple[int, str]:
    """(how many stopped instances to start, why): the older function of contract 8.2, which sizes no group.

    `up` are pending or running, `most` the largest number of them. Nothing is started on an unread queue, within the
    cooldown of the last start, or for fewer than `at_least` waiting messages.
    """
    if depth is None:
        return 0, "unread"
    if depth.visible < at_least:
        return 0, "desired_zero"
    wanted = min(most, math.ceil(depth.outstanding / per_worker))
    if up >= wanted:
        return 0, "non_stopped_exists"
    if cooling:
        return 0, "cooldown"
    if not stopped:
        return 0, "no_stopped"
    return min(stopped, wanted - up), f"visible={depth.visible} in_flight={depth.in_flight}"


def fixed(desired: int, size: int, bounds: Bounds) -> Decision:
    """Always so many."""
    wanted = bounds.clamp(size)
    return Decision(wanted, RAISE if wanted > desired else LOWER if wanted < desired else HOLD, f"fixed={size}")

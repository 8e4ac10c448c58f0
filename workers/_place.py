"""This process's place in the fleet: its instance, the instance's Auto Scaling group, and the calls about the two.

One worker process an instance. Nothing here ends a worker: what AWS refuses, or cannot be asked, means 'stay'.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from academyctl.errors import AwsError, CannotTell
from academyctl.ops import policy
from academyctl.stores.asg import AutoScaling
from academyctl.stores.imds import Fate, Imds
from academyctl.stores.sqs import Sqs

log = logging.getLogger("academyctl.worker")

OURS = "-drain"
"""How the names of the hooks end that a worker answers; another program's hooks are that program's to answer."""
IN_SERVICE = "InService"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
REFUSED = "ValidationError"


@dataclass(frozen=True)
class Hook:
    """A termination hook of the group that waits for the worker; times in seconds."""

    group: str
    name: str
    beat_s: float
    most_s: float


class Place:
    """See the module. `per_worker` None: how many messages an instance works on is not known."""

    def __init__(
        self,
        imds: Imds | None,
        groups: Callable[[], AutoScaling],
        queues: Callable[[], Sqs],
        names: Sequence[str],
        *,
        per_worker: int | None,
    ) -> None:
        self._imds = imds
        self._groups = groups
        self._queues = queues
        self._names = tuple(names)
        self._per_worker = per_worker
        self._group = ""
        self.instance = ""
        """The instance's id, once it is known."""

    def fate(self) -> Fate:
        """What AWS has announced for the instance. Raises CannotTell, also where there is no instance."""
        if self._imds is None:
            raise CannotTell("instance metadata is switched off", why="AWS_EC2_METADATA_DISABLED")
        self.instance = self.instance or self._imds.instance_id()
        return self._imds.fate()

    def waiting(self) -> str:
        """Why the worker is needed here, by what its queues hold; '' when nothing waits. Raises AwsError."""
        return f"messages wait: {depth.visible}" if (depth := self._depth()).visible else ""

    def needed(self) -> str:
        """Why the instance must stay, asked for now; '' when it may leave. Raises AwsError.

        Scaling out is the function's business, and it counts as this does: who leaves while the count asks for as many
        as there are would only be started again.
        """
        if not self.instance:
            return "the instance's id is not known"
        found = self._groups().group_of(self.instance)
        if found is None or found[1] != IN_SERVICE:
            return f"the instance is {found[1]}" if found else "the instance is in no Auto Scaling group"
        self._group = found[0]
        raw = self._groups().raw_group(self._group) or {}
        least, desired = int(raw.get("MinSize", 0)), int(raw.get("DesiredCapacity", 0))
        serving = sum(one.get("LifecycleState") == IN_SERVICE for one in raw.get("Instances", []))
        if min(serving, desired) <= least:
            return f"{self._group} has {serving} in service, desired {desired}, and needs {least}"
        depth = self._depth()
        if depth.visible:
            return f"messages wait: {depth.visible}"
        if self._per_worker is None:
            return ""
        bounds = policy.Bounds(least, max(least, desired))
        after = policy.outstanding(depth, desired - 1, bounds, per_worker=self._per_worker)
        return (
            f"messages, those in other hands and delayed ones too, need {desired} instances: {depth.outstanding}"
            if after.action == policy.RAISE
            else ""
        )

    def leave(self) -> str:
        """End the instance and lower the group's desired capacity with it; why AWS refused, '' = it is done.

        The one call that decides when several want to leave at once: AWS takes none below the minimum.
        """
        try:
            self._groups().leave(self.instance)
        except AwsError as error:
            if error.code != REFUSED:
                log.warning("the instance stays, for leaving failed: %s", error)
            return error.why or str(error)
        return ""

    def be_replaced(self) -> bool:
        """End the instance; the group starts another in its place. Whether it does."""
        return self._softly("the instance could not be replaced", lambda: self._groups().replace(self.instance))

    def protect(self, *, protected: bool) -> bool:
        """Scale-in protection of this instance; whether that is so now."""

        def call() -> None:
            group = self._my_group()
            if group:
                self._groups().protect(group, [self.instance], protected=protected)

        word = "protected from scale-in" if protected else "freed of its scale-in protection"
        return self._softly(f"{self.instance} could not be {word}", call)

    def hooks(self) -> list[Hook] | None:
        """The termination hooks that wait for a worker; None when they cannot be read."""
        found: list[Any] = []

        def call() -> None:
            group = self._my_group()
            found.extend(self._groups().lifecycle_hooks(group) if group else [])

        if not self._softly("the lifecycle hooks could not be read", call):
            return None
        return [
            Hook(self._group, str(one["LifecycleHookName"]), _seconds(one, "HeartbeatTimeout", 3600),
                 _seconds(one, "GlobalTimeout", 172800))
            for one in found
            if one.get("LifecycleTransition") == TERMINATING and str(one["LifecycleHookName"]).endswith(OURS)
        ]  # fmt: skip

    def beat(self, hook: Hook) -> bool:
        """Ask for another `beat_s` seconds."""
        return self._softly(
            f"the lifecycle hook {hook.name} could not be kept waiting",
            lambda: self._groups().beat_lifecycle(hook.group, hook.name, self.instance),
        )

    def complete(self, hook: Hook) -> bool:
        """Let the termination go on; False when AWS does not wait for that (yet)."""
        try:
            self._groups().complete_lifecycle(hook.group, hook.name, self.instance)
        except AwsError as error:
            log.debug("the lifecycle action of %s is not completed: %s", hook.name, error)
            return False
        log.info("the termination of %s may go on (%s)", self.instance, hook.name)
        return True

    def _my_group(self) -> str:
        if not self._group:
            found = self._groups().group_of(self.instance)
            self._group = found[0] if found else ""
        return self._group

    def _depth(self) -> policy.Depth:
        seen = [self._queues().attributes(name) for name in self._names]
        return policy.Depth(
            sum(one.visible for one in seen), sum(one.in_flight for one in seen), sum(one.delayed for one in seen)
        )

    def _softly(self, what: str, call: Callable[[], None]) -> bool:
        try:
            call()
        except AwsError as error:
            log.warning("%s: %s", what, error)
            return False
        return True


def _seconds(raw: Any, name: str, otherwise: int) -> float:
    return float(raw.get(name) or otherwise)

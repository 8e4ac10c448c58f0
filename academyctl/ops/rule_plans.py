"""EventBridge rules switched on and off: what that would do, checked before AWS is asked."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.settings_model import Fleet
    from academyctl.stores import Stores

ON, OFF = "ENABLED", "DISABLED"
AIMLESS = Both(
    "the rule has no target: it fires and nothing runs",
    "규칙에 대상이 없어 실행되어도 아무 일도 일어나지 않습니다",
)
SLEEPS = Both(
    "what the rule's target does stops: if it scales the workers, they stay as many as they are now",
    "대상이 하던 일이 멈춥니다. 워커를 조절하던 규칙이면 워커 수가 지금 그대로 유지됩니다",
)
# AWS has a third state, which also takes CloudTrail's management events.
_ON = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


@dataclass(frozen=True)
class Switch:
    """Switch a rule on or off while it is the other."""

    word: str
    name: str
    before: str
    after: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"set rule {self.name} {self.before} -> {self.after}"

    def do(self, stores: Stores) -> None:
        found = stores.rules.raw(self.name)
        if found is None or found[0].get("State") != self.before:
            why = f"it is {found[0].get('State')}, it was {self.before}" if found else "it is gone"
            raise Changed(f"rule {self.name} was not changed", why=why)
        if self.after == ON:
            stores.rules.enable(self.name)
        else:
            stores.rules.disable(self.name)

    @property
    def undo(self) -> str:
        word = "disable" if self.after == ON else "enable"
        return shlex.join(("academyctl", *self.options, "rule", word, self.word, "--apply"))


def words(fleet: Fleet) -> dict[str, str]:
    """Word -> rule of the settings."""
    return {"depth": fleet.depth_rule, "autoscale": fleet.autoscale_rule}


def plan(
    word: str,
    rule: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    *,
    on: bool,
    options: Sequence[str] = (),
) -> tuple[tuple[Switch, ...], tuple[Both, ...]]:
    """(the change, what to know); no change when the rule is so already."""
    now = str(rule.get("State", ""))
    if (now in _ON) is on:
        return (), ()
    remarks = (SLEEPS,) if not on else () if targets else (AIMLESS,)
    return (Switch(word, str(rule["Name"]), now, ON if on else OFF, tuple(options)),), remarks

"""Sizes of the Auto Scaling groups by hand (guide 001, B.2): what a change would do, checked before AWS is asked."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.errors import Both, UsageError
from academyctl.repairs import Changed, Repair

if TYPE_CHECKING:
    from academyctl.settings_model import Fleet
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Group

ROLES = ("video", "ai", "messaging")
SCALER = Both(
    "a Lambda function or a scaling policy may set another size within a minute (academyctl diagnose scaling)",
    "Lambda나 스케일링 정책이 1분 안에 크기를 다시 바꿀 수 있습니다 (academyctl diagnose scaling)",
)
SHRINKS = Both(
    "AWS chooses which instance ends; a job on it starts anew when its message is visible again",
    "종료할 인스턴스는 AWS가 고릅니다. 그 위의 작업은 메시지가 다시 보이면 처음부터 다시 시작합니다",
)


@dataclass(frozen=True)
class Sizes:
    """Minimum, desired and maximum number of instances."""

    min: int
    desired: int
    max: int

    def __str__(self) -> str:
        return f"min={self.min} desired={self.desired} max={self.max}"


@dataclass(frozen=True)
class Resize:
    """Set a group's sizes, while it still has those that the plan showed. `options`: the run's, for its undo."""

    role: str
    name: str
    before: Sizes
    after: Sizes
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"set Auto Scaling group {self.name} {self.before} -> {self.after}"

    def do(self, stores: Stores) -> None:
        group = stores.fleet.groups([self.name]).get(self.name)
        now = sizes(group) if group else None
        # What scales the group sets its desired size each minute. Where that is no part of the change it is not
        # written at all: the number that was read may be old by now, and a lower one ends instances at work.
        bounds_alone = self.before.desired == self.after.desired
        if now is None or not (self._same_bounds(now) if bounds_alone else now == self.before):
            raise Changed(
                f"{self.name} was not changed", why=f"it has {now}, it had {self.before}" if now else "it is gone"
            )
        desired = None if bounds_alone else self.after.desired
        stores.fleet.resize(self.name, min=self.after.min, desired=desired, max=self.after.max)

    def _same_bounds(self, now: Sizes) -> bool:
        """Whether the bounds are as the plan showed them, and the new ones move no desired size."""
        same = (now.min, now.max) == (self.before.min, self.before.max)
        return same and self.after.min <= now.desired <= self.after.max

    @property
    def undo(self) -> str:
        old = self.before
        sizes = ("--min", str(old.min), "--desired", str(old.desired), "--max", str(old.max))
        return shlex.join(("academyctl", *self.options, "asg", "set", self.role, *sizes, "--apply"))


@dataclass(frozen=True)
class Plan:
    repairs: tuple[Repair, ...]
    remarks: tuple[Both, ...]


def sizes(group: Group) -> Sizes:
    return Sizes(group.min, group.desired, group.max)


def name_of(fleet: Fleet, role: str) -> str:
    """The group of a kind of worker. Raises UsageError for a word that is none."""
    if role not in ROLES:
        known = ", ".join(ROLES)
        raise UsageError(
            Both(f"there is no worker '{role}'", f"'{role}' 워커는 없습니다"),
            remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"),
        )
    return str(getattr(fleet, f"{role}_asg"))


def plan(
    role: str,
    group: Group,
    *,
    least: int | None = None,
    desired: int | None = None,
    most: int | None = None,
    options: Sequence[str] = (),
) -> Plan:
    """The change to these sizes, None being as it is; `options` are the run's own (--profile).

    Raises UsageError unless min <= desired <= max: AWS says so late, and the emulators take any number.
    """
    before = sizes(group)
    after = Sizes(
        before.min if least is None else least,
        before.desired if desired is None else desired,
        before.max if most is None else most,
    )
    if not after.min <= after.desired <= after.max:
        fits = f"--min {min(after.min, after.desired)} --desired {after.desired} --max {max(after.max, after.desired)}"
        raise UsageError(
            Both(f"{group.name} cannot have {after}", f"{group.name}에 {after}은(는) 설정할 수 없습니다"),
            why=Both(
                f"min <= desired <= max does not hold; it has {before}",
                f"min <= desired <= max여야 합니다. 지금은 {before}",
            ),
            remedy=Both(
                f"give the other sizes as well, for example: {fits}", f"다른 크기도 함께 지정하세요. 예: {fits}"
            ),
        )
    if after == before:
        return Plan((), ())
    remarks = (SCALER, *((SHRINKS,) if after.desired < group.in_service else ()))
    return Plan((Resize(role, group.name, before, after, tuple(options)),), remarks)

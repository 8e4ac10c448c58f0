"""Scale-in protection of single instances: which ones, planned before AWS is asked."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.errors import Both, UsageError
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Group

MOST = 50
"""Instances in one call at most: AWS's own limit."""
_SETTABLE = ("InService", "EnteringStandby", "Standby")
FORGOTTEN = Both(
    "a protected instance is never chosen by a scale-in, and an instance refresh waits for it: take it back later "
    "(academyctl asg unprotect)",
    "보호된 인스턴스는 축소 대상에서 빠지고 인스턴스 새로 고침도 그것을 기다립니다. 나중에 꼭 해제하세요 "
    "(academyctl asg unprotect)",
)
EXPOSED = Both(
    "AWS may now end these instances at a scale-in; a job on one starts anew when its message is visible again",
    "이제 축소할 때 AWS가 이 인스턴스들을 종료할 수 있습니다. 그 위의 작업은 메시지가 다시 보이면 처음부터 시작합니다",
)
LAUNCH = Both(
    "the group protects its instances from their launch on, so new ones will be protected again; "
    "see: academyctl scaling doctor",
    "이 그룹은 인스턴스를 시작할 때부터 보호하므로 새 인스턴스는 다시 보호됩니다. 확인: academyctl scaling doctor",
)


@dataclass(frozen=True)
class Protect:
    """Set or lift the protection of instances that have it otherwise, and are all still there."""

    role: str
    group: str
    instances: tuple[str, ...]
    protected: bool
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        before, after = str(not self.protected).lower(), str(self.protected).lower()
        return f"set scale-in protection of {', '.join(self.instances)} in {self.group} {before} -> {after}"

    def do(self, stores: Stores) -> None:
        found = stores.fleet.groups([self.group]).get(self.group)
        now = {one.id: one.protected for one in found.instances} if found else {}
        for one in self.instances:
            if now.get(one) is not (not self.protected):
                why = (
                    f"its protection is {str(now[one]).lower()} by now" if one in now else "it is in the group no more"
                )
                raise Changed(f"the protection of {one} in {self.group} was not set", why=why)
        stores.asg.protect(self.group, self.instances, protected=self.protected)

    @property
    def undo(self) -> str:
        word = "unprotect" if self.protected else "protect"
        return shlex.join(("academyctl", *self.options, "asg", word, self.role, *self.instances, "--apply"))


def settable(group: Group) -> tuple[str, ...]:
    """The instances whose protection can be set: AWS refuses a whole call for one that comes or goes."""
    return tuple(one.id for one in group.instances if one.state in _SETTABLE)


def plan(
    role: str, group: Group, wanted: Iterable[str], *, protected: bool, options: Sequence[str] = ()
) -> tuple[Protect, ...]:
    """The change to these instances' protection; those that have it so already are left out.

    Raises UsageError for an instance that is not in the group.
    """
    now = {one.id: one.protected for one in group.instances}
    named = tuple(dict.fromkeys(wanted))
    strange = [one for one in named if one not in now]
    if strange:
        there = ", ".join(now) or "-"
        raise UsageError(
            Both(f"{', '.join(strange)} is not in {group.name}", f"{', '.join(strange)}은(는) {group.name}에 없습니다"),
            remedy=Both(f"its instances: {there}", f"그룹의 인스턴스: {there}"),
        )
    other = [one for one in named if now[one] is not protected]
    return tuple(
        Protect(role, group.name, tuple(other[at : at + MOST]), protected, tuple(options))
        for at in range(0, len(other), MOST)
    )


def remarks(group: Group, repairs: Sequence[Protect], *, protected: bool) -> tuple[Both, ...]:
    """What the operator should know of such a change."""
    if not repairs:
        return ()
    if protected:
        return (FORGOTTEN,)
    return (EXPOSED, *((LAUNCH,) if group.new_instances_protected else ()))

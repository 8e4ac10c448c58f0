"""`academyctl asg protect|unprotect`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from academyctl.cli._changes import NOTHING, carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import Both, CannotTell, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores._fleet_types import Group

_NONE_BUSY = Both("no instance has a job in hand", "작업 중인 인스턴스가 없습니다")
_NONE_IDLE = Both("no instance is known to be idle", "쉬고 있다고 확인된 인스턴스가 없습니다")


def change(
    here: Session,
    role: str,
    ids: Sequence[str],
    *,
    every: bool,
    busy: bool | None,
    protected: bool,
    apply: bool,
    fmt: Format,
) -> None:
    """Protect instances or lift that; `busy` chooses by what their workers say, None asks no worker."""
    from academyctl.cli._asg_find import group_of
    from academyctl.ops.protection import plan, remarks, settable

    if sum((bool(ids), every, busy is not None)) != 1:
        word = "--busy" if protected else "--idle"
        raise UsageError(
            Both("which instances?", "어떤 인스턴스인지 하나의 방법으로 지정하세요"),
            remedy=Both(f"give instance ids, --all or {word}", f"인스턴스 id, --all, {word} 중 하나를 지정하세요"),
        )
    group = group_of(here, role)
    wanted, mute = list(ids) or list(settable(group)), list[str]()
    if busy is not None:
        found, mute = _by_work(here, role, group, busy=busy)
        wanted = [one for one in found if one in settable(group)]
    repairs = plan(role, group, wanted, protected=protected, options=undo_options(here))
    said = [*remarks(group, repairs, protected=protected), *([_unheard(mute)] if mute else [])]
    nothing = NOTHING if wanted else _NONE_IDLE if busy is False else _NONE_BUSY
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=said, nothing=nothing, told={"group": group.name})


def _by_work(here: Session, role: str, group: Group, *, busy: bool) -> tuple[list[str], list[str]]:
    """The group's instances whose worker is at work, or is not; and those without a heartbeat, which are neither."""
    from academyctl.hosts import gather

    seen = gather(here.stores(), (role,))
    if seen.redis is not None:
        raise CannotTell(
            Both("nobody says which instances are busy", "작업 중인 인스턴스를 알 수 없습니다"),
            why=seen.redis,
            remedy=Both("name the instances, or use --all", "인스턴스를 직접 지정하거나 --all을 쓰세요"),
        )
    there = {one.id for one in group.instances}
    ours = [one for one in seen.machines if one.id in there]
    return [one.id for one in ours if one.busy is busy], [one.id for one in ours if one.busy is None]


def _unheard(ids: Sequence[str]) -> Both:
    named = ", ".join(ids)
    return Both(
        f"no worker beats there, so these are left as they are: {named}",
        f"워커 신호가 없어 그대로 둡니다: {named}",
    )

"""A worker's Auto Scaling group, found or missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.errors import Both, WorkFailed

if TYPE_CHECKING:
    from academyctl.stores._fleet_types import Group


def group_of(here: Session, role: str) -> Group:
    """The group of a role. Raises UsageError for another word, WorkFailed when it does not exist."""
    from academyctl.asg_plans import name_of

    name = name_of(here.loaded.settings.fleet, role)
    group = here.stores().fleet.groups([name]).get(name)
    if group is None:
        raise missing(name)
    return group


def missing(name: str) -> WorkFailed:
    """There is no such group."""
    remedy = Both(
        "see which groups exist: academyctl diagnose scaling",
        "어떤 그룹이 있는지 확인하세요: academyctl diagnose scaling",
    )
    return WorkFailed(
        Both(f"there is no Auto Scaling group {name}", f"Auto Scaling 그룹 {name}이(가) 없습니다"),
        remedy=remedy,
        code="missing",
    )

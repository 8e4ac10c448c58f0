"""What it takes to make a Lambda function what it should be, or what it was: planned from what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.errors import Both, WorkFailed
from academyctl.ops.lambda_repairs import (
    Allow,
    Configuration,
    Configure,
    Create,
    Delete,
    Forbid,
    Permission,
    Raw,
    ReplaceCode,
    Reserve,
    configuration,
    permissions,
)
from academyctl.ops.package import sha256
from academyctl.repairs import Repair

if TYPE_CHECKING:
    from academyctl.stores.functions import Functions

__all__ = ["Configuration", "Delete", "Permission", "Seen", "Wanted", "plan", "see"]


@dataclass(frozen=True)
class Wanted:
    """What a function should be. `reserved`: runs at a time; None leaves what is there, unless `exact`.

    `exact` takes away permissions and limits that are not named here: what was, is put back.
    """

    name: str
    code: bytes = field(repr=False)
    configuration: Configuration = field(repr=False)
    permissions: tuple[Permission, ...] = ()
    reserved: int | None = None
    exact: bool = False


@dataclass(frozen=True)
class Seen:
    """What a function is; `raw` None: there is none."""

    raw: Raw | None
    permissions: tuple[Permission, ...] = ()
    reserved: int | None = None

    @property
    def code_sha(self) -> str:
        return str(self.raw["CodeSha256"]) if self.raw else ""

    @property
    def configuration(self) -> Configuration:
        assert self.raw is not None
        return configuration(self.raw)


def see(functions: Functions, name: str) -> Seen:
    """A function as it is: three calls. Raises AwsError."""
    raw = functions.raw(name)
    if raw is None:
        return Seen(None)
    return Seen(raw, permissions(functions.permissions(name)), functions.reserved(name))


def plan(wanted: Wanted, seen: Seen, *, undo: str) -> tuple[Repair, ...]:
    """The changes that make the function so, none when it is. `undo` is the command that puts back what was.

    Code comes before configuration: a handler of ours without its MODE publishes and sizes nothing, while the code
    that is replaced would act at once upon a variable that it happens to know.
    """
    return tuple(_plan(wanted, seen, undo))


def _plan(wanted: Wanted, seen: Seen, undo: str) -> Iterator[Repair]:
    if seen.raw is None:
        yield Create(wanted.name, wanted.code, wanted.configuration, undo)
    else:
        if seen.raw.get("PackageType", "Zip") != "Zip":
            raise WorkFailed(
                f"{wanted.name} is a container image, not a zip",
                remedy=Both(
                    "give the setting another name, or delete that function first",
                    "설정에서 다른 함수 이름을 쓰거나 기존 함수를 먼저 삭제하세요",
                ),
                code="image",
            )
        if seen.code_sha != (new := sha256(wanted.code)):
            yield ReplaceCode(wanted.name, seen.code_sha, new, wanted.code, undo)
        if seen.configuration != wanted.configuration:
            yield Configure(wanted.name, seen.configuration, wanted.configuration, undo)
    there = {one.statement: one for one in seen.permissions}
    for one in wanted.permissions:
        old = there.get(one.statement)
        if old is not None and old != one:
            yield Forbid(wanted.name, old, undo)
        if old != one:
            yield Allow(wanted.name, one, undo)
    if wanted.exact:
        named = {one.statement for one in wanted.permissions}
        yield from (Forbid(wanted.name, one, undo) for one in seen.permissions if one.statement not in named)
    if seen.reserved != wanted.reserved and (wanted.exact or wanted.reserved is not None):
        yield Reserve(wanted.name, seen.reserved, wanted.reserved, undo)

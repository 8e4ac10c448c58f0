"""From the state that is to the state that should be: one plan for apply and rollback alike.

New things are made before old ones are taken away, so that a run that stops in the middle leaves somebody who scales.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from academyctl.asg_plans import SHRINKS, Resize, Sizes
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.ops import lambda_plans, saves
from academyctl.ops import scaling_words as words
from academyctl.ops.lambda_repairs import Configuration, Permission, ReplaceCode
from academyctl.ops.package import HANDLERS, package, sha256
from academyctl.ops.saves import Save
from academyctl.ops.scaling_policies import (
    BATCH,
    FIXED,
    LAMBDA_RULE,
    OUTSTANDING,
    POLICIES,
    TT_BACKLOG,
    TT_TOTAL,
    Around,
    wanted,
)
from academyctl.ops.scaling_repairs import Replace
from academyctl.ops.scaling_shared import own_part
from academyctl.ops.scaling_state import READ, Json, Parts, State
from academyctl.repairs import Repair


@dataclass(frozen=True)
class Plan:
    """`sizes` says which sizes the repairs set: '', 'bounds', 'all' (see Save)."""

    repairs: tuple[Repair, ...]
    remarks: tuple[Both, ...]
    sizes: str


@dataclass(frozen=True)
class Asked:
    """What the operator wants."""

    policy: str
    least: int | None = None
    most: int | None = None
    size: int | None = None
    workers_protect: bool = False
    per_worker: int | None = None


def plan_apply(asked: Asked, now: State, around: Around, *, undo: str) -> Plan:
    """The changes that put a policy in force, none when it is. Raises UsageError for what cannot be."""
    _check(asked, now)
    after, which = _sizes(asked, now)
    target = wanted(asked.policy, now, replace(around, asked=asked.per_worker))
    repairs = tuple(_differences(now, target, None, undo))
    resize = _resize(now, after, undo)
    return Plan((*repairs, *resize), tuple(_remarks(asked, now, after)), which if resize else "")


def plan_rollback(save: Save, now: State, codes: Path, *, undo: str) -> Plan:
    """The changes that put back what a save holds. Raises WorkFailed when a function's code was not kept."""
    target, shared = own_part(save, now)
    repairs = tuple(_differences(now, target, codes, undo))
    least, desired, most = save.size
    resize: tuple[Repair, ...] = ()
    if save.sizes:
        desired = desired if save.sizes == "all" else max(least, min(most, now.sizes[1]))
        resize = _resize(now, Sizes(least, desired, most), undo)
    lowers = (SHRINKS,) if resize and desired < now.sizes[1] else ()
    told = (words.filled(words.SHARED, function=now.names.function),) if shared else ()
    return Plan((*repairs, *resize), (*told, *lowers), save.sizes if resize else "")


def undo_command(options: Sequence[str], role: str, save: str = "") -> str:
    """How a change of scaling is taken back."""
    which = ("--to", save) if save else ()
    return shlex.join(("academyctl", *options, "scaling", "rollback", "--role", role, *which, "--apply"))


def replaced_code(repairs: Sequence[Repair], now: State) -> tuple[tuple[str, str], ...]:
    """(function, sha256) of the code that these repairs replace or delete: to be kept before they are done."""
    lost = {one.name for one in repairs if isinstance(one, ReplaceCode | lambda_plans.Delete)}
    return tuple((name, str(one["Code"])) for name, one in now.of("function").items() if name in lost)


def in_force(now: State, around: Around) -> str:
    """The policy whose plan would change nothing; '' when it is none of them."""
    least, _, most = now.sizes
    if least == most and most > 0:
        return FIXED
    if any(one["Enabled"] for one in now.of("mapping").values()):
        candidates: tuple[str, ...] = (BATCH,)
    else:
        candidates = tuple(one for one in POLICIES if one not in (FIXED, BATCH))
    for policy in candidates:
        try:
            target = wanted(policy, now, replace(around, asked=_present(now)))
        except UsageError:
            continue
        if all(now.of(part) == target.get(part, {}) for part in READ):
            return policy
    return ""


def _present(now: State) -> int | None:
    """Messages per instance as the function has it: another number is no other policy."""
    function = now.of("function").get(now.names.function)
    variables = function["Configuration"]["variables"] if function else {}
    count = str(variables.get(f"{now.names.role.upper()}_TARGET_MESSAGES_PER_INSTANCE", ""))
    return int(count) if count.isdigit() else None


def _check(asked: Asked, now: State) -> None:
    if (asked.policy == FIXED) != (asked.size is not None):
        raise UsageError(
            Both("--size belongs to fixed", "--size는 fixed에만 씁니다")
            if asked.size is not None
            else Both("fixed needs a size", "fixed에는 크기가 필요합니다"),
            remedy=Both("as: academyctl scaling plan fixed --size 2", "예: academyctl scaling plan fixed --size 2"),
        )
    if asked.policy == FIXED and (asked.least is not None or asked.most is not None):
        raise UsageError(
            Both("--min and --max are the size itself under fixed", "fixed에서는 --size가 곧 min과 max입니다"),
            remedy=Both("leave them out", "빼고 실행하세요"),
        )
    if asked.policy == TT_BACKLOG and not asked.workers_protect and not _protects(now):
        raise UsageError(
            Both(
                "tt-backlog needs instances that are protected while they work",
                "tt-backlog에는 작업 중에 보호되는 인스턴스가 필요합니다",
            ),
            why=Both(f"no instance of {now.names.group} is", f"{now.names.group}에 보호된 인스턴스가 없습니다"),
            remedy=words.BUSY_KILLED,
            code="unprotected",
        )


def _protects(now: State) -> bool:
    instances = now.raw.get("Instances") or []
    return any(one.get("ProtectedFromScaleIn") for one in instances)


def _sizes(asked: Asked, now: State) -> tuple[Sizes, str]:
    least, desired, most = now.sizes
    if asked.size is not None:
        return Sizes(asked.size, asked.size, asked.size), "all"
    if asked.policy == BATCH and asked.least is None:
        least = 0
    least = asked.least if asked.least is not None else least
    most = asked.most if asked.most is not None else most
    if least > most:
        raise UsageError(
            Both(f"min {least} is more than max {most}", f"min {least}이(가) max {most}보다 큽니다"),
            remedy=Both("give both", "둘 다 지정하세요"),
        )
    return Sizes(least, max(least, min(most, desired)), most), "bounds"


def _resize(now: State, after: Sizes, undo: str) -> tuple[Repair, ...]:
    before = Sizes(*now.sizes)
    return (Resized(now.names.role, now.names.group, before, after, undo=undo),) if after != before else ()


@dataclass(frozen=True)
class Resized:
    """As `asg set` does it, with the undo of the whole change."""

    role: str
    name: str
    before: Sizes
    after: Sizes
    undo: str

    def __str__(self) -> str:
        return str(self._resize)

    def do(self, stores: object) -> None:
        self._resize.do(stores)  # type: ignore[arg-type]

    @property
    def _resize(self) -> Resize:
        return Resize(self.role, self.name, self.before, self.after)


def _differences(now: State, target: Parts, codes: Path | None, undo: str) -> Iterator[Repair]:
    for part in READ:
        for name, after in target.get(part, {}).items():
            before = now.of(part).get(name)
            if before == after:
                continue
            if part == "function":
                yield from _function(name, before, after, codes, undo)
            else:
                yield Replace(now.names, part, name, before, after, undo)
    for part in reversed(READ):
        for name, before in now.of(part).items():
            if name not in target.get(part, {}):
                if part == "function":
                    yield lambda_plans.Delete(name, str(before["Code"]), undo)
                else:
                    yield Replace(now.names, part, name, before, None, undo)


def _function(name: str, before: Json | None, after: Json, codes: Path | None, undo: str) -> Iterator[Repair]:
    """Through the plan of a deployment: `codes` holds the zips that were replaced, ours are made."""
    seen = lambda_plans.Seen(None)
    if before is not None:
        seen = lambda_plans.Seen(_raw(before), _permissions(before), before["Reserved"])
    same = before is not None and before["Code"] == after["Code"]
    code = b"" if same else _code(name, str(after["Code"]), codes)
    for one in lambda_plans.plan(_exactly(name, after, code), seen, undo=undo):
        if not (same and isinstance(one, ReplaceCode)):
            yield one


def _exactly(name: str, after: Json, code: bytes) -> lambda_plans.Wanted:
    configuration = Configuration(**after["Configuration"])
    return lambda_plans.Wanted(name, code, configuration, _permissions(after), after["Reserved"], exact=True)


def _raw(part: Json) -> Json:
    return {**Configuration(**part["Configuration"]).request(), "CodeSha256": part["Code"]}


def _permissions(part: Json) -> tuple[Permission, ...]:
    return tuple(Permission(**one) for one in part["Permissions"])


def _code(name: str, sha: str, codes: Path | None) -> bytes:
    path = saves.code_path(codes, sha) if codes else None
    kept = path.read_bytes() if path is not None and path.exists() else b""
    if sha256(kept) == sha:
        return kept
    for handler in HANDLERS:
        if sha256(made := package(handler)) == sha:
            return made
    raise WorkFailed(
        Both(f"the code of {name} cannot be put back", f"{name}의 코드를 되돌릴 수 없습니다"),
        why=f"{path} is {'another' if kept else 'not there'}",
        remedy=Both("deploy it by hand, then run the command again", "직접 배포한 뒤 명령을 다시 실행하세요"),
        code="no-code",
    )


def _remarks(asked: Asked, now: State, after: Sizes) -> Iterator[Both]:
    these = now.names
    if asked.policy == TT_TOTAL:
        yield words.RUNAWAY
    if asked.policy == BATCH:
        yield words.GROUP_EMPTIES
    if asked.policy == OUTSTANDING:
        yield words.filled(words.WORKERS_LEAVE, role=these.role)
    if asked.policy != FIXED and after.min == after.max:
        yield words.filled(words.NO_ROOM, size=after.max)
    function = now.of("function").get(these.function)
    if function and function["Code"] != sha256(package("queue_depth")):
        yield words.filled(words.FOREIGN, function=these.function)
    if asked.policy in (OUTSTANDING, LAMBDA_RULE) and _sizes_nothing(function, these.role):
        yield words.ROLE_NEEDS
    if after.desired < now.sizes[1]:
        yield SHRINKS
    if asked.policy == LAMBDA_RULE:
        yield words.LOWERS


def _sizes_nothing(function: Json | None, role: str) -> bool:
    """Whether the function has not set this group's size so far: its role may not be allowed to."""
    variables = function["Configuration"]["variables"] if function else {}
    return variables.get(f"{role.upper()}_MODE") not in (OUTSTANDING, LAMBDA_RULE)

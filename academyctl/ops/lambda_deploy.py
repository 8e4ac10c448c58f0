"""A deployment, a rollback, a change of variables: what is there, what is to be, and what is kept of before."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.ops import lambda_plans, lambda_saves, lambda_specs, lambda_triggers, saves
from academyctl.ops.lambda_plans import Configuration, Seen, Wanted
from academyctl.ops.lambda_repairs import Configure, Delete
from academyctl.ops.lambda_saves import Save
from academyctl.ops.lambda_triggers import Place, Triggers
from academyctl.ops.package import package

if TYPE_CHECKING:
    from academyctl.ops.lambda_specs import Spec
    from academyctl.repairs import Repair
    from academyctl.stores import Stores

ENV = "env"


@dataclass(frozen=True)
class Plan:
    """The changes of one function, and the save that undoes them, which is written before the first."""

    name: str
    repairs: tuple[Repair, ...]
    remarks: tuple[Both, ...]
    save: Save
    where: Path

    def keep(self, stores: Stores) -> None:
        """Write what is replaced; its code too. Raises ConfigError, AwsError: nothing has been changed then."""
        code = None
        if self.save.raw is not None and not lambda_saves.has_code(self.where, self.save):
            code = stores.functions.code(self.name)
        lambda_saves.write(self.where, self.save, code)

    def ended(self) -> None:
        lambda_saves.ended(self.where, self.save)


@dataclass(frozen=True)
class There:
    """What one function is now, and who runs it."""

    seen: Seen
    triggers: Triggers
    place: Place

    def saves(self, where: Path) -> Path:
        """Where the saves of this account are."""
        return saves.of_account(where, self.place.region, self.place.account)


def look(stores: Stores, spec: Spec) -> There:
    """Everything that a plan needs, asked for at once. Raises AwsError."""
    functions, region = stores.functions, stores.settings.aws.region
    # Clients are made one at a time anyway; the calls are not.
    for service in ("lambda", "sts", "events"):
        stores.fleet_clients(service)
    seen, triggers, account = together(
        lambda: lambda_plans.see(functions, spec.name),
        lambda: lambda_triggers.see(stores, spec),
        functions.account,
    )
    return There(seen, triggers, Place(account[0], region, account[1]))


def together(*calls: Callable[[], Any]) -> list[Any]:
    """The answers of independent calls, in their order; the first error of them is raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def deployment(stores: Stores, word: str, where: Path, *, role: str = "", reserve: bool = True,
               options: Sequence[str] = ()) -> Plan:  # fmt: skip
    """Our code, its variables, its rule or queue, for the function of this word.

    What the function has is kept where it is no part of ours: its role (unless `role`), a longer timeout, more memory,
    variables of other names and MODE.
    """
    spec = lambda_specs.spec(stores.settings, word)
    there = look(stores, spec)
    wanted = wanted_of(spec, there.seen, there.place, role=role or "", settings_role=stores.settings.fleet.lambda_role)
    wanted = replace(wanted, reserved=spec.reserved if reserve else None)
    where = there.saves(where)
    save, undo = _save(where, spec.name, there, lambda_saves.DEPLOY, wanted, options)
    repairs = lambda_plans.plan(wanted, there.seen, undo=undo)
    repairs += lambda_triggers.plan(spec, there.triggers, there.place, undo=undo)
    remarks = (*lambda_triggers.remarks(spec, there.triggers), *_sizes_nothing(word, wanted))
    return Plan(spec.name, repairs, remarks, save, where)


def _sizes_nothing(word: str, wanted: Wanted) -> tuple[Both, ...]:
    """The code that is replaced may have sized the groups: ours does when it is told to, and that must be said."""
    from academyctl.ops.lambdas import queue_depth

    if word != lambda_specs.DEPTH or queue_depth.settings(wanted.configuration.variables).sized:
        return ()
    do = "academyctl scaling apply outstanding --role video"
    return (
        Both(
            f"it publishes the depths and sizes no group until it is told to: {do}",
            f"큐 깊이만 발행하고, 지정하기 전에는 그룹 크기를 조절하지 않습니다: {do}",
        ),
    )


def wanted_of(spec: Spec, seen: Seen, place: Place, *, role: str, settings_role: str) -> Wanted:
    """What the function of this spec should be, given what it is."""
    old = seen.configuration if seen.raw else Configuration("", timeout=0, memory=0)
    variables = {**spec.defaults, **old.variables, **spec.variables}
    arn = _role(place, role) if role else old.role or _role(place, settings_role)
    configuration = Configuration(
        arn, timeout=max(old.timeout, spec.timeout), memory=max(old.memory, spec.memory), variables=variables
    )
    return Wanted(spec.name, package(spec.handler), configuration, lambda_triggers.permission(spec, place))


def rollback(stores: Stores, name: str, where: Path, *, key: str = "", options: Sequence[str] = ()) -> Plan:
    """Put back what the newest deployment replaced, or the save of this key. Raises UsageError when there is none."""
    spec = _spec(stores, name)
    there = look(stores, spec)
    where = there.saves(where)
    was = lambda_saves.to_restore(where, spec.name, key)
    wanted = None
    if was.raw is not None:
        wanted = Wanted(
            spec.name, lambda_saves.code(where, was), was.seen.configuration, was.permissions, was.reserved, exact=True
        )
    save, undo = _save(where, spec.name, there, lambda_saves.ROLLBACK, wanted, options)
    repairs = lambda_triggers.restore(spec, was.triggers, there.triggers, there.place, undo=undo)
    if wanted is not None:
        repairs += lambda_plans.plan(wanted, there.seen, undo=undo)
    elif there.seen.raw is not None:
        repairs += (Delete(spec.name, there.seen.code_sha, undo),)
    return Plan(spec.name, repairs, (), save, where)


def environment(stores: Stores, name: str, where: Path, *, put: Mapping[str, str], drop: Sequence[str] = (),
                options: Sequence[str] = ()) -> Plan:  # fmt: skip
    """Some variables of a function set, some removed. Raises WorkFailed when there is no such function."""
    spec = _spec(stores, name)
    there = look(stores, spec)
    if there.seen.raw is None:
        raise missing(spec.name)
    old = there.seen.configuration
    variables = {key: value for key, value in {**old.variables, **put}.items() if key not in drop}
    _check(stores, spec.name, variables)
    after = replace(old, variables=variables)
    where = there.saves(where)
    save, undo = _save(where, spec.name, there, ENV, Wanted(spec.name, b"", after), options)
    repairs = (Configure(spec.name, old, after, undo),) if after != old else ()
    return Plan(spec.name, repairs, (), save, where)


def missing(name: str) -> WorkFailed:
    """There is no such function."""
    words = "|".join(lambda_specs.WORDS)
    remedy = Both(
        f"see which there are: academyctl lambda list --all; to make ours: academyctl lambda deploy {words}",
        f"함수 목록: academyctl lambda list --all. 만들려면: academyctl lambda deploy {words}",
    )
    return WorkFailed(
        Both(f"there is no Lambda function {name}", f"Lambda 함수 {name}이(가) 없습니다"), remedy=remedy, code="missing"
    )


def _check(stores: Stores, name: str, variables: Mapping[str, str]) -> None:
    # A mode that the function does not know would stop it each minute until somebody looks.
    from academyctl.ops.lambdas import queue_depth, worker_autoscale

    known: dict[str, Callable[[Mapping[str, str]], object]] = {
        lambda_specs.DEPTH: queue_depth.settings,
        lambda_specs.AUTOSCALE: worker_autoscale.settings,
    }
    word = lambda_specs.word_of(stores.settings, name)
    try:
        if word in known:
            known[word](variables)
    except ValueError as error:
        remedy = Both("correct the value; nothing was changed", "값을 고치세요. 바뀐 것은 없습니다")
        raise UsageError(f"{name} could not work with these variables", why=str(error), remedy=remedy) from error


def _spec(stores: Stores, name: str) -> Spec:
    """The spec of a word or name of ours; of another function: its name alone."""
    word = lambda_specs.word_of(stores.settings, name)
    return lambda_specs.spec(stores.settings, word) if word else lambda_specs.Spec("", name, "", 0, 0, {}, {})


def _save(where: Path, name: str, there: There, by: str, wanted: Wanted | None,
          options: Sequence[str]) -> tuple[Save, str]:  # fmt: skip
    now = datetime.now(UTC)
    fresh = lambda_saves.of(name, there.seen, there.triggers, by=by, towards=wanted, now=now)
    save = lambda_saves.begun(where, fresh)
    return save, shlex.join(
        ("academyctl", *options, "lambda", "deploy", name, "--rollback", "--to", save.key, "--apply")
    )


def _role(place: Place, role: str) -> str:
    return role if role.startswith("arn:") else f"arn:{place.partition}:iam::{place.account}:role/{role}"

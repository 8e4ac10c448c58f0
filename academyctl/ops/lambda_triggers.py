"""What runs a function: a rule each minute, or a queue's messages; planned and changed as the function is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both, WorkFailed
from academyctl.ops.lambda_plans import Permission
from academyctl.repairs import Changed, Repair

if TYPE_CHECKING:
    from academyctl.ops.lambda_specs import Spec
    from academyctl.stores import Stores

SCHEDULE = "rate(1 minute)"
TARGET = "1"
# One message a run, and a failure gives that one message back alone (guide 004).
MAPPING: Mapping[str, Any] = {"BatchSize": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"], "Enabled": True}


@dataclass(frozen=True)
class Place:
    """Where the functions are: what an ARN is made of."""

    partition: str
    region: str
    account: str

    def function(self, name: str) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"

    def rule(self, name: str) -> str:
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{name}"


@dataclass(frozen=True)
class Triggers:
    """What is there. `rule` None: no rule of that name; `targets`: id -> ARN; `mapping`: the queue's, if any."""

    rule: str | None = None
    targets: Mapping[str, str] | None = None
    mapping: str | None = None


def permission(spec: Spec, place: Place) -> tuple[Permission, ...]:
    """What a rule needs to call the function; a queue needs nothing, for there Lambda calls."""
    return (Permission(spec.rule, "events.amazonaws.com", place.rule(spec.rule)),) if spec.rule else ()


def see(stores: Stores, spec: Spec) -> Triggers:
    """The function's rule and mapping as they are. Raises AwsError."""
    rule = stores.rules.raw(spec.rule) if spec.rule else None
    targets = {str(one["Id"]): str(one["Arn"]) for one in rule[1]} if rule else None
    mapping = None
    if spec.queue:
        arn = _queue_arn(stores, spec.queue)
        mapping = next((str(one["UUID"]) for one in _mappings(stores, spec.name, arn)), None) if arn else None
    return Triggers(str(rule[0]["State"]) if rule else None, targets, mapping)


def plan(spec: Spec, seen: Triggers, place: Place, *, undo: str) -> tuple[Repair, ...]:
    """The changes that let the function run. A rule that is switched off stays so: somebody wanted that."""
    return tuple(_plan(spec, seen, place, undo))


def _plan(spec: Spec, seen: Triggers, place: Place, undo: str) -> Iterator[Repair]:
    if spec.rule:
        if seen.rule is None:
            yield MakeRule(spec.rule, undo)
        arn, targets = place.function(spec.name), seen.targets or {}
        if arn not in targets.values():
            free = next(str(number) for number in range(1, 7) if str(number) not in targets)
            yield Point(spec.rule, free, arn, undo)
    if spec.queue and seen.mapping is None:
        yield Feed(spec.name, spec.queue, undo)


def remarks(spec: Spec, seen: Triggers) -> tuple[Both, ...]:
    """What the operator should know besides the changes."""
    found = []
    if seen.rule == "DISABLED":
        on = f"academyctl rule enable {spec.rule} --apply"
        found.append(
            Both(
                f"the rule {spec.rule} is switched off, so nothing runs it: {on}",
                f"규칙 {spec.rule}이(가) 꺼져 있어 함수가 실행되지 않습니다: {on}",
            )
        )
    if spec.queue and seen.mapping is None:
        found.append(
            Both(
                f"workers that read {spec.queue} themselves would take its messages away from the function",
                f"{spec.queue} 큐를 직접 읽는 워커가 있으면 함수가 받을 메시지를 가져갑니다",
            )
        )
    return tuple(found)


def restore(spec: Spec, was: Triggers, now: Triggers, place: Place, *, undo: str) -> tuple[Repair, ...]:
    """Take away what a deployment added since `was`; what others added is left."""
    arn, out = place.function(spec.name), list[Repair]()
    if spec.rule and now.targets is not None:
        mine = [
            one for one, target in now.targets.items() if target == arn and target not in (was.targets or {}).values()
        ]
        out += [Unpoint(spec.rule, one, arn, undo) for one in mine]
        if was.rule is None and len(mine) == len(now.targets):
            out.append(DropRule(spec.rule, undo))
    if spec.queue and was.mapping is None and now.mapping is not None:
        out.append(Unfeed(spec.name, spec.queue, now.mapping, undo))
    return tuple(out)


@dataclass(frozen=True)
class MakeRule:
    name: str
    undo: str

    def __str__(self) -> str:
        return f"create EventBridge rule {self.name}: {SCHEDULE}, switched on"

    def do(self, stores: Stores) -> None:
        if stores.rules.raw(self.name) is not None:
            raise Changed(f"rule {self.name} was not created", why="it is there now")
        stores.rules.put(self.name, schedule=SCHEDULE, state="ENABLED")


@dataclass(frozen=True)
class Point:
    rule: str
    target: str
    arn: str
    undo: str

    def __str__(self) -> str:
        return f"let rule {self.rule} run {self.arn} (target {self.target})"

    def do(self, stores: Stores) -> None:
        there = _targets(stores, self.rule)
        if (other := there.get(self.target)) not in (None, self.arn):
            raise Changed(f"rule {self.rule} was not pointed at {self.arn}", why=f"target {self.target} is {other} now")
        stores.rules.target(self.rule, self.target, self.arn)


@dataclass(frozen=True)
class Unpoint:
    rule: str
    target: str
    arn: str
    undo: str

    def __str__(self) -> str:
        return f"no longer let rule {self.rule} run {self.arn} (target {self.target})"

    def do(self, stores: Stores) -> None:
        if _targets(stores, self.rule).get(self.target) == self.arn:
            stores.rules.untarget(self.rule, [self.target])


@dataclass(frozen=True)
class DropRule:
    name: str
    undo: str

    def __str__(self) -> str:
        return f"delete EventBridge rule {self.name}"

    def do(self, stores: Stores) -> None:
        if left := _targets(stores, self.name):
            raise Changed(f"rule {self.name} was not deleted", why=f"it runs {', '.join(left.values())}")
        stores.rules.delete(self.name)


@dataclass(frozen=True)
class Feed:
    function: str
    queue: str
    undo: str

    def __str__(self) -> str:
        return f"feed {self.function} with the messages of {self.queue}, one a run"

    def do(self, stores: Stores) -> None:
        arn = _queue_arn(stores, self.queue)
        if not arn:
            raise WorkFailed(
                f"there is no queue {self.queue} to feed {self.function}",
                remedy=Both(f"create it: academyctl queue create {self.queue} --apply",
                            f"큐를 먼저 만드세요: academyctl queue create {self.queue} --apply"),
                code="no-queue",
            )  # fmt: skip
        if not _mappings(stores, self.function, arn):
            made = stores.functions.map(self.function, arn, MAPPING)
            stores.functions.mapping_settled(made, "Enabled")


@dataclass(frozen=True)
class Unfeed:
    function: str
    queue: str
    mapping: str
    undo: str

    def __str__(self) -> str:
        return f"no longer feed {self.function} with the messages of {self.queue}"

    def do(self, stores: Stores) -> None:
        stores.functions.unmap(self.mapping)


def _targets(stores: Stores, rule: str) -> dict[str, str]:
    found = stores.rules.raw(rule)
    return {str(one["Id"]): str(one["Arn"]) for one in found[1]} if found else {}


def _queue_arn(stores: Stores, queue: str) -> str:
    from academyctl.errors import AwsError

    try:
        return stores.sqs_quick.attributes(queue).arn
    except AwsError as error:
        if error.cause == "missing":
            return ""
        raise


def _mappings(stores: Stores, function: str, arn: str) -> list[dict[str, Any]]:
    # A mapping that is being deleted is listed for some seconds more.
    found = stores.functions.mappings(function, source_arn=arn)
    return [one for one in found if one.get("State") != "Deleting"]

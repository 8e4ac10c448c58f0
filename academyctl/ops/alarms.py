"""The queues' alarms: a dead letter, and a queue that grows. Made, mended, and told apart from what others made.

Guide 004's alarms with its defect mended: they have actions (settings: fleet.alarm_topic).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.ops.shell_words import packed
from academyctl.repairs import Changed, Repair
from academyctl.stores.alarms import request_of

if TYPE_CHECKING:
    from academyctl.ops.queues import QueueSpec
    from academyctl.stores import Stores

NAMESPACE = "AWS/SQS"
VISIBLE = "ApproximateNumberOfMessagesVisible"
DEPTH = 100
PERIOD_S = 300
DEAD, DEEP = "dead-letters", "depth"
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_EMPTY: Mapping[str, Any] = {}
Raw = Mapping[str, Any]


@dataclass(frozen=True)
class AlarmSpec:
    """An alarm as it should be; `kind` is dead-letters or depth, `actions` ARNs that it must have among its own."""

    word: str
    kind: str
    name: str
    queue: str
    threshold: int
    periods: int
    description: str
    actions: tuple[str, ...] = ()

    def request(self) -> dict[str, Any]:
        """As PutMetricAlarm takes it."""
        return {
            "AlarmName": self.name,
            "AlarmDescription": self.description,
            "ActionsEnabled": True,
            "AlarmActions": list(self.actions),
            "Namespace": NAMESPACE,
            "MetricName": VISIBLE,
            "Dimensions": [{"Name": "QueueName", "Value": self.queue}],
            "Statistic": "Maximum",
            "Period": PERIOD_S,
            "EvaluationPeriods": self.periods,
            "Threshold": float(self.threshold),
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        }


def alarm_specs(queues: Sequence[QueueSpec], actions: Sequence[str] = ()) -> tuple[AlarmSpec, ...]:
    """For each queue DLQ >= 1 (one period of 300 s) and depth >= 100 (two); a shared DLQ has one alarm."""
    found: dict[str, AlarmSpec] = {}
    for spec in queues:
        dead = f"{spec.dlq}-messages"
        found.setdefault(
            dead,
            AlarmSpec(spec.word, DEAD, dead, spec.dlq, 1, 1, f"dead letters in {spec.dlq}", tuple(actions)),
        )
        deep = f"{spec.name}-depth"
        told = f"{DEPTH} messages or more wait in {spec.name}"
        found[deep] = AlarmSpec(spec.word, DEEP, deep, spec.name, DEPTH, 2, told, tuple(actions))
    return tuple(found.values())


def drift(spec: AlarmSpec, raw: Raw) -> dict[str, tuple[Any, Any]]:
    """Field -> (what it is, what it should be). Actions and words of others are no drift."""
    wanted = spec.request()
    found = {
        name: (raw.get(name), value)
        for name, value in wanted.items()
        if name not in ("AlarmActions", "AlarmDescription") and raw.get(name) != value
    }
    points = raw.get("DatapointsToAlarm")
    if points is not None and points != spec.periods:
        found["DatapointsToAlarm"] = (points, None)
    for name in ("ExtendedStatistic", "Unit", "Metrics", "ThresholdMetricId"):
        if raw.get(name):
            found[name] = (raw[name], None)
    has = list(raw.get("AlarmActions") or [])
    lacks = [arn for arn in spec.actions if arn not in has]
    if lacks:
        found["AlarmActions"] = (has, [*has, *lacks])
    return found


def planned(specs: Sequence[AlarmSpec], raws: Mapping[str, Raw], options: Sequence[str] = ()) -> tuple[Repair, ...]:
    """Make the alarms that are missing and mend those that differ."""
    return tuple(_repairs(specs, raws, tuple(options)))


def _repairs(specs: Sequence[AlarmSpec], raws: Mapping[str, Raw], options: tuple[str, ...]) -> Iterator[Repair]:
    for spec in specs:
        raw = raws.get(spec.name)
        if raw is None:
            yield PutAlarm(spec.name, "", _text(spec.request()), options)
        elif found := drift(spec, raw):
            # An alarm is replaced whole: what is not ours stays as it is.
            after = {**request_of(raw), **{name: new for name, (_old, new) in found.items()}}
            kept = {name: value for name, value in after.items() if value is not None}
            yield PutAlarm(spec.name, _text(request_of(raw)), _text(kept), options)


@dataclass(frozen=True)
class PutAlarm:
    """Make or replace an alarm while it is what the plan showed; both are PutMetricAlarm's JSON, '' for none."""

    name: str
    before: str
    after: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        old, new = json.loads(self.before or "{}"), json.loads(self.after)
        if not self.before:
            return f"create alarm {self.name} ({said(new)})"
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        told = ", ".join(f"{name} {_value(old.get(name))} -> {_value(new.get(name))}" for name in names)
        return f"set alarm {self.name} {told}"

    def do(self, stores: Stores) -> None:
        _unchanged(stores, self.name, self.before)
        stores.alarms.put(json.loads(self.after))

    @property
    def undo(self) -> str:
        if not self.before:
            return shlex.join(("academyctl", *self.options, "alarm", "delete", self.name, "--apply"))
        return _put_line(self.options, self.before)


@dataclass(frozen=True)
class DeleteAlarm:
    """Delete an alarm while it is what the plan showed."""

    name: str
    before: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"delete alarm {self.name} ({said(json.loads(self.before))})"

    def do(self, stores: Stores) -> None:
        _unchanged(stores, self.name, self.before)
        stores.alarms.delete([self.name])

    @property
    def undo(self) -> str:
        return _put_line(self.options, self.before)


def put_alarm(request: Raw, raw: Raw | None, options: Sequence[str] = ()) -> tuple[Repair, ...]:
    """Make the alarm of this PutMetricAlarm request, or replace the one that differs from it."""
    before, after = "" if raw is None else _text(request_of(raw)), _text(request_of(request))
    return () if before == after else (PutAlarm(str(request["AlarmName"]), before, after, tuple(options)),)


def delete_alarm(raw: Raw, options: Sequence[str] = ()) -> DeleteAlarm:
    return DeleteAlarm(str(raw["AlarmName"]), _text(request_of(raw)), tuple(options))


def said(request: Raw) -> str:
    """What an alarm watches and whom it tells, on one line."""
    dimensions = ",".join(str(one["Value"]) for one in request.get("Dimensions") or [])
    sign = {"GreaterThanOrEqualToThreshold": ">=", "GreaterThanThreshold": ">", "LessThanThreshold": "<"}
    sign["LessThanOrEqualToThreshold"] = "<="
    watched = f"{request.get('Statistic') or ''} {request.get('MetricName') or 'a formula'} {dimensions}".strip()
    limit = f"{sign.get(str(request.get('ComparisonOperator')), '?')} {request.get('Threshold', 0):g}"
    span = f"{request.get('EvaluationPeriods')} x {request.get('Period')} s"
    actions = [str(arn).rsplit(":", 1)[-1] for name in _ACTIONS for arn in request.get(name) or []]
    return f"{watched} {limit}, {span}; tells {', '.join(actions) or 'nobody'}"


def watches(raw: Raw, queues: Sequence[str]) -> bool:
    """Whether an alarm looks at one of these queues."""
    metrics = [raw, *((one.get("MetricStat") or _EMPTY).get("Metric") or _EMPTY for one in raw.get("Metrics") or [])]
    return any(
        one.get("Namespace") == NAMESPACE
        and any(d.get("Name") == "QueueName" and d.get("Value") in queues for d in one.get("Dimensions") or [])
        for one in metrics
    )


def _unchanged(stores: Stores, name: str, before: str) -> None:
    raw = stores.alarms.raw([name]).get(name)
    now = "" if raw is None else _text(request_of(raw))
    if now != before:
        why = "it is gone" if not now else "somebody made it meanwhile" if not before else "somebody changed it"
        raise Changed(f"alarm {name} was not changed", why=why)


def _put_line(options: tuple[str, ...], request: str) -> str:
    return shlex.join(("academyctl", *options, "alarm", "put", "--json", packed(request), "--apply"))


def _text(request: Raw) -> str:
    # One spelling of one alarm: what is compared is what was read.
    return json.dumps(request, sort_keys=True, ensure_ascii=False)


def _value(value: Any) -> str:
    return "none" if value in (None, [], "") else json.dumps(value, ensure_ascii=False)

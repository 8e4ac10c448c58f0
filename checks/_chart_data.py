"""What of a snapshot can be drawn: depths of queues, sizes of Auto Scaling groups, anything measured over time.

Groups and series are found by their shape in whatever topic holds them, so a topic needs no word about charts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from checks import sqs
from checks._charts import Bar, Event, Row, Series
from checks._codec import plain
from checks._model import Snapshot
from checks._report_words import Report

_SIZES = ("min", "desired", "max")
_EVENT = frozenset({"age_s", "status", "description"})
_TIMES = ("at", "time", "timestamp")
_FEWEST = 2
_FINE = frozenset({"Successful", "InProgress", "PreInService", "WaitingForInstanceId"})


def queues(report: Report) -> list[Row]:
    """Every queue of the settings that could be seen, with its dead letters."""
    facts = report.diagnosis.snapshot.find(sqs.Facts)
    return [_queue(report, one, one.box) for one in (facts.queues if facts else ()) if one.box]


def _queue(report: Report, one: sqs.Queue, box: sqs.Box) -> Row:
    dead = one.dlq.visible + one.dlq.in_flight + one.dlq.delayed if one.dlq else 0
    parts = (
        Bar("waiting", box.visible, report.say("waiting")),
        Bar("inflight", box.in_flight, report.say("in-flight")),
        Bar("delayed", box.delayed, report.say("delayed")),
        Bar("dead", dead, report.say("dead")),
    )
    return Row(box.name, parts)


def groups(report: Report) -> list[Row]:
    """Auto Scaling groups: what is in service, on a track as long as their maximum."""
    found = {name: one for name, one in _dicts(_facts(report.diagnosis.snapshot), "") if _is_group(one)}
    return [_group(report, name, one) for name, one in found.items()]


def _is_group(one: Mapping[str, Any]) -> bool:
    return all(isinstance(one.get(key), int) for key in _SIZES)


def _group(report: Report, name: str, one: Mapping[str, Any]) -> Row:
    part = Bar("inservice", _in_service(one), report.say("in-service"))
    notes = (("min", float(one["min"])), ("max", float(one["max"])))
    return Row(name, (part,), float(one["max"]), (report.say("desired"), float(one["desired"])), notes)


def _in_service(group: Mapping[str, Any]) -> int:
    if isinstance(group.get("in_service"), int):
        return int(group["in_service"])
    states = [one.get("state") for one in group.get("instances") or () if isinstance(one, dict)]
    return sum(one == "InService" for one in states)


def events(snapshot: Snapshot) -> dict[str, list[Event]]:
    """What happened to each group, oldest first; without what has no known age."""
    out: dict[str, list[Event]] = {}
    for name, one in _dicts(_facts(snapshot), ""):
        if set(one) >= _EVENT and isinstance(one["age_s"], int | float):
            bad = one["status"] not in _FINE
            event = Event(float(one["age_s"]), bad, f"{one['status']}: {one['description']}")
            out.setdefault(str(one.get("group") or name), []).append(event)
    return {name: sorted(listed, reverse=True) for name, listed in out.items()}


def series(snapshot: Snapshot) -> list[Series]:
    """Every list of (time, value) pairs, named after what holds it."""
    return [
        Series(name, points)
        for topic, facts in _facts(snapshot).items()
        for name, listed in _lists(facts, topic)
        if len(points := _points(listed)) >= _FEWEST
    ]


def _points(listed: list[Any]) -> tuple[tuple[str, float], ...]:
    out = []
    for one in listed:
        at = next((one[key] for key in _TIMES if isinstance(one.get(key), str)), "") if isinstance(one, dict) else ""
        value = one.get("value") if at else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ()
        try:
            datetime.fromisoformat(at)
        except ValueError:
            return ()
        out.append((at, float(value)))
    return tuple(sorted(out))


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    return {name: plain(one.facts) for name, one in snapshot.topics.items() if one.facts is not None}


def _dicts(value: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table with the nearest name: its own, or that of what holds it."""
    if isinstance(value, dict):
        name = value["name"] if isinstance(value.get("name"), str) else name
        yield name, value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(one, name)


def _lists(value: Any, topic: str) -> Iterator[tuple[str, list[Any]]]:
    for name, one in _dicts(value, topic):
        yield from ((name, held) for held in one.values() if isinstance(held, list))

"""Reports of the fault tables' facts, as the command makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from checks._engine import diagnose, kinds
from checks._ignore import Rule, apply
from checks._model import Snapshot
from checks._report import Report
from checks._texts import Shell, worded
from tests.checks import facts as f
from tests.checks.cases import CASES

BY_NAME = {case.name: case.facts for case in CASES}
BASE = ("settings", "sqs", "redis", "db", "r2")
"""The topics whose reports are held by golden files; others come and go without touching those."""
SHOWN: dict[str, dict[str, Any]] = {
    "healthy": {},
    "bad-key": BY_NAME["an unknown key"],
    "queue-name": BY_NAME["a wrong queue name"],
    "dead-letters": BY_NAME["dead letters"],
    "silent": BY_NAME["the database is silent"],
    "crash": BY_NAME["a topic crashes"],
    "many": {**BY_NAME["a wrong R2 secret"], **BY_NAME["an orphan lock"], **BY_NAME["a queue is gone"]},
}
NOW = datetime.fromisoformat(f.AT) + timedelta(seconds=47)


def of(snapshot: Snapshot, lang: str = "en", *, rules: Sequence[Rule] = (), **options: Any) -> Report:
    """The report of a snapshot."""
    quiet = apply(diagnose(f.TOPICS, snapshot), rules)
    found = quiet.diagnosis
    told = found.with_findings(worded(found.findings, lang, kinds(f.TOPICS), shell=Shell(), local=snapshot.local))
    return Report(told, lang, ignored=quiet.ignored, expired=quiet.expired, **{"now": NOW, **options})


def report(facts: dict[str, Any], lang: str = "en", *, rules: Sequence[Rule] = (), **options: Any) -> Report:
    """The report of a healthy platform with some topics' facts replaced."""
    return of(f.snapshot(**facts), lang, rules=rules, **options)


@cache
def of_case(name: str) -> Report:
    """The report of a row of the fault tables; made once, for several tests read them all."""
    return report(BY_NAME[name])


def base(facts: dict[str, Any], lang: str = "en", **options: Any) -> Report:
    """The same, of the topics of the golden files alone."""
    taken = f.snapshot(**facts)
    return of(replace(taken, topics={name: taken.topics[name] for name in BASE}), lang, **options)

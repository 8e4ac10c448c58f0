"""A row of the fault tables: facts, what must be the root cause, whose fault it is, how bad, what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from checks._model import State, Verdict


@dataclass(frozen=True)
class Case:
    name: str
    root: str
    verdict: Verdict
    state: State
    facts: dict[str, Any]
    follows: frozenset[str] = field(default_factory=frozenset)


def fail(name: str, root: str, verdict: Verdict, *follows: str, **facts: Any) -> Case:
    return Case(name, root, verdict, State.fail, facts, frozenset(follows))


def warn(name: str, root: str, verdict: Verdict, *follows: str, **facts: Any) -> Case:
    return Case(name, root, verdict, State.warn, facts, frozenset(follows))


def unknown(name: str, root: str, *follows: str, **facts: Any) -> Case:
    return Case(name, root, Verdict.cannot_tell, State.unknown, facts, frozenset(follows))

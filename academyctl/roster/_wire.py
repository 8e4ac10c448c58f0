"""A reading's way between the child process that made it and its parent: plain JSON, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from academyctl.errors import Both
from academyctl.roster.model import (
    Ask,
    Document,
    Limits,
    Problem,
    Reading,
    RosterRefused,
    Skipped,
    Table,
)


def request_json(path: Path, ask: Ask, limits: Limits, spool: Path) -> Document:
    """What the child is asked."""
    said = {"mapping": dict(ask.mapping), "remembered": [dict(each) for each in ask.remembered], "sheet": ask.sheet}
    return {"path": str(path), "spool": str(spool), "ask": said, "limits": asdict(limits)}


def request_from(document: Document) -> tuple[Path, Ask, Limits, Path]:
    said = document["ask"]
    ask = Ask(said["mapping"], tuple(said["remembered"]), said["sheet"])
    return Path(document["path"]), ask, Limits(**document["limits"]), Path(document["spool"])


def to_json(reading: Reading) -> Document:
    return {each.name: _plain(getattr(reading, each.name)) for each in fields(reading)}


def from_json(document: Document) -> Reading:
    """The Reading that `to_json` wrote down. Raises KeyError, TypeError or ValueError for anything else."""
    return Reading(**{name: _FROM.get(name, _same)(value) for name, value in document.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, RosterRefused):
        return {"code": value.code, "message": list(value.message), "kind": value.kind}
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _same(value: Any) -> Any:
    return value


def _refused(value: Any) -> RosterRefused | None:
    return RosterRefused(value["code"], Both(*value["message"]), kind=value["kind"]) if value else None


def _problems(values: list[Document]) -> tuple[Problem, ...]:
    return tuple(Problem(**each | {"message": Both(*each["message"])}) for each in values)


def _choices(values: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(each) for key, each in values.items()}


_FROM: dict[str, Callable[[Any], Any]] = {
    "refused": _refused,
    "tables": lambda values: tuple(Table(**each) for each in values),
    "skipped": lambda values: tuple(Skipped(**each) for each in values),
    "problems": _problems,
    "warnings": _problems,
    "candidates": _choices,
    "candidate_samples": _choices,
}

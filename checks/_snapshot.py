"""A snapshot as a file: JSON, versioned, and back to exactly the facts that were judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from academyctl.errors import Both, UsageError
from checks import _files
from checks._codec import plain, typed
from checks._model import SCHEMA, Gathered, Snapshot, Topic

Strangers = Callable[[str], Topic]
_HEAD = ("taken_at", "took_ms", "timeout_s", "tool", "profile", "local")


def dumps(snapshot: Snapshot) -> str:
    """The same snapshot gives the same text, to the byte."""
    body: dict[str, Any] = {"schema": snapshot.schema, **{name: getattr(snapshot, name) for name in _HEAD}}
    body["topics"] = {name: plain(one) for name, one in snapshot.topics.items()}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def loads(
    text: str, topics: Sequence[Topic], *, name: str = "the snapshot", strangers: Strangers | None = None
) -> Snapshot:
    """`strangers` makes a topic that is not among `topics`.

    Raises UsageError naming what does not fit: no JSON, another version, an unknown topic or field.
    """
    try:
        raw = json.loads(text)
        schema = raw["schema"]
        if schema == SCHEMA:
            return _snapshot(raw, {topic.name: topic for topic in topics}, strangers)
        why = f"it has version {schema}, this academyctl reads {SCHEMA}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
    raise UsageError(
        f"{name} cannot be read as a saved diagnosis",
        why=why,
        remedy=Both(
            "give a file that `academyctl diagnose --save FILE` of this version wrote",
            "이 버전의 `academyctl diagnose --save 파일`이 만든 파일을 지정하세요",
        ),
    )


def save(snapshot: Snapshot, path: Path) -> None:
    """Whole or not at all, for its owner alone: it names hosts. Raises UsageError when it cannot be written."""
    _files.write(path, dumps(snapshot), private=True)


def read(path: Path, topics: Sequence[Topic], *, strangers: Strangers | None = None) -> Snapshot:
    """Raises UsageError when the file cannot be read or is no snapshot."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error)) from error
    return loads(text, topics, name=str(path), strangers=strangers)


def _snapshot(raw: dict[str, Any], topics: dict[str, Topic], strangers: Strangers | None) -> Snapshot:
    seen = {}
    for name, one in raw["topics"].items():
        if name not in topics and strangers is not None:
            topics[name] = strangers(name)
        facts = None if one["facts"] is None else typed(topics[name].facts, one["facts"])
        rest = {key: value for key, value in one.items() if key != "facts"}
        seen[name] = Gathered(facts=facts, **rest)
    head = {name: raw[name] for name in _HEAD}
    return Snapshot(topics=seen, **{**head, "timeout_s": float(head["timeout_s"])})

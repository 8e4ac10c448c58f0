"""Whether a command's result is the expected one: its exit code, a pattern in its output, a condition on its JSON."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from playbooks._model import Step

_CONDITION = re.compile(r"^([\w.#-]+)\s*(==|!=|>=|<=|>|<)\s*(.*)$")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


def check(condition: str) -> None:
    """Raises ValueError for a condition that is none; '' is no condition."""
    if condition and not _CONDITION.match(condition):
        raise ValueError(f"'{condition}' is no condition: path OP value")


def differs(step: Step, code: int, out: str, err: str) -> str:
    """What differs from what the step expects, for people; '' when nothing does."""
    if code not in step.expect:
        wanted = ", ".join(map(str, sorted(step.expect)))
        return f"exit code {code}, expected {wanted}"
    if step.match and not re.search(step.match, out + err):
        return f"the output does not contain /{step.match}/"
    if step.without and (found := re.search(step.without, out + err)):
        return f"the output contains '{found[0]}'"
    return _differs_json(step.json, out) if step.json else ""


def _differs_json(condition: str, out: str) -> str:
    found = _CONDITION.match(condition)
    assert found is not None
    path, sign, wanted = found.groups()
    try:
        seen = _at(json.loads(out), path)
    except (ValueError, LookupError, TypeError):
        return f"the output has no {path}"
    value = _value(wanted)
    try:
        right = bool(_OPERATORS[sign](seen, value))
    except TypeError:
        right = False
    return "" if right else f"{path} is {seen!r}, expected {sign} {wanted}"


def _at(data: Any, path: str) -> Any:
    for name in path.split("."):
        key = int(name) if isinstance(data, list) and name != "#" else name
        data = len(data) if name == "#" else data[key]
    return data


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

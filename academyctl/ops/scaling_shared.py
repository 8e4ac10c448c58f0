"""What several groups share: the counting function and its rule. A rollback of one group leaves the others' part.

Each group's variables in the function are its own; all the rest goes back when the last group's apply is taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from academyctl.ops.saves import APPLY, Save
from academyctl.ops.scaling_state import Json, Parts

if TYPE_CHECKING:
    from academyctl.ops.scaling_state import State

_OF_A_ROLE = ("_MODE", "_TARGET_MESSAGES_PER_INSTANCE")


def own_part(save: Save, now: State) -> tuple[Parts, bool]:
    """What the save puts back, and whether it is this group's part alone: other groups' variables are not as saved."""
    name = now.names.function
    there, old = now.of("function").get(name), save.parts.get("function", {}).get(name)
    if there is None or _others(there, save.role) == _others(old, save.role):
        return save.parts, False
    function = {**save.parts.get("function", {}), name: _with_variables_of(there, old, save.role)}
    return {**save.parts, "function": function, "rule": now.of("rule")}, True


def heirs(save: Save, later: Iterable[Save], function: str) -> Iterator[Save]:
    """The saves of other groups that hold what this apply had made, as they are when it is taken back before them.

    The next apply found what this save holds, and this group's change of it: without that change it is the one that
    puts the shared things back. The ones after it lose this group's variables alone.
    """
    following = sorted(
        (one for one in later
         if one.by == APPLY and not one.taken_back and one.group != save.group and one.at > save.at
         and function in one.parts.get("function", {})),
        key=lambda one: one.at,
    )  # fmt: skip
    old = save.parts.get("function", {}).get(function)
    for number, one in enumerate(following):
        found = dict(one.parts["function"])
        if number == 0:
            found = {key: value for key, value in found.items() if key != function}
            found |= {function: old} if old else {}
            yield replace(one, parts={**one.parts, "function": found, "rule": save.parts.get("rule", {})})
        else:
            found[function] = _with_variables_of(found[function], old, save.role)
            yield replace(one, parts={**one.parts, "function": found})


def _with_variables_of(function: Json, old: Json | None, role: str) -> Json:
    """The function with this role's variables as `old` has them."""
    variables = {key: value for key, value in _variables(function).items() if not _mine(key, role)}
    variables |= {key: value for key, value in _variables(old).items() if _mine(key, role)}
    return {**function, "Configuration": {**function["Configuration"], "variables": variables}}


def _others(function: Json | None, role: str) -> dict[str, str]:
    return {
        key: value for key, value in _variables(function).items() if key.endswith(_OF_A_ROLE) and not _mine(key, role)
    }


def _variables(function: Json | None) -> Mapping[str, str]:
    found: Mapping[str, str] = function["Configuration"]["variables"] if function else {}
    return found


def _mine(key: str, role: str) -> bool:
    return key in {f"{role.upper()}{ending}" for ending in _OF_A_ROLE}

"""Who may import whom, read from the sources: imports inside functions count, imports for the type checker do not."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("academyctl", "checks", "workers", "playbooks")
DOOR = "academyctl.__main__"
CLIENTS = frozenset({"boto3", "botocore", "redis", "psycopg", "psycopg_pool", "paramiko", "solapi", "httpx"})

# Room -> the rooms of ours that it may import. The longest name that fits a module is its room.
ROOMS: dict[str, frozenset[str]] = {
    "academyctl": frozenset(),
    "academyctl.errors": frozenset(),
    "academyctl.log": frozenset({"academyctl.errors"}),
    "academyctl.output": frozenset({"academyctl.errors", "academyctl.log"}),
    "academyctl.contract": frozenset({"academyctl.errors"}),
    "academyctl.messaging": frozenset({"academyctl.errors", "academyctl.contract"}),
}
SETTINGS = frozenset(f"academyctl.settings{part}" for part in ("", "_model", "_messaging", "_analysis", "_file"))
BASE = frozenset({"academyctl", "academyctl.errors", "academyctl.log", "academyctl.contract", "academyctl.messaging"})
BASE |= SETTINGS
ROOMS |= dict.fromkeys(SETTINGS, SETTINGS | {"academyctl.errors"})
ROOMS["academyctl.stores"] = BASE
SIBLINGS = ("checks", "workers", "playbooks", "academyctl.local", "academyctl.fleet", "academyctl.remote")
"""Rooms that stand side by side on repairs and stores, and do not know each other."""


@dataclass(frozen=True)
class Import:
    """One import statement's target, and whether it runs when the module is loaded."""

    target: str
    at_top: bool
    line: int


@cache
def modules() -> dict[str, Path]:
    """Module name -> file, of all our packages."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> tuple[Import, ...]:
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    return tuple(_imports(tree, at_top=True))


def _imports(node: ast.AST, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, at_top, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            base = child.module or ""
            for alias in child.names:
                name = f"{base}.{alias.name}"
                yield Import(name if name in modules() else base, at_top, child.lineno)
        else:
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_top=at_top and not inner)


def ours(module: str) -> list[Import]:
    return [one for one in imports(module) if one.target in modules() and one.target != module]


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str | None:
    return max((room for room in ROOMS if is_in(module, room) and room != "academyctl"), key=len, default=None)


def where(module: str, one: Import) -> str:
    return f"{modules()[module].relative_to(ROOT)}:{one.line} imports {one.target}"


def test_only_stores_import_client_libraries() -> None:
    seen = [
        where(module, one)
        for module in modules()
        # The functions' sources run in AWS, without us.
        if not is_in(module, "academyctl.stores") and not is_in(module, "academyctl.ops.lambdas")
        for one in imports(module)
        if one.target.partition(".")[0] in CLIENTS
    ]
    assert seen == []


def test_a_command_file_loads_typer_and_light_things_of_ours_only() -> None:
    allowed = {"academyctl", "academyctl.errors", "academyctl.output", "academyctl.cli"}
    seen = []
    for module in modules():
        for one in imports(module) if is_in(module, "academyctl.cli") else ():
            top = one.target.partition(".")[0]
            light = top in sys.stdlib_module_names or top == "typer" or one.target in allowed
            if one.at_top and not light and not one.target.startswith("academyctl.cli._"):
                seen.append(where(module, one))
    assert seen == []


def test_the_rooms_below_know_only_what_they_stand_on() -> None:
    seen = []
    for module in modules():
        room = room_of(module)
        for one in ours(module) if room else ():
            if not is_in(one.target, room or "") and not any(is_in(one.target, known) for known in _known(room or "")):
                seen.append(where(module, one))
    assert seen == []


def _known(room: str) -> frozenset[str]:
    # `academyctl` itself holds the version alone; as a prefix it would allow everything.
    return ROOMS[room] - {"academyctl"}


def test_the_contract_imports_no_library() -> None:
    seen = [
        where(module, one)
        for module in modules()
        if is_in(module, "academyctl.contract")
        for one in imports(module)
        if one.target not in modules() and one.target.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert seen == []


def test_nothing_stands_on_the_command_line() -> None:
    seen = [
        where(module, one)
        for module in modules()
        for one in ours(module)
        if one.target == DOOR
        or (is_in(one.target, "academyctl.cli") and not is_in(module, "academyctl.cli") and module != DOOR)
    ]
    assert seen == []


@pytest.mark.parametrize("room", SIBLINGS)
def test_rooms_side_by_side_do_not_know_each_other(room: str) -> None:
    others = [other for other in SIBLINGS if other != room]
    seen = [
        where(module, one)
        for module in modules()
        if is_in(module, room)
        for one in ours(module)
        if any(is_in(one.target, other) for other in others)
    ]
    assert seen == []


def test_no_module_reaches_itself_again_not_even_inside_functions() -> None:
    graph = {module: sorted({one.target for one in ours(module)}) for module in modules()}
    done: set[str] = set()
    for start in graph:
        cycle = _cycle(graph, start, [], done)
        assert cycle is None, " -> ".join(cycle or ())


def _cycle(graph: dict[str, list[str]], node: str, path: list[str], done: set[str]) -> list[str] | None:
    if node in path:
        return [*path[path.index(node) :], node]
    if node in done:
        return None
    for target in graph[node]:
        found = _cycle(graph, target, [*path, node], done)
        if found:
            return found
    done.add(node)
    return None


def test_the_rules_see_a_breach() -> None:
    """The reader of imports is what all rules stand on: it must find what it looks for, wherever it hides."""
    tree = ast.parse("import os\nif TYPE_CHECKING:\n    import a\ndef f():\n    import boto3\n    from x import y\n")
    assert [(one.target, one.at_top) for one in _imports(tree, at_top=True)] == [
        ("os", True),
        ("boto3", False),
        ("x", False),
    ]
    assert _cycle({"a": ["b"], "b": ["c"], "c": ["b"]}, "a", [], set()) == ["b", "c", "b"]
    assert _cycle({"a": ["b"], "b": []}, "a", [], set()) is None

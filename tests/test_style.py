"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 300
MAX_SLEEP_S = 0.5
SOURCES = [
    path
    for folder in ("academyctl", "checks", "workers", "playbooks", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
OURS = [path for path in SOURCES if not path.is_relative_to(ROOT / "tests")]
Rule = Callable[[str], Iterator[str]]


def named(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def breaches(rule: Rule, paths: list[Path]) -> list[str]:
    """`file:line what` of every breach."""
    return [
        f"{path.relative_to(ROOT).as_posix()}:{found}"
        for path in paths
        for found in rule(path.read_text(encoding="utf-8"))
    ]


def long_file(text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"{lines} lines"


def patched(text: str) -> Iterator[str]:
    """What replaces a part of the program behind its back; a Mock says at least whose shape it has."""
    # Taking every name of every file apart would take ten times as long.
    suspect = any(word in text for word in ("setattr", "mock", "Mock"))
    for node in ast.walk(ast.parse(text)) if suspect else ():
        said = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if said.endswith(("mock.patch", "monkeypatch.setattr", "mocker.patch")):
            yield f"{node.lineno} {said}"  # type: ignore[attr-defined]
        mock = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Mock", "MagicMock")
        if mock and not any(keyword.arg in ("spec", "spec_set") for keyword in node.keywords):  # type: ignore[attr-defined]
            yield f"{node.lineno} Mock without spec"  # type: ignore[attr-defined]
        if isinstance(node, ast.ImportFrom) and node.module == "unittest.mock":
            yield from (f"{node.lineno} imports patch" for alias in node.names if alias.name == "patch")


def unexplained_broad_except(text: str) -> Iterator[str]:
    """One that swallows needs a comment that says why: on its line, the line above, or first inside."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler) or ast.unparse(node.body[-1]) == "raise":
            continue
        said = "" if node.type is None else ast.unparse(node.type)
        broad = node.type is None or any(
            word in ("Exception", "BaseException") for word in said.strip("()").split(", ")
        )
        around = lines[max(0, node.lineno - 2) : node.lineno + 1]
        if broad and not any(_is_reason(line) for line in around):
            yield f"{node.lineno} except {said}"


def _is_reason(line: str) -> bool:
    # `noqa: BLE001` alone silences the linter and explains nothing.
    return bool(re.sub(r"noqa: [A-Z0-9, ]+", "", line.partition("#")[2]).strip(" -#"))


def long_sleep(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)) if "sleep" in text else ():
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep") and node.args):
            continue
        amount = getattr(node.args[0], "value", None)
        if isinstance(amount, int | float) and amount >= MAX_SLEEP_S:
            yield f"{node.lineno} sleeps {amount} s"


@pytest.mark.parametrize("path", named(SOURCES))
def test_a_file_has_one_subject_and_at_most_300_lines(path: str) -> None:
    assert breaches(long_file, [ROOT / path]) == []


def test_nothing_is_patched() -> None:
    assert breaches(patched, SOURCES) == []


def test_a_broad_except_gives_its_reason() -> None:
    assert breaches(unexplained_broad_except, OURS) == []


def test_no_test_sleeps_where_it_could_wait_for_the_event() -> None:
    benches = ROOT / "tests" / "bench"
    assert breaches(long_sleep, [path for path in SOURCES if path not in OURS and benches not in path.parents]) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_file, "\n" * (MAX_LINES + 1)),
        (patched, "mock.patch('x')"),
        (patched, "monkeypatch.setattr(a, 'b', 1)"),
        (patched, "Mock()"),
        (patched, "from unittest.mock import patch"),
        (unexplained_broad_except, "try:\n    pass\nexcept Exception:\n    pass\n"),
        (unexplained_broad_except, "try:\n    pass\nexcept:\n    pass\n"),
        (unexplained_broad_except, "try:\n    pass\nexcept Exception:  # noqa: BLE001\n    pass\n"),
        (long_sleep, "time.sleep(0.5)"),
    ],
)
def test_each_rule_sees_its_breach(rule: Rule, text: str) -> None:
    assert list(rule(text))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (patched, "Mock(spec=Thing)"),
        (unexplained_broad_except, "try:\n    pass\nexcept Exception:  # noqa: BLE001 - a reason\n    pass\n"),
        (unexplained_broad_except, "try:\n    pass\n# a reason\nexcept Exception:\n    pass\n"),
        (unexplained_broad_except, "try:\n    pass\nexcept ValueError:\n    pass\n"),
        (unexplained_broad_except, "try:\n    pass\nexcept Exception:\n    undo()\n    raise\n"),
        (long_sleep, "time.sleep(0.02)"),
    ],
)
def test_no_rule_refuses_what_is_allowed(rule: Rule, text: str) -> None:
    assert not list(rule(text))

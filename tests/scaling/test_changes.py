"""Scaling policies: a dry run changes nothing, apply does the plan once, rollback puts back what was, killed or not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from academyctl.ops.scaling_policies import POLICIES
from academyctl.repairs import Repair
from tests.scaling.conftest import Killed, Operator, Step, inherit

# All pairs and all steps are minutes on the stack; tests/scaling/test_plans.py tries them all on an account in memory.
EVERY = pytest.mark.skipif("ACADEMYCTL_TEST_EVERY" not in os.environ, reason="ACADEMYCTL_TEST_EVERY=1 tries all of it")

# Between them they make, change and take away everything that scaling is made of.
EACH_PART = ("tt-backlog", "outstanding", "batch", "step-alarm")


def killed_after(count: int) -> Step:
    """Ends the process when so many repairs are done."""
    done: list[Repair] = []

    def step(repair: Repair) -> None:
        done.append(repair)
        if len(done) == count:
            raise Killed

    return step


def steps(said: str) -> int:
    return sum(line.startswith(("would", "done")) for line in said.splitlines())


@pytest.mark.parametrize("policies", [EACH_PART, pytest.param(POLICIES, marks=EVERY)], ids=("parts", "all"))
def test_dry_runs_change_nothing_apply_does_that_very_plan_once_and_rollbacks_go_all_the_way_back(
    operator: Operator, policies: tuple[str, ...]
) -> None:
    inherit(operator.fleet)
    states = [operator.raw]
    for policy in policies:
        would = operator.apply(policy, apply=False)
        assert operator.raw == states[-1], f"the dry run of {policy} changed something"
        said = operator.apply(policy)
        assert said.replace("done  ", "would  ") == would.rpartition("nothing was changed")[0]
        states.append(operator.raw)
        assert states[-1] != states[-2]
        assert "there is nothing to do" in operator.apply(policy)
        assert operator.raw == states[-1], f"a second apply of {policy} changed something"
    for state in reversed(states[:-1]):
        operator.rollback()
        assert operator.raw == state


@EVERY
def test_any_policy_replaces_any_other_and_rollback_puts_it_back(operator: Operator) -> None:
    inherit(operator.fleet)
    inherited = operator.raw
    for first in POLICIES:
        operator.apply(first)
        before = operator.raw
        for second in POLICIES:
            if second != first:
                assert steps(operator.apply(second)) > 0
                assert steps(operator.rollback()) > 0
                assert operator.raw == before, f"{second} was not taken back to {first}"
        operator.rollback()
        assert operator.raw == inherited, f"{first} was not taken back"


def check_kills(operator: Operator, policy: str, positions: Callable[[int], Iterable[int]]) -> None:
    """Killed there while it applies, and while it rolls back: a rerun completes each, and the original is back."""
    inherit(operator.fleet)
    original = operator.raw
    operator.apply(policy)
    wanted = operator.raw
    count = steps(operator.rollback())
    assert count > 3
    for after in positions(count):
        with pytest.raises(Killed):
            operator.apply(policy, on_done=killed_after(after))
        operator.apply(policy)
        assert operator.raw == wanted
        with pytest.raises(Killed):
            operator.rollback(on_done=killed_after(after))
        operator.rollback()
        assert operator.raw == original


def test_killed_in_the_middle_a_rerun_completes_it_and_rollback_restores_the_original(operator: Operator) -> None:
    check_kills(operator, "outstanding", lambda count: (count // 3, count - 1))


@EVERY
@pytest.mark.parametrize("policy", ["outstanding", "step-alarm", "batch"])
def test_killed_after_any_step_it_is_the_same(operator: Operator, policy: str) -> None:
    check_kills(operator, policy, lambda count: range(1, count))


def test_a_killed_apply_can_be_taken_back_at_once(operator: Operator) -> None:
    inherit(operator.fleet)
    original = operator.raw
    with pytest.raises(Killed):
        operator.apply("outstanding", on_done=killed_after(2))
    assert operator.raw != original
    assert "an earlier apply did not end" in operator.apply("outstanding", apply=False)
    operator.rollback()
    assert operator.raw == original


def test_an_undone_rollback_is_the_policy_again(operator: Operator, tmp_path: Path) -> None:
    before = operator.raw
    operator.apply("tt-total")
    tracked = operator.raw
    undo = next(line for line in operator.rollback().splitlines() if line.startswith("undo"))
    assert operator.raw != tracked
    operator.rollback(undo.split("--to ")[1].split()[0])
    assert operator.raw == tracked
    operator.rollback()
    assert operator.raw == before, "an apply that is in force again can be taken back again"
    [*audit] = tmp_path.rglob("audit.jsonl")
    lines = [json.loads(line) for line in audit[0].read_text(encoding="utf-8").splitlines()]
    assert {line["result"] for line in lines} == {"done"}


def test_saves_are_their_owners_alone_and_hold_what_no_screen_shows(operator: Operator, tmp_path: Path) -> None:
    inherit(operator.fleet)
    said = operator.apply("outstanding")
    [save] = tmp_path.rglob("scaling/*/*.json")
    assert "a-secret-of-the-platform" in save.read_text(encoding="utf-8")
    assert save.stat().st_mode & 0o077 == 0
    assert "a-secret" not in said + operator.rollback()

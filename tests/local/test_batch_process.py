"""The parts of the local Batch without an emulator: a container's end, and what Batch decides about it."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from academyctl.local.emulator import _batch_rules as rules
from academyctl.local.emulator import _batch_schedule
from academyctl.local.emulator._batch_process import Container
from tests.conftest import eventually

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def container(code: str, **env: str) -> Container:
    return Container([sys.executable, "-c", code], env)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to ignore")
def test_a_container_that_will_not_end_is_killed() -> None:
    said: list[str] = []
    made, ended = container(STUBBORN), list[tuple[int, bool]]()
    thread = threading.Thread(target=lambda: ended.append(made.run(said.append)))
    thread.start()
    eventually(lambda: said == ["up"])
    made.stop(kill_after_s=0.05)
    thread.join(10)
    assert ended == [(137, False)]


def test_a_container_whose_time_is_over_is_ended_and_says_so() -> None:
    code, late = container("import time; time.sleep(60)").run(print, timeout_s=0.2)
    assert (late, code != 0) == (True, True)


def test_a_container_that_was_stopped_before_it_started_never_runs() -> None:
    made, said = container("print('up')"), list[str]()
    made.stop()
    assert made.run(said.append) == (143, False)
    assert said == []


def test_a_variable_that_no_process_can_have_ends_the_attempt() -> None:
    job = {"jobId": "j-1", "jobDefinition": "arn/word:1", "container": {"command": ["true"]}, "timeout": {},
           "retryStrategy": {}, "attempts": []}  # fmt: skip
    made = _batch_schedule._AT_WORK["j-1"] = Container(["true"], {"A=B": "x"})
    _batch_schedule._attempt(job, made)
    assert (job["status"], "j-1" in _batch_schedule._AT_WORK) == ("FAILED", False)


def test_a_container_sees_its_own_environment_and_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    said: list[str] = []
    container("import os; print(os.environ.get('AWS_SECRET_ACCESS_KEY'), os.environ['HUE'])", HUE="red").run(
        said.append
    )
    assert said == ["None red"]


ON_ONE = {
    "attempts": 3,
    "evaluateOnExit": [{"onExitCode": "1", "action": "RETRY"}, {"onExitCode": "*", "action": "EXIT"}],
}
ON_HOST = {"attempts": 3, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"},
                                             {"onReason": "*", "action": "exit"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "attempt", "exit_code", "status", "again"),
    [
        ({}, 1, 1, "", False),
        ({"attempts": 3}, 1, 1, "", True),
        ({"attempts": 3}, 3, 1, "", False),
        (ON_ONE, 1, 1, "", True),
        (ON_ONE, 1, 2, "", False),
        (ON_HOST, 1, 143, "Host EC2 (instance i-1) terminated.", True),
        (ON_HOST, 1, 143, "Essential container in task exited", False),
        ({"attempts": 2, "evaluateOnExit": [{"onExitCode": "9", "action": "EXIT"}]}, 1, 1, "", True),
    ],
)
def test_the_first_rule_that_matches_decides_and_none_means_again(
    strategy: dict[str, Any], attempt: int, exit_code: int, status: str, *, again: bool
) -> None:
    assert rules.tried_again(strategy, attempt, exit_code=exit_code, reason="", status=status) is again


def test_a_reference_is_replaced_wherever_it_stands() -> None:
    assert rules.command(["run", "Ref::a", "x=Ref::b"], {"a": "1", "b": "2"}) == ["run", "1", "x=2"]
    with pytest.raises(rules.NoParameter, match="No parameter found for reference c"):
        rules.command(["Ref::c"], {})

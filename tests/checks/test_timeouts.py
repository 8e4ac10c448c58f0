"""A host that swallows packets is unknown, never ok and never a failure, and the diagnosis ends in time."""

from __future__ import annotations

import time

import pytest

from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.platform import black_hole, diagnosed

TIMEOUT_S = 1.5
# Making clients and threads on a busy machine; no call may take it.
SLACK_S = 3.0

HOLES = {
    "sqs": ("AWS_ENDPOINT_URL", "http://127.0.0.1:{}", "sqs.timeout"),
    "redis": ("REDIS_PORT", "{}", "redis.timeout"),
    "db": ("DB_PORT", "{}", "db.timeout"),
    "r2": ("R2_ENDPOINT", "http://127.0.0.1:{}", "r2.timeout"),
}


@pytest.mark.parametrize("topic", HOLES)
def test_a_black_hole_is_unknown_and_ends_in_time(steady_env: dict[str, str], topic: str) -> None:
    variable, value, code = HOLES[topic]
    with black_hole() as port:
        started = time.monotonic()
        found = diagnosed({**steady_env, variable: value.format(port)}, [topic], timeout_s=TIMEOUT_S)
        took = time.monotonic() - started
    assert took < TIMEOUT_S + SLACK_S
    assert [one.code for one in roots(found.findings)] == [code]
    assert (found.verdict, exit_code(found.state)) == (Verdict.cannot_tell, 3)


def test_one_black_hole_leaves_the_other_topics_judged(steady_env: dict[str, str]) -> None:
    with black_hole() as port:
        found = diagnosed({**steady_env, "DB_PORT": str(port)}, ["redis", "db", "settings"], timeout_s=4)
    states = {one.topic: set() for one in found.findings}  # type: dict[str, set[State]]
    for one in found.findings:
        states[one.topic].add(one.state)
    assert states["redis"] == states["settings"] == {State.ok}
    assert states["db"] == {State.unknown, State.skip}


def test_everything_silent_is_still_an_answer_in_time(steady_env: dict[str, str]) -> None:
    with black_hole() as port:
        holes = {variable: value.format(port) for variable, value, _ in HOLES.values()}
        started = time.monotonic()
        found = diagnosed({**steady_env, **holes}, timeout_s=TIMEOUT_S)
        assert time.monotonic() - started < TIMEOUT_S + SLACK_S
    assert (found.verdict, exit_code(found.state)) == (Verdict.cannot_tell, 3)
    assert not any(one.state is State.fail for one in found.findings)

"""The API and the worker set up differently, on a stack that is otherwise fine."""

from __future__ import annotations

import pytest

from academyctl.settings import load
from checks._against import Other
from checks._engine import diagnose, take
from checks._model import Diagnosis, State, Verdict
from checks._topics import chosen
from checks._verdict import exit_code, roots
from tests.checks.facts import red

Env = dict[str, str]
_TOPICS = ("settings", "sqs", "redis", "db", "r2")


def _against(env: Env, api: Env) -> Diagnosis:
    topics = chosen(_TOPICS)
    return diagnose(topics, take(topics, load(env), env, timeout_s=20, other=Other("api.env", api)))


def test_the_same_environment_twice_is_healthy(steady_env: Env) -> None:
    found = _against(steady_env, steady_env)
    assert (found.verdict, exit_code(found.state)) == (Verdict.healthy, 0)


@pytest.mark.parametrize(
    ("variable", "here"),
    [
        ("AI_SQS_QUEUE_NAME_BASIC", "academy-of-nobody"),
        ("AWS_REGION", "us-east-1"),
        ("DB_NAME", "postgres"),
        ("DB_PASSWORD", "an-older-password"),
        ("REDIS_PASSWORD", "an-older-password"),
        ("R2_AI_BUCKET", "a-bucket-of-nobody"),
    ],
)
def test_a_worker_that_is_set_up_differently_is_the_one_root_cause(steady_env: Env, variable: str, here: str) -> None:
    wrong = {**steady_env, variable: here}
    if variable == "AWS_REGION":
        wrong["AWS_DEFAULT_REGION"] = here
    found = _against(wrong, steady_env)
    assert [one.key for one in red(found)] == [f"settings.differs={variable}"]
    assert (found.verdict, found.state, exit_code(found.state)) == (Verdict.settings, State.fail, 1)
    # What does not work for it follows from it.
    assert any(one.because_of == f"settings.differs={variable}" for one in found.findings)


def test_another_redis_database_is_found_although_both_answer(steady_env: Env) -> None:
    found = _against({**steady_env, "REDIS_DB": "5"}, steady_env)
    assert [one.key for one in roots(found.findings)] == ["settings.differs=REDIS_DB"]


def test_limits_that_do_not_fit_are_told(steady_env: Env) -> None:
    found = _against({**steady_env, "EXCEL_READ_SECONDS": "7200"}, steady_env)
    assert [one.key for one in roots(found.findings)] == ["settings.limits=EXCEL_READ_SECONDS"]
    assert (found.verdict, found.state) == (Verdict.settings, State.warn)

"""Redis on the real stack: not told, full, a replica, off, and a lock that ends too early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.stores import Stores
from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed

Env = dict[str, str]


@contextmanager
def _changed(stores: Stores, wrong: tuple[str, ...], right: tuple[str, ...]) -> Iterator[None]:
    """A server-wide command, taken back in the end: the stack's Redis is everybody's."""
    with stores.redis._call() as client:
        run: Any = client.execute_command
        run(*wrong)
        try:
            yield
        finally:
            run(*right)


@pytest.mark.parametrize(
    ("wrong", "right", "code", "verdict", "state"),
    [
        (("ACL", "SETUSER", "default", "-info"), ("ACL", "SETUSER", "default", "+info"), "redis.info-denied",
         Verdict.cannot_tell, State.unknown),
        (("CONFIG", "SET", "maxmemory", "900kb"), ("CONFIG", "SET", "maxmemory", "0"), "redis.full", Verdict.capacity,
         State.warn),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "redis.replica", Verdict.settings, State.fail),
    ],
    ids=["INFO is denied", "memory is full", "a replica"],
)  # fmt: skip
def test_what_is_wrong_with_the_server_is_the_one_root_cause(
    platform_env: Env,
    stores: Stores,
    wrong: tuple[str, ...],
    right: tuple[str, ...],
    code: str,
    verdict: Verdict,
    state: State,
) -> None:
    with _changed(stores, wrong, right):
        found = diagnosed(platform_env, ["settings", "redis"])
    assert [one.code for one in roots(found.findings)] == [code]
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (state is State.fail)
    assert exit_code(found.state) == {State.unknown: 3, State.warn: 0, State.fail: 1}[state]
    assert diagnosed(platform_env, ["settings", "redis"]).verdict is Verdict.healthy


def test_redis_that_is_off_is_not_asked_and_nothing_about_it_is_unknown(steady_env: Env) -> None:
    found = diagnosed({**steady_env, "REDIS_HOST": ""}, ["settings", "redis"])
    assert {one.code: one.state for one in found.findings if one.topic == "redis" and one.state is not State.skip} == {
        "redis.off": State.warn
    }


def test_a_legacy_lock_that_ends_before_its_message_returns_is_told(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    client: Any = stores.sqs._client
    client.set_queue_attributes(QueueUrl=stores.sqs.url(queue), Attributes={"VisibilityTimeout": "21600"})
    assert diagnosed(platform_env, ["sqs", "redis"]).verdict is Verdict.healthy
    stores.redis.acquire(keys.encode_lock(7), "1", 9_000_000)
    found = diagnosed(platform_env, ["sqs", "redis"])
    assert [one.key for one in roots(found.findings)] == [f"redis.lock-shorter={keys.encode_lock(7)}"]
    assert found.verdict is Verdict.settings

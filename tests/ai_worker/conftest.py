"""One database for all tests here, emptied before each; queues of the test's own, strict ones."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.local import postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.ai_platform import TIERS
from tests.ai_worker.bench import Bench
from tests.strict_sqs import StrictSqs

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def ai_rows(stack: LocalStack) -> Iterator[tuple[dict[str, str], Stores]]:
    env = {**stack.env(), "DB_NAME": f"ai{os.getpid()}", "REDIS_DB": "4", "WORKER_ID": "test-host"}
    postgres.create(stack.state(), env["DB_NAME"])
    stores = Stores(load(env).settings)
    yield env, stores
    stores.close()
    postgres.drop(stack.state(), env["DB_NAME"])


@pytest.fixture(scope="package")
def endpoint() -> Iterator[StrictSqs]:
    with StrictSqs() as strict:
        yield strict


@pytest.fixture
def bench(ai_rows: tuple[dict[str, str], Stores], endpoint: StrictSqs, tmp_path: Path) -> Iterator[Bench]:
    """Its queues have names of their own: a poll that an earlier test abandoned must not take from them."""
    env, stores = ai_rows
    stores.db.execute("DELETE FROM ai_result")
    stores.db.execute("DELETE FROM ai_job")
    stores.redis.delete(*stores.redis.scan("*"))
    number = next(_NUMBERS)
    queues = {tier: f"ai-{tier}-{number}" for tier in TIERS}
    for name in queues.values():
        endpoint.make(name)
    names = {f"AI_SQS_QUEUE_NAME_{tier.upper()}": name for tier, name in queues.items()}
    made = Bench(endpoint, {**env, **names, "AWS_ENDPOINT_URL": endpoint.url}, tmp_path)
    made.stores, made.queues = stores, queues
    yield made
    endpoint.queues.clear()
    endpoint.calls.clear()

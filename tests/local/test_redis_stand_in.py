"""Where no redis-server exists (Windows), fakeredis serves; our locks must hold on it too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.local import processes, services
from academyctl.local import state as remembered
from academyctl.local.state import State
from academyctl.settings import load
from academyctl.stores.redis import Redis


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = remembered.fresh("ministack")
    argv = [sys.executable, "-m", "academyctl.local.redis_stand_in", str(state.ports["redis"])]
    env = {**os.environ, "REDIS_PASSWORD": state.secrets["redis_password"]}
    log = tmp_path / "redis.log"
    process = processes.spawn(argv, folder=tmp_path, log=log, env=env)
    try:
        processes.wait_until(lambda: services.redis_ready(state), process, what="redis", log=log)
        yield state
    finally:
        processes.stop(process)


def test_a_lock_is_taken_renewed_and_released_by_its_owner_alone(state: State) -> None:
    env = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(state.ports["redis"]),
        "REDIS_PASSWORD": state.secrets["redis_password"],
    }
    redis = Redis(load(env).settings.redis)
    assert redis.acquire("lock", "mine", 60_000).mine
    other = redis.acquire("lock", "theirs", 60_000)
    assert (other.mine, other.value) == (False, "mine")
    assert redis.renew([("lock", "mine"), ("lock", "theirs")], 60_000) == ["lock"]
    assert not redis.release("lock", "theirs")
    assert redis.release("lock", "mine")
    redis.close()
    services.redis_flush(state)

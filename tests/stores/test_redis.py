"""Locks with an owner, and a breaker that closes again by itself."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from academyctl.errors import RedisAway
from academyctl.settings_model import Redis as RedisSettings
from academyctl.stores import Stores
from academyctl.stores.redis import BREAKER_S, Redis


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_lock_is_taken_once_and_tells_the_second_who_has_it(stores: Stores) -> None:
    assert stores.redis.acquire("job:encode:1:lock", "me", 5000).mine
    second = stores.redis.acquire("job:encode:1:lock", "you", 5000)
    assert (second.mine, second.value) == (False, "me")
    assert 0 < second.ttl_ms <= 5000


def test_only_its_owner_releases_a_lock(stores: Stores) -> None:
    stores.redis.acquire("job:encode:1:lock", "me", 5000)
    assert not stores.redis.release("job:encode:1:lock", "you")
    assert stores.redis.get("job:encode:1:lock") == "me"
    assert stores.redis.release("job:encode:1:lock", "me")
    assert stores.redis.get("job:encode:1:lock") is None


def test_a_legacy_lock_is_held_by_an_unknown_owner(stores: Stores) -> None:
    stores.redis.set("job:encode:1:lock", "1", ttl_s=14400)
    seen = stores.redis.acquire("job:encode:1:lock", "me", 5000)
    assert (seen.mine, seen.value) == (False, "1")


def test_renewal_names_the_locks_that_are_no_longer_ours(stores: Stores) -> None:
    stores.redis.acquire("a", "me", 5000)
    stores.redis.acquire("b", "other", 5000)
    assert stores.redis.renew([("a", "me"), ("b", "me"), ("c", "me")], 60000) == ["b", "c"]
    assert stores.redis.ttl("a") > 50


def test_a_failure_closes_the_breaker_and_time_opens_it_again(stores: Stores) -> None:
    good = stores.settings.redis
    clock = Clock()
    redis = Redis(good.model_copy(update={"port": 1, "timeout_s": 0.2}), clock=clock)
    with pytest.raises(RedisAway) as first:
        redis.get("x")
    assert first.value.cause == "unreachable"
    redis._settings = good  # the server came back at the address
    redis._client = None
    with pytest.raises(RedisAway):
        redis.get("x")
    clock.now += BREAKER_S + 0.1
    assert redis.get("x") is None


def test_a_wrong_password_is_told_apart_from_an_unreachable_server(stores: Stores) -> None:
    wrong = stores.settings.redis.model_copy(update={"password": SecretStr("wrong")})
    with pytest.raises(RedisAway) as caught:
        Redis(wrong).get("x")
    assert caught.value.cause == "auth"


def test_an_empty_host_means_redis_is_off() -> None:
    redis = Redis(RedisSettings())
    assert not redis.enabled
    with pytest.raises(RedisAway) as caught:
        redis.get("x")
    assert caught.value.cause == "off"

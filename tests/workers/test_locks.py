"""The Redis lock around a job: who holds it, what a taken one does, and Redis going away and coming back."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.conftest import eventually
from tests.workers.rig import DLQ, LOCK, QUEUE, RedisServer, Rig, Seen, body, make_worker
from workers._model import Delivery, Done, Outcome

KEY = LOCK.format(7)


def until(condition: object) -> Seen:
    """A handler that works until the condition holds, or until it is interrupted."""
    assert callable(condition)

    def handle(delivery: Delivery) -> Outcome:
        while not condition():
            delivery.wait(0.02)
        return Done()

    return Seen(handle)


def test_the_lock_names_its_owner_while_the_job_runs_and_is_gone_after_it(rig: Rig, redis: RedisServer) -> None:
    values: list[dict[str, object]] = []

    def handle(delivery: Delivery) -> Outcome:
        values.append(json.loads(redis.client.get(KEY)) | {"mine": delivery.token})
        assert 0 < redis.client.pttl(KEY) <= 30_000
        return Done()

    [sent] = rig.sqs.put(QUEUE, body(video_id=7))
    rig.once(make_worker(Seen(handle)))
    [value] = values
    assert (value["host"], value["message"], value["token"]) == ("test-host", sent, value["mine"])
    assert len(str(value["token"])) <= 64
    assert redis.client.get(KEY) is None


def test_a_locked_video_is_given_back_not_deleted(rig: Rig, redis: RedisServer) -> None:
    redis.client.set(KEY, '{"token": "other:1:ab", "since": "2026-01-01"}', px=30_000)
    rig.sqs.put(QUEUE, body(video_id=7))
    seen = Seen()
    log = rig.once(make_worker(seen))
    assert seen.deliveries == []
    assert rig.sqs.left(QUEUE) == 1
    assert "SQS_JOB_DEFERRED" in log
    assert "held by other:1:ab since 2026-01-01" in log
    assert "[HANDLER] Lock acquisition failed, giving the message back video_id=7" in log


def test_a_legacy_lock_of_an_unknown_owner_is_respected_and_its_message_is_not_deleted(
    rig: Rig, redis: RedisServer
) -> None:
    redis.client.set(KEY, "1", ex=14_400)
    rig.sqs.make(QUEUE, max_receive=1)
    rig.sqs.put(QUEUE, body(video_id=7))
    seen = Seen()
    log = rig.once(make_worker(seen))
    assert (seen.deliveries, rig.sqs.left(QUEUE), rig.sqs.left(DLQ)) == ([], 1, 0)
    assert redis.client.get(KEY) == "1"
    assert "an owner unknown (a legacy worker's lock)" in log
    [message] = rig.sqs.peek(QUEUE)
    assert message.attributes["academyctl.deferred"]["StringValue"] == "1"


def test_a_dead_owners_lock_expires_and_the_job_is_done(rig: Rig, redis: RedisServer) -> None:
    redis.client.set(KEY, '{"token": "dead"}', px=300)
    rig.sqs.put(QUEUE, body(video_id=7))
    seen = Seen()
    with rig.running(make_worker(seen)) as loop:
        eventually(lambda: "SQS_JOB_DEFERRED" in loop.log.getvalue())
        eventually(lambda: redis.client.get(KEY) is None)
        rig.sqs.show_all(QUEUE)
        rig.drained()
    assert len(seen.deliveries) == 1


def test_the_lock_of_a_long_job_is_renewed_before_it_expires(rig: Rig, redis: RedisServer) -> None:
    renewed: list[int] = []

    def seen_renewal() -> bool:
        left = redis.client.pttl(KEY)
        renewed.append(left)
        return any(later > earlier + 100 for earlier, later in pairwise(renewed))

    rig.sqs.put(QUEUE, body(video_id=7))
    rig.once(make_worker(until(seen_renewal), lease_s=1))
    assert min(renewed) > 0


def test_only_the_owner_releases_a_lock(rig: Rig, redis: RedisServer) -> None:
    def handle(_delivery: Delivery) -> Outcome:
        redis.client.set(KEY, '{"token": "next"}', px=30_000)
        return Done()

    rig.sqs.put(QUEUE, body(video_id=7))
    rig.once(make_worker(Seen(handle)))
    assert redis.client.get(KEY) == '{"token": "next"}'


def test_a_lock_found_in_other_hands_interrupts_the_job_and_leaves_its_message_alone(
    rig: Rig, redis: RedisServer
) -> None:
    def handle(delivery: Delivery) -> Outcome:
        redis.client.set(KEY, '{"token": "thief"}', px=30_000)
        while True:
            delivery.wait(0.02)

    rig.sqs.put(QUEUE, body(video_id=7))
    log = rig.once(make_worker(Seen(handle), lease_s=1))
    assert f"LEASE_LOST | video_id=7 | reason=the lock {KEY} is held by another" in log
    assert rig.sqs.held(QUEUE)["in_flight"] == 1
    assert not rig.sqs.calls["SendMessage"]
    assert redis.client.get(KEY) == '{"token": "thief"}'


def test_a_lock_that_redis_forgot_is_taken_again_and_the_job_goes_on(rig: Rig, redis: RedisServer) -> None:
    forgotten: list[bool] = []

    def back() -> bool:
        if not forgotten:
            redis.client.delete(KEY)
            forgotten.append(True)
        return bool(redis.client.get(KEY))

    rig.sqs.put(QUEUE, body(video_id=7))
    log = rig.once(make_worker(until(back), lease_s=1))
    assert rig.sqs.left(QUEUE) == 0
    assert "was gone and has been taken again" in log


def test_without_redis_the_job_runs_and_the_log_says_so_once(rig: Rig, own_redis: RedisServer) -> None:
    own_redis.stop()
    rig.env.update(own_redis.env)
    rig.sqs.put(QUEUE, body(video_id=7), body(video_id=8))
    log = rig.once(make_worker(Seen()), 2)
    assert rig.sqs.left(QUEUE) == 0
    assert log.count("the database lease alone decides until it is back") == 1


def test_redis_switched_off_is_not_an_outage(rig: Rig) -> None:
    rig.env["REDIS_HOST"] = ""
    rig.sqs.put(QUEUE, body(video_id=7))
    log = rig.once(make_worker(Seen()))
    assert rig.sqs.left(QUEUE) == 0
    assert "WARNING" not in log


def test_redis_that_was_away_at_the_start_is_used_again_when_it_is_back(rig: Rig, own_redis: RedisServer) -> None:
    """The platform's client stays off for the life of the process after one failure (contract 11 #33)."""
    own_redis.stop()
    rig.env.update(own_redis.env)
    locked: list[str] = []

    def handle(delivery: Delivery) -> Outcome:
        if delivery.job["video_id"] == 7:
            own_redis.start()
            while not own_redis.client.get(KEY):
                delivery.wait(0.05)
        locked.append(own_redis.client.get(LOCK.format(delivery.job["video_id"])))
        return Done()

    rig.sqs.put(QUEUE, body(video_id=7), body(video_id=8))
    log = rig.once(make_worker(Seen(handle), lease_s=2), 2)
    assert [json.loads(value)["host"] for value in locked] == ["test-host", "test-host"]
    assert "Redis is back" in log


@pytest.mark.parametrize("kind", ["delete_r2", "encode"])
def test_jobs_without_a_lock_key_take_no_lock(rig: Rig, redis: RedisServer, kind: str) -> None:
    keys: list[list[str]] = []

    def handle(_delivery: Delivery) -> Outcome:
        keys.append(redis.client.keys("job:*"))
        return Done()

    rig.sqs.put(QUEUE, body(kind=kind))
    rig.once(make_worker(Seen(handle)))
    assert keys == [[]]

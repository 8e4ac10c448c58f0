"""Workers that are missing, hang, differ or take too long, told from heartbeats as a worker writes them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from academyctl import __version__
from academyctl.contract import keys
from academyctl.local.state import free_ports
from academyctl.stores import Stores
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from workers import _health as health

Env = dict[str, str]
V = Verdict
OURS = ["settings", "sqs", "redis", "workers"]
HOUR = timedelta(hours=1)


def heartbeat(stores: Stores, token: str = "i-0ab:7:x", *, role: str = "video", **changes: Any) -> dict[str, Any]:
    """What a worker of this platform writes at each beat, with some of its fields changed."""
    queues = (str(getattr(stores.settings.queues, "ai_basic" if role == "ai" else role)),)
    now = datetime.now(UTC)
    state = health.State(
        kind=role, token=token, host=token.partition(":")[0], pid=os.getpid(), version=__version__,
        started_at=now - HOUR, wait_s=20, beat_s=20.0, queues=queues, concurrency=1, last_receive_at=now,
    )  # fmt: skip
    return {**health.beat_document(state, (), now, 0.0), **changes}


def beats(stores: Stores, token: str = "i-0ab:7:x", *, role: str = "video", **changes: Any) -> None:
    """Let a worker beat."""
    document = heartbeat(stores, token, role=role, **changes)
    stores.redis.set_json(keys.worker_heartbeat(role, token), document, ttl_s=60)


def job(**changes: Any) -> dict[str, Any]:
    since = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
    return {"queue": "q", "video_id": 111, "stage": "encode", "since": since, "attempt": 1, **changes}


def test_work_that_nobody_takes_means_that_a_worker_is_missing(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "{}")
    found = diagnosed(platform_env, OURS)
    _must_be(found, "workers.absent=video", V.capacity)
    assert found.root is not None
    assert (found.root.value("count"), found.root.value("queues")) == ("1", queue)
    # Where SQS is not asked about, the topic looks for itself what waits.
    _must_be(diagnosed(platform_env, ["workers"]), "workers.absent=video", V.capacity)
    follows = {one.code: one.because_of for one in found.findings if one.state not in (State.ok, State.skip)}
    assert follows["sqs.not-consumed"] == "workers.absent=video"


def test_work_in_hand_shows_a_worker_that_writes_no_heartbeat(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "{}")
    stores.sqs.send(queue, "{}")
    assert stores.sqs.receive(queue, max_messages=1, wait_s=1, visibility_s=60)
    found = diagnosed(platform_env, OURS)
    assert found.verdict is V.healthy
    assert "workers.others-work=video" in {one.key for one in found.findings}


def test_a_worker_that_beats_for_the_queue_is_not_absent(platform_env: Env, stores: Stores) -> None:
    stores.sqs.send(stores.settings.queues.video, "{}")
    beats(stores)
    _must_be(diagnosed(platform_env, OURS), f"sqs.not-consumed={stores.settings.queues.video}", V.capacity, State.warn)
    # One that takes from another platform's queue is none of ours.
    beats(stores, queues=["another-queue"])
    _must_be(diagnosed(platform_env, OURS), "workers.absent=video", V.capacity)


def test_workers_that_turn_are_healthy_and_told(platform_env: Env, stores: Stores) -> None:
    beats(stores, jobs=[job()])
    beats(stores, "i-0cd:8:y", role="messaging")
    found = diagnosed(platform_env, OURS)
    assert found.verdict is V.healthy
    told = {one.key: dict(one.values) for one in found.findings}
    assert told["workers.heartbeats"]["count"] == "2"
    assert told["workers.present=video"]["jobs"] == "1"
    assert told["workers.jobs"]["now"].startswith("video 111 encode 18")


def test_a_worker_whose_loop_has_stopped_hangs(platform_env: Env, stores: Stores) -> None:
    long_ago = (datetime.now(UTC) - HOUR).isoformat()
    stores.sqs.send(stores.settings.queues.video, "{}")
    beats(stores, last_receive_at=long_ago)
    _must_be(diagnosed(platform_env, OURS), "workers.hung=i-0ab:7:x", V.code)
    # It works on something, or is about to end: that is no hanging.
    beats(stores, last_receive_at=long_ago, stopping=True)
    assert not red(diagnosed(platform_env, ["workers"]))
    beats(stores, last_receive_at=long_ago, jobs=[job()])
    assert diagnosed(platform_env, ["workers"]).verdict is V.healthy


def test_an_old_heartbeat_is_told(platform_env: Env, stores: Stores) -> None:
    beats(stores, beat_at=(datetime.now(UTC) - timedelta(minutes=5)).isoformat())
    _must_be(diagnosed(platform_env, OURS), "workers.stale=i-0ab:7:x", V.infrastructure, State.warn)


def test_versions_side_by_side_are_told(platform_env: Env, stores: Stores) -> None:
    beats(stores)
    beats(stores, "i-0cd:8:y", version="0.0.9")
    beats(stores, "i-0ef:9:z", role="ai", version="0.0.8")
    found = diagnosed(platform_env, OURS)
    _must_be(found, "workers.versions-differ=video", V.settings, State.warn)


def test_a_job_that_takes_longer_than_any_is_told_with_its_stage(platform_env: Env, stores: Stores) -> None:
    beats(stores, jobs=[job(since=(datetime.now(UTC) - 7 * HOUR).isoformat())])
    found = diagnosed(platform_env, OURS)
    _must_be(found, "workers.job-long=video 111", V.code, State.warn)
    assert found.root is not None
    assert (found.root.value("stage"), found.root.value("minutes")) == ("encode", "420")


def test_without_redis_this_machines_own_worker_is_seen_by_its_health_file(
    platform_env: Env, stores: Stores, tmp_path: Path
) -> None:
    path = tmp_path / "worker.health"
    env = {**platform_env, "REDIS_HOST": "", "ACADEMYCTL_HEALTH_FILE": str(path)}
    health.write(path, heartbeat(stores))
    found = diagnosed(env, ["workers"])
    assert found.verdict is V.healthy
    assert "workers.present=video" in {one.key for one in found.findings}
    health.write(path, heartbeat(stores, last_receive_at=(datetime.now(UTC) - HOUR).isoformat()))
    _must_be(diagnosed(env, ["workers"]), "workers.hung=i-0ab:7:x", V.code)
    # What a killed process, or another platform's worker, left behind says nothing about ours.
    for other in (heartbeat(stores, pid=2**22 + 1), heartbeat(stores, queues=["another-queue"])):
        health.write(path, other)
        assert not [one for one in diagnosed(env, ["workers"]).findings if one.state is State.fail]


def test_heartbeats_that_cannot_be_read_are_not_known(steady_env: Env) -> None:
    env = {**steady_env, "REDIS_PORT": str(free_ports(1)[0])}
    alone = diagnosed(env, ["workers"])
    assert [one.code for one in roots(alone.findings)] == ["workers.unread"]
    assert exit_code(alone.state) == 3
    _must_be(diagnosed(env, OURS), "redis.unreachable", V.infrastructure)


def test_where_the_queues_cannot_be_seen_nobody_says_that_nothing_waits(steady_env: Env) -> None:
    env = {**steady_env, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_ports(1)[0]}"}
    alone = diagnosed(env, ["workers"])
    assert {one.code for one in roots(alone.findings)} == {"workers.queue-unseen"}
    assert exit_code(alone.state) == 3
    _must_be(diagnosed(env, [*OURS, "aws"]), "aws.unreachable", V.infrastructure)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not JSON", json.dumps({"jobs": [1], "queues": "x", "pid": "y"})])
def test_a_heartbeat_of_any_shape_breaks_nothing(platform_env: Env, stores: Stores, text: str) -> None:
    stores.redis.set(keys.worker_heartbeat("video", "odd:1:1"), text, ttl_s=60)
    found = diagnosed(platform_env, ["workers"])
    assert found.verdict is V.healthy
    assert "workers.present=video" in {one.key for one in found.findings}


def _must_be(found: Diagnosis, key: str, verdict: Verdict, state: State = State.fail) -> None:
    assert [one.key for one in roots(found.findings)] == [key]
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (1 if state is State.fail else 0)
    assert exit_code(found.state) == (1 if state is State.fail else 0)
    assert found.root is not None
    assert found.root.evidence

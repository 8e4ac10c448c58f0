"""Stuck videos in the real stack, found by the diagnosis without a name: one root, and the topics around agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.contract import keys
from academyctl.local.state import free_ports
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed, state_of_the_world
from tests.conftest import make_video
from tests.video_commands.test_state import beat, lock_text

Env = dict[str, str]
V = Verdict
OLD = timedelta(minutes=47)
AROUND = ("settings", "sqs", "redis", "db", "r2", "video")


def uploaded(stores: Stores, status: str = "UPLOADED", *, upload: bool = True, **values: Any) -> VideoRow:
    """A video that has been in this state for a while."""
    row = make_video(stores, status=status, **{"updated_at": datetime.now(UTC) - OLD, **values})
    if upload:
        stores.r2.put(stores.settings.r2.video_bucket, row.file_key, b"upload")
    return row


def _must_be(found: Diagnosis, key: str, verdict: Verdict, state: State = State.fail) -> None:
    assert [one.key for one in roots(found.findings)] == [key]
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (1 if state is State.fail else 0)
    assert exit_code(found.state) == {State.fail: 1, State.unknown: 3}.get(state, 0)


def test_videos_that_move_or_have_ended_are_healthy(platform_env: Env, stores: Stores) -> None:
    make_video(stores)
    run = uploaded(stores, "PROCESSING")
    stores.redis.set(keys.encode_lock(run.id), lock_text(), ttl_s=60)
    beat(stores, jobs=({"video_id": run.id, "stage": "transcoding"},))
    uploaded(stores, "FAILED", updated_at=datetime.now(UTC) - timedelta(days=30))
    found = diagnosed(platform_env, AROUND)
    assert [one.key for one in roots(found.findings)] == []
    told = next(one for one in found.findings if one.code == "video.moving")
    assert told.value("seen") == "1"


def test_a_lock_left_behind_is_one_cause_in_redis_and_in_the_queue(platform_env: Env, stores: Stores) -> None:
    row = uploaded(stores)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=13_000)
    found = diagnosed(platform_env, AROUND)
    _must_be(found, f"video.lock-orphan={row.id}", V.data)
    assert {one.code for one in found.findings if one.because_of} == {"redis.lock-orphan"}


def test_two_videos_that_wait_for_an_absent_worker_are_one_matter_of_capacity(
    platform_env: Env, stores: Stores
) -> None:
    rows = [uploaded(stores), uploaded(stores)]
    for _ in rows:
        stores.sqs.send(stores.settings.queues.video, "{}")
    found = diagnosed(platform_env, AROUND)
    assert found.root is not None
    _must_be(found, found.root.key, V.capacity)
    assert (found.root.code, found.root.subject) == ("video.no-worker", str(rows[0].id))
    follows = {one.key for one in found.findings if one.because_of}
    assert follows >= {f"video.no-worker={rows[1].id}", f"sqs.not-consumed={stores.settings.queues.video}"}


def test_a_lost_message_and_a_dead_owner_are_faults_of_data(platform_env: Env, stores: Stores) -> None:
    lost = uploaded(stores)
    _must_be(diagnosed(platform_env, AROUND), f"video.lost={lost.id}", V.data)
    stores.db.execute("UPDATE video_video SET status = 'PROCESSING' WHERE id = %s", (lost.id,))
    _must_be(diagnosed(platform_env, AROUND), f"video.no-owner={lost.id}", V.data)


def test_a_worker_of_another_database_is_a_fault_of_settings(platform_env: Env, stores: Stores) -> None:
    beat(stores, jobs=({"video_id": 4711, "stage": "transcoding"},))
    found = diagnosed(platform_env, AROUND)
    _must_be(found, "video.other-database=4711", V.settings)


def test_a_failed_video_is_a_warning_with_its_reason(platform_env: Env, stores: Stores) -> None:
    row = uploaded(stores, "FAILED", error_reason="the disk is full: no space left in /tmp/video-worker")
    found = diagnosed(platform_env, AROUND)
    _must_be(found, f"video.failed-disk={row.id}", V.infrastructure, State.warn)


def test_what_is_away_is_told_by_its_own_topic_and_not_again(platform_env: Env, stores: Stores) -> None:
    uploaded(stores)
    nobody = str(free_ports(1)[0])
    for env, code in (({"REDIS_PORT": nobody}, "redis.unreachable"), ({"DB_PORT": nobody}, "db.unreachable")):
        found = diagnosed({**platform_env, **env}, ["db", "redis", "sqs", "video"])
        assert [one.code for one in roots(found.findings)] == [code]
        assert {one.state for one in found.findings if one.topic == "video"} == {State.skip}
        alone = diagnosed({**platform_env, **env}, ["video"])
        assert [one.code for one in roots(alone.findings)] == ["video.unread"]
        assert exit_code(alone.state) == 3


def test_a_missing_queue_is_told_by_its_own_topic_and_not_again(platform_env: Env, stores: Stores) -> None:
    uploaded(stores)
    found = diagnosed({**platform_env, "VIDEO_SQS_QUEUE_NAME": "zzz"}, ["db", "redis", "sqs", "video"])
    assert [one.code for one in roots(found.findings)] == ["sqs.queue-missing"]


def test_dead_letters_are_counted_and_never_received(platform_env: Env, stores: Stores) -> None:
    row, queue = uploaded(stores), stores.settings.queues.video
    stores.sqs.send(f"{queue}-dlq", f'{{"video_id": {row.id}, "tenant_id": {row.tenant_id}}}')
    before = state_of_the_world(stores)
    found = diagnosed(platform_env, ["video"])
    assert state_of_the_world(stores)["queues"] == before["queues"]
    assert found.root is not None
    assert found.root.code == "video.lost"
    assert "1 messages, not read" in str(found.root.evidence)
    assert stores.sqs.receive(f"{queue}-dlq", wait_s=1, visibility_s=0)[0].receive_count == 1

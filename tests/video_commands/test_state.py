"""What is known of a video, and what still speaks for a living worker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_state import Gathered, Video, gather, life_signs, owner_of
from academyctl.video_status import summary
from tests.conftest import make_video
from tests.video_commands.conftest import Publish

PROCESS = "encoder-1:4242:beef"
TOKEN = f"{PROCESS}:0badcafe"


def lock_text(token: str = TOKEN, *, since: datetime | None = None) -> str:
    since = since or datetime.now(UTC) - timedelta(seconds=90)
    return json.dumps({"token": token, "host": "encoder-1", "pid": 4242, "since": since.isoformat(), "message": "m"})


def beat(stores: Stores, *, process: str = PROCESS, jobs: tuple[dict[str, Any], ...] = ()) -> None:
    body = {"token": process, "host": "encoder-1", "pid": 4242, "beat_at": datetime.now(UTC).isoformat(), "jobs": jobs}
    stores.redis.set_json(keys.worker_heartbeat("video", process), body, ttl_s=30)


def running(stores: Stores, row: VideoRow) -> None:
    """A worker that encodes this video, as the runtime leaves its marks."""
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores, jobs=({"video_id": row.id, "stage": "transcoding"},))
    stores.redis.set(keys.video_heartbeat(row.tenant_id, row.id), "1", ttl_s=60)


def leased(stores: Stores, status: str = "PROCESSING", seconds: int = 50) -> VideoRow:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return make_video(stores, status=status, leased_by=TOKEN, leased_until=until)


def one(stores: Stores, row: VideoRow) -> tuple[Video, Gathered]:
    found = gather(stores, [row.id])
    return found.videos[0], found


def test_a_running_encode_shows_lock_owner_worker_stage_and_progress(stores: Stores) -> None:
    row = leased(stores)
    running(stores, row)
    stores.redis.set_json(keys.video_progress(row.tenant_id, row.id), {"step": "transcoding", "percent": 61}, ttl_s=99)
    stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "PROCESSING"}, ttl_s=99)
    video, found = one(stores, row)
    assert video.keys is not None
    assert video.keys.lock is not None
    assert video.keys.lock.owner is not None
    assert video.keys.lock.owner.token == TOKEN
    assert 85 < (video.keys.lock.owner.age_s(found.seen_at) or 0) < 100
    assert 50_000 < video.keys.lock.ttl_ms <= 60_000
    assert (video.keys.progress or {})["percent"] == 61
    assert video.worker is not None
    assert (video.worker.host, video.worker.pid, video.worker.stage) == ("encoder-1", 4242, "transcoding")
    assert len(life_signs(video, found.seen_at)) == 3
    assert "61 %" in summary(video, found.seen_at).en


def test_a_legacy_lock_has_an_owner_unknown_and_is_no_sign_of_life(stores: Stores) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=14400)
    video, found = one(stores, row)
    assert video.keys is not None
    assert video.keys.lock is not None
    assert video.keys.lock.owner is None
    assert life_signs(video, found.seen_at) == ()
    assert f"academyctl video unlock {row.id} --apply" in summary(video, found.seen_at).en


def test_a_worker_with_the_lock_but_without_the_lease_is_found_by_the_lock(stores: Stores) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores)
    video, found = one(stores, row)
    assert video.worker is not None
    assert life_signs(video, found.seen_at)


def test_another_processs_heartbeat_is_no_sign_of_life(stores: Stores) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores, process="encoder-1:4242:0001")
    video, found = one(stores, row)
    assert video.worker is None
    assert life_signs(video, found.seen_at) == ()


def test_a_lease_that_ran_out_is_no_sign_of_life(stores: Stores) -> None:
    video, found = one(stores, leased(stores, seconds=-5))
    assert life_signs(video, found.seen_at) == ()
    assert "nobody works on it" in summary(video, found.seen_at).en


def test_a_process_that_went_on_to_other_work_no_longer_has_the_video(stores: Stores) -> None:
    row = leased(stores, seconds=-5)
    beat(stores, jobs=({"video_id": row.id + 1, "stage": "transcoding"},))
    video, found = one(stores, row)
    assert video.worker is None
    assert life_signs(video, found.seen_at) == ()


def test_a_worker_that_cannot_renew_its_lease_but_still_runs_the_video_lives(stores: Stores) -> None:
    row = leased(stores, seconds=-5)
    beat(stores, jobs=({"video_id": row.id, "stage": "uploading"},))
    video, found = one(stores, row)
    assert video.worker is not None
    assert video.worker.stage == "uploading"
    assert life_signs(video, found.seen_at)


def test_many_ids_cost_as_many_round_trips_as_one(stores: Stores) -> None:
    rows = [make_video(stores) for _ in range(6)]

    def calls(ids: list[int]) -> tuple[int, int]:
        before = _counts(stores)
        gather(stores, ids, objects=False)
        after = _counts(stores)
        return after[0] - before[0], after[1] - before[1]

    # Commands in one pipeline grow with the ids, their round trips do not: the server counts reads of the socket.
    few, many = calls([rows[0].id]), calls([row.id for row in rows])
    assert few == many


def _counts(stores: Stores) -> tuple[int, int]:
    """(transactions of this database, reads of Redis's sockets); each count itself costs the same every time."""
    stores.db.query("SELECT pg_stat_force_next_flush()")
    (row,) = stores.db.query(
        "SELECT (pg_stat_get_db_xact_commit(oid))::int AS n FROM pg_database WHERE datname = current_database()"
    )
    return row["n"], int(stores.redis.info()["total_reads_processed"])


def test_redis_away_leaves_the_row_and_says_so(stores: Stores, platform_env: dict[str, str]) -> None:
    row = leased(stores)
    away = Stores(load({**platform_env, "REDIS_PORT": "1"}).settings)
    video, found = one(away, row)
    assert video.row is not None
    assert video.keys is None
    assert set(found.away) == {"redis"}
    assert video.unknown == {"redis"}


def test_redis_off_is_nothing_unknown(stores: Stores, platform_env: dict[str, str]) -> None:
    row = make_video(stores)
    video, found = one(Stores(load({**platform_env, "REDIS_HOST": ""}).settings), row)
    assert found.away == {}
    assert video.keys is not None
    assert video.keys.lock is None


def test_the_database_away_leaves_the_lock(stores: Stores, platform_env: dict[str, str]) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores)
    video, found = one(Stores(load({**platform_env, "DB_PORT": "1"}).settings), row)
    assert set(found.away) == {"database"}
    assert not video.absent
    assert video.keys is not None
    assert video.keys.lock is not None
    assert video.worker is not None


def test_r2_away_leaves_the_rest(stores: Stores, platform_env: dict[str, str], publish: Publish) -> None:
    row = publish()
    away = Stores(load({**platform_env, "R2_ENDPOINT": "http://127.0.0.1:1"}).settings)
    video, found = one(away, row)
    assert set(found.away) == {"objects"}
    assert video.master is None
    assert "ready to play" in summary(video, found.seen_at).en
    assert one(stores, row)[0].master is not None


@pytest.mark.parametrize("text", ["1", "", "null", "[1]", '{"token": 5}', '{"host": "a"}', '"x"'])
def test_a_text_that_names_no_owner_is_an_owner_unknown(text: str) -> None:
    assert owner_of(text) is None

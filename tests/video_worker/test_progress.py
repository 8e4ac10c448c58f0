"""Progress and status as the API reads them, and the cancel flag (contract 2.1, 2.2; 11 #3, #30, #32, #33)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from academyctl.contract import keys, progress
from academyctl.errors import RedisAway
from academyctl.stores import Stores
from academyctl.stores.redis import Redis
from tests.conftest import eventually
from tests.video_worker.tools import with_settings
from workers.video.progress import Reporter, show_failed

TENANT, VIDEO = 3, 77
STATUS = keys.video_status(TENANT, VIDEO)
PROGRESS = keys.video_progress(TENANT, VIDEO)
CANCEL = keys.video_cancel(TENANT, VIDEO)
API_KEYS = set(progress.payload(progress.PROBING, 0))


class Recording(Redis):
    """The real Redis, and what was written to it."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(stores.settings.redis)
        self.written: list[tuple[str, Mapping[str, Any]]] = []
        self._seen = 0

    def grown(self) -> bool:
        """Whether something was written since this was last true."""
        if len(self.written) == self._seen:
            return False
        self._seen = len(self.written)
        return True

    def set_json(self, key: str, value: Mapping[str, Any], *, ttl_s: int | None = None) -> None:
        self.written.append((key, dict(value)))
        super().set_json(key, value, ttl_s=ttl_s)


def reporter(redis: Redis, on_cancel: Callable[[], None] = lambda: None, **options: Any) -> Reporter:
    return Reporter(redis, tenant_id=TENANT, video_id=VIDEO, ttl_s=14400, on_cancel=on_cancel, poll_s=0.05, **options)


def test_processing_replaces_an_old_failed_status_and_old_progress(stores: Stores) -> None:
    """Defect 30: the endpoint showed the old FAILED until the new run was far along."""
    show_failed(stores.redis, TENANT, VIDEO, "boom")
    stores.redis.set_json(PROGRESS, progress.payload(progress.UPLOADING, 100))
    assert stores.redis.get_json(STATUS) == {"status": "FAILED", "error_reason": "boom"}
    assert stores.redis.ttl(STATUS) == -1
    with reporter(stores.redis):
        assert stores.redis.get_json(STATUS) == {"status": "PROCESSING"}
        assert 21590 < stores.redis.ttl(STATUS) <= 21600
        assert stores.redis.get_json(PROGRESS) == {
            "step": "presigning", "percent": 5, "remaining_seconds": 120, "step_index": 1, "step_total": 7,
            "step_name": "presigning", "step_name_display": "준비", "step_percent": 0,
        }  # fmt: skip
        assert 14390 < stores.redis.ttl(PROGRESS) <= 14400


def test_ready_has_no_ttl_and_carries_path_and_duration(stores: Stores) -> None:
    with reporter(stores.redis) as shown:
        pass
    shown.ready("tenants/3/video/hls/77/master.m3u8", 15)
    assert stores.redis.get_json(STATUS) == {
        "status": "READY", "hls_path": "tenants/3/video/hls/77/master.m3u8", "duration": 15,
    }  # fmt: skip
    assert stores.redis.ttl(STATUS) == -1
    done = stores.redis.get_json(PROGRESS)
    assert done is not None
    assert (done["step"], done["percent"], done["remaining_seconds"], done["step_percent"]) == ("done", 100, 0, 100)


def test_progress_never_goes_backwards_within_a_run(stores: Stores) -> None:
    """Defect 32: FFmpeg's time goes back near the end, and a new step starts below the last one's end."""
    redis = Recording(stores)
    with reporter(redis) as shown:
        for current in (1.0, 9.0, 8.0, 7.5, 10.0, 9.0):
            shown.transcoding(current, 10.0)
            eventually(redis.grown, timeout=3)
        shown.step(progress.PROBING, 100)
        eventually(lambda: redis.written[-1][1]["step"] == "probing", timeout=3)
    percents = [body["percent"] for key, body in redis.written if key == PROGRESS]
    assert percents == sorted(percents)
    assert all(set(body) >= API_KEYS for key, body in redis.written if key == PROGRESS)


def test_progress_is_written_at_most_twice_a_second(stores: Stores) -> None:
    redis = Recording(stores)
    ended = threading.Event()
    with reporter(redis) as shown:
        timer = threading.Timer(1.6, ended.set)
        timer.start()
        share = 0
        while not ended.is_set():
            share += 1
            shown.step(progress.DOWNLOADING, min(100, share // 1000))
    writes = [body for key, body in redis.written if key == PROGRESS]
    assert 3 <= len(writes) <= 5


def test_a_flag_that_was_there_when_the_run_started_is_cleared_and_the_run_goes_on(stores: Stores) -> None:
    """Defect 3: the flag that a retry sets must never eat the retry's own message."""
    stores.redis.set(CANCEL, "1", ttl_s=300)
    cancelled = threading.Event()
    with reporter(stores.redis, cancelled.set):
        assert not stores.redis.exists(CANCEL)
        assert not cancelled.wait(0.3)


def test_a_flag_set_during_the_run_stops_it_within_a_second(stores: Stores) -> None:
    cancelled = threading.Event()
    with Reporter(stores.redis, tenant_id=TENANT, video_id=VIDEO, ttl_s=60, on_cancel=cancelled.set):
        stores.redis.set(CANCEL, "1", ttl_s=300)
        assert cancelled.wait(1.5)


def test_the_flag_is_not_asked_for_more_than_once_a_second(stores: Stores) -> None:
    class Counting(Redis):
        asked = 0

        def exists(self, key: str) -> bool:
            self.asked += 1
            return super().exists(key)

    redis = Counting(stores.settings.redis)
    over = threading.Event()
    threading.Timer(1.4, over.set).start()
    with Reporter(redis, tenant_id=TENANT, video_id=VIDEO, ttl_s=60, on_cancel=over.set) as shown:
        while not over.is_set():
            shown.step(progress.DOWNLOADING, 50)
    assert redis.asked <= 2


def test_an_old_flag_that_redis_hid_at_the_start_does_not_stop_the_run_when_redis_is_back(stores: Stores) -> None:
    class Flaky(Redis):
        away = True

        def delete(self, *names: str) -> int:
            if self.away:
                raise RedisAway("away")
            return super().delete(*names)

    redis = Flaky(stores.settings.redis)
    stores.redis.set(CANCEL, "1", ttl_s=300)
    cancelled = threading.Event()
    with reporter(redis, cancelled.set):
        assert stores.redis.get(STATUS) is None
        redis.away = False
        eventually(lambda: stores.redis.get(STATUS), timeout=3)
        assert not stores.redis.exists(CANCEL)
        assert not cancelled.is_set()


@pytest.mark.parametrize("host", ["", "127.0.0.1"])
def test_redis_off_or_away_for_the_whole_run_changes_nothing(stores: Stores, host: str) -> None:
    redis = Redis(with_settings(stores.settings, "redis", host=host, port=1).redis)
    pauses: list[float] = []
    with reporter(redis, pause=pauses.append) as shown:
        shown.step(progress.PROBING, 100)
    shown.ready("p/master.m3u8", 1)
    assert pauses == [], "nothing of ours is in Redis, so there is nothing to put right"


def test_a_redis_that_blinks_at_the_end_still_gets_ready(stores: Stores) -> None:
    """A PROCESSING left in Redis would hide the finished video for six hours."""

    class Blinking(Redis):
        failures = 0

        def set_json(self, key: str, value: Mapping[str, Any], *, ttl_s: int | None = None) -> None:
            if value.get("status") == "READY" and self.failures < 2:
                self.failures += 1
                raise RedisAway("away")
            super().set_json(key, value, ttl_s=ttl_s)

    redis = Blinking(stores.settings.redis)
    pauses: list[float] = []
    with reporter(redis, pause=pauses.append) as shown:
        pass
    shown.ready("p/master.m3u8", 1)
    assert len(pauses) == 2
    assert (stores.redis.get_json(STATUS) or {})["status"] == "READY"

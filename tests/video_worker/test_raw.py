"""Uploads are kept until the rule removes them (contract 11 #8)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract import keys
from academyctl.stores import Stores
from academyctl.stores.r2 import R2, Head
from academyctl.stores.videos import VideoRow
from tests.conftest import make_video
from tests.video_worker.tools import RecordingStores, with_settings
from workers.video import raw


class Old(R2):
    """R2 whose objects were all stored ten days ago: an emulator sets the date itself."""

    def list(self, bucket: str, folder: str):  # type: ignore[no-untyped-def]
        then = datetime.now(UTC) - timedelta(days=10)
        for head in super().list(bucket, folder):
            yield Head(head.key, head.size, head.etag, then)


@pytest.fixture
def old(stores: Stores) -> Stores:
    return RecordingStores(stores, r2=Old(stores.settings.r2))


def video(stores: Stores, *, days: int = 10, status: str = "READY", file_key: str | None = None) -> VideoRow:
    row = make_video(stores, status=status, hls_path="x/master.m3u8" if status == "READY" else "")
    file_key = file_key or keys.raw_key(row.tenant_id, row.session_id, f"{row.id}.mp4")
    stores.db.execute(
        "UPDATE video_video SET file_key = %s, updated_at = now() - make_interval(days => %s) WHERE id = %s",
        (file_key, days, row.id),
    )
    stores.r2.put(stores.settings.r2.video_bucket, file_key, b"upload")
    found = stores.videos.row(row.id)
    assert found is not None
    return found


def there(stores: Stores, row: VideoRow) -> bool:
    return stores.r2.head(stores.settings.r2.video_bucket, row.file_key) is not None


def test_only_old_uploads_of_ready_videos_expire(old: Stores) -> None:
    ready = video(old)
    kept = [
        video(old, days=2),
        *(video(old, status=status) for status in ("UPLOADED", "PROCESSING", "FAILED", "PENDING")),
    ]
    assert raw.expired(old, 3, 100) == [(ready.id, ready.file_key)]
    assert raw.purge(old, 3, 100) == [(ready.id, ready.file_key)]
    assert not there(old, ready)
    assert all(there(old, row) for row in kept)
    assert raw.expired(old, 3, 100) == []


def test_an_upload_that_a_second_video_needs_is_kept(old: Stores) -> None:
    ready = video(old)
    video(old, status="FAILED", file_key=ready.file_key)
    assert raw.expired(old, 3, 100) == []
    assert not raw.remove(old, ready.id, ready.file_key, days=3)
    assert there(old, ready)


@pytest.mark.parametrize(
    "key", ["elsewhere/a.mp4", "tenants/999/video/raw/1/a.mp4", "tenants/{t}/video/hls/1/master.m3u8"]
)
def test_nothing_outside_the_tenants_raw_folder_is_ever_removed(old: Stores, key: str) -> None:
    row = video(old, file_key=key.replace("{t}", "1"))
    assert not raw.remove(old, row.id, row.file_key, days=0)
    assert there(old, row)


def test_an_upload_without_a_row_is_not_this_rules_business(old: Stores) -> None:
    row = video(old)
    stray = keys.raw_key(row.tenant_id, 1, "stray.mp4")
    old.r2.put(old.settings.r2.video_bucket, stray, b"x")
    assert raw.expired(old, 3, 100) == [(row.id, row.file_key)]


def test_the_limit_bounds_one_sweep(old: Stores) -> None:
    for _ in range(4):
        video(old)
    assert len(raw.purge(old, 3, 3)) == 3
    assert len(raw.expired(old, 3, 3)) == 1


def test_a_retry_cannot_start_while_its_upload_is_being_removed(old: Stores) -> None:
    """And one that came first keeps the upload."""
    row = video(old)
    started, reset = threading.Event(), threading.Event()

    def retry() -> None:
        started.set()
        old.videos.reset_for_retry(row.id, force=True)
        reset.set()

    with old.videos.holding_spent(row.file_key, days=3) as spent:
        assert spent
        thread = threading.Thread(target=retry)
        thread.start()
        started.wait()
        assert not reset.wait(0.2)
    thread.join(5)
    assert reset.is_set()
    assert not raw.remove(old, row.id, row.file_key, days=3)
    assert there(old, row)


def test_the_upload_is_kept_after_ready_and_says_for_how_long(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    row = video(stores, days=0)
    with caplog.at_level("INFO", "academyctl"):
        raw.after_ready(stores, row.id, row.file_key, "w:1:a")
    assert there(stores, row)
    assert f"R2_RAW_KEPT | video_id={row.id} | key={row.file_key} | days=3" in caplog.messages


def test_retention_0_removes_the_upload_at_once(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    row = video(stores, days=0)
    at_once = RecordingStores(stores, settings=with_settings(stores.settings, "video", raw_retention_days=0))
    with caplog.at_level("INFO", "academyctl"):
        raw.after_ready(at_once, row.id, row.file_key, "w:1:a")
    assert not there(stores, row)
    assert f"R2 raw deleted after encode video_id={row.id} key={row.file_key}" in caplog.messages


def test_the_sweep_runs_once_an_hour_however_many_workers_there_are(old: Stores) -> None:
    first, second = video(old), video(old)
    fresh = video(old, days=0)
    raw.after_ready(old, fresh.id, fresh.file_key, "w:1:a")
    assert not there(old, first)
    assert not there(old, second)
    third = video(old)
    raw.after_ready(old, fresh.id, fresh.file_key, "w:2:b")
    assert there(old, third)


def test_trouble_with_the_rule_never_reaches_the_finished_video(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    row = video(stores, days=0)
    broken = RecordingStores(
        stores,
        r2=R2(with_settings(stores.settings, "r2", endpoint="http://127.0.0.1:1").r2),
        settings=with_settings(stores.settings, "video", raw_retention_days=0),
    )
    raw.after_ready(broken, row.id, row.file_key, "w:1:a")
    assert "will be later" in caplog.text

"""`delete_r2` removes exactly one deleted video's objects, all of them (contract 11 #1, #7, #47)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoDelete, delete_body, parse_video
from academyctl.errors import AwsError, WorkFailed
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from tests.conftest import make_session, make_video
from tests.video_worker.tools import RecordingStores, delivery, with_settings
from workers._model import Defer, Done, Outcome, Reject, Retry
from workers.video import delete


def message(stores: Stores, video_id: int, *, tenant_id: int | None = None, **changes: Any) -> VideoDelete:
    """What the API sends after it has deleted the row."""
    session_id, own = make_session(stores)
    tenant_id = tenant_id or own
    fields = {
        "file_key": keys.raw_key(tenant_id, session_id, f"{video_id}.mp4"),
        "hls_prefix": keys.hls_prefix(tenant_id, video_id),
        **changes,
    }
    job = parse_video(delete_body(video_id=video_id, tenant_id=tenant_id, now=datetime.now(UTC), **fields))
    assert isinstance(job, VideoDelete)
    return job


def run(stores: Stores, job: VideoDelete, *, attempt: int = 1) -> Outcome:
    settings = with_settings(stores.settings, "video", backoff_base_s=0.001, backoff_cap_s=0.01, retry_max=3)
    return delete.handle(delivery(stores, job, attempt=attempt, settings=settings), job)


def publish(stores: Stores, tenant_id: int, *video_ids: int) -> None:
    for video_id in video_ids:
        for name in ("master.m3u8", "thumbnail.jpg", "v1/index.m3u8", "v1/index0.ts", "v1/0a1b2c3d/index0.ts"):
            stores.r2.put(stores.settings.r2.video_bucket, keys.hls_folder(tenant_id, video_id) + name, b"x")


def everything(stores: Stores) -> list[str]:
    return [head.key for head in stores.r2.list(stores.settings.r2.video_bucket, "tenants/")]


def test_deleting_video_1_keeps_10_12_and_1234(stores: Stores) -> None:
    """Defect 1: the prefix without its slash also names every longer number."""
    tenant_id = make_session(stores)[1]
    publish(stores, tenant_id, 10, 12, 1234)
    others = everything(stores)
    publish(stores, tenant_id, 1)
    assert run(stores, message(stores, 1)) == Done()
    assert everything(stores) == others


def test_the_upload_and_the_redis_keys_go_too(stores: Stores) -> None:
    job = message(stores, 1)
    stores.r2.put(stores.settings.r2.video_bucket, job.file_key, b"upload")
    publish(stores, job.tenant_id, 1)
    mine = [name(job.tenant_id, 1) for name in (keys.video_status, keys.video_progress, keys.video_cancel)]
    for key in (*mine, keys.video_status(job.tenant_id, 10)):
        stores.redis.set(key, "{}")
    assert run(stores, job) == Done()
    assert everything(stores) == []
    assert stores.redis.scan("tenant:*") == [keys.video_status(job.tenant_id, 10)]


def test_more_objects_than_one_call_takes_are_all_deleted(stores: Stores) -> None:
    job = message(stores, 1)
    folder = keys.hls_folder(job.tenant_id, 1)
    with ThreadPoolExecutor(8) as pool:
        names = [f"{folder}v1/index{number}.ts" for number in range(1005)]
        list(pool.map(lambda name: stores.r2.put(stores.settings.r2.video_bucket, name, b""), names))
    assert run(stores, job) == Done()
    assert everything(stores) == []


def test_a_row_that_is_still_there_keeps_its_objects(stores: Stores) -> None:
    """The API's transaction is not over yet, or was rolled back: a living video's objects are never deleted."""
    video = make_video(stores, status="READY", hls_path="x/master.m3u8")
    job = message(stores, video.id)
    publish(stores, video.tenant_id, video.id)
    before = everything(stores)
    assert isinstance(run(stores, job), Retry)
    outcome = run(stores, job, attempt=3)
    assert isinstance(outcome, Reject)
    assert "still has its row (READY)" in outcome.reason
    assert everything(stores) == before


def test_a_message_of_another_tenant_deletes_nothing(stores: Stores) -> None:
    """Defect 47: the message's tenant was taken for the row's."""
    video = make_video(stores)
    outcome = run(stores, message(stores, video.id, tenant_id=video.tenant_id + 1))
    assert isinstance(outcome, Reject)
    assert f"belongs to tenant {video.tenant_id}" in outcome.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"hls_prefix": "tenants/1/video/hls/2"},
        {"hls_prefix": "tenants/1/video/hls"},
        {"hls_prefix": "tenants/1/video/hls/1/../2"},
        {"file_key": "tenants/999/video/raw/1/a.mp4"},
        {"file_key": "tenants/1/video/hls/2/master.m3u8"},
        {"file_key": "tenants/1/video/raw/"},
        {"file_key": "secret.txt"},
    ],
)
def test_a_message_that_names_anything_else_is_rejected(stores: Stores, changes: dict[str, Any]) -> None:
    tenant_id = make_session(stores)[1]
    changes = {name: value.replace("tenants/1/", f"tenants/{tenant_id}/") for name, value in changes.items()}
    job = message(stores, 1, **changes)
    publish(stores, tenant_id, 1, 2)
    before = everything(stores)
    assert isinstance(run(stores, job), Reject)
    assert everything(stores) == before


def test_an_upload_that_another_video_stands_on_is_kept(stores: Stores) -> None:
    tenant_id = make_session(stores)[1]
    shared = f"tenants/{tenant_id}/video/raw/1/shared.mp4"
    make_video(stores, file_key=shared)
    assert isinstance(run(stores, message(stores, 9999, file_key=shared)), Reject)


def test_a_refused_key_is_tried_again(stores: Stores) -> None:
    """Defect 7: R2 answers 200 and names the objects that it did not delete."""

    class Refusing(R2):
        calls = 0

        def delete(self, bucket: str, wanted: Sequence[str]) -> Mapping[str, str]:
            self.calls += 1
            if self.calls == 1:
                kept = wanted[-1]
                return {**super().delete(bucket, wanted[:-1]), kept: "InternalError: We encountered an internal error"}
            return super().delete(bucket, wanted)

    r2 = Refusing(stores.settings.r2)
    job = message(stores, 1)
    publish(stores, job.tenant_id, 1)
    assert run(RecordingStores(stores, r2=r2), job) == Done()
    assert everything(stores) == []
    assert r2.calls == 3, "all, the refused one again, the upload"


def test_a_key_that_stays_refused_keeps_the_message(stores: Stores) -> None:
    class Stubborn(R2):
        def delete(self, bucket: str, wanted: Sequence[str]) -> Mapping[str, str]:
            return dict.fromkeys(wanted, "AccessDenied: Access Denied")

    job = message(stores, 1)
    publish(stores, job.tenant_id, 1)
    with pytest.raises(WorkFailed, match=r"refuses to delete 5 of 5 objects.*AccessDenied"):
        run(RecordingStores(stores, r2=Stubborn(stores.settings.r2)), job)
    assert len(everything(stores)) == 5


def test_a_deletion_that_did_not_happen_is_noticed(stores: Stores) -> None:
    """The answer says deleted, the listing says otherwise: the listing counts."""

    class Lying(R2):
        def delete(self, bucket: str, wanted: Sequence[str]) -> Mapping[str, str]:
            return {}

    job = message(stores, 1)
    publish(stores, job.tenant_id, 1)
    with pytest.raises(WorkFailed, match="is not empty after"):
        run(RecordingStores(stores, r2=Lying(stores.settings.r2)), job)


def test_r2_away_is_an_error_and_not_done(stores: Stores) -> None:
    job = message(stores, 1)
    away = R2(with_settings(stores.settings, "r2", endpoint="http://127.0.0.1:1").r2)
    with pytest.raises(AwsError) as caught:
        run(RecordingStores(stores, r2=away), job)
    assert caught.value.cause == "unreachable"


def test_an_encode_that_still_runs_is_waited_for(stores: Stores) -> None:
    """It would go on publishing into the folder that was just emptied."""
    job = message(stores, 1)
    publish(stores, job.tenant_id, 1)
    stores.redis.acquire(keys.encode_lock(1), "other", 60_000)
    assert isinstance(run(stores, job), Defer)
    assert len(everything(stores)) == 5
    stores.redis.release(keys.encode_lock(1), "other")
    assert run(stores, job) == Done()

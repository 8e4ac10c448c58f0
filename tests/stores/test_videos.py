"""Transitions of video rows: conditional, fenced, and waiting for the API's open transaction."""

from __future__ import annotations

import threading

from academyctl.contract.states import VideoState
from academyctl.stores import Stores
from academyctl.stores.videos import Claim
from tests.conftest import make_video


def test_a_claim_waits_for_the_apis_open_transaction(stores: Stores) -> None:
    """The API sends the message before it commits UPLOADED; a reader without the lock would see PENDING."""
    video = make_video(stores, status="PENDING")
    seen: list[Claim] = []
    started = threading.Event()

    def worker() -> None:
        started.set()
        seen.append(stores.videos.claim(video.id, video.tenant_id, "w:1:a", lease_s=30).claim)

    thread = threading.Thread(target=worker)
    with stores.db.tx() as cursor:
        cursor.execute("UPDATE video_video SET status = 'UPLOADED' WHERE id = %s", (video.id,))
        thread.start()
        started.wait()
        thread.join(timeout=0.3)
        assert seen == []
    thread.join(timeout=5)
    assert seen == [Claim.CLAIMED]


def test_two_workers_cannot_hold_one_video(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED")
    assert stores.videos.claim(video.id, video.tenant_id, "w:1:a", lease_s=30).claim is Claim.CLAIMED
    second = stores.videos.claim(video.id, video.tenant_id, "w:2:b", lease_s=30)
    assert (second.claim, second.detail) == (Claim.LEASED, "w:1:a")


def test_an_expired_lease_can_be_taken_and_its_old_owner_changes_nothing(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED")
    stores.videos.claim(video.id, video.tenant_id, "old:1:a", lease_s=30)
    stores.db.execute("UPDATE video_video SET leased_until = now() - interval '1 s' WHERE id = %s", (video.id,))
    assert stores.videos.claim(video.id, video.tenant_id, "new:2:b", lease_s=30).claim is Claim.CLAIMED
    assert not stores.videos.renew(video.id, "old:1:a", lease_s=30)
    assert not stores.videos.complete(video.id, "old:1:a", hls_path="x", duration=1)
    assert not stores.videos.fail(video.id, "old:1:a", "late")
    assert not stores.videos.release(video.id, "old:1:a")
    row = stores.videos.row(video.id)
    assert row is not None
    assert (row.status, row.leased_by) == (VideoState.PROCESSING, "new:2:b")


def test_ready_is_never_overwritten_by_a_late_duplicate(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED")
    stores.videos.claim(video.id, video.tenant_id, "w:1:a", lease_s=30)
    assert stores.videos.complete(video.id, "w:1:a", hls_path="p/master.m3u8", duration=7)
    assert stores.videos.claim(video.id, video.tenant_id, "w:2:b", lease_s=30).claim is Claim.READY
    assert not stores.videos.fail(video.id, "w:1:a", "late failure")
    row = stores.videos.row(video.id)
    assert row is not None
    assert (row.status, row.hls_path, row.duration) == (VideoState.READY, "p/master.m3u8", 7)


def test_success_clears_the_error_and_bumps_updated_at(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED", error_reason="old failure")
    before = stores.videos.row(video.id)
    stores.videos.claim(video.id, video.tenant_id, "w:1:a", lease_s=30)
    stores.videos.complete(video.id, "w:1:a", hls_path="p/master.m3u8", duration=7)
    after = stores.videos.row(video.id)
    assert before is not None
    assert after is not None
    assert after.error_reason == ""
    assert after.updated_at > before.updated_at
    assert (after.leased_by, after.leased_until) == ("", None)


def test_a_message_of_another_tenant_claims_nothing(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED")
    assert stores.videos.claim(video.id, video.tenant_id + 1, "w:1:a", lease_s=30).claim is Claim.OTHER_TENANT
    row = stores.videos.row(video.id)
    assert row is not None
    assert row.status == VideoState.UPLOADED


def test_work_given_back_waits_as_uploaded(stores: Stores) -> None:
    video = make_video(stores, status="UPLOADED")
    stores.videos.claim(video.id, video.tenant_id, "w:1:a", lease_s=30)
    assert stores.videos.release(video.id, "w:1:a", reason="attempt 1/3: cut")
    row = stores.videos.row(video.id)
    assert row is not None
    assert (row.status, row.error_reason, row.leased_by) == (VideoState.UPLOADED, "attempt 1/3: cut", "")


def test_a_retry_refuses_ready_unless_forced(stores: Stores) -> None:
    video = make_video(stores, status="READY", hls_path="p/master.m3u8")
    assert stores.videos.reset_for_retry(video.id).claim is Claim.READY
    assert stores.videos.reset_for_retry(video.id, force=True).claim is Claim.CLAIMED
    row = stores.videos.row(video.id)
    assert row is not None
    assert row.status == VideoState.UPLOADED

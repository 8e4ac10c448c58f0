"""What becomes of a message whose video cannot be claimed; nothing is deleted whose work was not done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode
from academyctl.stores import Stores
from academyctl.stores.postgres import Postgres
from academyctl.stores.videos import Videos
from tests.conftest import make_video
from tests.video_worker.tools import Bench, RecordingStores, with_settings
from workers._model import Defer, Done, Outcome, Reject, Retry

Make = Callable[..., Bench]


def columns(at: Bench, video_id: int) -> object:
    return at.stores.db.query("SELECT * FROM video_video WHERE id = %s", (video_id,))


def test_a_late_duplicate_of_a_ready_video_changes_nothing(bench: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Defect 5: a late duplicate flipped a good video."""
    at = bench()
    row = make_video(at.stores, status="READY", hls_path="tenants/1/video/hls/1/master.m3u8", duration=7)
    before = columns(at, row.id)
    with caplog.at_level("INFO", "academyctl"):
        for attempt in (1, 2, 3):
            assert isinstance(at.handle(row, attempt=attempt), Done)
    assert columns(at, row.id) == before
    assert at.stores.redis.scan("tenant:*") == []
    assert f"VIDEO_ALREADY_READY_SKIP | video_id={row.id} | tenant_id={row.tenant_id}" in caplog.messages


def test_a_video_that_another_worker_has_is_given_back_not_deleted(bench: Make) -> None:
    """Defect 2: the message was deleted, and with a dead owner the video was stuck for good."""
    at = bench()
    row = make_video(at.stores)
    at.stores.videos.claim(row.id, row.tenant_id, "other:1:a", lease_s=20)
    for attempt in (1, 3):
        outcome = at.handle(row, attempt=attempt)
        assert isinstance(outcome, Defer)
        assert 19 < outcome.after < 25
        assert "other:1:a" in outcome.reason


def test_a_legacy_workers_lock_keeps_the_message(bench: Make, clip: Path) -> None:
    """Defect 2: the value '1' has no owner; its message waits until the lock is gone, and the video is then encoded."""
    at = bench()
    row = at.upload(clip)
    at.stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=14400)
    at.send(row)
    at.once()
    assert sum(at.depths()) == 1
    assert at.row(row).status == "UPLOADED"
    assert at.stores.redis.get(keys.encode_lock(row.id)) == "1", "it is not ours to release (defect 6)"


def test_a_message_of_another_tenant_is_rejected_and_touches_nothing(bench: Make, clip: Path) -> None:
    """Defect 47: Redis keys and the R2 prefix were taken from the message."""
    at = bench()
    row = at.upload(clip)
    before = columns(at, row.id)
    at.send(row, tenant_id=row.tenant_id + 1)
    assert at.once() == 1
    assert columns(at, row.id) == before
    assert at.depths() == (0, 0, 0)
    assert at.depths(at.queue + "-dlq") == (1, 0, 0)
    assert at.stores.redis.scan("tenant:*") == []
    assert at.names(row) == []


def test_a_missing_row_is_waited_for_and_then_buried_with_the_reason(bench: Make) -> None:
    """Defect 19: the message was deleted although the API's transaction was still open."""
    at = bench()
    row = make_video(at.stores)
    job = VideoEncode(999_999, row.tenant_id)
    outcomes = [at.handle(row, job=job, attempt=attempt) for attempt in (1, 2, 3)]
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Reject]
    waits = [outcome.after for outcome in outcomes if isinstance(outcome, Retry)]
    assert waits == [20, 60]
    assert "video 999999 has no row in" in outcomes[2].reason  # type: ignore[union-attr]


def test_a_claim_waits_for_the_transaction_that_uploads_the_video(bench: Make, clip: Path) -> None:
    """Defect 19, contract 3.2: the message is sent before UPLOADED is committed."""
    at = bench()
    row = at.upload(clip, status="PENDING")
    seen: list[Outcome] = []
    thread = threading.Thread(target=lambda: seen.append(at.handle(row)))
    with at.stores.db.tx() as cursor:
        cursor.execute("UPDATE video_video SET status = 'UPLOADED' WHERE id = %s", (row.id,))
        thread.start()
        thread.join(0.3)
        assert seen == []
    thread.join(30)
    assert seen == [Done()]
    assert at.row(row).status == "READY"


def test_a_pending_upload_is_waited_for(bench: Make) -> None:
    at = bench()
    row = make_video(at.stores, status="PENDING")
    assert isinstance(at.handle(row, attempt=1), Retry)
    assert isinstance(at.handle(row, attempt=3), Reject)
    assert at.row(row).status == "PENDING"


@pytest.mark.parametrize("status", ["FAILED", "READY"])
def test_a_failed_video_is_not_encoded_and_its_message_is_not_lost(bench: Make, status: str) -> None:
    """A retry sets UPLOADED before it sends: this one was redriven by hand. READY here has no playlist."""
    at = bench()
    row = make_video(at.stores, status=status, hls_path="", error_reason="boom")
    before = columns(at, row.id)
    outcome = at.handle(row)
    assert isinstance(outcome, Reject)
    assert f"is {status}; to encode it again, retry it" in outcome.reason
    assert columns(at, row.id) == before


def test_a_database_that_is_away_defers_the_message(bench: Make, stores: Stores) -> None:
    db = Postgres(with_settings(stores.settings, "db", port=1).db)
    at = bench(RecordingStores(stores, db=db, videos=Videos(db)))
    row = make_video(stores)
    outcome = at.handle(row, attempt=3)
    assert outcome == Defer(outcome.reason, 30.0)  # type: ignore[union-attr]

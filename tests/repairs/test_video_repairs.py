"""Repairs that look first: they go on only while the video is what the plan showed; and all of them say what was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract import keys
from academyctl.redrive import Redrive
from academyctl.repairs import Changed, DeleteKey, DropLease, Repair, ResetVideo, SendEncode
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_repairs import StillSo, WhenFree, still_so
from academyctl.video_state import gather
from tests.conftest import make_video

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEND = SendEncode(7, 1, "a.mp4", "demo", "academy-video-jobs")


@pytest.mark.parametrize(
    ("repair", "before"),
    [
        (StillSo(7, "PROCESSING", AT, "h:1:a:b", "1"), ("PROCESSING", "2026-01-02T03:04:05", "h:1:a:b", "lock 1")),
        (DeleteKey("job:encode:7:lock", "1", 9000), ("job:encode:7:lock = 1", "9 s")),
        (DropLease(7, "h:1:a:b", AT), ("h:1:a:b", "2026-01-02T03:04:05")),
        (ResetVideo(7, "FAILED", "probe"), ("FAILED -> UPLOADED", "probe")),
        (WhenFree(7, "a.mp4", SEND), ("video 7", "academy-video-jobs")),
        (WhenFree(7, "a.mp4", Redrive("m-1", "d", "q", "video_id=7; killed")), ("m-1", "killed", "from d", "to q")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_repair_says_the_values_before(repair: Repair, before: tuple[str, ...]) -> None:
    for value in before:
        assert value in str(repair)
    assert repair.undo


def _locked(stores: Stores, row: VideoRow) -> None:
    stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=60)


def _leased(stores: Stores, row: VideoRow) -> None:
    stores.videos.claim(row.id, row.tenant_id, "h:1:a:b", lease_s=60)


def _gone(stores: Stores, row: VideoRow) -> None:
    with stores.db.tx() as cursor:
        cursor.execute("DELETE FROM video_video WHERE id = %s", (row.id,))


def _beating(stores: Stores, row: VideoRow) -> None:
    stores.redis.set(keys.video_heartbeat(row.tenant_id, row.id), "1", ttl_s=60)


def _reuploaded(stores: Stores, row: VideoRow) -> None:
    with stores.db.tx() as cursor:
        cursor.execute("UPDATE video_video SET file_key = 'other.mp4' WHERE id = %s", (row.id,))


def test_a_message_is_sent_only_when_nothing_stands_in_its_way(stores: Stores) -> None:
    queue = stores.settings.queues.video
    moves: tuple[Callable[[Stores, VideoRow], None], ...] = (_locked, _leased, _gone, _beating, _reuploaded)
    for move in moves:
        row = make_video(stores)
        repair = WhenFree(row.id, row.file_key, SendEncode(row.id, row.tenant_id, row.file_key, "demo", queue))
        move(stores, row)
        with pytest.raises(Changed, match=f"no message was sent for video {row.id}") as caught:
            repair.do(stores)
        assert caught.value.why, move.__name__
    assert stores.sqs.attributes(queue).visible == 0
    free = make_video(stores)
    WhenFree(free.id, free.file_key, SendEncode(free.id, free.tenant_id, free.file_key, "demo", queue)).do(stores)
    assert stores.sqs.attributes(queue).visible == 1


def test_a_look_passes_while_nothing_moved_and_says_what_did(stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING", leased_by="h:1:a:b", leased_until=AT)
    so = still_so(gather(stores, [row.id], objects=False).videos[0])
    assert so is not None
    so.do(stores)
    _locked(stores, row)
    with pytest.raises(Changed, match="lock 1"):
        so.do(stores)
    with pytest.raises(Changed, match="it is PROCESSING"):
        replace(so, status="UPLOADED", lock="1").do(stores)
    _gone(stores, row)
    with pytest.raises(Changed, match="its row is gone"):
        so.do(stores)


def test_a_row_that_a_new_run_has_taken_is_not_reset_though_its_status_is_the_same(stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING", updated_at=datetime.now(UTC) - timedelta(hours=1))
    repair = ResetVideo(row.id, "PROCESSING", "", as_of=row.updated_at)
    _leased(stores, row)
    with pytest.raises(Changed, match="PROCESSING anew"):
        repair.do(stores)
    after = stores.videos.row(row.id)
    assert after is not None
    assert (after.status, after.leased_by) == ("PROCESSING", "h:1:a:b")

"""How runs end that do not reach READY, and what survives what (contract 3.2; 11 #4, #5, #33)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.errors import AwsError, DatabaseAway, LeaseLost, Stopping
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from academyctl.stores.redis import Redis
from academyctl.stores.videos import Videos
from tests.conftest import make_video
from tests.video_worker.tools import Bench, RecordingR2, RecordingStores, Staged, staged, with_settings
from workers._model import Defer, Done, Reject, Retry
from workers.video.handler import exhausted, handle

Make = Callable[..., Bench]


def test_a_failure_is_tried_until_the_limit_and_only_then_failed_and_dead(bench: Make, clip: Path) -> None:
    """Defect 4: FAILED at the first failure, so the redelivery was skipped and deleted: no retry and no DLQ ever."""
    at = bench()
    row = at.upload(clip)
    at.stores.r2.delete(at.bucket, [row.file_key])
    for attempt in (1, 2):
        assert isinstance(at.handle(row, attempt=attempt), Retry)
        now = at.row(row)
        assert (now.status, now.leased_by) == ("UPLOADED", "")
        assert (
            now.error_reason
            == f"attempt {attempt}/3: the upload is missing: {at.bucket}/{row.file_key}: there is no such object"
        )
        assert now.updated_at > row.updated_at
        assert at.status(row) == {"status": "PROCESSING"}
    delivery = at.delivery(row, attempt=3)
    outcome = handle(delivery)
    assert isinstance(outcome, Retry)
    exhausted(delivery, outcome.reason)
    now = at.row(row)
    assert (now.status, now.leased_by, now.leased_until) == ("FAILED", "", None)
    assert now.error_reason.startswith("the upload is missing")
    assert at.status(row) == {"status": "FAILED", "error_reason": now.error_reason}
    assert at.stores.redis.ttl(keys.video_status(row.tenant_id, row.id)) == -1


def test_a_failure_goes_through_the_queue_to_the_dead_letter_queue(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(b"no video at all" * 1000)
    at.send(row)
    assert at.once() == 1
    now = at.row(row)
    assert now.status == "FAILED", "an upload that is no video is refused at once"
    assert now.error_reason.startswith("not_media: ")
    assert at.status(row) == {"status": "FAILED", "error_reason": now.error_reason}
    assert at.depths() == (0, 0, 0)
    assert at.depths(at.queue + "-dlq") == (1, 0, 0)
    dead = at.stores.sqs.receive(at.queue + "-dlq", wait_s=0, visibility_s=0)
    assert dead[0].attributes["academyctl.reason"] == now.error_reason
    assert at.work_files() == []


def test_an_upload_cut_in_half_is_refused_and_nothing_of_it_stays_public(bench: Make, long_clip: Path) -> None:
    """FFmpeg ends with status 0 on it; its early playlists were live by then."""
    at = bench()
    body = long_clip.read_bytes()
    row = at.upload(body[: len(body) // 2])
    outcome = at.handle(row)
    assert isinstance(outcome, Reject)
    assert at.row(row).status == "FAILED"
    assert at.names(row) == []


def test_a_failed_reencode_leaves_the_old_one_alone(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)
    assert at.handle(row) == Done()
    playable = at.names(row)
    at.stores.videos.reset_for_retry(row.id, force=True)
    at.stores.r2.put(at.bucket, row.file_key, b"broken" * 1000)
    assert isinstance(at.handle(row, token="host:2:b"), Reject)
    assert at.row(row).status == "FAILED"
    assert at.names(row) == playable


def test_a_retry_that_came_meanwhile_is_not_overwritten_by_failed(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(b"no video at all" * 1000)

    def retry_here(name: str, _delivery: Staged) -> None:
        if name == "probing":
            at.stores.db.execute("UPDATE video_video SET status = 'UPLOADED' WHERE id = %s", (row.id,))

    assert isinstance(handle(staged(at, row, retry_here)), Reject)
    now = at.row(row)
    assert (now.status, now.leased_by) == ("UPLOADED", "")
    assert at.status(row) == {"status": "PROCESSING"}


def test_a_worker_that_lost_its_lease_touches_nothing_any_more(bench: Make, stores: Stores, clip: Path) -> None:
    r2 = RecordingR2(stores.settings)
    at = bench(RecordingStores(stores, r2=r2), early_playlist=False)
    row = at.upload(clip)

    def take_it_over(name: str, _delivery: Staged) -> None:
        if name == "uploading":
            at.stores.db.execute(
                "UPDATE video_video SET leased_by = 'other:9:z', leased_until = now() + interval '1 min' WHERE id = %s",
                (row.id,),
            )

    r2.changes.clear()
    with pytest.raises(LeaseLost):
        handle(staged(at, row, take_it_over))
    now = at.row(row)
    assert (now.status, now.leased_by, now.hls_path) == ("PROCESSING", "other:9:z", "")
    assert r2.puts(".m3u8") == []
    assert not [key for action, key, _ in r2.changes if action == "delete"]
    assert at.status(row) == {"status": "PROCESSING"}
    assert at.work_files() == []


def test_the_last_word_of_a_worker_without_its_lease_changes_nothing(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)
    at.stores.videos.claim(row.id, row.tenant_id, "other:9:z", lease_s=60)
    at.stores.r2.put(at.bucket, at.folder(row) + "v1/index0.ts", b"the other's")
    exhausted(at.delivery(row), "too late")
    now = at.row(row)
    assert (now.status, now.leased_by, now.error_reason) == ("PROCESSING", "other:9:z", "")
    assert at.names(row) == ["v1/index0.ts"]
    assert at.status(row) is None


def test_a_stopping_worker_gives_the_video_back_at_once(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)

    def stop_here(name: str, delivery: Staged) -> None:
        if name == "transcoding":
            delivery.interrupt(Stopping("the worker is shutting down"))

    with pytest.raises(Stopping):
        handle(staged(at, row, stop_here))
    now = at.row(row)
    assert (now.status, now.leased_by, now.error_reason) == ("UPLOADED", "", "")
    assert at.work_files() == []
    assert at.handle(row, token="host:2:b") == Done()


def test_a_bug_in_the_pipeline_also_gives_the_video_back(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)

    def bug(name: str, _delivery: Staged) -> None:
        if name == "thumbnail":
            raise ZeroDivisionError("division by zero")

    outcome = handle(staged(at, row, bug))
    assert isinstance(outcome, Retry)
    now = at.row(row)
    assert (now.status, now.leased_by) == ("UPLOADED", "")
    assert now.error_reason == "attempt 1/3: ZeroDivisionError: division by zero"


def test_r2_away_at_the_start_costs_no_attempt(bench: Make, stores: Stores, clip: Path) -> None:
    row = bench().upload(clip)
    away = R2(with_settings(stores.settings, "r2", endpoint="http://127.0.0.1:1").r2)
    at = bench(RecordingStores(stores, r2=away))
    with pytest.raises(AwsError) as caught:
        at.handle(row, attempt=3)
    assert caught.value.cause == "unreachable", "which the runtime defers"
    now = at.row(row)
    assert (now.status, now.leased_by, now.error_reason) == ("UPLOADED", "", "")


def test_redis_away_for_the_whole_job_changes_nothing_but_the_view(bench: Make, stores: Stores, clip: Path) -> None:
    """Defect 33: the row lease alone decides."""
    away = Redis(with_settings(stores.settings, "redis", port=1).redis)
    at = bench(RecordingStores(stores, redis=away))
    row = at.upload(clip)
    at.send(row)
    assert at.once() == 0
    assert at.row(row).status == "READY"
    assert at.depths() == (0, 0, 0)


class Blinking(Videos):
    """The real rows; the database is away when READY is written, `after` says whether it went through all the same."""

    def __init__(self, base: Stores, *, failures: int, after: bool) -> None:
        super().__init__(base.db)
        self.failures = failures
        self.after = after

    def complete(self, video_id: int, token: str, *, hls_path: str, duration: int, job_id: str | None = None) -> bool:
        if self.failures > 0:
            self.failures -= 1
            if self.after:
                super().complete(video_id, token, hls_path=hls_path, duration=duration, job_id=job_id)
            raise DatabaseAway("the database is away", cause="unreachable")
        return super().complete(video_id, token, hls_path=hls_path, duration=duration, job_id=job_id)


@pytest.mark.parametrize("after", [False, True], ids=["lost", "its answer lost"])
def test_a_finished_encode_is_not_lost_when_the_database_is_away_at_its_end(
    bench: Make, stores: Stores, clip: Path, after: bool
) -> None:
    videos = Blinking(stores, failures=1, after=after)
    at = bench(RecordingStores(stores, videos=videos))
    row = at.upload(clip)
    assert at.handle(row) == Done()
    assert at.row(row).status == "READY"
    assert videos.failures == 0


def test_a_blink_of_the_database_before_the_switch_does_not_cost_the_encode(
    bench: Make, stores: Stores, clip: Path
) -> None:
    class Blink(Videos):
        failures = 1

        def renew(self, *args: Any, **options: Any) -> bool:
            if self.failures:
                self.failures -= 1
                raise DatabaseAway("the database is away", cause="unreachable")
            return super().renew(*args, **options)

    videos = Blink(stores.db)
    at = bench(RecordingStores(stores, videos=videos))
    row = at.upload(clip)
    assert at.handle(row) == Done()
    assert videos.failures == 0


@pytest.mark.parametrize("status", ["READY", "FAILED"])
def test_a_worker_that_died_between_row_and_redis_leaves_no_processing_behind(bench: Make, status: str) -> None:
    """The endpoint believes Redis first: the finished video would look busy for six hours."""
    at = bench()
    row = make_video(at.stores, status=status, hls_path="p/master.m3u8", duration=5, error_reason="boom")
    at.stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "PROCESSING"}, ttl_s=21600)
    at.handle(row)
    shown = {"hls_path": "p/master.m3u8", "duration": 5} if status == "READY" else {"error_reason": "boom"}
    assert at.status(row) == {"status": status, **shown}


def test_a_failure_that_cannot_be_recorded_keeps_the_message(bench: Make, stores: Stores) -> None:
    class Away(Videos):
        def fail(self, *args: object, **options: object):  # type: ignore[no-untyped-def]
            raise DatabaseAway("the database is away", cause="unreachable")

    at = bench(RecordingStores(stores, videos=Away(stores.db)))
    row = at.upload(b"no video at all" * 1000)
    assert isinstance(at.handle(row), Defer)


def test_a_row_without_an_upload_takes_the_messages_only_inside_its_tenant(bench: Make, clip: Path) -> None:
    """Defect 47: the message's file_key was trusted."""
    at = bench()
    row = at.upload(clip)
    at.stores.db.execute("UPDATE video_video SET file_key = '' WHERE id = %s", (row.id,))
    assert at.handle(row) == Done()
    foreign = at.upload(clip)
    at.stores.db.execute("UPDATE video_video SET file_key = '' WHERE id = %s", (foreign.id,))
    job = at.delivery(foreign).job
    moved = type(job)(foreign.id, foreign.tenant_id, row.file_key.replace("tenants/", "tenants/9"), "")
    outcome = at.handle(foreign, job=moved)
    assert isinstance(outcome, Retry)
    assert "names no upload" in outcome.reason

"""What `fix video` does not touch: healthy videos, ones that only people can mend, and ones that moved meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.cli._fix_video import _say_how_to_go_on, look
from academyctl.contract import keys
from academyctl.repairs import Changed, Halfway, apply
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_fixes import plan_fix
from tests.conftest import make_video
from tests.fix import conftest as s
from tests.fix.conftest import left, stuck, taken
from tests.fix.test_mended import dead_letter, lock_orphan, lost
from tests.video_commands.conftest import Cli
from tests.video_commands.test_state import TOKEN, beat, leased, lock_text, running

Make = Callable[[Stores], VideoRow]


def no_worker(stores: Stores) -> VideoRow:
    row = stuck(stores, "UPLOADED")
    s.send(stores, row)
    return row


def failed_source(stores: Stores) -> VideoRow:
    return stuck(stores, "FAILED", upload=False, error_reason="ffmpeg: x")


def failed_probe(stores: Stores) -> VideoRow:
    return stuck(stores, "FAILED", error_reason="not_media: this is no video")


def lost_without_its_upload(stores: Stores) -> VideoRow:
    return stuck(stores, "UPLOADED", upload=False)


def broken_without_its_upload(stores: Stores) -> VideoRow:
    return stuck(stores, "READY", upload=False)


def deleted(stores: Stores) -> VideoRow:
    row = stuck(stores, "UPLOADED")
    s.bury(stores, row)
    with stores.db.tx() as cursor:
        cursor.execute("DELETE FROM video_video WHERE id = %s", (row.id,))
    return row


def legacy_at_work(stores: Stores) -> VideoRow:
    row = stuck(stores, "PROCESSING")
    s.lock(stores, row, "1")
    return row


def pending(stores: Stores) -> VideoRow:
    return stuck(stores, "PENDING", upload=False)


REFUSED: tuple[tuple[Make, str, str], ...] = (
    (no_worker, "no-worker", "academyctl"),
    (failed_source, "failed-source", ""),
    (failed_probe, "failed-probe", ""),
    (lost_without_its_upload, "failed-source", ""),
    (broken_without_its_upload, "broken", "upload it again"),
    (deleted, "deleted", ""),
    (legacy_at_work, "alive", "--force"),
    (pending, "pending", ""),
)


@pytest.mark.parametrize(("make", "code", "remedy"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_we_cannot_mend_is_refused_with_the_reason_and_what_to_do(
    cli: Cli, stores: Stores, make: Make, code: str, remedy: str
) -> None:
    row = make(stores)
    before = left(stores, row)
    ran = cli("fix", "video", row.id, "--apply", "-o", "json")
    error = ran.json["videos"][0]["error"]
    assert (ran.code, error["code"]) == (1, code)
    assert error["why"]
    assert remedy in error["remedy"]
    assert error["remedy"]
    assert left(stores, row) == before


def test_force_mends_what_was_refused_for_good_reason(cli: Cli, stores: Stores) -> None:
    rows = [legacy_at_work(stores), failed_probe(stores)]
    ran = cli("fix", "video", *(row.id for row in rows), "--apply", "--force", "-o", "json")
    assert (ran.code, [one["done"] for one in ran.json["videos"]]) == (0, [True, True])
    assert taken(stores) == [row.id for row in rows]


def test_a_video_that_is_being_encoded_is_left_alone(cli: Cli, stores: Stores) -> None:
    row = leased(stores)
    running(stores, row)
    before = left(stores, row)
    for extra in ((), ("--force",)):
        ran = cli("fix", "video", row.id, "--apply", *extra)
        assert ran.code == 0
        assert f"video {row.id}: encoding: nothing to do" in ran.out
        assert left(stores, row) == before


def test_a_dead_letter_of_a_deleted_video_is_told_and_stays(cli: Cli, stores: Stores) -> None:
    row = deleted(stores)
    ran = cli("fix", "video", row.id, "--apply")
    assert "stay where they are, for a worker would skip them: 1" in ran.err
    assert left(stores, row).dead == 1


def test_a_letter_of_another_tenant_is_not_redriven(cli: Cli, stores: Stores) -> None:
    """contract 11 #47: the message's tenant is compared with the row's."""
    row = stuck(stores, "PROCESSING")
    s.bury(stores, row, tenant_id=row.tenant_id + 1)
    ran = cli("fix", "video", row.id, "--apply")
    assert ran.code == 0
    assert "send an encode message" in ran.out
    assert "for a worker would skip them: 1" in ran.out
    assert (left(stores, row).visible, left(stores, row).dead) == (1, 1)


def test_nothing_is_changed_blindly_while_redis_is_away(cli: Cli, stores: Stores) -> None:
    row = lost(stores)
    cli.set(REDIS_PORT="1")
    assert cli("fix", "video", row.id, "--apply").code == 3
    assert taken(stores) == []


def _claimed(stores: Stores, row: VideoRow) -> None:
    stores.videos.claim(row.id, row.tenant_id, "new:1:a:b", lease_s=60)


def _locked_anew(stores: Stores, row: VideoRow) -> None:
    stores.redis.set(keys.encode_lock(row.id), lock_text("new:1:a:b"), ttl_s=60)


def _finished(stores: Stores, row: VideoRow) -> None:
    with stores.db.tx() as cursor:
        cursor.execute("UPDATE video_video SET status = 'READY' WHERE id = %s", (row.id,))


def _deleted(stores: Stores, row: VideoRow) -> None:
    with stores.db.tx() as cursor:
        cursor.execute("DELETE FROM video_video WHERE id = %s", (row.id,))


def _beating(stores: Stores, row: VideoRow) -> None:
    stores.redis.set(keys.video_heartbeat(row.tenant_id, row.id), "1", ttl_s=60)


@pytest.mark.parametrize("move", [_claimed, _locked_anew, _finished, _deleted, _beating])
def test_a_video_that_moved_since_its_plan_is_not_touched(
    stores: Stores, tmp_path: Path, move: Callable[[Stores, VideoRow], None]
) -> None:
    for make in (lock_orphan, dead_letter, lost):
        row = make(stores)
        plan = plan_fix(look(stores, [row.id])[0])
        assert plan.repairs
        move(stores, row)
        before = left(stores, row)
        with pytest.raises(Halfway) as caught:
            apply(plan.repairs, stores, tmp_path / "audit.jsonl")
        assert isinstance(caught.value.cause, Changed)
        assert caught.value.done == ()
        assert "video" in caught.value.cause.what
        assert caught.value.cause.why
        assert left(stores, row) == before
        stores.sqs.purge(f"{stores.settings.queues.video}-dlq")


def test_a_hung_worker_is_named_and_only_force_takes_its_video_away(cli: Cli, stores: Stores) -> None:
    row = leased(stores)
    s.lock(stores, row, lock_text(TOKEN, since=datetime.now(UTC) - timedelta(hours=3)))
    beat(stores, jobs=({"video_id": row.id, "stage": "transcoding"},))
    progress = keys.video_progress(row.tenant_id, row.id)
    stores.redis.set_json(progress, {"percent": 61, "step": "transcoding"}, ttl_s=14400 - 7200)
    refused = cli("fix", "video", row.id, "--apply", "-o", "json").json["videos"][0]
    assert (refused["verdict"], refused["error"]["code"]) == ("video.lock-dead-worker", "alive")
    assert "encoder-1 (pid 4242)" in refused["error"]["why"]
    assert left(stores, row).lock
    forced = cli("fix", "video", row.id, "--apply", "--force", "-o", "json").json["videos"][0]
    assert forced["done"]
    after = left(stores, row)
    assert (after.lock, after.leased_by, after.visible) == (None, "", 0)


def test_a_send_that_fails_says_how_to_go_on(stores: Stores, tmp_path: Path) -> None:
    row = stuck(stores, "PROCESSING")
    [found] = look(stores, [row.id])
    stores.sqs.remove(stores.settings.queues.video)
    with pytest.raises(Halfway) as caught:
        apply(plan_fix(found).repairs, stores, tmp_path / "audit.jsonl")
    assert f"academyctl video enqueue {row.id}" in _say_how_to_go_on(row.id, caught.value).remedy_in("en")
    stores.sqs.create(stores.settings.queues.video, {})


def test_a_fresh_upload_is_on_its_way(cli: Cli, stores: Stores) -> None:
    row = make_video(stores)
    stores.r2.put(stores.settings.r2.video_bucket, row.file_key, b"upload")
    ran = cli("--lang", "ko", "fix", "video", row.id)
    assert ran.code == 0
    assert "할 일이 없습니다" in ran.out

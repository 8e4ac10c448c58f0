"""The changing commands through the one door: what they do, what they refuse, what state they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode, parse_video
from academyctl.repairs import Halfway, apply
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_plans import plan_unlock
from academyctl.video_state import gather
from tests.conftest import make_video
from tests.video_commands.conftest import Cli, Publish, golden
from tests.video_commands.test_state import TOKEN, beat, leased, lock_text, running


def messages(stores: Stores) -> list[VideoEncode]:
    """What waits in the video queue; receiving it here is what a worker would do next."""
    jobs = [parse_video(message.body) for message in stores.sqs.receive(stores.settings.queues.video, wait_s=0)]
    return [job for job in jobs if isinstance(job, VideoEncode)]


def now(stores: Stores, row: VideoRow) -> VideoRow:
    found = stores.videos.row(row.id)
    assert found is not None
    return found


def audit(tmp_path: Path) -> list[dict[str, Any]]:
    path = next((tmp_path / "state").rglob("audit.jsonl"))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_enqueue_sends_one_message_and_records_it(cli: Cli, stores: Stores, tmp_path: Path) -> None:
    row = make_video(stores)
    ran = cli("video", "enqueue", row.id, row.id)
    assert ran.code == 0
    assert ran.out.startswith(f"done  send an encode message for video {row.id}")
    assert [(job.video_id, job.tenant_id, job.file_key) for job in messages(stores)] == [
        (row.id, row.tenant_id, row.file_key)
    ]
    assert [line["result"] for line in audit(tmp_path)] == ["done"]


def test_enqueue_refuses_each_wrong_state_and_still_does_the_others(cli: Cli, stores: Stores) -> None:
    good, ready, busy = make_video(stores), make_video(stores, status="READY"), leased(stores, "UPLOADED")
    ran = cli("video", "enqueue", good.id, ready.id, busy.id, 999, "-o", "json")
    assert ran.code == 1
    told = [(video["done"], video["error"] and video["error"]["code"]) for video in ran.json["videos"]]
    assert told == [(True, None), (False, "refused"), (False, "alive"), (False, "absent")]
    assert all(video["error"]["remedy"] for video in ran.json["videos"][1:])
    assert [job.video_id for job in messages(stores)] == [good.id]


def test_enqueue_behind_a_lock_needs_force(cli: Cli, stores: Stores) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=9000)
    refused = cli("video", "enqueue", row.id)
    assert refused.code == 1
    assert f"academyctl video unlock {row.id} --apply" in refused.err
    assert messages(stores) == []
    forced = cli("video", "enqueue", row.id, "--force")
    assert forced.code == 0
    assert "note  a lock without a living owner" in forced.out
    assert len(messages(stores)) == 1


@pytest.mark.parametrize("status", ["FAILED", "PROCESSING", "UPLOADED"])
def test_retry_makes_a_video_uploaded_clears_stale_keys_and_sends(cli: Cli, stores: Stores, status: str) -> None:
    """contract 11 #30: the old FAILED must not be what the front end shows."""
    row = make_video(stores, status=status, error_reason="ffmpeg failed")
    stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "FAILED", "error_reason": "x"})
    stores.redis.set_json(keys.video_progress(row.tenant_id, row.id), {"percent": 40}, ttl_s=9000)
    assert cli("video", "retry", row.id).code == 0
    after = now(stores, row)
    assert (after.status, after.error_reason) == ("UPLOADED", "")
    assert stores.redis.get(keys.video_status(row.tenant_id, row.id)) is None
    assert stores.redis.get(keys.video_progress(row.tenant_id, row.id)) is None
    assert [job.video_id for job in messages(stores)] == [row.id]


def test_retry_leaves_no_cancel_flag_that_would_eat_its_message(cli: Cli, stores: Stores) -> None:
    """contract 11 #3: an earlier retry's flag is still set, and no run lives that it could be for."""
    row = make_video(stores, status="FAILED")
    stores.redis.set(keys.video_cancel(row.tenant_id, row.id), "1", ttl_s=300)
    assert cli("video", "retry", row.id).code == 0
    assert stores.redis.get(keys.video_cancel(row.tenant_id, row.id)) is None
    assert len(messages(stores)) == 1


def test_retry_asks_the_run_that_lives_to_stop(cli: Cli, stores: Stores) -> None:
    row = leased(stores)
    running(stores, row)
    assert cli("video", "retry", row.id).code == 0
    assert stores.redis.get(keys.video_cancel(row.tenant_id, row.id)) == "1"
    assert 290 <= stores.redis.ttl(keys.video_cancel(row.tenant_id, row.id)) <= 300
    assert now(stores, row).leased_by == TOKEN


def test_retry_of_a_ready_video_is_refused_without_force(cli: Cli, stores: Stores, publish: Publish) -> None:
    row = publish()
    stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "READY"})
    for lang in ("en", "ko"):
        refused = cli("--lang", lang, "video", "retry", row.id)
        assert refused.code == 1
        golden(f"retry-refused-{lang}", refused.out + refused.err)
    assert now(stores, row).status == "READY"
    assert stores.redis.get(keys.video_status(row.tenant_id, row.id)) is not None
    assert messages(stores) == []
    forced = cli("video", "retry", row.id, "--force")
    assert forced.code == 0
    golden("retry-forced", forced.out)
    assert now(stores, row).status == "UPLOADED"
    assert len(messages(stores)) == 1


def test_a_retry_whose_message_cannot_be_sent_says_what_it_left_and_how_to_go_on(
    cli: Cli, stores: Stores, tmp_path: Path
) -> None:
    row = make_video(stores, status="FAILED")
    cli.set(VIDEO_SQS_QUEUE_NAME="no-such-queue")
    ran = cli("video", "retry", row.id)
    assert ran.code == 3
    assert f"done: set video {row.id} status FAILED -> UPLOADED" in ran.err
    assert "not done: send an encode message" in ran.err
    assert f"academyctl video enqueue {row.id}" in ran.err
    assert now(stores, row).status == "UPLOADED"
    assert [line["result"].split(":")[0] for line in audit(tmp_path)] == ["done", "failed"]
    cli.set(VIDEO_SQS_QUEUE_NAME=stores.settings.queues.video)
    assert cli("video", "enqueue", row.id).code == 0
    assert len(messages(stores)) == 1


@pytest.mark.parametrize(("word", "status"), [("enqueue", "UPLOADED"), ("retry", "FAILED"), ("unlock", "PROCESSING")])
@pytest.mark.parametrize("away", [{"REDIS_PORT": "1"}, {"DB_PORT": "1"}])
def test_what_cannot_be_seen_is_not_changed(
    cli: Cli, stores: Stores, word: str, status: str, away: dict[str, str]
) -> None:
    row = make_video(stores, status=status)
    cli.set(**away)
    ran = cli("video", word, row.id, "-o", "json")
    assert ran.code == 3
    error = ran.json.get("error") or ran.json["videos"][0]["error"]
    assert error["remedy"]
    assert now(stores, row).status == status
    assert messages(stores) == []


@pytest.mark.parametrize("words", [("retry",), ("unlock", "--apply")])
def test_production_is_not_changed_without_a_yes(cli: Cli, stores: Stores, words: tuple[str, ...]) -> None:
    row = make_video(stores, status="FAILED")
    stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=9000)
    cli.set(ACADEMYCTL_PRODUCTION="1")
    refused = cli("video", *words, row.id)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert now(stores, row).status == "FAILED"
    assert stores.redis.get(keys.encode_lock(row.id)) == "1"
    assert cli("--yes", "video", *words, row.id).code == 0


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_unlock_shows_what_it_would_delete_and_deletes_nothing(cli: Cli, stores: Stores, lang: str) -> None:
    row = leased(stores, seconds=-10)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=40)
    legacy = make_video(stores)
    stores.redis.set(keys.encode_lock(legacy.id), "1", ttl_s=9000)
    ran = cli("--lang", lang, "video", "unlock", row.id, legacy.id, make_video(stores).id)
    assert ran.code == 0
    golden(f"unlock-dry-{lang}", ran.out)
    assert stores.redis.get(keys.encode_lock(legacy.id)) == "1"
    assert now(stores, row).leased_by == TOKEN


def test_unlock_with_apply_deletes_lock_and_lease_and_tells_the_undo(cli: Cli, stores: Stores, tmp_path: Path) -> None:
    row = leased(stores, seconds=-10)
    text = lock_text()
    stores.redis.set(keys.encode_lock(row.id), text, ttl_s=40)
    ran = cli("video", "unlock", row.id, "--apply", "-o", "json")
    assert ran.code == 0
    (video,) = ran.json["videos"]
    assert video["done"]
    assert text in video["changes"][0]["change"]
    assert video["changes"][0]["undo"].startswith("redis-cli SET")
    assert video["changes"][1]["undo"].startswith("UPDATE video_video SET leased_by")
    assert stores.redis.get(keys.encode_lock(row.id)) is None
    assert (now(stores, row).leased_by, now(stores, row).status) == ("", "PROCESSING")
    assert [line["result"] for line in audit(tmp_path)] == ["done", "done"]


def test_unlock_refuses_a_lock_whose_owner_still_beats(cli: Cli, stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores, jobs=({"video_id": row.id, "stage": "transcoding"},))
    for options in ((), ("--apply",)):
        ran = cli("video", "unlock", row.id, *options)
        assert ran.code == 1
        assert "the worker encoder-1 (pid 4242) beats" in ran.err
    assert stores.redis.get(keys.encode_lock(row.id)) is not None
    assert cli("video", "unlock", row.id, "--apply", "--force").code == 0
    assert stores.redis.get(keys.encode_lock(row.id)) is None


def test_a_lock_that_changed_hands_between_plan_and_apply_is_left_alone(stores: Stores, tmp_path: Path) -> None:
    row = make_video(stores)
    stores.redis.set(keys.encode_lock(row.id), "1", ttl_s=9000)
    found = gather(stores, [row.id], objects=False)
    plan = plan_unlock(found.videos[0], now=found.seen_at)
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    with pytest.raises(Halfway, match="no longer holds 1"):
        apply(plan.repairs, stores, tmp_path / "audit.jsonl")
    assert stores.redis.get(keys.encode_lock(row.id)) != "1"


def test_a_lease_that_changed_hands_between_plan_and_apply_is_left_alone(stores: Stores, tmp_path: Path) -> None:
    row = leased(stores, seconds=-10)
    found = gather(stores, [row.id], objects=False)
    plan = plan_unlock(found.videos[0], now=found.seen_at)
    stores.db.execute("UPDATE video_video SET leased_by = 'another' WHERE id = %s", (row.id,))
    with pytest.raises(Halfway, match="has it no longer"):
        apply(plan.repairs, stores, tmp_path / "audit.jsonl")
    assert now(stores, row).leased_by == "another"


def test_purge_raw_shows_first_and_deletes_with_apply(
    cli: Cli, stores: Stores, publish: Publish, tmp_path: Path
) -> None:
    spent, fresh = publish(upload=True), publish(upload=True)
    stores.db.execute(
        "UPDATE video_video SET updated_at = now() - interval '9 days', file_key = file_key || '9' WHERE id = %s",
        (spent.id,),
    )
    spent = now(stores, spent)
    bucket = stores.settings.r2.video_bucket
    stores.r2.put(bucket, spent.file_key, b"upload")
    shown = cli("video", "purge-raw", "--older-than", "0", "-o", "json")
    assert shown.code == 0
    assert not shown.json["applied"]
    assert spent.file_key in [upload["key"] for upload in shown.json["uploads"]]
    assert stores.r2.head(bucket, spent.file_key) is not None
    limited = cli("video", "purge-raw", "--older-than", "0", "--limit", "1", "--apply")
    assert limited.code == 0
    left = [row for row in (spent, fresh) if stores.r2.head(bucket, row.file_key) is not None]
    assert len(left) == 1
    assert len(audit(tmp_path)) == 1
    cli.set(R2_ENDPOINT="http://127.0.0.1:1")
    assert cli("video", "purge-raw").code == 3


def test_purge_raw_keeps_to_the_retention_setting(cli: Cli, publish: Publish) -> None:
    publish(upload=True)
    ran = cli("video", "purge-raw", "-o", "json")
    assert (ran.json["older_than_days"], ran.json["uploads"]) == (3, [])

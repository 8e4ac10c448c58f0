"""The reading commands through the one door: exit codes, JSON, tables, and what they say when a store is away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract import keys
from academyctl.contract.progress import transcoding
from academyctl.stores import Stores
from tests.conftest import make_video
from tests.video_commands.conftest import Cli, Publish, golden
from tests.video_commands.test_state import TOKEN, beat, leased, lock_text, running

AWAY = {"redis": {"REDIS_PORT": "1"}, "objects": {"R2_ENDPOINT": "http://127.0.0.1:1"}, "database": {"DB_PORT": "1"}}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_status_tells_each_kind_of_video(cli: Cli, stores: Stores, publish: Publish, lang: str) -> None:
    ready = publish()
    encoding = leased(stores)
    running(stores, encoding)
    stores.redis.set_json(keys.video_status(encoding.tenant_id, encoding.id), {"status": "PROCESSING"})
    stores.redis.set_json(keys.video_progress(encoding.tenant_id, encoding.id), transcoding(30, 60))
    failed = make_video(stores, status="FAILED", error_reason="duration_probe_failed")
    locked = make_video(stores)
    stores.redis.set(keys.encode_lock(locked.id), "1", ttl_s=9000)
    stores.redis.set(keys.video_cancel(locked.tenant_id, locked.id), "1", ttl_s=300)
    stuck = make_video(
        stores, status="PROCESSING", leased_by=TOKEN, leased_until=datetime.now(UTC) - timedelta(hours=1)
    )
    gone = make_video(stores, status="READY")
    ids = [ready.id, encoding.id, failed.id, locked.id, stuck.id, gone.id, 999]
    ran = cli("--lang", lang, "video", "status", *ids)
    assert ran.code == 1
    golden(f"status-{lang}", ran.out)


def test_status_as_json_is_one_object_with_every_part(cli: Cli, stores: Stores) -> None:
    row = leased(stores)
    running(stores, row)
    ran = cli("video", "status", row.id, "--output", "json")
    assert ran.code == 0
    assert list(ran.json) == ["version", "videos", "unknown"]
    (video,) = ran.json["videos"]
    assert " ".join(sorted(video)) == (
        "alive duration_s error_reason found hls_path id lease master redis status summary tenant_code tenant_id title "
        "unknown updated_at worker"
    )
    assert video["lease"]["owner"] == TOKEN
    assert 40 < video["lease"]["left_s"] <= 50
    lock = video["redis"]["lock"]
    assert (lock["owner"], lock["key"]) == (TOKEN, keys.encode_lock(row.id))
    assert 80 < lock["age_s"] < 110
    assert video["worker"]["stage"] == "transcoding"
    assert video["master"] is None
    assert len(video["alive"]) == 3


@pytest.mark.parametrize("part", list(AWAY))
def test_status_shows_what_it_can_and_exits_3_when_a_store_is_away(
    cli: Cli, stores: Stores, publish: Publish, part: str
) -> None:
    row = publish()
    stores.redis.set(keys.encode_lock(row.id), lock_text(), ttl_s=60)
    beat(stores)
    cli.set(**AWAY[part])
    ran = cli("video", "status", row.id, "-o", "json")
    assert ran.code == 3
    assert list(ran.json["unknown"]) == [part]
    assert ran.json["unknown"][part]["remedy"]
    (video,) = ran.json["videos"]
    assert video["unknown"] == [part]
    assert (video["redis"] is None) == (part == "redis")
    assert video["found"] is (None if part == "database" else True)
    table = cli("video", "status", row.id)
    assert table.code == 3
    assert "unknown" in table.out
    assert "next: " in table.err


def test_status_of_an_id_that_is_not_there_exits_1(cli: Cli, stores: Stores) -> None:
    make_video(stores)
    ran = cli("video", "status", 999, "-o", "json")
    assert ran.code == 1
    assert ran.json["videos"][0]["found"] is False


@pytest.mark.parametrize(
    "words", [("status",), ("status", "x"), ("status", "0"), ("status", "9" * 30), ("verify",), ("progress", "1", "2")]
)
def test_wrong_words_are_usage_errors_in_either_format(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli("video", *words).code == 2
    ran = cli("video", *words, "--output", "json")
    assert ran.code == 2
    assert ran.json["error"]["code"] == "usage"


def test_progress_is_one_reading(cli: Cli, stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    stores.redis.set_json(keys.video_progress(row.tenant_id, row.id), transcoding(30, 60, speed=3))
    ran = cli("video", "progress", row.id)
    assert (ran.code, ran.out) == (0, "PROCESSING   67 %  transcoding 4/7  about 0:25 left\n")
    body = cli("video", "progress", row.id, "-o", "json").json
    assert (body["percent"], body["step"], body["remaining_s"], body["unknown"]) == (67, "transcoding", 25, [])


def test_progress_of_a_failed_video_exits_1_and_of_none_too(cli: Cli, stores: Stores) -> None:
    row = make_video(stores, status="FAILED", error_reason="no video")
    ran = cli("video", "progress", row.id)
    assert (ran.code, ran.out) == (1, "FAILED  no video\n")
    ran = cli("video", "progress", 999, "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "absent")


def test_watching_ends_with_the_row(cli: Cli, stores: Stores) -> None:
    ready, failed = make_video(stores, status="READY"), make_video(stores, status="FAILED", error_reason="no video")
    ran = cli("video", "progress", ready.id, "--watch")
    assert (ran.code, ran.out, ran.err) == (0, "READY  100 %\n", "READY  100 %\n")
    assert cli("video", "progress", failed.id, "--watch").code == 1
    assert cli("video", "progress", failed.id, "--watch", "-o", "json").json["error_reason"] == "no video"


def test_watching_gives_up_after_the_timeout_with_3(cli: Cli, stores: Stores) -> None:
    row = make_video(stores)
    ran = cli("video", "progress", row.id, "--watch", "--timeout", "0", "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "timeout")
    pending = make_video(stores, status="PENDING")
    assert cli("video", "progress", pending.id, "--watch").code == 1


def test_progress_without_redis_shows_the_row_and_exits_3(cli: Cli, stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    cli.set(**AWAY["redis"])
    ran = cli("video", "progress", row.id, "-o", "json")
    assert ran.code == 3
    assert (ran.json["status"], ran.json["unknown"]) == ("PROCESSING", ["redis"])
    cli.set(**AWAY["database"])
    assert cli("video", "progress", row.id).code == 3


def test_verify_shows_renditions_and_findings(cli: Cli, publish: Publish) -> None:
    whole = publish(upload=True)
    broken = publish(v1__index1_ts=None)
    ran = cli("video", "verify", whole.id, broken.id)
    assert ran.code == 1
    assert "640x360" in ran.out
    assert f"ok    video {whole.id}: 15 objects" in ran.out
    assert f"FAIL  segment-missing  tenants/1/video/hls/{broken.id}/v1/index1.ts" in ran.out
    assert cli("video", "verify", whole.id, "--decode").code == 0


def test_verify_as_json_is_one_object(cli: Cli, publish: Publish) -> None:
    whole, broken = publish(upload=True), publish(v1__index1_ts=None)
    ran = cli("video", "verify", whole.id, broken.id, "--decode", "--output", "json")
    assert ran.code == 1
    first, second = ran.json["videos"]
    assert first["ok"]
    assert not second["ok"]
    assert first["source_s"] == pytest.approx(6, abs=0.05)
    assert [r["decoded_s"] for r in first["renditions"]] == pytest.approx([6, 6, 6], abs=0.1)
    assert " ".join(sorted(first["renditions"][0])) == (
        "bandwidth bitrate bytes codecs decoded_s frame_rate height kind name playlist playlist_s segments width"
    )
    assert ("segment-missing", f"{second['folder']}v1/index1.ts") in [(p["code"], p["key"]) for p in second["problems"]]


def test_verify_says_that_it_could_not_tell_when_r2_or_the_database_is_away(cli: Cli, publish: Publish) -> None:
    row = publish()
    for part in ("objects", "database"):
        cli.set(**AWAY[part])
        ran = cli("video", "verify", row.id, "-o", "json")
        assert ran.code == 3
        assert ran.json["error"]["remedy"]


def test_verify_without_ffmpeg_is_a_configuration_error(cli: Cli, publish: Publish) -> None:
    row = publish()
    cli.set(FFMPEG_BIN="/no/such/ffmpeg")
    assert cli("video", "verify", row.id, "--decode").code == 2
    assert cli("video", "verify", row.id).code == 0


def test_json_keeps_korean_as_it_is(cli: Cli, stores: Stores) -> None:
    row = make_video(stores, title="2강 미분")
    ran = cli("video", "status", row.id, "-o", "json")
    assert "2강 미분" in ran.out
    assert json.loads(ran.out)["videos"][0]["title"] == "2강 미분"

"""`academyctl video stuck` through the one door: ids or none, JSON, exit codes, Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from academyctl.stores import Stores
from tests.stuck import scene
from tests.video_commands.conftest import Cli
from tests.video_commands.conftest import cli as cli


def test_the_three_of_the_guide_are_told_apart(cli: Cli, stores: Stores) -> None:
    first, second, third = scene.waiting(stores), scene.waiting(stores), scene.waiting(stores, "PROCESSING")
    for row in (first, second):
        scene.locked(stores, row.id)
    scene.locked(stores, third.id, f"{scene.PROCESS}:1")
    scene.beats(stores, third, tenant_id=third.tenant_id)
    scene.progressing(stores, third)
    ran = cli("video", "stuck", first.id, second.id, third.id)
    assert ran.code == 1
    assert ran.out.startswith("verdict: not settings, but data (2 of 3 videos)")
    assert f"same cause as {first.id}: encoder-1" in ran.out
    assert "is being encoded 64 %, about" in ran.out
    assert f"academyctl fix video {first.id}" in ran.out
    # Without ids the same two are found, and the third is none of them.
    found = cli("video", "stuck", "-o", "json")
    assert found.code == 1
    bad = [one["id"] for one in found.json["videos"] if one["state"] != "ok"]
    assert bad == [first.id, second.id]


def test_a_dead_letter_is_found_by_the_video_it_names(cli: Cli, stores: Stores) -> None:
    row = scene.waiting(stores)
    scene.buried(stores, row)
    ran = cli("--lang", "ko", "video", "stuck")
    assert ran.code == 1
    assert "video.dead-letter" in ran.out
    assert "the disk is full" in ran.out
    assert "판정: 설정 문제 아님" in ran.out


def test_nothing_stuck_is_fine_and_a_source_that_is_away_is_not(cli: Cli, stores: Stores) -> None:
    ready = scene.published(stores)
    assert cli("video", "stuck").code == 0
    assert cli("video", "stuck", ready.id).code == 0
    cli.set(DB_PORT="1")
    ran = cli("video", "stuck")
    assert ran.code == 3
    assert "not read: database" in ran.out
    assert cli("video", "stuck", ready.id, "-o", "json").json["videos"][0]["code"] == "video.unknown"


def test_watching_ends_when_the_video_is_ready(cli: Cli, stores: Stores) -> None:
    row = scene.waiting(stores)
    done = scene.published(stores)
    path = f"tenants/{row.tenant_id}/video/hls/{row.id}"

    def finish() -> None:
        _publish_as(stores, row.id, path)

    timer = threading.Timer(0.3, finish)
    timer.start()
    try:
        ran = cli("video", "stuck", row.id, done.id, "--watch", "--every", "0.1")
    finally:
        timer.join()
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert {line.split()[0] for line in lines if " video.ready " in line} == {str(row.id), str(done.id)}
    # Said once, however often it looked; a busy machine may look for the first time when it is over.
    assert sum("video.lost" in line for line in lines) <= 1


def _publish_as(stores: Stores, video_id: int, folder: str) -> None:
    bucket = stores.settings.r2.video_bucket
    for name, body in (("master.m3u8", scene.MASTER), ("v1/index.m3u8", scene.MEDIA)):
        stores.r2.put(bucket, f"{folder}/{name}", body.encode())
    stores.r2.put(bucket, f"{folder}/v1/index0.ts", scene.SEGMENT)
    sql = "UPDATE video_video SET status = 'READY', duration = 4, hls_path = %s WHERE id = %s"
    stores.db.execute(sql, (f"{folder}/master.m3u8", video_id))


@pytest.fixture
def interrupted() -> Iterator[threading.Timer]:
    import _thread

    timer = threading.Timer(0.4, _thread.interrupt_main)
    yield timer
    timer.cancel()


def test_ctrl_c_ends_watching_with_130(cli: Cli, stores: Stores, interrupted: threading.Timer) -> None:
    row = scene.waiting(stores)
    interrupted.start()
    assert cli("video", "stuck", row.id, "--watch", "--every", "0.1").code == 130


def test_an_id_that_is_none_is_a_usage_error(cli: Cli) -> None:
    assert cli("video", "stuck", "0").code == 2
    assert cli("video", "stuck", "abc").code == 2


def test_a_presigned_url_in_a_reason_is_told_without_its_signature(cli: Cli, stores: Stores) -> None:
    signature = "c0ffee" * 10
    url = f"https://r2.example/x.mp4?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F1&X-Amz-Signature={signature}"
    row = scene.waiting(stores, "FAILED", error_reason=f"404 Client Error: Not Found for url: {url}")
    scene.buried(stores, row)
    for fmt in ("table", "json"):
        ran = cli("video", "stuck", row.id, "-o", fmt)
        assert "404 Client Error" in ran.out
        assert signature not in ran.out
        assert "AKIAIOSFODNN7EXAMPLE" not in ran.out

"""What we publish is accepted by an independent parser and plays in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import m3u8
import pytest

from academyctl.contract import keys
from academyctl.local.platform_api import upload_lecture
from academyctl.play.server import PlayServer, Published
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from tests.browser.conftest import Open
from tests.clips import ff
from tests.conftest import make_session
from tests.video_commands.conftest import SECONDS, Publish

pytestmark = pytest.mark.browser

START_S = 60
"""A cold browser on a busy machine."""


@pytest.fixture
def serve(stores: Stores) -> Iterator[Any]:
    running: list[PlayServer] = []

    def start(row: VideoRow) -> PlayServer:
        bucket = stores.settings.r2.video_bucket
        published = Published(bucket, keys.hls_folder(row.tenant_id, row.id), row.title)
        running.append(PlayServer(stores.r2, published))
        running[-1].start()
        return running[-1]

    yield start
    for server in running:
        server.stop()


def test_an_independent_parser_follows_the_master_to_every_segment(
    stores: Stores, publish: Publish, serve: Any
) -> None:
    server = serve(publish())
    master = m3u8.load(f"{server.url}v/master.m3u8")
    assert master.is_variant
    assert [playlist.stream_info.resolution for playlist in master.playlists][:2] == [(320, 180), (640, 360)]
    for uri in [playlist.absolute_uri for playlist in master.playlists] + [m.absolute_uri for m in master.media]:
        media = m3u8.load(uri)
        assert media.is_endlist
        assert sum(segment.duration for segment in media.segments) == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("level", [0, 1])
def test_each_rendition_plays_to_its_end_with_picture_and_sound(
    publish: Publish, serve: Any, browser: Open, level: int
) -> None:
    server = serve(publish())
    browser(f"{server.url}?autoplay&level={level}&rate=2")
    ended = server.player.wait_for(lambda state: bool(state["ended"] or state["errors"]), START_S)
    state = server.player.state
    assert ended, state
    assert state["errors"] == []
    assert state["native"] is False
    assert state["currentTime"] == pytest.approx(SECONDS, abs=0.2)
    assert (state["width"], state["height"]) == [(320, 180), (640, 360)][level]
    assert state["frames"] > SECONDS * 25 / 3
    assert state["audioBytes"] > 10_000
    assert len(state["levels"]) >= 2


def test_a_missing_segment_is_told_by_the_player(publish: Publish, serve: Any, browser: Open) -> None:
    server = serve(publish(v1__index1_ts=None, v2__index1_ts=None))
    browser(f"{server.url}?autoplay")
    assert server.player.wait_for(lambda state: bool(state["errors"]), START_S)
    assert "fragLoadError" in server.player.state["errors"][0]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("audio", ["shared", "muxed"])
def test_what_the_worker_publishes_plays(
    stores: Stores,
    platform_env: dict[str, str],
    ffmpeg: Path,
    tmp_path: Path,
    serve: Any,
    browser: Open,
    audio: str,
) -> None:
    clip = tmp_path / "clip.mp4"
    ff(
        ffmpeg, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30", "-f", "lavfi", "-i", "sine=f=300:r=48000", "-t", "9",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", clip,
    )  # fmt: skip
    make_session(stores)
    upload = upload_lecture(stores, clip, title="1강")
    argv = [sys.executable, "-m", "academyctl", "worker", "run", "video", "--once"]
    env = {**os.environ, **platform_env, "VIDEO_WORKER_TEMP_DIR": str(tmp_path / "work"), "VIDEO_AUDIO": audio}
    worked = subprocess.run(argv, env=env, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert worked.returncode == 0, worked.stderr
    row = stores.videos.row(upload.video_id)
    assert row is not None
    server = serve(row)
    master = m3u8.load(f"{server.url}v/master.m3u8")
    for playlist in master.playlists:
        assert all(segment.duration <= 5 for segment in m3u8.load(playlist.absolute_uri).segments)
    browser(f"{server.url}?autoplay&level=1&rate=2")
    assert server.player.wait_for(lambda state: bool(state["ended"] or state["errors"]), START_S), server.player.state
    state = server.player.state
    assert state["errors"] == []
    assert state["currentTime"] == pytest.approx(9, abs=0.2)
    assert (state["width"], state["height"]) == (1280, 720)
    assert state["audioBytes"] > 10_000

"""A message as the API sends it, through the real loop, to READY (contract 2, 3.2, 4, 10)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.hls_playlist import Master, Media, parse
from tests.video_worker.tools import Bench

Make = Callable[..., Bench]


def test_an_upload_becomes_ready_with_every_column_key_and_object(
    bench: Make, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = bench()
    before = at.upload(clip, error_reason="an old failure")
    at.send(before)
    with caplog.at_level("INFO", "academyctl"):
        assert at.once() == 0

    row = at.row(before)
    master = keys.hls_master(row.tenant_id, row.id)
    assert (row.status, row.hls_path, row.duration, row.error_reason) == ("READY", master, 3, "")
    assert (row.leased_by, row.leased_until) == ("", None)
    assert row.processing_started_at is not None
    assert row.updated_at > before.updated_at, "the CDN's ?v= must change (defect 31)"

    assert at.status(row) == {"status": "READY", "hls_path": master, "duration": 3}
    done = at.progress(row)
    assert done is not None
    assert (done["step"], done["percent"], done["step_name_display"]) == ("done", 100, "완료")
    assert at.stores.redis.scan(f"tenant:{row.tenant_id}:video:{row.id}:heartbeat") == []
    assert at.stores.redis.scan("job:*") == [], "the lock is released"

    # Sound may need a last short segment of its own.
    published = [name for name in at.names(row) if name != "vaudio/index3.ts"]
    assert published == [
        "master.m3u8", "thumbnail.jpg",
        "v1/index.m3u8", "v1/index0.ts", "v1/index1.ts", "v1/index2.ts",
        "vaudio/index.m3u8", "vaudio/index0.ts", "vaudio/index1.ts", "vaudio/index2.ts",
    ]  # fmt: skip
    listed = parse(at.text(row, "master.m3u8"))
    assert isinstance(listed, Master)
    assert [(v.uri, v.resolution) for v in listed.variants] == [("v1/index.m3u8", (640, 360))]
    media = parse(at.text(row, "v1/index.m3u8"))
    assert isinstance(media, Media)
    assert (media.kind, media.ended) == ("VOD", True)
    assert media.duration_s == pytest.approx(3, abs=0.05)

    assert at.depths() == (0, 0, 0)
    assert at.work_files() == []
    said = "\n".join(caplog.messages)
    for line in (
        f"[HANDLER] Starting video processing video_id={row.id} job_id=encode:{row.id}",
        f"[HANDLER] Lock acquired, marking as PROCESSING video_id={row.id}",
        f"[HANDLER] Starting process_fn video_id={row.id}",
        f"[TRANSCODER] Starting ffmpeg for video_id={row.id} cmd=",
        f"[PROCESSOR] Transcode progress video_id={row.id} current=",
        f"[HANDLER] process_fn completed video_id={row.id} hls_path={master} duration=3",
        f"Video processing completed: video_id={row.id}, duration=3",
        f"VIDEO_ENCODING_DURATION | video_id={row.id} | duration_sec=",
        f"R2_RAW_KEPT | video_id={row.id}",
    ):
        assert line in said


def test_published_objects_have_the_contracts_types_and_cache_rules(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)
    at.handle(row)
    told = {}
    for name in ("master.m3u8", "v1/index.m3u8", "v1/index0.ts", "thumbnail.jpg"):
        head = at.stores.r2.head(at.bucket, at.folder(row) + name)
        assert head is not None
        told[name] = (head.content_type, head.cache_control)
    assert told == {
        "master.m3u8": ("application/vnd.apple.mpegurl", "no-cache"),
        "v1/index.m3u8": ("application/vnd.apple.mpegurl", "no-cache"),
        "v1/index0.ts": ("video/MP2T", "public, max-age=31536000, immutable"),
        "thumbnail.jpg": ("image/jpeg", "public, max-age=604800"),
    }

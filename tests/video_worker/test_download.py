"""The upload comes down whole, or the job says why not (contract 11 #43)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.errors import Stopping, WorkFailed
from academyctl.stores import Stores
from academyctl.stores.r2 import R2, Head
from tests.video_worker.tools import cutting_proxy, with_settings
from workers.video.download import download
from workers.video.workdir import require_space

KEY = "tenants/1/video/raw/1/upload.mp4"
BODY = random.Random(5).randbytes(3_000_000)


@pytest.fixture
def head(stores: Stores) -> Head:
    bucket = stores.settings.r2.video_bucket
    stores.r2.put(bucket, KEY, BODY)
    found = stores.r2.head(bucket, KEY)
    assert found is not None
    return found


def fetch(
    stores: Stores,
    r2: R2,
    head: Head,
    target: Path,
    *,
    seen: list[int] | None = None,
    wait: Callable[[float], None] = lambda _s: None,
) -> None:
    settings = with_settings(
        stores.settings, "video", backoff_base_s=0.001, backoff_cap_s=0.01, download_chunk_bytes=65536
    )
    download(
        r2, stores.settings.r2.video_bucket, head, target, video_id=1, settings=settings.video,
        on_progress=lambda done, _all: seen.append(done) if seen is not None else None, wait=wait, rng=random.Random(1),
    )  # fmt: skip


def through(stores: Stores, url: str) -> R2:
    return R2(with_settings(stores.settings, "r2", endpoint=url).r2)


def test_a_cut_download_is_resumed_and_comes_out_whole(stores: Stores, head: Head, tmp_path: Path) -> None:
    seen: list[int] = []
    with cutting_proxy(stores.settings.r2.endpoint, lambda n: 700_000 if n < 3 else None) as url:
        fetch(stores, through(stores, url), head, tmp_path / "source.mp4", seen=seen)
    assert (tmp_path / "source.mp4").read_bytes() == BODY
    assert not (tmp_path / "source.mp4.part").exists()
    assert seen == sorted(seen), "resumed, so nothing is fetched twice"
    assert len(seen) > 20


def test_a_download_that_never_ends_whole_is_never_taken_for_whole(stores: Stores, head: Head, tmp_path: Path) -> None:
    wire = cutting_proxy(stores.settings.r2.endpoint, lambda n: 500_000 if n == 0 else 300)
    with wire as url, pytest.raises(WorkFailed, match=r"download failed: .*upload\.mp4"):
        fetch(stores, through(stores, url), head, tmp_path / "source.mp4")
    assert not (tmp_path / "source.mp4").exists()


def test_an_upload_replaced_meanwhile_is_an_error_not_a_mixture(stores: Stores, head: Head, tmp_path: Path) -> None:
    bucket = stores.settings.r2.video_bucket

    def replace_once(seconds: float) -> None:
        if seconds > 0:
            stores.r2.put(bucket, KEY, random.Random(6).randbytes(len(BODY)))

    wire = cutting_proxy(stores.settings.r2.endpoint, lambda n: 700_000 if n < 1 else None)
    with wire as url, pytest.raises(WorkFailed, match="replaced while it was read"):
        fetch(stores, through(stores, url), head, tmp_path / "source.mp4", wait=replace_once)
    assert not (tmp_path / "source.mp4").exists()


def test_an_upload_deleted_meanwhile_is_a_clear_error(stores: Stores, head: Head, tmp_path: Path) -> None:
    stores.r2.delete(stores.settings.r2.video_bucket, [KEY])
    with pytest.raises(WorkFailed, match="deleted while it was read"):
        fetch(stores, stores.r2, head, tmp_path / "source.mp4")


def test_a_download_stops_between_two_chunks_when_the_job_is_stopped(
    stores: Stores, head: Head, tmp_path: Path
) -> None:
    chunks = 0

    def stop_soon(seconds: float) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 3:
            raise Stopping("the worker is shutting down")

    with pytest.raises(Stopping):
        fetch(stores, stores.r2, head, tmp_path / "source.mp4", wait=stop_soon)
    assert (tmp_path / "source.mp4.part").stat().st_size < len(BODY)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_clear_error(stores: Stores, head: Head, tmp_path: Path) -> None:
    (tmp_path / "source.mp4.part").symlink_to("/dev/full")
    with pytest.raises(WorkFailed, match="the disk is full") as caught:
        fetch(stores, stores.r2, head, tmp_path / "source.mp4")
    assert "VIDEO_WORKER_TEMP_DIR" in caught.value.remedy_in("en")


def test_too_little_space_is_said_before_a_byte_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"the disk is full.*needs 1064 MiB, free are 100 MiB"):
        require_space(tmp_path, 1000 * 2**20, "the upload of video 7", free=lambda _folder: 100 * 2**20)

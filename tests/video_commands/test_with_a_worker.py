"""The commands against a real worker: its marks are understood, its work is followed, stopped and verified."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.local.platform_api import Upload, upload_lecture
from academyctl.stores import Stores
from academyctl.video_follow import End, Progress, follow
from academyctl.video_state import Video, gather
from tests.clips import ff
from tests.conftest import eventually, make_session
from tests.video_commands.conftest import Cli

SECONDS = 20


@pytest.fixture(scope="session")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that something can happen while it is encoded."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ff(
        ffmpeg, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30", "-f", "lavfi", "-i", "sine=f=300:r=48000",
        "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path,
    )  # fmt: skip
    return path


@pytest.fixture
def upload(stores: Stores, clip: Path) -> Upload:
    make_session(stores)
    return upload_lecture(stores, clip, title="1강")


@pytest.fixture
def worker(platform_env: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`academyctl worker run video`, ended in order at the test's end."""
    env = {
        **os.environ,
        **platform_env,
        "VIDEO_WORKER_TEMP_DIR": str(tmp_path / "work"),
        "ACADEMYCTL_HEALTH_FILE": str(tmp_path / "health"),
        "ACADEMYCTL_WAIT_SECONDS": "1",
        # Short, so that the heartbeat (a third of it) tells soon what runs.
        "ACADEMYCTL_VIDEO_LEASE": "6",
    }
    argv = [sys.executable, "-m", "academyctl", "worker", "run", "video", "--grace", "0"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def running(stores: Stores, upload: Upload) -> Video | None:
    """The video once its worker says that it runs it, and FFmpeg does."""
    (video,) = gather(stores, [upload.video_id], objects=False).videos
    transcoding = video.keys is not None and (video.keys.progress or {}).get("step") == "transcoding"
    return video if video.worker is not None and video.worker.has_it and transcoding else None


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_run_is_seen_protected_stopped_by_a_retry_and_done_again(
    cli: Cli, stores: Stores, upload: Upload, worker: subprocess.Popen[bytes]
) -> None:
    video: Video = eventually(lambda: running(stores, upload), timeout=60)
    assert video.keys is not None
    assert video.keys.lock is not None
    assert video.keys.lock.owner is not None
    assert video.row is not None
    assert video.worker is not None
    assert video.keys.lock.owner.token == video.row.leased_by
    assert video.keys.lock.owner.pid == video.worker.pid == worker.pid
    for words in (("unlock", "--apply"), ("enqueue",)):
        assert cli("video", words[0], upload.video_id, *words[1:]).code == 1
    ran = cli("video", "status", upload.video_id, "-o", "json").json["videos"][0]
    assert ran["worker"]["pid"] == worker.pid
    assert len(ran["alive"]) == 3

    assert cli("video", "retry", upload.video_id).code == 0
    first = video.row.leased_by
    again: Video = eventually(
        lambda: (now := running(stores, upload)) and now.row and now.row.leased_by not in ("", first) and now,
        timeout=90,
    )
    assert again.keys is not None
    assert stores.redis.get(keys.video_cancel(upload.tenant_id, upload.video_id)) is None
    ran = cli("video", "progress", upload.video_id, "--watch", "--timeout", "120")
    assert (ran.code, ran.out) == (0, "READY  100 %\n")
    assert "transcoding" in ran.err
    checked = cli("video", "verify", upload.video_id, "--decode", "-o", "json").json["videos"][0]
    assert checked["problems"] == []
    assert [r["name"] for r in checked["renditions"]] == ["v1", "v2", "vaudio"]
    assert [r["decoded_s"] for r in checked["renditions"]] == pytest.approx([SECONDS] * 3, abs=0.1)


@pytest.mark.timeout(180)
@pytest.mark.skipif(os.name == "nt", reason="a process cannot be killed so on Windows")
def test_the_lock_of_a_worker_that_was_just_killed_goes_only_by_force(
    cli: Cli, stores: Stores, upload: Upload, worker: subprocess.Popen[bytes]
) -> None:
    eventually(lambda: running(stores, upload), timeout=60)
    worker.kill()
    worker.wait()
    # Right after its death its marks still live, and nobody can tell that from a worker that is busy.
    assert cli("video", "unlock", upload.video_id, "--apply").code == 1
    forced = cli("video", "unlock", upload.video_id, "--apply", "--force", "-o", "json")
    assert forced.code == 0
    assert len(forced.json["videos"][0]["changes"]) == 2
    (video,) = gather(stores, [upload.video_id], objects=False).videos
    assert video.keys is not None
    assert video.keys.lock is None
    assert video.row is not None
    assert (video.row.leased_by, video.row.status) == ("", "PROCESSING")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_following_shows_progress_that_never_falls(
    stores: Stores, upload: Upload, worker: subprocess.Popen[bytes]
) -> None:
    seen: list[Progress] = []
    stop = threading.Event()
    end, last = follow(stores, upload.tenant_id, upload.video_id, on_update=seen.append, stop=stop, timeout_s=150)
    assert end is End.READY
    assert last.hls_path == keys.hls_master(upload.tenant_id, upload.video_id)
    percents = [now.percent for now in seen if now.percent is not None]
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    assert {"UPLOADED", "PROCESSING", "READY"} >= {now.status for now in seen}

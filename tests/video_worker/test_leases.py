"""Leases in real processes: renewed while the job runs, free soon after its worker was killed (contract 11 #6, #24)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.hls_verify import verify
from academyctl.media_tools import find_ffmpeg
from tests.conftest import eventually
from tests.video_worker.tools import Bench

Make = Callable[..., Bench]

_WORKER = """
from academyctl.settings import load
from academyctl.stores import Stores
from workers._loop import RunOptions, run
from workers.video import worker
stores = Stores(load().settings)
raise SystemExit(run(worker(stores.settings), stores, RunOptions(wait_s=1, grace_s=1)))
"""


@contextmanager
def running(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own."""
    with log.open("ab") as stream, subprocess.Popen([sys.executable, "-c", _WORKER], env=env, stderr=stream) as worker:
        try:
            yield worker
        finally:
            worker.kill()


@pytest.fixture
def env(platform_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        **platform_env,
        "VIDEO_WORKER_TEMP_DIR": str(tmp_path / "work"),
        "ACADEMYCTL_HEALTH_FILE": str(tmp_path / "health.json"),
        "ACADEMYCTL_VIDEO_VISIBILITY": "3",
        "ACADEMYCTL_VIDEO_LEASE": "3",
        "VIDEO_PRESET": "fast",
        "HLS_TIME_SECONDS": "1",
    }


def test_a_job_longer_than_its_leases_keeps_them(bench: Make, long_clip: Path) -> None:
    """Defects 6 and 24: the lock was never renewed; a long visibility hid a killed worker's message for hours."""
    at = bench(lease_s=2, visibility_s=2)
    row = at.upload(long_clip)
    at.send(row)
    began = time.monotonic()
    seen: list[tuple[bool, bool, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            now = at.row(row)
            if now.status == "PROCESSING":
                lock = at.stores.redis.ttl(keys.encode_lock(row.id))
                seen.append((now.leased, lock != -2, at.depths()[0]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert at.once() == 0
    finally:
        over.set()
        watcher.join()
    assert at.row(row).status == "READY"
    assert time.monotonic() - began > 4
    assert len(seen) > 20
    # The very end, between dropping the lease's renewal and READY, is allowed to be seen without the lock.
    assert set(seen[:-3]) == {(True, True, 0)}


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_workers_video_is_finished_by_another_within_its_leases(
    bench: Make, env: dict[str, str], long_clip: Path, tmp_path: Path
) -> None:
    """Defects 2 and 24: a killed worker's message was invisible for six hours and its lock held for four."""
    at = bench()
    row = at.upload(long_clip)
    at.send(row)
    with running(env, tmp_path / "first.log") as first:
        eventually(lambda: [name for name in at.names(row) if name.endswith("index2.ts")], timeout=60)
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert at.row(row).status == "PROCESSING"
    left = list((tmp_path / "work").iterdir())
    assert len(left) == 1
    with running(env, tmp_path / "second.log") as second:
        eventually(lambda: at.row(row).status == "READY", timeout=90)
        eventually(lambda: at.depths() == (0, 0, 0), timeout=10)
        second.terminate()
        assert second.wait(15) == 0
    assert verify(at.stores, at.row(row), ffmpeg=find_ffmpeg()).problems == ()
    assert list((tmp_path / "work").iterdir()) == []
    assert at.stores.redis.scan("job:*") == []
    assert at.depths(at.queue + "-dlq") == (0, 0, 0)


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM")
def test_sigterm_in_the_middle_of_an_encode_gives_everything_back(
    bench: Make, env: dict[str, str], long_clip: Path, tmp_path: Path
) -> None:
    at = bench()
    row = at.upload(long_clip)
    at.send(row)
    with running({**env, "ACADEMYCTL_VIDEO_VISIBILITY": "600"}, tmp_path / "worker.log") as worker:
        eventually(lambda: (at.progress(row) or {}).get("step") == "transcoding", timeout=60)
        worker.terminate()
        assert worker.wait(15) == 0
    now = at.row(row)
    assert (now.status, now.leased_by) == ("UPLOADED", "")
    assert at.stores.redis.scan("job:*") == []
    assert list((tmp_path / "work").iterdir()) == []
    eventually(lambda: at.depths()[0] == 1, timeout=5)

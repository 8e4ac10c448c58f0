"""What the worker costs on top of FFmpeg: the same graph on the same lecture, raw and through the worker, interleaved.

    python -m tests.bench.bench_worker [--seconds 60] [--rounds 3]

CPU is user+sys of the whole process tree (wait4); wall is the job's own duration as its log line says, so that
neither holds the start of Python, which is printed apart. Upload, thumbnail, checks and database are all in.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from academyctl.contract import keys, logtokens
from academyctl.local.clip import lecture
from academyctl.local.platform_api import upload_lecture
from academyctl.local.stack import LocalStack
from academyctl.media_tools import find_ffmpeg, find_ffprobe
from academyctl.settings import load
from academyctl.stores import Stores
from workers.video.graph import command
from workers.video.ladder import ladder
from workers.video.probe import probe


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds; `first_s` is when the master could be fetched, counted from the job's receipt."""

    cpu_s: float
    wall_s: float
    first_s: float = 0.0


def raw(clip: Path, folder: Path) -> Cost:
    """FFmpeg alone with the worker's own graph."""
    source = probe(clip, ffprobe=find_ffprobe())
    renditions = ladder(source)
    for rendition in renditions:
        (folder / rendition.directory).mkdir(parents=True, exist_ok=True)
    argv = command(source, renditions, ffmpeg=find_ffmpeg(), out_dir=folder, preset="balanced", segment_s=4)
    begun = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cpu, code = reap(process)
    assert code == 0, argv
    return Cost(cpu, time.monotonic() - begun)


def worker(env: dict[str, str], stores: Stores, clip: Path, log: Path) -> Cost:
    """The same through `worker run video --once`, beginning with the API's own upload and message."""
    upload = upload_lecture(stores, clip, title="bench")
    master = keys.hls_master(upload.tenant_id, upload.video_id)
    seen: list[float] = []
    ended = threading.Event()

    def wait_for_master() -> None:
        while not ended.wait(0.1):
            if not seen and stores.r2.head(stores.settings.r2.video_bucket, master) is not None:
                seen.append(time.time())

    watcher = threading.Thread(target=wait_for_master)
    watcher.start()
    cpu, _ = run_worker(env, log, "--once")
    ended.set()
    watcher.join()
    text = log.read_text(encoding="utf-8")
    done = [fields for line in text.splitlines() if (fields := logtokens.COMPLETED.parse(line))][-1]
    wall = float(done["processing_duration"])
    # The job ended when its line was written; the worker then only said good-bye.
    return Cost(cpu, wall, wall - (log.stat().st_mtime - seen[0]) if seen else float("nan"))


def run_worker(env: dict[str, str], log: Path, *words: str) -> tuple[float, float]:
    begun = time.monotonic()
    with log.open("ab") as stream:
        argv = [sys.executable, "-m", "academyctl", "worker", "run", "video", *words]
        process = subprocess.Popen(argv, env=env, stdout=stream, stderr=stream)
    cpu, code = reap(process)
    assert code == 0, log.read_text(encoding="utf-8")[-2000:]
    return cpu, time.monotonic() - begun


def reap(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """CPU seconds of a process and everything it waited for, and its exit code."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, process.returncode


@contextmanager
def stack(folder: Path) -> Iterator[tuple[dict[str, str], Stores]]:
    running = LocalStack(folder / "stack")
    running.up()
    env = {
        **os.environ,
        "ACADEMYCTL_LOCAL_DIR": str(running.folder),
        "ACADEMYCTL_PROFILE": "local",
        "ACADEMYCTL_HEALTH_FILE": str(folder / "health.json"),
        "VIDEO_WORKER_TEMP_DIR": str(folder / "work"),
        "VIDEO_PRESET": "balanced",
    }
    stores = Stores(load({}, overlay=running.env()).settings)
    try:
        yield env, stores
    finally:
        stores.close()
        running.down(wipe=True)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=int, default=60)
    words.add_argument("--rounds", type=int, default=3)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name, stack(Path(name)) as (env, stores):
        folder = Path(name)
        clip = lecture(find_ffmpeg(), folder / "lecture.mp4", seconds=given.seconds)
        boot = statistics.median(run_worker(env, folder / "boot.log", "--drain")[0] for _ in range(3))
        pairs = []
        for number in range(given.rounds):
            one = raw(clip, folder / f"raw{number}")
            two = worker(env, stores, clip, folder / f"worker{number}.log")
            pairs.append((one, two))
            ours = f"worker {two.cpu_s:.2f} CPU-s (start {boot:.2f}) {two.wall_s:.2f} s, first {two.first_s:.2f} s"
            print(f"round {number + 1}: raw {one.cpu_s:.2f} CPU-s {one.wall_s:.2f} s   {ours}")
        cpu = statistics.median((two.cpu_s - boot) / one.cpu_s for one, two in pairs)
        whole = statistics.median(two.cpu_s / one.cpu_s for one, two in pairs)
        wall = statistics.median(two.wall_s / one.wall_s for one, two in pairs)
        first = statistics.median(two.first_s / two.wall_s for _, two in pairs)
        print(f"worker / raw FFmpeg over {given.seconds} s of lecture, median of {given.rounds} rounds:")
        print(f"  CPU {cpu:.3f} x (with the start of Python {whole:.3f} x)   wall {wall:.3f} x   (goal 1.05)")
        print(f"  first playable after {first:.1%} of the job's wall time (goal 20 %)")


if __name__ == "__main__":
    main()

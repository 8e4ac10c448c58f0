"""Running FFmpeg: progress, checks, stalls, limits, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from academyctl.errors import AcademyError, Cancelled, LeaseLost, Stopping
from tests.video_media.conftest import LIMITS
from workers.video._media_errors import DiskFull, EncodeFailed, MediaRefused
from workers.video.ffmpeg import RunResult, judge_decoding, run, tidy
from workers.video.graph import command
from workers.video.ladder import ladder
from workers.video.limits import Limits
from workers.video.probe import Source

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and resource limits are POSIX")
SAID = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+verbose", "-progress", "pipe:1"]
CODEC = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]


def endless(ffmpeg: Path, *, pace: str = "-re") -> list[str]:
    """A run that would last an hour."""
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3600"]
    return [str(ffmpeg), *([pace] if pace else []), *source, *SAID, *CODEC, "-f", "null", "-"]


def fake(tmp_path: Path, script: str) -> list[str]:
    """A program that says what FFmpeg might."""
    path = tmp_path / "fake.py"
    path.write_text("import os, sys, time\n" + script, encoding="utf-8")
    return [sys.executable, str(path)]


OLDER: set[int] = set()


@pytest.fixture(autouse=True)
def older() -> None:
    """The processes that have nothing to do with the test."""
    OLDER.clear()
    OLDER.update(child.pid for child in psutil.Process().children(recursive=True))


def go(argv: list[str], out_dir: Path, limits: Limits = LIMITS, **options: object) -> RunResult:
    return run(argv, out_dir=out_dir, limits=limits, duration_s=10, **options)  # type: ignore[arg-type]


def children() -> list[psutil.Process]:
    """What was started since the test began; the services of the local stack are children of this process, too."""
    own = psutil.Process().children(recursive=True)
    return [child for child in own if child.pid not in OLDER and child.status() != psutil.STATUS_ZOMBIE]


def gone(pid: int, *, within_s: float = 5) -> bool:
    """Whether a process ends in time; one that nobody has reaped yet has ended."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_run_tells_its_progress_and_its_cost(look: Callable[[str], Source], ffmpeg: Path, tmp_path: Path) -> None:
    source, told, checks = look("plain"), list[tuple[float, float]](), list[float]()
    argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, limits=LIMITS)
    result = go(
        argv,
        tmp_path,
        on_progress=lambda at, speed: told.append((at, speed)),
        check=lambda: checks.append(time.monotonic()),
    )
    assert told[-1][0] == pytest.approx(3, abs=0.1)
    assert result.frames == result.decoded_frames == 90
    assert result.out_time_s == told[-1][0]
    assert result.decode_errors == result.corrupt_frames == 0
    assert result.cpu_s > 0.05
    assert result.wall_s > 0
    assert max(b - a for a, b in pairwise(checks)) < 1


def test_progress_never_goes_backwards(tmp_path: Path) -> None:
    """Contract 11 #32: the muxers' flush near the end took it from 84 to 80, and 'N/A' is no number."""
    script = (
        "for at in ('N/A', '1000000', '-500', '8400000', '8000000', 'N/A', '9000000'):\n"
        "    print(f'frame=1\\nout_time_us={at}\\nspeed=N/A\\nprogress=continue', flush=True)\n"
        "    time.sleep(0.25)\n"
    )
    told: list[float] = []
    go(fake(tmp_path, script), tmp_path, on_progress=lambda at, speed: told.append(at))
    assert told == sorted(told)
    assert told[-1] == 9.0


def test_a_run_that_stops_moving_is_killed(ffmpeg: Path, tmp_path: Path) -> None:
    """Contract 11 #40: the old timeout extended itself for ever. Here FFmpeg is frozen in the middle."""
    frozen: list[int] = []

    def freeze(at: float, speed: float) -> None:
        if at > 0 and not frozen:
            (child,) = children()
            child.suspend()
            frozen.append(child.pid)

    with pytest.raises(EncodeFailed) as failed:
        go(endless(ffmpeg), tmp_path, replace(LIMITS, stall_s=1), on_progress=freeze)
    assert failed.value.reason == "stalled"
    assert frozen
    assert gone(frozen[0])


def test_a_run_that_never_says_anything_is_killed_too(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(EncodeFailed, match="no progress"):
        go(fake(tmp_path, "time.sleep(60)"), tmp_path, replace(LIMITS, stall_s=0.5))
    assert time.monotonic() - started < 5
    assert children() == []


def test_slow_progress_is_not_a_stall(tmp_path: Path) -> None:
    script = "for n in range(6):\n    print(f'out_time_us={n}', flush=True)\n    time.sleep(0.3)\n"
    go(fake(tmp_path, script), tmp_path, replace(LIMITS, stall_s=0.9))


@pytest.mark.parametrize("error", [Cancelled("retry"), Stopping("SIGTERM"), LeaseLost("taken")])
def test_a_check_that_raises_kills_ffmpeg_within_a_second(ffmpeg: Path, tmp_path: Path, error: AcademyError) -> None:
    raised: list[float] = []
    running: list[psutil.Process] = []

    def check() -> None:
        running[:] = children() or running
        if running and time.time() - running[0].create_time() > 0.4:
            raised.append(time.monotonic())
            raise error

    with pytest.raises(type(error)):
        go(endless(ffmpeg), tmp_path, check=check)
    assert time.monotonic() - raised[0] < 1
    assert not any(process.is_running() for process in running)


@posix
def test_ffmpeg_does_not_outlive_a_worker_that_was_killed(ffmpeg: Path, tmp_path: Path) -> None:
    """It would encode on to the end by itself: it does not mind a progress pipe without a reader."""
    if sys.platform != "linux":
        pytest.skip("the kernel of this system cannot tie a child to its parent")
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom workers.video.ffmpeg import run\n"
        "from workers.video.limits import Limits\n"
        "run(sys.argv[1:], out_dir=Path('.'), limits=Limits(min_free_bytes=0), duration_s=10,\n"
        "    on_progress=lambda at, speed: print(at, flush=True))\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[2]
    worker = subprocess.Popen(
        [sys.executable, script, *endless(ffmpeg)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        encoders = psutil.Process(worker.pid).children(recursive=True)
        assert encoders
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(timeout=5)
        assert all(gone(encoder.pid) for encoder in encoders)


@posix
def test_cpu_time_is_bounded_by_the_kernel(ffmpeg: Path, tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed) as failed:
        go(endless(ffmpeg, pace=""), tmp_path, replace(LIMITS, cpu_base_s=1, cpu_s_per_media_s=0))
    assert failed.value.reason == "cpu_limit"


@posix
def test_a_file_cannot_grow_beyond_its_bound(ffmpeg: Path, tmp_path: Path) -> None:
    argv = [*endless(ffmpeg, pace="")[: -len(CODEC) - 3], "-f", "rawvideo", "-y", str(tmp_path / "big.yuv")]
    with pytest.raises(EncodeFailed) as failed:
        go(argv, tmp_path, replace(LIMITS, max_file_bytes=1_000_000))
    assert failed.value.reason == "file_limit"
    assert (tmp_path / "big.yuv").stat().st_size <= 1_000_000


def test_a_disk_that_fills_up_is_its_own_error(ffmpeg: Path, tmp_path: Path) -> None:
    """Measured: with no room left FFmpeg's HLS muxer writes empty segments and ends with status 0."""
    with pytest.raises(DiskFull) as full:
        go(endless(ffmpeg), tmp_path, replace(LIMITS, min_free_bytes=2**62))
    assert full.value.reason == "disk_full"
    assert "VIDEO_WORKER_TEMP_DIR" in full.value.remedy_in("ko")
    assert children() == []


def test_ffmpegs_own_word_of_a_full_disk_is_understood(tmp_path: Path) -> None:
    script = "print('[out#0/hls] [error] Error writing: No space left on device', file=sys.stderr)\nsys.exit(228)\n"
    with pytest.raises(DiskFull, match="disk is full"):
        go(fake(tmp_path, script), tmp_path)


def test_a_failure_carries_ffmpegs_last_words_without_paths_and_secrets(tmp_path: Path) -> None:
    script = (
        "print('[info] Stream mapping', file=sys.stderr)\n"
        "print('[mov @ 0x55aa] [error] /srv/secret/place/source.mp4: bad box', file=sys.stderr)\n"
        "print('[fatal] https://r2.example/x.mp4?X-Amz-Signature=abcdef: 403', file=sys.stderr)\n"
        "sys.exit(187)\n"
    )
    with pytest.raises(EncodeFailed) as failed:
        go(fake(tmp_path, script), tmp_path)
    error = failed.value
    assert (error.reason, error.returncode) == ("encode_failed", 187)
    assert error.stderr_tail == ("[mov] [error] source.mp4: bad box", "[fatal] https://r2.example/x.mp4?… 403")
    assert "status 187" in error.error_reason
    assert "secret" not in str(error) + "".join(error.stderr_tail)


def test_lines_are_tidied_on_windows_too() -> None:
    assert tidy(r"[error] C:\Users\kim\AppData\Local\Temp\source.mp4: bad") == "[error] source.mp4: bad"
    assert tidy("[error] file:/tmp/강의/source.mp4: bad") == "[error] source.mp4: bad"


@pytest.mark.parametrize(("bad", "refused"), [(0, False), (2, False), (49, False), (51, True)])
def test_too_many_broken_frames_are_a_damaged_upload(bad: int, refused: bool) -> None:
    result = RunResult(1, 1, 1000, 1000, decode_errors=0, corrupt_frames=bad, out_time_s=33)
    if not refused:
        judge_decoding(result, LIMITS)
        return
    with pytest.raises(MediaRefused) as damaged:
        judge_decoding(result, LIMITS)
    assert damaged.value.reason == "damaged_source"


def test_a_missing_ffmpeg_says_so(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed) as failed:
        go([str(tmp_path / "nowhere")], tmp_path)
    assert failed.value.reason == "no_ffmpeg"


@posix
def test_ffmpeg_gets_none_of_our_environment(tmp_path: Path) -> None:
    script = "print('[error] ' + ' '.join(sorted(os.environ)), file=sys.stderr)\nsys.exit(1)\n"
    os.environ["R2_SECRET_KEY"] = "do-not-tell"
    try:
        with pytest.raises(EncodeFailed) as failed:
            go(fake(tmp_path, script), tmp_path)
    finally:
        del os.environ["R2_SECRET_KEY"]
    assert "R2_SECRET_KEY" not in failed.value.stderr_tail[-1]
    assert "PATH" in failed.value.stderr_tail[-1]

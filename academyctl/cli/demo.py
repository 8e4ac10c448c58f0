"""`academyctl demo`: one lecture from upload to playable HLS on the embedded stack, and the proof that it is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from academyctl.cli._common import session
from academyctl.errors import WorkFailed

app = typer.Typer(help="Encode a real lecture on the local stack and check the result.", add_completion=False)

TOLERANCE_S = 0.1

Keep = Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards.")]
Seconds = Annotated[int, typer.Option("--seconds", min=2, max=3600, help="Length of the sample lecture.")]


@app.command()
def demo(ctx: typer.Context, seconds: Seconds = 60, keep: Keep = False) -> None:
    """Start the stack, encode and verify a lecture, mend what is stuck, enrol a class list, text, diagnose, stop."""
    started = time.monotonic()
    # A folder of its own: the demo must not meet, or stop, a stack that somebody works with.
    with tempfile.TemporaryDirectory(prefix="academyctl-demo-", ignore_cleanup_errors=True) as folder:
        env = {**os.environ, "ACADEMYCTL_LOCAL_DIR": os.environ.get("ACADEMYCTL_LOCAL_DIR", folder) if keep else folder}
        env |= {"ACADEMYCTL_PROFILE": "local", "ACADEMYCTL_LANG": session(ctx).lang}
        env["VIDEO_WORKER_TEMP_DIR"] = str(Path(folder) / "work")
        env["ACADEMYCTL_HEALTH_FILE"] = str(Path(folder) / "health.json")
        try:
            _say("1/9  start PostgreSQL, Redis, SQS and S3 on this machine")
            _cli(env, "local", "up")
            _show(Path(folder), env, seconds)
            _mend(env)
            _enrol(env)
            _text(env)
            _say("9/9  diagnose the stack")
            _cli(env, "diagnose", "all")
        finally:
            if not keep:
                _cli(env, "local", "down", "--wipe", check=False)
    _say(f"done in {time.monotonic() - started:.0f} s")


def _show(folder: Path, env: dict[str, str], seconds: int) -> None:
    from academyctl.local import profile_env
    from academyctl.local.clip import lecture
    from academyctl.local.platform_api import upload_lecture
    from academyctl.media_tools import find_ffmpeg
    from academyctl.settings import load
    from academyctl.stores import Stores

    stack = profile_env(Path(env["ACADEMYCTL_LOCAL_DIR"]))
    stores = Stores(load(env, profile="local", overlay=stack).settings)
    try:
        _say(f"2/9  make a {seconds} s lecture (1080p, sound) with FFmpeg")
        clip = lecture(find_ffmpeg(stores.settings.video.ffmpeg_bin), folder / "lecture.mp4", seconds=seconds)
        _say(f"3/9  upload {clip.stat().st_size / 1e6:.1f} MB and enqueue it as the platform's API does")
        upload = upload_lecture(stores, clip, title="academyctl demo")
        _say(f"4/9  encode video {upload.video_id}: academyctl worker run video --once")
        begun = time.monotonic()
        with _worker(env, folder) as worker:
            _follow(stores, upload.tenant_id, upload.video_id, worker)
        took = time.monotonic() - begun
        _say("5/9  check what was published: every segment there, every rendition decoded to its end")
        _report(stores, upload.video_id, seconds, took)
    finally:
        stores.close()


def _mend(env: dict[str, str]) -> None:
    """The sample data holds what a killed worker and a lost message leave behind: found, mended, encoded."""
    from academyctl.local import profile_env
    from academyctl.settings import load
    from academyctl.stores import Stores

    stores = Stores(load(env, profile="local", overlay=profile_env(Path(env["ACADEMYCTL_LOCAL_DIR"]))).settings)
    try:
        left = stores.db.query("SELECT id, status FROM video_video WHERE status IN ('PROCESSING', 'UPLOADED')")
        ids = {row["status"]: str(row["id"]) for row in left}
    finally:
        stores.close()
    _say(f"6/9  a worker was killed and left video {ids['PROCESSING']} behind: academyctl video stuck, then fix")
    _cli(env, "video", "stuck", *ids.values(), check=False)
    _cli(env, "fix", "video", ids["PROCESSING"], "--apply")
    _cli(env, "video", "enqueue", ids["UPLOADED"])
    _quietly(env, "worker", "run", "video", "--drain")
    _cli(env, "video", "stuck", *ids.values())


def _enrol(env: dict[str, str]) -> None:
    """A class list with one bad phone: the job is asked for as the API does, worked on, and its report shown."""
    from academyctl import output
    from academyctl.job_status import ended_text
    from academyctl.local import profile_env
    from academyctl.local.sample_jobs import ROSTER_FILE
    from academyctl.settings import load
    from academyctl.stores import Stores, ai_requests

    roster = Path(env["ACADEMYCTL_LOCAL_DIR"]) / ROSTER_FILE
    _say(f"7/9  enrol the class list {roster.name}: academyctl job enqueue excel, worker run ai")
    words = ("--tenant", "demo", "--lecture", "1", "--partial", "--no-check", "--password-stdin", "--apply")
    said = _quietly(env, "--output", "json", "job", "enqueue", "excel", str(roster), *words, stdin="demo1234")
    job_id = json.loads(said)["jobs"][0]["id"]
    _quietly(env, "worker", "run", "ai", "--drain", "--wait", "0")
    stores = Stores(load(env, profile="local", overlay=profile_env(roster.parent)).settings)
    try:
        row = ai_requests.rows(stores.db, [job_id])[job_id]
    finally:
        stores.close()
    output.emit({}, table=lambda: ended_text(row, output.lang()))
    if row.status != "DONE":
        raise WorkFailed(f"the class list was not enrolled: job {job_id} is {row.status}", why=row.reason)


def _text(env: dict[str, str]) -> None:
    """The text that nobody knows of is decided; then an SMS asked for twice, and an LMS: two texts, charged once."""
    from concurrent.futures import ThreadPoolExecutor

    from academyctl.local.sample_texts import KEY
    from academyctl.local.stack import LocalStack

    _say("8/9  decide about a text that nobody knows of, send others: academyctl message resolve, message send")
    _cli(env, "message", "resolve", KEY, "--check", "--apply")
    notice = "[데모 학원] 3월 수업 안내입니다. 교재와 시간표를 확인해 주세요. " * 3
    sms = ("--to", "01000000001", "--text", "[데모 학원] 출석이 확인되었습니다.", "--key", "demo-attendance")
    lms = ("--to", "01000000002", "--text", notice, "--key", "demo-notice")
    with ThreadPoolExecutor() as pool:
        wanted = (("message", "send", "--tenant", "demo", *words, "--apply") for words in (sms, lms, sms))
        list(pool.map(lambda words: _quietly(env, *words), wanted))
    _quietly(env, "worker", "run", "messaging", "--drain", "--wait", "0")
    inbox = LocalStack(Path(env["ACADEMYCTL_LOCAL_DIR"])).inbox()
    kinds = sorted(str(one["type"]) for one in inbox)
    _say(f"three messages, one of them twice: Solapi has {len(inbox)} texts ({', '.join(kinds)})")
    _cli(env, "credit", "ledger", "demo")
    if kinds != ["LMS", "SMS"]:
        raise WorkFailed(f"the texts did not arrive once each: {kinds}")


def _quietly(env: dict[str, str], *words: str, stdin: str = "") -> str:
    """Stdout of a command whose output nobody needs to see. Raises WorkFailed with its last words."""
    done = subprocess.run(
        [sys.executable, "-m", "academyctl", *words], env=env, check=False, input=stdin, capture_output=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    if done.returncode != 0:
        why = (done.stderr or done.stdout)[-2000:]
        raise WorkFailed(f"academyctl {words[0]} ended with exit code {done.returncode}", why=why)
    return done.stdout


@contextmanager
def _worker(env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "worker.log"
    argv = [sys.executable, "-m", "academyctl", "worker", "run", "video", "--once"]
    with log.open("wb") as stream, subprocess.Popen(argv, env=env, stdout=stream, stderr=stream) as worker:
        try:
            yield worker
            worker.wait(timeout=30)
        finally:
            if worker.poll() is None:
                worker.kill()
    if worker.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise WorkFailed(f"the worker ended with exit code {worker.returncode}", why=tail)


def _follow(stores: Any, tenant_id: int, video_id: int, worker: subprocess.Popen[bytes]) -> None:
    from academyctl.video_report import watch

    ended = threading.Event()

    def until_worker_ends() -> None:
        worker.wait()
        ended.set()

    threading.Thread(target=until_worker_ends, daemon=True).start()
    watch(stores, tenant_id, video_id, stop=ended)


def _report(stores: Any, video_id: int, seconds: int, took: float) -> None:
    from academyctl import output
    from academyctl.video_report import verify_json, verify_rows, verify_text, verify_video

    report = verify_video(stores, video_id, decode=True)
    output.emit(verify_json(report), table=lambda: verify_rows(report))
    output.emit(verify_json(report), table=lambda: verify_text(report, output.lang()))
    row = stores.videos.row(video_id)
    if row is None or row.status != "READY" or not report.ok:
        raise WorkFailed(f"video {video_id} is not what it should be", why=getattr(row, "error_reason", ""))
    lengths = {one.name: one.decoded_s or 0.0 for one in report.renditions}
    far = {name: length for name, length in lengths.items() if abs(length - seconds) > TOLERANCE_S}
    if far:
        raise WorkFailed(f"renditions that do not last {seconds} s: {far}")
    _say(
        f"READY: {seconds} s of 1080p in {took:.1f} s; "
        f"every rendition lasts the source's {seconds} s within {TOLERANCE_S} s"
    )


def _say(text: str) -> None:
    from academyctl import output

    output.note(text)


def _cli(env: dict[str, str], *words: str, check: bool = True) -> None:
    done = subprocess.run([sys.executable, "-m", "academyctl", *words], env=env, check=False)
    if check and done.returncode != 0:
        raise WorkFailed(f"academyctl {' '.join(words)} ended with exit code {done.returncode}")

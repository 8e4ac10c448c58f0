"""`academyctl worker`: words, exit codes, and what operators see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from academyctl.__main__ import main
from academyctl.cli.worker import _line, _threads
from academyctl.errors import UsageError
from academyctl.settings import load
from tests.conftest import eventually
from tests.workers.rig import ROOT, Rig, Seen, make_worker
from workers import _find
from workers import _health as health
from workers._model import Worker

NEEDED = {
    "DB_HOST": "127.0.0.1", "DB_NAME": "academy", "DB_USER": "worker", "DB_PASSWORD": "db-secret", "DB_PORT": "1",
    "R2_ENDPOINT": "http://127.0.0.1:1", "R2_ACCESS_KEY": "r2", "R2_SECRET_KEY": "r2-secret", "R2_BUCKET": "video",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Said]


@pytest.fixture
def academyctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process, with these variables."""

    def run(env: dict[str, str], *words: str) -> Said:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main(words)
        return Said(code, *capsys.readouterr())

    return run


@contextmanager
def video_worker(rig: Rig, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The real command on the video queue; it meets no message, so it needs neither database nor R2."""
    env = {
        **os.environ,
        **rig.env,
        **NEEDED,
        "VIDEO_SQS_QUEUE_NAME": "jobs",
        "VIDEO_WORKER_TEMP_DIR": str(rig.folder / "work"),
        "ACADEMYCTL_HEALTH_FILE": str(rig.folder / "video.health"),
        "ACADEMYCTL_VIDEO_LEASE": "1",
    }
    log = rig.folder / "video.log"
    argv = [sys.executable, "-m", "academyctl", "worker", "run", "video", *options]
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(argv, env=env, cwd=ROOT, stdout=stream, stderr=stream, text=True) as child,
    ):
        try:
            yield child, log
        finally:
            child.kill()


def test_a_word_that_is_no_worker_is_a_usage_error_that_lists_those_that_are(academyctl: Command) -> None:
    done = academyctl({}, "worker", "run", "vido")
    assert done.returncode == 2
    assert "there is no worker 'vido'" in done.stderr
    assert "video" in done.stderr.split("one of: ")[1]


def test_underscore_files_are_machinery_and_no_words() -> None:
    assert "video" in _find.words()
    assert not [word for word in _find.words() if word.startswith("_")]
    with pytest.raises(UsageError):
        _find.make("_loop", load({}).settings)


@pytest.mark.parametrize("word", _find.words())
def test_every_word_makes_a_worker_of_its_name_with_the_guards(word: str, tmp_path: Path) -> None:
    settings = load({**NEEDED, "VIDEO_WORKER_TEMP_DIR": str(tmp_path)}).settings
    made = _find.make(word, settings)
    assert isinstance(made, Worker)
    assert made.kind == word
    # One that takes many at once takes their locks in one go, too.
    locked = [] if made.handle_many else ["locked"]
    assert [guard.__name__ for guard in made.guards] == ["logged", "kept", *locked]


@pytest.mark.parametrize(
    ("usual", "said", "threads"), [(0, {}, 1), (2, {}, 2), (2, {"ACADEMYCTL_CONCURRENCY": "1"}, 1)]
)
def test_a_worker_has_its_usual_threads_unless_the_setting_is_said(
    usual: int, said: dict[str, str], threads: int
) -> None:
    assert _threads(load(said), make_worker(Seen(), threads=usual)) == threads


def test_a_list_of_workers_counts_what_comes_by_the_hundred() -> None:
    beat = {"kind": "messaging", "jobs": [{"tenant_id": 1}] * 20, "running": 200}
    assert _line(beat)[-1] == "200 running"
    assert _line(beat | {"jobs": [{"video_id": 1}, {"video_id": 2}], "running": 2})[-1] == "video_id=1; video_id=2"
    assert _line(beat | {"jobs": [], "running": 0})[-1] == "idle"


def test_every_missing_setting_is_named_in_the_platforms_words_and_the_exit_code_is_1(academyctl: Command) -> None:
    done = academyctl({**NEEDED, "DB_HOST": "", "R2_SECRET_KEY": ""}, "worker", "run", "video")
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("config error:")]
    assert lines == [
        "config error: Missing required env: DB_HOST",
        "config error: Missing required env: R2_SECRET_KEY",
    ]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_command_runs_is_healthy_is_listed_and_stops_in_order(rig: Rig, academyctl: Command) -> None:
    with video_worker(rig, "--log-format", "json") as (child, log):
        rig.receives()
        env = {**rig.env, "ACADEMYCTL_HEALTH_FILE": str(rig.folder / "video.health")}
        eventually(lambda: health.read(rig.folder / "video.health"))
        healthy = academyctl(env, "worker", "health", "video")
        assert (healthy.returncode, "turning" in healthy.stdout) == (0, True)
        listed = json.loads(academyctl(env, "worker", "list", "--output", "json").stdout)
        assert [(one["kind"], one["pid"], one["jobs"]) for one in listed["workers"]] == [("video", child.pid, [])]
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
        assert academyctl(env, "worker", "health", "video").returncode == 1
    first = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
    assert (first["event"], first["queue"], first["worker"]) == ("Video Worker (SQS) started", "jobs", first["worker"])
    assert first["message"].startswith("Video Worker (SQS) started | queue=jobs | wait_time=20s")


@pytest.mark.skipif(os.name == "nt", reason="SIGSTOP")
def test_a_hung_worker_is_not_healthy(rig: Rig) -> None:
    with video_worker(rig) as (child, _):
        file = rig.folder / "video.health"
        eventually(lambda: health.read(file), timeout=20)
        child.send_signal(signal.SIGSTOP)
        document = health.read(file)
        assert document is not None
        wait = 3 * float(document["beat_s"]) + 2
        stopped = time.monotonic()
        eventually(lambda: health.judge(health.read(file), datetime.now(UTC)), timeout=wait + 2)
        assert time.monotonic() - stopped < wait + 2


def test_health_without_any_worker_is_a_failure_in_every_format(tmp_path: Path, academyctl: Command) -> None:
    env = {"ACADEMYCTL_HEALTH_FILE": str(tmp_path / "none")}
    for words in (("worker", "health"), ("worker", "health", "video"), ("worker", "health", "--output", "json")):
        done = academyctl(env, *words)
        assert done.returncode == 1
    assert json.loads(done.stdout)["healthy"] is False


def test_once_on_an_unreachable_queue_could_not_tell(rig: Rig) -> None:
    rig.sqs.mode("AccessDenied")
    with video_worker(rig, "--once") as (child, log):
        assert child.wait(20) == 3
    text = log.read_text(encoding="utf-8")
    assert "AccessDenied" in text
    assert "IAM policy" in text


def test_the_help_loads_no_client_library() -> None:
    code = (
        "import sys\nfrom academyctl.__main__ import main\nmain(['worker', '--help'])\n"
        "print(sorted({'boto3', 'redis', 'psycopg', 'pydantic', 'psutil', 'workers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.strip().endswith("[]")

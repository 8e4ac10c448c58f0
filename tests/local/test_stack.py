"""The stack starts fast, stays alone, survives its starter and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from academyctl.errors import ConfigError
from academyctl.local import processes, profile_env, sample
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores


@pytest.fixture
def other(tmp_path: Path) -> Iterator[LocalStack]:
    running = LocalStack(tmp_path / "other stack")
    yield running
    running.down(wipe=True)


def cli(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ACADEMYCTL_LOCAL_DIR": str(folder)}
    argv = [sys.executable, "-m", "academyctl", *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)


def pids(stack: LocalStack) -> list[int]:
    state = remembered.read(stack.folder)
    return [process.pid for process in state.processes.values()] if state else []


def test_a_second_stack_runs_beside_the_first_and_goes_without_a_trace(stack: LocalStack, other: LocalStack) -> None:
    begun = time.monotonic()
    done = other.up()
    assert time.monotonic() - begun < 10
    assert set(done.started) == {"postgres", "redis", "aws", "solapi"}
    mine, theirs = stack.env(), other.env()
    assert {mine[k] != theirs[k] for k in ("DB_PORT", "REDIS_PORT", "AWS_ENDPOINT_URL", "SOLAPI_BASE_URL")} == {True}
    stores = Stores(load(theirs).settings)
    assert stores.sqs.attributes("academy-video-jobs").max_receive == 3
    states = {row["status"] for row in stores.db.query("SELECT status FROM video_video")}
    assert states == {"PENDING", "UPLOADED", "PROCESSING", "READY", "FAILED"}
    assert stores.r2.head("academy-excel", sample.ROSTER_KEY) is not None
    stores.close()
    was = pids(other)
    assert other.up().started == ()
    assert set(other.down()) == {"postgres", "redis", "aws", "solapi"}
    assert [pid for pid in was if psutil.pid_exists(pid)] == []
    assert all(one.healthy for one in stack.status())


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_the_stack_outlives_its_killed_starter_and_down_finds_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    env = {**os.environ, "ACADEMYCTL_LOCAL_DIR": str(folder)}
    starter = subprocess.Popen([sys.executable, "-m", "academyctl", "local", "up"], env=env, stderr=subprocess.DEVNULL)
    stack = LocalStack(folder)
    try:
        deadline = time.monotonic() + 20
        while not pids(stack) and time.monotonic() < deadline:
            time.sleep(0.01)
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        was = pids(stack)
        assert was
        assert any(psutil.pid_exists(pid) for pid in was)
    finally:
        stack.down()
    assert [pid for pid in was if psutil.pid_exists(pid)] == []
    left = [
        p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])
    ]
    assert left == []
    stack.down(wipe=True)


def test_what_died_is_started_again(other: LocalStack) -> None:
    other.up()
    state = remembered.read(other.folder)
    assert state is not None
    processes.stop(state.processes["redis"])
    assert [one.name for one in other.status() if not one.healthy] == ["redis"]
    assert other.up().started == ("redis",)
    assert all(one.healthy for one in other.status())


def test_a_service_that_was_started_but_not_written_down_is_stopped_too(tmp_path: Path) -> None:
    """Its starter was killed between the start and the note of it."""
    folder = tmp_path / "half"
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    unknown = processes.spawn(argv, log=folder / "log" / "redis.log")
    remembered.write(folder, remembered.fresh("ministack"))
    assert processes.alive(unknown)
    LocalStack(folder).down()
    assert not processes.alive(unknown)


def test_a_reused_pid_is_never_taken_for_ours(tmp_path: Path) -> None:
    folder = tmp_path / "stale"
    state = remembered.fresh("ministack")
    state.processes["redis"] = remembered.Process(os.getpid(), started=1.0)
    remembered.write(folder, state)
    assert LocalStack(folder).down() == []


def test_reset_brings_the_sample_data_back(other: LocalStack) -> None:
    other.up()
    stores = Stores(load(other.env()).settings)
    stores.db.execute("UPDATE video_video SET status = 'FAILED'")
    stores.redis.set("left", "over")
    stores.sqs.send("academy-video-jobs", "left over")
    stores.close()
    other.reset()
    stores = Stores(load(other.env()).settings)
    assert len(stores.db.query("SELECT DISTINCT status FROM video_video")) == 5
    assert stores.redis.get("left") is None
    assert stores.sqs.attributes("academy-video-jobs").visible == 0
    stores.close()


def test_status_is_one_json_object_and_says_by_exit_code_what_is_down(stack: LocalStack, tmp_path: Path) -> None:
    up = cli(stack.folder, "local", "status", "--output", "json")
    assert up.returncode == 0, up.stderr
    seen = json.loads(up.stdout)
    assert seen["up"] is True
    assert [one["name"] for one in seen["services"]] == ["postgres", "redis", "aws", "solapi"]
    down = cli(tmp_path / "none", "local", "status", "--output", "json")
    assert (down.returncode, json.loads(down.stdout)["up"]) == (1, False)


def test_the_profile_of_a_stack_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        profile_env(tmp_path)
    assert "academyctl local up" in caught.value.remedy_in("en")
    done = cli(tmp_path, "--profile", "local", "video", "status", "1")
    assert done.returncode == 2
    assert "academyctl local up" in done.stderr


def test_nothing_listens_beyond_this_machine(stack: LocalStack) -> None:
    for pid in pids(stack):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            for connection in one.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1"


def test_the_secrets_file_is_its_owners_alone(stack: LocalStack) -> None:
    if os.name == "nt":
        pytest.skip("Windows has other rights")
    assert (stack.folder / remembered.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.timeout(60)
def test_moto_is_the_other_emulator(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "moto")
    try:
        stack.up(aws="moto")
        stores = Stores(load(stack.env()).settings)
        assert stores.sqs.attributes("academy-video-jobs").dlq_name == "academy-video-jobs-dlq"
        assert stores.r2.head("academy-excel", sample.ROSTER_KEY) is not None
        stores.close()
    finally:
        stack.down(wipe=True)

"""Up, down, crashes between them: the stack is there or it is gone, and never half."""

from __future__ import annotations

import os
import shutil
import signal
import site
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from academyctl.errors import WorkFailed
from academyctl.local import processes, sample, services
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.local.state import Process
from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually
from tests.local.conftest import Cli, Timed

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and accounts")


@pytest.fixture
def fresh() -> Iterator[Cli]:
    """A folder without a stack, wiped afterwards. Its name has a space and Hangul, and is too long for a socket's."""
    base = Path(tempfile.mkdtemp(prefix="academyctl-test-"))
    base.chmod(0o755)
    cli = Cli(base / "한글 폴더" / ("long-name-" * 10))
    assert len(str(cli.folder)) > 108
    yield cli
    cli.run("down", "--wipe")
    shutil.rmtree(base, ignore_errors=True)
    assert cli.left() == []


def _stores(cli: Cli) -> Stores:
    return Stores(load(LocalStack(cli.folder).env()).settings)


def _pids(cli: Cli) -> dict[str, int | None]:
    return {one.name: one.pid for one in LocalStack(cli.folder).status().services}


# ------------------------------------------------------------------ up


def test_up_takes_less_than_ten_seconds(own_stack: Timed) -> None:
    """The whole command, in an empty folder; more only on a machine that has more to do than it has processors."""
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1
    assert own_stack.seconds < 10 * max(1, crowd)


def test_up_again_starts_nothing(own_stack: Timed) -> None:
    before = _pids(own_stack.cli)
    assert "was up already" in own_stack.cli.run("up").stderr
    assert _pids(own_stack.cli) == before


def test_another_emulator_for_the_same_folder_is_refused(own_stack: Timed) -> None:
    done = own_stack.cli.run("up", "--aws", "moto", check=2)
    assert "this stack's emulator is ministack" in done.stderr
    assert "down --wipe" in done.stderr


@posix
def test_the_stacks_secrets_are_for_its_owner_alone(own_stack: Timed) -> None:
    folder = own_stack.cli.folder
    for path in (folder / remembered.FILE, folder / "redis" / "redis.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_no_secret_stands_on_a_command_line(own_stack: Timed) -> None:
    state = remembered.read(own_stack.cli.folder)
    assert state is not None
    for process in state.processes.values():
        words = " ".join(psutil.Process(process.pid).cmdline())
        assert [name for name, value in state.secrets.items() if value in words] == []


def test_every_service_listens_on_this_machine_alone(own_stack: Timed) -> None:
    state = remembered.read(own_stack.cli.folder)
    assert state is not None
    for process in state.processes.values():
        found = psutil.Process(process.pid)
        family = [found, *found.children(recursive=True)]
        listens = {c.laddr.ip for one in family for c in one.net_connections("inet") if c.status == "LISTEN"}
        assert listens == {"127.0.0.1"}, found.cmdline()


def test_two_stacks_live_side_by_side(own_stack: Timed, stack: LocalStack) -> None:
    ours, other = own_stack.cli.folder, stack.folder
    first, second = remembered.read(ours), remembered.read(other)
    assert first is not None
    assert second is not None
    assert not set(first.ports.values()) & set(second.ports.values())
    mine, theirs = _stores(own_stack.cli), Stores(load(stack.env()).settings)
    mine.redis.set("side-by-side", "mine")
    assert theirs.redis.get("side-by-side") is None
    mine.close()
    theirs.close()


# ------------------------------------------------------------------ down and up again


def test_down_and_up_keep_the_data_the_keys_and_the_ports(own_stack: Timed) -> None:
    cli, bucket = own_stack.cli, "academy-storage"
    env, stores = LocalStack(cli.folder).env(), _stores(cli)
    stores.db.execute("UPDATE core_tenant SET name = 'kept'")
    stores.redis.set("kept", "yes")
    stores.r2.put(bucket, "kept.txt", b"yes")
    stores.sqs.send(stores.settings.queues.messaging, "kept")
    stores.close()
    assert cli.run("down").stderr.startswith("stopped: postgres, redis, aws, solapi")
    assert cli.left() == []
    cli.run("up")
    assert LocalStack(cli.folder).env() == env
    stores = _stores(cli)
    assert stores.db.query("SELECT name FROM core_tenant") == [{"name": "kept"}]
    assert stores.redis.get("kept") == "yes"
    assert stores.r2.read(bucket, "kept.txt") == b"yes"
    assert [one.body for one in stores.sqs.receive(stores.settings.queues.messaging, wait_s=0)] == ["kept"]
    stores.close()


def test_down_where_nothing_runs_says_so(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "none")
    assert "nothing was running" in cli.run("down").stderr
    assert not cli.folder.exists()


@posix
def test_up_restarts_what_died_and_nothing_else(own_stack: Timed) -> None:
    cli = own_stack.cli
    stores = _stores(cli)
    stores.r2.put("academy-storage", "survives.txt", b"yes")
    stores.close()
    before = _pids(cli)
    killed = ("redis", "aws")
    for name in killed:
        pid = before[name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(not psutil.pid_exists(before[name] or 0) or _zombie(before[name]) for name in killed))
    seen = LocalStack(cli.folder).status()
    healthy = {one.name: one.healthy for one in seen.services}
    assert healthy == {"postgres": True, "redis": False, "aws": False, "solapi": True}
    assert not seen.up
    assert "redis, aws in" in cli.run("up").stderr
    after = _pids(cli)
    assert {name for name in before if before[name] != after[name]} == set(killed)
    stores = _stores(cli)
    assert stores.r2.read("academy-storage", "survives.txt") == b"yes"
    assert stores.sqs.attributes(stores.settings.queues.video).max_receive == 3
    stores.close()


def _zombie(pid: int | None) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_reset_leaves_the_sample_data_and_nothing_else(own_stack: Timed) -> None:
    stack = LocalStack(own_stack.cli.folder)
    env, stores = stack.env(), _stores(own_stack.cli)
    video = stores.settings.queues.video
    stores.db.execute("UPDATE video_video SET status = 'FAILED'")
    stores.redis.set("left", "over")
    stores.r2.put(stores.settings.r2.video_bucket, "left/over.ts", b"x")
    stores.sqs.send(video, "left over")
    inbox = services.inbox_file(stack.folder)
    inbox.parent.mkdir(parents=True, exist_ok=True)
    inbox.write_text("{}\n", encoding="utf-8")
    assert "say it: academyctl local reset --yes" in own_stack.cli.run("reset", check=2).stderr
    assert stores.sqs.attributes(video).visible == 1
    stores.close()
    own_stack.cli.run("reset", "--yes")
    assert stack.env() == env
    stores = _stores(own_stack.cli)
    assert len(stores.db.query("SELECT DISTINCT status FROM video_video")) == 5
    assert stores.redis.get("left") is None
    assert stores.r2.head(stores.settings.r2.video_bucket, "left/over.ts") is None
    assert stores.r2.head(stores.settings.r2.excel_bucket, sample.ROSTER_KEY) is not None
    assert stores.sqs.attributes(video).visible == 0
    assert stack.inbox() == []
    stores.close()


def test_a_port_that_somebody_took_meanwhile_is_chosen_anew(own_stack: Timed) -> None:
    cli = own_stack.cli
    cli.run("down")
    state = remembered.read(cli.folder)
    assert state is not None
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", state.ports["redis"]))
        thief.listen()
        cli.run("up")
    later = remembered.read(cli.folder)
    assert later is not None
    assert later.ports == {**state.ports, "redis": later.ports["redis"]}
    assert later.ports["redis"] != state.ports["redis"]


# ------------------------------------------------------------------ crashes


@posix
@pytest.mark.parametrize("seen", [1, 3])
def test_down_cleans_up_after_an_up_that_was_killed_half_way(fresh: Cli, seen: int) -> None:
    """Killed as soon as so many of its processes run: also those are found whose pid was never written down."""
    with subprocess.Popen(
        fresh.argv("up"), env=fresh.env(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as up:
        eventually(lambda: len(fresh.left()) >= seen, timeout=20, every=0.005)
        up.kill()
    fresh.run("down")
    assert fresh.left() == []


@posix
def test_up_finishes_what_a_killed_up_began(fresh: Cli) -> None:
    with subprocess.Popen(
        fresh.argv("up"), env=fresh.env(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as up:
        eventually(lambda: len(fresh.left()) >= 2, timeout=20, every=0.005)
        up.kill()
    fresh.run("up")
    assert LocalStack(fresh.folder).status().up


@posix
def test_the_stack_outlives_whoever_started_it_and_its_whole_process_group(fresh: Cli) -> None:
    script = f"{sys.executable} -m academyctl local up; kill -9 0"
    done = subprocess.run(
        ["sh", "-c", script], env=fresh.env(), start_new_session=True, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert LocalStack(fresh.folder).status().up
    fresh.run("down")
    assert fresh.left() == []


@posix
def test_down_also_ends_a_process_that_nobody_remembers(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    lost = processes.spawn(["sleep", "60"], folder=folder, log=folder / "log" / "lost.log")
    assert LocalStack(folder).down() == ["left over"]
    assert not processes.alive(lost)


@posix
def test_a_stranger_with_a_remembered_pid_is_left_alone(tmp_path: Path) -> None:
    """After a reboot the pids of the state file belong to others."""
    folder = tmp_path / "stack"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        state = remembered.fresh("ministack")
        started = psutil.Process(stranger.pid).create_time() - 1000
        state.processes = {name: Process(stranger.pid, started) for name in ("postgres", "redis", "aws", "solapi")}
        state.data_ready = True
        remembered.write(folder, state)
        assert LocalStack(folder).down() == []
        assert stranger.poll() is None
        stranger.kill()


@posix
def test_only_one_command_works_on_a_folder_at_a_time(tmp_path: Path) -> None:
    with (
        remembered.alone(tmp_path),
        pytest.raises(WorkFailed, match="another `academyctl local` command works on"),
        remembered.alone(tmp_path, wait_s=0.1),
    ):
        pytest.fail("two at once")
    with remembered.alone(tmp_path, wait_s=0.1):
        pass


# ------------------------------------------------------------------ other people


def _python_for_others() -> str | None:
    """A Python of this version that every account can run; a root's own is often closed to others."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        if path and all(parent.stat().st_mode & 0o001 for parent in Path(path).resolve().parents):
            return path
    return None


@posix
@pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="this run is an ordinary user's already")
def test_an_ordinary_user_can_run_it_too(fresh: Cli) -> None:
    python = _python_for_others()
    if python is None:
        pytest.skip("there is no Python that other accounts can run")
    fresh.folder.mkdir(parents=True)
    shutil.chown(fresh.folder, "nobody")
    where = [str(Path(__file__).parents[2]), *site.getsitepackages()]
    env = {**fresh.env(), "HOME": str(fresh.folder), "PYTHONPATH": os.pathsep.join(where)}
    for words in (("up",), ("status",), ("down",)):
        done = subprocess.run(
            [python, *fresh.argv(*words)[1:]], env=env, user="nobody", cwd="/", capture_output=True, text=True,
            encoding="utf-8", timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert fresh.left() == []

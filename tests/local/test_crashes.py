"""Killed starters, reboots, strangers, other accounts: `down` ends all that is ours and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from academyctl.errors import WorkFailed
from academyctl.local import postgres, processes
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.local.state import Process
from tests.conftest import eventually
from tests.local.conftest import Cli

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and accounts")


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


def test_up_finishes_what_a_killed_up_began(fresh: Cli) -> None:
    with subprocess.Popen(
        fresh.argv("up"), env=fresh.env(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as up:
        eventually(lambda: len(fresh.left()) >= 2, timeout=20, every=0.005)
        up.kill()
    fresh.run("up")
    assert LocalStack(fresh.folder).status().up


def test_the_stack_outlives_whoever_started_it_and_its_whole_process_group(fresh: Cli) -> None:
    script = f"{sys.executable} -m academyctl local up; kill -9 0"
    done = subprocess.run(
        ["sh", "-c", script], env=fresh.env(), start_new_session=True, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert LocalStack(fresh.folder).status().up
    fresh.run("down")
    assert fresh.left() == []


def test_down_also_ends_a_process_that_nobody_remembers(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    lost = processes.spawn(["sleep", "60"], folder=folder, log=folder / "log" / "lost.log")
    assert LocalStack(folder).down() == ["left over"]
    assert not processes.alive(lost)


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


def test_only_one_command_works_on_a_folder_at_a_time(tmp_path: Path) -> None:
    with (
        remembered.alone(tmp_path),
        pytest.raises(WorkFailed, match="another `academyctl local` command works on"),
        remembered.alone(tmp_path, wait_s=0.1),
    ):
        pytest.fail("two at once")
    with remembered.alone(tmp_path, wait_s=0.1):
        pass


def _python_for_others() -> str | None:
    """A Python of this version that every account can run; a root's own is often closed to others."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        if path and _open_to_others(Path(path)):
            return path
    return None


def _open_to_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root must hand the programs to another account")
def test_the_programs_of_a_closed_venv_run_for_the_account_that_owns_the_database(tmp_path: Path) -> None:
    package = postgres.binaries().parents[1]
    closed = tmp_path / "closed"
    for part in (package / postgres.binaries().parent.name, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.relative_to(package.parent), symlinks=True)
    closed.chmod(0o700)
    install = postgres._reachable(closed / package.name / postgres.binaries().parent.name)
    assert not install.is_relative_to(tmp_path)
    done = subprocess.run(
        [install / "bin" / "initdb", "--version"], user="nobody", cwd="/", capture_output=True, text=True,
        encoding="utf-8", timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.partition(" ")[0]) == (0, "initdb"), done.stderr


@pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="this run is an ordinary user's already")
def test_an_ordinary_user_can_run_it_too(fresh: Cli) -> None:
    python = _python_for_others()
    if python is None:
        pytest.skip("there is no Python that other accounts can run")
    where = [str(Path(__file__).parents[2]), *site.getsitepackages()]
    if not all(_open_to_others(Path(one) / "any") for one in where):
        pytest.skip("the environment of this run is closed to other accounts")
    fresh.folder.mkdir(parents=True)
    shutil.chown(fresh.folder, "nobody")
    env = {**fresh.env(), "HOME": str(fresh.folder), "PYTHONPATH": os.pathsep.join(where)}
    for words in (("up",), ("status",), ("down",)):
        done = subprocess.run(
            [python, *fresh.argv(*words)[1:]], env=env, user="nobody", cwd="/", capture_output=True, text=True,
            encoding="utf-8", timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert fresh.left() == []

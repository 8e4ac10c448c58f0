"""Up, down, crashes between them: the stack is there or it is gone, and never half."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import psutil
import pytest

from academyctl.local import sample_jobs, services
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually
from tests.local.conftest import Cli, Timed, stores_of

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and accounts")


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
    mine, theirs = stores_of(own_stack.cli), Stores(load(stack.env()).settings)
    mine.redis.set("side-by-side", "mine")
    assert theirs.redis.get("side-by-side") is None
    mine.close()
    theirs.close()


# ------------------------------------------------------------------ down and up again


def test_down_and_up_keep_the_data_the_keys_and_the_ports(own_stack: Timed) -> None:
    cli, bucket = own_stack.cli, "academy-storage"
    env, stores = LocalStack(cli.folder).env(), stores_of(cli)
    stores.db.execute("UPDATE core_tenant SET name = 'kept'")
    stores.redis.set("kept", "yes")
    stores.r2.put(bucket, "kept.txt", b"yes")
    stores.sqs.send(stores.settings.queues.messaging, "kept")
    stores.close()
    assert cli.run("down").stderr.startswith("stopped: postgres, redis, aws, solapi")
    assert cli.left() == []
    cli.run("up")
    assert LocalStack(cli.folder).env() == env
    stores = stores_of(cli)
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
    stores = stores_of(cli)
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
    stores = stores_of(cli)
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
    env, stores = stack.env(), stores_of(own_stack.cli)
    video = stores.settings.queues.video
    stores.db.execute("UPDATE video_video SET status = 'FAILED'")
    stores.redis.set("left", "over")
    stores.r2.put(stores.settings.r2.video_bucket, "left/over.ts", b"x")
    stores.sqs.send(video, "left over")
    inbox = services.inbox_file(stack.folder)
    inbox.parent.mkdir(parents=True, exist_ok=True)
    inbox.write_text("{}\n", encoding="utf-8")
    assert "say it: academyctl --yes" in own_stack.cli.run("reset", check=2).stderr
    assert stores.sqs.attributes(video).visible == 1
    stores.close()
    own_stack.cli.run("reset", "--yes")
    assert stack.env() == env
    stores = stores_of(own_stack.cli)
    assert len(stores.db.query("SELECT DISTINCT status FROM video_video")) == 5
    assert stores.redis.get("left") is None
    assert stores.r2.head(stores.settings.r2.video_bucket, "left/over.ts") is None
    assert stores.r2.head(stores.settings.r2.excel_bucket, sample_jobs.ROSTER_KEY) is not None
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

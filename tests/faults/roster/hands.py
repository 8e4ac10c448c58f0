"""Real AI workers, each a process with wires of its own, and one of this process that finishes what they left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually
from tests.excel_world import World
from tests.faults.roster.wire import Hold, Wire, wire
from workers._loop import RunOptions, run
from workers._signals import Inbox, Signalled
from workers.ai import worker as ai_worker

ROOT = Path(__file__).parents[3]
KEPT = ("PATH", "VIRTUAL_ENV", "HOME", "LANG")
LEASE_S = 3
SETTINGS = {
    "ACADEMYCTL_AI_VISIBILITY": str(LEASE_S),
    "ACADEMYCTL_AI_LEASE": str(LEASE_S),
    "ACADEMYCTL_GRACE_SECONDS": "0",
    "ACADEMYCTL_WAIT_SECONDS": "1",
    "WORKER_ID": "test-host",
}


@dataclass(frozen=True)
class Phase:
    """Where in an import a worker is held: once it has said these words to that server."""

    name: str
    server: str
    """r2, db or sqs; '' = its child process, while that reads the file."""
    words: tuple[bytes, ...] = ()
    hold: Hold = "question"
    committed: bool = False
    """Whether the import has happened by then."""


class Nursery:
    """The process whose forks are the workers of one kind; see nursery.py."""

    def __init__(self, kind: str = "ai") -> None:
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._program = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py")), kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**environ, "PYTHONPATH": str(ROOT)}, text=True,
        )  # fmt: skip

    def ask(self, **request: Any) -> int:
        assert self._program.stdin
        assert self._program.stdout
        self._program.stdin.write(json.dumps(request) + "\n")
        self._program.stdin.flush()
        return int(self._program.stdout.readline())

    def close(self) -> None:
        assert self._program.stdin
        assert self._program.stdout
        self._program.stdin.close()
        self._program.wait(10)
        self._program.stdout.close()


@dataclass
class Forked:
    """A worker process."""

    pid: int
    nursery: Nursery
    code: int | None = None

    @property
    def alive(self) -> bool:
        try:
            return self.code is None and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has one."""
        if self.code is None:
            eventually(lambda: not self.alive, timeout=20)
            self.code = self.nursery.ask(wait=self.pid)
        return self.code


@dataclass
class Hand:
    """One worker process and what holds it."""

    process: Forked
    phase: Phase | None
    wire: Wire | None
    log: Path
    child: list[psutil.Process] = field(default_factory=list)

    def held(self) -> bool:
        """Whether it has reached its phase; its child is stopped there, where that is the phase."""
        assert self.process.alive, self.log.read_text(encoding="utf-8")[-2000:]
        if self.wire is not None:
            return self.wire.held.is_set()
        return bool(self.child) or self._stop_child()

    def _stop_child(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                # From its first bound on its life is tied to its parent's; before, a stop would keep it from that.
                if child.rlimit(psutil.RLIMIT_AS)[0] != psutil.RLIM_INFINITY:
                    child.suspend()
                    self.child.append(child)
        return bool(self.child)

    def kill(self) -> None:
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Its exit code after SIGTERM; what is held on the wire goes on."""
        if self.wire is not None:
            self.wire.release()
        return self.process.wait()

    def childless(self) -> bool:
        """Whether no child lives on."""
        return not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in self.child)


class Hands:
    """All of a test's worker processes; none outlives it."""

    def __init__(self, world: World, nursery: Nursery) -> None:
        self.world = world
        self._nursery = nursery
        self._wires = ExitStack()
        self._all: list[Hand] = []

    def start(self, phase: Phase | None = None, **env: str) -> Hand:
        number = len(self._all)
        ways, made = self._ways(phase)
        log = self.world.folder / f"worker{number}.log"
        temp = self.world.folder / "tmp"
        temp.mkdir(exist_ok=True)
        given = {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **self.world.env, **SETTINGS, **ways, **env,
            "TMPDIR": str(temp), "ACADEMYCTL_HEALTH_FILE": str(self.world.folder / f"health{number}.json"),
        }  # fmt: skip
        process = Forked(self._nursery.ask(env=given, log=str(log), folder=str(self.world.folder)), self._nursery)
        self._all.append(Hand(process, phase, made, log))
        return self._all[-1]

    def close(self) -> None:
        for hand in self._all:
            if hand.process.alive:
                hand.kill()
        self._wires.close()

    def cut(self) -> None:
        """Every wire is gone: what the dead had begun reaches its server's end."""
        self._wires.close()

    def leftovers(self) -> list[str]:
        """Folders of jobs that nobody has cleaned up."""
        return [path.name for path in (self.world.folder / "tmp" / "ai-worker").glob("*ai-*")]

    def _ways(self, phase: Phase | None) -> tuple[Mapping[str, str], Wire | None]:
        """The environment that sends this worker over a wire."""
        if phase is None or not phase.server:
            return {}, None
        env = self.world.env
        if phase.server == "db":
            host, port = env["DB_HOST"], int(env["DB_PORT"])
            made = self._wires.enter_context(wire(host, port, *phase.words, hold=phase.hold))
            return {"DB_HOST": "127.0.0.1", "DB_PORT": str(made.port)}, made
        name = {"r2": "R2_ENDPOINT", "sqs": "AWS_ENDPOINT_URL"}[phase.server]
        there = urlsplit(env[name])
        made = self._wires.enter_context(wire(there.hostname or "", there.port or 0, *phase.words, hold=phase.hold))
        return {name: f"http://127.0.0.1:{made.port}"}, made


@pytest.fixture(scope="package")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def hands(world: World, nursery: Nursery) -> Iterator[Hands]:
    made = Hands(world, nursery)
    yield made
    made.close()


@contextmanager
def finisher(world: World) -> Iterator[None]:
    """A worker in this process, as the supervisor would start it: it takes up whatever comes back."""
    stores = Stores(load({**world.env, **SETTINGS, "ACADEMYCTL_HEALTH_FILE": str(world.folder / "h.json")}).settings)
    inbox = Inbox()
    worker = ai_worker(stores.settings, root=world.folder / "tmp" / "ai-worker")
    options = RunOptions(wait_s=1, grace_s=5, health_file=world.folder / "h.json")
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run(worker, stores, options, inbox=inbox)))
    thread.start()
    try:
        yield
    finally:
        inbox.put(Signalled("SIGTERM"))
        thread.join(20)
        stores.close()
    assert codes == [0]


def ended(world: World, job_ids: list[str]) -> bool:
    """Whether all these jobs have come to an end."""
    rows = world.stores.db.query("SELECT status FROM ai_job WHERE job_id = ANY(%s)", (job_ids,))
    return all(row["status"] in ("DONE", "FAILED") for row in rows)


def wait_for(world: World, job_ids: list[str], *, timeout: float = 30) -> None:
    eventually(lambda: ended(world, job_ids), timeout=timeout, every=0.05)


def queue_is_empty(world: World) -> bool:
    seen = world.stores.sqs.attributes(world.settings.queues.ai_basic)
    return seen.visible + seen.in_flight + seen.delayed == 0


def dead(world: World) -> int:
    seen = world.stores.sqs.attributes(world.settings.queues.ai_basic + "-dlq")
    return seen.visible + seen.in_flight

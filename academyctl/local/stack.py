"""The embedded stack of one folder: start, stop, describe, empty. Each step is remembered before it is taken."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from academyctl.errors import AcademyError, ConfigError, WorkFailed
from academyctl.local import environment, postgres, processes, resources, sample, services
from academyctl.local import state as remembered
from academyctl.local.state import Process, State
from academyctl.settings import load
from academyctl.settings_model import Fleet
from academyctl.stores import Stores
from academyctl.stores.aws import client_factory

SERVICES = ("postgres", "redis", "aws", "solapi")
_START: dict[str, Callable[[Path, State], Process]] = {
    "postgres": postgres.start,
    "redis": services.start_redis,
    "aws": services.start_aws,
    "solapi": services.start_solapi,
}
_READY: dict[str, Callable[[State], bool]] = {
    "postgres": postgres.ready,
    "redis": services.redis_ready,
    "aws": services.aws_ready,
    "solapi": services.solapi_ready,
}


@dataclass(frozen=True)
class ServiceStatus:
    """One service as `local status` shows it; `healthy` means that it was asked and answered."""

    name: str
    healthy: bool
    running: bool
    pid: int | None
    endpoint: str
    what: str


@dataclass(frozen=True)
class Started:
    """What `up` did: services started now (none when all ran already), seconds, and the emulator's known gaps."""

    started: tuple[str, ...]
    seconds: float
    gaps: tuple[str, ...]


class LocalStack:
    """The stack of a folder, whoever started it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or remembered.default_dir()

    def up(self, *, aws: str | None = None, sample_data: bool = True) -> Started:
        """Start what does not run. Raises WorkFailed naming the service that did not start, and its log."""
        begun = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            state = remembered.read(self.folder) or remembered.fresh(aws or "ministack")
            if aws and aws != state.aws:
                raise ConfigError(
                    f"this stack runs {state.aws}", remedy="academyctl local down --wipe, then up --aws " + aws
                )
            dead = [name for name in SERVICES if not processes.alive(state.processes.get(name))]
            if "aws" in dead:
                # The emulators keep everything in memory: what was in it is gone with it.
                state.data_ready = False
            self._start(state, dead)
            if not state.data_ready:
                self._fill(state, sample_data=sample_data)
            return Started(tuple(dead), time.monotonic() - begun, tuple(state.gaps))

    def down(self, *, wipe: bool = False) -> list[str]:
        """Stop every process of this folder, even after a crash half-way through `up`; returns what was running."""
        state = remembered.read(self.folder)
        stopped = []
        if state is not None:
            stopped = [name for name in SERVICES if processes.alive(state.processes.get(name))]
            with ThreadPoolExecutor(len(SERVICES)) as pool:
                list(pool.map(lambda name: _stop(name, state.processes.get(name)), SERVICES))
            for stray in processes.strays(self.folder):
                processes.stop(stray)
            state.processes.clear()
            state.data_ready = False
            remembered.write(self.folder, state)
        if wipe:
            postgres.remove(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
        return stopped

    def reset(self) -> None:
        """Fresh data: the database made anew, Redis, queues, buckets and inbox emptied, sample data again."""
        state = self.state()
        postgres.drop(state, postgres.DATABASE)
        client = services.redis_client(state)
        keys = client.scan("*")
        client.delete(*keys)
        client.close()
        services.inbox_file(self.folder).unlink(missing_ok=True)
        processes.stop(state.processes.get("aws"))
        state.data_ready = False
        self._start(state, ["aws"])
        self._fill(state, sample_data=True)

    def status(self) -> list[ServiceStatus]:
        """Ask each service; a folder without a stack has none."""
        state = remembered.read(self.folder)
        if state is None:
            return []
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            return list(pool.map(lambda name: self._status(state, name), SERVICES))

    def state(self) -> State:
        """The remembered state. Raises ConfigError when the stack is not up."""
        environment.profile_env(self.folder)
        state = remembered.read(self.folder)
        assert state is not None
        return state

    def env(self) -> dict[str, str]:
        return environment.environment(self.state())

    def inbox(self) -> list[dict[str, Any]]:
        """What the fake Solapi accepted, oldest first."""
        from academyctl.local.solapi import read_inbox

        return read_inbox(services.inbox_file(self.folder))

    def _start(self, state: State, names: list[str]) -> None:
        for name in names:
            # The port is taken again by chance only if the machine was rebooted in between: choose anew then.
            if processes.listening(state.ports[name]):
                state.ports[name] = remembered.free_ports(1)[0]
            state.processes[name] = _START[name](self.folder, state)
            remembered.write(self.folder, state)
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(lambda name: self._await(state, name), names))

    def _await(self, state: State, name: str) -> None:
        processes.wait_until(
            lambda: _READY[name](state), state.processes[name], what=name, log=self.folder / "log" / f"{name}.log"
        )

    def _fill(self, state: State, *, sample_data: bool) -> None:
        with ThreadPoolExecutor(2) as pool:
            tables = pool.submit(postgres.load, state)
            state.secrets["aws_key"], state.secrets["aws_secret"] = self._operator(state)
            state.gaps = pool.submit(self._resources, state).result()
            tables.result()
        if sample_data:
            stores = Stores(load({}, overlay=environment.environment(state)).settings)
            try:
                if not stores.db.query("SELECT 1 FROM core_tenant LIMIT 1"):
                    sample.load(stores)
                else:
                    stores.r2.put(stores.settings.r2.excel_bucket, sample.ROSTER_KEY, sample.roster())
            finally:
                stores.close()
        state.data_ready = True
        remembered.write(self.folder, state)

    def _operator(self, state: State) -> tuple[str, str]:
        root = client_factory(
            region=environment.REGION,
            endpoint_url=f"http://127.0.0.1:{state.ports['aws']}",
            access_key=state.secrets["root_key"],
            secret_key=state.secrets["root_secret"],
        )
        return resources.create_operator(root)

    def _resources(self, state: State) -> list[str]:
        settings = load({}, overlay=environment.environment(state)).settings
        stores = Stores(settings)
        return resources.create_all(
            stores.aws_clients(), queues=settings.queues, buckets=settings.r2, fleet=Fleet(), region=environment.REGION
        )

    def _status(self, state: State, name: str) -> ServiceStatus:
        process = state.processes.get(name)
        running = processes.alive(process)
        healthy = running and _READY[name](state)
        what = ""
        if healthy:
            with contextlib.suppress(AcademyError):
                what = _describe(state, name)
        endpoint = f"127.0.0.1:{state.ports[name]}"
        return ServiceStatus(name, healthy, running, process.pid if process and running else None, endpoint, what)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One `up` of a folder at a time; the lock of a dead one is taken over."""
        lock = self.folder / "up.lock"
        deadline = time.monotonic() + 60
        while True:
            try:
                descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                if time.time() - _mtime(lock) > 90:
                    lock.unlink(missing_ok=True)
                elif time.monotonic() > deadline:
                    raise WorkFailed(
                        f"another `local up` works on {self.folder}", remedy=f"delete {lock} if none does"
                    ) from None
                time.sleep(0.1)
            else:
                os.close(descriptor)
                break
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def as_json(status: list[ServiceStatus], state: State | None) -> dict[str, Any]:
    return {
        "up": bool(status) and all(one.healthy for one in status),
        "aws": state.aws if state else "",
        "services": [asdict(one) for one in status],
        "gaps": state.gaps if state else [],
    }


def _stop(name: str, process: Process | None) -> None:
    if name == "postgres":
        postgres.stop(process)
    else:
        processes.stop(process)


def _describe(state: State, name: str) -> str:
    if name == "postgres":
        return f"PostgreSQL {postgres.version(state)}"
    if name == "redis":
        client = services.redis_client(state)
        try:
            real = len(services.redis_program()) == 1
            return f"Redis {client.info().get('redis_version', '?')}" + (
                "" if real else " (fakeredis, not a real server)"
            )
        finally:
            client.close()
    if name == "aws":
        return f"{state.aws} (SQS, S3 as R2, Lambda, ASG, EventBridge)"
    return "fake Solapi (verifies signatures)"


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()

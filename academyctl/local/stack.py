"""The embedded stack of one folder: start, stop, empty. Each step is remembered as soon as it is taken."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both, ConfigError, WorkFailed
from academyctl.local import environment, postgres, processes, services, status
from academyctl.local import state as remembered
from academyctl.local.state import Process, State
from academyctl.local.status import SERVICES, StackStatus

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.aws import ClientFactory

_START: dict[str, Callable[[Path, State], Process]] = {
    "postgres": postgres.start,
    "redis": services.start_redis,
    "aws": services.start_aws,
    "solapi": services.start_solapi,
}
_TRIES = 3


@dataclass(frozen=True)
class Started:
    """What `up` did: services started now (none when all ran already) and seconds.

    `gaps`: what could not be made on this emulator. `new_keys`: an environment printed before is out of date.
    """

    started: tuple[str, ...]
    seconds: float
    gaps: tuple[str, ...]
    new_keys: bool = False


class LocalStack:
    """The stack of a folder, whoever started it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or remembered.default_dir()).absolute()
        self._writing = threading.Lock()

    def up(self, *, aws: str | None = None, sample_data: bool = True) -> Started:
        """Start what does not run. Raises WorkFailed naming the service that did not start, and its log."""
        begun = time.monotonic()
        with remembered.alone(self.folder):
            state = self._choose(aws)
            dead = [name for name in SERVICES if not processes.alive(state.processes.get(name))]
            old_key = state.secrets.get("aws_key")
            if dead or not state.data_ready:
                # A killed `up` or a crashed emulator may have left processes that nobody wrote down.
                processes.sweep(self.folder, state.processes.values())
                state.data_ready = False
                self._write(state)
                self._bring_up(state, dead, sample_data=sample_data)
                state.data_ready = True
                self._write(state)
            changed = old_key is not None and old_key != state.secrets["aws_key"]
            return Started(tuple(dead), time.monotonic() - begun, tuple(state.gaps), changed)

    def down(self, *, wipe: bool = False) -> list[str]:
        """Stop every process of this folder, even after a crash half-way through `up`; returns what was running."""
        if not self.folder.is_dir():
            return ["left over"] * bool(processes.sweep(self.folder))
        with remembered.alone(self.folder):
            state = remembered.read(self.folder)
            stopped = [name for name in SERVICES if state and processes.alive(state.processes.get(name))]
            if state is not None:
                with ThreadPoolExecutor(len(SERVICES)) as pool:
                    list(pool.map(lambda name: _stop(state, name), SERVICES))
                state.processes.clear()
                state.data_ready = False
                self._write(state)
            if processes.sweep(self.folder):
                stopped.append("left over")
            if wipe and state is not None:
                postgres.remove(state)
        if wipe:
            shutil.rmtree(self.folder, ignore_errors=True)
        return stopped

    def reset(self) -> None:
        """Fresh data: the database made anew, Redis, queues, buckets and inbox emptied, sample data again."""
        from academyctl.local import resources

        with remembered.alone(self.folder):
            state = self.state()
            postgres.drop(state, postgres.DATABASE)
            postgres.load(state)
            services.redis_flush(state)
            services.inbox_file(self.folder).unlink(missing_ok=True)
            resources.empty_all(_clients(state, "aws_key", "aws_secret"))
            state.gaps = self._resources(state)
            self._sample(state)
            self._write(state)

    def status(self) -> StackStatus:
        """Ask each service; a folder without a stack has none."""
        return status.ask(self.folder)

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

    def _choose(self, aws: str | None) -> State:
        state = remembered.read(self.folder)
        if state is None:
            state = remembered.fresh(aws or services.EMULATORS[0])
        if aws and aws != state.aws:
            raise ConfigError(
                f"this stack's emulator is {state.aws}",
                remedy=Both(
                    f"academyctl local down --wipe, then: academyctl local up --aws {aws}",
                    f"academyctl local down --wipe 후 academyctl local up --aws {aws}",
                ),
            )
        state.database = state.database or str(postgres.data_dir(self.folder))
        return state

    def _bring_up(self, state: State, dead: list[str], *, sample_data: bool) -> None:
        """Everything at once: initdb, the emulator and the client library do not wait for each other."""
        state.tools = environment.find_tools()
        with ThreadPoolExecutor(len(SERVICES) + 1) as pool:
            jobs = [pool.submit(self._one, state, name, start=name in dead) for name in SERVICES]
            if sample_data and "ffmpeg" in state.tools:
                jobs.append(pool.submit(self._media, state))
            for job in jobs:
                job.result()
        if sample_data:
            self._sample(state)

    def _one(self, state: State, name: str, *, start: bool) -> None:
        if start:
            self._start(state, name)
        if name == "postgres":
            postgres.load(state)
        if name == "aws":
            self._keys(state)
            state.gaps = self._resources(state)

    def _start(self, state: State, name: str) -> None:
        log = services.log_file(self.folder, name)
        for attempt in range(1, _TRIES + 1):
            # Ports are kept over `down` and `up`, so that a printed environment stays true; another program may have
            # taken one meanwhile, or between this look and the service's own bind.
            if processes.listening(state.ports[name]):
                state.ports[name] = remembered.free_ports(1)[0]
                self._write(state)
            process = _START[name](self.folder, state)
            state.processes[name] = process
            self._write(state)
            try:
                processes.wait_until(lambda: status.READY[name](state), process, what=name, log=log)
            except WorkFailed:
                taken = not processes.alive(process) and processes.listening(state.ports[name])
                if not taken or attempt == _TRIES:
                    raise
            else:
                return

    def _keys(self, state: State) -> None:
        """Keys that the emulator verifies, kept while it knows them."""
        from academyctl.local import resources

        if "aws_key" in state.secrets and resources.key_works(_clients(state, "aws_key", "aws_secret")):
            return
        root = _clients(state, "root_key", "root_secret")
        made = {
            word: resources.create_user(root, f"academyctl-{word}", actions)
            for word, actions in (("aws", "*"), ("r2", "s3:*"))
        }
        for word, (key, secret) in made.items():
            state.secrets[f"{word}_key"], state.secrets[f"{word}_secret"] = key, secret
        self._write(state)

    def _resources(self, state: State) -> list[str]:
        from academyctl.local import resources
        from academyctl.settings_model import R2, Fleet, Queues

        clients = _clients(state, "aws_key", "aws_secret")
        return resources.create_all(clients, queues=Queues(), buckets=R2(), fleet=Fleet(), region=environment.REGION)

    def _media(self, state: State) -> None:
        from academyctl.local import sample_media

        sample_media.make(Path(state.tools["ffmpeg"]), self.folder)

    def _sample(self, state: State) -> None:
        from academyctl.local import sample

        stores = _stores(state)
        try:
            if not stores.db.query("SELECT 1 FROM core_tenant LIMIT 1"):
                sample.load(stores)
            sample.put_objects(stores, state.tools.get("ffmpeg"), self.folder)
        finally:
            stores.close()

    def _write(self, state: State) -> None:
        with self._writing:
            remembered.write(self.folder, state)


def _stop(state: State, name: str) -> None:
    if name == "postgres":
        postgres.stop(state)
    else:
        processes.stop(state.processes.get(name))


def _clients(state: State, key: str, secret: str) -> ClientFactory:
    from academyctl.stores.aws import client_factory

    return client_factory(
        region=environment.REGION,
        endpoint_url=f"http://127.0.0.1:{state.ports['aws']}",
        access_key=state.secrets[key],
        secret_key=state.secrets[secret],
    )


def _stores(state: State) -> Stores:
    from academyctl.settings import load
    from academyctl.stores import Stores

    return Stores(load({}, overlay=environment.environment(state)).settings)

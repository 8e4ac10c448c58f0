"""How a stack is: each service asked, its version, and what is known to differ from the real thing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from academyctl.errors import AcademyError
from academyctl.local import gaps, postgres, processes, services
from academyctl.local import state as remembered
from academyctl.local.state import State

SERVICES = ("postgres", "redis", "aws", "solapi")
READY: dict[str, Callable[[State], bool]] = {
    "postgres": postgres.ready,
    "redis": services.redis_ready,
    "aws": services.aws_ready,
    "solapi": services.solapi_ready,
}
_VERSION: dict[str, Callable[[State], str]] = {
    "postgres": postgres.version,
    "redis": services.redis_version,
    "aws": services.aws_version,
    "solapi": lambda _: "",
}


@dataclass(frozen=True)
class ServiceStatus:
    """One service; `running`: our process lives; `healthy`: it was asked and answered."""

    name: str
    what: str
    healthy: bool
    running: bool
    pid: int | None
    endpoint: str
    version: str


@dataclass(frozen=True)
class StackStatus:
    """A folder's stack; no services when it has none. `gaps` are sentences in the operator's language."""

    folder: Path
    aws: str
    services: tuple[ServiceStatus, ...]
    tools: dict[str, str]
    gaps: tuple[str, ...]

    @property
    def up(self) -> bool:
        return bool(self.services) and all(one.healthy for one in self.services)

    def as_json(self) -> dict[str, Any]:
        return {"up": self.up, **asdict(self)}


def ask(folder: Path, *, lang: str = "en") -> StackStatus:
    """Ask every service of the folder's stack at once."""
    state = remembered.read(folder)
    if state is None:
        return StackStatus(folder, "", (), {}, ())
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        seen = tuple(pool.map(lambda name: _one(state, name), SERVICES))
    return StackStatus(folder, state.aws, seen, state.tools, known_gaps(state, lang=lang))


def known_gaps(state: State, *, lang: str = "en") -> tuple[str, ...]:
    """What could not be made here, then what is known of the emulator."""
    known = gaps.known(state.aws, real_redis=services.redis_is_real())
    return (*state.gaps, *(one.pick(lang) for one in known))


def _one(state: State, name: str) -> ServiceStatus:
    process = state.processes.get(name)
    running = processes.alive(process)
    healthy = running and READY[name](state)
    version = ""
    if healthy:
        # It may stop between two questions; then it is healthy no more the next time somebody asks.
        with contextlib.suppress(AcademyError, OSError):
            version = _VERSION[name](state)
    pid = process.pid if process and running else None
    return ServiceStatus(name, _what(state, name), healthy, running, pid, f"127.0.0.1:{state.ports[name]}", version)


def _what(state: State, name: str) -> str:
    if name == "redis":
        return "Redis" if services.redis_is_real() else "fakeredis, not a real server"
    return {"postgres": "PostgreSQL", "aws": state.aws, "solapi": "fake Solapi"}[name]

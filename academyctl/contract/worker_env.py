"""The workers' environment as one SSM parameter: dotenv (contract 8.4, 8.6), JSON or base64 of JSON (contract 13).

Pure. A dotenv text is read as `docker run --env-file` reads it: values are verbatim, quotes included.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

REQUIRED = (
    "AWS_DEFAULT_REGION", "DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_PORT", "R2_ACCESS_KEY", "R2_SECRET_KEY",
    "R2_ENDPOINT", "R2_VIDEO_BUCKET", "API_BASE_URL", "INTERNAL_WORKER_TOKEN", "REDIS_HOST", "REDIS_PORT",
    "DJANGO_SETTINGS_MODULE",
)  # fmt: skip
"""What the platform's Batch container does not start without (contract 13)."""


class Form(StrEnum):
    """How the variables are written."""

    dotenv = "dotenv"
    json = "json"
    base64 = "base64"


class BadEnv(ValueError):
    """The text is no environment; the message names the line or field, never a value."""


@dataclass(frozen=True)
class Env:
    """Variables in their order, and how they were written; `repeated` are names that stand there twice."""

    form: Form
    values: Mapping[str, str] = field(repr=False)
    repeated: tuple[str, ...] = ()


def parse(text: str) -> Env:
    """Variables of a parameter or a file. Raises BadEnv."""
    stripped = text.lstrip("\ufeff").strip()
    if stripped.startswith("{"):
        return Env(Form.json, _members(stripped))
    decoded = _decoded(stripped)
    if decoded is not None:
        return Env(Form.base64, _members(decoded))
    return _dotenv(text.lstrip("\ufeff"))


def render(values: Mapping[str, str], form: Form) -> str:
    """Variables as text of a form. Raises BadEnv when dotenv has no way to write a value."""
    if form is Form.dotenv:
        for name, value in values.items():
            if "\n" in value or "\r" in value:
                raise BadEnv(f"the value of {name} has several lines, which dotenv cannot hold")
        return "".join(f"{name}={value}\n" for name, value in values.items())
    text = json.dumps(dict(values), ensure_ascii=False)
    return text if form is Form.json else base64.b64encode(text.encode()).decode()


def decode(raw: bytes) -> str:
    """A file's text whatever editor saved it: UTF-8, or UTF-16 with its mark, with LF line ends. Raises BadEnv."""
    # PowerShell's `>` writes UTF-16, Notepad a byte order mark: docker takes either for a part of the first name.
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadEnv(f"it is no UTF-8 text (byte {error.start})") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _dotenv(text: str) -> Env:
    values: dict[str, str] = {}
    repeated = []
    # docker ends a line at LF alone: a CR becomes a part of the value.
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not name or any(mark.isspace() for mark in name):
            raise BadEnv(f"line {number} is no NAME=value")
        if "\x00" in line:
            raise BadEnv(f"line {number} holds a NUL, which no variable can")
        if name in values:
            repeated.append(name)
        values[name] = value
    return Env(Form.dotenv, values, tuple(dict.fromkeys(repeated)))


def _decoded(text: str) -> str | None:
    """The JSON within base64, None when it is none."""
    try:
        found = base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return found if found.lstrip().startswith("{") else None


def _members(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        # The error's own text may show a piece of a value.
        raise BadEnv("it begins as JSON and cannot be read as JSON") from error
    if not isinstance(found, dict):
        raise BadEnv("its JSON is no object")
    wrong = [name for name, value in found.items() if isinstance(value, dict | list)]
    if wrong:
        raise BadEnv(f"the value of {wrong[0]} is no text")
    unusable = [number for number, name in enumerate(found, 1) if not name.strip() or "=" in name or "\x00" in name]
    if unusable:
        raise BadEnv(f"name {unusable[0]} can be no variable's")
    values = {name: _text(value) for name, value in found.items()}
    for name, value in values.items():
        if "\x00" in value:
            raise BadEnv(f"the value of {name} holds a NUL, which no variable can")
    return values


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)

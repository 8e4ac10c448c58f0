"""The environment of another part of the platform (the API's container), and where it differs from ours.

Read from a file as `docker inspect`, `env` or a dotenv file has it, or from a container of this machine. Secrets are
compared by a token made with a key of this run alone: equal or not, and nothing else, can be told from it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from academyctl.errors import Both, UsageError
from academyctl.log import mask
from academyctl.settings import Leaf, Settings, leaves, shown, value_of

DOCKER_S = 10
_HERE = frozenset({"local", "localhost", "127.0.0.1"})
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SECTIONS = ("aws", "queues", "redis", "db", "r2", "platform")
# With another value of these the two parts of the platform do not meet.
_BREAKS = frozenset({
    "aws.region", "aws.endpoint_url", "queues.video", "queues.ai_lite", "queues.ai_basic", "queues.ai_premium",
    "queues.messaging", "redis.host", "redis.port", "redis.db", "db.host", "db.port", "db.name", "r2.endpoint",
    "r2.video_bucket", "r2.ai_bucket", "r2.excel_bucket",
})  # fmt: skip
# Of two secrets for one and the same key or user, one is wrong.
_SECRET_OF = {
    "aws.secret_access_key": ("aws.access_key_id",),
    "r2.secret_key": ("r2.endpoint", "r2.access_key"),
    "db.password": ("db.host", "db.name", "db.user"),
    "redis.password": ("redis.host", "redis.port"),
}
# An id that is half of a pair of keys: whose it is is nobody's business.
_KEY_IDS = frozenset({"aws.access_key_id", "r2.access_key"})
# What each part of the platform is told in its own way.
_OWN = frozenset({"aws.profile", "aws.session_token", "db.connect_timeout_s", "db.conn_max_age_s", "db.sslmode",
                  "redis.timeout_s", "redis.tls", "platform.debug", "r2.region"})  # fmt: skip


@dataclass(frozen=True)
class Other:
    """Another environment: what it is called in the report, and its variables."""

    name: str
    env: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """A setting with another value there. `here` and `there` are '' when not set; of secrets they are tokens."""

    variable: str
    section: str
    here: str
    there: str
    secret: bool
    breaks: bool


@dataclass(frozen=True)
class Against:
    """What came of the comparison; `same` is how many settings are equal."""

    name: str
    same: int
    differences: tuple[Difference, ...]


def read(source: str) -> Other:
    """A file, or `local:CONTAINER`. Raises UsageError saying what is wrong with it and how to get a right one."""
    path = Path(source)
    host, colon, container = source.rpartition(":")
    # One letter before the colon is a drive.
    if colon and len(host) > 1 and not path.exists():
        return Other(source, _parsed(_of_container(host, container), source))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _no_environment(f"{source} cannot be read", error.strerror or str(error)) from error
    return Other(path.name, _parsed(_text(raw, source), source))


def parse(text: str) -> dict[str, str]:
    """Variables of `docker inspect` (whole or its Env list), of a JSON object, of `env`, or of a dotenv file."""
    stripped = text.strip()
    if stripped[:1] in ("[", "{"):
        try:
            return dict(_of_json(json.loads(stripped)))
        except ValueError:
            return {}
    # Lines that name no variable go on with a value above them, as `env` prints a certificate.
    lines = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match.group(1): _value(match.group(2)) for match in lines if match}


def compare(settings: Settings, other: Other) -> Against:
    """Every setting that both sides must agree on."""
    key = secrets.token_bytes(32)
    ours = {leaf.path: _ours(settings, leaf) for leaf in _shared()}
    theirs = {leaf.path: _theirs(other.env, leaf) for leaf in _shared()}
    hidden = [values[leaf.path] for leaf in _shared() if leaf.secret for values in (ours, theirs)]
    out: list[Difference] = []
    same = 0
    for leaf in _shared():
        here, there = ours[leaf.path], theirs[leaf.path]
        if here == there:
            same += bool(here)
            continue
        secret = leaf.secret or leaf.path in _KEY_IDS
        pair = _SECRET_OF.get(leaf.path, ())
        breaks = leaf.path in _BREAKS or (bool(pair) and all(ours[one] == theirs[one] for one in pair))
        told = (_token(here, key), _token(there, key)) if secret else (mask(here, hidden), mask(there, hidden))
        section = leaf.path.partition(".")[0]
        breaks = breaks and bool(here) and bool(there)
        out.append(Difference(leaf.env[0], section, told[0], told[1], secret, breaks))
    return Against(other.name, same, tuple(out))


def _shared() -> list[Leaf]:
    return [leaf for leaf in leaves() if leaf.path.partition(".")[0] in _SECTIONS and leaf.path not in _OWN]


def _ours(settings: Settings, leaf: Leaf) -> str:
    value: Any = value_of(settings, leaf.path)
    return _plain(value.get_secret_value() if leaf.secret and value is not None else shown(value, secret=False))


def _theirs(env: Mapping[str, str], leaf: Leaf) -> str:
    said = next((env[name] for name in leaf.env if env.get(name, "").strip()), None)
    return _plain(shown(leaf.default, secret=False) if said is None else said)


def _plain(value: str) -> str:
    """Without what makes no difference."""
    value = value.strip()
    return value.rstrip("/") if "://" in value else value


def _token(value: str, key: bytes) -> str:
    return "#" + hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:8] if value else ""


def _of_json(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, str) and (match := _LINE.fullmatch(found)):
        yield match.group(1), match.group(2)
    elif isinstance(found, list):
        for one in found:
            yield from _of_json(one)
    elif isinstance(found, dict):
        inner = found.get("Config", found)
        listed = inner.get("Env") if isinstance(inner, dict) else None
        if listed is not None:
            yield from _of_json(listed)
        else:
            yield from ((str(name), str(value)) for name, value in found.items() if isinstance(value, str | int))


def _value(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.sub(r"\s+#.*", "", text)


def _text(raw: bytes, source: str) -> str:
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:4]
    # PowerShell's `>` writes UTF-16 or, on an older Korean one, cp949.
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _no_environment(f"{source} is no text")


def _parsed(text: str, source: str) -> dict[str, str]:
    found = parse(text)
    known = {name for leaf in _shared() for name in leaf.env}
    if not known & set(found):
        raise _no_environment(f"{source} holds none of the platform's variables")
    return found


def _of_container(host: str, container: str) -> str:
    if not _CONTAINER.fullmatch(container):
        raise _no_environment(f"'{container}' is no container's name")
    if host not in _HERE:
        raise _no_environment(
            f"{host} is another machine, and this command does not sign in to others",
            remedy=Both(
                f"fetch it and give the file: ssh {host} docker exec {container} env > api.env",
                f"먼저 받아서 파일로 지정하세요: ssh {host} docker exec {container} env > api.env",
            ),
        )
    import shutil
    import subprocess

    docker = shutil.which("docker")
    if docker is None:
        raise _no_environment("there is no docker on this machine")
    try:
        done = subprocess.run(
            [docker, "exec", container, "env"], stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=DOCKER_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_environment(f"docker did not tell the environment of {container}", str(error)) from error
    if done.returncode:
        why = done.stderr.decode("utf-8", errors="replace").strip()[:300]
        raise _no_environment(f"docker did not tell the environment of {container}", why)
    return _text(done.stdout, container)


def _no_environment(what: str, why: str = "", *, remedy: Both | None = None) -> UsageError:
    return UsageError(
        what,
        why=why,
        remedy=remedy
        or Both(
            "give the API's variables as a file: docker exec academy-api env > api.env, then --against api.env",
            "API의 변수를 파일로 지정하세요: docker exec academy-api env > api.env, 그다음 --against api.env",
        ),
    )

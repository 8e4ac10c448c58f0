"""What the settings say: gathered without touching anything outside this process (contract 9)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from academyctl.settings import COMMON, REQUIRED, Leaf, Loaded, leaves, missing, shown, value_of
from academyctl.settings_model import OBSOLETE, SELECTORS
from checks import _against
from checks._against import Against
from checks._model import World

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
# Read by other parts of the platform, or by none, but no typing errors of ours.
_PLATFORM_NAMES = """
    AI_WORKER_ID_CPU AI_WORKER_ID VIDEO_WORKER_ID VIDEO_PLAYBACK_TTL_SECONDS VIDEO_BACKLOG_API_URL VIDEO_DLQ
    VIDEO_JOB_ID VIDEO_JOB_HEARTBEAT_SECONDS VIDEO_GLOBAL_MAX_CONCURRENT VIDEO_TENANT_MAX_CONCURRENT
    VIDEO_MAX_JOBS_PER_VIDEO REDIS_URL DB_ENGINE R2_PREFIX SOLAPI_FROM AI_SQS_QUEUE_NAME MESSAGING_WORKER_ID
    AWS_SESSION_TOKEN AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_EC2_METADATA_DISABLED AWS_PAGER AWS_ROLE_ARN
    AWS_WEB_IDENTITY_TOKEN_FILE AWS_EXECUTION_ENV AWS_CA_BUNDLE AWS_DEFAULT_OUTPUT
    AWS_ACCOUNT_ID AWS_STS_REGIONAL_ENDPOINTS
"""
_PLATFORM = frozenset(_PLATFORM_NAMES.split())
# What must be below what: the reading of a file is a part of its job.
_ORDER = (("excel.read_wall_s", "ai.inference_max_s"),)
_OURS = ("AWS_", "R2_", "DB_", "REDIS_", "SOLAPI_", "VIDEO_", "AI_", "MESSAGING_", "EXCEL_", "HLS_", "FFMPEG_")


@dataclass(frozen=True)
class Missing:
    """A required value that is not there: its names (`A or B`), its section, and the workers that stop without it."""

    names: str
    section: str
    workers: str


@dataclass(frozen=True)
class Pair:
    """Two names of one setting that are set to different values; the values are empty when they are secret."""

    used: str
    used_value: str
    other: str
    other_value: str


@dataclass(frozen=True)
class Order:
    """A limit that is not below the one it must be below."""

    small: str
    small_value: int
    large: str
    large_value: int


@dataclass(frozen=True)
class Facts:
    workers: tuple[str, ...]
    """Workers whose settings are meant here; one of which nothing of its own is set is not."""
    elsewhere: tuple[str, ...]
    missing: tuple[Missing, ...]
    pairs: tuple[Pair, ...]
    obsolete: Mapping[str, str]
    misspelt: Mapping[str, str]
    padded: tuple[str, ...]
    region: str
    region_used: bool
    endpoints: Mapping[str, str]
    debug: bool
    solapi_mock: bool
    profile: str
    file: str
    orders: tuple[Order, ...]
    against: Against | None
    """The comparison with another environment, when one was given."""


def gather(world: World) -> Facts:
    loaded, env = world.loaded, world.env
    settings = loaded.settings
    here = tuple(worker for worker in REQUIRED if _meant(loaded, worker))
    return Facts(
        workers=here,
        elsewhere=tuple(worker for worker in REQUIRED if worker not in here),
        missing=_missing(loaded, here),
        pairs=tuple(_pairs(loaded, env)),
        obsolete={name: why for name, why in OBSOLETE.items() if env.get(name, "").strip()},
        misspelt=_misspelt(env),
        padded=tuple(name for leaf in _from_env(loaded) for name in leaf.env if _padded(env.get(name, ""))),
        region=settings.aws.region,
        # An emulator's endpoint does not depend on the region's name.
        region_used=not settings.aws.endpoint_url,
        endpoints={"AWS_ENDPOINT_URL": settings.aws.endpoint_url, "R2_ENDPOINT": settings.r2.endpoint},
        debug=settings.platform.debug,
        solapi_mock=settings.solapi.mock,
        profile=loaded.profile,
        file=str(loaded.file or ""),
        orders=tuple(_orders(loaded)),
        against=None if world.other is None else _against.compare(settings, world.other),
    )


def _meant(loaded: Loaded, worker: str) -> bool:
    """Whether somebody set anything that only this kind of worker needs (a database is everybody's)."""
    own = [path for group in REQUIRED[worker] if group not in COMMON for path in group]
    said = [path for path in own if loaded.sources[path] != "default"]
    return any(shown(value_of(loaded.settings, path), secret=False) for path in said)


def _missing(loaded: Loaded, here: tuple[str, ...]) -> tuple[Missing, ...]:
    sections = {" or ".join(leaf.env): leaf.path.partition(".")[0] for leaf in leaves()}
    absent: dict[str, list[str]] = {}
    # On a machine where no worker is set up, what all of them need is still worth a word.
    for worker in here or tuple(REQUIRED):
        for names in missing(loaded, worker):
            absent.setdefault(names, []).append(worker)
    if not here:
        everybody = sum(set(COMMON) <= set(groups) for groups in REQUIRED.values())
        absent = {names: workers for names, workers in absent.items() if len(workers) == everybody}
    return tuple(Missing(names, sections.get(names, ""), ", ".join(workers)) for names, workers in absent.items())


def _from_env(loaded: Loaded) -> Iterator[Leaf]:
    for leaf in leaves():
        if loaded.sources[leaf.path].startswith("env:"):
            yield leaf


def _pairs(loaded: Loaded, env: Mapping[str, str]) -> Iterator[Pair]:
    for leaf in _from_env(loaded):
        values = {name: env[name].strip() for name in leaf.env if env.get(name, "").strip()}
        if len(set(values.values())) < 2:
            continue
        used, *others = values
        other = next(name for name in others if values[name] != values[used])
        texts = ("", "") if leaf.secret else (values[used], values[other])
        yield Pair(used, texts[0], other, texts[1])


def _misspelt(env: Mapping[str, str]) -> dict[str, str]:
    known = {name for leaf in leaves() for name in leaf.env}
    quiet = known | _PLATFORM | SELECTORS | set(OBSOLETE)
    out = {}
    for name in sorted(env):
        if name in quiet or not name.startswith(_OURS):
            continue
        near = difflib.get_close_matches(name, known, 1, cutoff=0.87)
        # A variable beside the one it resembles is another variable, not a slip.
        if near and not env.get(near[0]):
            out[name] = near[0]
    return out


def _padded(value: str) -> bool:
    return value.strip() not in ("", value)


def _orders(loaded: Loaded) -> Iterator[Order]:
    named = {leaf.path: leaf.env[0] for leaf in leaves()}
    for small, large in _ORDER:
        values = (int(value_of(loaded.settings, small)), int(value_of(loaded.settings, large)))
        if values[0] >= values[1]:
            yield Order(named[small], values[0], named[large], values[1])

"""Settings: what is missing for which worker, what contradicts itself, what has no effect (contract 9)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from academyctl.settings import REQUIRED, Leaf, Loaded, leaves, missing, shown, value_of
from academyctl.settings_model import OBSOLETE, SELECTORS
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World

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
    )


MISSING = Kind("settings.missing", State.fail, Verdict.settings, ("academyctl config show --section {section}",))
REGION = Kind("settings.region-odd", State.fail, Verdict.settings, ("set AWS_REGION=ap-northeast-2",))
ENDPOINT = Kind("settings.endpoint-odd", State.fail, Verdict.settings, ("set {name}=https://{value}",))
_REGION_SET = (Because("settings.region-odd", ("used",)), Because("sqs.none-here", ("used",)))
PAIR = Kind("settings.contradiction", State.warn, Verdict.settings, ("academyctl config show",), because=_REGION_SET)
BUCKETS = Kind("settings.buckets-differ", State.fail, Verdict.settings, ("academyctl config show --section r2",))
OBSOLETE_SET = Kind("settings.obsolete", State.warn, Verdict.settings, ("academyctl config show --changed",))
MISSPELT = Kind("settings.misspelt", State.warn, Verdict.settings, ("academyctl config show --changed",))
PADDED = Kind("settings.padded", State.warn, Verdict.settings, ("academyctl config show --changed",))
DEBUG = Kind("settings.debug", State.warn, Verdict.settings, ("set DEBUG=false",))
MOCK = Kind("settings.solapi-mock", State.warn, Verdict.settings, ("set SOLAPI_MOCK=false",))


def _judge_required(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for one in facts.missing:
        evidence = ("settings", f"{one.names} is empty")
        yield MISSING.found(one.names, evidence, section=one.section, workers=one.workers)
    if not facts.missing:
        yield REQUIRED_SET.ok("", workers=", ".join(facts.workers), elsewhere=", ".join(facts.elsewhere) or "-")


def _judge_form(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    fine = True
    if facts.region_used and not _REGION.fullmatch(facts.region):
        fine = False
        yield REGION.found(
            "AWS_REGION", ("settings", f"aws.region={facts.region}"), region=facts.region, used="AWS_REGION"
        )
    for name, value in facts.endpoints.items():
        if value and not value.startswith(("http://", "https://")):
            fine = False
            yield ENDPOINT.found(name, ("settings", f"{name}={value}"), name=name, value=value)
    if fine:
        yield FORM.ok("", region=facts.region)


def _judge_agreement(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for pair in facts.pairs:
        buckets = {pair.used, pair.other} == {"R2_BUCKET", "R2_VIDEO_BUCKET"}
        evidence = [
            ("environment", f"{name}={value}" if value else f"{name} (secret, not shown)")
            for name, value in ((pair.used, pair.used_value), (pair.other, pair.other_value))
        ]
        kind = BUCKETS if buckets else PAIR
        yield kind.found(
            pair.used, *evidence, used=pair.used, other=pair.other,
            used_value=pair.used_value, other_value=pair.other_value, name=pair.used_value,
        )  # fmt: skip
    if not facts.pairs:
        yield AGREEMENT.ok()


def _judge_names(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for name, why in facts.obsolete.items():
        yield OBSOLETE_SET.found(name, ("academyctl", why), why=why)
    for name, near in facts.misspelt.items():
        yield MISSPELT.found(name, ("environment", f"{name} is read by nothing"), near=near)
    for name in facts.padded:
        yield PADDED.found(name, ("environment", f"{name} begins or ends with a blank or a line end"))
    if not (facts.obsolete or facts.misspelt or facts.padded):
        yield NAMES.ok()


def _judge_real(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.solapi_mock:
        yield MOCK.found("SOLAPI_MOCK", ("settings", "solapi.mock=True"))
    if facts.debug:
        yield DEBUG.found("DEBUG", ("settings", "platform.debug=True"))
    if not (facts.debug or facts.solapi_mock):
        yield REAL.ok()


REQUIRED_SET = Check("settings.required", _judge_required, kinds=(MISSING,))
FORM = Check("settings.form", _judge_form, kinds=(REGION, ENDPOINT))
AGREEMENT = Check("settings.agreement", _judge_agreement, kinds=(PAIR, BUCKETS))
NAMES = Check("settings.names", _judge_names, kinds=(OBSOLETE_SET, MISSPELT, PADDED))
REAL = Check("settings.real", _judge_real, kinds=(MOCK, DEBUG))
CHECKS = (REQUIRED_SET, FORM, AGREEMENT, NAMES, REAL)


def _meant(loaded: Loaded, worker: str) -> bool:
    """Whether somebody set anything that only this kind of worker needs (a database is everybody's)."""
    common = set.intersection(*(set(groups) for groups in REQUIRED.values()))
    own = [path for group in REQUIRED[worker] if group not in common for path in group]
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
        absent = {names: workers for names, workers in absent.items() if len(workers) == len(REQUIRED)}
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

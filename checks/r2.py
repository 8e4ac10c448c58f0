"""R2: the endpoint answers, takes the key, every bucket exists and may be listed and read, and browsers may use it.

Whether it may be written to is not tried: that would write.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from academyctl.settings import leaves
from checks import _trouble as t
from checks._access import WHOLE, access_finding, access_kinds, clock_finding, clock_kinds
from checks._fan import attempt, together, within
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.r2 import R2

CLIENTS = ("r2",)
# Who reads and writes it: the first three are the workers', the rest the API's own.
BUCKETS = ("video_bucket", "ai_bucket", "excel_bucket", "storage_bucket", "admin_bucket")
_WORKERS = ("video_bucket", "ai_bucket", "excel_bucket")
# An object that is not there tells as well as one that is whether reading is allowed.
_PROBE = "academyctl-probe"
# Hosts at which R2 itself, and no CDN's own rules, answers a browser.
_OWN_HOSTS = (".r2.dev", ".r2.cloudflarestorage.com")


@dataclass(frozen=True)
class Bucket:
    """A bucket of the settings; without trouble it exists and may be listed."""

    word: str
    name: str
    variable: str
    trouble: Trouble | None
    unreadable: Trouble | None = None
    """Why its objects may not be read, when they may not."""


@dataclass(frozen=True)
class Cors:
    """The video bucket's rules for browsers. `direct`: playback asks R2 itself, so they decide; `site` is whose pages.

    `rules` is None when they may not be read, and `why` says so.
    """

    rules: int | None
    plays: bool
    direct: bool
    site: str
    why: str = ""


@dataclass(frozen=True)
class Facts:
    configured: bool
    endpoint: str
    buckets: tuple[Bucket, ...]
    names: tuple[str, ...] | None
    """The account's buckets, asked for only when one is missing; None when that may not be asked."""
    skew_s: float | None
    cors: Cors | None


def gather(world: World) -> Facts:
    settings = world.stores.settings.r2
    if not settings.endpoint:
        # Without an endpoint the client would go to Amazon's S3.
        return Facts(False, "", (), None, None, None)
    names = {word: str(getattr(settings, word)) for word in BUCKETS}
    opened = attempt(lambda: world.stores.r2)
    if isinstance(opened, Trouble):
        seen: dict[str, Any] = {f"list {name}": opened for name in names.values()}
    else:
        seen = together(world, _looks(opened, sorted(set(names.values())), settings.video_bucket))
    variables = {leaf.path: leaf.env[0] for leaf in leaves()}
    buckets = tuple(
        Bucket(word, name, variables[f"r2.{word}"], _why(seen[f"list {name}"]), _why(seen.get(f"read {name}")))
        for word, name in names.items()
    )
    existing: tuple[str, ...] | None = None
    if not isinstance(opened, Trouble) and any(one.trouble and one.trouble.cause == t.MISSING for one in buckets):
        listed = within(world, "r2:ListBuckets", opened.buckets)
        existing = None if isinstance(listed, Trouble) else tuple(listed)
    cors = _cors(world, seen.get("cors"))
    return Facts(True, settings.endpoint, buckets, existing, world.stores.skew_s.get("r2"), cors)


_VARIABLES = {
    "key_variable": "R2_ACCESS_KEY",
    "secret_variable": "R2_SECRET_KEY",
    "endpoint_variable": "R2_ENDPOINT",
}
_SHOW = ("academyctl config show --section r2",)
_RESET = ("academyctl --yes local reset",)
_UNSET = Because("settings.missing", ("section",))
# One emulator may be both.
_SAME_SERVER = (Because("sqs.unreachable", ("endpoint",)), Because("aws.unreachable", ("endpoint",)))
ACCESS_KINDS = access_kinds(
    "r2",
    {
        t.UNREACHABLE: (Because("settings.endpoint-odd"), *_SAME_SERVER),
        t.HOST: (Because("settings.endpoint-odd"),),
        t.SETUP: (Because("settings.endpoint-odd"),),
        t.CLOCK: (Because("sqs.clock-wrong"), Because("aws.clock-wrong")),
        t.TIMEOUT: (Because("sqs.timeout", ("endpoint",)), Because("aws.timeout", ("endpoint",))),
        # A key that is not there is told as a wrong one.
        t.KEY: (_UNSET,),
        t.SECRET: (_UNSET,),
        t.NO_KEY: (_UNSET,),
    },
)
NOT_SET = Kind("r2.not-configured", State.fail, Verdict.settings, _SHOW, because=(_UNSET,))
NONE_HERE = Kind("r2.none-here", State.fail, Verdict.settings, _SHOW, _RESET)
_NONE = (
    Because("r2.none-here"),
    Because("settings.buckets-differ", ("name",)),
    Because("settings.differs", ("variable",)),
)
NAME = Kind("r2.bucket-name", State.fail, Verdict.settings, ("set {variable}={near}",), because=_NONE)
MISSING = Kind("r2.bucket-missing", State.fail, Verdict.infrastructure, _SHOW, _RESET, _NONE)
SPARE = Kind("r2.spare-bucket-missing", State.warn, Verdict.infrastructure, _SHOW, _RESET, _NONE)
DENIED = Kind("r2.bucket-denied", State.fail, Verdict.settings, _SHOW)
UNREADABLE = Kind("r2.bucket-unreadable", State.fail, Verdict.settings, _SHOW)
NO_CORS = Kind("r2.cors-closed", State.warn, Verdict.settings, _SHOW)
UNSEEN = Kind("r2.bucket-unseen", State.unknown, None, ("academyctl diagnose r2 --timeout 30",))


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if not facts.configured:
        yield NOT_SET.found("", ("settings", "R2_ENDPOINT is empty"), section="r2")
        return
    troubles = [one.trouble for one in facts.buckets if one.trouble]
    # One bucket that answers, or is known not to exist, and the key is good.
    if len(troubles) < len(facts.buckets) or any(one.cause not in (*WHOLE, t.DENIED, t.ODD) for one in troubles):
        yield ACCESS.ok("", endpoint=facts.endpoint)
        return
    yield access_finding(
        ACCESS_KINDS, "r2", troubles, service="R2", endpoint=facts.endpoint, region="auto", section="r2", **_VARIABLES
    )


def _judge_buckets(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    absent = [one for one in facts.buckets if one.trouble and one.trouble.cause == t.MISSING]
    if len(absent) == len(facts.buckets):
        seen = ", ".join(facts.names or ()) or "not told"
        yield NONE_HERE.found("", ("r2:ListBuckets", seen[:300]), endpoint=facts.endpoint, count=len(absent))
    fine = [one for one in facts.buckets if one.trouble is None]
    if fine:
        yield LISTABLE.ok("", count=len(fine), names=", ".join(dict.fromkeys(one.name for one in fine)))
    for one in facts.buckets:
        if one.trouble:
            yield _not_seen(facts, one, one.trouble)
        elif one.unreadable and one.unreadable.cause == t.DENIED:
            evidence = (one.unreadable.what, one.unreadable.told)
            yield UNREADABLE.found(one.name, evidence, variable=one.variable, name=one.name)
        elif one.unreadable:
            yield _not_seen(facts, one, one.unreadable)


def _not_seen(facts: Facts, bucket: Bucket, trouble: Trouble) -> Finding:
    evidence = (trouble.what, trouble.told)
    values = {"variable": bucket.variable, "name": bucket.name, "why": trouble.told, "endpoint": facts.endpoint}
    if trouble.cause == t.MISSING:
        taken = {one.name for one in facts.buckets}
        free = [name for name in facts.names or () if name not in taken]
        if near := next(iter(difflib.get_close_matches(bucket.name, free, 1, cutoff=0.75)), ""):
            return NAME.found(bucket.name, evidence, ("r2:ListBuckets", near), near=near, **values)
        kind = MISSING if bucket.word in _WORKERS else SPARE
        return kind.found(bucket.name, evidence, **values)
    kind = DENIED if trouble.cause == t.DENIED else UNSEEN
    return kind.found(bucket.name, evidence, **values)


def _judge_cors(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    cors, bucket = facts.cors, facts.buckets[0].name
    # Where a CDN answers, its rules count and not the bucket's.
    if cors is not None and cors.direct and cors.rules is not None and not cors.plays:
        evidence = ("r2:GetBucketCors", f"{cors.rules} rules, none for GET from {cors.site or 'anywhere'}")
        yield NO_CORS.found(bucket, evidence, site=cors.site or "*")
        return
    told = "-" if cors is None else cors.why if cors.rules is None else str(cors.rules)
    yield CORS.ok("", bucket=bucket, rules=told, direct="R2" if cors is not None and cors.direct else "CDN")


def _judge_clock(snapshot: Snapshot) -> Iterator[Finding]:
    yield clock_finding(CLOCK, "R2", snapshot.see(Facts).skew_s)


ACCESS = Check("r2.access", _judge_access, kinds=(NOT_SET, *ACCESS_KINDS.values()))
LISTABLE = Check(
    "r2.buckets", _judge_buckets, ("r2.access",), (NONE_HERE, NAME, MISSING, SPARE, DENIED, UNREADABLE, UNSEEN)
)
CLOCK = Check("r2.clock", _judge_clock, ("r2.access",), clock_kinds("r2", (Because("sqs.clock-off"),)))
CORS = Check("r2.cors", _judge_cors, ("r2.buckets",), (NO_CORS,))
CHECKS = (ACCESS, LISTABLE, CORS, CLOCK)


def _looks(r2: R2, names: list[str], video: str) -> dict[str, Callable[[], Any]]:
    """Every question at once: one round trip."""
    calls: dict[str, Callable[[], Any]] = {}
    for name in names:
        calls[f"list {name}"] = partial(r2.check_bucket, name)
        calls[f"read {name}"] = partial(r2.check_readable, name, _PROBE)
    calls["cors"] = partial(r2.cors, video)
    return calls


def _why(answer: object) -> Trouble | None:
    return answer if isinstance(answer, Trouble) else None


def _cors(world: World, answer: Any) -> Cors | None:
    if answer is None:
        return None
    platform, r2 = world.stores.settings.platform, world.stores.settings.r2
    played = urlsplit(platform.cdn_hls_base_url or r2.public_base_url).hostname or ""
    direct = played.endswith(_OWN_HOSTS) or (bool(played) and played == urlsplit(r2.endpoint).hostname)
    site = platform.site_url.rstrip("/")
    if isinstance(answer, Trouble):
        return Cors(None, False, direct, site, answer.code or answer.cause)
    plays = any(
        "GET" in rule.methods and any(not site or fnmatchcase(site, origin) for origin in rule.origins)
        for rule in answer
    )
    return Cors(len(answer), plays, direct, site)

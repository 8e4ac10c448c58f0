"""AWS: who we are to it, by which credentials, in which region; what is wrong with them, told once for all services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from checks import _trouble as t
from checks import sqs
from checks._access import access_finding, access_kinds
from checks._fan import within
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.settings import Loaded
    from academyctl.stores.identity import Credentials

CLIENTS = ("sts",)
_KEY_ID, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
# botocore's words for where credentials came from.
_METHODS = {
    "shared-credentials-file": "~/.aws/credentials [{profile}]",
    "config-file": "~/.aws/config [{profile}]",
    "sso": "SSO, profile {profile}",
    "login": "aws login, profile {profile}",
    "assume-role": "assumed role, profile {profile}",
    "assume-role-with-web-identity": "assumed role, AWS_WEB_IDENTITY_TOKEN_FILE",
    "custom-process": "credential_process, profile {profile}",
    "container-role": "container's role",
    "iam-role": "instance's role",
}


@dataclass(frozen=True)
class Facts:
    region: str
    region_from: str
    region_near: str
    """The region itself when it exists, or does not matter (an emulator's); else the nearest name, '' when none is."""
    endpoint: str
    source: str
    """Where the credentials come from, by name; '' when there are none."""
    key: str
    """The key id's first and last four characters; '' when there is none."""
    temporary: bool
    profile: str
    account: str
    arn: str
    trouble: Trouble | None
    """Why account and ARN are not there."""


def gather(world: World) -> Facts:
    from academyctl.stores.identity import Caller, region_near

    settings, loaded = world.stores.settings.aws, world.loaded
    # AWS is asked for nothing where there is nothing to sign with; a role's credentials may take a call of their own.
    held = within(world, "reading the credentials", lambda: world.stores.identity.credentials())  # noqa: PLW0108
    trouble = held if isinstance(held, Trouble) else None
    credentials = None if isinstance(held, Trouble) else held
    caller: Caller | None = None
    if held is None:
        trouble = Trouble(t.NO_KEY, "NoCredentialsError", "reading the credentials", "none in variables, files, roles")
    elif credentials:
        told = within(world, "sts:GetCallerIdentity *", lambda: world.stores.identity.caller())  # noqa: PLW0108
        trouble, caller = (told, None) if isinstance(told, Trouble) else (None, told)
    profile = settings.profile or world.env.get("AWS_PROFILE", "") or "default"
    return Facts(
        region=settings.region,
        region_from=_place(loaded.sources["aws.region"]),
        region_near=settings.region if settings.endpoint_url else region_near(settings.region),
        endpoint=settings.endpoint_url or f"https://sts.{settings.region}.amazonaws.com",
        source=_source(loaded, credentials, profile),
        key=credentials.key if credentials else "",
        temporary=bool(credentials and credentials.temporary),
        profile=profile,
        account=caller.account if caller else "",
        arn=caller.arn if caller else "",
        trouble=trouble,
    )


def _source(loaded: Loaded, credentials: Credentials | None, profile: str) -> str:
    if credentials is None:
        return ""
    if credentials.method == "explicit":
        return _place(loaded.sources["aws.access_key_id"])
    return _METHODS.get(credentials.method, credentials.method).format(profile=profile)


def _place(source: str) -> str:
    """A setting's source (`env:NAME`, `file:PATH[PROFILE]`, `local stack:NAME`, `default`) in an operator's words."""
    label, _, name = source.partition(":")
    if label == "file":
        return name
    return f"{label} {name}".strip().replace("env ", "environment ")


_SHOW = ("academyctl config show --section aws",)
_AGAIN = ("academyctl diagnose aws",)
_UP = ("academyctl local up",)
_REGION_ODD, _ENDPOINT_ODD = Because("settings.region-odd"), Because("settings.endpoint-odd")
REGION_UNKNOWN = Kind(
    "aws.region-unknown", State.fail, Verdict.settings, ("set AWS_REGION={wanted}",), because=(_REGION_ODD,)
)
_BY_REGION = (_REGION_ODD, _ENDPOINT_ODD, Because(REGION_UNKNOWN.code))
_UNSET = Because("settings.missing", ("section",))
KINDS = access_kinds(
    "aws",
    {
        t.UNREACHABLE: _BY_REGION, t.HOST: _BY_REGION, t.SETUP: _BY_REGION, t.TIMEOUT: (Because(REGION_UNKNOWN.code),),
        t.NO_KEY: (_UNSET,),
    },
)  # fmt: skip
HALF = Kind("aws.half-key", State.fail, Verdict.settings, _SHOW)
PROFILE = Kind("aws.profile-unknown", State.fail, Verdict.settings, _SHOW)
SIGN_IN = Kind("aws.not-signed-in", State.fail, Verdict.settings, _AGAIN)
FILE = Kind("aws.config-unreadable", State.fail, Verdict.settings, _AGAIN)
PROXY = Kind("aws.proxy", State.fail, Verdict.infrastructure, _AGAIN)
GATEWAY = Kind("aws.gateway", State.fail, Verdict.infrastructure, _AGAIN, _UP)
TLS = Kind("aws.tls", State.fail, Verdict.infrastructure, _AGAIN)
UNSEEN = Kind("aws.identity-unseen", State.warn, Verdict.infrastructure, _AGAIN)
# A denial is told as one of these: AWS answers this question to every key it knows.
_ACCESS = tuple(kind for cause, kind in KINDS.items() if cause != t.DENIED)
# Told apart by botocore's own words, for each has another remedy.
_BY_CODE = {
    "PartialCredentialsError": HALF, "ProfileNotFound": PROFILE, "ConfigParseError": FILE,
    "ProxyConnectionError": PROXY, "407": PROXY, "SSLError": TLS,
}  # fmt: skip
_SIGN_IN = ("SSO", "UnauthorizedSSO", "TokenRetrieval", "Login")
_REACH = frozenset({t.UNREACHABLE, t.HOST, t.TIMEOUT, t.DENIED, t.THROTTLED, t.ODD})


def _judge_region(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    # AWS may have opened a region since; where it answers, there is one.
    if facts.account or facts.region_near == facts.region:
        yield REGION.ok("", region=facts.region, source=facts.region_from)
        return
    evidence = (facts.region_from, f"region={facts.region}")
    yield REGION_UNKNOWN.found(
        facts.region, evidence, region=facts.region, source=facts.region_from, near=facts.region_near or "-",
        wanted=facts.region_near or "ap-northeast-2",
    )  # fmt: skip


def _judge_identity(snapshot: Snapshot) -> Iterator[Finding]:
    facts, trouble = snapshot.see(Facts), snapshot.see(Facts).trouble
    if trouble is None:
        yield IDENTITY.ok("", account=facts.account, arn=facts.arn, key=facts.key, source=facts.source)
        return
    values = {
        "key": facts.key or "-", "source": facts.source or "-", "profile": facts.profile, "why": trouble.told,
        "endpoint": facts.endpoint, "host": urlsplit(facts.endpoint).hostname or facts.endpoint, "section": "aws",
    }  # fmt: skip
    kind = _kind(trouble)
    if trouble.cause == t.DENIED or (trouble.cause in _REACH and _sqs_answers(snapshot)):
        kind = UNSEEN
    if kind is not None:
        told = [(trouble.what, trouble.told)]
        told += [("credentials", f"{facts.key} from {facts.source}")] if facts.key else []
        yield kind.found("", *told, **values)
        return
    yield access_finding(
        KINDS, "aws", [trouble], service="AWS", region=facts.region, key_variable=_KEY_ID, secret_variable=_SECRET,
        endpoint_variable="AWS_ENDPOINT_URL", **values,
    )  # fmt: skip


def _kind(trouble: Trouble) -> Kind | None:
    """The kind that is finer than the trouble's cause, if there is one."""
    if trouble.code.startswith(_SIGN_IN):
        return SIGN_IN
    if "407" in trouble.why and "proxy" in trouble.why.lower():
        return PROXY
    return _BY_CODE.get(trouble.code) or (GATEWAY if trouble.code.isdigit() else None)


def _sqs_answers(snapshot: Snapshot) -> bool:
    seen = snapshot.find(sqs.Facts)
    return seen is not None and (seen.names is not None or any(queue.box for queue in seen.queues))


REGION = Check("aws.region", _judge_region, kinds=(REGION_UNKNOWN,))
IDENTITY = Check(
    "aws.identity", _judge_identity, kinds=(*_ACCESS, HALF, PROFILE, SIGN_IN, FILE, PROXY, GATEWAY, TLS, UNSEEN)
)
CHECKS = (REGION, IDENTITY)

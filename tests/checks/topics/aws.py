"""AWS facts of a good key, and what can be wrong with a key, a profile, a region and the way to AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import aws
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
FACTS = aws.Facts(
    region="ap-northeast-2", region_from="environment AWS_REGION", region_near="ap-northeast-2",
    endpoint="https://sts.ap-northeast-2.amazonaws.com", source="environment AWS_ACCESS_KEY_ID", key="AKIA...WXYZ",
    temporary=False, profile="default", account="123456789012", arn="arn:aws:iam::123456789012:user/worker",
    trouble=None,
)  # fmt: skip


def away(cause: str, code: str = "", why: str = "", what: str = "sts:GetCallerIdentity *") -> aws.Facts:
    """The facts of an account that AWS, or the way to it, told nothing about."""
    return replace(FACTS, account="", arn="", trouble=Trouble(cause, code, what, why or code))


def no_key(code: str, why: str = "", cause: str = t.SETUP) -> aws.Facts:
    """The facts where nothing could be signed."""
    return replace(away(cause, code, why, "reading the credentials AWS"), source="", key="")


def cases() -> tuple[Case, ...]:
    from tests.checks import facts as f

    def both(cause: str, code: str = "", **changes: Any) -> dict[str, Any]:
        return {"aws": away(cause, code, **changes), "sqs": f.all_absent(cause, code)}

    odd_region = replace(away(t.HOST, "EndpointConnectionError"), region="ap-northeast2")
    return (
        fail("AWS does not know the key", "aws.key-unknown", V.settings, "sqs.key-unknown", **both(t.KEY)),
        fail("the secret is another key's", "aws.secret-wrong", V.settings, "sqs.secret-wrong", **both(t.SECRET)),
        fail("the session is over", "aws.credentials-expired", V.settings, "sqs.credentials-expired",
             **both(t.EXPIRED, "ExpiredToken")),
        fail("the signature is too old", "aws.clock-wrong", V.infrastructure, "sqs.clock-wrong", "r2.clock-wrong",
             **both(t.CLOCK), r2=f.buckets(t.CLOCK)),
        fail("there is no key at all", "aws.no-credentials", V.settings, "sqs.no-credentials",
             aws=no_key("NoCredentialsError", cause=t.NO_KEY), sqs=f.all_absent(t.NO_KEY)),
        fail("half a key", "aws.half-key", V.settings, "sqs.no-credentials",
             aws=no_key("PartialCredentialsError", cause=t.NO_KEY), sqs=f.all_absent(t.NO_KEY)),
        fail("a profile that is none", "aws.profile-unknown", V.settings, "sqs.setup",
             aws=no_key("ProfileNotFound"), sqs=f.all_absent(t.SETUP)),
        fail("nobody signed in", "aws.not-signed-in", V.settings, "sqs.credentials-expired",
             aws=no_key("SSOTokenLoadError", cause=t.EXPIRED), sqs=f.all_absent(t.EXPIRED)),
        fail("a configuration file with a BOM", "aws.config-unreadable", V.settings, "sqs.setup",
             aws=no_key("ConfigParseError"), sqs=f.all_absent(t.SETUP)),
        fail("a client that cannot be made", "aws.setup", V.settings, "sqs.setup",
             aws=no_key("InvalidConfigError"), sqs=f.all_absent(t.SETUP)),
        fail("AWS is away", "aws.unreachable", V.infrastructure, "sqs.unreachable", **both(t.UNREACHABLE)),
        fail("the name of AWS's host is unknown", "aws.host-unknown", V.settings, "sqs.host-unknown", **both(t.HOST)),
        fail("a page for signing in", "aws.stranger", V.infrastructure, "sqs.stranger", **both(t.STRANGER)),
        fail("the proxy wants a password", "aws.proxy", V.infrastructure, "sqs.unreachable",
             **both(t.UNREACHABLE, "407")),
        fail("the gateway is broken", "aws.gateway", V.infrastructure, "sqs.unreachable", **both(t.UNREACHABLE, "502")),
        fail("a certificate of its own", "aws.tls", V.infrastructure, "sqs.unreachable",
             **both(t.UNREACHABLE, "SSLError")),
        unknown("AWS is silent", "aws.timeout", "sqs.timeout", **both(t.TIMEOUT)),
        unknown("AWS throttles", "aws.throttled", "sqs.throttled", **both(t.THROTTLED)),
        unknown("AWS answers nonsense", "aws.odd", "sqs.odd", **both(t.ODD, "Odd")),
        warn("the key may not ask whose it is", "aws.identity-unseen", V.infrastructure,
             aws=away(t.DENIED, "AccessDenied")),
        warn("a private network without STS", "aws.identity-unseen", V.infrastructure,
             aws=away(t.TIMEOUT, "ConnectTimeoutError")),
        fail("a region that AWS does not have", "aws.region-unknown", V.settings, "aws.host-unknown",
             "sqs.host-unknown", aws=replace(odd_region, region="ap-northeast-22"), sqs=f.all_absent(t.HOST)),
        fail("a misspelt region", "settings.region-odd", V.settings, "aws.region-unknown", "aws.host-unknown",
             "sqs.host-unknown", aws=odd_region, sqs=f.all_absent(t.HOST),
             settings=replace(f.SETTINGS, region="ap-northeast2")),
    )  # fmt: skip

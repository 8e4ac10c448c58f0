"""Can a service be used at all? The same questions, codes and remedies for every service with keys and an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from checks import _trouble as t
from checks._model import Because, Check, Finding, Kind, State, Verdict
from checks._trouble import Trouble

CLOCK_S = 60
"""AWS refuses signatures that are 15 minutes off; a clock that is a minute off is on its way there."""
_SHOW = ("academyctl config show",)
# Cause of the trouble -> (code, state, whose fault it is, next commands, on the embedded stack).
_TABLE: tuple[tuple[str, str, State, Verdict | None, tuple[str, ...], tuple[str, ...]], ...] = (
    (t.KEY, "key-unknown", State.fail, Verdict.settings, _SHOW, ()),
    (t.SECRET, "secret-wrong", State.fail, Verdict.settings, _SHOW, ()),
    (t.NO_KEY, "no-credentials", State.fail, Verdict.settings, _SHOW, ()),
    (t.EXPIRED, "credentials-expired", State.fail, Verdict.settings, _SHOW, ()),
    (t.CLOCK, "clock-wrong", State.fail, Verdict.infrastructure, ("academyctl diagnose {topic}",), ()),
    (t.DENIED, "denied", State.fail, Verdict.settings, _SHOW, ()),
    (t.UNREACHABLE, "unreachable", State.fail, Verdict.infrastructure, _SHOW, ("academyctl local up",)),
    (t.HOST, "host-unknown", State.fail, Verdict.settings, _SHOW, ()),
    (t.STRANGER, "stranger", State.fail, Verdict.infrastructure, _SHOW, ()),
    (t.SETUP, "setup", State.fail, Verdict.settings, _SHOW, ()),
    (t.TIMEOUT, "timeout", State.unknown, Verdict.infrastructure, ("academyctl diagnose {topic} --timeout 30",), ()),
    (t.THROTTLED, "throttled", State.unknown, Verdict.capacity, ("academyctl diagnose {topic}",), ()),
    (t.ODD, "odd", State.unknown, None, ("academyctl diagnose {topic}",), ()),
)
# When several calls failed differently, what is told: the account-wide causes before the passing ones.
_ORDER = tuple(row[0] for row in _TABLE)
# With one of these the next call would fail in the same way.
WHOLE = frozenset(_ORDER) - {t.DENIED, t.ODD}
# What topic `aws` found out about the account, by the cause that one of its services then reads.
_REACH = ("unreachable", "proxy", "gateway", "tls", "stranger", "region-unknown")
_ACCOUNT: dict[str, tuple[str, ...]] = {
    t.KEY: ("key-unknown", "secret-wrong", "clock-wrong"),
    t.SECRET: ("secret-wrong", "clock-wrong"),
    t.NO_KEY: ("no-credentials", "half-key"),
    t.EXPIRED: ("credentials-expired", "not-signed-in"),
    t.CLOCK: ("clock-wrong",),
    t.UNREACHABLE: _REACH,
    t.HOST: ("host-unknown", "region-unknown"),
    t.STRANGER: _REACH,
    t.SETUP: ("profile-unknown", "not-signed-in", "config-unreadable", "setup"),
    t.TIMEOUT: ("timeout", "region-unknown", *_REACH),
    t.THROTTLED: ("throttled",),
    t.ODD: ("odd", *_REACH),
}
# Actions that a policy cannot limit to one resource, and the ARN of the others' subjects.
_UNBOUND = frozenset({"sqs:ListQueues", "lambda:ListFunctions", "events:ListRules"})
_ARNS = {
    "sqs": "arn:aws:sqs:{region}:*:{name}",
    "lambda": "arn:aws:lambda:{region}:*:function:{name}",
    "events": "arn:aws:events:{region}:*:rule/{name}",
    "logs": "arn:aws:logs:{region}:*:log-group:{name}:*",
}
# Who may one of these needs the others as well: a policy is mended once, not once a look (contract 8.5).
_TOGETHER = (
    ("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
    ("events:DescribeRule", "events:ListTargetsByRule"),
    ("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribePolicies", "autoscaling:DescribeScalingActivities"),
)


def account_causes(cause: str) -> tuple[Because, ...]:
    """What explains a trouble of a service of AWS when it is the whole account's, as topic `aws` names it."""
    return tuple(Because(f"aws.{code}") for code in _ACCOUNT.get(cause, ()))


def access_kinds(
    topic: str, because: Mapping[str, Sequence[Because]] | None = None, *, of_account: bool = False
) -> dict[str, Kind]:
    """The kinds of one service, by trouble cause; `because` adds what explains a cause.

    `of_account`: the service is AWS's own and has topic `aws`'s key, so what that finds explains it too.
    """
    because = because or {}
    wider = account_causes if of_account else lambda _cause: ()
    return {
        cause: Kind(f"{topic}.{code}", state, verdict, commands, local, (*because.get(cause, ()), *wider(cause)))
        for cause, code, state, verdict, commands, local in _TABLE
    }


def statement(troubles: Iterable[Trouble], region: str) -> str:
    """The IAM policy statement (JSON) that allows what these troubles say is denied; '' when nothing is."""
    asked = [one.what.partition(" ")[::2] for one in troubles if one.cause == t.DENIED and ":" in one.what]
    if not asked:
        return ""
    actions = {action for action, _ in asked}
    for group in _TOGETHER:
        if actions & set(group):
            actions |= set(group)
    names = {(action.partition(":")[0], name.rpartition(" ")[2]) for action, name in asked}
    if actions & _UNBOUND or any(service not in _ARNS or name in ("", "*") for service, name in names):
        arns = ["*"]
    else:
        arns = sorted(_ARNS[service].format(region=region or "*", name=name) for service, name in names)
    told = {"Effect": "Allow", "Action": sorted(actions), "Resource": arns[0] if len(arns) == 1 else arns}
    return json.dumps(told, separators=(",", ":"))


def worst(troubles: Iterable[Trouble]) -> Trouble | None:
    """The trouble that says most about why nothing works."""
    return min(troubles, key=lambda one: _ORDER.index(one.cause) if one.cause in _ORDER else len(_ORDER), default=None)


def access_finding(kinds: Mapping[str, Kind], topic: str, troubles: Sequence[Trouble], **values: object) -> Finding:
    """One finding for all the troubles of a service that did nothing for us."""
    first = worst(troubles)
    assert first is not None
    kind = kinds.get(first.cause, kinds[t.ODD])
    action = first.what.partition(" ")[0]
    allow = statement(troubles, str(values.get("region", ""))) or "-"
    given = {"topic": topic, "why": first.told, "action": action, "statement": allow, **values}
    # One line a cause: ten queues with one bad key need no ten lines.
    told = {one.cause: (one.what, one.told) for one in reversed((first, *troubles))}
    return kind.found("", *reversed(told.values()), **given)


def clock_kinds(topic: str, because: tuple[Because, ...] = ()) -> tuple[Kind, Kind]:
    """(our clock is off, the service did not tell its time)."""
    again = (f"academyctl diagnose {topic}",)
    return (
        Kind(f"{topic}.clock-off", State.warn, Verdict.infrastructure, again, because=because),
        Kind(f"{topic}.clock-unseen", State.unknown, None, again),
    )


def clock_finding(check: Check, service: str, skew_s: float | None) -> Finding:
    """Our clock against a service's own, as its answers told it (None: they did not)."""
    off, unseen = check.kinds
    source = f"{service}, header Date"
    if skew_s is None:
        return unseen.found("", (source, "not there"), service=service)
    if abs(skew_s) > CLOCK_S:
        return off.found("", (source, f"{skew_s:+.0f} s"), seconds=f"{abs(skew_s):.0f}", service=service)
    return check.ok("", seconds=f"{abs(skew_s):.0f}")

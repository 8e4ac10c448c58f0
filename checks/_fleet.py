"""What the topics of the AWS fleet have in common: the roles, whether AWS answers, what a key needs to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from checks import _trouble as t
from checks._access import access_kinds
from checks._model import Because, Kind, State
from checks._trouble import Trouble

T = TypeVar("T")

ROLES: Mapping[str, tuple[str, ...]] = {
    "video": ("video",),
    "ai": ("ai_lite", "ai_basic", "ai_premium"),
    "messaging": ("messaging",),
}
"""A kind of worker -> the words of the queues that it takes messages from."""
FRESH_S = 900
"""A metric without a datapoint for so long is silent."""
ACTIONS = (
    '{"Effect":"Allow","Action":["autoscaling:Describe*","ec2:DescribeInstances","lambda:GetFunctionConfiguration",'
    '"events:DescribeRule","events:ListTargetsByRule","cloudwatch:GetMetricData","cloudwatch:DescribeAlarms",'
    '"logs:FilterLogEvents","batch:Describe*","batch:ListJobs","ecr:DescribeImages"],"Resource":"*"}'
)
"""The IAM policy statement of a key that may see the fleet; all of it only reads (contract 8.5)."""
VARIABLES = {
    "key_variable": "AWS_ACCESS_KEY_ID",
    "secret_variable": "AWS_SECRET_ACCESS_KEY",
    "endpoint_variable": "AWS_ENDPOINT_URL",
    "actions": ACTIONS,
}
# How the same bad key reads where the answer does not say what is wrong with it.
_BAD_KEY = ("key-unknown", "secret-wrong", "credentials-expired", "denied")


def fleet_kinds(topic: str, *before: str) -> dict[str, Kind]:
    """The kinds of `topic.access`. What SQS, or a topic of `before`, says about the same account is said once.

    A key that may not look at the fleet is no fault: workers need none of these rights. So it is unknown, not wrong.
    """
    plain = access_kinds(topic, of_account=True)
    made = {}
    for cause, kind in plain.items():
        name = kind.code.partition(".")[2]
        words = _BAD_KEY if cause == t.DENIED else (name,)
        because = [Because(f"{other}.{word}") for word in words for other in ("sqs", *before)]
        if cause == t.DENIED:
            because += [Because(f"aws.{word}") for word in _BAD_KEY if word != "denied"]
        made[cause] = replace(kind, because=(*because, *kind.because))
    denied = made[t.DENIED]
    made[t.DENIED] = replace(denied, state=State.unknown, cause=None)
    return made


def split(one: T | Trouble) -> tuple[T | None, Trouble | None]:
    """(value, trouble), exactly one of which is there; a value of None stays None."""
    return (None, one) if isinstance(one, Trouble) else (one, None)


def first_trouble(seen: Mapping[str, object], *words: str) -> Trouble | None:
    """The first of these calls that failed; those that were not made did not."""
    return next((one for word in words if isinstance(one := seen.get(word), Trouble)), None)


def age_s(now: datetime, at: datetime | None) -> float | None:
    """Seconds, never negative: the services' clocks are not ours."""
    return None if at is None else max(0.0, round((now - at).total_seconds(), 1))


def endpoint_of(region: str, endpoint_url: str, service: str) -> str:
    """Where a service is asked."""
    return endpoint_url or f"https://{service}.{region}.amazonaws.com"

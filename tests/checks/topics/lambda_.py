"""Facts of a queue-depth function that runs each minute, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import lambda_
from checks._lambda_facts import Function, LogLine, Name, Published, Rule
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
NAME = "academy-worker-queue-depth-metric"
ARN = f"arn:aws:lambda:ap-northeast-2:000000000000:function:{NAME}"
QUEUE = Name("VIDEO_QUEUE", "academy-video-jobs", "VIDEO_SQS_QUEUE_NAME", "academy-video-jobs", "video")
FUNCTION = Function(NAME, ARN, "Active", "", "Successful", "python3.11", 128, 30, (QUEUE,), None)
RULE = Rule("academy-worker-queue-depth-rate", "ENABLED", "rate(1 minute)", (ARN,))
PUBLISHED = tuple(Published(worker, 40.0, 0.0, 0.0, 0.0) for worker in ("Video", "AI", "Messaging"))
FACTS = lambda_.Facts(
    region="ap-northeast-2", endpoint="https://lambda.ap-northeast-2.amazonaws.com", name=NAME, function=FUNCTION,
    function_trouble=None, rule_name=RULE.name, rule=RULE, rule_trouble=None, published=PUBLISHED,
    history=(), runs=15, failures=0,
    failing=False, metric_trouble=None, errors=(), errors_trouble=None, jobs_per_worker=1, scaled_by=(),
    scaled_trouble=None,
)  # fmt: skip
ERROR = LogLine(30.0, "[ERROR] RuntimeError: queues could not be read: Video: AccessDenied")
SILENT = tuple(replace(one, age_s=None, then=None, counted=None) for one in PUBLISHED)
BLIND = tuple(replace(one, counted=12.0) for one in PUBLISHED)


def function(**changes: Any) -> lambda_.Facts:
    """The facts with a changed function."""
    return replace(FACTS, function=replace(FUNCTION, **changes))


def rule(**changes: Any) -> lambda_.Facts:
    """The facts with a changed rule."""
    return replace(FACTS, rule=replace(RULE, **changes))


def away(cause: str, code: str = "") -> lambda_.Facts:
    """The facts of an account in which nothing of it could be seen."""
    trouble = Trouble(cause, code, "lambda:GetFunctionConfiguration x", code)
    return replace(
        FACTS, function=None, function_trouble=trouble, rule=None, rule_trouble=trouble, published=(), runs=0,
        metric_trouble=trouble,
    )  # fmt: skip


def cases() -> tuple[Case, ...]:
    from tests.checks import facts as f
    from tests.checks.topics import scaling

    denied = Trouble(t.DENIED, "AccessDenied", "events:DescribeRule x", "AccessDenied")
    waiting = f.queue("video", box=f.box("academy-video-jobs", visible=12, in_flight=1))
    other = replace(QUEUE, found="academy-video-jobs-old")
    return (
        fail("Lambda does not know the key", "lambda.key-unknown", V.settings, **{"lambda": away(t.KEY)}),
        fail("Lambda refuses the secret", "lambda.secret-wrong", V.settings, **{"lambda": away(t.SECRET)}),
        fail("no credentials for Lambda", "lambda.no-credentials", V.settings, **{"lambda": away(t.NO_KEY)}),
        fail("Lambda's session expired", "lambda.credentials-expired", V.settings, **{"lambda": away(t.EXPIRED)}),
        fail("Lambda refuses the clock", "lambda.clock-wrong", V.infrastructure, **{"lambda": away(t.CLOCK)}),
        fail("Lambda is down", "lambda.unreachable", V.infrastructure, **{"lambda": away(t.UNREACHABLE)}),
        fail("Lambda's host is unknown", "lambda.host-unknown", V.settings, **{"lambda": away(t.HOST)}),
        fail("something else answers as Lambda", "lambda.stranger", V.infrastructure, **{"lambda": away(t.STRANGER)}),
        fail("Lambda's client cannot be made", "lambda.setup", V.settings, **{"lambda": away(t.SETUP)}),
        unknown("the function may not be looked at", "lambda.denied", **{"lambda": away(t.DENIED, "AccessDenied")}),
        unknown("Lambda is silent", "lambda.timeout", **{"lambda": away(t.TIMEOUT)}),
        unknown("Lambda throttles", "lambda.throttled", **{"lambda": away(t.THROTTLED)}),
        unknown("Lambda answers nonsense", "lambda.odd", **{"lambda": away(t.ODD)}),
        unknown("nothing of the fleet may be looked at", "scaling.denied", "lambda.denied",
                scaling=scaling.away(t.DENIED), **{"lambda": away(t.DENIED)}),
        fail("the function is gone", "lambda.function-missing", V.infrastructure, "scaling.nothing-scales",
             scaling=replace(scaling.FACTS, function_there=False), **{"lambda": replace(FACTS, function=None)}),
        unknown("the function is gone and nobody may say who scales", "lambda.need-unseen",
                **{"lambda": replace(FACTS, function=None, scaled_trouble=denied)}),
        fail("the function is not active", "lambda.not-active", V.infrastructure,
             **{"lambda": function(state="Failed", why="The role cannot be assumed")}),
        fail("the function's update failed", "lambda.not-active", V.infrastructure,
             **{"lambda": function(last_update="Failed")}),
        fail("the function looks at another queue", "lambda.names-other", V.settings,
             **{"lambda": function(names=(other,))}),
        warn("twenty messages an instance", "lambda.per-worker", V.capacity, **{"lambda": function(per_worker=20)}),
        fail("the rule is gone", "lambda.rule-missing", V.infrastructure, **{"lambda": replace(FACTS, rule=None)}),
        fail("the rule is disabled", "lambda.rule-disabled", V.infrastructure, **{"lambda": rule(state="DISABLED")}),
        fail("the rule runs nothing", "lambda.no-target", V.infrastructure, **{"lambda": rule(targets=())}),
        fail("the rule runs another function", "lambda.no-target", V.infrastructure,
             **{"lambda": rule(targets=(f"{ARN}-old",))}),
        warn("the rule is rare", "lambda.rule-rare", V.capacity, **{"lambda": rule(schedule="rate(1 hour)")}),
        unknown("the rule may not be looked at", "lambda.rule-unseen",
                **{"lambda": replace(FACTS, rule=None, rule_trouble=denied)}),
        fail("the function fails", "lambda.failing", V.infrastructure, "lambda.silent",
             **{"lambda": replace(FACTS, published=SILENT, failures=15, failing=True, errors=(ERROR,))}),
        warn("the function failed", "lambda.errors", V.infrastructure,
             **{"lambda": replace(FACTS, failures=2, errors_trouble=denied)}),
        fail("the function publishes nothing", "lambda.silent", V.infrastructure,
             **{"lambda": replace(FACTS, published=SILENT, runs=0)}),
        unknown("the metric may not be looked at", "lambda.metric-unseen",
                **{"lambda": replace(FACTS, published=(), metric_trouble=denied)}),
        fail("the function saw nothing", "lambda.saw-nothing", V.infrastructure, sqs=waiting,
             **{"lambda": replace(FACTS, published=BLIND)}),
        fail("the function saw nothing and nobody is there", "lambda.saw-nothing", V.infrastructure, "scaling.nobody",
             "sqs.not-consumed", sqs=f.queue("video", box=f.box("academy-video-jobs", visible=12)),
             scaling=scaling.group(min=0, desired=0, in_service=0), **{"lambda": replace(FACTS, published=BLIND)}),
    )  # fmt: skip

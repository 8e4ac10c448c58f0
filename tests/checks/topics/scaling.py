"""Scaling facts of a fleet that a Lambda function sizes, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import scaling
from checks._model import Verdict
from checks._scaling_facts import Activity, Group, Policy, Role
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
GROUP = Group(min=1, desired=1, max=20, in_service=1, protected=False)
ROLES = tuple(
    Role(word, f"academy-{word}-worker-asg", f"{word.upper()}_WORKER_ASG_NAME", GROUP)
    for word in ("video", "ai", "messaging")
)
VIDEO = ROLES[0].name
FACTS = scaling.Facts(
    region="ap-northeast-2", endpoint="https://autoscaling.ap-northeast-2.amazonaws.com", roles=ROLES, trouble=None,
    names=(), activities=(), activities_trouble=None, policies=(), policies_trouble=None,
    function="academy-worker-queue-depth-metric", function_there=True, function_trouble=None,
    batch_queue="academy-v1-video-batch-queue", batch_there=None,
    details_trouble=None, batch_trouble=None, published_only=(),
)  # fmt: skip
TOTAL = Policy(
    group=VIDEO, name="video-backlogcount-tt", kind="TargetTrackingScaling", target=1.0,
    metric="Academy/VideoProcessing/VideoQueueDepthTotal", per_instance=False, adjustments=(),
    alarms=("TargetTracking-x",), silent=False,
)  # fmt: skip
PER_INSTANCE = replace(TOTAL, metric="", per_instance=True, silent=None)
PLAIN = replace(TOTAL, metric="Academy/Video/BacklogPerInstance", per_instance=True, silent=None)
STEP = Policy(
    group=VIDEO, name="video-queue-scaleout", kind="StepScaling", target=None, metric="", per_instance=False,
    adjustments=(1,), alarms=("academy-video-queue-depth-scaleout",), silent=None,
)  # fmt: skip
BROKEN = Activity(VIDEO, "Failed", "Launching a new EC2 instance", "The image id '[ami-1]' does not exist.", 90.0)


def role(word: str = "video", **changes: Any) -> scaling.Facts:
    """The facts with one role changed."""
    return replace(FACTS, roles=tuple(replace(one, **changes) if one.word == word else one for one in FACTS.roles))


def group(word: str = "video", **changes: Any) -> scaling.Facts:
    """The facts with one role's group changed."""
    return role(word, group=replace(GROUP, **changes))


def away(cause: str, code: str = "", what: str = "autoscaling:DescribeAutoScalingGroups x") -> scaling.Facts:
    """The facts of an account in which nothing of it could be seen."""
    trouble = Trouble(cause, code, what, code)
    gone = tuple(replace(one, group=None) for one in ROLES)
    return replace(
        FACTS, roles=gone, trouble=trouble, activities_trouble=trouble, policies_trouble=trouble, function_there=None,
        function_trouble=trouble,
    )  # fmt: skip


def _failed(message: str) -> scaling.Facts:
    return replace(FACTS, activities=(replace(BROKEN, message=message), replace(BROKEN, age_s=200.0)))


def cases() -> tuple[Case, ...]:
    from tests.checks import facts as f

    waiting = f.queue("video", box=f.box("academy-video-jobs", visible=12))
    growing = f.queue("video", box=f.box("academy-video-jobs", visible=3, in_flight=1))
    gone = tuple(replace(one, group=None) for one in ROLES)
    denied = Trouble(t.DENIED, "AccessDenied", "lambda:GetFunctionConfiguration x", "AccessDenied")
    odd = replace(denied, cause=t.ODD)
    return (
        fail("Auto Scaling does not know the key", "scaling.key-unknown", V.settings, scaling=away(t.KEY)),
        fail("Auto Scaling refuses the secret", "scaling.secret-wrong", V.settings, scaling=away(t.SECRET)),
        fail("no credentials for Auto Scaling", "scaling.no-credentials", V.settings, scaling=away(t.NO_KEY)),
        fail("Auto Scaling's session expired", "scaling.credentials-expired", V.settings, scaling=away(t.EXPIRED)),
        fail("Auto Scaling refuses the clock", "scaling.clock-wrong", V.infrastructure, scaling=away(t.CLOCK)),
        fail("Auto Scaling is down", "scaling.unreachable", V.infrastructure, scaling=away(t.UNREACHABLE)),
        fail("Auto Scaling's host is unknown", "scaling.host-unknown", V.settings, scaling=away(t.HOST)),
        fail("something else answers as Auto Scaling", "scaling.stranger", V.infrastructure, scaling=away(t.STRANGER)),
        fail("Auto Scaling's client cannot be made", "scaling.setup", V.settings, scaling=away(t.SETUP)),
        unknown("the fleet may not be looked at", "scaling.denied", scaling=away(t.DENIED, "AccessDenied")),
        unknown("Auto Scaling is silent", "scaling.timeout", scaling=away(t.TIMEOUT)),
        unknown("Auto Scaling throttles", "scaling.throttled", scaling=away(t.THROTTLED)),
        unknown("Auto Scaling answers nonsense", "scaling.odd", scaling=away(t.ODD)),
        fail("one bad key for SQS and the fleet", "sqs.key-unknown", V.settings, "scaling.key-unknown",
             sqs=f.all_absent(t.KEY, "InvalidClientTokenId"), scaling=away(t.KEY)),
        fail("no group at all", "scaling.none-here", V.infrastructure,
             scaling=replace(FACTS, roles=gone, batch_there=False)),
        fail("a misspelt group", "scaling.group-name", V.settings,
             scaling=replace(role(name="academy-vidio-worker-asg", group=None), names=(VIDEO, ROLES[1].name))),
        fail("a group is gone", "scaling.group-missing", V.infrastructure, scaling=role(group=None)),
        fail("nothing scales", "scaling.nothing-scales", V.infrastructure,
             scaling=replace(FACTS, function_there=False)),
        warn("the function only publishes", "scaling.publishes-only", V.capacity,
             scaling=replace(FACTS, published_only=("video",))),
        unknown("who scales is denied", "scaling.design-unseen",
                scaling=replace(FACTS, function_there=None, function_trouble=odd)),
        unknown("a policy's alarms are denied", "scaling.design-unseen",
                scaling=replace(FACTS, policies=(replace(STEP, alarms=()),), details_trouble=denied)),
        unknown("a policy's metric is denied", "scaling.design-unseen",
                scaling=replace(FACTS, policies=(PLAIN,), details_trouble=denied)),
        unknown("whether Batch does it is denied", "scaling.group-unseen",
                scaling=replace(role(group=None), batch_trouble=denied)),
        unknown("policies are denied", "scaling.design-unseen", scaling=replace(FACTS, policies_trouble=denied)),
        warn("a total is tracked", "scaling.total-tracked", V.capacity, scaling=replace(FACTS, policies=(TOTAL,))),
        fail("a tracked metric is silent", "scaling.metric-silent", V.infrastructure,
             scaling=replace(FACTS, policies=(replace(PER_INSTANCE, metric="Academy/x/PerInstance", silent=True),))),
        fail("a policy without alarm", "scaling.no-alarm", V.infrastructure,
             scaling=replace(FACTS, policies=(replace(STEP, alarms=()),))),
        fail("instances cannot be started", "scaling.activity-failed", V.infrastructure,
             scaling=_failed(BROKEN.message)),
        fail("no machine is left", "scaling.no-machines", V.capacity,
             scaling=_failed("We currently do not have sufficient t4g.medium capacity: InsufficientInstanceCapacity")),
        unknown("activities are denied", "scaling.activities-unseen",
                scaling=replace(FACTS, activities_trouble=denied)),
        warn("instances are protected at launch", "scaling.protected-at-launch", V.infrastructure,
             scaling=group(protected=True)),
        fail("messages wait and nobody is there", "scaling.nobody", V.capacity, "sqs.not-consumed", sqs=waiting,
             scaling=group(desired=0, min=0, in_service=0)),
        fail("messages wait and none may be there", "scaling.nobody", V.capacity, "sqs.not-consumed", sqs=waiting,
             scaling=group(desired=0, min=0, max=0, in_service=0)),
        fail("messages wait and instances cannot be started", "scaling.activity-failed", V.infrastructure,
             "scaling.nobody", "sqs.not-consumed", sqs=waiting,
             scaling=replace(group(in_service=0), activities=(BROKEN,))),
        fail("work waits at a maximum of one", "scaling.max-one", V.capacity, sqs=growing, scaling=group(max=1)),
        warn("work waits long and the group does not grow", "scaling.holds-back", V.capacity, scaling=FACTS,
             sqs=f.queue("video", box=f.box("academy-video-jobs", visible=2, in_flight=1), oldest_s=1200)),
        warn("a maximum of one", "scaling.never-grows", V.capacity, scaling=group(max=1)),
        warn("more is wanted than allowed", "scaling.desired-outside", V.infrastructure, scaling=group(desired=21)),
        warn("idle at the maximum", "scaling.idle-at-max", V.capacity, scaling=group(desired=20, in_service=20)),
    )  # fmt: skip

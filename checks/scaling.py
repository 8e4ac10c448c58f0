"""Scaling: can the fleet grow to its work, who changes its size, did that work (contract 8.3; guides 001 and 003).

The platform has had several designs: a Lambda function that sets the groups' sizes each minute (no policies is then
right), target tracking, a step policy with an alarm, AWS Batch. The facts say which one this account has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from checks import sqs
from checks._access import access_finding
from checks._fleet import ROLES, VARIABLES, fleet_kinds
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict
from checks._scaling_facts import CLIENTS, Activity, Facts, Group, Policy, Role, gather
from checks._trouble import Trouble

__all__ = ["CHECKS", "CLIENTS", "Facts", "gather"]

# What AWS says when it has, or gives us, no more machines.
_NO_ROOM = ("InsufficientInstanceCapacity", "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCount",
            "insufficient capacity", "quota", "SpotMaxPriceTooLow")  # fmt: skip
_FLEET = ("academyctl config show --section fleet",)
_AGAIN = ("academyctl diagnose scaling --timeout 30",)
_RESET = ("academyctl --yes local reset",)
_SHOW = ("academyctl asg show {role}",)
_DEPLOY = ("academyctl scaling plan outstanding --role {role}",)

ACCESS_KINDS = fleet_kinds("scaling")
NONE_HERE = Kind("scaling.none-here", State.fail, Verdict.infrastructure, _FLEET, _RESET, (Because("sqs.none-here"),))
NAME = Kind("scaling.group-name", State.fail, Verdict.settings, ("set {variable}={near}",))
MISSING = Kind("scaling.group-missing", State.fail, Verdict.infrastructure, _FLEET, _RESET)
BATCH = Kind("scaling.group-not-needed", State.ok)
GROUP_UNSEEN = Kind("scaling.group-unseen", State.unknown, None, _AGAIN, because=(Because("batch.denied"),))

_LAMBDA = tuple(
    Because(f"lambda.{word}")
    for word in ("function-missing", "not-active", "rule-missing", "rule-disabled", "no-target", "failing", "silent",
                 "saw-nothing", "names-other")
)  # fmt: skip
BY_LAMBDA = Kind("scaling.by-lambda", State.ok)
BY_TRACKING = Kind("scaling.by-tracking", State.ok)
BY_ALARM = Kind("scaling.by-alarm", State.ok)
FIXED = Kind("scaling.fixed", State.ok)
NOTHING = Kind(
    "scaling.nothing-scales", State.fail, Verdict.infrastructure, ("academyctl diagnose scaling lambda",), _RESET,
    (Because("lambda.function-missing"),),
)  # fmt: skip
PUBLISHES = Kind("scaling.publishes-only", State.warn, Verdict.capacity, _DEPLOY)
PUBLISHES_HERE = Kind("scaling.publishes-here", State.ok)
UNSEEN = Kind(
    "scaling.design-unseen", State.unknown, None, _AGAIN,
    because=(Because("lambda.denied"), Because("lambda.timeout"), Because("lambda.odd")),
)  # fmt: skip
TOTAL = Kind("scaling.total-tracked", State.warn, Verdict.capacity, _SHOW)
NO_ALARM = Kind("scaling.no-alarm", State.fail, Verdict.infrastructure, _SHOW)
SILENT = Kind("scaling.metric-silent", State.fail, Verdict.infrastructure, ("academyctl diagnose lambda",),
              because=_LAMBDA)  # fmt: skip

FAILED = Kind("scaling.activity-failed", State.fail, Verdict.infrastructure, _SHOW)
NO_ROOM = Kind("scaling.no-machines", State.fail, Verdict.capacity, _SHOW)
ACTIVITIES_UNSEEN = Kind("scaling.activities-unseen", State.unknown, None, _AGAIN)
PROTECTED = Kind("scaling.protected-at-launch", State.warn, Verdict.infrastructure, _SHOW)

_STUCK = (Because("scaling.activity-failed", ("role",)), Because("scaling.no-machines", ("role",)))
_NO_SCALER = (
    *_LAMBDA,
    Because("scaling.nothing-scales"),
    Because("scaling.no-alarm"),
    Because("scaling.metric-silent"),
)
NOBODY = Kind("scaling.nobody", State.fail, Verdict.capacity, ("academyctl asg set {role} --desired 1",),
              because=(*_STUCK, *_NO_SCALER))  # fmt: skip
MAX_ONE = Kind("scaling.max-one", State.fail, Verdict.capacity, ("academyctl asg set {role} --max {wanted}",))
NEVER_GROWS = Kind("scaling.never-grows", State.warn, Verdict.capacity, ("academyctl asg set {role} --max {wanted}",))
HOLDS_BACK = Kind("scaling.holds-back", State.warn, Verdict.capacity, ("academyctl asg set {role} --desired {more}",),
                  because=(*_NO_SCALER, *_STUCK, Because("lambda.per-worker")))  # fmt: skip
OUTSIDE = Kind("scaling.desired-outside", State.warn, Verdict.infrastructure, _SHOW)
IDLE = Kind("scaling.idle-at-max", State.warn, Verdict.capacity, _SHOW, because=(Because("scaling.total-tracked"),))
_ROOM = 4
# Longer than a design needs to see the message and to start an instance.
_LONG_S = 600


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.trouble is None:
        yield ACCESS.ok("", region=facts.region)
        return
    told = {"service": "Auto Scaling", "endpoint": facts.endpoint, "region": facts.region, **VARIABLES}
    yield access_finding(ACCESS_KINDS, "scaling", [facts.trouble], **told)


def _judge_groups(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    there = [role for role in facts.roles if role.group]
    if not there and not facts.batch_there:
        evidence = ("autoscaling:DescribeAutoScalingGroups", f"groups: {', '.join(facts.names)[:300] or 'none'}")
        yield NONE_HERE.found("", evidence, region=facts.region, names=", ".join(role.name for role in facts.roles))
        return
    for role in facts.roles:
        if group := role.group:
            values = {"min": group.min, "max": group.max, "desired": group.desired, "in_service": group.in_service}
            yield GROUPS.ok(role.name, **values)
        elif role.word == "video" and facts.batch_there:
            yield BATCH.found(role.name, queue=facts.batch_queue)
        else:
            yield _missing(facts, role)


def _missing(facts: Facts, role: Role) -> Finding:
    evidence = ("autoscaling:DescribeAutoScalingGroups", f"groups: {', '.join(facts.names)[:300] or 'none'}")
    values = {"variable": role.variable, "role": role.word, "region": facts.region}
    if role.word == "video" and (trouble := facts.batch_trouble):
        return GROUP_UNSEEN.found(role.name, evidence, (trouble.what, trouble.told), why=trouble.told, **values)
    free = [name for name in facts.names if name not in {one.name for one in facts.roles}]
    if near := next(iter(difflib.get_close_matches(role.name, free, 1, cutoff=0.75)), ""):
        return NAME.found(role.name, evidence, near=near, **values)
    return MISSING.found(role.name, evidence, **values)


def _judge_design(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.policies_trouble:
        trouble = facts.policies_trouble
        yield UNSEEN.found("", (trouble.what, trouble.told), why=trouble.told)
        return
    alone: list[str] = []
    for role in facts.roles:
        policies = [one for one in facts.policies if one.group == role.name]
        if role.group is None:
            continue
        if policies:
            yield from _of_policies(facts, role, role.group, policies)
        elif role.group.min == role.group.max:
            yield FIXED.found(role.name, size=role.group.max)
        elif facts.function_there and role.word in facts.published_only:
            # Off on purpose, as its rule is: nothing on a laptop changes unasked.
            kind, mode = PUBLISHES_HERE if snapshot.local else PUBLISHES, "MODE=publish"
            evidence = (f"lambda:GetFunctionConfiguration {facts.function}", mode)
            yield kind.found(role.name, evidence, function=facts.function, role=role.word)
        elif facts.function_there:
            yield BY_LAMBDA.found(role.name, function=facts.function)
        else:
            alone.append(role.name)
    if not alone:
        if not any(role.group for role in facts.roles):
            yield DESIGN.ok("")
        return
    values = {"names": ", ".join(alone), "function": facts.function}
    if facts.function_there is None and facts.function_trouble:
        yield UNSEEN.found(
            "", (facts.function_trouble.what, facts.function_trouble.told), why=facts.function_trouble.told
        )
        return
    evidence = ("autoscaling:DescribePolicies", f"no policy of {values['names']}")
    yield NOTHING.found("", evidence, ("lambda:GetFunctionConfiguration", f"no function {facts.function}"), **values)


def _of_policies(facts: Facts, role: Role, group: Group, policies: list[Policy]) -> Iterator[Finding]:
    for policy in policies:
        values = {
            "role": role.word,
            "policy": policy.name,
            "metric": policy.metric,
            "target": f"{policy.target or 0:g}",
        }
        evidence = ("autoscaling:DescribePolicies", f"{policy.name}: {policy.kind} {policy.metric} {values['target']}")
        if policy.adjustments:
            alarms = ", ".join(policy.alarms)
            if facts.details_trouble and not alarms:
                yield _details(role, facts.details_trouble)
            elif alarms:
                yield BY_ALARM.found(role.name, alarms=alarms, **values)
            else:
                yield NO_ALARM.found(role.name, evidence, ("cloudwatch:DescribeAlarms", "no alarm runs it"), **values)
            continue
        if policy.silent:
            yield SILENT.found(role.name, evidence, ("cloudwatch:GetMetricData", "no datapoint in 15 min"), **values)
        if policy.kind == "TargetTrackingScaling" and policy.metric and not policy.per_instance:
            yield TOTAL.found(role.name, evidence, max=group.max, **values)
        elif facts.details_trouble and "/" in policy.metric and not policy.metric.startswith("AWS/"):
            yield _details(role, facts.details_trouble)
        elif not policy.silent:
            yield BY_TRACKING.found(role.name, **values)


def _details(role: Role, trouble: Trouble) -> Finding:
    return UNSEEN.found(role.name, (trouble.what, trouble.told), why=trouble.told)


def _judge_activities(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if trouble := facts.activities_trouble:
        yield ACTIVITIES_UNSEEN.found("", (trouble.what, trouble.told), why=trouble.told)
        return
    bad = 0
    for role in facts.roles:
        failed = _failed(facts, role)
        if not failed:
            continue
        bad += 1
        newest, count = failed[0], len(failed)
        no_room = any(word.lower() in newest.message.lower() for word in _NO_ROOM)
        minutes = f"{(newest.age_s or 0) / 60:.0f}"
        evidence = ("autoscaling:DescribeScalingActivities", f"{newest.description}: {newest.message}"[:400])
        kind = NO_ROOM if no_room else FAILED
        yield kind.found(role.name, evidence, role=role.word, count=count, minutes=minutes, why=newest.message[:300])
    if not bad:
        yield ACTIVITIES.ok("", count=len(facts.activities))


def _failed(facts: Facts, role: Role) -> list[Activity]:
    """The newest activities of a group, as long as they failed: an old failure that a success followed is over."""
    ended = [one for one in facts.activities if one.group == role.name and one.status != "InProgress"]
    return list(takewhile(lambda one: one.status == "Failed", ended))


def _judge_protection(snapshot: Snapshot) -> Iterator[Finding]:
    bad = 0
    for role in snapshot.see(Facts).roles:
        if role.group and role.group.protected:
            bad += 1
            evidence = (f"autoscaling:DescribeAutoScalingGroups {role.name}", "NewInstancesProtectedFromScaleIn=true")
            yield PROTECTED.found(role.name, evidence, role=role.word)
    if not bad:
        yield PROTECTION.ok("")


def _judge_room(snapshot: Snapshot) -> Iterator[Finding]:
    found = [one for role in snapshot.see(Facts).roles if role.group for one in _room(snapshot, role, role.group)]
    yield from found
    if not found:
        yield ROOM.ok("")


def _room(snapshot: Snapshot, role: Role, group: Group) -> Iterator[Finding]:
    queues = _queues(snapshot, role)
    waiting, busy = sum(box.visible for _, box in queues), sum(box.in_flight for _, box in queues)
    waited_s = max((queue.oldest_s or 0 for queue, box in queues if box.visible), default=0)
    sizes = f"min={group.min} desired={group.desired} max={group.max} in service={group.in_service}"
    evidence = [(f"autoscaling:DescribeAutoScalingGroups {role.name}", sizes)]
    evidence += [
        (f"sqs:GetQueueAttributes {box.name}", f"visible={box.visible} in flight={box.in_flight}") for _, box in queues
    ]
    # The queue that waits most stands for all of a role's: its finding in the topic sqs then follows from this one.
    word = max(queues, key=lambda one: one[1].visible)[0].word if queues else role.word
    values = {
        "role": role.word, "word": word, "waiting": waiting, "busy": busy, "desired": group.desired, "min": group.min,
        "max": group.max, "wanted": max(_ROOM, group.desired), "minutes": waited_s // 60,
        "more": min(group.max, group.desired + waiting),
    }  # fmt: skip
    if not group.min <= group.desired <= group.max:
        yield OUTSIDE.found(role.name, *evidence, **values)
    # Some instances wanted and none there yet: they are on their way, unless the last try failed.
    if waiting and not group.in_service and (not group.desired or _failed(snapshot.see(Facts), role)):
        found = NOBODY.found(role.name, *evidence, **values)
        room = "" if group.max else " --max 1"
        yield replace(found, commands=tuple(f"{line}{room}" for line in found.commands))
    elif group.max <= 1:
        yield (MAX_ONE if waiting and busy else NEVER_GROWS).found(role.name, *evidence, **values)
    elif waited_s >= _LONG_S and group.in_service >= group.desired < min(group.max, waiting + busy):
        yield HOLDS_BACK.found(role.name, *evidence, **values)
    elif queues and not waiting and not busy and group.desired == group.max > group.min:
        yield IDLE.found(role.name, *evidence, **values)


def _queues(snapshot: Snapshot, role: Role) -> list[tuple[sqs.Queue, sqs.Box]]:
    """The queues of a role, as the topic sqs saw them; nothing when it was not asked."""
    facts = snapshot.find(sqs.Facts)
    queues = facts.queues if facts else ()
    return [(one, one.box) for one in queues if one.box and one.word in ROLES[role.word]]


ACCESS = Check("scaling.access", _judge_access, kinds=tuple(ACCESS_KINDS.values()))
GROUPS = Check("scaling.groups", _judge_groups, ("scaling.access",), (NONE_HERE, NAME, MISSING, BATCH, GROUP_UNSEEN))
DESIGN = Check(
    "scaling.design", _judge_design, ("scaling.groups",),
    (BY_LAMBDA, BY_TRACKING, BY_ALARM, FIXED, NOTHING, PUBLISHES, PUBLISHES_HERE, UNSEEN, TOTAL, NO_ALARM, SILENT),
)  # fmt: skip
ACTIVITIES = Check(
    "scaling.activities", _judge_activities, ("scaling.groups",), (FAILED, NO_ROOM, ACTIVITIES_UNSEEN)
)  # fmt: skip
PROTECTION = Check("scaling.protection", _judge_protection, ("scaling.groups",), (PROTECTED,))
ROOM = Check(
    "scaling.room", _judge_room, ("scaling.groups",), (NOBODY, MAX_ONE, NEVER_GROWS, HOLDS_BACK, OUTSIDE, IDLE)
)
CHECKS = (ACCESS, GROUPS, DESIGN, ACTIVITIES, PROTECTION, ROOM)

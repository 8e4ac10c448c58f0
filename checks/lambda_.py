"""Lambda: the function that counts the queues each minute, so that the groups follow (contract 8.1; guide 001)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checks import sqs
from checks._access import access_finding
from checks._fleet import FRESH_S, VARIABLES, fleet_kinds
from checks._lambda_facts import CLIENTS, WORKER_TYPES, Facts, Published, gather
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict

__all__ = ["CHECKS", "CLIENTS", "Facts", "gather"]

_FLEET = ("academyctl config show --section fleet",)
_QUEUES = ("academyctl config show --section queues",)
_LOOK = ("academyctl diagnose lambda",)
_AGAIN = ("academyctl diagnose lambda --timeout 30",)
_RESET = ("academyctl --yes local reset",)
_SLOW_S = 300
_MANY = 10
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}

ACCESS_KINDS = fleet_kinds("lambda", "scaling")
_ELSEWHERE = (Because("sqs.none-here"), Because("scaling.none-here"))
MISSING = Kind("lambda.function-missing", State.fail, Verdict.infrastructure, _FLEET, _RESET, _ELSEWHERE)
NOT_NEEDED = Kind("lambda.not-needed", State.ok, stops=True)
NEED_UNSEEN = Kind("lambda.need-unseen", State.unknown, None, _AGAIN,
                   because=(Because("scaling.denied"), Because("batch.denied"), *_ELSEWHERE))  # fmt: skip
NOT_ACTIVE = Kind("lambda.not-active", State.fail, Verdict.infrastructure, _LOOK)
_NAMED = (*(Because(f"sqs.{word}", ("word",)) for word in ("queue-name", "queue-missing")), Because("sqs.none-here"),
          Because("scaling.group-name", ("variable",)), Because("scaling.group-missing", ("variable",)))  # fmt: skip
OTHER = Kind("lambda.names-other", State.fail, Verdict.settings, _QUEUES, because=_NAMED)
PER_WORKER = Kind("lambda.per-worker", State.warn, Verdict.capacity, ("academyctl asg show video",))

_NO_FUNCTION = (Because("lambda.function-missing"), *_ELSEWHERE)
RULE_MISSING = Kind("lambda.rule-missing", State.fail, Verdict.infrastructure, _FLEET, _RESET, _NO_FUNCTION)
DISABLED = Kind("lambda.rule-disabled", State.fail, Verdict.infrastructure, _LOOK)
OFF_HERE = Kind("lambda.rule-off-here", State.ok, stops=True)
NO_TARGET = Kind("lambda.no-target", State.fail, Verdict.infrastructure, _LOOK, _RESET)
RARE = Kind("lambda.rule-rare", State.warn, Verdict.capacity, _FLEET)
RULE_UNSEEN = Kind("lambda.rule-unseen", State.unknown, None, _AGAIN,
                   because=(Because("lambda.denied"), Because("scaling.denied")))  # fmt: skip

FAILING = Kind("lambda.failing", State.fail, Verdict.infrastructure, _QUEUES, because=(Because("lambda.names-other"),))
ERRORS = Kind("lambda.errors", State.warn, Verdict.infrastructure, ("academyctl diagnose lambda",))
METRIC_UNSEEN = Kind("lambda.metric-unseen", State.unknown, None, _AGAIN,
                     because=(Because("lambda.denied"), Because("scaling.denied")))  # fmt: skip
_STOPPED = tuple(
    Because(f"lambda.{word}")
    for word in ("failing", "names-other", "not-active", "rule-missing", "rule-disabled", "no-target")
)
SILENT = Kind("lambda.silent", State.fail, Verdict.infrastructure, ("academyctl diagnose lambda",), because=_STOPPED)
SAW_NOTHING = Kind("lambda.saw-nothing", State.fail, Verdict.infrastructure, ("academyctl diagnose sqs lambda",),
                   because=(Because("lambda.names-other", ("word",)), *_STOPPED))  # fmt: skip


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.function_trouble is None:
        yield ACCESS.ok("", region=facts.region)
        return
    told = {"service": "Lambda", "endpoint": facts.endpoint, "region": facts.region, **VARIABLES}
    yield access_finding(ACCESS_KINDS, "lambda", [facts.function_trouble], **told)


def _judge_function(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    function = facts.function
    if function is None:
        if facts.scaled_by:
            yield NOT_NEEDED.found(facts.name, instead="; ".join(facts.scaled_by))
            return
        evidence = (f"lambda:GetFunctionConfiguration {facts.name}", "no such function")
        if trouble := facts.scaled_trouble:
            yield NEED_UNSEEN.found(facts.name, evidence, (trouble.what, trouble.told), why=trouble.told)
            return
        yield MISSING.found(facts.name, evidence, region=facts.region, variable="ACADEMYCTL_DEPTH_LAMBDA")
        return
    # Pending is what a new function is for some seconds.
    if function.state in ("Failed", "Inactive") or function.last_update == "Failed":
        state = function.state if function.state != "Active" else f"LastUpdateStatus={function.last_update}"
        evidence = (f"lambda:GetFunctionConfiguration {facts.name}", f"{state} {function.why}".strip())
        yield NOT_ACTIVE.found(facts.name, evidence, state=state, why=function.why or "-")
        return
    yield FUNCTION.ok(
        facts.name,
        state=function.state or "Active",
        runtime=function.runtime,
        memory=function.memory_mb,
        timeout=function.timeout_s,
    )


def _judge_names(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    names, sixty = facts.function.names if facts.function else (), facts.function and facts.function.per_worker
    wrong = [one for one in names if one.found != one.wanted]
    for one in wrong:
        evidence = (f"lambda:GetFunctionConfiguration {facts.name}", f"{one.variable}={one.found}")
        values = {"name": one.variable, "found": one.found, "variable": one.setting, "wanted": one.wanted}
        yield OTHER.found(
            one.variable, evidence, (one.setting, one.wanted), word=one.word, function=facts.name, **values
        )
    if sixty and sixty > facts.jobs_per_worker:
        evidence = (f"lambda:GetFunctionConfiguration {facts.name}", f"TARGET_MESSAGES_PER_INSTANCE={sixty}")
        yield PER_WORKER.found("", evidence, count=sixty, jobs=facts.jobs_per_worker, function=facts.name)
    elif not wrong:
        yield NAMES.ok("", count=len(names))


def _judge_rule(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    rule = facts.rule
    source = f"events:DescribeRule {facts.rule_name}"
    values = {"function": facts.name, "variable": "ACADEMYCTL_DEPTH_RULE"}
    if trouble := facts.rule_trouble:
        yield RULE_UNSEEN.found(facts.rule_name, (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
    elif rule is None:
        yield RULE_MISSING.found(facts.rule_name, (source, "no such rule"), **values)
    elif rule.state == "DISABLED":
        # Nothing runs every minute on a laptop unasked; everywhere else a disabled rule stops the scaling.
        kind = OFF_HERE if snapshot.local else DISABLED
        yield kind.found(facts.rule_name, (source, f"State={rule.state}"), **values)
    elif facts.function and not any(_same(target, facts.function.arn) for target in rule.targets):
        targets = ", ".join(rule.targets) or "none"
        yield NO_TARGET.found(facts.rule_name, (f"events:ListTargetsByRule {rule.name}", targets), **values)
    elif (every := _every_s(rule.schedule)) and every > _SLOW_S:
        yield RARE.found(facts.rule_name, (source, rule.schedule), schedule=rule.schedule, **values)
    else:
        yield RULE.ok(facts.rule_name, schedule=rule.schedule or "-")


def _same(target: str, function: str) -> bool:
    """Whether a target is the function, or a version or alias of it."""
    return target == function or target.startswith(f"{function}:")


def _every_s(schedule: str) -> int | None:
    """The seconds of rate(...); None for a cron expression."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    return int(found[1]) * _UNITS[found[2]] if found else None


def _judge_runs(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if trouble := facts.metric_trouble:
        yield METRIC_UNSEEN.found("", (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
        return
    log = [(f"/aws/lambda/{facts.name}", f"{(one.age_s or 0) / 60:.0f} min: {one.text}"[:400]) for one in facts.errors]
    if not log and facts.errors_trouble:
        log = [(facts.errors_trouble.what, facts.errors_trouble.told)]
    counts = ("cloudwatch AWS/Lambda", f"Invocations={facts.runs} Errors={facts.failures} in {FRESH_S // 60} min")
    values = {
        "failures": facts.failures,
        "runs": facts.runs,
        "why": facts.errors[0].text[:200] if facts.errors else "-",
    }
    fresh = [one for one in facts.published if one.age_s is not None]
    if facts.failing:
        yield FAILING.found(facts.name, counts, *log, **values)
    elif facts.failures:
        yield ERRORS.found(facts.name, counts, *log, **values)
    if not fresh:
        yield SILENT.found(
            facts.name, counts, ("cloudwatch:GetMetricData", "no datapoint"), minutes=FRESH_S // 60, **values
        )
    elif not facts.failures:
        yield RUNS.ok(facts.name, seconds=f"{min(one.age_s or 0 for one in fresh):.0f}")


def _judge_depth(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    compared = []
    blind = 0
    for one in facts.published:
        queues = _queues(snapshot, one.worker)
        live = sum(box.visible for _, box in queues)
        if one.age_s is None or not queues:
            continue
        compared.append(f"{one.worker} {one.value:g}/{live}")
        if one.value or not live or not _were_there(one, [queue for queue, _ in queues], live):
            continue
        blind += 1
        queue, box = max(queues, key=lambda pair: pair[1].visible)
        metric = (f"cloudwatch:GetMetricData {one.worker}", f"{one.value:g}, {one.age_s:.0f} s ago")
        depth = (f"sqs:GetQueueAttributes {box.name}", f"visible={box.visible}")
        values = {"word": queue.word, "queue": box.name, "depth": live, "seconds": f"{one.age_s:.0f}"}
        yield SAW_NOTHING.found(one.worker, metric, depth, function=facts.name, **values)
    if not blind:
        yield DEPTH.ok("", compared=", ".join(compared) or "-")


def _were_there(one: Published, queues: Sequence[sqs.Queue], live: int) -> bool:
    """Whether what waits now was there when the function counted 0; it may have come since.

    SQS's own count of that minute tells, or the age of the oldest message. Without either, only a crowd is believed.
    """
    if one.counted is not None:
        return one.counted > 0 and not one.then
    ages = [queue.oldest_s for queue in queues if queue.oldest_s is not None]
    return max(ages) > (one.age_s or 0) if ages else live >= _MANY


def _queues(snapshot: Snapshot, worker: str) -> list[tuple[sqs.Queue, sqs.Box]]:
    facts = snapshot.find(sqs.Facts)
    queues = facts.queues if facts else ()
    return [(one, one.box) for one in queues if one.box and one.word in WORKER_TYPES[worker]]


ACCESS = Check("lambda.access", _judge_access, kinds=tuple(ACCESS_KINDS.values()))
FUNCTION = Check("lambda.function", _judge_function, ("lambda.access",), (MISSING, NOT_NEEDED, NEED_UNSEEN, NOT_ACTIVE))
NAMES = Check("lambda.names", _judge_names, ("lambda.function",), (OTHER, PER_WORKER))
RULE = Check(
    "lambda.rule", _judge_rule, ("lambda.function",), (RULE_MISSING, DISABLED, OFF_HERE, NO_TARGET, RARE, RULE_UNSEEN)
)
RUNS = Check("lambda.runs", _judge_runs, ("lambda.function", "lambda.rule"), (FAILING, ERRORS, SILENT, METRIC_UNSEEN))
DEPTH = Check("lambda.depth", _judge_depth, ("lambda.runs",), (SAW_NOTHING,))
CHECKS = (ACCESS, FUNCTION, NAMES, RULE, RUNS, DEPTH)

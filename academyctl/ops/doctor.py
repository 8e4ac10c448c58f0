"""What keeps a group from scaling, or makes it scale wrongly: each rule comes from something that went wrong once."""

from __future__ import annotations

from collections.abc import Iterator

from academyctl.errors import Both
from academyctl.ops.doctor_facts import FOREIGN, FRESH_MIN, Facts
from academyctl.ops.doctor_machines import RULES as MACHINES
from academyctl.ops.doctor_words import FAIL, UNKNOWN, WARN, Finding, found
from academyctl.ops.scaling_policies import BATCH, FIXED, OUTSTANDING
from academyctl.ops.scaling_state import ACTIONS, Json

_QUEUE_VARIABLES = {
    "video": ("VIDEO_QUEUE",), "ai": ("AI_QUEUE_LITE", "AI_QUEUE_BASIC"), "messaging": ("MESSAGING_QUEUE",)
}  # fmt: skip


_VISIBLE = ("ApproximateNumberOfMessagesVisible", "QueueDepth")


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Every rule's findings, the worst first; nothing wrong is no finding."""
    rules = (_sizes, _scaler, _function, _rule, _metrics, *MACHINES)
    out = [one for rule in rules for one in rule(facts)]
    out += [
        Finding(UNKNOWN, "unread", Both(f"{what} could not be read", f"{what}을(를) 읽지 못했습니다"), why, "")
        for what, why in facts.unread
    ]
    return tuple(sorted(out, key=lambda one: (FAIL, WARN, UNKNOWN).index(one.level)))


def _sizes(facts: Facts) -> Iterator[Finding]:
    least, desired, most = facts.state.sizes
    role = facts.state.names.role
    sizes = f"min={least} desired={desired} max={most}"
    if most <= 1 and facts.policy != FIXED:
        yield found(FAIL, "max-one", sizes, f"academyctl asg set {role} --max 4 --apply")
    elif most == 1:
        yield found(
            WARN, "max-one-fixed", sizes, f"academyctl scaling apply outstanding --role {role} --min 1 --max 4 --apply"
        )
    busy = sum(one.visible + one.in_flight + one.delayed for one in facts.queues.values())
    if desired == most > least and facts.queues and not busy:
        yield found(
            WARN,
            "idle-at-max",
            f"{sizes}, the queue is empty",
            f"academyctl scaling simulate {facts.policy or 'tt-total'} outstanding",
        )
    if not least <= desired <= most:
        yield found(
            WARN, "outside", sizes, f"academyctl asg set {role} --desired {max(least, min(most, desired))} --apply"
        )


def _scaler(facts: Facts) -> Iterator[Finding]:
    """Who scales: nobody, one, or two against each other."""
    state, role = facts.state, facts.state.names.role
    mode, policies = facts.mode, state.of("policy")
    if policies and mode not in ("", "publish"):
        yield found(
            FAIL,
            "two-scalers",
            f"function mode {mode}; policies {', '.join(policies)}",
            f"academyctl scaling apply {facts.policy or OUTSTANDING} --role {role} --apply",
        )
    if not policies and mode in ("", "publish") and facts.policy not in (FIXED, BATCH):
        yield found(
            FAIL,
            "nothing-scales",
            "no policy, no function that does",
            f"academyctl scaling apply outstanding --role {role} --apply",
        )
    for name, policy in policies.items():
        metric = _metric(policy)
        instead = f"academyctl scaling apply outstanding --role {role} --apply"
        if "Total" in metric and policy.get("PolicyType") == "TargetTrackingScaling":
            yield found(WARN, "total-tracked", f"{name} follows {metric}", instead)
        if metric in _VISIBLE and policy.get("PolicyType") == "TargetTrackingScaling":
            yield found(FAIL, "in-flight-uncounted", f"{name} follows {metric}", instead)
        if policy.get("PolicyType") in ("StepScaling", "SimpleScaling") and not any(
            any(f"policy:{name}" in alarm.get(key, ()) for key in ACTIONS) and alarm.get("ActionsEnabled", True)
            for alarm in state.of("alarm").values()
        ):
            yield found(FAIL, "no-alarm", name, f"academyctl scaling apply step-alarm --role {role} --apply")


def _metric(policy: Json) -> str:
    tracking = policy.get("TargetTrackingConfiguration") or {}
    return str((tracking.get("CustomizedMetricSpecification") or {}).get("MetricName") or "")


def _function(facts: Facts) -> Iterator[Finding]:
    names, variables = facts.state.names, facts.variables
    if names.function not in facts.state.of("function"):
        return
    for key, wanted in zip(_QUEUE_VARIABLES[names.role], names.queues, strict=True):
        queue = variables.get(key)
        if queue and facts.known_queues is not None and queue not in facts.known_queues:
            yield found(
                FAIL,
                "function-queue",
                f"{names.function} {key}={queue}",
                f"academyctl lambda env set depth {key}={wanted} --apply",
            )
        elif queue and queue != wanted:
            yield found(
                WARN,
                "function-other-queue",
                f"{names.function} {key}={queue}, here {wanted}",
                f"academyctl lambda env set depth {key}={wanted} --apply",
            )
    word = names.role.upper()
    count = str(
        variables.get(f"{word}_TARGET_MESSAGES_PER_INSTANCE") or variables.get("TARGET_MESSAGES_PER_INSTANCE") or ""
    )
    if names.role == "video" and count.isdigit() and int(count) > facts.per_worker and facts.mode != "publish":
        yield found(
            WARN,
            "per-worker",
            f"{names.function} TARGET_MESSAGES_PER_INSTANCE={count}",
            f"academyctl lambda env set depth {word}_TARGET_MESSAGES_PER_INSTANCE={facts.per_worker} --apply",
            count=count,
            does=facts.per_worker,
        )
    if facts.mode == FOREIGN:
        yield found(
            WARN,
            "foreign-function",
            names.function,
            f"academyctl scaling apply outstanding --role {names.role} --apply",
        )


def _rule(facts: Facts) -> Iterator[Finding]:
    """The function runs each minute: for those who follow what it publishes as well."""
    names, function = facts.state.names, facts.state.of("function").get(facts.state.names.function)
    follows = any(
        _metric(one) and not _metric(one).startswith("Approximate") for one in facts.state.of("policy").values()
    )
    if function is None or (facts.mode == "publish" and not follows):
        return
    rule = facts.state.of("rule").get(names.rule)
    again = f"academyctl scaling apply {facts.policy or OUTSTANDING} --role {names.role} --apply"
    if rule is None:
        yield found(FAIL, "rule-missing", names.rule, again)
        return
    if rule["Rule"].get("State") != "ENABLED":
        yield found(
            FAIL, "rule-off", f"{names.rule} {rule['Rule'].get('State')}", "academyctl rule enable depth --apply"
        )
    if not any(str(one.get("Arn", "")).endswith(f":function:{names.function}") for one in rule["Targets"]):
        yield found(FAIL, "rule-target", f"{names.rule} has {len(rule['Targets'])} targets", again)
    if not any(str(one["source_arn"]).endswith(f"rule/{names.rule}") for one in function["Permissions"]):
        yield found(FAIL, "rule-permission", names.rule, again)


def _metrics(facts: Facts) -> Iterator[Finding]:
    for one in facts.metrics or ():
        if one.points:
            continue
        told = ", ".join(f"{name}={value}" for name, value in one.metric.dimensions) or "no dimensions"
        if one.others:
            other = "; ".join(", ".join(f"{name}={value}" for name, value in some) or "none" for some in one.others[:3])
            yield found(
                FAIL,
                "metric-dimensions",
                f"{one.policy}: {one.metric.name} [{told}]; published: [{other}]",
                f"academyctl scaling apply tt-total --role {facts.state.names.role} --apply",
            )
        else:
            yield found(
                FAIL,
                "metric-silent",
                f"{one.policy}: {one.metric.namespace}/{one.metric.name} [{told}]",
                "academyctl lambda logs depth",
                minutes=FRESH_MIN,
            )

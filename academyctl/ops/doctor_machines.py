"""What is wrong with what the work is done on: queues, instances, their protection, image and environment."""

from __future__ import annotations

from collections.abc import Iterator

from academyctl.ops.doctor_facts import FOREIGN, Facts
from academyctl.ops.doctor_words import FAIL, WARN, Finding, found
from academyctl.ops.scaling_policies import LAMBDA_RULE, TT_BACKLOG

LONG_S, LONGEST_ENCODE_S = 3600, 3 * 3600


def queues(facts: Facts) -> Iterator[Finding]:
    names = facts.state.names
    for name in names.queues:
        if name not in facts.queues and all(what != "queues" for what, _ in facts.unread):
            yield found(FAIL, "queue-missing", name, "academyctl queue create --apply")
    silent = (
        facts.machines is not None and facts.beating and facts.machines and not any(one.beats for one in facts.machines)
    )
    for one in facts.queues.values():
        if one.visibility_s > LONG_S:
            yield found(
                WARN,
                "visibility-long",
                f"{one.name} VisibilityTimeout={one.visibility_s}",
                "academyctl queue tune --apply",
            )
        elif silent and one.in_flight and names.role == "video" and one.visibility_s < LONGEST_ENCODE_S:
            yield found(
                WARN,
                "visibility-short",
                f"{one.name} VisibilityTimeout={one.visibility_s}, {one.in_flight} in flight, no academyctl heartbeat",
                "academyctl host list",
            )
        kills = (facts.policy == TT_BACKLOG or facts.mode == FOREIGN) and not _protects(facts)
        if one.max_receive is not None and one.max_receive < 5 and kills:
            yield found(
                WARN,
                "few-receives",
                f"{one.name} maxReceiveCount={one.max_receive}, {facts.policy or 'a function of others'}",
                f"academyctl scaling apply outstanding --role {names.role} --apply",
            )


def _protects(facts: Facts) -> bool:
    return any(one.get("ProtectedFromScaleIn") for one in facts.state.raw.get("Instances") or [])


def protection(facts: Facts) -> Iterator[Finding]:
    role = facts.state.names.role
    protected = [
        str(one["InstanceId"]) for one in facts.state.raw.get("Instances") or [] if one.get("ProtectedFromScaleIn")
    ]
    if facts.state.of("group")[facts.state.names.group]["NewInstancesProtectedFromScaleIn"]:
        yield found(
            WARN,
            "protected-at-launch",
            "NewInstancesProtectedFromScaleIn=true",
            f"academyctl scaling apply outstanding --role {role} --apply",
        )
    for one in facts.refreshes or ():
        if one.get("Status") in ("Pending", "InProgress") and protected:
            yield found(
                FAIL,
                "refresh-stuck",
                f"{one.get('InstanceRefreshId')} {one.get('PercentageComplete', 0)} %; {', '.join(protected[:5])}",
                f"academyctl asg refresh {role} --cancel --apply",
            )
    if (
        facts.policy in (TT_BACKLOG, LAMBDA_RULE)
        and not protected
        and any(one.in_flight for one in facts.queues.values())
    ):
        yield found(WARN, "unprotected", f"policy {facts.policy}", f"academyctl asg protect {role} --busy --apply")


def machines(facts: Facts) -> Iterator[Finding]:
    silent = [
        one.id for one in facts.machines or () if one.seat and one.seat.state == "InService" and not one.beats
    ] if facts.beating else []  # fmt: skip
    if silent:
        yield found(
            WARN,
            "no-heartbeat",
            ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else ""),
            "academyctl host list",
        )
    for image, name in (facts.images or {}).items():
        if "ecs" in name.lower():
            yield found(FAIL, "ecs-image", f"{image} {name}", f"academyctl host list --role {facts.state.names.role}")


def environment(facts: Facts) -> Iterator[Finding]:
    env = facts.env
    if env and (env.gone or env.after * 2 < env.before):
        lost = f"without {', '.join(env.gone[:8])}" if env.gone else "less than half"
        yield found(
            WARN,
            "env-shrank",
            f"{env.name} version {env.version}: {env.before} -> {env.after} bytes, {lost}",
            "academyctl ssm env show",
        )


RULES = (queues, protection, machines, environment)

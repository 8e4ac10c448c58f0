"""What AWS Batch decides about a job: its command, whether it is tried again, how names and statuses are matched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Raw = dict[str, Any]
ENDED = ("SUCCEEDED", "FAILED")
MOST_ATTEMPTS = 10
LEAST_TIMEOUT_S = 60
_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)")


class NoParameter(Exception):
    """A command that refers to a parameter which neither the job nor its definition gives."""


def command(words: Sequence[str], parameters: Mapping[str, str]) -> list[str]:
    """The command with every `Ref::name` replaced. Raises NoParameter."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            raise NoParameter(f"No parameter found for reference {found[1]}")
        return str(parameters[found[1]])

    return [_REFERENCE.sub(value, word) for word in words]


def tried_again(strategy: Mapping[str, Any], attempt: int, *, exit_code: int | None, reason: str, status: str) -> bool:
    """Whether an attempt that failed is followed by another: the first rule that matches decides, none means yes."""
    if attempt >= int(strategy.get("attempts") or 1):
        return False
    shown = "" if exit_code is None else str(exit_code)
    for rule in strategy.get("evaluateOnExit") or []:
        asked = ((rule.get("onExitCode"), shown), (rule.get("onReason"), reason), (rule.get("onStatusReason"), status))
        if all(pattern is None or _like(pattern, text) for pattern, text in asked):
            return str(rule.get("action", "")).upper() == "RETRY"
    return True


def wrong_definition(asked: Mapping[str, Any]) -> str:
    """Why AWS would not register this; '' when it would."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", str(asked.get("jobDefinitionName", ""))):
        return "jobDefinitionName should match ^[0-9a-zA-Z][0-9a-zA-Z_-]{0,127}$"
    if asked.get("type", "container") == "container" and not (asked.get("containerProperties") or {}).get("image"):
        return "Container properties image must not be empty."
    return wrong_limits(asked)


def wrong_limits(asked: Mapping[str, Any]) -> str:
    """Why AWS would refuse this retry strategy or timeout; '' when it would not."""
    attempts = (asked.get("retryStrategy") or {}).get("attempts")
    if attempts is not None and not 1 <= int(attempts) <= MOST_ATTEMPTS:
        return "attempts must be between 1 and 10."
    seconds = (asked.get("timeout") or {}).get("attemptDurationSeconds")
    if seconds is not None and int(seconds) < LEAST_TIMEOUT_S:
        return f"Timeout attemptDurationSeconds must be at least {LEAST_TIMEOUT_S} seconds."
    return ""


def listed(job: Mapping[str, Any], status: str, filters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether ListJobs tells this job. With a filter the status does not count; without both it is RUNNING."""
    if not filters:
        return bool(job["status"] == (status or "RUNNING"))
    return all(_matches(job, one) for one in filters)


def vcpus(container: Mapping[str, Any]) -> float:
    """What a job takes of its compute environment."""
    for one in container.get("resourceRequirements") or []:
        if one.get("type") == "VCPU":
            return float(one["value"])
    return float(container.get("vcpus") or 1)


def merged(container: Mapping[str, Any], overrides: Mapping[str, Any]) -> Raw:
    """A definition's container with what a submission overrides."""
    names = {one["name"]: one for one in container.get("environment") or []}
    names |= {one["name"]: one for one in overrides.get("environment") or []}
    kinds = {one["type"]: one for one in container.get("resourceRequirements") or []}
    kinds |= {one["type"]: one for one in overrides.get("resourceRequirements") or []}
    given = {key: overrides[key] for key in ("command", "vcpus", "memory") if overrides.get(key)}
    return {
        **container, **given, "environment": list(names.values()), "resourceRequirements": list(kinds.values()),
    }  # fmt: skip


def _matches(job: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    values = [str(value) for value in one.get("values") or []]
    if one.get("name") == "JOB_NAME":
        return any(_like(value.lower(), str(job["jobName"]).lower()) for value in values)
    if one.get("name") == "JOB_DEFINITION":
        short = str(job["jobDefinition"]).rsplit("/", 1)[-1].split(":")[0]
        return any(_like(value, short) or value == job["jobDefinition"] for value in values)
    if one.get("name") == "AFTER_CREATED_AT":
        return any(job["createdAt"] > int(value) for value in values)
    if one.get("name") == "BEFORE_CREATED_AT":
        return any(job["createdAt"] < int(value) for value in values)
    return False


def _like(pattern: str, text: str) -> bool:
    """AWS takes a `*` at the end alone."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern

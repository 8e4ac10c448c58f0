"""AWS Batch and the image its jobs run: the calls of `Fleet`, over a client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from academyctl.stores._fleet_types import BatchJob, BatchQueue, ComputeEnvironment, JobDefinition

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([^:@]+)(?:@(sha256:\w+)|:([\w.-]+))?")
_MOST = 100


def queue(client: Any, name: str) -> BatchQueue | None:
    for raw in client.describe_job_queues(jobQueues=[name])["jobQueues"]:
        order = sorted(raw.get("computeEnvironmentOrder", []), key=lambda one: one.get("order", 0))
        environments = tuple(str(one.get("computeEnvironment", "")).rsplit("/", 1)[-1] for one in order)
        return BatchQueue(name, *_state(raw), environments)
    return None


def environments(client: Any, names: Sequence[str]) -> dict[str, ComputeEnvironment]:
    found = client.describe_compute_environments(computeEnvironments=list(names))["computeEnvironments"]
    out = {}
    for raw in found:
        resources = raw.get("computeResources") or {}
        kind, most = str(resources.get("type") or raw.get("type", "")), resources.get("maxvCpus")
        name = str(raw["computeEnvironmentName"])
        out[name] = ComputeEnvironment(name, *_state(raw), kind, most)
    return out


def definition(client: Any, name: str) -> JobDefinition | None:
    found = client.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    active = [raw for raw in found if raw.get("status") == "ACTIVE"]
    if not active:
        return None
    newest = max(active, key=lambda raw: int(raw.get("revision", 0)))
    image = str((newest.get("containerProperties") or {}).get("image", ""))
    return JobDefinition(name, int(newest.get("revision", 0)), image)


def jobs(client: Any, queue: str, status: str) -> tuple[BatchJob, ...]:
    # The status is always named: without it AWS lists running jobs alone, and moto every job.
    answer = client.list_jobs(jobQueue=queue, jobStatus=status, maxResults=_MOST)
    found = (raw for raw in answer["jobSummaryList"] if raw.get("status", status) == status)
    return tuple(
        BatchJob(
            str(raw["jobId"]), str(raw.get("jobName", "")), status,
            str((raw.get("container") or {}).get("reason") or raw.get("statusReason") or ""),
            (raw.get("container") or {}).get("exitCode"), _at(raw["createdAt"]),
            _at(raw["stoppedAt"]) if raw.get("stoppedAt") else None,
        )
        for raw in found
    )  # fmt: skip


def ecr_name(image: str) -> tuple[str, dict[str, str]] | None:
    """(repository, image id) of an ECR image's name; None when it stands in another registry."""
    found = _ECR.fullmatch(image)
    if found is None:
        return None
    return found[1], {"imageDigest": found[2]} if found[2] else {"imageTag": found[3] or "latest"}


def _state(raw: Any) -> tuple[str, str, str]:
    return str(raw.get("state", "")), str(raw.get("status", "")), str(raw.get("statusReason", ""))


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

"""AWS Batch's jobs: looked at, submitted, ended. `Fleet` has what a diagnosis needs of queues and environments.

Every method raises AwsError and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

Raw = dict[str, Any]
ACTIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
ENDED = ("SUCCEEDED", "FAILED")
STATUSES = (*ACTIVE, *ENDED)
WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")
"""No machine has it yet."""
DEFAULT_GROUP = "/aws/batch/job"
EXITED = "Essential container"
_PAGE = 100
_PAGES = 20


@dataclass(frozen=True)
class Attempt:
    """One run of a job's container."""

    exit_code: int | None
    why: str
    started_at: datetime | None
    stopped_at: datetime | None
    stream: str


@dataclass(frozen=True)
class AwsJob:
    """A job as Batch describes it. `job_id` is the platform's id that it was given, '' when it was given none."""

    id: str
    name: str
    status: str
    why: str
    job_id: str
    definition: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    parameters: Mapping[str, str]
    exit_code: int | None
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    attempts: tuple[Attempt, ...]
    log_group: str
    stream: str
    ending: bool = False
    """Whether it was terminated or cancelled already."""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def reason(self) -> str:
        """Why it is as it is; of a container that ended by itself Batch says no more than that, its exit code does."""
        return f"exit code {self.exit_code}" if self.exit_code and self.why.startswith(EXITED) else self.why

    @property
    def streams(self) -> tuple[str, ...]:
        """The log streams of all attempts, oldest first."""
        found = [*(one.stream for one in self.attempts), self.stream]
        return tuple(dict.fromkeys(name for name in found if name))


class Batch:
    """One account's jobs. `once` makes clients that try a call one time only."""

    def __init__(self, clients: ClientFactory, once: Callable[[], ClientFactory] | None = None) -> None:
        self._clients = clients
        self._once = once or (lambda: clients)

    def ids(self, queue: str, statuses: Sequence[str] = ACTIVE, *, most: int = _PAGE * _PAGES) -> list[str]:
        """The ids of a queue's jobs in these states, newest first in each, so many of each at most."""
        self._client  # noqa: B018 - a client is made before threads ask for it
        with ThreadPoolExecutor(len(statuses)) as pool:
            found = pool.map(lambda status: self._listed(queue, most, jobStatus=status), statuses)
            return [one["jobId"] for listed in found for one in listed]

    def named(self, queue: str, name: str) -> list[str]:
        """The ids of the jobs of this name, in every state."""
        return [one["jobId"] for one in self._listed(queue, _PAGE, filters=[{"name": "JOB_NAME", "values": [name]}])]

    def describe(self, ids: Sequence[str]) -> dict[str, AwsJob]:
        """Jobs by id; those that Batch does not know (it forgets them about a week after their end) are left out."""
        found: dict[str, AwsJob] = {}
        for start in range(0, len(ids), _PAGE):
            asked = list(ids[start : start + _PAGE])
            with ours("batch:DescribeJobs", f"{len(asked)} jobs" if len(asked) > 1 else asked[0]):
                answer = self._client.describe_jobs(jobs=asked)
                found |= {job.id: job for job in map(_job, _signed(answer)["jobs"])}
        return found

    def submit(self, queue: str, definition: str, name: str, *, job_id: str) -> str:
        """A video job (contract 13); its id. Asked once: after a failure it may exist all the same (`named` tells)."""
        with ours("batch:SubmitJob", f"{name} to {queue}"):
            answer = self._once()("batch").submit_job(
                jobName=name, jobQueue=queue, jobDefinition=definition, parameters={"job_id": job_id},
                containerOverrides={"environment": [{"name": "VIDEO_JOB_ID", "value": job_id}]},
            )  # fmt: skip
            return str(_signed(answer)["jobId"])

    def terminate(self, aws_id: str, reason: str) -> None:
        """End a job in any state; SIGTERM first if it runs. Nothing happens to one that has ended."""
        with ours("batch:TerminateJob", aws_id):
            self._client.terminate_job(jobId=aws_id, reason=reason)

    def raw_queue(self, name: str) -> Raw | None:
        with ours("batch:DescribeJobQueues", name):
            found = _signed(self._client.describe_job_queues(jobQueues=[name]))["jobQueues"]
            return dict(found[0]) if found else None

    def raw_environments(self, names: Sequence[str]) -> list[Raw]:
        with ours("batch:DescribeComputeEnvironments", ", ".join(names)):
            answer = self._client.describe_compute_environments(computeEnvironments=list(names))
            return [dict(one) for one in _signed(answer)["computeEnvironments"]]

    def raw_definition(self, name: str) -> Raw | None:
        """The newest active revision."""
        with ours("batch:DescribeJobDefinitions", name):
            answer = self._client.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")
            found = [one for one in _signed(answer)["jobDefinitions"] if one.get("status") == "ACTIVE"]
            return dict(max(found, key=lambda one: int(one["revision"]))) if found else None

    def _listed(self, queue: str, most: int, **asked: Any) -> list[Raw]:
        found: list[Raw] = []
        with ours("batch:ListJobs", queue):
            while True:
                answer = _signed(self._client.list_jobs(jobQueue=queue, maxResults=_PAGE, **asked))
                # An emulator leaves the status out.
                wanted = asked.get("jobStatus")
                found += [one for one in answer["jobSummaryList"] if wanted in (None, one["status"])]
                if not answer.get("nextToken") or len(found) >= most:
                    return found[:most]
                asked["nextToken"] = answer["nextToken"]

    @property
    def _client(self) -> Any:
        return self._clients("batch")


def _signed(answer: Any) -> Any:
    """AWS's own answer: another page parses as a list of nothing, and nothing would look like 'all is gone'."""
    if not answer["ResponseMetadata"].get("RequestId"):
        raise ValueError("no request id")
    return answer


def _job(raw: Raw) -> AwsJob:
    container = raw.get("container") or {}
    given = {str(one["name"]): str(one.get("value", "")) for one in container.get("environment") or []}
    parameters = {str(name): str(value) for name, value in (raw.get("parameters") or {}).items()}
    options = (container.get("logConfiguration") or {}).get("options") or {}
    return AwsJob(
        id=str(raw["jobId"]), name=str(raw["jobName"]), status=str(raw["status"]),
        why=str(container.get("reason") or raw.get("statusReason") or ""),
        job_id=_spelled(parameters.get("job_id") or given.get("VIDEO_JOB_ID", "")),
        definition=str(raw.get("jobDefinition", "")).rsplit("/", 1)[-1],
        command=tuple(map(str, container.get("command") or ())), environment=given, parameters=parameters,
        exit_code=container.get("exitCode"), created_at=_at(raw["createdAt"]) or datetime.now(UTC),
        started_at=_at(raw.get("startedAt")), stopped_at=_at(raw.get("stoppedAt")),
        attempts=tuple(map(_attempt, raw.get("attempts") or ())),
        log_group=str(options.get("awslogs-group") or DEFAULT_GROUP), stream=str(container.get("logStreamName") or ""),
        ending=bool(raw.get("isTerminated") or raw.get("isCancelled")),
    )  # fmt: skip


def _spelled(job_id: str) -> str:
    """A job's id as the database spells it: in capitals or without hyphens it is the same row's."""
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        return job_id


def _attempt(raw: Raw) -> Attempt:
    container = raw.get("container") or {}
    return Attempt(
        container.get("exitCode"), str(container.get("reason") or raw.get("statusReason") or ""),
        _at(raw.get("startedAt")), _at(raw.get("stoppedAt")), str(container.get("logStreamName") or ""),
    )  # fmt: skip


def _at(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None

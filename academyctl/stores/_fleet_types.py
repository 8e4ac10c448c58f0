"""What the fleet's services tell, as plain values (contract 8, 13). Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Instance:
    """An instance as its Auto Scaling group sees it; `state` is the life cycle's word (InService, Pending, ...).

    `version` is the launch template's that it was launched from.
    """

    id: str
    state: str
    health: str
    protected: bool
    version: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group. `new_instances_protected`: instances are protected from scale-in from their launch on."""

    name: str
    min: int
    desired: int
    max: int
    instances: tuple[Instance, ...]
    new_instances_protected: bool
    suspended: tuple[str, ...] = ()
    """Processes that somebody has switched off (Launch, Terminate, ...)."""

    @property
    def in_service(self) -> int:
        """How many instances are there to work."""
        return sum(one.state == "InService" for one in self.instances)


@dataclass(frozen=True)
class Activity:
    """One scaling activity; `status` is AWS's word (Successful, Failed, InProgress, ...), `message` why it failed."""

    group: str
    status: str
    description: str
    cause: str
    message: str
    started_at: datetime | None


@dataclass(frozen=True)
class Metric:
    """A CloudWatch metric; AWS matches the dimensions as an exact set."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    stat: str = "Maximum"


@dataclass(frozen=True)
class Policy:
    """A scaling policy. `metric` is a target-tracking policy's own; `math` says that it computes one from several.

    `adjustments` are a step or simple policy's, `alarms` the names of the alarms that run it.
    """

    group: str
    name: str
    kind: str
    arn: str
    target: float | None
    metric: Metric | None
    predefined: str
    math: bool
    adjustments: tuple[int, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """An EC2 instance by its Name tag; `group` is its Auto Scaling group, '' for one that stands alone.

    `kind` is the instance type, `market` 'spot' or ''. `dns` is the private name, which is the machine's host name.
    """

    id: str
    name_tag: str
    state: str
    private_ip: str
    public_ip: str
    launched_at: datetime | None
    group: str
    kind: str = ""
    image: str = ""
    zone: str = ""
    market: str = ""
    dns: str = ""
    key: str = ""
    subnet: str = ""
    profile: str = ""
    template_version: str = ""


@dataclass(frozen=True)
class Function:
    """A Lambda function. `variables` are those of its environment that name queues, metrics, groups and limits.

    Every other variable is left out, for it may be a secret.
    """

    name: str
    arn: str
    state: str
    why: str
    last_update: str
    runtime: str
    memory_mb: int
    timeout_s: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule; `targets` are ARNs."""

    name: str
    state: str
    schedule: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """A datapoint."""

    at: datetime
    value: float


@dataclass(frozen=True)
class LogLine:
    """An event of a log group; `id` is AWS's, the same whenever the event is read."""

    at: datetime
    text: str
    stream: str = ""
    id: str = ""


@dataclass(frozen=True)
class BatchQueue:
    """A Batch job queue; `environments` are the names of its compute environments, in their order."""

    name: str
    state: str
    status: str
    why: str
    environments: tuple[str, ...]


@dataclass(frozen=True)
class ComputeEnvironment:
    """A Batch compute environment; `kind` is EC2, SPOT, FARGATE, ...; an UNMANAGED one has no `max_vcpus`."""

    name: str
    state: str
    status: str
    why: str
    kind: str
    max_vcpus: int | None


@dataclass(frozen=True)
class JobDefinition:
    """The newest active revision of a Batch job definition."""

    name: str
    revision: int
    image: str


@dataclass(frozen=True)
class BatchJob:
    """A Batch job as a listing tells it."""

    id: str
    name: str
    status: str
    why: str
    exit_code: int | None
    created_at: datetime
    stopped_at: datetime | None

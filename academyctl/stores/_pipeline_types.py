"""What AWS tells about guide 004's pipeline, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notification:
    """What a bucket sends to a queue, by ARN; `prefix` and `suffix` of the keys that it tells of."""

    queue: str
    events: tuple[str, ...]
    prefix: str
    suffix: str


@dataclass(frozen=True)
class Intake:
    """The queue: who may send to it is judged here, for one bucket."""

    name: str
    arn: str
    visibility_s: int
    max_receive: int | None
    dlq: str
    lets_bucket_send: bool


@dataclass(frozen=True)
class Mapping:
    """An event source mapping of the queue. `partial`: failed messages are told one by one."""

    function: str
    state: str
    last: str
    batch: int
    partial: bool


@dataclass(frozen=True)
class Trigger:
    """The function that makes jobs of messages; of its environment only the two names."""

    name: str
    state: str
    why: str
    timeout_s: int
    role: str
    batch_queue: str
    batch_job: str


@dataclass(frozen=True)
class Definition:
    """The job definition. `reads_queue`: its container is given a queue; `ours`: it runs academyctl's own worker."""

    name: str
    revision: int
    image: str
    reads_queue: bool
    ours: bool
    endpoint: str
    timeout_s: int | None
    attempts: int
    exits_on_refusal: bool
    log_group: str
    role: str


@dataclass(frozen=True)
class Alarm:
    """An alarm on one queue's depth. `rings`: it tells somebody, and its actions are on."""

    name: str
    queue: str
    rings: bool

"""What the account says about AWS Batch: two round trips, the second one only where Batch is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks._fan import together
from checks._fleet import age_s, endpoint_of, first_trouble, split
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores import _fleet_types as fleet

CLIENTS = ("batch",)
RUNNABLE_S = 900
"""A job that no machine took for so long waits for something that does not come."""
STATES = ("RUNNING", "RUNNABLE", "FAILED")
_DAY_S = 86400


@dataclass(frozen=True)
class Queue:
    name: str
    state: str
    status: str
    why: str


@dataclass(frozen=True)
class Compute:
    name: str
    state: str
    status: str
    why: str
    kind: str
    max_vcpus: int | None


@dataclass(frozen=True)
class Definition:
    name: str
    revision: int
    image: str


@dataclass(frozen=True)
class Job:
    """`age_s`: since it was submitted."""

    id: str
    name: str
    why: str
    exit_code: int | None
    age_s: float


@dataclass(frozen=True)
class Facts:
    region: str
    endpoint: str
    asked_for: bool
    """Whether somebody set the queue's name: the videos are then meant to go there."""
    queue_name: str
    job_name: str
    compute_name: str
    log_group: str
    trouble: Trouble | None
    queue: Queue | None
    environments: tuple[Compute, ...]
    compute_trouble: Trouble | None
    job: Definition | None
    job_trouble: Trouble | None
    image_there: bool | None
    """Whether the job's image is in ECR; None when it is not from there, or could not be seen."""
    image_trouble: Trouble | None
    running: int
    runnable: tuple[Job, ...]
    failed: tuple[Job, ...]
    """Those of the last 24 hours."""
    jobs_trouble: Trouble | None


def gather(world: World) -> Facts:
    settings = world.stores.settings
    names = settings.fleet
    calls: dict[str, Callable[[], Any]] = {
        "queue": lambda: world.stores.fleet.batch_queue(names.batch_queue),
        "job": lambda: world.stores.fleet.job_definition(names.batch_job),
        "compute": lambda: world.stores.fleet.compute_environments([names.batch_compute]),
    }
    seen = together(world, calls)
    queue, trouble = split(seen["queue"])
    job, job_trouble = split(seen["job"])
    more = _second(world, queue, job) if queue else {}
    compute, compute_trouble = split(more.get("compute", seen["compute"]))
    image, image_trouble = split(more.get("image"))
    return Facts(
        region=settings.aws.region,
        endpoint=endpoint_of(settings.aws.region, settings.aws.endpoint_url, "batch"),
        asked_for=world.loaded.sources.get("fleet.batch_queue", "default") != "default",
        queue_name=names.batch_queue,
        job_name=names.batch_job,
        compute_name=", ".join(queue.environments) if queue and queue.environments else names.batch_compute,
        log_group=names.batch_log_group,
        trouble=trouble,
        queue=queue and Queue(queue.name, queue.state, queue.status, queue.why),
        environments=tuple(_compute(one) for one in (compute or {}).values()),
        compute_trouble=compute_trouble,
        job=job and Definition(job.name, job.revision, job.image),
        job_trouble=job_trouble,
        image_there=image,
        image_trouble=image_trouble,
        running=len(_jobs(world, more, "RUNNING")),
        runnable=_jobs(world, more, "RUNNABLE"),
        failed=tuple(one for one in _jobs(world, more, "FAILED") if one.age_s <= _DAY_S),
        jobs_trouble=first_trouble(more, *STATES),
    )


def _second(world: World, queue: fleet.BatchQueue, job: fleet.JobDefinition | None) -> dict[str, Any]:
    store = world.stores.fleet
    calls: dict[str, Callable[[], Any]] = {
        status: lambda status=status: store.jobs(queue.name, status)  # type: ignore[misc]
        for status in STATES
    }
    if queue.environments:
        calls["compute"] = lambda: store.compute_environments(queue.environments)
    if job is not None:
        calls["image"] = lambda: store.image(job.image)
    return together(world, calls)


def _compute(one: fleet.ComputeEnvironment) -> Compute:
    return Compute(one.name, one.state, one.status, one.why, one.kind, one.max_vcpus)


def _jobs(world: World, more: dict[str, Any], status: str) -> tuple[Job, ...]:
    jobs, _ = split(more.get(status, ()))
    now = world.now()
    return tuple(Job(one.id, one.name, one.why, one.exit_code, age_s(now, one.created_at) or 0.0) for one in jobs or ())

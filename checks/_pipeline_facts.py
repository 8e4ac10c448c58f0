"""What is there of guide 004's pipeline: three round trips, the later two only where it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.stores._pipeline_types import Alarm, Definition, Intake, Mapping, Notification, Trigger
from academyctl.stores.analysis_api import shown
from checks._fan import together
from checks._fleet import endpoint_of, split
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores import _fleet_types as fleet

CLIENTS = ("sqs", "lambda")
"""Of the first round trip; the others are made by those few that have a pipeline."""
_OUR_SECTION = "analysis."


@dataclass(frozen=True)
class Part:
    """A Batch job queue or compute environment."""

    name: str
    state: str
    status: str
    why: str


@dataclass(frozen=True)
class Denied:
    """What a role may not do; `whose` is the function or the job definition that has it."""

    whose: str
    role: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """How the service answered a look; `analyzes` is None where it does not publish what it can do."""

    status: int
    analyzes: bool | None


@dataclass(frozen=True)
class Facts:
    region: str
    aws: str
    """Where AWS is asked."""
    asked_for: bool
    """Whether somebody has set one of the pipeline's settings."""
    queue_name: str
    bucket: str
    function_name: str
    batch_queue_name: str
    batch_job_name: str
    results_bucket: str
    results_prefix: str
    request_s: int
    trouble: Trouble | None
    queue: Intake | None
    notifications: tuple[Notification, ...] | None
    """Those to the pipeline's queue; None = there is no such bucket."""
    function: Trigger | None
    mappings: tuple[Mapping, ...]
    batch_queue: Part | None
    compute: tuple[Part, ...]
    job: Definition | None
    image_there: bool | None
    """Whether the job's image is in ECR; None when it is not from there, or could not be seen."""
    log_there: bool | None
    denied: tuple[Denied, ...]
    endpoint: str
    service: Service | None
    service_trouble: Trouble | None
    database: str
    """The database in which the extension was looked for, '' = none is set."""
    vector: bool | None
    secret: str
    secret_there: bool | None
    alarms: tuple[Alarm, ...]
    unseen: tuple[Trouble, ...]
    """Looks that failed, but for those with a field of their own."""


def gather(world: World) -> Facts:
    settings, store = world.stores.settings, world.stores
    said = settings.analysis
    calls: dict[str, Callable[[], Any]] = {
        "queue": lambda: store.pipeline.intake(said.queue_name, said.raw_bucket),
        "function": lambda: store.pipeline.trigger(said.function),
    }
    first = together(world, calls)
    queue, trouble = split(first["queue"])
    function = _value(first, "function")
    used = queue is not None or function is not None
    second = _second(world, queue, function) if used else {}
    batch, job = _value(second, "batch"), _value(second, "job")
    endpoint = said.endpoint or (job.endpoint if job else "")
    letters = queue.arn.rpartition(":")[0] + f":{queue.dlq}" if queue and queue.dlq else ""
    third = _third(world, batch, job, endpoint, letters) if used else {}
    sent = _value(second, "bucket")
    service, service_trouble = split(third.get("service"))
    names = {one for one in (queue and queue.name, queue and queue.dlq) if one}
    return Facts(
        region=settings.aws.region,
        aws=endpoint_of(settings.aws.region, settings.aws.endpoint_url, "sqs"),
        asked_for=any(
            source != "default" for path, source in world.loaded.sources.items() if path.startswith(_OUR_SECTION)
            and path != "analysis.environment"
        ),
        queue_name=said.queue_name, bucket=said.raw_bucket, function_name=said.function,
        batch_queue_name=_batch_name(function, said.batch_queue, "batch_queue"),
        batch_job_name=_batch_name(function, said.batch_job, "batch_job"),
        results_bucket=said.results_bucket or said.raw_bucket, results_prefix=said.results_prefix,
        request_s=said.request_s,
        trouble=trouble, queue=queue,
        notifications=None if sent is None else tuple(one for one in sent if queue and one.queue == queue.arn),
        function=function, mappings=_value(second, "mappings") or (),
        batch_queue=batch and Part(batch.name, batch.state, batch.status, batch.why),
        compute=tuple(
            Part(one.name, one.state, one.status, one.why) for one in (_value(third, "compute") or {}).values()
        ),
        job=job, image_there=_value(third, "image"), log_there=_value(third, "log"),
        denied=_denied(function, job, {**second, **third}),
        endpoint=shown(endpoint), service=service, service_trouble=service_trouble,
        database=settings.db.name if settings.db.host else "", vector=_value(second, "vector"),
        secret=said.db_secret, secret_there=_value(second, "secret"),
        alarms=tuple(one for one in _value(second, "alarms") or () if one.queue in names),
        unseen=tuple(
            one for name, one in {**first, **second, **third}.items()
            if isinstance(one, Trouble) and name not in ("queue", "service")
        ),
    )  # fmt: skip


def _value(seen: dict[str, Any], name: str) -> Any:
    return split(seen.get(name))[0]


def _batch_name(function: Trigger | None, usual: str, field: str) -> str:
    """What the function submits to; the settings where it does not say, or is not there."""
    return (getattr(function, field) if function else "") or usual


def _second(world: World, queue: Intake | None, function: Trigger | None) -> dict[str, Any]:
    store, settings = world.stores, world.stores.settings
    said = settings.analysis
    batch_queue = _batch_name(function, said.batch_queue, "batch_queue")
    batch_job = _batch_name(function, said.batch_job, "batch_job")
    calls: dict[str, Callable[[], Any]] = {
        "batch": lambda: store.fleet.batch_queue(batch_queue),
        "job": lambda: store.pipeline.definition(batch_job),
        "bucket": lambda: store.pipeline.notifications(said.raw_bucket),
        "alarms": lambda: store.pipeline.alarms(),  # noqa: PLW0108 - opening the store is part of the call
    }
    if queue is not None:
        calls["mappings"] = lambda: store.pipeline.mappings(queue.arn)
    if function is not None and function.role.startswith("arn:") and queue is not None:
        role, account = function.role, function.role.split(":")[4]
        takes = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        arn = f"arn:aws:batch:{settings.aws.region}:{account}"
        there = (f"{arn}:job-queue/{batch_queue}", f"{arn}:job-definition/{batch_job}")
        calls["function takes"] = lambda: store.pipeline.denied(role, takes, (queue.arn,))
        calls["function looks"] = lambda: store.pipeline.denied(role, ("batch:ListJobs",))
        calls["function submits"] = lambda: store.pipeline.denied(role, ("batch:SubmitJob",), there)
    if settings.db.host:
        calls["vector"] = lambda: bool(store.db.query("SELECT 1 FROM pg_extension WHERE extname = 'vector'"))
    if said.db_secret:
        calls["secret"] = lambda: store.pipeline.has_secret(said.db_secret)
    return together(world, calls)


def _third(
    world: World, batch: fleet.BatchQueue | None, job: Definition | None, endpoint: str, letters: str
) -> dict[str, Any]:
    store, said = world.stores, world.stores.settings.analysis
    calls: dict[str, Callable[[], Any]] = {}
    if batch is not None and batch.environments:
        calls["compute"] = lambda: store.fleet.compute_environments(batch.environments)
    if job is not None:
        image, group = said.image or job.image, job.log_group or said.batch_log_group
        calls["image"] = lambda: store.fleet.image(image)
        calls["log"] = lambda: store.pipeline.has_log_group(group)
        if job.role and job.ours:
            objects = (f"arn:aws:s3:::{said.raw_bucket}/*",)
            kept = (f"arn:aws:s3:::{said.results_bucket or said.raw_bucket}/{said.results_prefix}*",)
            calls["job reads"] = lambda: store.pipeline.denied(job.role, ("s3:GetObject",), objects)
            if letters:
                calls["job buries"] = lambda: store.pipeline.denied(job.role, ("sqs:SendMessage",), (letters,))
            calls["job keeps"] = lambda: store.pipeline.denied(job.role, ("s3:GetObject", "s3:PutObject"), kept)
    if endpoint:
        calls["service"] = lambda: _look(world, endpoint)
    return together(world, calls)


def _look(world: World, endpoint: str) -> Service:
    """FastAPI publishes what it can do; nothing is analysed for this."""
    from academyctl.stores.analysis_api import AnalysisApi

    reply = AnalysisApi(endpoint).look("/openapi.json", seconds=max(0.3, min(3.0, world.left_s() * 0.5)))
    try:
        paths = json.loads(reply.body)["paths"] if reply.status == 200 else None
    except (ValueError, KeyError, TypeError):
        paths = None
    return Service(reply.status, "post" in paths.get("/analyze", {}) if isinstance(paths, dict) else None)


def _denied(function: Trigger | None, job: Definition | None, seen: dict[str, Any]) -> tuple[Denied, ...]:
    found = []
    for whose, role, words in (
        (
            function and function.name,
            function and function.role,
            ("function takes", "function looks", "function submits"),
        ),
        (job and job.name, job and job.role, ("job reads", "job keeps", "job buries")),
    ):
        actions = [action for word in words for action in _value(seen, word) or ()]
        if actions and whose and role:
            found.append(Denied(whose, role, tuple(dict.fromkeys(actions))))
    return tuple(found)

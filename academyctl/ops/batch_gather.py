"""What the plans of `batch` are made from, read of the rows and of Batch. Nothing here changes anything.

Everything raises StoreError when a part cannot be read: half a picture is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from academyctl.contract import keys
from academyctl.errors import Both, RedisAway, WorkFailed
from academyctl.ops.batch_plans import Seen, Where
from academyctl.ops.batch_reconcile import Picture, Sighting, due, sighting
from academyctl.ops.batch_repairs import made_before

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow

_MAKE = Both(
    "check VIDEO_BATCH_JOB_QUEUE and VIDEO_BATCH_JOB_DEFINITION; what is there: academyctl batch doctor",
    "VIDEO_BATCH_JOB_QUEUE와 VIDEO_BATCH_JOB_DEFINITION을 확인하세요. 점검: academyctl batch doctor",
)


def target(stores: Stores, options: tuple[str, ...] = ()) -> Where:
    """Where jobs are submitted to. Raises WorkFailed when the queue or the definition would refuse them."""
    fleet = stores.settings.fleet
    queue, definition = stores.batch.raw_queue(fleet.batch_queue), stores.batch.raw_definition(fleet.batch_job)
    if queue is None or definition is None:
        name = f"Batch queue {fleet.batch_queue}" if queue is None else f"job definition {fleet.batch_job}"
        raise WorkFailed(f"there is no {name}", remedy=_MAKE, code="missing")
    if queue["state"] != "ENABLED":
        raise WorkFailed(f"Batch queue {fleet.batch_queue} takes no jobs", why=f"it is {queue['state']}", remedy=_MAKE)
    return Where(fleet.batch_queue, fleet.batch_job, options)


def videos(stores: Stores, ids: Sequence[int], queue: str) -> list[Seen]:
    """Videos with their jobs, and what Batch says of the active ones."""
    wanted = list(dict.fromkeys(ids))
    rows, jobs = stores.videos.rows(wanted), stores.batch_jobs.of_videos(wanted)
    active = [row for found in jobs.values() for row in found if row.active]
    aws = described(stores, active)
    unnoted = {row.id: job for row in active if (job := _unnoted(stores, queue, row, aws))}
    return [Seen(one, rows.get(one), jobs[one], aws, unnoted) for one in wanted]


def described(stores: Stores, rows: Sequence[JobRow]) -> dict[str, AwsJob]:
    """The Batch jobs that these rows name."""
    return stores.batch.describe([row.aws_id for row in rows if row.sent])


def picture(stores: Stores, queue: str) -> Picture:
    """All active rows and all living Batch jobs of the queue. Raises StoreError when any of it cannot be read."""
    # Batch first: a row that is inserted after the listing has no living job in it, and so none that seems an orphan's.
    living = stores.batch.ids(queue)
    rows = stores.batch_jobs.active()
    looked = due(rows)
    noted = [row.aws_id for row in looked if row.sent]
    aws = stores.batch.describe(list(dict.fromkeys([*living, *noted])))
    given = [job.job_id for job in aws.values() if job.job_id]
    unnoted = {row.id: job for row in looked if (job := _unnoted(stores, queue, row, aws))}
    unknown = [row for row in looked if row.sent and row.aws_id not in aws]
    sightings, counting = _sightings(stores, unknown)
    return Picture(
        now=stores.batch_jobs.now(), rows=rows, aws=aws, rows_of=stores.batch_jobs.by_id(given), unnoted=unnoted,
        desired_vcpus=_desired(stores, queue), sightings=sightings, counting=counting,
    )  # fmt: skip


def _unnoted(stores: Stores, queue: str, row: JobRow, aws: dict[str, AwsJob]) -> AwsJob | None:
    """A submission that stopped may have made a Batch job; a noted one that lives needs no second look."""
    noted = aws.get(row.aws_id)
    if noted is not None and (noted.active or noted.status == "SUCCEEDED"):
        return None
    return made_before(stores, queue, row)


def _desired(stores: Stores, queue: str) -> int | None:
    """vCPUs that the queue's compute environments want now; Fargate's do not say."""
    found = stores.batch.raw_queue(queue)
    order = (found or {}).get("computeEnvironmentOrder") or []
    if not order:
        return None
    told = stores.batch.raw_environments([str(one["computeEnvironment"]) for one in order])
    wanted = [(one.get("computeResources") or {}).get("desiredvCpus") for one in told]
    return None if all(one is None for one in wanted) else sum(int(one or 0) for one in wanted)


def _sightings(stores: Stores, rows: Sequence[JobRow]) -> tuple[dict[str, Sighting], bool]:
    """By job id, and whether they can be kept at all."""
    if not rows:
        return {}, True
    if not stores.redis.enabled:
        return {}, False
    try:
        values = stores.redis.get_many([keys.batch_unseen(row.id) for row in rows])
    except RedisAway:
        return {}, False
    told = ((row.id, sighting(value)) for row, value in zip(rows, values, strict=True))
    return {job_id: seen for job_id, seen in told if seen is not None}, True

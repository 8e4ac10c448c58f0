"""Facts of an account whose videos run on AWS Batch, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import batch
from checks._batch_facts import Compute, Definition, Job, Queue
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
IMAGE = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/academy-video-worker:latest"
QUEUE = Queue("academy-v1-video-batch-queue", "ENABLED", "VALID", "JobQueue Healthy")
COMPUTE = Compute("academy-v1-video-batch-ce", "ENABLED", "VALID", "ComputeEnvironment Healthy", "SPOT", 40)
JOB = Job("8f0c-1", "video-8f0c1b2a", "", None, 60.0)
FACTS = batch.Facts(
    region="ap-northeast-2", endpoint="https://batch.ap-northeast-2.amazonaws.com", asked_for=False,
    queue_name=QUEUE.name, job_name="academy-v1-video-batch-jobdef", compute_name=COMPUTE.name,
    log_group="/aws/batch/academy-video-worker", trouble=None,
    queue=QUEUE, environments=(COMPUTE,),
    job=Definition("academy-v1-video-batch-jobdef", 7, IMAGE), job_trouble=None, compute_trouble=None,
    image_there=True, image_trouble=None,
    running=1, runnable=(JOB,), failed=(), jobs_trouble=None,
)  # fmt: skip
NOT_USED = replace(
    FACTS, queue=None, environments=(), job=None, image_there=None, running=0, runnable=(), failed=()
)  # fmt: skip
OLD = replace(JOB, age_s=1800.0)
DENIED = Trouble(t.DENIED, "AccessDenied", "batch:ListJobs x", "AccessDenied")


def away(cause: str, code: str = "") -> batch.Facts:
    """The facts of an account in which nothing of it could be seen."""
    trouble = Trouble(cause, code, "batch:DescribeJobQueues x", code)
    return replace(NOT_USED, trouble=trouble, job_trouble=trouble, compute_trouble=trouble)


def _with(**changes: Any) -> batch.Facts:
    return replace(FACTS, **changes)


def _failed(why: str) -> batch.Facts:
    return _with(failed=(replace(JOB, why=why, exit_code=1),))


def cases() -> tuple[Case, ...]:
    return (
        fail("Batch does not know the key", "batch.key-unknown", V.settings, batch=away(t.KEY)),
        fail("Batch refuses the secret", "batch.secret-wrong", V.settings, batch=away(t.SECRET)),
        fail("no credentials for Batch", "batch.no-credentials", V.settings, batch=away(t.NO_KEY)),
        fail("Batch's session expired", "batch.credentials-expired", V.settings, batch=away(t.EXPIRED)),
        fail("Batch refuses the clock", "batch.clock-wrong", V.infrastructure, batch=away(t.CLOCK)),
        fail("Batch is down", "batch.unreachable", V.infrastructure, batch=away(t.UNREACHABLE)),
        fail("Batch's host is unknown", "batch.host-unknown", V.settings, batch=away(t.HOST)),
        fail("something else answers as Batch", "batch.stranger", V.infrastructure, batch=away(t.STRANGER)),
        fail("Batch's client cannot be made", "batch.setup", V.settings, batch=away(t.SETUP)),
        unknown("Batch may not be looked at", "batch.denied", batch=away(t.DENIED, "AccessDenied")),
        unknown("Batch is silent", "batch.timeout", batch=away(t.TIMEOUT)),
        unknown("Batch throttles", "batch.throttled", batch=away(t.THROTTLED)),
        unknown("Batch answers nonsense", "batch.odd", batch=away(t.ODD)),
        fail("the Batch queue is gone", "batch.queue-missing", V.infrastructure, batch=_with(queue=None)),
        fail("the Batch queue that was asked for is not there", "batch.queue-missing", V.infrastructure,
             batch=replace(NOT_USED, asked_for=True)),
        fail("the Batch queue is off", "batch.queue-off", V.infrastructure,
             batch=_with(queue=replace(QUEUE, state="DISABLED"))),
        fail("no compute environment", "batch.compute-missing", V.infrastructure, batch=_with(environments=())),
        fail("an invalid compute environment", "batch.compute-off", V.infrastructure,
             batch=_with(environments=(replace(COMPUTE, status="INVALID", why="CLIENT_ERROR - not authorized"),))),
        fail("a compute environment without vCPU", "batch.no-vcpus", V.capacity,
             batch=_with(environments=(replace(COMPUTE, max_vcpus=0),))),
        fail("jobs wait for a compute environment that is off", "batch.compute-off", V.infrastructure,
             "batch.runnable-long",
             batch=_with(environments=(replace(COMPUTE, state="DISABLED"),), running=0, runnable=(OLD,))),
        unknown("compute environments are denied", "batch.parts-unseen", batch=_with(compute_trouble=DENIED)),
        unknown("the job definition is denied", "batch.parts-unseen", batch=_with(job_trouble=DENIED)),
        unknown("jobs are denied", "batch.parts-unseen", batch=_with(jobs_trouble=DENIED)),
        fail("the job definition is gone", "batch.job-missing", V.infrastructure, batch=_with(job=None)),
        fail("the image is gone", "batch.image-missing", V.infrastructure, batch=_with(image_there=False)),
        unknown("the image may not be looked at", "batch.image-unseen", batch=_with(image_trouble=DENIED)),
        fail("jobs wait for ever", "batch.runnable-long", V.capacity, batch=_with(running=0, runnable=(OLD,))),
        warn("jobs wait behind others", "batch.backlog", V.capacity, batch=_with(runnable=(OLD,))),
        warn("jobs lost their machine", "batch.failed-to-start", V.infrastructure,
             batch=_failed("Host EC2 (instance i-0ab) terminated.")),
        warn("jobs fail", "batch.failed-jobs", V.code, batch=_failed("Essential container in task exited")),
    )  # fmt: skip

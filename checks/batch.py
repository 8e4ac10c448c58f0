"""Batch: where the platform's videos went in the end (contract 13): queue, machines, job definition, image, jobs.

An account without any of it does not use AWS Batch, which is no fault; with a part of it, or when the settings name it
themselves, what is missing is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks._access import access_finding
from checks._batch_facts import CLIENTS, RUNNABLE_S, Facts, Job, gather
from checks._fleet import VARIABLES, fleet_kinds
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict

__all__ = ["CHECKS", "CLIENTS", "Facts", "gather"]

_FLEET = ("academyctl config show --section fleet",)
_AGAIN = ("academyctl diagnose batch --timeout 30",)
_LOOK = ("academyctl diagnose batch",)
# What ends a job that is no fault of what ran in it.
_MACHINE = ("Host EC2", "CannotPull", "ResourceInitialization", "Spot", "CannotStart", "DockerTimeout")

ACCESS_KINDS = fleet_kinds("batch", "scaling", "lambda")
NOT_USED = Kind("batch.not-used", State.ok, stops=True)
QUEUE_MISSING = Kind(
    "batch.queue-missing", State.fail, Verdict.infrastructure, _FLEET, because=(Because("sqs.none-here"),)
)
QUEUE_OFF = Kind("batch.queue-off", State.fail, Verdict.infrastructure, _FLEET)
COMPUTE_MISSING = Kind("batch.compute-missing", State.fail, Verdict.infrastructure, _FLEET)
COMPUTE_OFF = Kind("batch.compute-off", State.fail, Verdict.infrastructure, _FLEET)
NO_VCPUS = Kind("batch.no-vcpus", State.fail, Verdict.capacity, _FLEET)
JOB_MISSING = Kind("batch.job-missing", State.fail, Verdict.infrastructure, _FLEET)
NO_IMAGE = Kind("batch.image-missing", State.fail, Verdict.infrastructure, _FLEET)
IMAGE_UNSEEN = Kind("batch.image-unseen", State.unknown, None, _AGAIN,
                    because=(Because("batch.denied"), Because("lambda.denied"), Because("scaling.denied")))  # fmt: skip
PARTS_UNSEEN = Kind("batch.parts-unseen", State.unknown, None, _AGAIN,
                    because=(Because("batch.denied"), Because("lambda.denied"), Because("scaling.denied")))  # fmt: skip
_NO_MACHINES = tuple(
    Because(f"batch.{word}") for word in ("queue-off", "compute-missing", "compute-off", "no-vcpus", "image-missing")
)
STUCK = Kind("batch.runnable-long", State.fail, Verdict.capacity, _FLEET, because=_NO_MACHINES)
BACKLOG = Kind("batch.backlog", State.warn, Verdict.capacity, _LOOK)
NOT_STARTED = Kind("batch.failed-to-start", State.warn, Verdict.infrastructure, _LOOK, because=_NO_MACHINES)
FAILED = Kind("batch.failed-jobs", State.warn, Verdict.code, _LOOK)


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.trouble is None:
        yield ACCESS.ok("", region=facts.region)
        return
    told = {"service": "AWS Batch", "endpoint": facts.endpoint, "region": facts.region, **VARIABLES}
    yield access_finding(ACCESS_KINDS, "batch", [facts.trouble], **told)


def _judge_queue(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    queue = facts.queue
    if queue is None:
        parts = [
            name for name, there in ((facts.job_name, facts.job), (facts.compute_name, facts.environments)) if there
        ]
        if not parts and not facts.asked_for:
            yield NOT_USED.found("", queue=facts.queue_name, region=facts.region)
            return
        there = ", ".join(parts) or f"VIDEO_BATCH_JOB_QUEUE={facts.queue_name}"
        evidence = (f"batch:DescribeJobQueues {facts.queue_name}", "no such queue")
        yield QUEUE_MISSING.found(facts.queue_name, evidence, there=there, region=facts.region)
    elif queue.state != "ENABLED" or queue.status != "VALID":
        evidence = (f"batch:DescribeJobQueues {queue.name}", f"{queue.state} {queue.status} {queue.why}".strip())
        yield QUEUE_OFF.found(queue.name, evidence, state=f"{queue.state} {queue.status}")
    else:
        yield QUEUE.ok(queue.name, runnable=len(facts.runnable), running=facts.running)


def _judge_compute(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if trouble := facts.compute_trouble:
        yield PARTS_UNSEEN.found("compute environments", (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
        return
    if not facts.environments:
        evidence = ("batch:DescribeComputeEnvironments", f"no {facts.compute_name}")
        yield COMPUTE_MISSING.found(facts.compute_name, evidence, queue=facts.queue_name)
    live = [one for one in facts.environments if one.state == "ENABLED" and one.status == "VALID"]
    for one in facts.environments:
        source = f"batch:DescribeComputeEnvironments {one.name}"
        if one in live and one.max_vcpus != 0:
            yield COMPUTE.ok(one.name, kind=one.kind, vcpus="-" if one.max_vcpus is None else one.max_vcpus)
        elif one in live:
            yield NO_VCPUS.found(one.name, (source, "maxvCpus=0"), queue=facts.queue_name)
        else:
            # Why it is INVALID is the whole story: a missing role, subnet or AMI.
            told = f"{one.state} {one.status}"
            yield COMPUTE_OFF.found(
                one.name, (source, f"{told} {one.why}".strip()), state=told, why=one.why[:300] or "-"
            )


def _judge_job(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if trouble := facts.job_trouble:
        yield PARTS_UNSEEN.found("job definition", (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
        return
    job = facts.job
    if job is None:
        evidence = (f"batch:DescribeJobDefinitions {facts.job_name}", "no active revision")
        yield JOB_MISSING.found(facts.job_name, evidence)
    elif facts.image_trouble:
        trouble = facts.image_trouble
        yield IMAGE_UNSEEN.found(job.image, (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
    elif facts.image_there is False:
        yield NO_IMAGE.found(job.image, (f"ecr:DescribeImages {job.image}", "no such image"), job=job.name)
    else:
        yield JOB.ok(f"{job.name}:{job.revision}", image=job.image)


def _judge_jobs(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    source = f"batch:ListJobs {facts.queue_name}"
    bad = 0
    if trouble := facts.jobs_trouble:
        bad += 1
        yield PARTS_UNSEEN.found("jobs", (trouble.what, trouble.told), why=trouble.told, **VARIABLES)
    long = [one for one in facts.runnable if one.age_s >= RUNNABLE_S]
    if long:
        bad += 1
        oldest = max(long, key=lambda one: one.age_s)
        evidence = (
            f"{source} RUNNABLE",
            f"{oldest.name} {oldest.id}: {oldest.age_s / 60:.0f} min {oldest.why}".strip(),
        )
        kind = BACKLOG if facts.running else STUCK
        values = {"minutes": f"{oldest.age_s / 60:.0f}", "running": facts.running}
        yield kind.found(facts.queue_name, evidence, count=len(long), **values)
    lost = [one for one in facts.failed if any(word in one.why for word in _MACHINE)]
    for kind, jobs in ((NOT_STARTED, lost), (FAILED, [one for one in facts.failed if one not in lost])):
        if jobs:
            bad += 1
            told = tuple((f"{source} FAILED", _line(one)) for one in jobs[:3])
            values = {"why": jobs[0].why[:200] or "-", "log": facts.log_group}
            yield kind.found(facts.queue_name, *told, count=len(jobs), **values)
    if not bad:
        yield JOBS.ok(facts.queue_name, running=facts.running, runnable=len(facts.runnable))


def _line(one: Job) -> str:
    ended = "" if one.exit_code is None else f" exit {one.exit_code}"
    return f"{one.name} {one.id}:{ended} {one.why}"[:300]


ACCESS = Check("batch.access", _judge_access, kinds=tuple(ACCESS_KINDS.values()))
QUEUE = Check("batch.queue", _judge_queue, ("batch.access",), (NOT_USED, QUEUE_MISSING, QUEUE_OFF))
COMPUTE = Check(
    "batch.compute", _judge_compute, ("batch.queue",), (COMPUTE_MISSING, COMPUTE_OFF, NO_VCPUS, PARTS_UNSEEN)
)
JOB = Check("batch.job", _judge_job, ("batch.queue",), (JOB_MISSING, NO_IMAGE, IMAGE_UNSEEN, PARTS_UNSEEN))
JOBS = Check("batch.jobs", _judge_jobs, ("batch.queue",), (STUCK, BACKLOG, NOT_STARTED, FAILED, PARTS_UNSEEN))
CHECKS = (ACCESS, QUEUE, COMPUTE, JOB, JOBS)

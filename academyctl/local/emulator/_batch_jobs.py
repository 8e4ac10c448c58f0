"""The actions of our Batch on jobs."""

from __future__ import annotations

import itertools
import uuid

from academyctl.local.emulator import _batch_rules as rules
from academyctl.local.emulator._batch_common import LOCK, Answer, Raw, answer, jobs_of, now, refused, short
from academyctl.local.emulator._batch_schedule import end_by_hand, schedule

_PAGE = 100
_ORDER = itertools.count()


def submit(asked: Raw) -> Answer:
    from ministack.services import batch as service

    queue = service._job_queues.get(short(asked.get("jobQueue", "")))
    made_from = definition(str(asked.get("jobDefinition", "")))
    wrong = rules.wrong_limits(asked)
    if queue is None:
        return refused(f"JobQueue {short(asked.get('jobQueue', ''))} not found.")
    if queue["state"] != "ENABLED":
        return refused(f"JobQueue {queue['jobQueueArn']} is not in ENABLED state")
    if made_from is None:
        return refused(f"JobDefinition {asked.get('jobDefinition')} not found or not in ACTIVE state")
    if asked.get("dependsOn") or asked.get("arrayProperties"):
        wrong = "the embedded stack's Batch runs single jobs: no dependsOn, no arrayProperties"
    if wrong:
        return refused(f"Error executing request, Exception : {wrong}")
    job_id = str(uuid.uuid4())
    container = rules.merged(made_from["containerProperties"], asked.get("containerOverrides") or {})
    job = {
        "jobId": job_id, "jobArn": service._job_arn(job_id), "jobName": asked["jobName"],
        "jobQueue": queue["jobQueueArn"], "jobDefinition": made_from["jobDefinitionArn"], "status": "SUBMITTED",
        "createdAt": now(), "attempts": [], "dependsOn": [], "container": container, "tags": asked.get("tags") or {},
        "parameters": {**(made_from.get("parameters") or {}), **(asked.get("parameters") or {})},
        "retryStrategy": asked.get("retryStrategy") or made_from.get("retryStrategy") or {"attempts": 1},
        "timeout": asked.get("timeout") or made_from.get("timeout") or {}, "order": next(_ORDER),
    }  # fmt: skip
    with LOCK:
        service._jobs[job_id] = job
        try:
            job["container"]["command"] = rules.command(container.get("command") or [], job["parameters"])
        except rules.NoParameter as error:
            job |= {"status": "FAILED", "statusReason": str(error), "stoppedAt": now()}
        else:
            job["status"] = "RUNNABLE"
    schedule()
    return answer({"jobId": job_id, "jobName": asked["jobName"], "jobArn": job["jobArn"]})


def describe(asked: Raw) -> Answer:
    from ministack.services import batch as service

    ids = [short(one) for one in asked.get("jobs") or []]
    if len(ids) > _PAGE:
        return refused("jobs: must have at most 100 items")
    with LOCK:
        return answer({"jobs": [_shown(service._jobs[one]) for one in ids if one in service._jobs]})


def list_(asked: Raw) -> Answer:
    from ministack.services import batch as service

    name = short(asked.get("jobQueue", ""))
    if name not in service._job_queues:
        return refused(f"JobQueue {name} not found.")
    with LOCK:
        status, filters = str(asked.get("jobStatus") or ""), asked.get("filters") or []
        found = [_summary(job) for job in jobs_of(name) if rules.listed(job, status, filters)]
    start, size = int(asked.get("nextToken") or 0), int(asked.get("maxResults") or _PAGE)
    more = {"nextToken": str(start + size)} if len(found) > start + size else {}
    return answer({"jobSummaryList": found[start : start + size], **more})


def terminate(asked: Raw) -> Answer:
    from ministack.services import batch as service

    if not asked.get("reason"):
        return refused("reason is required")
    job = service._jobs.get(short(asked.get("jobId", "")))
    if job is not None:
        job["isTerminated"] = job["status"] not in rules.ENDED
        end_by_hand(job, str(asked["reason"]))
    return answer({})


def cancel(asked: Raw) -> Answer:
    from ministack.services import batch as service

    if not asked.get("reason"):
        return refused("reason is required")
    job = service._jobs.get(short(asked.get("jobId", "")))
    # What has begun is left alone; AWS says nothing about it.
    if job is not None and job["status"] in ("SUBMITTED", "PENDING", "RUNNABLE"):
        job["isCancelled"] = True
        end_by_hand(job, str(asked["reason"]))
    return answer({})


def definition(ref: str, *, exact: bool = False) -> Raw | None:
    """By ARN, name:revision or name, of which the newest active revision is meant."""
    from ministack.services import batch as service

    name, _, revision = short(ref).partition(":")
    found: list[Raw] = [one for one in service._job_definitions.get(name, []) if one["status"] == "ACTIVE"]
    if revision or exact:
        found = [one for one in found if str(one["revision"]) == revision]
    return found[-1] if found else None


def _summary(job: Raw) -> Raw:
    kept = ("jobId", "jobArn", "jobName", "status", "statusReason", "createdAt", "startedAt", "stoppedAt",
            "jobDefinition")  # fmt: skip
    container = {key: job["container"][key] for key in ("exitCode", "reason") if key in job["container"]}
    return {**{key: job[key] for key in kept if key in job}, "container": container}


def _shown(job: Raw) -> Raw:
    return {key: value for key, value in job.items() if key not in ("order", "ended")}

"""Which of our Batch jobs run, and one attempt of one: a process of this machine from start to end."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from academyctl.local.emulator import _batch_logs
from academyctl.local.emulator import _batch_rules as rules
from academyctl.local.emulator._batch_common import LOCK, Raw, enabled, environments, now, short
from academyctl.local.emulator._batch_process import Container

DEFAULT_GROUP = "/aws/batch/job"
EXITED = "Essential container in task exited"
TIMED_OUT = "Job attempt duration exceeded timeout"
_AT_WORK: dict[str, Container] = {}


def schedule() -> None:
    """Start what fits, oldest first."""
    from ministack.services import batch as service

    with LOCK:
        jobs = list(service._jobs.values())
        for job in sorted((one for one in jobs if one["status"] == "RUNNABLE"), key=lambda one: one["order"]):
            queue = service._job_queues.get(short(job["jobQueue"]))
            if queue is None or not _fits(job, queue, jobs):
                continue
            job["status"] = "STARTING"
            _AT_WORK[job["jobId"]] = container = Container(
                job["container"].get("command") or [], _environment(job, queue)
            )
            # The account and the region of a request are context variables.
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(_attempt, job, container), daemon=True).start()


def _fits(job: Raw, queue: Raw, jobs: list[Raw]) -> bool:
    from ministack.services import batch as service

    names = set(environments(queue))
    there = [service._compute_envs[name] for name in names if name in service._compute_envs]
    most = sum(float((one.get("computeResources") or {}).get("maxvCpus", 0)) for one in there if enabled(one))
    sharing = {one["jobQueueArn"] for one in service._job_queues.values() if names.intersection(environments(one))}
    at_work = [one for one in jobs if one["status"] in ("STARTING", "RUNNING") and one["jobQueue"] in sharing]
    taken = sum(rules.vcpus(one["container"]) for one in at_work)
    return taken + rules.vcpus(job["container"]) <= most


def _attempt(job: Raw, container: Container) -> None:
    stream, seen = "", {"startedAt": now()}
    code: int | None = None
    reason, status, late = "", EXITED, False
    try:
        if not job["container"]["command"]:
            raise FileNotFoundError("the embedded stack runs a definition's command, not its image: give one")
        stream, said = _batch_logs.stream(job, DEFAULT_GROUP)
        with LOCK:
            job |= {"status": "RUNNING", "startedAt": seen["startedAt"]}
            job["container"]["logStreamName"] = stream
        limit = job["timeout"].get("attemptDurationSeconds")
        code, late = container.run(said, timeout_s=limit)
    # ValueError: a variable's name or value that no process can be given.
    except (OSError, LookupError, ValueError) as error:
        reason, status = f"CannotStartContainerError: {error}", "Task failed to start"
    with LOCK:
        status = job.get("ended") or (TIMED_OUT if late else status)
        job["container"] |= {} if code is None else {"exitCode": code}
        job["container"] |= {"reason": reason} if reason else {}
        told = {key: value for key, value in (("exitCode", code), ("reason", reason), ("logStreamName", stream))
                if value not in (None, "")}  # fmt: skip
        job["attempts"].append({"container": told, **seen, "stoppedAt": now(), "statusReason": status})
        del _AT_WORK[job["jobId"]]
        # A job that ran out of time is not tried again, nor is one that somebody ended.
        over = late or "ended" in job or (code == 0)
        if not over and rules.tried_again(
            job["retryStrategy"], len(job["attempts"]), exit_code=code, reason=reason, status=status
        ):
            job |= {"status": "RUNNABLE", "statusReason": status}
        else:
            ended = "SUCCEEDED" if code == 0 and "ended" not in job and not late else "FAILED"
            job |= {"status": ended, "statusReason": status, "stoppedAt": now()}
    schedule()


def _environment(job: Raw, queue: Raw) -> dict[str, str]:
    """The stack's settings, then the job's own, then what Batch tells a container."""
    given = {str(one["name"]): str(one.get("value", "")) for one in job["container"].get("environment") or []}
    told = {
        "AWS_BATCH_JOB_ID": job["jobId"], "AWS_BATCH_JOB_ATTEMPT": str(len(job["attempts"]) + 1),
        "AWS_BATCH_JQ_NAME": queue["jobQueueName"], "AWS_BATCH_CE_NAME": next(iter(environments(queue)), ""),
    }  # fmt: skip
    return {**_stack(), **given, **told}


def _stack() -> Mapping[str, str]:
    from academyctl.errors import ConfigError
    from academyctl.local.environment import profile_env

    folder = os.environ.get("ACADEMYCTL_LOCAL_DIR")
    try:
        return profile_env(Path(folder)) if folder else {}
    except ConfigError:
        return {}


def end_by_hand(job: Raw, reason: str) -> None:
    """End a job now: one that runs is stopped, and FAILED when its process has ended."""
    with LOCK:
        if job["status"] in rules.ENDED:
            return
        job["ended"] = reason
        container = _AT_WORK.get(job["jobId"])
        if container is None:
            job |= {"status": "FAILED", "statusReason": reason, "stoppedAt": now()}
            return
    container.stop()

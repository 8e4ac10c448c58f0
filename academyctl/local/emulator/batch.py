"""AWS Batch whose jobs really run: a job's command is a process of this machine, its image is not looked at.

As AWS has them: SUBMITTED -> RUNNABLE -> STARTING -> RUNNING -> SUCCEEDED or FAILED, retries by the exit, timeouts,
a log stream an attempt. A job waits in RUNNABLE while its compute environment is off or full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from academyctl.local.emulator import _batch_jobs as jobs
from academyctl.local.emulator import _batch_rules as rules
from academyctl.local.emulator._batch_common import Answer, Raw, answer, environments, jobs_of, now, refused, short
from academyctl.local.emulator._batch_schedule import end_by_hand, schedule

LOST = "Host EC2 (instance local) terminated."


def install() -> None:
    """Put our actions in ministack's table."""
    from ministack.services import batch as service

    service._DISPATCH |= {
        "/v1/createjobqueue": _checked_queue(service._create_job_queue),
        "/v1/updatejobqueue": _update_queue,
        "/v1/deletejobqueue": _delete_queue,
        "/v1/updatecomputeenvironment": _then_schedule(service._update_compute_environment),
        "/v1/deletecomputeenvironment": _delete_environment,
        "/v1/registerjobdefinition": _register,
        "/v1/describejobdefinitions": _definitions,
        "/v1/deregisterjobdefinition": _deregister,
        "/v1/submitjob": jobs.submit,
        "/v1/describejobs": jobs.describe,
        "/v1/listjobs": jobs.list_,
        "/v1/terminatejob": jobs.terminate,
        "/v1/canceljob": jobs.cancel,
    }
    service.load_persisted_state = _restored(service.load_persisted_state)


def _restored(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What ran when the emulator stopped has ended with it, as on a host that is gone."""

    def loaded(data: Any) -> Any:
        made = load(data)
        from ministack.services import batch as service

        for job in service._jobs._data.values():
            if job["status"] not in rules.ENDED:
                job |= {"status": "FAILED", "statusReason": LOST, "stoppedAt": now()}
        return made

    return loaded


def _checked_queue(create: Callable[[Raw], Answer]) -> Callable[[Raw], Answer]:
    def created(asked: Raw) -> Answer:
        from ministack.services import batch as service

        for one in asked.get("computeEnvironmentOrder") or []:
            name = short(one.get("computeEnvironment", ""))
            if name not in service._compute_envs:
                return refused(f"computeEnvironment {name} does not exist.")
        return create(asked)

    return created


def _then_schedule(act: Callable[[Raw], Answer]) -> Callable[[Raw], Answer]:
    def done(asked: Raw) -> Answer:
        answer = act(asked)
        schedule()
        return answer

    return done


def _update_queue(asked: Raw) -> Answer:
    from ministack.services import batch as service

    queue = service._job_queues.get(short(asked.get("jobQueue", "")))
    if queue is None:
        return refused(f"{asked.get('jobQueue')} does not exist")
    queue |= {key: asked[key] for key in ("state", "priority", "computeEnvironmentOrder") if key in asked}
    schedule()
    return answer({"jobQueueName": queue["jobQueueName"], "jobQueueArn": queue["jobQueueArn"]})


def _delete_queue(asked: Raw) -> Answer:
    from ministack.services import batch as service

    name = short(asked.get("jobQueue", ""))
    queue = service._job_queues.get(name)
    if queue is not None and queue["state"] != "DISABLED":
        return refused("Cannot delete, state must be DISABLED.")
    for job in jobs_of(name):
        end_by_hand(job, "Job queue was deleted")
    if queue is not None:
        del service._job_queues[name]
    return answer({})


def _delete_environment(asked: Raw) -> Answer:
    from ministack.services import batch as service

    name = short(asked.get("computeEnvironment", ""))
    found = service._compute_envs.get(name)
    if found is not None and found["state"] != "DISABLED":
        return refused("Cannot delete, state must be DISABLED.")
    if found is not None and any(name in environments(queue) for queue in service._job_queues.values()):
        return refused("Cannot delete, found existing JobQueue relationship.")
    if found is not None:
        del service._compute_envs[name]
    return answer({})


def _register(asked: Raw) -> Answer:
    from ministack.services import batch as service

    wrong = rules.wrong_definition(asked)
    if wrong:
        return refused(f"Error executing request, Exception : {wrong}")
    answer: Answer = service._register_job_definition(asked)
    made = service._job_definitions[asked["jobDefinitionName"]][-1]
    kept = ("parameters", "retryStrategy", "timeout", "propagateTags", "platformCapabilities", "schedulingPriority")
    made |= {key: asked[key] for key in kept if key in asked}
    return answer


def _definitions(asked: Raw) -> Answer:
    from ministack.services import batch as service

    every = [one for revisions in service._job_definitions.values() for one in revisions]
    if asked.get("jobDefinitions"):
        wanted = asked["jobDefinitions"]
        every = [one for one in every if one["jobDefinitionArn"] in wanted or _named(one) in wanted]
    if asked.get("jobDefinitionName"):
        every = [one for one in every if one["jobDefinitionName"] == short(asked["jobDefinitionName"]).split(":")[0]]
    if asked.get("status"):
        every = [one for one in every if one["status"] == asked["status"]]
    return answer({"jobDefinitions": sorted(every, key=lambda one: -int(one["revision"]))})


def _deregister(asked: Raw) -> Answer:
    found = jobs.definition(str(asked.get("jobDefinition", "")), exact=True)
    if found is not None:
        found["status"] = "INACTIVE"
    return answer({})


def _named(definition: Raw) -> str:
    return f"{definition['jobDefinitionName']}:{definition['revision']}"

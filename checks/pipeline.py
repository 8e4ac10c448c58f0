"""The analysis pipeline of guide 004, link by link: bucket, queue, function, job, rights, service, database, alarms."""

from __future__ import annotations

from collections.abc import Iterator

from checks import _pipeline_kinds as k
from checks._access import access_finding
from checks._model import Check, Finding, Snapshot
from checks._pipeline_facts import CLIENTS, Facts, gather
from checks._trouble import SETUP

__all__ = ["CHECKS", "CLIENTS", "Facts", "gather"]


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.trouble is None:
        yield ACCESS.ok("", region=facts.region)
        return
    told = {"service": "AWS", "endpoint": facts.aws, "region": facts.region, **k.VARIABLES}
    yield access_finding(k.ACCESS_KINDS, "pipeline", [facts.trouble], **told)


def _judge_queue(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    queue = facts.queue
    if queue is None:
        if not facts.asked_for and facts.function is None:
            yield k.NOT_USED.found("", queue=facts.queue_name, region=facts.region)
            return
        yield k.QUEUE_MISSING.found(
            facts.queue_name, (f"sqs:GetQueueUrl {facts.queue_name}", "no such queue"), region=facts.region
        )
        return
    yield QUEUE.ok(queue.name)


def _judge_redrive(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    queue = facts.queue
    assert queue is not None
    source = f"sqs:GetQueueAttributes {queue.name}"
    if queue.max_receive is None:
        yield k.NO_REDRIVE.found(queue.name, (source, "no RedrivePolicy"))
    elif queue.max_receive == 1 and any(one.partial for one in facts.mappings):
        yield k.ONE_TRY.found(queue.name, (source, "maxReceiveCount=1"))
    else:
        yield REDRIVE.ok(queue.name, dlq=queue.dlq, count=queue.max_receive)


def _unseen(facts: Facts, *services: str) -> list[Finding]:
    """Looks at these services that failed: what is not there may be there."""
    found = [one for one in facts.unseen if one.what.startswith(tuple(f"{word}:" for word in services))]
    return [k.UNSEEN.found(one.what, (one.what, one.told), why=one.told, **k.VARIABLES) for one in found]


def _judge_uploads(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    source, queue = f"s3:GetBucketNotification {facts.bucket}", facts.queue
    assert queue is not None
    if unseen := _unseen(facts, "s3"):
        yield from unseen
        return
    if facts.notifications is None:
        yield k.BUCKET_MISSING.found(facts.bucket, (source, "no such bucket"))
        return
    creations = [one for one in facts.notifications if any("ObjectCreated" in event for event in one.events)]
    if not creations:
        yield k.SILENT.found(facts.bucket, (source, f"nothing for {queue.name}"), queue=queue.name)
        return
    looping = [one for one in creations if facts.results_bucket == facts.bucket
               and facts.results_prefix.startswith(one.prefix) and ".json".endswith(one.suffix)]  # fmt: skip
    if not queue.lets_bucket_send:
        evidence = (f"sqs:GetQueueAttributes {queue.name}", "its policy does not let s3.amazonaws.com send")
        yield k.SHUT.found(queue.name, evidence, bucket=facts.bucket)
    elif looping:
        evidence = (source, f"prefix '{looping[0].prefix}' suffix '{looping[0].suffix}'")
        yield k.LOOP.found(facts.bucket, evidence, prefix=facts.results_prefix)
    else:
        yield UPLOADS.ok(facts.bucket, queue=queue.name, prefix=creations[0].prefix or "-")


def _judge_function(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    function, name = facts.function, facts.function_name
    mapped = ", ".join(one.function for one in facts.mappings)
    if function is not None and function.state == "Failed":
        evidence = (f"lambda:GetFunctionConfiguration {name}", f"{function.state} {function.why}".strip())
        yield k.FUNCTION_OFF.found(name, evidence, why=function.why or "-")
    elif function is not None:
        yield FUNCTION.ok(name)
    elif unseen := _unseen(facts, "lambda"):
        yield from unseen
    elif mapped:
        evidence = (f"lambda:GetFunctionConfiguration {name}", "no such function")
        yield k.NO_FUNCTION.found(name, evidence, queue=facts.queue_name, mapped=mapped)
    else:
        yield k.WORKERS.found(facts.queue_name, function=name)


def _judge_mapping(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    name, source, bad = facts.function_name, f"lambda:ListEventSourceMappings {facts.queue_name}", False
    if not facts.mappings:
        yield from _unseen(facts, "lambda") or [k.UNMAPPED.found(name, (source, "none"), queue=facts.queue_name)]
        return
    for one in facts.mappings:
        values = {"queue": facts.queue_name, "state": one.state, "last": one.last[:200] or "-"}
        if one.state not in ("Enabled", "Enabling", "Updating", "Creating"):
            yield k.MAPPING_OFF.found(one.function, (source, f"State={one.state}"), **values)
        elif one.last.upper().startswith(("PROBLEM", "ERROR", "FAILED")):
            yield k.MAPPING_FAILS.found(one.function, (source, f"LastProcessingResult={one.last}"), **values)
        elif not one.partial and one.batch > 1:
            yield k.NOT_PARTIAL.found(one.function, (source, f"BatchSize={one.batch}"), count=one.batch, **values)
        else:
            continue
        bad = True
    if _two_consumers(facts):
        assert facts.job is not None
        evidence = (f"batch:DescribeJobDefinitions {facts.job.name}", "SQS_QUEUE_URL is in its environment")
        values = {"function": name, "queue": facts.queue_name}
        yield k.TWO_CONSUMERS.found(facts.job.name, (source, "Enabled"), evidence, **values)
    elif not bad:
        yield MAPPING.ok(name, queue=facts.queue_name)


def _two_consumers(facts: Facts) -> bool:
    """The function's return deletes the message, and the container then waits for it in vain."""
    job = facts.job
    return job is not None and job.reads_queue and not job.ours


def _judge_job(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if unseen := _unseen(facts, "batch", "ecr", "logs"):
        yield from unseen
        return
    job, bad = facts.job, False
    if facts.batch_queue is None:
        evidence = (f"batch:DescribeJobQueues {facts.batch_queue_name}", "no such queue")
        bad = True
        yield k.BATCH_MISSING.found(facts.batch_queue_name, evidence, function=facts.function_name)
    parts = [(f"batch:DescribeJobQueues {one.name}", one) for one in (facts.batch_queue,) if one is not None]
    parts += [(f"batch:DescribeComputeEnvironments {one.name}", one) for one in facts.compute]
    for source, one in parts:
        if (one.state, one.status) != ("ENABLED", "VALID"):
            bad = True
            told = f"{one.state} {one.status}"
            yield k.BATCH_OFF.found(
                one.name, (source, f"{told} {one.why}".strip()), state=told, why=one.why[:300] or "-"
            )
    if job is None:
        evidence = (f"batch:DescribeJobDefinitions {facts.batch_job_name}", "no active revision")
        yield k.JOB_MISSING.found(facts.batch_job_name, evidence, function=facts.function_name)
        return
    if facts.image_there is False:
        bad = True
        yield k.NO_IMAGE.found(job.image, (f"ecr:DescribeImages {job.image}", "no such image"), job=job.name)
    if facts.log_there is False:
        bad = True
        group = job.log_group or "-"
        yield k.NO_LOG.found(group, (f"logs:DescribeLogGroups {group}", "no such group"), job=job.name)
    if not bad:
        yield JOB.ok(f"{job.name}:{job.revision}", queue=facts.batch_queue_name, image=job.image)


def _judge_times(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    queue, function, job = facts.queue, facts.function, facts.job
    assert queue is not None
    assert function is not None
    assert job is not None
    source = f"batch:DescribeJobDefinitions {job.name}"
    bad = 0
    if job.timeout_s is not None and job.timeout_s <= facts.request_s:
        bad += 1
        yield k.JOB_SHORT.found(job.name, (source, f"timeout={job.timeout_s}"), seconds=job.timeout_s,
                              request=facts.request_s)  # fmt: skip
    if queue.visibility_s < function.timeout_s:
        bad += 1
        evidence = (f"sqs:GetQueueAttributes {queue.name}", f"VisibilityTimeout={queue.visibility_s}")
        yield k.HIDDEN_SHORT.found(queue.name, evidence, seconds=queue.visibility_s, function=function.timeout_s)
    if job.ours and job.attempts > 1 and not job.exits_on_refusal:
        bad += 1
        yield k.RETRIES_ALL.found(job.name, (source, f"attempts={job.attempts}, no EXIT on 2"), count=job.attempts)
    if not bad:
        yield TIMES.ok(job.name, request=facts.request_s, job="-" if job.timeout_s is None else job.timeout_s)


def _judge_rights(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for one in facts.denied:
        actions = ", ".join(one.actions)
        evidence = (f"iam:SimulatePrincipalPolicy {one.role}", actions)
        yield k.NO_RIGHT.found(one.whose, evidence, actions=actions, role=one.role.rpartition("/")[2])
    if unseen := _unseen(facts, "iam"):
        yield from unseen
    elif not facts.denied:
        yield RIGHTS.ok("", function=facts.function_name)


def _judge_service(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    trouble, service = facts.service_trouble, facts.service
    values = {"where": facts.endpoint or "-"}
    if not facts.endpoint:
        yield k.NO_ENDPOINT.found("", ("FASTAPI_ENDPOINT", "not set"))
    elif trouble is not None:
        # From a desk the balancer inside the network is often out of sight; only a refusal is one.
        refused = any(word in trouble.why for word in ("refused", "111", "10061"))
        kind = k.AWAY if refused or trouble.cause == SETUP else k.AWAY_HERE
        yield kind.found(facts.endpoint, (trouble.what, trouble.told), why=trouble.told, **values)
    elif service is not None and service.status >= 500:
        evidence = (f"GET {facts.endpoint}/openapi.json", str(service.status))
        yield k.AWAY.found(facts.endpoint, evidence, why=f"HTTP {service.status}", **values)
    elif service is not None and service.analyzes is False:
        evidence = (f"GET {facts.endpoint}/openapi.json", "no POST /analyze")
        yield k.STRANGER.found(facts.endpoint, evidence, **values)
    else:
        yield SERVICE.ok(facts.endpoint, status=service.status if service else "-")


def _judge_database(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.secret_there is False:
        yield k.NO_SECRET.found(facts.secret, (f"secretsmanager:DescribeSecret {facts.secret}", "no such secret"))
    if facts.vector is False:
        yield k.NO_VECTOR.found(facts.database, ("SELECT FROM pg_extension", "no vector"))
    elif facts.vector:
        yield DATABASE.ok(facts.database)
    elif unseen := [one for one in facts.unseen if ":" not in one.what.partition(" ")[0] or "secrets" in one.what]:
        yield from (k.UNSEEN.found(one.what, (one.what, one.told), why=one.told, **k.VARIABLES) for one in unseen)
    elif facts.secret_there is not False:
        yield k.DB_UNSET.found("")


def _judge_alarms(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    assert facts.queue is not None
    if unseen := _unseen(facts, "cloudwatch"):
        yield from unseen
        return
    bad = 0
    for name in dict.fromkeys(one for one in (facts.queue.name, facts.queue.dlq) if one):
        alarms = [one for one in facts.alarms if one.queue == name]
        if not alarms:
            bad += 1
            yield k.NO_ALARM.found(name, ("cloudwatch:DescribeAlarms", f"none of {name}"))
        elif not any(one.rings for one in alarms):
            bad += 1
            names = ", ".join(one.name for one in alarms)
            yield k.MUTE.found(name, ("cloudwatch:DescribeAlarms", f"{names}: no actions"), alarms=names)
    if not bad:
        yield ALARMS.ok(facts.queue.name, count=len(facts.alarms))


_USED, _LED = ("pipeline.queue",), ("pipeline.function",)
ACCESS = Check("pipeline.access", _judge_access, kinds=tuple(k.ACCESS_KINDS.values()))
QUEUE = Check("pipeline.queue", _judge_queue, ("pipeline.access",), (k.NOT_USED, k.QUEUE_MISSING))
REDRIVE = Check("pipeline.redrive", _judge_redrive, _USED, (k.NO_REDRIVE, k.ONE_TRY))
UPLOADS = Check("pipeline.uploads", _judge_uploads, _USED, (k.BUCKET_MISSING, k.SILENT, k.SHUT, k.LOOP, k.UNSEEN))
FUNCTION = Check("pipeline.function", _judge_function, _USED, (k.WORKERS, k.NO_FUNCTION, k.FUNCTION_OFF, k.UNSEEN))
_MAPPINGS = (k.UNMAPPED, k.MAPPING_OFF, k.MAPPING_FAILS, k.NOT_PARTIAL, k.TWO_CONSUMERS, k.UNSEEN)
MAPPING = Check("pipeline.mapping", _judge_mapping, _LED, _MAPPINGS)
_JOBS = (k.BATCH_MISSING, k.BATCH_OFF, k.JOB_MISSING, k.NO_IMAGE, k.NO_LOG, k.UNSEEN)
JOB = Check("pipeline.job", _judge_job, _LED, _JOBS)
TIMES = Check("pipeline.times", _judge_times, (*_LED, "pipeline.job"), (k.JOB_SHORT, k.HIDDEN_SHORT, k.RETRIES_ALL))
RIGHTS = Check("pipeline.rights", _judge_rights, _LED, (k.NO_RIGHT, k.UNSEEN))
SERVICE = Check("pipeline.service", _judge_service, _USED, (k.NO_ENDPOINT, k.AWAY, k.AWAY_HERE, k.STRANGER))
DATABASE = Check("pipeline.database", _judge_database, _USED, (k.NO_VECTOR, k.NO_SECRET, k.DB_UNSET, k.UNSEEN))
ALARMS = Check("pipeline.alarms", _judge_alarms, _USED, (k.NO_ALARM, k.MUTE, k.UNSEEN))
CHECKS = (ACCESS, QUEUE, REDRIVE, UPLOADS, FUNCTION, MAPPING, JOB, TIMES, RIGHTS, SERVICE, DATABASE, ALARMS)

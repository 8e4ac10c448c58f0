"""Facts of an account with guide 004's pipeline, and what can be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from academyctl.stores._pipeline_types import Alarm, Definition, Intake, Mapping, Notification, Trigger
from checks import _trouble as t
from checks import pipeline
from checks._model import Verdict
from checks._pipeline_facts import Denied, Part, Service
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
NAME, DLQ, BUCKET = "capstone-dev-video-processing", "capstone-dev-video-processing-dlq", "capstone-dev-raw"
ARN = f"arn:aws:sqs:ap-northeast-2:123456789012:{NAME}"
ROLE = "arn:aws:iam::123456789012:role/capstone-dev-lambda"
ENDPOINT = "http://internal-alb:8087"
QUEUE = Intake(NAME, ARN, 900, 3, DLQ, lets_bucket_send=True)
SENT = Notification(ARN, ("s3:ObjectCreated:*",), "videos/", "")
FUNCTION = Trigger("capstone-dev-sqs-to-batch", "Active", "", 60, ROLE, "capstone-dev-video-processing-queue",
                   "capstone-dev-video-processor")  # fmt: skip
MAPPING = Mapping(FUNCTION.name, "Enabled", "OK", 1, partial=True)
BATCH = Part(FUNCTION.batch_queue, "ENABLED", "VALID", "JobQueue Healthy")
COMPUTE = Part("capstone-dev-ce", "ENABLED", "VALID", "ComputeEnvironment Healthy")
JOB = Definition(
    FUNCTION.batch_job, 7, "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/capstone-dev-batch-processor:latest",
    reads_queue=False, ours=True, endpoint=ENDPOINT, timeout_s=1800, attempts=3, exits_on_refusal=True,
    log_group="/aws/batch/capstone-video-processor", role="arn:aws:iam::123456789012:role/capstone-dev-job",
)  # fmt: skip
FACTS = pipeline.Facts(
    region="ap-northeast-2", aws="https://sqs.ap-northeast-2.amazonaws.com", asked_for=True, queue_name=NAME,
    bucket=BUCKET, function_name=FUNCTION.name, batch_queue_name=BATCH.name, batch_job_name=JOB.name,
    results_bucket=BUCKET, results_prefix="analysis-results/", request_s=1500, trouble=None, queue=QUEUE,
    notifications=(SENT,), function=FUNCTION, mappings=(MAPPING,), batch_queue=BATCH, compute=(COMPUTE,), job=JOB,
    image_there=True, log_there=True, denied=(), endpoint=ENDPOINT, service=Service(200, analyzes=True),
    service_trouble=None, database="academy", vector=True, secret="", secret_there=None,
    alarms=(Alarm("capstone-dev-queue-depth", NAME, rings=True), Alarm("capstone-dev-dlq-messages", DLQ, rings=True)),
    unseen=(),
)  # fmt: skip
NOTHING = replace(
    FACTS, asked_for=False, queue=None, notifications=None, function=None, mappings=(), batch_queue=None, compute=(),
    job=None, image_there=None, log_there=None, endpoint="", service=None, vector=None, alarms=(),
)  # fmt: skip


def away(cause: str, code: str = "") -> pipeline.Facts:
    """The facts of an account in which nothing of it could be seen."""
    return replace(NOTHING, trouble=Trouble(cause, code, f"sqs:GetQueueUrl queue {NAME}", code))


def _with(**changes: Any) -> pipeline.Facts:
    return replace(FACTS, **changes)


def _denied(what: str, **changes: Any) -> pipeline.Facts:
    return _with(unseen=(Trouble(t.DENIED, "AccessDenied", what, "AccessDenied"),), **changes)


def _job(**changes: Any) -> pipeline.Facts:
    return _with(job=replace(JOB, **changes))


def _mapping(**changes: Any) -> pipeline.Facts:
    return _with(mappings=(replace(MAPPING, **changes),))


def _look(cause: str, why: str) -> pipeline.Facts:
    return _with(service=None, service_trouble=Trouble(cause, "", f"GET {ENDPOINT}/openapi.json", why))


def cases() -> tuple[Case, ...]:
    return (*_access(), *_way_in(), *_jobs(), *_behind())


def _access() -> tuple[Case, ...]:
    return (
        fail("the pipeline's account does not know the key", "pipeline.key-unknown", V.settings, pipeline=away(t.KEY)),
        fail("the pipeline: a wrong secret", "pipeline.secret-wrong", V.settings, pipeline=away(t.SECRET)),
        fail("the pipeline: no credentials", "pipeline.no-credentials", V.settings, pipeline=away(t.NO_KEY)),
        fail("the pipeline: an expired session", "pipeline.credentials-expired", V.settings, pipeline=away(t.EXPIRED)),
        fail("the pipeline: a wrong clock", "pipeline.clock-wrong", V.infrastructure, pipeline=away(t.CLOCK)),
        fail("the pipeline: SQS is down", "pipeline.unreachable", V.infrastructure, pipeline=away(t.UNREACHABLE)),
        fail("the pipeline: an unknown host", "pipeline.host-unknown", V.settings, pipeline=away(t.HOST)),
        fail("the pipeline: a stranger", "pipeline.stranger", V.infrastructure, pipeline=away(t.STRANGER)),
        fail("the pipeline: no client", "pipeline.setup", V.settings, pipeline=away(t.SETUP)),
        unknown("the pipeline may not be looked at", "pipeline.denied", pipeline=away(t.DENIED, "AccessDenied")),
        unknown("the pipeline: silence", "pipeline.timeout", pipeline=away(t.TIMEOUT)),
        unknown("the pipeline: throttled", "pipeline.throttled", pipeline=away(t.THROTTLED)),
        unknown("the pipeline: nonsense", "pipeline.odd", pipeline=away(t.ODD)),
    )  # fmt: skip


def _way_in() -> tuple[Case, ...]:
    return (
        fail("the pipeline's queue is gone", "pipeline.queue-missing", V.infrastructure, pipeline=_with(queue=None)),
        fail("the pipeline's queue is named and not there", "pipeline.queue-missing", V.infrastructure,
             pipeline=replace(NOTHING, asked_for=True)),
        fail("failed uploads are tried for ever", "pipeline.no-redrive", V.infrastructure,
             pipeline=_with(queue=replace(QUEUE, max_receive=None, dlq=""), alarms=FACTS.alarms[:1])),
        fail("one receive and it is dead", "pipeline.one-try", V.settings,
             pipeline=_with(queue=replace(QUEUE, max_receive=1))),
        fail("the uploads' bucket is gone", "pipeline.bucket-missing", V.infrastructure,
             pipeline=_with(notifications=None)),
        warn("the bucket tells nobody", "pipeline.not-notified", V.infrastructure, pipeline=_with(notifications=())),
        warn("the bucket tells of deletions only", "pipeline.not-notified", V.infrastructure,
             pipeline=_with(notifications=(replace(SENT, events=("s3:ObjectRemoved:*",)),))),
        fail("the queue's policy is shut", "pipeline.policy-shut", V.infrastructure,
             pipeline=_with(queue=replace(QUEUE, lets_bucket_send=False))),
        warn("results are uploads", "pipeline.sees-results", V.settings,
             pipeline=_with(notifications=(replace(SENT, prefix=""),))),
        unknown("the notification is denied", "pipeline.parts-unseen",
                pipeline=_denied(f"s3:GetBucketNotification bucket {BUCKET}", notifications=None)),
        fail("the function is not connected", "pipeline.not-mapped", V.infrastructure, pipeline=_with(mappings=())),
        fail("the function is gone", "pipeline.function-missing", V.infrastructure, pipeline=_with(function=None)),
        fail("the function cannot run", "pipeline.function-failed", V.infrastructure,
             pipeline=_with(function=replace(FUNCTION, state="Failed", why="the image is gone"))),
        fail("the mapping is off", "pipeline.mapping-off", V.infrastructure, pipeline=_mapping(state="Disabled")),
        warn("the mapping's last batch failed", "pipeline.mapping-fails", V.infrastructure,
             pipeline=_mapping(last="PROBLEM: Function call failed")),
        warn("batches without a word on which failed", "pipeline.not-partial", V.settings,
             pipeline=_mapping(partial=False, batch=10)),
        unknown("mappings are denied", "pipeline.parts-unseen",
                pipeline=_denied(f"lambda:ListEventSourceMappings {ARN}", mappings=())),
        unknown("the function is denied", "pipeline.parts-unseen",
                pipeline=_denied(f"lambda:GetFunctionConfiguration {FUNCTION.name}", function=None, mappings=())),
    )  # fmt: skip


def _jobs() -> tuple[Case, ...]:
    return (
        fail("function and container take from one queue", "pipeline.two-consumers", V.settings,
             pipeline=_job(ours=False, reads_queue=True)),
        fail("the function submits to a queue that is not there", "pipeline.batch-missing", V.settings,
             pipeline=_with(batch_queue=None, compute=())),
        fail("the pipeline's job queue is off", "pipeline.batch-off", V.infrastructure,
             pipeline=_with(batch_queue=replace(BATCH, state="DISABLED"))),
        fail("the pipeline's compute environment is invalid", "pipeline.batch-off", V.infrastructure,
             pipeline=_with(compute=(replace(COMPUTE, status="INVALID", why="CLIENT_ERROR"),))),
        fail("the pipeline's definition is gone", "pipeline.job-missing", V.settings, pipeline=_with(job=None)),
        fail("the pipeline's image is gone", "pipeline.image-missing", V.infrastructure,
             pipeline=_with(image_there=False)),
        warn("the container's log group is gone", "pipeline.log-missing", V.infrastructure,
             pipeline=_with(log_there=False)),
        warn("the job ends before the request may", "pipeline.job-too-short", V.settings, pipeline=_job(timeout_s=900)),
        warn("the message comes back while the function runs", "pipeline.visibility-short", V.settings,
             pipeline=_with(queue=replace(QUEUE, visibility_s=30))),
        warn("a refusal is tried again", "pipeline.retries-refusals", V.settings,
             pipeline=_job(exits_on_refusal=False)),
        fail("the function may not submit", "pipeline.right-missing", V.infrastructure,
             pipeline=_with(denied=(Denied(FUNCTION.name, ROLE, ("batch:SubmitJob",)),))),
        unknown("the roles may not be judged", "pipeline.parts-unseen",
                pipeline=_denied(f"iam:SimulatePrincipalPolicy {ROLE}")),
        unknown("Batch is denied in the pipeline", "pipeline.parts-unseen",
                pipeline=_denied("batch:DescribeJobDefinitions x", job=None)),
    )  # fmt: skip


def _behind() -> tuple[Case, ...]:
    return (
        fail("no service is named", "pipeline.endpoint-unset", V.settings, pipeline=_with(endpoint="", service=None)),
        fail("the service refuses connections", "pipeline.service-away", V.infrastructure,
             pipeline=_look(t.UNREACHABLE, "[Errno 111] Connection refused")),
        fail("the service's address is none", "pipeline.service-away", V.infrastructure,
             pipeline=_look(t.SETUP, "the endpoint is no plain http or https URL")),
        fail("the service is broken", "pipeline.service-away", V.infrastructure,
             pipeline=_with(service=Service(503, analyzes=None))),
        unknown("the service is out of sight", "pipeline.service-unseen",
                pipeline=_look(t.TIMEOUT, "no connection within 3 s")),
        fail("another service answers", "pipeline.service-stranger", V.settings,
             pipeline=_with(service=Service(200, analyzes=False))),
        fail("the database knows no vectors", "pipeline.vector-missing", V.infrastructure,
             pipeline=_with(vector=False)),
        unknown("the vectors' database is away", "pipeline.parts-unseen",
                pipeline=_with(vector=None, unseen=(Trouble(t.ODD, "XX", "database refused the work", "XX000"),))),
        fail("the database's secret is gone", "pipeline.secret-missing", V.settings,
             pipeline=_with(secret="capstone-dev-db", secret_there=False)),
        warn("nobody watches the dead letters", "pipeline.alarm-missing", V.infrastructure,
             pipeline=_with(alarms=FACTS.alarms[:1])),
        warn("the alarms tell nobody", "pipeline.alarm-mute", V.settings,
             pipeline=_with(alarms=(FACTS.alarms[0], replace(FACTS.alarms[1], rings=False)))),
        unknown("alarms are denied", "pipeline.parts-unseen",
                pipeline=_denied("cloudwatch:DescribeAlarms *", alarms=())),
    )  # fmt: skip

"""One Batch job for each message of a queue: the video queue's (contract 1.3), or uploads to analyse (guide 004).

The message travels with the job: its container reads no queue. Standard library and boto3 only; this file alone is the
function. Environment: BATCH_JOB_QUEUE, BATCH_JOB_DEFINITION, ENVIRONMENT, MAX_CONCURRENT_JOBS (0 = no limit),
BUSY_SECONDS (900), MAX_RECEIVES (3: where the queue does not tell its maxReceiveCount).

A message is acknowledged when its job is there, and only then. While Batch is away or full it comes back later, and
never reaches the DLQ by waiting: before its last receive a delayed copy of it is sent instead. What Batch refuses about
one message counts, and ends in the DLQ.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import unquote_plus

ACTIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
COPY_OF = "academyctl.first_id"
REDRIVEN = "academyctl.redriven"
"""Attributes of copies and of dead letters that an operator sent back (academyctl queue redrive)."""
REFUSED = ("ClientException", "ValidationException", "InvalidParameterException")
AWAY = re.compile(r"ENABLED state|not found|not exist|not in ACTIVE")
"""What Batch says when its queue is off or gone: no message's fault."""


Raw = dict[str, Any]


class BadMessage(Exception):
    """A message that can become no job."""


class Full(Exception):
    """As many jobs are active as may be."""


def lambda_handler(event: Raw, context: object) -> Raw:
    """Lambda's answer: the ids of the messages that are to come back (ReportBatchItemFailures)."""
    from botocore.exceptions import BotoCoreError, ClientError

    del context
    failed: list[str] = []
    for record in event["Records"]:
        try:
            handle(record)
        except BadMessage as error:
            say("BAD_MESSAGE", record, why=str(error))
            failed.append(record["messageId"])
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in REFUSED and not AWAY.search(str(error)):
                say("REFUSED", record, why=str(error))
                failed.append(record["messageId"])
            else:
                failed += later(record, str(error))
        except (BotoCoreError, Full) as error:
            failed += later(record, str(error))
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def handle(record: Raw) -> None:
    """Submit what a message asks for; each of its jobs once, however often it comes."""
    batch = client("batch")
    message_id = attribute(record, COPY_OF) or record["messageId"]
    for number, job in enumerate(jobs_of(record["body"], message_id)):
        name = job.pop("name") + (f"-{number}" if number else "")
        again = job.pop("again") or bool(attribute(record, REDRIVEN))
        if there(batch, name, again):
            say("ALREADY_SUBMITTED", record, job=name)
            continue
        make_room(batch)
        made = batch.submit_job(
            jobName=name, jobQueue=os.environ["BATCH_JOB_QUEUE"], jobDefinition=os.environ["BATCH_JOB_DEFINITION"],
            tags={"Source": "sqs", "MessageId": message_id}, **job,
        )  # fmt: skip
        say("SUBMITTED", record, job=name, batch_job_id=made["jobId"])


def jobs_of(body: str, message_id: str) -> list[Raw]:
    """The jobs of a message as SubmitJob's parameters, with `name` and `again`. Raises BadMessage.

    `again`: the same name may run a second time when the first one has ended (the message names a job's row).
    """
    try:
        data = json.loads(body)
    except ValueError as error:
        raise BadMessage(f"no JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadMessage("no JSON object")
    if data.get("Event") == "s3:TestEvent":
        return []
    if "Records" in data:
        return [upload(*one, "", message_id) for one in uploads_of(data["Records"])]
    if isinstance(data.get("s3"), dict):
        video = data["video"] if isinstance(data.get("video"), dict) else {}
        number = str(video.get("id") or video.get("video_id") or "")
        return [upload(data["s3"].get("bucket"), data["s3"].get("key"), number, message_id)]
    if "bucket" in data and "key" in data:
        return [upload(data["bucket"], data["key"], str(data.get("video_id") or ""), message_id)]
    if "video_id" in data and "tenant_id" in data:
        return [video_job(data, body, message_id)]
    raise BadMessage("neither a video to encode nor an upload")


def uploads_of(records: Any) -> list[tuple[str, str]]:
    """(bucket, key) of the objects that an S3 event says were created; none for one that says another thing.

    Keys are URL-encoded there, and only there. Raises BadMessage.
    """
    try:
        found = [one for one in records if "s3" in one]
        made = [one["s3"] for one in found if created(str(one.get("eventName") or "ObjectCreated"))]
        uploads = [(one["bucket"]["name"], unquote_plus(one["object"]["key"])) for one in made]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadMessage(f"no S3 event: {error}") from error
    if not found:
        raise BadMessage("no S3 record in it")
    return uploads


def created(event_name: str) -> bool:
    return event_name.removeprefix("s3:").startswith("ObjectCreated")


def upload(bucket: object, key: object, video_id: str, message_id: str) -> Raw:
    """A job that analyses one upload."""
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        raise BadMessage("no bucket and key in it")
    told = {"S3_BUCKET": bucket, "S3_KEY": key, "VIDEO_ID": video_id, "SQS_MESSAGE_ID": message_id,
            "MESSAGE_ID": message_id}  # fmt: skip
    return {"name": named("video-process", message_id), "again": False, "containerOverrides": variables(told)}


def video_job(data: Raw, body: str, message_id: str) -> Raw:
    """A job that encodes one video: its row when the message names one, else the message itself."""
    told = {"VIDEO_ID": str(data["video_id"]), "SQS_MESSAGE_ID": message_id, "MESSAGE_ID": message_id}
    job_id = data.get("job_id")
    if job_id:
        told["VIDEO_JOB_ID"] = str(job_id)
        overrides, name = variables(told), f"video-{str(job_id)[:8]}"
        return {"name": name, "again": True, "parameters": {"job_id": str(job_id)}, "containerOverrides": overrides}
    # The definition's command asks for a row's id; without one the worker takes the message of its environment.
    overrides = variables({**told, "VIDEO_JOB_MESSAGE": body})
    name = named("video-message", message_id)
    return {"name": name, "again": False, "parameters": {"job_id": ""}, "containerOverrides": overrides}


def named(word: str, message_id: str) -> str:
    """A name that follows from the message, so that a message that comes twice finds its job."""
    return f"{word}-{re.sub('[^A-Za-z0-9_-]', '-', message_id)}"[:100]


def variables(values: dict[str, str]) -> Raw:
    return {"environment": [{"name": name, "value": value} for name, value in values.items() if value]}


def there(batch: Any, name: str, again: bool) -> bool:
    """Whether the job was submitted before. AWS forgets an ended one a week later, as the queue does its message."""
    pages = batch.get_paginator("list_jobs").paginate(
        jobQueue=os.environ["BATCH_JOB_QUEUE"], filters=[{"name": "JOB_NAME", "values": [name]}]
    )  # fmt: skip
    found = (one for page in pages for one in page["jobSummaryList"])
    return any(one["jobName"] == name and (not again or one["status"] in ACTIVE) for one in found)


def make_room(batch: Any) -> None:
    """Raises Full when MAX_CONCURRENT_JOBS are active."""
    most = int(os.environ.get("MAX_CONCURRENT_JOBS") or 0)
    if not most:
        return
    active = 0
    for status in ACTIVE:
        pages = batch.get_paginator("list_jobs").paginate(jobQueue=os.environ["BATCH_JOB_QUEUE"], jobStatus=status)
        active += sum(one["status"] == status for page in pages for one in page["jobSummaryList"])
        if active >= most:
            raise Full(f"{active} jobs are active, {most} may be")


def later(record: Raw, why: str) -> list[str]:
    """Let the message come back after a while without using up its receives; the ids that have failed."""
    from botocore.exceptions import BotoCoreError, ClientError

    wait = int(os.environ.get("BUSY_SECONDS") or 900)
    say("LATER", record, why=why, seconds=wait)
    try:
        sqs = client("sqs")
        url = sqs.get_queue_url(QueueName=record["eventSourceARN"].rsplit(":", 1)[-1])["QueueUrl"]
        received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        if received < receives(sqs, url):
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=wait)
            return [record["messageId"]]
        # Its last receive: the next one would be the DLQ's. The copy is there before the message is let go.
        sqs.send_message(
            QueueUrl=url, MessageBody=record["body"], DelaySeconds=min(wait, 900), MessageAttributes=copied(record)
        )
        return []
    except (ClientError, BotoCoreError) as error:
        say("LATER_FAILED", record, why=str(error))
        return [record["messageId"]]


def receives(sqs: Any, url: str) -> int:
    """How often the queue gives a message out before it is a dead letter: what it says itself, else MAX_RECEIVES."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]).get("Attributes") or {}
        found = int(json.loads(said.get("RedrivePolicy") or "{}").get("maxReceiveCount") or 0)
    except (ClientError, BotoCoreError, ValueError):
        found = 0
    return found or int(os.environ.get("MAX_RECEIVES") or 3)


def copied(record: Raw) -> Raw:
    """The message's attributes as SendMessage takes them (ten), and which message it is a copy of."""
    kept = {COPY_OF: {"DataType": "String", "StringValue": attribute(record, COPY_OF) or record["messageId"]}}
    carried = (record.get("messageAttributes") or {}).items()
    for name, one in sorted(carried, key=lambda pair: not pair[0].startswith("academyctl.")):
        if len(kept) < 10 and one.get("stringValue") and name != COPY_OF:
            kept[name] = {"DataType": one.get("dataType", "String"), "StringValue": one["stringValue"]}
    return kept


def client(service: str) -> Any:
    """Calls are made once: SubmitJob has no token that would make two of them one job."""
    import boto3
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=20)
    return boto3.client(service, region_name=os.environ.get("AWS_REGION", "ap-northeast-2"), config=once)


def attribute(record: Raw, name: str) -> str:
    return ((record.get("messageAttributes") or {}).get(name) or {}).get("stringValue") or ""


def say(event: str, record: Raw, **fields: Any) -> None:
    """One JSON line a step; bodies stay out of the log."""
    received = record.get("attributes", {}).get("ApproximateReceiveCount")
    print(json.dumps({"event": event, "message_id": record.get("messageId"), "receives": received, **fields},
                     ensure_ascii=False))  # fmt: skip

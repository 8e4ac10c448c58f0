"""The queue-depth function as the stack installs it (contract 8.1): reads the queues, publishes one depth a worker."""

from __future__ import annotations

import io
import zipfile

HANDLER = "lambda_function.lambda_handler"
# Text, because it runs inside the emulator and not in this program. A queue that cannot be read is an error that names
# it; it is never counted as empty, for that is how busy instances were scaled in (contract 11 #36).
SOURCE = """
import os

import boto3

WORKERS = {"AI": ("AI_QUEUE_LITE", "AI_QUEUE_BASIC"), "Video": ("VIDEO_QUEUE",), "Messaging": ("MESSAGING_QUEUE",)}


def depth(sqs, name):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    seen = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return int(seen[wanted[0]]), int(seen[wanted[1]])


def lambda_handler(event, context):
    region = os.environ.get("AWS_REGION", "ap-northeast-2")
    sqs, cloudwatch = boto3.client("sqs", region_name=region), boto3.client("cloudwatch", region_name=region)
    data, answer, failed = [], {}, []
    for worker, variables in WORKERS.items():
        try:
            depths = [depth(sqs, os.environ[variable]) for variable in variables]
        except Exception as error:  # whatever kept one queue from being read, the others are still counted
            failed.append(f"{worker}: {type(error).__name__}: {error}")
            continue
        visible, in_flight = sum(one[0] for one in depths), sum(one[1] for one in depths)
        print(f"queue_depth_metric | {worker.lower()} visible={visible} in_flight={in_flight}")
        answer[f"{worker.lower()}_queue_depth"] = visible
        dimensions = [{"Name": "WorkerType", "Value": worker}]
        name = os.environ.get("METRIC_NAME", "QueueDepth")
        data.append({"MetricName": name, "Dimensions": dimensions, "Value": visible, "Unit": "Count"})
    if data:
        cloudwatch.put_metric_data(Namespace=os.environ.get("METRIC_NAMESPACE", "Academy/Workers"), MetricData=data)
    if failed:
        raise RuntimeError("queues could not be read: " + "; ".join(failed))
    return answer
"""


def package() -> bytes:
    """The function as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lambda_function.py", SOURCE.lstrip())
    return packed.getvalue()

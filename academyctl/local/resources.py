"""The platform's AWS side on an emulator: queues and DLQs, buckets, groups, functions, rules (contract 1.1, 8)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from academyctl.errors import AwsError
from academyctl.settings_model import R2, Fleet, Queues
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, translate
from academyctl.stores.sqs import Sqs

RETENTION_S = 1209600
MAX_RECEIVE = 3


@dataclass(frozen=True)
class QueueSpec:
    """A queue and its dead-letter queue as the platform's scripts make them."""

    name: str
    dlq: str
    visibility_s: int


def queue_specs(queues: Queues) -> tuple[QueueSpec, ...]:
    """Contract 1.1: visibility is S2's 300 s for video, 60 for messaging, 3600 for the AI tiers."""
    visibility = {"video": 300, "messaging": 60, "ai_lite": 3600, "ai_basic": 3600, "ai_premium": 3600}
    return tuple(
        QueueSpec(getattr(queues, word), getattr(queues, f"{word}_dlq") or f"{getattr(queues, word)}-dlq", seconds)
        for word, seconds in visibility.items()
    )


def create_queue(sqs: Sqs, spec: QueueSpec, *, max_receive: int = MAX_RECEIVE) -> None:
    sqs.create(spec.dlq, {"MessageRetentionPeriod": str(RETENTION_S)})
    target = {"deadLetterTargetArn": sqs.attributes(spec.dlq).arn, "maxReceiveCount": str(max_receive)}
    attributes = {
        "VisibilityTimeout": str(spec.visibility_s),
        "MessageRetentionPeriod": str(RETENTION_S),
        "ReceiveMessageWaitTimeSeconds": "20",
        "RedrivePolicy": json.dumps(target),
    }
    sqs.create(spec.name, attributes)


def create_buckets(s3: Any, buckets: R2, region: str) -> None:
    for name in bucket_names(buckets):
        try:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        except BOTO_ERRORS as error:
            ours = translate(error, action="s3:CreateBucket", subject=name)
            if ours.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise ours from error


def bucket_names(buckets: R2) -> tuple[str, ...]:
    return (buckets.video_bucket, buckets.ai_bucket, buckets.excel_bucket, buckets.storage_bucket, buckets.admin_bucket)


def create_all(clients: ClientFactory, *, queues: Queues, buckets: R2, fleet: Fleet, region: str) -> list[str]:
    """Create everything; what the emulator cannot do comes back as sentences, and queues and buckets must work."""
    sqs = Sqs(clients)
    for service in ("sqs", "s3", "autoscaling", "ec2", "lambda", "events", "iam"):
        clients(service)
    with ThreadPoolExecutor(6) as pool:
        must = [pool.submit(create_queue, sqs, spec) for spec in queue_specs(queues)]
        must.append(pool.submit(create_buckets, clients("s3"), buckets, region))
        may = [pool.submit(_tried, what, make) for what, make in _optional(clients, fleet).items()]
        for future in must:
            future.result()
        return [gap for future in may if (gap := future.result())]


def create_operator(clients: ClientFactory) -> tuple[str, str]:
    """A user who may do everything, and its key: the emulator verifies signatures of users' keys, not of root's."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam, name = clients("iam"), "academyctl"
    try:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
        key = iam.create_access_key(UserName=name)["AccessKey"]
    except BOTO_ERRORS as error:
        raise translate(error, action="iam:CreateUser", subject=name) from error
    return key["AccessKeyId"], key["SecretAccessKey"]


def _optional(clients: ClientFactory, fleet: Fleet) -> dict[str, Callable[[], None]]:
    asgs = {
        fleet.video_asg: ("t4g.medium", fleet.video_name_tag),
        fleet.ai_asg: ("t4g.small", fleet.ai_name_tag),
        fleet.messaging_asg: ("t4g.small", fleet.messaging_name_tag),
    }
    out: dict[str, Callable[[], None]] = {
        f"auto scaling group {name}": lambda name=name, kind=kind, tag=tag: _asg(clients, name, kind, tag)  # type: ignore[misc]
        for name, (kind, tag) in asgs.items()
    }
    out[f"Lambda {fleet.depth_lambda} and rule {fleet.depth_rule}"] = lambda: _lambda(clients, fleet)
    return out


def _tried(what: str, make: Callable[[], None]) -> str:
    try:
        make()
    except AwsError as error:
        return f"{what}: {error.why or error}"
    except BOTO_ERRORS as error:
        return f"{what}: {translate(error, action='create', subject=what).why}"
    return ""


def _asg(clients: ClientFactory, name: str, kind: str, tag: str) -> None:
    clients("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"InstanceType": kind, "ImageId": "ami-12c6146b"}
    )
    clients("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=1,
        MaxSize=20,
        DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
        AvailabilityZones=["ap-northeast-2a"],
        Tags=[
            {
                "Key": "Name",
                "Value": tag,
                "PropagateAtLaunch": True,
                "ResourceId": name,
                "ResourceType": "auto-scaling-group",
            }
        ],
    )


# Reads the queues and says what it saw; a queue it cannot read is named, never counted as empty (contract 11 #36).
_DEPTH_LAMBDA = """
import os

import boto3


def lambda_handler(event, context):
    sqs = boto3.client("sqs", region_name=os.environ.get("AWS_REGION", "ap-northeast-2"))
    seen, failed = {}, []
    for name in os.environ["QUEUES"].split(","):
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            raw = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            seen[name] = {"visible": int(raw["ApproximateNumberOfMessages"]),
                          "in_flight": int(raw["ApproximateNumberOfMessagesNotVisible"])}
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}")
    return {"queues": seen, "failed": failed}
"""


def _lambda(clients: ClientFactory, fleet: Fleet) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lambda_function.py", _DEPTH_LAMBDA)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = clients("iam").create_role(RoleName="academy-lambda", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
        "Arn"
    ]
    made = clients("lambda").create_function(
        FunctionName=fleet.depth_lambda,
        Runtime="python3.11",
        Role=role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
        Environment={"Variables": {"QUEUES": ",".join(spec.name for spec in queue_specs(Queues()))}},
    )
    # Disabled: on a laptop nothing should run every minute unless somebody asks for it.
    clients("events").put_rule(Name=fleet.depth_rule, ScheduleExpression="rate(1 minute)", State="DISABLED")
    clients("events").put_targets(Rule=fleet.depth_rule, Targets=[{"Id": "1", "Arn": made["FunctionArn"]}])

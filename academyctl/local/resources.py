"""The platform's AWS side on an emulator: queues and DLQs, buckets, groups, functions, rules (contract 1.1, 8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from academyctl.errors import AwsError
from academyctl.local import batch_resources
from academyctl.ops.lambda_specs import depth_variables
from academyctl.ops.package import HANDLER, RUNTIME, package
from academyctl.ops.queues import QueueSpec as QueueSpec
from academyctl.ops.queues import create_queue as create_queue
from academyctl.ops.queues import queue_specs as queue_specs
from academyctl.settings_model import R2, Fleet, Queues
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, translate
from academyctl.stores.sqs import Sqs

LAMBDA_ROLE = "academy-lambda"
# What the functions do (contract 8.5): count and size, start instances, make Batch jobs of a queue's messages.
LAMBDA_ACTIONS = (
    "sqs:GetQueueUrl", "sqs:GetQueueAttributes", "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:SetDesiredCapacity", "cloudwatch:PutMetricData", "ec2:DescribeInstances", "ec2:StartInstances",
    "ssm:GetParameter", "ssm:PutParameter", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
    "sqs:SendMessage", "batch:SubmitJob", "batch:ListJobs", "batch:TagResource",
)  # fmt: skip
# What each service says when the thing is there already.
_EXISTS = frozenset(
    (
        "AlreadyExists",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "EntityAlreadyExists",
        "InvalidLaunchTemplateName.AlreadyExistsException",
        "QueueAlreadyExists",
        "QueueNameExists",
        "ResourceConflictException",
    )
)


def create_buckets(s3: Any, buckets: R2, region: str) -> None:
    """The platform's buckets. The region is a real one: both emulators refuse to create with R2's `auto`."""
    for name in bucket_names(buckets):
        with _unless_there(f"s3:CreateBucket {name}"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})


def bucket_names(buckets: R2) -> tuple[str, ...]:
    return (buckets.video_bucket, buckets.ai_bucket, buckets.excel_bucket, buckets.storage_bucket, buckets.admin_bucket)


def create_all(clients: ClientFactory, *, queues: Queues, buckets: R2, fleet: Fleet, region: str) -> list[str]:
    """Create what is missing. What the emulator cannot do comes back as sentences; queues and buckets must work."""
    sqs = Sqs(clients)
    for service in ("sqs", "s3", "autoscaling", "ec2", "lambda", "events", "iam", "batch", "logs"):
        clients(service)
    with ThreadPoolExecutor(6) as pool:
        must = [pool.submit(_queue, sqs, spec) for spec in queue_specs(queues)]
        must.append(pool.submit(create_buckets, clients("s3"), buckets, region))
        may = [pool.submit(_tried, what, make) for what, make in _optional(clients, queues, fleet).items()]
        may.append(pool.submit(_tried, f"Batch queue {fleet.batch_queue}", lambda: _batch(clients, fleet)))
        for future in must:
            future.result()
        return [gap for future in may if (gap := future.result())]


def create_fleet(clients: ClientFactory, *, queues: Queues, fleet: Fleet, mode: str = "publish") -> None:
    """The groups, the queue-depth function (in this mode) and its rule, one after the other. Raises AwsError."""
    for make in _optional(clients, queues, fleet, mode).values():
        make()


def empty_all(clients: ClientFactory) -> None:
    """Every message of every queue and every object of every bucket, gone; the things themselves stay."""
    s3, sqs = clients("s3"), clients("sqs")
    with _unless_there("emptying the queues"):
        for url in sqs.list_queues().get("QueueUrls", []):
            sqs.purge_queue(QueueUrl=url)
    with _unless_there("emptying the buckets"):
        for bucket in s3.list_buckets()["Buckets"]:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                found = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
                if found:
                    s3.delete_objects(Bucket=bucket["Name"], Delete={"Objects": found, "Quiet": True})


def create_user(clients: ClientFactory, name: str, actions: str) -> tuple[str, str]:
    """A user who may do `actions` (`*`, `s3:*`) on everything, and a new key of it.

    The emulator verifies signatures of users' keys, not of root's; and R2's keys are never AWS's.
    """
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam = clients("iam")
    with _unless_there(f"iam:CreateUser {name}"):
        iam.create_user(UserName=name)
    with _unless_there(f"iam:CreateAccessKey {name}"):
        iam.put_user_policy(UserName=name, PolicyName="local", PolicyDocument=json.dumps(policy))
        for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def key_works(clients: ClientFactory) -> bool:
    """Whether the emulator knows the key: it forgets its users when it was killed."""
    try:
        clients("sts").get_caller_identity()
    except BOTO_ERRORS:
        return False
    return True


def _queue(sqs: Sqs, spec: QueueSpec) -> None:
    try:
        create_queue(sqs, spec)
    except AwsError as error:
        # It is there with other attributes: somebody tries something out, and it is theirs to try.
        if error.code not in _EXISTS:
            raise


def _optional(
    clients: ClientFactory, queues: Queues, fleet: Fleet, mode: str = "publish"
) -> dict[str, Callable[[], None]]:
    asgs = {
        fleet.video_asg: ("t4g.medium", fleet.video_name_tag, "video-worker-key", 30),
        fleet.ai_asg: ("t4g.small", fleet.ai_name_tag, "ai-worker-key", 20),
        fleet.messaging_asg: ("t4g.small", fleet.messaging_name_tag, "message-key", 20),
    }
    out: dict[str, Callable[[], None]] = {
        f"auto scaling group {name}": lambda name=name, words=words: _asg(clients, name, *words)  # type: ignore[misc]
        for name, words in asgs.items()
    }
    out[f"Lambda {fleet.depth_lambda} and rule {fleet.depth_rule}"] = lambda: _depth(clients, queues, fleet, mode)
    return out


def _tried(what: str, make: Callable[[], None]) -> str:
    try:
        make()
    except AwsError as error:
        return f"{what}: {error.why or error}"
    return ""


def _batch(clients: ClientFactory, fleet: Fleet) -> None:
    with _unless_there(f"batch:CreateJobQueue {fleet.batch_queue}"):
        batch_resources.create_batch(clients, fleet)


def _asg(clients: ClientFactory, name: str, kind: str, tag: str, key: str, root_gb: int) -> None:
    """Launch template and group, min 1, max 20, desired 1 (contract 8.3)."""
    tags = [{"Key": "Name", "Value": tag}]
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": root_gb, "VolumeType": "gp3"}}
    template = {
        "InstanceType": kind,
        "ImageId": "ami-12c6146b",
        "KeyName": key,
        "BlockDeviceMappings": [disk],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
    }
    of_group = {"PropagateAtLaunch": True, "ResourceId": name, "ResourceType": "auto-scaling-group"}
    with _unless_there(f"ec2:CreateLaunchTemplate {name}"):
        clients("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=template)
    with _unless_there(f"autoscaling:CreateAutoScalingGroup {name}"):
        groups = clients("autoscaling")
        # Asked first: moto launches the instances of a group before it finds that the group exists.
        if groups.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]:
            return
        groups.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=1, MaxSize=20, DesiredCapacity=1,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
            AvailabilityZones=["ap-northeast-2a"], Tags=[tags[0] | of_group],
        )  # fmt: skip


def _depth(clients: ClientFactory, queues: Queues, fleet: Fleet, mode: str) -> None:
    """The queue-depth function and its rule, which is off: on a laptop nothing runs every minute unasked."""
    name, iam = fleet.depth_lambda, clients("iam")
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": LAMBDA_ACTIONS, "Resource": "*"}
    with _unless_there(f"iam:CreateRole {LAMBDA_ROLE}"):
        iam.create_role(RoleName=LAMBDA_ROLE, AssumeRolePolicyDocument=_policy(trusted))
    with _unless_there(f"iam:PutRolePolicy {LAMBDA_ROLE}"):
        iam.put_role_policy(RoleName=LAMBDA_ROLE, PolicyName="queue-depth", PolicyDocument=_policy(allowed))
        role = iam.get_role(RoleName=LAMBDA_ROLE)["Role"]["Arn"]
    variables = {**depth_variables(queues, fleet), "MODE": mode}
    with _unless_there(f"lambda:CreateFunction {name}"):
        clients("lambda").create_function(
            FunctionName=name, Runtime=RUNTIME, Role=role, Handler=HANDLER, Timeout=30,
            MemorySize=128, Code={"ZipFile": package("queue_depth")}, Environment={"Variables": variables},
        )  # fmt: skip
    with _unless_there(f"events:PutRule {fleet.depth_rule}"):
        function = clients("lambda").get_function_configuration(FunctionName=name)["FunctionArn"]
        rules = clients("events").list_rules(NamePrefix=fleet.depth_rule)["Rules"]
        state = next((rule["State"] for rule in rules if rule["Name"] == fleet.depth_rule), "DISABLED")
        rule = clients("events").put_rule(Name=fleet.depth_rule, ScheduleExpression="rate(1 minute)", State=state)
        clients("events").put_targets(Rule=fleet.depth_rule, Targets=[{"Id": "1", "Arn": function}])
    with _unless_there(f"lambda:AddPermission {name}"):
        clients("lambda").add_permission(
            FunctionName=name, StatementId=fleet.depth_rule, Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com", SourceArn=rule["RuleArn"],
        )  # fmt: skip


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def _unless_there(what: str) -> Iterator[None]:
    """The client library's errors as ours; that the thing exists already is none."""
    try:
        yield
    except BOTO_ERRORS as error:
        ours = translate(error, action=what.split()[0], subject=what)
        if ours.code not in _EXISTS:
            raise ours from error

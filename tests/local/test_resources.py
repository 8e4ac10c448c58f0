"""What the stack makes in AWS is what the platform's scripts make (contract 1.1, 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academyctl.local import environment, resources
from academyctl.settings_model import R2, Fleet, Queues
from academyctl.stores.aws import client_factory
from tests.conftest import Emulator


@pytest.mark.parametrize(
    ("name", "visibility"),
    [
        ("academy-video-jobs", 300),
        ("academy-messaging-jobs", 60),
        ("academy-ai-jobs-lite", 3600),
        ("academy-ai-jobs-basic", 3600),
        ("academy-ai-jobs-premium", 3600),
    ],
)
def test_a_queue_has_the_attributes_of_the_contract(platform: Emulator, name: str, visibility: int) -> None:
    sqs = platform.clients("sqs")

    def attributes(queue: str) -> dict[str, str]:
        found: dict[str, str] = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=["All"]
        )["Attributes"]
        return found

    main, dlq = attributes(name), attributes(f"{name}-dlq")
    wanted = ("VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "DelaySeconds")
    assert [main[word] for word in wanted] == [str(visibility), "1209600", "20", "0"]
    assert [dlq[word] for word in wanted] == ["30", "1209600", "0", "0"]
    redrive = json.loads(main["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])) == (dlq["QueueArn"], 3)


def test_every_bucket_is_there_and_can_be_used_with_region_auto(platform: Emulator) -> None:
    names = {bucket["Name"] for bucket in platform.clients("s3").list_buckets()["Buckets"]}
    assert set(resources.bucket_names(R2())) <= names
    key, secret = resources.create_user(platform.clients, "semantics-r2", "s3:*")
    r2 = client_factory(region="auto", endpoint_url=platform.endpoint, access_key=key, secret_key=secret)("s3")
    r2.put_object(Bucket="academy-storage", Key="강의/1.txt", Body=b"x")
    assert r2.get_object(Bucket="academy-storage", Key="강의/1.txt")["Body"].read() == b"x"
    r2.delete_object(Bucket="academy-storage", Key="강의/1.txt")


@pytest.mark.parametrize(
    ("name", "kind", "tag", "disk"),
    [
        ("academy-video-worker-asg", "t4g.medium", "academy-video-worker", 30),
        ("academy-ai-worker-asg", "t4g.small", "academy-ai-worker-cpu", 20),
        ("academy-messaging-worker-asg", "t4g.small", "academy-messaging-worker", 20),
    ],
)
def test_a_group_has_the_sizes_of_the_contract(platform: Emulator, name: str, kind: str, tag: str, disk: int) -> None:
    describe = platform.clients("autoscaling").describe_auto_scaling_groups
    group = describe(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (1, 20, 1)
    assert [one["Value"] for one in group["Tags"] if one["Key"] == "Name"] == [tag]
    version = platform.clients("ec2").describe_launch_template_versions(LaunchTemplateName=name)
    data = version["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert (data["InstanceType"], int(data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"])) == (kind, disk)


def test_making_everything_again_changes_nothing(platform: Emulator) -> None:
    made = resources.create_all(
        platform.clients, queues=Queues(), buckets=R2(), fleet=Fleet(), region=environment.REGION
    )
    assert made == []


def test_the_depth_rule_is_off_and_points_at_the_function(platform: Emulator) -> None:
    events, fleet = platform.clients("events"), Fleet()
    rule = events.describe_rule(Name=fleet.depth_rule)
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(1 minute)")
    function = platform.clients("lambda").get_function_configuration(FunctionName=fleet.depth_lambda)
    targets = events.list_targets_by_rule(Rule=fleet.depth_rule)["Targets"]
    assert [(target["Id"], target["Arn"]) for target in targets] == [("1", function["FunctionArn"])]


def test_the_depth_function_runs_and_counts(platform: Emulator) -> None:
    sqs = platform.clients("sqs")
    url = sqs.get_queue_url(QueueName="academy-ai-jobs-premium")["QueueUrl"]
    before = _invoke(platform)
    words = {"ai_queue_depth", "video_queue_depth", "messaging_queue_depth", "video_queue_depth_total"}
    assert {word for word in before if word != "groups"} == words
    basic = sqs.get_queue_url(QueueName="academy-ai-jobs-basic")["QueueUrl"]
    for queue in (url, basic):
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
    # Premium counts for nobody: the platform's metric is lite plus basic (contract 8.1).
    assert _invoke(platform) == {**before, "ai_queue_depth": before["ai_queue_depth"] + 1}
    for queue in (url, basic):
        sqs.purge_queue(QueueUrl=queue)


def _invoke(platform: Emulator) -> dict[str, Any]:
    answer = platform.clients("lambda").invoke(FunctionName=Fleet().depth_lambda)
    body = answer["Payload"].read()
    assert "FunctionError" not in answer, body
    found: dict[str, Any] = json.loads(body)
    return found

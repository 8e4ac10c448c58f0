"""What our code relies on in AWS, asked of both emulators; tests/local/gaps.py says where one is wrong."""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.local import environment, resources
from academyctl.stores.aws import BOTO_ERRORS, client_factory
from tests.conftest import Emulator, eventually

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Queue:
    """A queue of the test's own with its DLQ."""

    sqs: Any
    url: str
    dlq_url: str

    def receive(self, *, visibility_s: int = 30, dlq: bool = False) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.dlq_url if dlq else self.url,
            VisibilityTimeout=visibility_s,
            MessageSystemAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def counts(self) -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        seen = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(seen[names[0]]), int(seen[names[1]])


def _queue(emulator: Emulator, **attributes: str) -> Queue:
    sqs, name = emulator.clients("sqs"), f"semantics-{os.getpid()}-{next(_NUMBERS)}"
    dlq = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    return Queue(
        sqs, sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy, **attributes})["QueueUrl"], dlq
    )


def _refused(call: Callable[[], object]) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(BOTO_ERRORS) as refused:
        call()
    answer: dict[str, Any] = getattr(refused.value, "response", {})
    return str(answer["Error"]["Code"])


# ------------------------------------------------------------------ keys


def test_a_wrong_secret_is_refused(aws_emulator: Emulator) -> None:
    key, _ = resources.create_user(aws_emulator.clients, "semantics-secret", "*")
    wrong = client_factory(
        region=environment.REGION, endpoint_url=aws_emulator.endpoint, access_key=key, secret_key="x" * 40
    )
    assert _refused(wrong("sqs").list_queues) == "SignatureDoesNotMatch"
    assert _refused(wrong("s3").list_buckets) == "SignatureDoesNotMatch"


def test_an_unknown_key_is_refused(aws_emulator: Emulator) -> None:
    wrong = client_factory(
        region=environment.REGION, endpoint_url=aws_emulator.endpoint, access_key="AKIA" + "Q" * 16, secret_key="x" * 40
    )
    assert _refused(wrong("sqs").list_queues) == "InvalidClientTokenId"


# ------------------------------------------------------------------ SQS


def test_a_message_moves_to_the_dlq_after_the_last_allowed_receive(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    counts = [int(queue.receive(visibility_s=0)[0]["Attributes"]["ApproximateReceiveCount"]) for _ in range(2)]
    assert counts == [1, 2]
    assert queue.receive() == []
    assert [message["Body"] for message in queue.receive(dlq=True)] == ["x"]


def test_a_dead_letter_says_which_queue_it_came_from(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    for _ in range(3):
        queue.receive(visibility_s=0)
    arn = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert queue.receive(dlq=True)[0]["Attributes"]["DeadLetterQueueSourceArn"] == arn


def test_visibility_zero_gives_a_message_back_at_once(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    taken = queue.receive()[0]
    assert queue.counts() == (0, 1)
    queue.sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0)
    assert queue.receive()[0]["MessageId"] == taken["MessageId"]


def test_a_stale_receipt_handle_does_not_delete(aws_emulator: Emulator) -> None:
    """A worker that lost its message must not be able to delete it under the one that has it now."""
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    stale = queue.receive(visibility_s=0)[0]
    queue.receive(visibility_s=30)
    answer = queue.sqs.delete_message_batch(
        QueueUrl=queue.url, Entries=[{"Id": "1", "ReceiptHandle": stale["ReceiptHandle"]}]
    )
    assert queue.counts() == (0, 1), answer


def test_deleting_a_message_twice_is_silent(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    taken = queue.receive()[0]
    for _ in range(2):
        queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=taken["ReceiptHandle"])


def test_more_than_twelve_hours_of_visibility_are_refused(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x")
    taken = queue.receive()[0]
    receipt = {"QueueUrl": queue.url, "ReceiptHandle": taken["ReceiptHandle"]}
    code = _refused(lambda: queue.sqs.change_message_visibility(**receipt, VisibilityTimeout=43201))
    assert code == "InvalidParameterValue"


def test_the_size_limit_counts_bytes(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator, MaximumMessageSize="1024")
    hangul = "가" * 500
    assert _refused(lambda: queue.sqs.send_message(QueueUrl=queue.url, MessageBody=hangul)) == "InvalidParameterValue"


def test_a_queue_that_is_not_there_is_told_by_its_code(aws_emulator: Emulator) -> None:
    code = _refused(lambda: aws_emulator.clients("sqs").get_queue_url(QueueName="nowhere"))
    assert code in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def test_a_long_poll_wakes_when_a_message_comes(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="x", DelaySeconds=1)
    begun = datetime.now(UTC)
    got = queue.sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=10).get("Messages", [])
    assert len(got) == 1
    assert datetime.now(UTC) - begun < timedelta(seconds=5)


def test_a_dlq_names_its_source_queues(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    assert len(queue.sqs.list_dead_letter_source_queues(QueueUrl=queue.dlq_url)["queueUrls"]) == 1


# ------------------------------------------------------------------ the rest


def test_a_presigned_url_that_was_tampered_with_is_refused(aws_emulator: Emulator) -> None:
    s3, bucket = aws_emulator.clients("s3"), f"presign-{os.getpid()}-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": environment.REGION})
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"}, ExpiresIn=60)
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.read() == b"a"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace(f"{bucket}/a?", f"{bucket}/b?"), timeout=5)
    refused.value.close()
    assert refused.value.code == 403


def test_metrics_need_the_exact_dimensions(aws_emulator: Emulator) -> None:
    cloudwatch, space = aws_emulator.clients("cloudwatch"), f"Test/{next(_NUMBERS)}"
    both = [{"Name": "WorkerType", "Value": "Video"}, {"Name": "Group", "Value": "g"}]
    cloudwatch.put_metric_data(
        Namespace=space, MetricData=[{"MetricName": "QueueDepth", "Dimensions": both, "Value": 3}]
    )

    def points(dimensions: list[dict[str, str]]) -> int:
        now = datetime.now(UTC)
        answer = cloudwatch.get_metric_statistics(
            Namespace=space, MetricName="QueueDepth", Dimensions=dimensions, Period=60, Statistics=["Maximum"],
            StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=1),
        )  # fmt: skip
        return len(answer["Datapoints"])

    assert eventually(lambda: points(both)) == 1
    assert points(both[:1]) == 0


def test_a_groups_instances_are_instances(platform: Emulator) -> None:
    name = "academy-video-worker-asg"
    wanted = [
        {"Name": "tag:aws:autoscaling:groupName", "Values": [name]},
        {"Name": "tag:Name", "Values": ["academy-video-worker"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = platform.clients("ec2").describe_instances(Filters=wanted)["Reservations"]
    groups = platform.clients("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    there = {one["InstanceId"] for one in groups["AutoScalingGroups"][0]["Instances"]}
    assert {one["InstanceId"] for reservation in found for one in reservation["Instances"]} == there
    assert there


def test_a_capacity_above_the_maximum_is_refused(platform: Emulator) -> None:
    change = platform.clients("autoscaling").set_desired_capacity
    try:
        code = _refused(lambda: change(AutoScalingGroupName="academy-ai-worker-asg", DesiredCapacity=21))
        assert code == "ValidationError"
    finally:
        change(AutoScalingGroupName="academy-ai-worker-asg", DesiredCapacity=1)

"""SQS's move tasks as our redrive relies on them, asked of both emulators (tests/local/gaps.py)."""

from __future__ import annotations

from typing import Any

from tests.conftest import Emulator, eventually
from tests.local.test_aws_semantics import Queue, _queue, _refused


def arn(queue: Queue, url: str) -> str:
    told = queue.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(told["Attributes"]["QueueArn"])


def give_up(queue: Queue, *bodies: str) -> None:
    """Let the redrive policy move messages to the dead-letter queue."""
    for body in bodies:
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageAttributes={"n": _text(body)})
    for _ in range(3):
        for _body in bodies:
            queue.receive(visibility_s=0)


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def newest(queue: Queue) -> dict[str, Any]:
    told = queue.sqs.list_message_move_tasks(SourceArn=arn(queue, queue.dlq_url))["Results"]
    assert len(told) <= 1, "MaxResults is 1 when nothing is said"
    return dict(told[0]) if told else {}


def ended(queue: Queue) -> dict[str, Any]:
    return dict(
        eventually(lambda: (task := newest(queue)).get("Status") not in (None, "RUNNING", "CANCELLING") and task)
    )


def test_a_move_without_destination_goes_to_the_source_as_new_messages(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    give_up(queue, "x")
    old = queue.receive(dlq=True, visibility_s=0)[0]["MessageId"]
    handle = queue.sqs.start_message_move_task(SourceArn=arn(queue, queue.dlq_url))["TaskHandle"]
    task = ended(queue)
    assert handle
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"], "TaskHandle" in task) == ("COMPLETED", 1, False)
    [message] = queue.sqs.receive_message(
        QueueUrl=queue.url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert (message["Body"], message["MessageAttributes"]["n"]["StringValue"]) == ("x", "x")
    assert (message["Attributes"]["ApproximateReceiveCount"], message["MessageId"] != old) == ("1", True)
    assert "DeadLetterQueueSourceArn" not in message["Attributes"]


def test_a_letter_that_was_sent_to_the_dlq_fails_a_move_without_destination(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    queue.sqs.send_message(QueueUrl=queue.dlq_url, MessageBody="x")
    source = arn(queue, queue.dlq_url)
    queue.sqs.start_message_move_task(SourceArn=source)
    task = ended(queue)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    queue.sqs.start_message_move_task(SourceArn=source, DestinationArn=arn(queue, queue.url))
    eventually(lambda: queue.counts() == (1, 0))


def test_one_move_runs_at_a_time_and_can_be_stopped(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    for _ in range(5):
        queue.sqs.send_message(QueueUrl=queue.dlq_url, MessageBody="x")
    asked = {"SourceArn": arn(queue, queue.dlq_url), "DestinationArn": arn(queue, queue.url)}
    handle = queue.sqs.start_message_move_task(**asked, MaxNumberOfMessagesPerSecond=2)["TaskHandle"]
    running = newest(queue)
    assert (running["Status"], running["TaskHandle"], running["MaxNumberOfMessagesPerSecond"]) == ("RUNNING", handle, 2)
    assert _refused(lambda: queue.sqs.start_message_move_task(**asked)) == "InvalidParameterValue"
    queue.sqs.cancel_message_move_task(TaskHandle=handle)
    task = ended(queue)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"] < 5) == ("CANCELLED", True)


def test_a_move_needs_a_dead_letter_queue_and_a_destination_that_is_there(aws_emulator: Emulator) -> None:
    queue = _queue(aws_emulator)
    live, dead = arn(queue, queue.url), arn(queue, queue.dlq_url)
    start = queue.sqs.start_message_move_task
    assert _refused(lambda: start(SourceArn=live)) == "InvalidParameterValue"
    assert _refused(lambda: start(SourceArn=f"{dead}-x")) == "ResourceNotFoundException"
    assert _refused(lambda: start(SourceArn=dead, DestinationArn=f"{live}-x")) == "ResourceNotFoundException"
    assert _refused(lambda: start(SourceArn=dead, MaxNumberOfMessagesPerSecond=501)) == "InvalidParameterValue"
    assert _refused(lambda: queue.sqs.list_message_move_tasks(SourceArn=f"{dead}-x")) == "ResourceNotFoundException"
    assert _refused(lambda: queue.sqs.cancel_message_move_task(TaskHandle="eA==")) == "InvalidParameterValue"

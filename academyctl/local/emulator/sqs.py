"""SQS: move tasks (dead-letter redrive) and the sources of a dead-letter queue.

As AWS has them: one task at a time moves what was visible at its start, as new messages with the same body and
attributes; without a destination each goes to the queue that gave it up, and one that was sent to the dead-letter queue
directly fails the task.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

Params = dict[str, Any]

KEPT = 10
CHUNK = 50
"""Messages a step without a rate: AWS takes several hundred a second."""
STEP_S = 0.1
MAX_RATE = 500
ACTIVE = ("RUNNING", "CANCELLING")


@dataclass
class Task:
    """A move task; `rate` is messages a second, 0 as fast as it goes."""

    handle: str
    source: str
    destination: str
    rate: int
    expected: int
    started_ms: int
    status: str = "RUNNING"
    moved: int = 0
    why: str = ""

    def told(self) -> Params:
        """As ListMessageMoveTasks tells it."""
        answer: Params = {
            "Status": self.status,
            "SourceArn": self.source,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.expected,
            "StartedTimestamp": self.started_ms,
        }
        answer |= {"TaskHandle": self.handle} if self.status == "RUNNING" else {}
        answer |= {"DestinationArn": self.destination} if self.destination else {}
        answer |= {"MaxNumberOfMessagesPerSecond": self.rate} if self.rate else {}
        return answer | ({"FailureReason": self.why} if self.why else {})


_tasks: dict[str, Task] = {}
# The event loop keeps no strong reference to what it runs.
_running: set[asyncio.Task[None]] = set()


def install() -> None:
    """Add the actions to ministack's table."""
    from ministack.services import sqs as service

    service._HANDLERS["StartMessageMoveTask"] = _start
    service._HANDLERS["ListMessageMoveTasks"] = _list
    service._HANDLERS["CancelMessageMoveTask"] = _cancel
    service._HANDLERS["ListDeadLetterSourceQueues"] = _sources


def _sources(data: Params, url: str) -> Params:
    from ministack.services import sqs as service

    queue = service._get_q(data.get("QueueUrl", url), "sqs:ListDeadLetterSourceQueues")
    found = [one["url"] for one in _givers(queue["attributes"]["QueueArn"])]
    return {"queueUrls": [service._externalize_url(one) for one in found]}


def _start(data: Params, _url: str) -> Params:
    from ministack.services import sqs as service

    source = _queue(data, "SourceArn")
    service._enforce_queue_policy(source, "sqs:StartMessageMoveTask")
    arn, destination = str(data["SourceArn"]), str(data.get("DestinationArn") or "")
    if not _givers(arn):
        raise service._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if destination and _queue(data, "DestinationArn")["is_fifo"] != source["is_fifo"]:
        raise service._Err(
            "InvalidParameterValue", "The source queue and destination queue must be of the same queue type."
        )
    rate = data.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= int(rate) <= MAX_RATE:
        raise service._Err(
            "InvalidParameterValue",
            f"Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. "
            f"Reason: Must be between 1 and {MAX_RATE}, if provided.",
        )
    if any(task.source == arn and task.status in ACTIVE for task in _tasks.values()):
        raise service._Err(
            "InvalidParameterValue",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    service._refresh_counts(source)
    told = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": arn})
    task = Task(
        handle=base64.b64encode(told.encode()).decode(),
        source=arn,
        destination=destination,
        rate=int(rate or 0),
        expected=int(source["attributes"]["ApproximateNumberOfMessages"]),
        started_ms=int(time.time() * 1000),
    )
    _tasks[task.handle] = task
    running = asyncio.get_running_loop().create_task(_move(task))
    _running.add(running)
    running.add_done_callback(_running.discard)
    return {"TaskHandle": task.handle}


def _list(data: Params, _url: str) -> Params:
    from ministack.services import sqs as service

    service._enforce_queue_policy(_queue(data, "SourceArn"), "sqs:ListMessageMoveTasks")
    most = int(data.get("MaxResults") or 1)
    if not 1 <= most <= KEPT:
        raise service._Err(
            "InvalidParameterValue",
            f"Value {most} for parameter MaxResults is invalid. Reason: Must be between 1 and 10.",
        )
    found = [task for task in _tasks.values() if task.source == data["SourceArn"]]
    return {"Results": [task.told() for task in sorted(found, key=lambda task: -task.started_ms)[:most]]}


def _cancel(data: Params, _url: str) -> Params:
    from ministack.services import sqs as service

    handle = str(data.get("TaskHandle") or "")
    try:
        json.loads(base64.b64decode(handle, validate=True))["taskId"]
    except (ValueError, KeyError, TypeError) as error:
        raise service._Err("InvalidParameterValue", "Value for parameter TaskHandle is invalid.") from error
    task = _tasks.get(handle)
    if task is None:
        raise service._Err("ResourceNotFoundException", "Task does not exist.", 404)
    if task.status != "RUNNING":
        raise service._Err("UnsupportedOperation", "Only active tasks can be cancelled.")
    task.status = "CANCELLING"
    return {"ApproximateNumberOfMessagesMoved": task.moved}


async def _move(task: Task) -> None:
    from ministack.services import sqs as service

    while task.status == "RUNNING":
        if task.moved >= task.expected:
            task.status = "COMPLETED"
            return
        some = max(1, int(task.rate * STEP_S)) if task.rate else CHUNK
        try:
            moved = _step(task, min(some, task.expected - task.moved))
        except service._Err as error:
            task.status, task.why = "FAILED", error.code
            return
        if not moved:
            task.status = "COMPLETED"
            return
        await asyncio.sleep(moved / task.rate if task.rate else 0)
    task.status = "CANCELLED"


def _step(task: Task, some: int) -> int:
    """Move so many messages at once: nothing else runs between taking one away and putting it there."""
    from ministack.core.concurrency import esm_wake
    from ministack.services import sqs as service

    source, now, moved = service._queue_by_arn(task.source), time.time(), 0
    if source is None:
        raise service._Err("AWS.SimpleQueueService.NonExistentQueue", task.source)
    for message in [one for one in source["messages"] if one["visible_at"] <= now][:some]:
        origin = task.destination or message["sys"].get("DeadLetterQueueSourceArn", "")
        if not origin:
            raise service._Err("CouldNotDetermineMessageSource", task.source)
        target = service._queue_by_arn(origin)
        if target is None:
            raise service._Err("AWS.SimpleQueueService.NonExistentQueue", origin)
        target["messages"].append(_anew(message, now))
        source["messages"].remove(message)
        moved += 1
        task.moved += 1
    esm_wake.set()
    return moved


def _anew(message: Params, now: float) -> Params:
    sent = {key: value for key, value in message["sys"].items() if key != "DeadLetterQueueSourceArn"}
    return {
        **message,
        "id": str(uuid.uuid4()),
        "md5_body": hashlib.md5(message["body"].encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "first_receive_at": None,
        "sys": {**sent, "SentTimestamp": str(int(now * 1000))},
    }


def _givers(arn: str) -> list[Params]:
    """The queues whose redrive policy names this one."""
    from ministack.services import sqs as service

    found = []
    for queue in list(service._queues.values()):
        policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
        if policy.get("deadLetterTargetArn") == arn:
            found.append(queue)
    return found


def _queue(data: Params, name: str) -> Params:
    from ministack.services import sqs as service

    arn = str(data.get(name) or "")
    if not arn:
        raise service._Err("MissingParameter", f"The request must contain the parameter {name}.")
    found: Params | None = service._queue_by_arn(arn)
    if found is None:
        raise service._Err(
            "ResourceNotFoundException", f"The resource that you specified for the {name} parameter doesn't exist.", 404
        )
    return found

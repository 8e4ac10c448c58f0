"""Queues on the real stack: what waits for long, and an account that may read no metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.platform import diagnosed

Env = dict[str, str]


def _one_in_flight_one_waiting(stores: Stores) -> str:
    queue = stores.settings.queues.video
    for _ in range(2):
        stores.sqs.send(queue, "{}")
    assert stores.sqs.receive(queue, max_messages=1, wait_s=1, visibility_s=600)
    return queue


def test_an_old_message_behind_a_worker_that_runs_is_a_matter_of_capacity(
    platform_env: Env, stores: Stores, stack: LocalStack
) -> None:
    queue = _one_in_flight_one_waiting(stores)
    root = Stores(load(stack.env()).settings).aws_clients()("cloudwatch")
    root.put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": queue}],
                "Timestamp": datetime.now(UTC),
                "Value": 40000.0,
            }
        ],
    )
    found = diagnosed(platform_env, ["sqs"])
    assert [one.key for one in roots(found.findings)] == [f"sqs.waits-long={queue}"]
    assert (found.verdict, found.state, exit_code(found.state)) == (Verdict.capacity, State.warn, 0)
    assert found.root is not None
    assert found.root.evidence[-1].value == "40000 s"


def test_an_age_that_nobody_tells_is_no_finding(platform_env: Env, stores: Stores) -> None:
    _one_in_flight_one_waiting(stores)
    assert diagnosed(platform_env, ["sqs"]).verdict is Verdict.healthy


def test_dead_letters_of_a_queue_that_the_redrive_policy_names_are_found(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    elsewhere = f"{queue}-graveyard"
    stores.sqs.create(elsewhere, {"MessageRetentionPeriod": "1209600"})
    policy = {"deadLetterTargetArn": stores.sqs.attributes(elsewhere).arn, "maxReceiveCount": "3"}
    client: Any = stores.sqs._client
    client.set_queue_attributes(QueueUrl=stores.sqs.url(queue), Attributes={"RedrivePolicy": json.dumps(policy)})
    stores.sqs.send(elsewhere, "{}")
    found = diagnosed(platform_env, ["sqs"])
    stores.sqs.remove(elsewhere)
    assert [one.key for one in roots(found.findings)] == [f"sqs.dead-letters={elsewhere}"]
    assert found.root is not None
    assert found.root.commands == ("academyctl queue peek {queue} --dlq",)
    assert found.root.value("queue") == queue

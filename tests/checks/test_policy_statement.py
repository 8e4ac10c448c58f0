"""What to add to a key's policy, from what was denied to it."""

from __future__ import annotations

import json

import pytest

from checks import _trouble as t
from checks._access import statement
from checks._trouble import Trouble


def _denied(*what: str) -> list[Trouble]:
    return [Trouble(t.DENIED, "AccessDenied", one, "AccessDenied") for one in what]


@pytest.mark.parametrize(
    ("denied", "actions", "resource"),
    [
        (["sqs:GetQueueAttributes jobs"], ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
         "arn:aws:sqs:eu-west-1:*:jobs"),
        (["sqs:GetQueueUrl b", "sqs:GetQueueUrl a"], ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
         ["arn:aws:sqs:eu-west-1:*:a", "arn:aws:sqs:eu-west-1:*:b"]),
        # No policy can limit a listing, or a description of groups, to one resource.
        (["sqs:ListQueues *"], ["sqs:ListQueues"], "*"),
        (["ec2:DescribeInstances a, b"], ["ec2:DescribeInstances"], "*"),
        (["lambda:GetFunctionConfiguration f"], ["lambda:GetFunctionConfiguration"],
         "arn:aws:lambda:eu-west-1:*:function:f"),
        (["logs:FilterLogEvents /aws/lambda/f"], ["logs:FilterLogEvents"],
         "arn:aws:logs:eu-west-1:*:log-group:/aws/lambda/f:*"),
        (["events:DescribeRule r"], ["events:DescribeRule", "events:ListTargetsByRule"],
         "arn:aws:events:eu-west-1:*:rule/r"),
    ],
)  # fmt: skip
def test_the_statement_allows_what_was_denied_where_it_was(
    denied: list[str], actions: list[str], resource: str | list[str]
) -> None:
    told = json.loads(statement(_denied(*denied), "eu-west-1"))
    assert told == {"Effect": "Allow", "Action": actions, "Resource": resource}


def test_nothing_is_to_be_added_where_nothing_was_denied() -> None:
    assert statement([Trouble(t.KEY, "InvalidClientTokenId", "sqs:GetQueueUrl a", "x")], "eu-west-1") == ""

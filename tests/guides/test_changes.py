"""What a guide changes with a command and we with another: the AWS CLI tells that it is the same, and is undone."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from academyctl.ops.package import package
from tests.conftest import eventually
from tests.guides.conftest import Both

QUEUE = "academy-video-jobs"
GROUP = "academy-video-worker-asg"
FUNCTION = "academy-worker-queue-depth-metric"


def test_queue_create_makes_what_the_scripts_made(both: Both) -> None:
    names = {
        "VIDEO_SQS_QUEUE_NAME": ("made-video", 300),
        "MESSAGING_SQS_QUEUE_NAME": ("made-messaging", 60),
        "AI_SQS_QUEUE_NAME_LITE": ("made-lite", 3600),
        "AI_SQS_QUEUE_NAME_BASIC": ("made-basic", 3600),
        "AI_SQS_QUEUE_NAME_PREMIUM": ("made-premium", 3600),
    }
    both.cli.set(**{variable: name for variable, (name, _) in names.items()})
    both.ours("queue create --apply")
    for name, visibility in names.values():
        url = both.aws(f"aws sqs get-queue-url --queue-name {name}")["QueueUrl"]
        told = both.aws(f"aws sqs get-queue-attributes --queue-url {url} --attribute-names All")["Attributes"]
        policy = json.loads(told["RedrivePolicy"])
        assert told["VisibilityTimeout"] == str(visibility)
        assert told["MessageRetentionPeriod"] == "1209600"
        assert told["ReceiveMessageWaitTimeSeconds"] == "20"
        assert (policy["deadLetterTargetArn"].rpartition(":")[2], int(policy["maxReceiveCount"])) == (f"{name}-dlq", 3)


def test_the_same_desired_capacity_is_set(both: Both) -> None:
    both.guide("001", "aws autoscaling set-desired-capacity")
    assert both.ours("asg show video")["groups"][0]["desired"] == 2
    both.ours("asg set video --desired 1 --apply")
    assert both.guide("001", "aws autoscaling describe-auto-scaling-groups")["Desired"] == 1


def test_the_same_step_policy_and_alarm_are_made(both: Both) -> None:
    arn = both.guide("001", "POLICY_ARN=")
    both.guide("001", "aws cloudwatch put-metric-alarm", fill={"$POLICY_ARN": arn})
    theirs = scaling_of(both)
    both.aws("aws cloudwatch delete-alarms --alarm-names academy-video-queue-depth-scaleout")
    both.aws(f"aws autoscaling delete-policy --auto-scaling-group-name {GROUP} --policy-name video-queue-scaleout")
    before = scaling_of(both)
    both.ours("scaling apply step-alarm --apply")
    assert scaling_of(both) == theirs
    both.ours("scaling rollback --apply")
    assert scaling_of(both) == before == ([], [])


_POLICY = ("PolicyName", "PolicyType", "AdjustmentType", "StepAdjustments", "Enabled")
_ALARM = (
    "AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods", "Threshold",
    "ComparisonOperator", "ActionsEnabled",
)  # fmt: skip


def scaling_of(both: Both) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The group's policies and guide 001's alarm, as its own commands tell them, without what AWS makes anew."""
    policies = both.guide("001", "aws autoscaling describe-policies")["ScalingPolicies"]
    alarms = both.guide("001", "aws cloudwatch describe-alarms")["MetricAlarms"]
    arns = {one["PolicyARN"]: one["PolicyName"] for one in policies}
    return (
        [{name: one.get(name) for name in _POLICY} for one in policies],
        [
            {**{name: one.get(name) for name in _ALARM}, "actions": [arns.get(arn, arn) for arn in one["AlarmActions"]]}
            for one in alarms
        ],
    )


def test_the_same_policies_and_alarms_are_told(both: Both) -> None:
    both.ours("scaling apply step-alarm --apply")
    try:
        ours = both.ours("scaling show video")
        policies = both.guide("003", "aws autoscaling describe-policies")["ScalingPolicies"]
        [alarm] = both.guide("001", "aws cloudwatch describe-alarms")["MetricAlarms"]
        [policy] = policies
        assert [{name: policy.get(name) for name in one} for one in ours["policies"]] == ours["policies"]
        assert [one["AlarmName"] for one in ours["alarms"]] == [alarm["AlarmName"]]
        listed = both.ours("alarm list video", codes=(0, 1))
        assert alarm["AlarmName"] in json.dumps(listed["others"])
    finally:
        both.ours("scaling rollback --apply")


def test_target_tracking_is_guide_003s_and_rolls_back(both: Both) -> None:
    before = raw(both)
    both.ours("scaling apply tt-total --apply")
    [policy] = both.guide("003", "aws autoscaling describe-policies")["ScalingPolicies"]
    tracking = policy["TargetTrackingConfiguration"]
    metric = tracking["CustomizedMetricSpecification"]
    assert (policy["PolicyName"], tracking["TargetValue"]) == ("video-backlogcount-tt", 1.0)
    assert (metric["Namespace"], metric["MetricName"]) == ("Academy/VideoProcessing", "VideoQueueDepthTotal")
    dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
    assert dimensions == {"WorkerType": "Video", "AutoScalingGroupName": GROUP}
    assert both.guide("001", "aws events list-rules")[0]["State"] == "ENABLED"
    both.ours("scaling rollback --apply")
    assert raw(both) == before


def raw(both: Both) -> list[Any]:
    """Everything that scales the video group, as the AWS CLI tells it."""
    function = both.guide("001", "aws lambda get-function")["Configuration"]
    return [
        both.guide("003", "aws autoscaling describe-policies"),
        both.guide("001", "aws autoscaling describe-auto-scaling-groups"),
        both.guide("001", "aws events list-rules"),
        {name: function[name] for name in ("CodeSha256", "Environment", "Timeout", "MemorySize", "Role", "Handler")},
        both.aws("aws cloudwatch describe-alarms")["MetricAlarms"],
    ]


def test_the_function_is_deployed_and_rolled_back(both: Both) -> None:
    other = package("worker_autoscale")
    Path("other.zip").write_bytes(other)
    both.aws(f"aws lambda update-function-code --function-name {FUNCTION} --zip-file fileb://other.zip")
    both.ours("lambda deploy depth --apply")
    assert both.guide("001", "aws lambda get-function")["Configuration"]["CodeSha256"] == digest(package("queue_depth"))
    both.ours("lambda deploy depth --rollback --apply")
    assert both.guide("001", "aws lambda get-function")["Configuration"]["CodeSha256"] == digest(other)
    both.ours("lambda deploy depth --apply")


def digest(code: bytes) -> str:
    return base64.b64encode(hashlib.sha256(code).digest()).decode()


def test_the_metric_that_a_policy_follows_has_values(both: Both) -> None:
    total = both.ours("lambda invoke depth --apply")["answer"]["video_queue_depth_total"]
    both.ours("scaling apply tt-total --apply")
    try:
        told = eventually(lambda: both.guide("003", "aws cloudwatch get-metric-statistics")["Datapoints"])
        assert max(told, key=lambda one: one["Timestamp"])["Average"] == total
        found = both.ours("diagnose scaling", codes=(0, 1))["findings"]
        assert [one for one in found if one["code"] == "scaling.metric-silent"] == []
    finally:
        both.ours("scaling rollback --apply")

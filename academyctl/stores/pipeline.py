"""Guide 004's pipeline as AWS has it: what sends to its queue, what takes from it, what that may do. Only reads."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores._pipeline_types import Alarm, Definition, Intake, Mapping, Notification, Trigger
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

_PAGES = 10
_DEPTHS = ("ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent", "ApproximateAgeOfOldestMessage")


class Pipeline:
    """Every method raises AwsError and nothing else; what is not there is None or left out."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def intake(self, queue: str, bucket: str) -> Intake | None:
        """The queue, and whether its policy lets this bucket's notifications in."""
        sqs = self._clients("sqs")
        try:
            with ours("sqs:GetQueueUrl", f"queue {queue}"):
                url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        except AwsError as error:
            if error.cause != "missing":
                raise
            return None
        with ours("sqs:GetQueueAttributes", f"queue {queue}"):
            raw = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            redrive = json.loads(raw.get("RedrivePolicy") or "{}")
            policy = json.loads(raw.get("Policy") or "{}")
            return Intake(
                queue, raw["QueueArn"], int(raw.get("VisibilityTimeout", 30)),
                int(redrive["maxReceiveCount"]) if redrive.get("maxReceiveCount") else None,
                str(redrive.get("deadLetterTargetArn", "")).rpartition(":")[2],
                lets_bucket_send(policy, f"arn:aws:s3:::{bucket}"),
            )  # fmt: skip

    def notifications(self, bucket: str) -> tuple[Notification, ...] | None:
        """What the bucket tells queues; None when there is no such bucket."""
        try:
            with ours("s3:GetBucketNotification", f"bucket {bucket}"):
                raw = self._clients("s3").get_bucket_notification_configuration(Bucket=bucket)
        except AwsError as error:
            if error.cause != "missing":
                raise
            return None
        return tuple(_notification(one) for one in raw.get("QueueConfigurations", []))

    def mappings(self, queue_arn: str) -> tuple[Mapping, ...]:
        """The functions that are given this queue's messages."""
        with ours("lambda:ListEventSourceMappings", queue_arn):
            raw = self._clients("lambda").list_event_source_mappings(EventSourceArn=queue_arn)
            return tuple(
                Mapping(
                    str(one.get("FunctionArn", "")).rpartition(":function:")[2].partition(":")[0],
                    str(one.get("State", "")), str(one.get("LastProcessingResult") or ""),
                    int(one.get("BatchSize", 10)),
                    "ReportBatchItemFailures" in one.get("FunctionResponseTypes", []),
                )
                for one in raw["EventSourceMappings"]
            )  # fmt: skip

    def trigger(self, function: str) -> Trigger | None:
        """The function that makes jobs of messages."""
        try:
            with ours("lambda:GetFunctionConfiguration", function):
                raw = self._clients("lambda").get_function_configuration(FunctionName=function)
                said = (raw.get("Environment") or {}).get("Variables") or {}
                failed = raw.get("State") == "Failed" or raw.get("LastUpdateStatus") == "Failed"
                return Trigger(
                    str(raw["FunctionName"]), "Failed" if failed else str(raw.get("State") or "Active"),
                    str(raw.get("StateReason") or raw.get("LastUpdateStatusReason") or ""), int(raw.get("Timeout", 3)),
                    str(raw.get("Role", "")), _plain(said.get("BATCH_JOB_QUEUE", "")),
                    _plain(said.get("BATCH_JOB_DEFINITION", "")),
                )  # fmt: skip
        except AwsError as error:
            if error.cause != "missing":
                raise
            return None

    def definition(self, name: str) -> Definition | None:
        """The newest active revision of the job definition."""
        with ours("batch:DescribeJobDefinitions", name):
            client = self._clients("batch")
            found = client.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
            active = [raw for raw in found if raw.get("status") == "ACTIVE"]
            return _definition(max(active, key=lambda raw: int(raw.get("revision", 0)))) if active else None

    def has_log_group(self, name: str) -> bool:
        """Whether the log group exists."""
        with ours("logs:DescribeLogGroups", name):
            found = self._clients("logs").describe_log_groups(logGroupNamePrefix=name).get("logGroups", [])
            return any(one["logGroupName"] == name for one in found)

    def denied(self, role: str, actions: Sequence[str], resources: Sequence[str] = ("*",)) -> tuple[str, ...]:
        """Which of these actions the role may not do on one of these resources, as AWS itself judges its policies."""
        with ours("iam:SimulatePrincipalPolicy", role):
            raw = self._clients("iam").simulate_principal_policy(
                PolicySourceArn=role, ActionNames=list(actions), ResourceArns=list(resources)
            )
            refused = [one["EvalActionName"] for one in raw["EvaluationResults"] if one["EvalDecision"] != "allowed"]
            return tuple(dict.fromkeys(refused))

    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms on the depth of queues."""
        with ours("cloudwatch:DescribeAlarms", "*"):
            return tuple(one for raw in self._alarms() if (one := _alarm(raw)) is not None)

    def has_secret(self, name: str) -> bool:
        """Whether the secret exists; what is in it is not asked for."""
        try:
            with ours("secretsmanager:DescribeSecret", name):
                self._clients("secretsmanager").describe_secret(SecretId=name)
        except AwsError as error:
            if error.cause != "missing":
                raise
            return False
        return True

    def _alarms(self) -> Iterator[Any]:
        token: dict[str, str] = {}
        for _ in range(_PAGES):
            answer = self._clients("cloudwatch").describe_alarms(MaxRecords=100, **token)
            yield from answer.get("MetricAlarms", [])
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def lets_bucket_send(policy: Any, bucket_arn: str) -> bool:
    """Whether a queue's policy lets S3 send for this bucket. Conditions other than on the bucket are taken as met."""
    statements = policy.get("Statement", [])
    for one in statements if isinstance(statements, list) else [statements]:
        if one.get("Effect") == "Allow" and _is_s3(one.get("Principal")) and _may_send(one.get("Action")):
            wanted = [arn for test in (one.get("Condition") or {}).values() for arn in _source(test)]
            if not wanted or any(fnmatch.fnmatchcase(bucket_arn, str(arn)) for arn in wanted):
                return True
    return False


def _source(test: Any) -> list[Any]:
    return [arn for key, told in test.items() if key.lower() == "aws:sourcearn" for arn in _many(told)]


def _is_s3(principal: Any) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    return "s3.amazonaws.com" in _many(principal.get("Service")) or "*" in _many(principal.get("AWS"))


def _may_send(action: Any) -> bool:
    return any(fnmatch.fnmatchcase("sqs:sendmessage", str(one).lower()) for one in _many(action))


def _many(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [] if told is None else [told]


def _notification(raw: Any) -> Notification:
    rules = (raw.get("Filter") or {}).get("Key", {}).get("FilterRules", [])
    parts = {str(one["Name"]).lower(): str(one["Value"]) for one in rules}
    told = str(raw["QueueArn"]), tuple(map(str, raw.get("Events", [])))
    return Notification(*told, parts.get("prefix", ""), parts.get("suffix", ""))


def _definition(raw: Any) -> Definition:
    box = raw.get("containerProperties") or {}
    said = {str(one["name"]): str(one.get("value", "")) for one in box.get("environment", [])}
    retry = raw.get("retryStrategy") or {}
    timeout = (raw.get("timeout") or {}).get("attemptDurationSeconds")
    words = [str(word) for word in box.get("command", [])]
    options = (box.get("logConfiguration") or {}).get("options") or {}
    return Definition(
        name=str(raw["jobDefinitionName"]),
        revision=int(raw.get("revision", 0)),
        image=str(box.get("image", "")),
        reads_queue="SQS_QUEUE_URL" in said,
        ours="analysis" in words and "worker" in words,
        endpoint=said.get("FASTAPI_ENDPOINT", ""),
        timeout_s=None if timeout is None else int(timeout),
        attempts=int(retry.get("attempts", 1)),
        exits_on_refusal=_action(retry.get("evaluateOnExit", []), "2") == "EXIT",
        log_group=str(options.get("awslogs-group", "")),
        role=str(box.get("jobRoleArn", "")),
    )


def _action(rules: Sequence[Any], code: str) -> str:
    """What Batch does after this exit code: the first rule that speaks of it decides."""
    for one in rules:
        if fnmatch.fnmatchcase(code, str(one.get("onExitCode", ""))):
            return str(one.get("action", "")).upper()
    return "RETRY"


def _alarm(raw: Any) -> Alarm | None:
    dimensions = {one["Name"]: one["Value"] for one in raw.get("Dimensions", [])}
    if raw.get("Namespace") != "AWS/SQS" or raw.get("MetricName") not in _DEPTHS or "QueueName" not in dimensions:
        return None
    rings = bool(raw.get("AlarmActions")) and bool(raw.get("ActionsEnabled", True))
    return Alarm(str(raw["AlarmName"]), str(dimensions["QueueName"]), rings)


def _plain(name: str) -> str:
    """A Batch queue's or definition's name, also of its ARN or with a revision behind it."""
    return name.rpartition("/")[2].partition(":")[0]

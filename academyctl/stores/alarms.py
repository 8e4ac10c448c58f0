"""CloudWatch alarms: as AWS tells them, put, deleted; and whether a topic that they notify is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

Raw = dict[str, Any]

_PAGE = 100
REQUEST = (
    "AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
    "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods",
    "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile",
    "Metrics", "ThresholdMetricId",
)  # fmt: skip
"""The fields of an alarm's description that PutMetricAlarm takes back."""


class Alarms:
    """Metric alarms by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def raw(self, names: Sequence[str]) -> dict[str, Raw]:
        """These alarms as AWS describes them, by name; those that do not exist are left out."""
        found: dict[str, Raw] = {}
        for start in range(0, len(names), _PAGE):
            some = list(names[start : start + _PAGE])
            with ours("cloudwatch:DescribeAlarms", ", ".join(some)):
                pages = self._pages(AlarmNames=some)
                found |= {str(one["AlarmName"]): one for one in pages}
        return found

    def all(self) -> list[Raw]:
        """Every metric alarm of this account and region, by name."""
        with ours("cloudwatch:DescribeAlarms", "*"):
            return sorted(self._pages(), key=lambda one: str(one["AlarmName"]))

    def put(self, request: Mapping[str, Any]) -> None:
        """PutMetricAlarm with these parameters: makes it, or replaces the whole alarm of that name."""
        with ours("cloudwatch:PutMetricAlarm", str(request.get("AlarmName"))):
            self._client.put_metric_alarm(**request)

    def delete(self, names: Sequence[str]) -> None:
        """Delete these; AWS refuses all of them when one does not exist."""
        with ours("cloudwatch:DeleteAlarms", ", ".join(names)):
            self._client.delete_alarms(AlarmNames=list(names))

    def topic_exists(self, arn: str) -> bool:
        """Whether an SNS topic is there."""
        try:
            with ours("sns:GetTopicAttributes", arn):
                self._clients("sns").get_topic_attributes(TopicArn=arn)
        except AwsError as error:
            # SNS answers InvalidParameter for an ARN that is none.
            if error.cause == "missing" or error.code in ("NotFoundException", "InvalidParameter"):
                return False
            raise
        return True

    def _pages(self, **asked: Any) -> list[Raw]:
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm"], PaginationConfig={"PageSize": _PAGE}, **asked
        )
        return [dict(one) for page in pages for one in page.get("MetricAlarms", [])]

    @property
    def _client(self) -> Any:
        return self._clients("cloudwatch")


def request_of(raw: Mapping[str, Any]) -> Raw:
    """What PutMetricAlarm takes to make this very alarm again."""
    return {name: raw[name] for name in REQUEST if raw.get(name) not in (None, "", [])} | {
        "ActionsEnabled": bool(raw.get("ActionsEnabled", True))
    }

"""What an account holds of a group's scaling, asked of AWS itself: nothing of ours reads it."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from academyctl.settings_model import Fleet
from academyctl.stores.aws import ClientFactory

# What AWS makes anew: times, revisions, ids, instances; and an alarm's state, which follows its metric.
_ANEW = frozenset(
    {
        "LastModified", "RevisionId", "StateUpdatedTimestamp", "StateTransitionedTimestamp", "StateValue",
        "StateReason", "StateReasonData", "AlarmConfigurationUpdatedTimestamp", "UUID", "EventSourceMappingArn",
        "LastProcessingResult", "StateTransitionReason", "ResponseMetadata", "RequestId", "Instances",
    }
)  # fmt: skip
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def raw(clients: ClientFactory, fleet: Fleet) -> dict[str, Any]:
    """Everything that scaling may touch, as AWS describes it, without what AWS makes anew."""
    asg, cloudwatch, functions, events = (clients(one) for one in ("autoscaling", "cloudwatch", "lambda", "events"))
    group = fleet.video_asg
    found: dict[str, Any] = _plain(
        {
            "groups": asg.describe_auto_scaling_groups(
                AutoScalingGroupNames=[fleet.video_asg, fleet.ai_asg, fleet.messaging_asg]
            )["AutoScalingGroups"],
            "policies": _sorted(asg.describe_policies(AutoScalingGroupName=group)["ScalingPolicies"], "PolicyName"),
            "hooks": _sorted(
                asg.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"], "LifecycleHookName"
            ),
            "alarms": _sorted(
                [one for one in cloudwatch.describe_alarms()["MetricAlarms"] if group in str(one)], "AlarmName"
            ),
            "functions": {name: _function(functions, name) for name in (fleet.depth_lambda, fleet.batch_lambda)},
            "rule": _rule(events, fleet.depth_rule),
            "mappings": [
                one
                for one in functions.list_event_source_mappings()["EventSourceMappings"]
                if one["FunctionArn"].endswith(f":{fleet.batch_lambda}") and one["State"] != "Deleting"
            ],
        }
    )
    return found


def foreign_code() -> bytes:
    """A function of the platform's own: whatever it does, it is not ours."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lambda_function.py", "def lambda_handler(event, context):\n    return {}\n")
    return packed.getvalue()


def _function(functions: Any, name: str) -> Any:
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        return None
    try:
        policy = functions.get_policy(FunctionName=name)["Policy"]
    except functions.exceptions.ResourceNotFoundException:
        policy = ""
    limit = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    return {"configuration": found, "policy": policy, "limit": limit}


def _rule(events: Any, name: str) -> Any:
    try:
        rule = events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return None
    return {"rule": rule, "targets": _sorted(events.list_targets_by_rule(Rule=name)["Targets"], "Id")}


def _sorted(found: list[Any], key: str) -> list[Any]:
    return sorted(found, key=lambda one: _ID.sub("<id>", str(one[key])))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in _ANEW}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _ID.sub("<id>", value) if isinstance(value, str) else value

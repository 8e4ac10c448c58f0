"""Auto Scaling's changing calls, and groups and policies as AWS tells them, to be kept and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

Raw = dict[str, Any]


class AutoScaling:
    """Groups by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def raw_group(self, name: str) -> Raw | None:
        """A group as AWS describes it; None when there is none."""
        with ours("autoscaling:DescribeAutoScalingGroups", name):
            found = self._client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
            return dict(found[0]) if found else None

    def raw_policies(self, name: str) -> list[Raw]:
        """A group's scaling policies as AWS describes them, by name."""
        with ours("autoscaling:DescribePolicies", name):
            pages = self._client.get_paginator("describe_policies").paginate(AutoScalingGroupName=name)
            # An emulator leaves the filter out.
            found = [dict(one) for page in pages for one in page["ScalingPolicies"]]
            return sorted(
                (one for one in found if one.get("AutoScalingGroupName") == name),
                key=lambda one: str(one["PolicyName"]),
            )

    def put_policy(self, request: Mapping[str, Any]) -> None:
        """PutScalingPolicy with these parameters: makes it, or replaces one of that name."""
        with ours("autoscaling:PutScalingPolicy", str(request.get("PolicyName"))):
            self._client.put_scaling_policy(**request)

    def delete_policy(self, group: str, policy: str) -> None:
        with ours("autoscaling:DeletePolicy", policy):
            self._client.delete_policy(AutoScalingGroupName=group, PolicyName=policy)

    def set_desired(self, name: str, desired: int) -> None:
        """SetDesiredCapacity without waiting for the cooldown."""
        with ours("autoscaling:SetDesiredCapacity", name):
            self._client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=desired, HonorCooldown=False)

    def new_instances_protected(self, name: str, *, protected: bool) -> None:
        """Whether instances are protected from scale-in from their launch on."""
        with ours("autoscaling:UpdateAutoScalingGroup", name):
            self._client.update_auto_scaling_group(
                AutoScalingGroupName=name, NewInstancesProtectedFromScaleIn=protected
            )

    def protect(self, name: str, instances: Sequence[str], *, protected: bool) -> None:
        """Scale-in protection of these instances of the group."""
        with ours("autoscaling:SetInstanceProtection", name):
            self._client.set_instance_protection(
                AutoScalingGroupName=name, InstanceIds=list(instances), ProtectedFromScaleIn=protected
            )

    def leave(self, instance: str) -> None:
        """End an instance, and lower its group's desired capacity with it."""
        with ours("autoscaling:TerminateInstanceInAutoScalingGroup", instance):
            self._client.terminate_instance_in_auto_scaling_group(
                InstanceId=instance, ShouldDecrementDesiredCapacity=True
            )

    def replace(self, instance: str) -> None:
        """End an instance; its group starts another in its place."""
        with ours("autoscaling:TerminateInstanceInAutoScalingGroup", instance):
            self._client.terminate_instance_in_auto_scaling_group(
                InstanceId=instance, ShouldDecrementDesiredCapacity=False
            )

    def group_of(self, instance: str) -> tuple[str, str] | None:
        """(group, lifecycle state) of an instance; None when it is in no group."""
        with ours("autoscaling:DescribeAutoScalingInstances", instance):
            found = self._client.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"]
            return (str(found[0]["AutoScalingGroupName"]), str(found[0]["LifecycleState"])) if found else None

    def lifecycle_hooks(self, name: str) -> list[Raw]:
        with ours("autoscaling:DescribeLifecycleHooks", name):
            found = self._client.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
            return [dict(one) for one in found]

    def put_hook(self, request: Mapping[str, Any]) -> None:
        """PutLifecycleHook with these parameters: makes it, or replaces one of that name."""
        with ours("autoscaling:PutLifecycleHook", str(request.get("LifecycleHookName"))):
            self._client.put_lifecycle_hook(**request)

    def delete_hook(self, name: str, hook: str) -> None:
        with ours("autoscaling:DeleteLifecycleHook", hook):
            self._client.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName=hook)

    def collect(self, name: str, metrics: Sequence[str], *, on: bool) -> None:
        """Whether the group publishes these metrics of itself to CloudWatch, each minute."""
        if on:
            with ours("autoscaling:EnableMetricsCollection", name):
                self._client.enable_metrics_collection(
                    AutoScalingGroupName=name, Granularity="1Minute", Metrics=list(metrics)
                )
        else:
            with ours("autoscaling:DisableMetricsCollection", name):
                self._client.disable_metrics_collection(AutoScalingGroupName=name, Metrics=list(metrics))

    def complete_lifecycle(self, name: str, hook: str, instance: str, result: str = "CONTINUE") -> None:
        """Let a waiting instance go on."""
        with ours("autoscaling:CompleteLifecycleAction", instance):
            self._client.complete_lifecycle_action(
                AutoScalingGroupName=name, LifecycleHookName=hook, InstanceId=instance, LifecycleActionResult=result
            )

    def beat_lifecycle(self, name: str, hook: str, instance: str) -> None:
        """Ask for more time before a waiting instance goes on."""
        with ours("autoscaling:RecordLifecycleActionHeartbeat", instance):
            self._client.record_lifecycle_action_heartbeat(
                AutoScalingGroupName=name, LifecycleHookName=hook, InstanceId=instance
            )

    def start_refresh(self, name: str, preferences: Mapping[str, Any]) -> str:
        """Replace the group's instances one after the other; the refresh's id."""
        with ours("autoscaling:StartInstanceRefresh", name):
            answer = self._client.start_instance_refresh(AutoScalingGroupName=name, Preferences=dict(preferences))
            return str(answer["InstanceRefreshId"])

    def cancel_refresh(self, name: str) -> None:
        with ours("autoscaling:CancelInstanceRefresh", name):
            self._client.cancel_instance_refresh(AutoScalingGroupName=name)

    def refreshes(self, name: str) -> list[Raw]:
        """The group's instance refreshes, newest first."""
        with ours("autoscaling:DescribeInstanceRefreshes", name):
            found = self._client.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
            return [dict(one) for one in found]

    def template_version(self, template: str, version: str) -> str:
        """The number that `$Latest` or `$Default` stands for in a launch template (its id); '' when it is gone."""
        try:
            with ours("ec2:DescribeLaunchTemplates", template):
                call = self._clients("ec2").describe_launch_templates
                found = call(LaunchTemplateIds=[template])["LaunchTemplates"]
        except AwsError as error:
            if "NotFound" in error.code:
                return ""
            raise
        field = "LatestVersionNumber" if version == "$Latest" else "DefaultVersionNumber"
        return str(found[0][field]) if found else ""

    @property
    def _client(self) -> Any:
        return self._clients("autoscaling")

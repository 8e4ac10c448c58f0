"""The instances of Auto Scaling groups as EC2 instances, launched from the group's template with its tags.

As AWS has them: a group's template is remembered by id and name, an instance by the version it was launched from; an
instance that is terminated by hand is replaced by its group; the group's end is its instances' end.
"""

from __future__ import annotations

from typing import Any

from academyctl.local.emulator import activities

Raw = dict[str, Any]
_GROUP = "aws:autoscaling:groupName"
_STARTED, _TAKEN = "an instance was started", "an instance was taken out of service"
_DIFFERS = " in response to a difference between desired and actual capacity"


def install() -> None:
    """Let every resize of a group launch and terminate; after `autoscaling.install()`, whose resize this wraps."""
    from ministack.services import autoscaling, ec2

    resize = autoscaling._reconcile_instances

    def resizing(group: Raw) -> None:
        resize(group)
        follow(group)

    autoscaling._reconcile_instances = resizing
    delete, terminate = autoscaling._ACTION_MAP["DeleteAutoScalingGroup"], ec2._ACTION_MAP["TerminateInstances"]

    def deleting(params: Raw) -> Any:
        name = autoscaling._p(params, "AutoScalingGroupName")
        answer = delete(params)
        for one in _of(name):
            _end(one)
        return answer

    def terminating(params: Raw) -> Any:
        answer = terminate(params)
        for group in autoscaling._asgs.values():
            gone = [one for one in group["Instances"] if not _lives(one["InstanceId"])]
            if gone:
                group["Instances"] = [one for one in group["Instances"] if one not in gone]
                resizing(group)
        return answer

    autoscaling._ACTION_MAP["DeleteAutoScalingGroup"] = deleting
    ec2._ACTION_MAP["TerminateInstances"] = terminating


def follow(group: Raw) -> None:
    """Launch what the group has and EC2 has not, terminate what it has no longer."""
    from ministack.services import ec2

    template = _template(group)
    for one in group["Instances"]:
        if one["InstanceId"] not in ec2._instances:
            _launch(group, one, template)
            activities.note(group, f"Launching a new EC2 instance: {one['InstanceId']}", f"{_STARTED}{_DIFFERS}")
    kept = {one["InstanceId"] for one in group["Instances"]}
    for one in _of(group["AutoScalingGroupName"]):
        if one["InstanceId"] not in kept and _lives(one["InstanceId"]):
            _end(one)
            activities.note(group, f"Terminating EC2 instance: {one['InstanceId']}", f"{_TAKEN}{_DIFFERS}")


def version(group: Raw) -> str:
    """The number of the template's version that the group launches now; '' without a template."""
    found = _template(group)
    return str(found["VersionNumber"]) if found else ""


def _launch(group: Raw, one: Raw, template: Raw | None) -> None:
    from ministack.services import ec2

    ec2._ensure_defaults_initialized()
    data = template["LaunchTemplateData"] if template else {}
    [made] = ec2._launch_instances_internal(
        image_id=data.get("ImageId", "ami-00000000"), instance_type=data.get("InstanceType", "t2.micro"),
        subnet_id=ec2._DEFAULT_SUBNET_ID, count=1, key_name=data.get("KeyName", ""),
        user_data=data.get("UserData", ""), sg_ids=data.get("SecurityGroupIds"),
    )  # fmt: skip
    one["InstanceId"] = made["InstanceId"]
    made["Placement"]["AvailabilityZone"] = one["AvailabilityZone"]
    tags = {_GROUP: group["AutoScalingGroupName"]}
    for spec in data.get("TagSpecifications", []):
        if spec.get("ResourceType") == "instance":
            tags |= {tag["Key"]: tag["Value"] for tag in spec.get("Tags", [])}
    tags |= {tag["Key"]: tag["Value"] for tag in group["Tags"] if tag.get("PropagateAtLaunch")}
    if template:
        number = str(template["VersionNumber"])
        one["LaunchTemplate"] = {**group["LaunchTemplate"], "Version": number}
        tags |= {"aws:ec2launchtemplate:id": template["LaunchTemplateId"], "aws:ec2launchtemplate:version": number}
    ec2._tags[made["InstanceId"]] = [{"Key": key, "Value": value} for key, value in tags.items()]


def _template(group: Raw) -> Raw | None:
    """The version of the group's template that it launches; the group then tells the template's id and name."""
    from ministack.services import ec2

    said = group.get("LaunchTemplate") or {}
    names = {said.get("LaunchTemplateId"), said.get("LaunchTemplateName")} - {None}
    for template in ec2._launch_templates.values():
        if names & {template["LaunchTemplateId"], template["LaunchTemplateName"]}:
            group["LaunchTemplate"] = {
                "LaunchTemplateId": template["LaunchTemplateId"],
                "LaunchTemplateName": template["LaunchTemplateName"],
                "Version": said.get("Version") or "$Default",
            }
            numbers = {"$Latest": template["LatestVersionNumber"], "$Default": template["DefaultVersionNumber"]}
            wanted = str(numbers.get(said.get("Version") or "$Default", said.get("Version")))
            return next((dict(one) for one in template["Versions"] if str(one["VersionNumber"]) == wanted), None)
    return None


def _of(group: str) -> list[Raw]:
    from ministack.services import ec2

    tag = {"Key": _GROUP, "Value": group}
    return [one for one in ec2._instances.values() if tag in ec2._tags.get(one["InstanceId"], [])]


def _lives(instance: str) -> bool:
    from ministack.services import ec2

    found = ec2._instances.get(instance)
    return found is not None and found["State"]["Name"] != "terminated"


def _end(one: Raw) -> None:
    from ministack.services import ec2

    if one["State"]["Name"] != "terminated":
        ec2._terminate_instances({"InstanceId.1": one["InstanceId"]})

"""AWS Batch of the embedded stack (contract 13): compute environment, queue, job definition, log group.

The jobs run as processes of this machine (academyctl.local.emulator.batch), so the definition's command is what counts.
"""

from __future__ import annotations

import json
from typing import Any

from academyctl.settings_model import Fleet
from academyctl.stores.aws import ClientFactory

ROLE = "academy-batch"
VCPUS = 2
TIMEOUT_S = 21600
IMAGE = "academy-video-worker:local"
COMMAND = ("academyctl", "worker", "run", "video", "--job", "Ref::job_id")


def create_batch(clients: ClientFactory, fleet: Fleet) -> None:
    """Make what is missing. Raises botocore's errors."""
    batch, logs = clients("batch"), clients("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=fleet.batch_log_group)["logGroups"]:
        logs.create_log_group(logGroupName=fleet.batch_log_group)
    if not batch.describe_compute_environments(computeEnvironments=[fleet.batch_compute])["computeEnvironments"]:
        batch.create_compute_environment(
            computeEnvironmentName=fleet.batch_compute, type="MANAGED", state="ENABLED", serviceRole=_role(clients),
            computeResources={"type": "FARGATE_SPOT", "maxvCpus": VCPUS, **_network(clients)},
        )  # fmt: skip
    if not batch.describe_job_queues(jobQueues=[fleet.batch_queue])["jobQueues"]:
        order = [{"order": 1, "computeEnvironment": fleet.batch_compute}]
        batch.create_job_queue(
            jobQueueName=fleet.batch_queue, state="ENABLED", priority=1, computeEnvironmentOrder=order
        )
    if not batch.describe_job_definitions(jobDefinitionName=fleet.batch_job, status="ACTIVE")["jobDefinitions"]:
        batch.register_job_definition(**definition(fleet.batch_job, fleet.batch_log_group))


def _role(clients: ClientFactory) -> str:
    """The service role of Batch; its ARN."""
    trusted = {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = clients("iam")
    if ROLE not in {one["RoleName"] for one in iam.list_roles()["Roles"]}:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy)
    return str(iam.get_role(RoleName=ROLE)["Role"]["Arn"])


def _network(clients: ClientFactory) -> dict[str, list[str]]:
    """The default VPC's, as both emulators have one."""
    subnets = clients("ec2").describe_subnets()["Subnets"]
    groups = clients("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [subnets[0]["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    return {"subnets": [subnets[0]["SubnetId"]], "securityGroupIds": [groups[0]["GroupId"]]}


def definition(name: str, log_group: str, **container: Any) -> dict[str, Any]:
    """RegisterJobDefinition's parameters for video jobs; `container` adds to or replaces the container's."""
    options = {"awslogs-group": log_group, "awslogs-stream-prefix": "batch"}
    return {
        "jobDefinitionName": name,
        "type": "container",
        "retryStrategy": {"attempts": 1},
        "timeout": {"attemptDurationSeconds": TIMEOUT_S},
        "containerProperties": {
            "image": IMAGE,
            "command": list(COMMAND),
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            **container,
        },
    }

"""The templates make real stacks: on ministack, and where it lacks a service (Batch) on moto."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.local import environment
from academyctl.local.stack import LocalStack
from academyctl.ops import alarms, lambda_specs, queues
from academyctl.ops.package import HANDLER, RUNTIME, package
from academyctl.settings import Settings, load
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from academyctl.stores.batch import STATUSES
from tests.conftest import Emulator, eventually
from tests.deploy.templates import deployed, resources, template


@dataclass(frozen=True)
class Made:
    """A platform of a test's own, made of the templates alone; `settings` have its names."""

    settings: Settings
    stores: Stores
    clients: ClientFactory


def names(prefix: str) -> dict[str, str]:
    """The platform's variables with this prefix before every name."""
    return {
        "VIDEO_SQS_QUEUE_NAME": f"{prefix}-video-jobs",
        "MESSAGING_SQS_QUEUE_NAME": f"{prefix}-messaging-jobs",
        "AI_SQS_QUEUE_NAME_LITE": f"{prefix}-ai-jobs-lite",
        "AI_SQS_QUEUE_NAME_BASIC": f"{prefix}-ai-jobs-basic",
        "AI_SQS_QUEUE_NAME_PREMIUM": f"{prefix}-ai-jobs-premium",
        "VIDEO_WORKER_ASG_NAME": f"{prefix}-video-worker-asg",
        "ACADEMYCTL_DEPTH_LAMBDA": f"{prefix}-depth",
        "ACADEMYCTL_DEPTH_RULE": f"{prefix}-depth-rate",
        "ACADEMYCTL_AUTOSCALE_LAMBDA": f"{prefix}-autoscale",
        "ACADEMYCTL_AUTOSCALE_RULE": f"{prefix}-autoscale-rate",
        "ACADEMYCTL_BATCH_LAMBDA": f"{prefix}-to-batch",
        "ACADEMYCTL_LAMBDA_ROLE": f"{prefix}-lambda",
        "ANALYSIS_SQS_QUEUE_NAME": f"{prefix}-pipe-uploads",
        "ANALYSIS_LAMBDA": f"{prefix}-pipe-to-batch",
        "BATCH_JOB_QUEUE": f"{prefix}-pipe-queue",
        "BATCH_JOB_DEFINITION": f"{prefix}-pipe-job",
        "S3_BUCKET_RAW": f"{prefix}-raw",
    }


@pytest.fixture(scope="module")
def made(stack: LocalStack) -> Iterator[Made]:
    prefix = f"d{uuid.uuid4().hex[:8]}"
    named = names(prefix)
    settings = load({**stack.env(), **named}).settings
    stores = Stores(settings)
    clients = stores.aws_clients()
    with ExitStack() as stacks:
        stacks.callback(stores.close)
        stacks.callback(remove_what_is_kept, clients, prefix)
        code = code_bucket(clients, f"{prefix}-code")
        clients("ssm").put_parameter(Name=f"/{prefix}/ami", Value="ami-12c6146b", Type="String")
        for name, parameters in stack_parameters(prefix, named, code, network(clients)).items():
            stacks.enter_context(deployed(clients, f"{prefix}-{name.partition('.')[0]}", name, **parameters))
        yield Made(settings, stores, clients)


def stack_parameters(
    prefix: str, named: Mapping[str, str], code: str, network: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Template -> its parameters, in the order of deploy/README.md."""
    video, group = named["VIDEO_SQS_QUEUE_NAME"], named["VIDEO_WORKER_ASG_NAME"]
    analysis = {"RawBucket": named["S3_BUCKET_RAW"]}
    return {
        "queues.yaml": {
            "VideoQueue": video,
            "MessagingQueue": named["MESSAGING_SQS_QUEUE_NAME"],
            "AiLiteQueue": named["AI_SQS_QUEUE_NAME_LITE"],
            "AiBasicQueue": named["AI_SQS_QUEUE_NAME_BASIC"],
            "AiPremiumQueue": named["AI_SQS_QUEUE_NAME_PREMIUM"],
            "AlarmTopic": f"arn:aws:sns:{environment.REGION}:000000000000:{prefix}",
        },
        "images.yaml": {
            f"{kind}Image": f"{prefix}-{kind.lower()}" for kind in ("Video", "Ai", "Messaging", "Analysis")
        },
        "iam.yaml": {
            "Prefix": prefix,
            "AnalysisPrefix": f"{prefix}-pipe",
            "VideoQueue": video,
            "VideoGroup": group,
            "LambdaRole": f"{prefix}-lambda",
            **analysis,
        },
        "lambdas.yaml": {
            "CodeBucket": code,
            "AutoscaleKey": "academyctl/worker_autoscale.zip",
            "BatchKey": "academyctl/sqs_to_batch.zip",
            "LambdaRole": f"{prefix}-lambda",
            "BatchRole": f"{prefix}-lambda-batch",
            "DepthFunction": named["ACADEMYCTL_DEPTH_LAMBDA"],
            "DepthRule": named["ACADEMYCTL_DEPTH_RULE"],
            "AutoscaleFunction": named["ACADEMYCTL_AUTOSCALE_LAMBDA"],
            "AutoscaleRule": named["ACADEMYCTL_AUTOSCALE_RULE"],
            "BatchFunction": named["ACADEMYCTL_BATCH_LAMBDA"],
            "VideoQueue": video,
            "MessagingQueue": named["MESSAGING_SQS_QUEUE_NAME"],
            "AiLiteQueue": named["AI_SQS_QUEUE_NAME_LITE"],
            "AiBasicQueue": named["AI_SQS_QUEUE_NAME_BASIC"],
            "VideoGroup": group,
        },
        "workers.yaml": {"Group": group, "Image": "image:1", "Ami": f"/{prefix}/ami", **network},
        "analysis.yaml": {
            "CodeBucket": code,
            "Queue": named["ANALYSIS_SQS_QUEUE_NAME"],
            "Function": named["ANALYSIS_LAMBDA"],
            "FunctionRole": f"{prefix}-pipe-lambda",
            "BatchQueue": named["BATCH_JOB_QUEUE"],
            "BatchJob": named["BATCH_JOB_DEFINITION"],
            **analysis,
        },
    }


def code_bucket(clients: ClientFactory, name: str) -> str:
    s3 = clients("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": environment.REGION})
    for handler in ("queue_depth", "worker_autoscale", "sqs_to_batch"):
        s3.put_object(Bucket=name, Key=f"academyctl/{handler}.zip", Body=package(handler))
    return name


def network(clients: ClientFactory) -> dict[str, str]:
    ec2 = clients("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups()["SecurityGroups"][0]
    return {"Subnets": subnet["SubnetId"], "SecurityGroups": group["GroupId"]}


def remove_what_is_kept(clients: ClientFactory, prefix: str) -> None:
    for url in clients("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", []):
        clients("sqs").delete_queue(QueueUrl=url)
    for one in clients("ecr").describe_repositories()["repositories"]:
        if one["repositoryName"].startswith(prefix):
            clients("ecr").delete_repository(repositoryName=one["repositoryName"], force=True)
    for bucket in clients("s3").list_buckets()["Buckets"]:
        if bucket["Name"].startswith(prefix):
            for one in clients("s3").list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
                clients("s3").delete_object(Bucket=bucket["Name"], Key=one["Key"])
            clients("s3").delete_bucket(Bucket=bucket["Name"])


def test_a_message_outlives_the_stack_of_its_queue(stack: LocalStack) -> None:
    prefix = f"d{uuid.uuid4().hex[:8]}"
    stores = Stores(load(stack.env()).settings)
    parameters = stack_parameters(prefix, names(prefix), "", {})["queues.yaml"]
    with deployed(stores.aws_clients(), f"{prefix}-queues", "queues.yaml", **parameters):
        stores.sqs.send(f"{prefix}-video-jobs", "{}")
    assert stores.sqs.attributes(f"{prefix}-video-jobs").visible == 1
    remove_what_is_kept(stores.aws_clients(), prefix)
    stores.close()


def test_queue_tune_has_nothing_to_do_on_the_stacks_queues(made: Made) -> None:
    specs = (*queues.queue_specs(made.settings.queues), queues.analysis_spec(made.settings))
    seen = queues.look(made.stores.queue_admin, specs)
    assert [queues.drift(one) | queues.dlq_drift(one) for one in seen if one.queue and one.dlq] == [{}] * 6


def test_alarm_apply_has_nothing_to_do_on_the_stacks_alarms(made: Made) -> None:
    specs = alarms.alarm_specs((*queues.queue_specs(made.settings.queues), queues.analysis_spec(made.settings)))
    raws = made.stores.alarms.raw([spec.name for spec in specs])
    assert [alarms.drift(spec, raws[spec.name]) for spec in specs] == [{}] * 12
    assert [len(raws[spec.name]["AlarmActions"]) for spec in specs] == [1] * 10 + [0] * 2


@pytest.mark.parametrize("word", lambda_specs.WORDS)
def test_a_function_is_what_lambda_deploy_would_make(made: Made, word: str) -> None:
    spec = lambda_specs.spec(made.settings, word)
    seen = made.stores.functions.raw(spec.name)
    assert seen is not None
    assert (seen["Timeout"], seen["MemorySize"]) == (spec.timeout, spec.memory)
    assert (seen["Runtime"], seen["Handler"]) == (RUNTIME, HANDLER)
    has = seen["Environment"]["Variables"]
    assert {name: has.get(name) for name in spec.variables} == dict(spec.variables)
    assert set(spec.defaults) <= set(has)


def test_a_function_that_must_not_run_twice_at_once_is_limited_to_one() -> None:
    # The emulator's CloudFormation does not carry this property over.
    settings = load({}).settings
    limited = {spec.name for word in lambda_specs.WORDS if (spec := lambda_specs.spec(settings, word)).reserved}
    named = {word: one.get("Default") for word, one in template("lambdas.yaml")["Parameters"].items()}
    functions = dict(resources("lambdas.yaml", "AWS::Lambda::Function")).values()
    assert {named[one["FunctionName"]["Ref"]] for one in functions if "ReservedConcurrentExecutions" in one} == limited


def test_the_depth_function_runs_with_its_roles_permissions_alone(made: Made) -> None:
    """The emulator checks the role's policy: the function reads, sizes and publishes, and nothing is refused."""
    # It does not tell its policies a metric's namespace, so that none with a condition on it applies.
    allow(made, made.settings.fleet.lambda_role, "cloudwatch:PutMetricData")
    # The other function would take what is to be counted.
    functions = made.clients("lambda")
    [feed] = functions.list_event_source_mappings(FunctionName=made.settings.fleet.batch_lambda)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=feed["UUID"], Enabled=False)
    made.stores.sqs.send(made.settings.queues.video, "{}")
    made.stores.sqs.send(made.settings.queues.video, "{}")
    answer = functions.invoke(FunctionName=made.settings.fleet.depth_lambda)
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    assert said["video_queue_depth_total"] == 2
    assert said["groups"]["video"]["desired"] == 2
    group = made.settings.fleet.video_asg
    assert made.stores.fleet.groups([group])[group].desired == 2


def allow(made: Made, role: str, action: str) -> None:
    """What the role's own policy allows under a condition, or for a resource, that the emulator does not know."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    made.clients("iam").put_role_policy(RoleName=role, PolicyName="gap", PolicyDocument=json.dumps(document))


def test_an_upload_becomes_a_batch_job(made: Made) -> None:
    """The bucket tells the queue, the queue the function, and its role lets it submit: all as the stacks made it."""
    analysis, clients, batch = made.settings.analysis, made.clients, made.clients("batch")
    # It knows no Batch queue when it asks a policy, so that none for certain queues applies.
    allow(made, f"{analysis.function.removesuffix('-to-batch')}-lambda", "batch:SubmitJob")
    order = [{"order": 1, "computeEnvironment": made.settings.fleet.batch_compute}]
    batch.create_job_queue(
        jobQueueName=analysis.batch_queue, state="ENABLED", priority=1, computeEnvironmentOrder=order
    )
    wants = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    container = {"image": "image:1", "command": [sys.executable, "-c", "pass"], "resourceRequirements": wants}
    batch.register_job_definition(jobDefinitionName=analysis.batch_job, type="container", containerProperties=container)
    clients("s3").put_object(Bucket=analysis.raw_bucket, Key="other/강의.mp4", Body=b"")
    clients("s3").put_object(Bucket=analysis.raw_bucket, Key="videos/강의 1+1.mp4", Body=b"")

    def submitted() -> list[Any]:
        every = [batch.list_jobs(jobQueue=analysis.batch_queue, jobStatus=one) for one in STATUSES]
        # One that goes on between two calls stands in both answers.
        return list({job["jobId"]: job for page in every for job in page["jobSummaryList"]}.values())

    [job] = eventually(submitted, 30)
    [told] = batch.describe_jobs(jobs=[job["jobId"]])["jobs"]
    variables = {one["name"]: one["value"] for one in told["container"]["environment"]}
    assert (variables["S3_BUCKET"], variables["S3_KEY"]) == (analysis.raw_bucket, "videos/강의 1+1.mp4")


def test_a_rule_runs_the_depth_function_each_minute(made: Made) -> None:
    rule = made.clients("events").describe_rule(Name=made.settings.fleet.depth_rule)
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    [target] = made.clients("events").list_targets_by_rule(Rule=made.settings.fleet.depth_rule)["Targets"]
    assert target["Arn"].rpartition(":")[2] == made.settings.fleet.depth_lambda


def test_the_video_batch_side_comes_up_valid(moto_emulator: Emulator) -> None:
    unique, clients = uuid.uuid4().hex[:8], moto_emulator.clients
    clients("iam").create_instance_profile(InstanceProfileName=unique)
    job = batch_side(clients, "batch.yaml", unique, JobQueue=unique, JobDefinition=unique, InstanceProfile=unique)
    assert job["command"] == [
        "academyctl", "worker", "run", "video", "--env-from-ssm", "/academy/workers/env", "--job", "Ref::job_id",
    ]  # fmt: skip


def test_the_analysis_batch_side_comes_up_valid(moto_emulator: Emulator) -> None:
    unique, endpoint = uuid.uuid4().hex[:8], "http://analysis:8087"
    names = {"BatchQueue": unique, "BatchJob": unique, "Endpoint": endpoint}
    job = batch_side(moto_emulator.clients, "analysis-batch.yaml", unique, **names)
    assert job["command"] == ["academyctl", "worker", "run", "analysis", "--once"]
    assert {"name": "FASTAPI_ENDPOINT", "value": endpoint} in job["environment"]


def batch_side(clients: ClientFactory, name: str, unique: str, **parameters: str) -> dict[str, Any]:
    """The container of the job definition that the template made, with a queue that takes jobs."""
    trust, batch = json.dumps({"Version": "2012-10-17", "Statement": []}), clients("batch")
    # moto wants the service role to be said, and to be there.
    role = clients("iam").create_role(RoleName=unique, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    common = {"ComputeEnvironment": unique, "LogGroup": f"/aws/batch/{unique}", "Image": "image:1", "ServiceRole": role}
    with deployed(clients, f"batch-{unique}", name, **common, **network(clients), **parameters):
        [queue] = batch.describe_job_queues(jobQueues=[unique])["jobQueues"]
        assert (queue["status"], queue["state"]) == ("VALID", "ENABLED")
        assert clients("logs").describe_log_groups(logGroupNamePrefix=f"/aws/batch/{unique}")["logGroups"]
        [job] = batch.describe_job_definitions(jobDefinitionName=unique, status="ACTIVE")["jobDefinitions"]
        container: dict[str, Any] = job["containerProperties"]
    return container

"""Guide 004 end to end: upload -> event -> queue -> worker, or Lambda -> Batch job -> service -> rows with vectors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from academyctl.ops import package
from academyctl.settings import load
from academyctl.stores import Stores
from tests.analysis.pipeline import Pipeline, pipeline
from tests.analysis_service import FRAMES, TABLES, AnalysisService, embedding
from tests.cli.tool import Ended, academyctl
from tests.conftest import eventually
from tests.databases import Databases
from workers._options import RunOptions

KEY = "videos/강의 1+1.mp4"
SECONDS = 25


@pytest.fixture(scope="module")
def database(stack: LocalStack, databases: Databases) -> Iterator[dict[str, str]]:
    name = databases.take()
    yield {**stack.env(), "DB_NAME": name, "ACADEMYCTL_LOCAL_DIR": str(stack.folder)}
    databases.give_back(name)


@pytest.fixture(scope="module")
def service(database: dict[str, str]) -> Iterator[AnalysisService]:
    """The sample service over the database of these tests, reading uploads from S3 as the real one does."""
    stores = Stores(load(database).settings)

    def run(sql: Any, args: tuple[Any, ...]) -> list[Mapping[str, Any]]:
        with stores.db.tx() as cursor:
            cursor.execute(sql, args)
            return list(cursor.fetchall()) if cursor.description else []

    def read(bucket: str, key: str) -> bytes:
        return bytes(stores.fleet_clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    run(TABLES, ())
    yield AnalysisService(read, run)
    stores.close()


@pytest.fixture(scope="module")
def pipe(
    database: dict[str, str], service: AnalysisService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    with pipeline(database, tmp_path_factory.mktemp("analysis"), service) as made:
        yield made


def nearest(pipe: Pipeline, content: bytes) -> tuple[str, float]:
    """The key whose frame is nearest to this content's first frame, and how far it is: pgvector's own answer."""
    rows = pipe.service.run(
        "SELECT s3_key, embedding <-> %s::vector AS far FROM frame_embeddings f JOIN video_analysis v "
        "ON v.id = f.video_id ORDER BY far LIMIT 1",
        (json.dumps(embedding(content, 0)),),
    )
    return rows[0]["s3_key"], round(rows[0]["far"], 6)


def frames(pipe: Pipeline, key: str) -> int:
    rows = pipe.service.run(
        "SELECT count(*) AS n FROM frame_embeddings f JOIN video_analysis v ON v.id = f.video_id "
        "WHERE v.s3_bucket = %s AND v.s3_key = %s", (pipe.bucket, key),
    )  # fmt: skip
    return int(rows[0]["n"])


def test_a_worker_makes_an_upload_a_row_with_vectors_and_deletes_its_message(pipe: Pipeline) -> None:
    pipe.upload(KEY, b"a lecture")
    pipe.upload("videos/2.mp4", b"another lecture")
    pipe.upload("not-a-video.txt", b"outside of the notification's prefix")
    assert pipe.run(RunOptions(drain=True, wait_s=1, grace_s=1, health_file=pipe.folder / "h")) == 0
    assert (frames(pipe, KEY), pipe.asked(KEY), pipe.left()) == (FRAMES, 1, (0, 0))
    assert nearest(pipe, b"a lecture") == (KEY, 0)
    assert {one["s3_key"]: one["state"] for one in pipe.results()} == {KEY: "done", "videos/2.mp4": "done"}


@dataclass(frozen=True)
class Batch:
    """What guide 004's Terraform makes behind the queue."""

    pipe: Pipeline
    name: str

    @property
    def env(self) -> dict[str, str]:
        """The settings of an operator who looks at it."""
        named = {"BATCH_JOB_QUEUE": self.name, "BATCH_JOB_DEFINITION": self.name, "ANALYSIS_LAMBDA": self.name}
        return {**self.pipe.env, **named, "ANALYSIS_BATCH_LOG_GROUP": f"/aws/batch/{self.name}"}

    def run(self, *words: str) -> Ended:
        return academyctl(*words, folder=self.pipe.folder, env=self.env)

    def jobs(self, status: str) -> list[dict[str, Any]]:
        found = self.pipe.clients("batch").list_jobs(jobQueue=self.name, jobStatus=status)["jobSummaryList"]
        return list(found)


@pytest.fixture(scope="module")
def batch(
    database: dict[str, str], service: AnalysisService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Batch]:
    with pipeline(database, tmp_path_factory.mktemp("batch"), service) as made:
        whole = Batch(made, f"capstone-{uuid.uuid4().hex[:8]}")
        undo = build(whole)
        try:
            yield whole
        finally:
            undo()


def build(batch: Batch) -> Callable[[], None]:
    """Compute environment, job queue, job definition, function, event source mapping; what takes it away again."""
    name, pipe, clients = batch.name, batch.pipe, batch.pipe.clients
    clients("logs").create_log_group(logGroupName=f"/aws/batch/{name}")
    clients("batch").create_compute_environment(
        computeEnvironmentName=name, type="MANAGED", state="ENABLED",
        computeResources={"type": "FARGATE", "maxvCpus": 2, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
    )  # fmt: skip
    order = [{"order": 1, "computeEnvironment": name}]
    clients("batch").create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    told = {key: pipe.env[key] for key in ("FASTAPI_ENDPOINT", "ANALYSIS_SQS_QUEUE_NAME", "S3_BUCKET_RAW")}
    clients("batch").register_job_definition(
        jobDefinitionName=name, type="container", timeout={"attemptDurationSeconds": 1800},
        retryStrategy={"attempts": 3, "evaluateOnExit": [
            {"onExitCode": code, "action": "EXIT"} for code in "023"] + [{"onReason": "*", "action": "RETRY"}]},
        containerProperties={
            "image": "capstone-batch-processor:latest", "command": ["academyctl", "worker", "run", "analysis"],
            "environment": [{"name": key, "value": value} for key, value in told.items()],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": f"/aws/batch/{name}"}},
        },
    )  # fmt: skip
    clients("lambda").create_function(
        FunctionName=name, Runtime=package.RUNTIME, Handler=package.HANDLER, Timeout=60, MemorySize=256,
        Role=role(batch), Code={"ZipFile": package.package("sqs_to_batch")},
        Environment={"Variables": {"BATCH_JOB_QUEUE": name, "BATCH_JOB_DEFINITION": name, "ENVIRONMENT": "dev"}},
    )  # fmt: skip
    eventually(lambda: clients("lambda").get_function_configuration(FunctionName=name).get("State") == "Active")
    mapping = clients("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=pipe.stores.sqs.attributes(pipe.queue).arn, BatchSize=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )["UUID"]  # fmt: skip

    def undo() -> None:
        clients("lambda").delete_event_source_mapping(UUID=mapping)
        clients("lambda").delete_function(FunctionName=name)

    return undo


def role(batch: Batch) -> str:
    """The function's role, with the rights that guide 004's lacks (batch:ListJobs)."""
    iam = batch.pipe.clients("iam")
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    arn = str(iam.create_role(RoleName=batch.name, AssumeRolePolicyDocument=document)["Role"]["Arn"])
    allowed = {"Effect": "Allow", "Action": ["sqs:*", "batch:*", "logs:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=batch.name, PolicyName="all", PolicyDocument=document)
    return arn


def test_lambda_and_batch_make_an_upload_a_row_with_vectors_and_the_message_is_gone(batch: Batch) -> None:
    batch.pipe.upload(KEY, b"a third lecture")
    ended = eventually(lambda: batch.jobs("SUCCEEDED") or batch.jobs("FAILED"), timeout=SECONDS)
    assert [one["status"] for one in ended] == ["SUCCEEDED"]
    assert (frames(batch.pipe, KEY), batch.pipe.asked(KEY)) == (FRAMES, 1)
    assert nearest(batch.pipe, b"a third lecture") == (KEY, 0)
    eventually(lambda: batch.pipe.left() == (0, 0))


def test_what_the_service_refuses_is_a_dead_letter_rings_and_is_analysed_when_it_is_sent_back(batch: Batch) -> None:
    pipe, key = batch.pipe, "videos/refused 1+1.mp4"
    topic = pipe.clients("sns").create_topic(Name=batch.name)["TopicArn"]
    assert batch.run("alarm", "apply", "analysis", "--action", topic, "--apply").code == 0
    pipe.service.next_time(key, lambda asked: asked.answer(422, {"detail": "no video stream"}))
    pipe.upload(key, b"a fourth lecture")
    failed = eventually(lambda: batch.jobs("FAILED"), timeout=SECONDS)
    assert [one["container"]["exitCode"] for one in failed] == [2]
    assert (pipe.asked(key), frames(pipe, key), pipe.left()) == (1, 0, (0, 1))
    assert "422 (no video stream)" in batch.run("queue", "peek", "analysis", "--dlq").out
    # SQS tells CloudWatch by itself; the emulator is told for it.
    depth = {"MetricName": "ApproximateNumberOfMessagesVisible", "Value": pipe.left()[1],
             "Dimensions": [{"Name": "QueueName", "Value": pipe.dlq}]}  # fmt: skip
    pipe.clients("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[depth])
    ringing = pipe.clients("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert [one["AlarmActions"] for one in ringing if one["AlarmName"] == f"{pipe.dlq}-messages"] == [[topic]]
    sent = batch.run("queue", "redrive", "analysis", "--apply")
    assert sent.code == 0, sent.out + sent.err
    eventually(lambda: frames(pipe, key) == FRAMES, timeout=SECONDS)
    eventually(lambda: pipe.left() == (0, 0))
    assert pipe.asked(key) == 2


def test_a_diagnosis_finds_the_pipeline_whole_and_each_broken_link(batch: Batch) -> None:
    clients = batch.pipe.clients
    whole = found(batch)
    assert {one["code"]: one["state"] for one in whole if one["state"] != "ok"} == {}
    clients("sqs").set_queue_attributes(QueueUrl=batch.pipe.stores.sqs.url(batch.pipe.queue), Attributes={"Policy": ""})
    clients("iam").delete_role_policy(RoleName=batch.name, PolicyName="all")
    clients("batch").update_job_queue(jobQueue=batch.name, state="DISABLED")
    broken = {one["code"] for one in found(batch) if one["state"] == "fail"}
    assert broken == {"pipeline.policy-shut", "pipeline.right-missing", "pipeline.batch-off"}


def found(batch: Batch) -> list[dict[str, Any]]:
    ended = batch.run("diagnose", "pipeline", "--output", "json")
    return list(json.loads(ended.out)["findings"])

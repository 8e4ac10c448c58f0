"""A question of the guides to the AWS CLI, and ours, on the same account: the answers say the same."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually, make_video
from tests.guides.conftest import Account, Both

QUEUE = "academy-video-jobs"
GROUP = "academy-video-worker-asg"
FUNCTION = "academy-worker-queue-depth-metric"


@pytest.mark.parametrize(
    ("guide", "number", "role", "name"),
    [
        ("000", 0, "api", "academy-api"),
        ("000", 1, "video", "academy-video-worker"),
        ("000", 2, "ai", "academy-ai-worker-cpu"),
        ("001", 0, "video", "academy-video-worker"),
    ],
)
def test_the_same_hosts_with_the_same_addresses(both: Both, guide: str, number: int, role: str, name: str) -> None:
    theirs = both.guide(guide, "aws ec2 describe-instances", number)
    ours = both.ours(f"host list --role {role}")["hosts"]
    told = {
        ("000", 0): [[one["name"], one["public_ip"]] for one in ours],
        ("000", 1): [one["public_ip"] for one in ours],
        ("000", 2): [one["public_ip"] for one in ours],
        ("001", 0): [[one["id"], one["state"]] for one in ours],
    }[guide, number]
    assert theirs
    assert sorted(told) == sorted(theirs)
    assert {one["name"] for one in ours} == {name}


def test_the_same_queues_answer(both: Both) -> None:
    """The script asks for two queues' addresses; so does the AWS CLI here, and a missing one is missing for all."""
    for queue in (QUEUE, "academy-ai-jobs-basic"):
        assert both.aws(f"aws sqs get-queue-url --queue-name {queue}")["QueueUrl"].endswith(queue)
    assert both.ours("diagnose sqs")["state"] in ("ok", "warn")
    script = both.cli("diagnose", "sqs", "--compat")
    assert script.code == 0
    assert script.out.count("get_queue_url: OK") == 2
    both.cli.set(VIDEO_SQS_QUEUE_NAME="no-such-queue")
    with pytest.raises(AssertionError):
        both.aws("aws sqs get-queue-url --queue-name no-such-queue")
    found = both.ours("diagnose sqs", codes=(1,))["findings"]
    assert "no-such-queue" in [one["subject"] for one in found if one["state"] == "fail"]
    assert both.cli("diagnose", "sqs", "--compat").code == 1


def test_the_same_sizes(both: Both) -> None:
    [ours] = both.ours("asg show video")["groups"]
    theirs = both.guide("001", "aws autoscaling describe-auto-scaling-groups")
    sizes = {"Min": ours["min"], "Desired": ours["desired"], "Max": ours["max"]}
    assert {**sizes, "Instances": len(ours["instances"])} == theirs
    assert both.guide("003", "aws autoscaling describe-auto-scaling-groups") == sizes


def test_the_same_function(both: Both) -> None:
    theirs = both.guide("001", "aws lambda get-function")["Configuration"]
    ours = both.ours("lambda show depth")
    assert ours["name"] == theirs["FunctionName"]
    assert ours["code_sha256"] == theirs["CodeSha256"]
    assert (ours["timeout_s"], ours["memory_mb"]) == (theirs["Timeout"], theirs["MemorySize"])
    assert (ours["role"], ours["handler"], ours["state"]) == (theirs["Role"], theirs["Handler"], theirs["State"])
    assert ours["variables"] == theirs["Environment"]["Variables"]


def test_the_same_rule(both: Both) -> None:
    [theirs] = both.guide("001", "aws events list-rules")
    ours = both.ours("rule show depth")["rule"]
    assert (ours["name"], ours["state"]) == (theirs["Name"], theirs["State"])
    assert (ours["schedule"], ours["arn"]) == (theirs["ScheduleExpression"], theirs["Arn"])


def test_the_same_lines_of_the_functions_log(both: Both) -> None:
    both.ours("lambda invoke depth --apply")
    told = eventually(lambda: events(both, f"/aws/lambda/{FUNCTION}"))
    ours = [one["text"] for one in both.ours("lambda logs depth --lines 1000")["lines"]]
    assert any(line.startswith("queue_depth_metric | ai visible=") for line in told)
    assert ours == told


def events(both: Both, group: str) -> list[str]:
    """The lines of a log group, as the AWS CLI tells them."""
    found = both.aws(f"aws logs filter-log-events --log-group-name {group}")["events"]
    return [one["message"].rstrip() for one in found]


def test_the_same_counts(both: Both) -> None:
    url = both.guide("003", "aws sqs get-queue-url")
    both.clients("sqs").send_message(QueueUrl=url, MessageBody="{}")
    try:
        told = both.guide("003", "aws sqs get-queue-attributes", fill={"<QueueUrl>": url})["Attributes"]
        ours = both.ours("queue show video")["queues"][0]["queue"]
        assert (ours["url"], str(ours["visible"])) == (url, told["ApproximateNumberOfMessages"])
        assert str(ours["in_flight"]) == told["ApproximateNumberOfMessagesNotVisible"] == "0"
        assert ours["visible"] == 1
    finally:
        both.clients("sqs").purge_queue(QueueUrl=url)
    analysis(both)
    url = both.aws("aws sqs get-queue-url --queue-name capstone-dev-video-processing")["QueueUrl"]
    theirs = "https://sqs.ap-northeast-2.amazonaws.com/.../capstone-dev-video-processing"
    told = both.guide("004", "aws sqs get-queue-attributes", fill={theirs: url})["Attributes"]
    ours = both.ours("queue show analysis")["queues"][0]["queue"]
    for name, attribute in {
        "arn": "QueueArn",
        "visibility_s": "VisibilityTimeout",
        "retention_s": "MessageRetentionPeriod",
        "wait_s": "ReceiveMessageWaitTimeSeconds",
        "visible": "ApproximateNumberOfMessages",
    }.items():
        assert str(ours[name]) == told[attribute]
    assert ours["max_receive"] == int(json.loads(told["RedrivePolicy"])["maxReceiveCount"])


def analysis(both: Both) -> None:
    both.ours("queue create analysis --apply")


def test_the_same_answer_of_the_function(both: Both) -> None:
    both.guide("003", "aws lambda invoke")
    theirs = json.loads(Path("response.json").read_text(encoding="utf-8"))
    assert "video_queue_depth_total" in theirs
    assert both.ours("lambda invoke depth --apply")["answer"] == theirs


def test_the_same_activities(both: Both) -> None:
    both.ours("asg set video --desired 2 --apply")
    both.ours("asg set video --desired 1 --apply")
    theirs = both.guide("003", "aws autoscaling describe-scaling-activities")["Activities"]
    ours = both.ours("asg activities video --limit 10")["activities"]
    assert len(theirs) >= 2
    told = [(one["Description"], one["Cause"], one["StatusCode"]) for one in theirs]
    assert [(one["what"], one["why"], one["status"]) for one in ours] == told


def test_the_same_images(both: Both) -> None:
    both.aws("aws ecr create-repository --repository-name academy-video-worker")
    both.aws("aws ecr create-repository --repository-name capstone-dev-batch-processor")
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": f"sha256:{'0' * 64}"}, "layers": []})
    for name in ("academy-video-worker", "capstone-dev-batch-processor"):
        both.clients("ecr").put_image(repositoryName=name, imageManifest=manifest, imageTag="latest")
    [image] = both.guide("004", "aws ecr describe-images")["imageDetails"]
    [same] = both.aws("aws ecr describe-images --repository-name academy-video-worker")["imageDetails"]
    [ours] = [one for one in both.ours("ecr check", codes=(0, 1))["images"] if one["who"] == "video"]
    assert (ours["digest"], ours["tags"]) == (same["imageDigest"], same["imageTags"])
    assert image["imageDigest"] == same["imageDigest"]


def test_the_same_lines_of_a_log_group(both: Both) -> None:
    group, stream = "/aws/batch/capstone-video-processor", "processor/1"
    both.aws(f"aws logs create-log-group --log-group-name {group}")
    both.aws(f"aws logs create-log-stream --log-group-name {group} --log-stream-name {stream}")
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + number, "message": f"line {number}"} for number in range(5)]
    both.clients("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=lines)
    told = both.aws(f"aws logs filter-log-events --log-group-name {group}")["events"]
    ours = both.ours(f"logs tail {group}")["lines"]
    assert [one["text"] for one in ours] == [one["message"] for one in told] == [one["message"] for one in lines]


def test_the_same_message_is_sent(both: Both) -> None:
    analysis(both)
    both.ours("queue send analysis --s3 capstone-dev-raw/videos/test123.mp4 --apply")
    url = both.aws("aws sqs get-queue-url --queue-name capstone-dev-video-processing")["QueueUrl"]
    [message] = both.aws(f"aws sqs receive-message --queue-url {url}")["Messages"]
    [record] = json.loads(message["Body"])["Records"]
    assert record["eventName"].startswith("ObjectCreated:")
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == ("capstone-dev-raw", "videos/test123.mp4")


@pytest.fixture(scope="module")
def batch(account: Account) -> dict[str, str]:
    """Guide 004's queue and definition as the settings' own, with a command that is over at once."""
    queue, definition = "capstone-dev-video-processing-queue", "capstone-dev-video-processor"
    client = account.clients("batch")
    order = [{"order": 1, "computeEnvironment": account.settings.fleet.batch_compute}]
    client.create_job_queue(jobQueueName=queue, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    resources = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    container = {"image": "image:1", "command": [sys.executable, "-c", "pass"], "resourceRequirements": resources}
    client.register_job_definition(jobDefinitionName=definition, type="container", containerProperties=container)
    return {"VIDEO_BATCH_JOB_QUEUE": queue, "VIDEO_BATCH_JOB_DEFINITION": definition}


def test_the_same_jobs(both: Both, batch: dict[str, str]) -> None:
    both.cli.set(**batch)
    made = both.guide("004", "aws batch submit-job", fill={"$(date +%s)": "1"})
    over = ended(both, made["jobId"])
    [ours] = [one for one in both.ours("batch list")["jobs"] if one["id"] == made["jobId"]]
    assert (ours["name"], ours["status"]) == (over["jobName"], over["status"]) == (made["jobName"], "SUCCEEDED")
    shown = both.ours(f"batch show {made['jobId']}")["batch_job"]
    assert (shown["id"], shown["status"], shown["exit_code"]) == (over["jobId"], over["status"], 0)
    queue = batch["VIDEO_BATCH_JOB_QUEUE"]
    listed = both.aws(f"aws batch list-jobs --job-queue {queue} --job-status SUCCEEDED")["jobSummaryList"]
    assert made["jobId"] in [one["jobId"] for one in listed]
    # Without a status AWS lists what runs, and this one is over.
    assert made["jobId"] not in [one["jobId"] for one in both.guide("004", "aws batch list-jobs")["jobSummaryList"]]


def test_the_same_job_is_submitted(both: Both, batch: dict[str, str], database: dict[str, str]) -> None:
    stores = Stores(load({**both.account.env, "DB_NAME": database["DB_NAME"]}).settings)
    video = make_video(stores).id
    stores.close()
    both.cli.set(**batch, DB_NAME=database["DB_NAME"])
    theirs = both.guide("004", "aws batch submit-job", fill={"$(date +%s)": "2"})
    both.ours(f"batch submit {video} --apply")
    [ours] = [one for one in both.ours("batch list")["jobs"] if one["video_id"] == video]
    jobs = [ended(both, one) for one in (theirs["jobId"], ours["id"])]
    assert jobs[0]["jobQueue"] == jobs[1]["jobQueue"]
    assert jobs[0]["jobDefinition"] == jobs[1]["jobDefinition"]
    assert jobs[1]["parameters"]["job_id"] == ours["job_id"]


def ended(both: Both, job: str) -> Any:
    """The job as guide 004's command tells it, once it is over."""

    def described() -> Any:
        [found] = both.guide("004", "aws batch describe-jobs", fill={"<job-id>": job})["jobs"]
        return found if found["status"] in ("SUCCEEDED", "FAILED") else None

    return eventually(described, 30)

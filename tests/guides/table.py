"""What takes the place of each command of the guides, and the test that tries it. `render()` is the README's table.

A row is for every command that begins so. `test` is a function of tests/guides/: it runs the guide's own
command with the AWS CLI, and ours, on the same stack, and compares what they say (or: what one changed, as the other
tells it). Where the AWS CLI has no say, `elsewhere` is the folder whose tests try our command.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.guides.commands import commands


class How(StrEnum):
    """How a row is covered."""

    compared = "compared"
    elsewhere = "tested"
    shell = "needless"
    later = "not there yet"


@dataclass(frozen=True)
class Row:
    """`begins`: how the guides' commands begin. `ours`: command lines; empty where none is needed, or none is there."""

    begins: tuple[str, ...]
    ours: tuple[str, ...]
    note: str
    how: How = How.compared
    test: str = ""
    elsewhere: str = ""


SHELL, LATER, ELSEWHERE = How.shell, How.later, How.elsewhere

ROWS = (
    Row(
        ("cd ", "exit", "echo ", "$Region =", "docker images"), (),
        "a shell's own steps; academyctl needs no folder, and no image's name", SHELL,
    ),
    Row(
        ("$env:AWS_", "$env:DJANGO", "export DJANGO", "set DJANGO"), ("academyctl config show",),
        "keys and region come from the same variables or a profile; config show says which is used",
        ELSEWHERE, elsewhere="tests/settings",
    ),
    Row(
        ("aws ec2 describe-instances",), ("academyctl host list --role video",),
        "the same machines, addresses and states", test="test_the_same_hosts_with_the_same_addresses",
    ),
    Row(("ssh ",), (), "logging in to a host; its address and state: academyctl host list", LATER),
    Row(
        ("docker exec academy-api ls",), (), "looks for the script, which academyctl does not need", SHELL,
    ),
    Row(
        ("docker exec -it academy-api python scripts/check_sqs", "docker exec academy-api python scripts/check_sqs",
         "docker exec academy-api env", "IMAGE=", "docker run --rm -v", "python3 scripts/check_sqs",
         "python scripts/check_sqs", "python scripts/..."),
        ("academyctl diagnose sqs", "academyctl diagnose sqs --compat"),
        "the same queues answer, or do not; the script's own lines with --compat, without its receive",
        test="test_the_same_queues_answer",
    ),
    Row(
        ("python scripts/create_sqs_resources.py", "python scripts/create_ai_sqs_resources.py"),
        ("academyctl queue create --apply",), "the AWS CLI tells the contract's attributes of what was made",
        test="test_queue_create_makes_what_the_scripts_made",
    ),
    Row(
        ("docker ps",), ("academyctl worker list", "academyctl host list"),
        "workers by their heartbeat, wherever they run; containers themselves need a host's login", ELSEWHERE,
        elsewhere="tests/hosts",
    ),
    Row(
        ("docker logs academy-api",), ("academyctl diagnose video",),
        "what the enqueue errors mean is diagnosed; the API's log itself is on its host", LATER,
    ),
    Row(
        ("docker logs academy-video-worker", "docker logs academy-ai-worker-cpu", "docker logs <"),
        ("academyctl worker list", "academyctl video status 111"),
        "what a worker does and how a job stands; its log itself is on its host", LATER,
    ),
    Row(
        ("python scripts/check_video_stuck", "docker exec -it academy-api python scripts/check_video_stuck"),
        ("academyctl video stuck 111 222 333",), "more sources than the script: queue, dead letters, worker, storage",
        ELSEWHERE, elsewhere="tests/stuck",
    ),
    Row(
        ("redis-cli DEL job:encode",), ("academyctl video unlock 111 --apply",),
        "only a lock whose owner is gone", ELSEWHERE, elsewhere="tests/video_commands",
    ),
    Row(
        ("sudo docker restart",), ("academyctl asg refresh video --apply",),
        "new instances for a group; restarting one container needs a host's login", LATER,
    ),
    Row(
        ("aws autoscaling describe-auto-scaling-groups",), ("academyctl asg show video",),
        "the same sizes and instances", test="test_the_same_sizes",
    ),
    Row(
        ("aws autoscaling set-desired-capacity",), ("academyctl asg set video --desired 2 --apply",),
        "each tells the other's change", test="test_the_same_desired_capacity_is_set",
    ),
    Row(
        ("aws lambda get-function",), ("academyctl lambda show depth",),
        "the same code, limits, role and variables", test="test_the_same_function",
    ),
    Row(
        ("aws events list-rules",), ("academyctl rule show depth",), "the same schedule and state",
        test="test_the_same_rule",
    ),
    Row(
        ("AWS 콘솔",), ("academyctl lambda logs depth",), "the same lines as filter-log-events",
        test="test_the_same_lines_of_the_functions_log",
    ),
    Row(
        (".\\scripts\\deploy_worker_asg.ps1", "terraform plan", "terraform apply"),
        ("academyctl lambda deploy depth --apply",),
        "the stacks of deploy/; lambda deploy alone for the function and its rule", ELSEWHERE,
        elsewhere="tests/deploy",
    ),
    Row(
        ("POLICY_ARN=$(aws autoscaling put-scaling-policy", "aws cloudwatch put-metric-alarm"),
        ("academyctl scaling apply step-alarm --apply",), "the same policy and the same alarm, field by field",
        test="test_the_same_step_policy_and_alarm_are_made",
    ),
    Row(
        ("aws autoscaling describe-policies",), ("academyctl scaling show video",), "the same policies",
        test="test_the_same_policies_and_alarms_are_told",
    ),
    Row(
        ("aws cloudwatch describe-alarms",), ("academyctl scaling show video", "academyctl alarm list"),
        "the same alarms", test="test_the_same_policies_and_alarms_are_told",
    ),
    Row(
        (".\\scripts\\apply_video_worker_scaling_fix.ps1 -Region ap-northeast-2",
         ".\\scripts\\apply_video_target_tracking.ps1"),
        ("academyctl scaling apply tt-total --apply", "academyctl scaling rollback --apply"),
        "guide 003's metric, target and names; -Rollback puts back byte for byte what was there",
        test="test_target_tracking_is_guide_003s_and_rolls_back",
    ),
    Row(
        (".\\scripts\\diagnose_video_worker_full.ps1",),
        ("academyctl diagnose scaling lambda workers", "academyctl scaling doctor"),
        "the same sources, each judged", ELSEWHERE, elsewhere="tests/checks",
    ),
    Row(
        (".\\scripts\\deploy_queue_depth_lambda.ps1",),
        ("academyctl lambda deploy depth --apply", "academyctl lambda deploy depth --rollback --apply"),
        "the AWS CLI tells the new code's sha256, and the old one's after --rollback",
        test="test_the_function_is_deployed_and_rolled_back",
    ),
    Row(
        ("aws sqs get-queue-url", "aws sqs get-queue-attributes"), ("academyctl queue show video",),
        "the same address, counts and attributes", test="test_the_same_counts",
    ),
    Row(
        ("aws lambda invoke",), ("academyctl lambda invoke depth --apply",), "the same answer",
        test="test_the_same_answer_of_the_function",
    ),
    Row(
        ("aws cloudwatch get-metric-statistics",), ("academyctl diagnose scaling",),
        "whether the metric that a policy follows has values; the newest is what lambda invoke answers",
        test="test_the_metric_that_a_policy_follows_has_values",
    ),
    Row(
        ("aws autoscaling describe-scaling-activities",), ("academyctl asg activities video",),
        "the same activities", test="test_the_same_activities",
    ),
    Row(
        ("docker build", "docker tag", "docker push", "aws ecr get-login-password"), (),
        "stays docker's: deploy/README.md has the commands for deploy/docker/", SHELL,
    ),
    Row(
        ("docker run --rm -e SQS_QUEUE_URL",), ("academyctl worker run analysis --once",),
        "the same variables; with S3_BUCKET and S3_KEY it reads no queue", ELSEWHERE, elsewhere="tests/analysis",
    ),
    Row(
        ("$ECR_URL = terraform output", "aws ecr describe-images"), ("academyctl ecr check",),
        "the same digests and tags, and what runs against what is newest", test="test_the_same_images",
    ),
    Row(
        ("s3_client.upload_fileobj", "POST /analyze", "batch_client.submit_job"), (),
        "the backend's and the function's own code: done by the pipeline of deploy/cloudformation/analysis.yaml",
        ELSEWHERE, elsewhere="tests/analysis",
    ),
    Row(
        ("aws logs tail",), ("academyctl logs tail /aws/batch/capstone-video-processor --follow",),
        "the same lines as filter-log-events", test="test_the_same_lines_of_a_log_group",
    ),
    Row(
        ("sqs.send_message",), ("academyctl queue send analysis --s3 capstone-dev-raw/videos/test123.mp4 --apply",),
        "the AWS CLI receives guide 004's message", test="test_the_same_message_is_sent",
    ),
    Row(
        ("aws batch submit-job",), ("academyctl batch submit 111 --apply",),
        "the AWS CLI tells a job of the same queue and definition, with the video's row in it",
        test="test_the_same_job_is_submitted",
    ),
    Row(
        ("aws batch list-jobs", "aws batch describe-jobs"), ("academyctl batch list", "academyctl batch show ID"),
        "the same jobs and states", test="test_the_same_jobs",
    ),
    Row(
        ("max_vcpus =", "resourceRequirements ="), (),
        "parameters of deploy/cloudformation/batch.yaml and analysis-batch.yaml", ELSEWHERE, elsewhere="tests/deploy",
    ),
    Row(
        ("response = sqs_client.receive_message",), ("academyctl worker run video --concurrency 2",),
        "a worker takes as many messages as it has hands", ELSEWHERE, elsewhere="tests/workers",
    ),
)  # fmt: skip


def rows_of(text: str) -> list[Row]:
    """The rows that a command falls under; there must be one, and with several the longest beginning is meant."""
    fitting = [(len(one), row) for row in ROWS for one in row.begins if text.startswith(one)]
    longest = max((length for length, _ in fitting), default=0)
    return [row for length, row in fitting if length == longest]


def guides_of(row: Row) -> str:
    """The guides that have such a command."""
    return ", ".join(sorted({one.guide for one in commands() if rows_of(one.text) == [row]}))


def render() -> str:
    """The README's table, in Markdown: the guides' command, where it stands, ours, how it is tried."""
    lines = ["| guide | its command | academyctl | |", "|---|---|---|---|"]
    for row in ROWS:
        theirs = "<br>".join(_code(_shown(one)) for one in row.begins)
        ours = "<br>".join(_code(one) for one in row.ours) or "-"
        lines.append(f"| {guides_of(row)} | {theirs} | {ours} | {row.how}: {row.note} |")
    return "\n".join(lines) + "\n"


def _shown(begins: str) -> str:
    """The command, with dots where what is written here is only its beginning."""
    whole = any(one.text == begins.strip() for one in commands())
    return begins.strip() if whole else f"{begins.rstrip()} ..."


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"

"""What a diagnosis costs against the guides' own AWS CLI commands, run one by one; all in turn on one local stack.

    python -m tests.bench.bench_diagnose [--rounds 5] [--aws PATH] [--rtt-ms 25] [--json]

The commands are what the guides have an operator read: URL and attributes of five queues, the Auto Scaling group, its
policies, activities and alarms, the Lambda, its rule and metric, and the instances of API, video and AI. CPU is user +
system of every process that ran. The peer is AWS CLI v1 in a virtual environment of its own (it pins another botocore),
made here unless --aws names one. Nothing is asserted; the goals are 1/20 and 1/15.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.settings_model import Queues
from tests.bench.bench_startup import cpu_ms
from tests.checks.links import Far, linked

GOALS = {"diagnose sqs": 20, "diagnose all": 15}
PEER = "the guides' aws commands"
Env = dict[str, str]


@dataclass(frozen=True)
class Cost:
    """Milliseconds."""

    cpu: float
    wall: float


def guide_commands(aws: str, env: Env) -> list[list[str]]:
    """Those of guides 000, 001 and 003 that only read, with what an earlier command tells filled in."""
    settings = load(env).settings
    queues, fleet, url = settings.queues, settings.fleet, env["AWS_ENDPOINT_URL"]
    names = [getattr(queues, name) for name in Queues.model_fields if not name.endswith("_dlq")]
    out: list[list[str]] = []
    for name in names:
        out.append([aws, "sqs", "get-queue-url", "--queue-name", name])
        where = ["--queue-url", f"{url}/000000000000/{name}", "--attribute-names", "All"]
        out.append([aws, "sqs", "get-queue-attributes", *where])
    group = fleet.video_asg
    out.append([aws, "autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", group])
    out.append([aws, "lambda", "get-function", "--function-name", fleet.depth_lambda])
    out.append([aws, "autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", group])
    out.append([aws, "autoscaling", "describe-policies", "--auto-scaling-group-name", group])
    out.append([aws, "cloudwatch", "describe-alarms", "--alarm-names", "academy-video-queue-depth-scaleout"])
    out.append([aws, "events", "list-rules", "--name-prefix", fleet.depth_rule])
    dimensions = ["Name=WorkerType,Value=Video", f"Name=AutoScalingGroupName,Value={group}"]
    metric = [
        "--namespace",
        "Academy/VideoProcessing",
        "--metric-name",
        "VideoQueueDepthTotal",
        "--dimensions",
        *dimensions,
    ]
    now = datetime.now(UTC)
    hour = ["--start-time", (now - timedelta(hours=1)).isoformat(), "--end-time", now.isoformat(), "--period", "60"]
    out.append([aws, "cloudwatch", "get-metric-statistics", *metric, *hour, "--statistics", "Average", "Maximum"])
    for tag in (fleet.api_name_tag, fleet.video_name_tag, fleet.ai_name_tag):
        running = ["Name=instance-state-name,Values=running", f"Name=tag:Name,Values={tag}"]
        out.append([aws, "ec2", "describe-instances", "--filters", *running])
    return [[*command, "--endpoint-url", url, "--output", "json"] for command in out]


def aws_cli(folder: Path) -> str:
    """AWS CLI v1 from the package index, with its bytecode written: the fast way that it can be had."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([programs / "python", "-m", "pip", "install", "-qq", "awscli"], check=True)
    return str(programs / ("aws.cmd" if os.name == "nt" else "aws"))


def measured(commands: list[list[str]], env: Env) -> Cost:
    os.environ.update(env)
    runs = [cpu_ms(command) for command in commands]
    return Cost(sum(cpu for cpu, _ in runs), sum(wall for _, wall in runs))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--aws", default="", help="an AWS CLI of your own")
    options.add_argument("--rtt-ms", type=float, default=25, help="of the slow link; 0 = leave it out")
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        aws = said.aws or aws_cli(Path(name) / "aws")
        stack = LocalStack(Path(name) / "stack")
        stack.up()
        try:
            env = {**stack.env(), "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "HOME": name}
            seen = rounds(said.rounds, {
                PEER: lambda: measured(guide_commands(aws, env), env),
                **{word: lambda word=word: measured([ours(word)], env) for word in GOALS},  # type: ignore[misc]
            })  # fmt: skip
            if said.rtt_ms:
                with linked(env, partial(Far, rtt_s=said.rtt_ms / 1000)) as (far, _):
                    link = {f"{word}, {said.rtt_ms:g} ms away": word for word in GOALS}
                    seen |= rounds(said.rounds, {
                        title: lambda word=word: measured([ours(word)], far) for title, word in link.items()  # type: ignore[misc]
                    })  # fmt: skip
        finally:
            stack.down(wipe=True)
    report(seen, as_json=said.json)
    return 0


def ours(words: str) -> list[str]:
    return [sys.executable, "-m", "academyctl", *words.split()]


def rounds(count: int, cases: dict[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """Every case once a round, in random order; the first, which writes bytecode, does not count."""
    for case in cases.values():
        case()
    seen: dict[str, list[Cost]] = {title: [] for title in cases}
    for _ in range(count):
        for title in random.sample(list(cases), len(cases)):
            seen[title].append(cases[title]())
    return seen


def report(seen: dict[str, list[Cost]], *, as_json: bool) -> None:
    median = {title: statistics.median(one.cpu for one in runs) for title, runs in seen.items()}
    wall = {title: statistics.median(one.wall for one in runs) for title, runs in seen.items()}
    ratios = {title: median[PEER] / median[title] for title in GOALS}
    if as_json:
        body: dict[str, dict[str, float]] = {
            "cpu_ms": median, "wall_ms": wall, "times_cheaper": ratios, "goals": {**GOALS},
        }  # fmt: skip
        print(json.dumps({name: _rounded(values) for name, values in body.items()}, indent=1))
        return
    print(f"{'case':<28} {'CPU ms':>8} {'wall ms':>8}")
    for title in seen:
        print(f"{title:<28} {median[title]:>8.0f} {wall[title]:>8.0f}")
    for title, goal in GOALS.items():
        print(f"{title}: 1/{ratios[title]:.1f} of the commands' CPU (goal 1/{goal})")


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())

"""A handler in this process: its queues on a strict endpoint that fails on command, its groups on the local stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from academyctl.ops.lambdas import queue_depth
from academyctl.settings import load
from academyctl.stores import Stores
from tests.fleet import OwnFleet, own_fleet
from tests.strict_sqs import StrictSqs

QUEUES = {"AI_QUEUE_LITE": "lite", "AI_QUEUE_BASIC": "basic", "VIDEO_QUEUE": "video", "MESSAGING_QUEUE": "messaging"}


@dataclass
class World:
    """What a run sees, and what is left of it."""

    fleet: OwnFleet
    sqs: StrictSqs
    namespace: str
    monkeypatch: pytest.MonkeyPatch

    def run(
        self, env: Mapping[str, str] = {}, *, event: Any = None, handler: ModuleType = queue_depth
    ) -> dict[str, Any]:
        """One run of a handler as the runtime makes it; `env` are more variables of the function."""
        names = self.fleet.names
        variables = {
            "AWS_REGION": "ap-northeast-2",
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "METRIC_NAMESPACE": self.namespace,
            "VIDEO_WORKER_ASG_NAME": names.video_asg,
            "AI_WORKER_ASG_NAME": names.ai_asg,
            "MESSAGING_WORKER_ASG_NAME": names.messaging_asg,
        }
        aws = {name: value for name, value in self.fleet.env.items() if name.startswith("AWS_")}
        for name, value in {**aws, **variables, **QUEUES, **env}.items():
            self.monkeypatch.setenv(name, value)
        answer: dict[str, Any] = handler.lambda_handler(event if event is not None else {}, None)
        return answer

    def wait(self, queue: str, count: int, taken: int = 0) -> None:
        """Messages in a queue, some of which a worker has."""
        self.sqs.put(queue, *["{}"] * count)
        for _ in range(taken):
            self.sqs.queues[queue].pick(1, 300, self.sqs.queues)

    def sized(self, role: str = "video", **sizes: int) -> None:
        self.fleet.group(role, **sizes)

    def desired(self, role: str = "video") -> int:
        name = str(getattr(self.fleet.names, f"{role}_asg"))
        describe = self.fleet.clients("autoscaling").describe_auto_scaling_groups
        return int(describe(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]["DesiredCapacity"])

    def published(self, namespace: str = "") -> Mapping[tuple[str, str], float]:
        """(metric, WorkerType) -> the value of this run."""
        cloudwatch, found = self.fleet.clients("cloudwatch"), {}
        for one in cloudwatch.list_metrics(Namespace=namespace or self.namespace)["Metrics"]:
            dimensions = {each["Name"]: each["Value"] for each in one["Dimensions"]}
            if dimensions.get("AutoScalingGroupName", self.fleet.names.video_asg) != self.fleet.names.video_asg:
                continue
            found[one["MetricName"], dimensions["WorkerType"]] = _newest(cloudwatch, one)
        return found


def _newest(cloudwatch: Any, metric: Mapping[str, Any]) -> float:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    stat = {"Metric": metric, "Period": 60, "Stat": "Maximum"}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}], ScanBy="TimestampDescending",
        StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1),
    )  # fmt: skip
    return float(answer["MetricDataResults"][0]["Values"][0])


@pytest.fixture(scope="package")
def handlers_fleet(stack: LocalStack) -> Iterator[OwnFleet]:
    stores = Stores(load(stack.env()).settings)
    with own_fleet(stack.env(), stores.aws_clients()) as fleet:
        yield fleet
    stores.close()


@pytest.fixture
def world(handlers_fleet: OwnFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with StrictSqs() as sqs:
        for name in QUEUES.values():
            sqs.make(name)
        made = World(handlers_fleet, sqs, f"Academy/{uuid.uuid4().hex[:12]}", monkeypatch)
        for role in ("video", "ai", "messaging"):
            made.sized(role, MinSize=1, DesiredCapacity=1, MaxSize=20)
        yield made


class _Page(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<!doctype html><html><body>Please sign in to the network</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="package")
def portal() -> Iterator[str]:
    """The address of a captive portal: every request is answered 200 with a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()

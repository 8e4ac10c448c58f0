"""The fleet's services on both emulators: what is there, what is not, and what is never shown."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from academyctl.errors import AwsError, NotReadOnly
from academyctl.local import resources
from academyctl.settings import load
from academyctl.settings_model import Fleet as Names
from academyctl.settings_model import Queues
from academyctl.stores import _fleet_shapes as shapes
from academyctl.stores._fleet_batch import ecr_name
from academyctl.stores._fleet_types import Metric
from academyctl.stores.aws import client_factory
from academyctl.stores.fleet import Fleet
from academyctl.stores.readonly import ReadOnlyStores
from tests.conftest import Emulator, eventually


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:12]


def _names(unique: str) -> Names:
    changed = {
        field: f"{unique}-{field.replace('_', '-')}"
        for field in ("video_asg", "ai_asg", "messaging_asg", "video_name_tag", "depth_lambda", "depth_rule")
    }
    return Names(**changed)


@pytest.fixture
def names(aws_emulator: Emulator, unique: str) -> Names:
    """A platform's fleet on the emulator."""
    made = _names(unique)
    resources.create_fleet(aws_emulator.clients, queues=Queues(), fleet=made)
    return made


def test_groups_are_found_by_name_and_the_absent_are_left_out(aws_emulator: Emulator, names: Names) -> None:
    fleet = Fleet(aws_emulator.clients)
    found = fleet.groups([names.video_asg, "no-such-group"])
    assert list(found) == [names.video_asg]
    group = found[names.video_asg]
    assert (group.min, group.desired, group.max, group.in_service) == (1, 1, 20, 1)
    assert not group.new_instances_protected
    assert {names.video_asg, names.ai_asg, names.messaging_asg} <= set(fleet.groups())


def test_a_group_is_resized_in_one_call(aws_emulator: Emulator, names: Names) -> None:
    fleet = Fleet(aws_emulator.clients)
    fleet.resize(names.ai_asg, min=0, desired=2, max=5)
    group = fleet.groups([names.ai_asg])[names.ai_asg]
    assert (group.min, group.desired, group.max, len(group.instances)) == (0, 2, 5, 2)


def test_policies_tell_what_they_follow(aws_emulator: Emulator, names: Names) -> None:
    groups = aws_emulator.clients("autoscaling")
    metric = {"Namespace": "N", "MetricName": "Depth", "Dimensions": [{"Name": "a", "Value": "b"}], "Statistic": "Sum"}
    groups.put_scaling_policy(
        AutoScalingGroupName=names.video_asg, PolicyName="track", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": 2, "CustomizedMetricSpecification": metric},
    )  # fmt: skip
    groups.put_scaling_policy(
        AutoScalingGroupName=names.video_asg, PolicyName="step", PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity", StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 3}],
    )  # fmt: skip
    found = {one.name: one for one in Fleet(aws_emulator.clients).policies([names.video_asg])}
    assert (found["track"].metric, found["track"].target) == (Metric("N", "Depth", (("a", "b"),), "Sum"), 2.0)
    assert not found["track"].math
    assert (found["step"].adjustments, found["step"].metric) == ((3,), None)
    assert Fleet(aws_emulator.clients).policies([names.ai_asg]) == ()


def test_activities_are_a_list_even_of_nothing(aws_emulator: Emulator, names: Names) -> None:
    assert isinstance(Fleet(aws_emulator.clients).activities(names.video_asg), tuple)


def test_instances_are_found_by_their_name_tag(aws_emulator: Emulator, unique: str) -> None:
    ec2 = aws_emulator.clients("ec2")
    tags = [{"Key": "Name", "Value": unique}]
    made = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.micro",
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    fleet = Fleet(aws_emulator.clients)
    [host] = fleet.instances([unique, "somebody-else"])
    assert (host.id, host.name_tag, host.group) == (made, unique, "")
    assert host.state in ("pending", "running")
    assert host.private_ip
    assert host.launched_at is not None
    ec2.terminate_instances(InstanceIds=[made])
    eventually(lambda: fleet.instances([unique]) == ())


def test_a_function_tells_names_and_hides_everything_else(aws_emulator: Emulator, names: Names) -> None:
    variables = {"VIDEO_QUEUE": "q", "LAMBDA_INTERNAL_API_KEY": "secret-value", "METRIC_NAME": "m", "DB_PASSWORD": "p"}
    aws_emulator.clients("lambda").update_function_configuration(
        FunctionName=names.depth_lambda, Environment={"Variables": variables}
    )
    fleet = Fleet(aws_emulator.clients)
    found = fleet.function(names.depth_lambda)
    assert found is not None
    assert (found.runtime, found.memory_mb, found.timeout_s) == ("python3.11", 128, 30)
    assert found.variables == {"VIDEO_QUEUE": "q", "METRIC_NAME": "m"}
    assert fleet.function("no-such-function") is None


def test_a_rule_tells_its_targets(aws_emulator: Emulator, names: Names) -> None:
    fleet = Fleet(aws_emulator.clients)
    found, function = fleet.rule(names.depth_rule), fleet.function(names.depth_lambda)
    assert found is not None
    assert function is not None
    assert (found.state, found.schedule, found.targets) == ("DISABLED", "rate(1 minute)", (function.arn,))
    assert fleet.rule("no-such-rule") is None


def test_datapoints_come_newest_first_and_absent_metrics_are_empty(aws_emulator: Emulator, unique: str) -> None:
    now = datetime.now(UTC)
    data = [
        {"MetricName": "Depth", "Value": float(ago), "Timestamp": now - timedelta(minutes=ago)} for ago in (9, 2, 5)
    ]
    aws_emulator.clients("cloudwatch").put_metric_data(Namespace=unique, MetricData=data)
    metrics = {"here": Metric(unique, "Depth"), "absent": Metric(unique, "Other")}
    found = Fleet(aws_emulator.clients).series(metrics, now=now, minutes=8)
    assert [point.value for point in found["here"]] == [2.0, 5.0]
    assert found["absent"] == ()


def test_only_what_went_wrong_is_taken_from_a_log(aws_emulator: Emulator, unique: str) -> None:
    logs, group = aws_emulator.clients("logs"), f"/aws/lambda/{unique}"
    fleet, since = Fleet(aws_emulator.clients), datetime.now(UTC) - timedelta(minutes=5)
    assert fleet.errors_of(unique, since=since) == ()
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    now = int(datetime.now(UTC).timestamp() * 1000)
    said = ["START RequestId", "[ERROR] KeyError: 'VIDEO_QUEUE'", "ASG not found: x", "2026 Task timed out after 30 s"]
    events: list[Any] = [{"timestamp": now + index, "message": text} for index, text in enumerate(said)]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)
    assert [line.text for line in fleet.errors_of(unique, since=since)] == said[:0:-1]


def test_what_batch_does_not_have_is_none(aws_emulator: Emulator, unique: str) -> None:
    fleet = Fleet(aws_emulator.clients)
    assert fleet.batch_queue(unique) is None
    assert fleet.job_definition(unique) is None
    assert fleet.compute_environments([unique]) == {}
    assert fleet.image(f"000000000000.dkr.ecr.ap-northeast-2.amazonaws.com/{unique}:latest") is False
    assert fleet.image("busybox:latest") is None


class _Page(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b"<html><body>sign in</body></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def test_a_sign_in_page_is_no_empty_fleet() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        fleet = Fleet(client_factory(region="ap-northeast-2", endpoint_url=endpoint, access_key="a", secret_key="b"))
        asks: tuple[Callable[[], Any], ...] = (
            lambda: fleet.groups(["x"]),
            lambda: fleet.function("x"),
            lambda: fleet.batch_queue("x"),
        )
        for ask in asks:
            with pytest.raises(AwsError, match="failed for x"):
                ask()
        server.shutdown()


def test_a_diagnosis_cannot_resize(stack: Any) -> None:
    stores = ReadOnlyStores(load(stack.env()).settings)
    with pytest.raises(NotReadOnly):
        stores.fleet.resize("x", min=1, desired=1, max=1)
    assert stores.fleet.errors_of("no-such-function", since=datetime.now(UTC)) == ()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/academy:v1", ("academy", {"imageTag": "v1"})),
        ("123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/a/b", ("a/b", {"imageTag": "latest"})),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/a@sha256:0f", ("a", {"imageDigest": "sha256:0f"})),
        ("public.ecr.aws/docker/busybox", None),
    ],
)
def test_an_image_s_name_tells_its_repository(image: str, found: Any) -> None:
    assert ecr_name(image) == found


def test_metric_math_is_told_from_a_plain_metric() -> None:
    raw = {
        "AutoScalingGroupName": "g", "PolicyName": "p", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingConfiguration": {
            "TargetValue": 1.0, "CustomizedMetricSpecification": {"Metrics": [{"Id": "e", "Expression": "v / i"}]},
        },
    }  # fmt: skip
    found = shapes.policy(raw)
    assert (found.math, found.metric) == (True, None)

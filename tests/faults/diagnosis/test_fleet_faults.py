"""Real faults in a real fleet on the stack: the right one is named, alone, and nothing broken is called healthy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from academyctl.local.stack import LocalStack
from checks import lambda_
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from tests.fleet import OwnFleet

TOPICS = ("sqs", "scaling", "lambda", "batch")
V = Verdict


def look(fleet: OwnFleet, topics: Sequence[str] = TOPICS, **env: str) -> Diagnosis:
    return diagnosed({**fleet.env, **env}, topics)


def test_a_healthy_fleet_is_green_and_its_design_is_told(fleet: OwnFleet) -> None:
    found = look(fleet)
    assert (found.verdict, found.root) == (Verdict.healthy, None)
    design = [one for one in found.findings if one.check == "scaling.design"]
    assert {one.code for one in design} == {"scaling.by-lambda"}
    assert {one.value("function") for one in design} == {fleet.names.depth_lambda}
    assert [one.code for one in found.findings if one.check == "batch.queue"] == ["batch.queue"]


def test_what_the_function_published_is_kept_for_the_time_line_oldest_first(fleet: OwnFleet) -> None:
    fleet.publish(12, "Video")
    found = look(fleet)
    history = {one.name: one.points for one in found.snapshot.see(lambda_.Facts).history}
    assert set(history) == {"QueueDepth Video", "QueueDepth AI", "QueueDepth Messaging"}
    assert max(point.value for point in history["QueueDepth Video"]) == 12
    assert list(history["QueueDepth Video"]) == sorted(history["QueueDepth Video"], key=lambda point: point.at)


def _lose_function(fleet: OwnFleet) -> None:
    fleet.clients("lambda").delete_function(FunctionName=fleet.names.depth_lambda)


def _lose_rule(fleet: OwnFleet) -> None:
    fleet.clients("events").remove_targets(Rule=fleet.names.depth_rule, Ids=["1"])
    fleet.clients("events").delete_rule(Name=fleet.names.depth_rule)


def _lose_target(fleet: OwnFleet) -> None:
    fleet.clients("events").remove_targets(Rule=fleet.names.depth_rule, Ids=["1"])


def _other_target(fleet: OwnFleet) -> None:
    arn = f"arn:aws:lambda:ap-northeast-2:000000000000:function:{fleet.names.depth_lambda}-old"
    fleet.clients("events").put_targets(Rule=fleet.names.depth_rule, Targets=[{"Id": "1", "Arn": arn}])


def _lose_group(fleet: OwnFleet) -> None:
    groups = fleet.clients("autoscaling")
    groups.delete_auto_scaling_group(AutoScalingGroupName=fleet.names.ai_asg, ForceDelete=True)


def _step_alone(fleet: OwnFleet) -> None:
    fleet.step()


@dataclass(frozen=True)
class Fault:
    """What is done to the fleet, and what must be found; `env` are settings that are wrong."""

    name: str
    do: Callable[[OwnFleet], None]
    code: str
    verdict: Verdict
    state: State = State.fail
    env: tuple[tuple[str, str], ...] = ()


def _env(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(values.items())


FAULTS = (
    Fault("Lambda deleted", _lose_function, "lambda.function-missing", V.infrastructure),
    Fault("Lambda misnamed", lambda _: None, "lambda.function-missing", V.infrastructure,
          env=_env(ACADEMYCTL_DEPTH_LAMBDA="no-such-function")),
    Fault("rule deleted", _lose_rule, "lambda.rule-missing", V.infrastructure),
    Fault("rule disabled", lambda fleet: fleet.rule(State="DISABLED"), "lambda.rule-disabled", V.infrastructure),
    Fault("rule without target", _lose_target, "lambda.no-target", V.infrastructure),
    Fault("rule with another target", _other_target, "lambda.no-target", V.infrastructure),
    Fault("rule once an hour", lambda fleet: fleet.rule(ScheduleExpression="rate(1 hour)"), "lambda.rule-rare",
          V.capacity, State.warn),
    Fault("Lambda counts another queue", lambda fleet: fleet.variables(VIDEO_QUEUE="academy-video-jobs-old"),
          "lambda.names-other", V.settings),
    Fault("Lambda sizes another group", lambda fleet: fleet.variables(VIDEO_WORKER_ASG_NAME="another-asg"),
          "lambda.names-other", V.settings),
    Fault("twenty messages an instance", lambda fleet: fleet.variables(TARGET_MESSAGES_PER_INSTANCE="20"),
          "lambda.per-worker", V.capacity, State.warn),
    Fault("nothing published", lambda fleet: fleet.variables(METRIC_NAME="QueueDepthRenamed"), "lambda.silent",
          V.infrastructure, env=_env(METRIC_NAME="QueueDepthRenamed")),
    Fault("a group deleted", _lose_group, "scaling.group-missing", V.infrastructure),
    Fault("a maximum of one", lambda fleet: fleet.group(MaxSize=1), "scaling.never-grows", V.capacity, State.warn),
    Fault("more wanted than allowed", lambda fleet: fleet.group(DesiredCapacity=3, MaxSize=2),
          "scaling.desired-outside", V.infrastructure, State.warn),
    Fault("idle at the maximum", lambda fleet: fleet.group(DesiredCapacity=4, MaxSize=4), "scaling.idle-at-max",
          V.capacity, State.warn),
    Fault("a policy without alarm", _step_alone, "scaling.no-alarm", V.infrastructure),
    Fault("a tracked metric that nobody publishes", lambda fleet: fleet.track(fleet.total),
          "scaling.metric-silent", V.infrastructure),
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_fleet_has_one_root_cause(fleet: OwnFleet, fault: Fault) -> None:
    fault.do(fleet)
    found = look(fleet, **dict(fault.env))
    assert [one.code for one in roots(found.findings)][:1] == [fault.code]
    assert (found.verdict, found.state) == (fault.verdict, fault.state)
    assert len(red(found)) == (1 if fault.state is State.fail else 0), [one.key for one in red(found)]
    assert exit_code(found.state) == (1 if fault.state is State.fail else 0)
    assert found.root is not None
    assert found.root.evidence


def test_the_group_that_was_probably_meant_is_named(fleet: OwnFleet) -> None:
    # The video group alone would not be missed: the stack has Batch.
    right = fleet.names.messaging_asg
    found = look(fleet, MESSAGING_WORKER_ASG_NAME=right.replace("messaging", "mesaging"))
    assert [one.code for one in red(found)] == ["scaling.group-name"]
    assert found.root is not None
    assert (found.verdict, found.root.value("near")) == (Verdict.settings, right)


def test_messages_wait_and_no_instance_is_wanted(fleet: OwnFleet) -> None:
    fleet.group(MinSize=0, DesiredCapacity=0)
    fleet.wait(3)
    found = look(fleet)
    assert [one.code for one in red(found)] == ["scaling.nobody"]
    assert found.root is not None
    assert (found.verdict, found.root.commands) == (Verdict.capacity, ("academyctl asg set {role} --desired 1",))
    assert {one.code for one in found.findings if one.because_of == found.root.key} >= {"sqs.not-consumed"}


def test_a_rule_that_is_off_explains_that_nobody_is_there(fleet: OwnFleet) -> None:
    fleet.group(MinSize=0, DesiredCapacity=0)
    fleet.rule(State="DISABLED")
    fleet.wait(3)
    found = look(fleet)
    assert [one.code for one in roots(found.findings)] == ["lambda.rule-disabled"]


def test_work_that_waits_at_a_maximum_of_one_is_a_matter_of_capacity(fleet: OwnFleet) -> None:
    fleet.group(MaxSize=1)
    fleet.wait(3, taken=1)
    found = look(fleet)
    assert [one.code for one in roots(found.findings)] == ["scaling.max-one"]
    assert (found.verdict, exit_code(found.state)) == (Verdict.capacity, 1)


def test_a_function_that_counted_nothing_while_twelve_wait_is_blind(fleet: OwnFleet) -> None:
    fleet.wait(12)
    found = look(fleet)
    assert [one.code for one in red(found)] == ["lambda.saw-nothing"]
    assert found.root is not None
    assert (found.verdict, found.root.value("depth")) == (Verdict.infrastructure, "12")
    fleet.publish(12, "Video")
    assert "lambda.saw-nothing" not in {one.code for one in look(fleet).findings}


def test_sqs_own_count_decides_whether_the_function_was_blind(fleet: OwnFleet) -> None:
    fleet.wait(12)
    queue = fleet.env["VIDEO_SQS_QUEUE_NAME"]
    counted = {"MetricName": "ApproximateNumberOfMessagesVisible", "Value": 0.0}
    fleet.clients("cloudwatch").put_metric_data(
        Namespace="AWS/SQS", MetricData=[{**counted, "Dimensions": [{"Name": "QueueName", "Value": queue}]}]
    )
    # SQS counted 0 in that minute as well: the twelve came since.
    assert "lambda.saw-nothing" not in {one.code for one in look(fleet).findings}


def test_a_function_that_fails_is_told_in_its_own_words(fleet: OwnFleet) -> None:
    name = fleet.names.depth_lambda
    dimensions = [{"Name": "FunctionName", "Value": name}]
    fleet.clients("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[{"MetricName": word, "Dimensions": dimensions, "Value": 1.0} for word in ("Invocations", "Errors")],
    )
    logs, group = fleet.clients("logs"), f"/aws/lambda/{name}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    now = int(_now_ms())
    said = ["queue_depth_metric | ai visible=0 in_flight=0", "[ERROR] RuntimeError: queues could not be read: Video"]
    events = [{"timestamp": now + index, "message": text} for index, text in enumerate(said)]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)
    found = look(fleet)
    logs.delete_log_group(logGroupName=group)
    assert [one.code for one in roots(found.findings)] == ["lambda.failing"]
    assert "queues could not be read" in str(found.root)
    assert "in_flight" not in str(found.root)


def _now_ms() -> float:
    from datetime import UTC, datetime

    return datetime.now(UTC).timestamp() * 1000


def test_a_total_that_is_tracked_runs_to_the_maximum(fleet: OwnFleet) -> None:
    metric = fleet.total
    fleet.track(metric)
    data = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Value": 0.0}
    fleet.clients("cloudwatch").put_metric_data(Namespace=metric["Namespace"], MetricData=[data])
    found = look(fleet)
    assert [one.code for one in roots(found.findings)] == ["scaling.total-tracked"]
    assert (found.verdict, found.state) == (Verdict.capacity, State.warn)
    assert found.root is not None
    assert found.root.value("max") == "20"


def test_a_step_policy_with_its_alarm_is_a_design_of_its_own(fleet: OwnFleet) -> None:
    arn = fleet.step()
    fleet.clients("cloudwatch").put_metric_alarm(
        AlarmName=f"{fleet.names.video_asg}-scaleout", Namespace="AWS/SQS", Period=60, Threshold=1, EvaluationPeriods=1,
        MetricName="ApproximateNumberOfMessagesVisible", Statistic="Sum", AlarmActions=[arn],
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Dimensions=[{"Name": "QueueName", "Value": fleet.env["VIDEO_SQS_QUEUE_NAME"]}],
    )  # fmt: skip
    found = look(fleet)
    assert found.verdict is Verdict.healthy
    assert "scaling.by-alarm" in {one.code for one in found.findings}


def _key_with(stack: LocalStack, name: str, actions: list[str]) -> dict[str, str]:
    from academyctl.stores.aws import client_factory

    secrets = stack.state().secrets
    iam = client_factory(
        region="ap-northeast-2", endpoint_url=stack.env()["AWS_ENDPOINT_URL"],
        access_key=secrets["root_key"], secret_key=secrets["root_secret"],
    )("iam")  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="some", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_a_worker_s_key_cannot_tell_about_the_fleet_and_says_what_to_allow(stack: LocalStack, fleet: OwnFleet) -> None:
    found = look(fleet, **_key_with(stack, f"{fleet.names.depth_lambda}-worker", ["sqs:*"]))
    assert [one.code for one in roots(found.findings)] == ["scaling.denied"]
    assert (found.verdict, exit_code(found.state)) == (Verdict.cannot_tell, 3)
    assert found.root is not None
    assert "autoscaling:Describe*" in found.root.value("actions")

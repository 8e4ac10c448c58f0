"""`academyctl alarm`: the queues' alarms, made and mended by plan; others' actions and alarms stay theirs."""

from __future__ import annotations

import itertools
import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from academyctl.ops.alarms import AlarmSpec, PutAlarm, alarm_specs, drift, planned, put_alarm, said, watches
from academyctl.ops.queues import QueueSpec, create_queue, queue_specs
from academyctl.repairs import Changed
from academyctl.settings import load
from academyctl.stores import Stores
from tests.video_commands.conftest import Cli

TOPIC = "arn:aws:sns:ap-northeast-2:1:ops"
QUEUE = QueueSpec("jobs", "jobs-dlq", 300, "video")
_NUMBERS = itertools.count(1)
State = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def opened(stack: LocalStack) -> Iterator[Stores]:
    stores = Stores(load(stack.env()).settings)
    yield stores
    stores.close()


@pytest.fixture
def prefix(opened: Stores) -> Iterator[str]:
    """Of the test's queues and alarms, which are deleted afterwards."""
    name = f"alarm{os.getpid()}-{next(_NUMBERS)}"
    create_queue(opened.sqs_quick, QueueSpec(f"{name}-video", f"{name}-video-dlq", 300))
    yield name
    for queue in (f"{name}-video", f"{name}-video-dlq"):
        opened.queue_admin.delete(queue)
    if mine := [one["AlarmName"] for one in opened.alarms.all() if one["AlarmName"].startswith(name)]:
        opened.alarms.delete(mine)


@pytest.fixture
def state(opened: Stores, prefix: str) -> State:
    """Everything that CloudWatch tells about the test's alarms, by name."""
    return lambda: {one["AlarmName"]: one for one in opened.alarms.all() if one["AlarmName"].startswith(prefix)}


@pytest.fixture
def topic(opened: Stores) -> str:
    return str(opened.fleet_clients("sns").create_topic(Name="ops")["TopicArn"])


@pytest.fixture
def cli(
    stack: LocalStack, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    kept = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**stack.env(), **kept, "VIDEO_SQS_QUEUE_NAME": f"{prefix}-video"}, monkeypatch, capsys)


def configured(state: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without what CloudWatch notes by itself."""
    own = ("AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp", "StateReason", "StateValue")
    return {name: {key: value for key, value in raw.items() if key not in own} for name, raw in state.items()}


def test_each_queue_has_an_alarm_of_its_dead_letters_and_one_of_its_depth() -> None:
    dead, deep = alarm_specs([QUEUE], [TOPIC])
    common = {
        "ActionsEnabled": True, "AlarmActions": [TOPIC], "Namespace": "AWS/SQS", "Statistic": "Maximum", "Period": 300,
        "MetricName": "ApproximateNumberOfMessagesVisible", "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }  # fmt: skip
    assert dead.request() == common | {
        "AlarmName": "jobs-dlq-messages", "AlarmDescription": "dead letters in jobs-dlq", "Threshold": 1.0,
        "EvaluationPeriods": 1, "Dimensions": [{"Name": "QueueName", "Value": "jobs-dlq"}],
    }  # fmt: skip
    assert deep.request() == common | {
        "AlarmName": "jobs-depth", "AlarmDescription": "100 messages or more wait in jobs", "Threshold": 100.0,
        "EvaluationPeriods": 2, "Dimensions": [{"Name": "QueueName", "Value": "jobs"}],
    }  # fmt: skip
    names = [one.name for one in alarm_specs([QUEUE, replace(QUEUE, name="more")])]
    assert names == ["jobs-dlq-messages", "jobs-depth", "more-depth"], "a shared dead-letter queue has one alarm"


SPEC: AlarmSpec = alarm_specs([QUEUE], [TOPIC])[0]


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({}, {}),
        ({"AlarmDescription": "theirs", "OKActions": ["arn:x"], "Tags": [], "DatapointsToAlarm": 1}, {}),
        ({"AlarmActions": ["arn:x", TOPIC]}, {}),
        ({"AlarmActions": ["arn:x"]}, {"AlarmActions": (["arn:x"], ["arn:x", TOPIC])}),
        ({"ActionsEnabled": False}, {"ActionsEnabled": (False, True)}),
        ({"Threshold": 5.0}, {"Threshold": (5.0, 1.0)}),
        ({"Statistic": "Average"}, {"Statistic": ("Average", "Maximum")}),
        ({"TreatMissingData": "missing"}, {"TreatMissingData": ("missing", "notBreaching")}),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
         {"EvaluationPeriods": (3, 1), "DatapointsToAlarm": (2, None)}),
        ({"Unit": "Count"}, {"Unit": ("Count", None)}),
        ({"Dimensions": [{"Name": "QueueName", "Value": "other"}]},
         {"Dimensions": ([{"Name": "QueueName", "Value": "other"}], [{"Name": "QueueName", "Value": "jobs-dlq"}])}),
    ],
    ids=lambda value: ",".join(value) or "none",
)  # fmt: skip
def test_drift_names_what_differs_and_leaves_others_actions_and_words(
    changed: Mapping[str, Any], differs: Mapping[str, tuple[Any, Any]]
) -> None:
    assert drift(SPEC, {**SPEC.request(), **changed}) == differs


def test_a_mended_alarm_keeps_what_others_put_on_it() -> None:
    theirs = {"AlarmDescription": "theirs", "OKActions": ["arn:ok"], "AlarmActions": ["arn:page"], "Unit": "Count"}
    [repair] = planned([SPEC], {SPEC.name: {**SPEC.request(), **theirs, "StateValue": "OK"}})
    assert isinstance(repair, PutAlarm)
    after = json.loads(repair.after)
    assert (after["AlarmDescription"], after["OKActions"]) == ("theirs", ["arn:ok"])
    assert (after["AlarmActions"], "Unit" in after, "StateValue" in after) == (["arn:page", TOPIC], False, False)
    assert str(repair) == (
        'set alarm jobs-dlq-messages AlarmActions ["arn:page"] -> ["arn:page", "arn:aws:sns:ap-northeast-2:1:ops"], '
        'Unit "Count" -> none'
    )


def test_an_alarm_on_a_formula_of_a_queue_is_seen_too() -> None:
    metric = {"Namespace": "AWS/SQS", "MetricName": "x", "Dimensions": [{"Name": "QueueName", "Value": "jobs"}]}
    assert watches(
        {"Metrics": [{"Id": "e", "Expression": "m"}, {"Id": "m", "MetricStat": {"Metric": metric}}]}, ["jobs"]
    )
    assert not watches({**metric, "Namespace": "Mine"}, ["jobs"])
    assert (
        said({"ComparisonOperator": "LessThanThreshold", "Threshold": 0.5})
        == "a formula < 0.5, None x None s; tells nobody"
    )


def test_apply_does_the_plan_once_and_its_undo_deletes_it_again(
    cli: Cli, state: State, prefix: str, topic: str, tmp_path: Path
) -> None:
    cli.set(ACADEMYCTL_ALARM_TOPIC=topic)
    dry = cli("alarm", "apply", "video", "-o", "json")
    assert (dry.code, dry.json["applied"], dry.json["remarks"], state()) == (0, False, [], {})
    missing = cli("alarm", "list", "video")
    assert (missing.code, missing.out.count("does not exist")) == (1, 2)
    done = cli("alarm", "apply", "video", "--apply", "-o", "json")
    assert (done.code, done.json["changes"]) == (0, dry.json["changes"])
    made = state()
    assert sorted(made) == [f"{prefix}-video-depth", f"{prefix}-video-dlq-messages"]
    assert {tuple(one["AlarmActions"]) for one in made.values()} == {(topic,)}
    again = cli("alarm", "apply", "video", "--apply")
    assert (again.code, "nothing to do" in again.out, configured(state())) == (0, True, configured(made))
    assert cli("alarm", "list", "video").code == 0
    for change in reversed(done.json["changes"]):
        assert cli(*shlex.split(change["undo"])[1:]).code == 0
    assert state() == {}
    [audit] = (tmp_path / "state").rglob("audit.jsonl")
    assert len(audit.read_text(encoding="utf-8").splitlines()) == 4


def test_drift_is_mended_foreign_actions_stay_and_the_undo_brings_the_old_alarm_back(
    cli: Cli, opened: Stores, state: State, prefix: str, topic: str
) -> None:
    cli.set(ACADEMYCTL_ALARM_TOPIC=topic)
    name = f"{prefix}-video-dlq-messages"
    # Guide 004's alarm: an average, more than 0, nobody told; and somebody's own action on recovery.
    theirs = {
        "AlarmName": name, "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": f"{prefix}-video-dlq"}], "Statistic": "Average", "Period": 300,
        "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching", "AlarmDescription": "강의 큐", "OKActions": [f"{topic}-ok"],
    }  # fmt: skip
    opened.alarms.put(theirs)
    before = state()
    listed = cli("alarm", "list", "video", "-o", "json")
    assert listed.code == 1
    differs = ["AlarmActions", "ComparisonOperator", "Statistic", "Threshold"]
    assert listed.json["alarms"][0]["differs"] == differs
    assert cli("alarm", "apply", "video").code == 0
    assert state() == before
    done = cli("alarm", "apply", "video", "--apply", "-o", "json")
    [mended] = [one for one in done.json["changes"] if name in one["change"]]
    assert (state()[name]["OKActions"], state()[name]["AlarmDescription"]) == ([f"{topic}-ok"], "강의 큐")
    assert state()[name]["AlarmActions"] == [topic]
    assert "nothing to do" in cli("alarm", "apply", "video", "--apply").out
    assert cli(*shlex.split(mended["undo"])[1:]).code == 0
    assert configured(state())[name] == configured(before)[name]


def test_an_apply_that_ended_in_the_middle_is_completed_by_the_next(
    cli: Cli, opened: Stores, state: State, prefix: str
) -> None:
    env = {"VIDEO_SQS_QUEUE_NAME": f"{prefix}-video"}
    first, second = planned(alarm_specs(queue_specs(load(env).settings.queues)[:1]), {})
    first.do(opened)
    left = cli("alarm", "apply", "video", "--apply", "-o", "json").json
    assert [one["change"] for one in left["changes"]] == [str(second)]
    assert len(state()) == 2
    with pytest.raises(Changed, match="meanwhile"):
        second.do(opened)


def test_others_alarms_of_the_queue_are_listed_and_left_alone(
    cli: Cli, opened: Stores, state: State, prefix: str
) -> None:
    opened.alarms.put({
        "AlarmName": f"{prefix}-scaleout", "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": f"{prefix}-video"}], "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    })  # fmt: skip
    before = state()
    assert cli("alarm", "apply", "video", "--apply").code == 0
    assert state()[f"{prefix}-scaleout"] == before[f"{prefix}-scaleout"]
    listed = cli("alarm", "list", "video", "-o", "json").json
    assert [one["name"] for one in listed["others"]] == [f"{prefix}-scaleout"]
    assert ">= 1, 1 x 60 s; tells nobody" in listed["others"][0]["watches"]
    assert "(others')" in cli("alarm", "list", "video").out


def test_an_alarm_that_goes_off_and_one_that_tells_nobody_are_unhealthy(
    cli: Cli, opened: Stores, prefix: str, topic: str
) -> None:
    muted = cli("alarm", "apply", "video", "--apply", "-o", "json")
    assert "tell nobody" in muted.json["remarks"][0]
    assert (cli("alarm", "list", "video").code, "nobody" in cli("alarm", "list", "video").out) == (1, True)
    told = cli("alarm", "apply", "video", "--action", topic, "--apply", "-o", "json")
    assert (len(told.json["changes"]), told.json["remarks"]) == (2, [])
    assert cli("alarm", "list", "video").code == 0
    opened.fleet_clients("cloudwatch").set_alarm_state(
        AlarmName=f"{prefix}-video-depth", StateValue="ALARM", StateReason="a test"
    )
    assert cli("alarm", "list", "video").code == 1
    for wrong in (f"{topic}-gone", "ops"):
        assert cli("alarm", "apply", "video", "--action", wrong, "--apply").code == 2


def test_any_alarm_can_be_put_and_deleted_by_plan(cli: Cli, state: State, prefix: str, tmp_path: Path) -> None:
    request = {**SPEC.request(), "AlarmName": f"{prefix}-own", "AlarmActions": []}
    file = tmp_path / "alarm.json"
    file.write_text(json.dumps(request), encoding="utf-8")
    assert (cli("alarm", "put", "--json", f"@{file}").code, state()) == (0, {})
    assert cli("alarm", "put", "--json", f"@{file}", "--apply").code == 0
    assert "nothing to do" in cli("alarm", "put", "--json", json.dumps(request), "--apply").out
    made = state()
    gone = cli("alarm", "delete", f"{prefix}-own", "--apply", "-o", "json").json["changes"]
    assert state() == {}
    assert "nothing to do" in cli("alarm", "delete", f"{prefix}-own", "--apply").out
    assert cli(*shlex.split(gone[0]["undo"])[1:]).code == 0
    assert configured(state()) == configured(made)
    for bad in ("{", "[]", "{}", '{"AlarmName": "x", "Color": "red"}', f"@{tmp_path / 'none'}", '{"AlarmName": "x"}'):
        assert cli("alarm", "put", "--json", bad, "--apply").code == 2
    assert "cannot be read" in cli("alarm", "put", "--json", f"@{tmp_path / 'none'}").err
    assert "EvaluationPeriods, ComparisonOperator, MetricName" in cli("alarm", "put", "--json", bad).err
    assert put_alarm(request, request) == ()

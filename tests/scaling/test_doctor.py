"""`scaling doctor`: each rule finds its fault, says what was seen and what mends it; a well group has no finding."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from academyctl.cli import _scaling_doctor
from academyctl.hosts import Machine
from academyctl.ops.doctor import examine
from academyctl.ops.doctor_facts import Env, Facts, Followed
from academyctl.ops.doctor_words import FAIL, TEXTS, UNKNOWN, WARN
from academyctl.ops.lambda_specs import Spec
from academyctl.ops.package import package, sha256
from academyctl.ops.scaling_policies import Around, wanted
from academyctl.ops.scaling_state import Names, State
from academyctl.output import Format
from academyctl.stores._fleet_types import Instance, Metric
from academyctl.stores.sqs import QueueAttributes
from tests.scaling.conftest import Operator, inherit

NAMES = Names("video", "group", ("videos",), "depth", "rule", "feeder")
COUNTER = Spec("depth", "depth", "queue_depth", 30, 128, {"VIDEO_QUEUE": "videos"}, {"MODE": "publish"})
AROUND = Around("aws", "ap-northeast-2", "1", "role", COUNTER, replace(COUNTER, name="feeder"), 1)
BARE: dict[str, Any] = {
    part: {} for part in ("hook", "function", "rule", "mapping", "policy", "alarm")
}  # fmt: skip
GROUP = {"group": {"NewInstancesProtectedFromScaleIn": False, "Metrics": []}}
RAW = {"MinSize": 1, "DesiredCapacity": 2, "MaxSize": 10, "Instances": []}
QUEUE = QueueAttributes("videos", "", "", 3, 1, 0, 300, 1209600, 20, 5, "videos-dlq")


def well(policy: str = "outstanding") -> Facts:
    empty = State(NAMES, {"group": GROUP, **copy.deepcopy(BARE)}, dict(RAW))
    state = replace(empty, parts=wanted(policy, empty, AROUND))
    seat = Instance("i-1", "InService", "Healthy", protected=False)
    machine = Machine("i-1", "video", None, seat, "group", beats=(None,))  # type: ignore[arg-type]  # any heartbeat
    return Facts(
        state, policy, 1, {"videos": QUEUE}, ("videos",), (), (), (machine,), beating=True, images={}, env=None
    )  # fmt: skip


def raw(facts: Facts, **changed: Any) -> Facts:
    return replace(facts, state=replace(facts.state, raw={**facts.state.raw, **changed}))


def part(facts: Facts, name: str, thing: str, change: Callable[[Any], Any]) -> Facts:
    """With one thing of a part changed; None takes it away."""
    parts = copy.deepcopy({key: dict(found) for key, found in facts.state.parts.items()})
    made = change(parts[name].get(thing))
    parts[name].pop(thing, None)
    if made is not None:
        parts[name][thing] = made
    return replace(facts, state=replace(facts.state, parts=parts))


def variable(facts: Facts, **changed: str) -> Facts:
    def change(function: Any) -> Any:
        function["Configuration"]["variables"].update(changed)
        return function

    return part(facts, "function", "depth", change)


def tracked(name: str) -> Callable[[Any], Any]:
    spec = {"CustomizedMetricSpecification": {"MetricName": name}, "TargetValue": 1.0}
    return lambda _now: {"PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": spec}


METRIC = Metric("Academy/VideoProcessing", "VideoQueueDepthTotal", (("WorkerType", "Video"),))
PROTECTED = {"InstanceId": "i-1", "LifecycleState": "InService", "ProtectedFromScaleIn": True}
CASES: dict[str, Callable[[], Facts]] = {
    "max-one": lambda: raw(well(), MaxSize=1, DesiredCapacity=1),
    "max-one-fixed": lambda: replace(raw(well("fixed"), MaxSize=1, DesiredCapacity=1), policy="fixed"),
    "idle-at-max": lambda: replace(
        raw(well(), DesiredCapacity=10), queues={"videos": replace(QUEUE, visible=0, in_flight=0)}
    ),
    "outside": lambda: raw(well(), DesiredCapacity=11),
    "two-scalers": lambda: part(well(), "policy", "p", tracked("Other")),
    "nothing-scales": lambda: replace(variable(well(), VIDEO_MODE="publish"), policy=""),
    "total-tracked": lambda: well("tt-total"),
    "in-flight-uncounted": lambda: part(well("fixed"), "policy", "p", tracked("ApproximateNumberOfMessagesVisible")),
    "no-alarm": lambda: part(well("step-alarm"), "alarm", "academy-video-queue-depth-scaleout", lambda _now: None),
    "function-queue": lambda: variable(well(), VIDEO_QUEUE="gone"),
    "function-other-queue": lambda: replace(variable(well(), VIDEO_QUEUE="other"), known_queues=("videos", "other")),
    "per-worker": lambda: variable(well(), VIDEO_TARGET_MESSAGES_PER_INSTANCE="20"),
    "foreign-function": lambda: part(well(), "function", "depth", lambda now: {**now, "Code": "theirs"}),
    "rule-missing": lambda: part(well(), "rule", "rule", lambda _now: None),
    "rule-off": lambda: part(well(), "rule", "rule", lambda now: {**now, "Rule": {**now["Rule"], "State": "DISABLED"}}),
    "rule-target": lambda: part(well(), "rule", "rule", lambda now: {**now, "Targets": []}),
    "rule-permission": lambda: part(well(), "function", "depth", lambda now: {**now, "Permissions": []}),
    "metric-silent": lambda: replace(well(), metrics=(Followed("p", METRIC, 0, ()),)),
    "metric-dimensions": lambda: replace(well(), metrics=(Followed("p", METRIC, 0, ((("WorkerType", "AI"),),)),)),
    "queue-missing": lambda: replace(well(), queues={}),
    "visibility-long": lambda: replace(well(), queues={"videos": replace(QUEUE, visibility_s=21600)}),
    "visibility-short": lambda: replace(
        well(), machines=tuple(replace(one, beats=()) for one in well().machines or ())
    ),
    "few-receives": lambda: replace(well("tt-backlog"), queues={"videos": replace(QUEUE, max_receive=3)}),
    "protected-at-launch": lambda: part(
        well(), "group", "group", lambda now: {**now, "NewInstancesProtectedFromScaleIn": True}
    ),
    "refresh-stuck": lambda: replace(
        raw(well(), Instances=[PROTECTED]), refreshes=({"Status": "InProgress", "InstanceRefreshId": "r"},)
    ),
    "unprotected": lambda: well("lambda-rule"),
    "no-heartbeat": lambda: replace(well(), machines=tuple(replace(one, beats=()) for one in well().machines or ())),
    "ecs-image": lambda: replace(well(), images={"ami-1": "amzn2-ami-ecs-hvm-2.0"}),
    "env-shrank": lambda: replace(well(), env=Env("/academy/workers/env", 4, 4000, 3900, ("DB_HOST",))),
}


@pytest.mark.parametrize("code", CASES)
def test_each_rule_finds_its_fault(code: str) -> None:
    findings = {one.code: one for one in examine(CASES[code]())}
    assert code in findings, sorted(findings)
    found = findings[code]
    assert found.evidence
    assert found.command.startswith("academyctl ")
    found.text.ko.encode("cp949")
    assert "{" not in found.text.en + found.text.ko


def test_every_text_has_a_case_and_what_is_well_has_no_finding() -> None:
    assert set(CASES) == set(TEXTS)
    for policy in ("outstanding", "batch", "fixed"):
        assert examine(well(policy)) == ()
    assert sha256(package("queue_depth")) == well().state.of("function")["depth"]["Code"]


def test_what_could_not_be_read_is_unknown_and_judged_by_no_rule() -> None:
    blind = replace(
        well(), queues={}, known_queues=None, metrics=None, refreshes=None, machines=None, beating=False, images=None,
        unread=(("queues", "denied"),),
    )  # fmt: skip
    [one] = examine(blind)
    assert (one.level, one.evidence) == (UNKNOWN, "denied")


def test_an_inherited_fleet_is_examined_and_every_command_it_names_exists(operator: Operator) -> None:
    from academyctl.__main__ import main

    inherit(operator.fleet)
    with pytest.raises(BaseException) as ended:
        _scaling_doctor.doctor(operator.here, "video", Format.table)
    assert getattr(ended.value, "exit_code", None) == 1
    said = operator.said.readouterr().out
    for code in (
        "two-scalers",
        "total-tracked",
        "rule-off",
        "metric-silent",
        "foreign-function",
        "protected-at-launch",
    ):
        assert re.search(rf"(FAIL|warn) +{code}:", said), said
    for line in {found.command for case in CASES.values() for found in examine(case())}:
        words = line.split()[1:]
        assert main([*words[: 3 if words[0] in ("lambda", "ssm") and words[1] == "env" else 2], "--help"]) == 0, line


def test_a_warning_alone_is_no_failure_and_what_was_not_seen_is_told() -> None:
    assert [_scaling_doctor.code_of(set(levels)) for levels in ((), (WARN,), (WARN, UNKNOWN), (UNKNOWN, FAIL))] == [
        0, 0, 3, 1,
    ]  # fmt: skip

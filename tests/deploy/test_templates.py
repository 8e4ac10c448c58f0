"""The templates: as AWS's own schemas want them, named as the settings name things, and safe to delete."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from academyctl.ops.queues import MAX_RECEIVE, RETENTION_S, queue_specs
from academyctl.settings import leaves
from academyctl.settings_analysis import Analysis
from academyctl.settings_model import Queues
from tests.deploy.templates import FOLDER, TEMPLATES, resources, template
from workers import _place

_SETTING = re.compile(r"\bsetting ([a-z]+\.[a-z_]+)(?: \(([A-Z0-9_]+)\))?")
# What holds data that somebody would miss.
_KEPT = {"AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::ECR::Repository"}


def parameters(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template(name)["Parameters"]
    return found


@pytest.fixture(scope="module")
def linter() -> Any:
    """One for all: reading its rules and AWS's schemas takes longer than judging a template."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=["ap-northeast-2"]))


@pytest.mark.parametrize("name", TEMPLATES)
def test_cfn_lint_finds_nothing(linter: Any, name: str) -> None:
    found = linter.validate_template(template(name))
    assert [f"{one.linenumber}: {one.rule.id} {one.message}" for one in found] == []


def test_cfn_lint_finds_what_is_wrong(linter: Any) -> None:
    wrong = {**template("batch.yaml"), "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Name": "x"}}}}
    assert {one.rule.id for one in linter.validate_template(wrong)} >= {"E3002"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_uses_the_aliases_that_cloudformation_does_not_know(name: str) -> None:
    events = yaml.parse((FOLDER / name).read_text(encoding="utf-8"))
    assert not [one for one in events if isinstance(one, yaml.AliasEvent)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_parameter_named_after_a_setting_has_its_default_and_its_variable(name: str) -> None:
    known = {leaf.path: leaf for leaf in leaves()}
    seen = 0
    for parameter in parameters(name).values():
        said = _SETTING.search(parameter.get("Description", ""))
        if said is None:
            continue
        assert str(parameter["Default"]) == str(known[said[1]].default), said[1]
        assert said[2] is None or said[2] in known[said[1]].env, said[0]
        seen += 1
    assert seen or name == "images.yaml"


def test_the_queues_are_the_platforms() -> None:
    specs = {spec.name: spec for spec in queue_specs(Queues())}
    named = {word: one["Default"] for word, one in parameters("queues.yaml").items() if word.endswith("Queue")}
    assert set(named.values()) == set(specs)
    made = dict(resources("queues.yaml", "AWS::SQS::Queue"))
    for word, queue in named.items():
        jobs = made[f"{word.removesuffix('Queue')}Jobs"]
        assert jobs["VisibilityTimeout"] == specs[queue].visibility_s
        assert jobs["MessageRetentionPeriod"] == RETENTION_S
        assert jobs["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVE
        assert made[f"{word.removesuffix('Queue')}Dlq"]["MessageRetentionPeriod"] == RETENTION_S


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_holds_data_outlives_its_stack(name: str) -> None:
    for logical, resource in template(name)["Resources"].items():
        if resource["Type"] in _KEPT:
            kept = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            assert kept == ("Retain", "Retain"), logical


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_log_group_forgets(name: str) -> None:
    assert all(one["RetentionInDays"] <= 30 for _, one in resources(name, "AWS::Logs::LogGroup"))


@pytest.mark.parametrize("name", ["batch.yaml", "workers.yaml"])
def test_every_machine_answers_metadata_only_with_a_token_and_writes_encrypted_disks(name: str) -> None:
    for _, one in resources(name, "AWS::EC2::LaunchTemplate"):
        data = one["LaunchTemplateData"]
        # Two hops: what asks is inside a container.
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
        disks = [disk["Fn::If"][1] if "Fn::If" in disk else disk for disk in data["BlockDeviceMappings"]]
        assert all(disk["Ebs"]["Encrypted"] for disk in disks)


def test_an_update_of_the_workers_does_not_take_the_scaling_policys_decision_back() -> None:
    [(_, group)] = resources("workers.yaml", "AWS::AutoScaling::AutoScalingGroup")
    assert "DesiredCapacity" not in group
    assert group["NewInstancesProtectedFromScaleIn"] is False


def test_an_ending_instance_waits_for_a_word_that_its_worker_gives() -> None:
    [(_, group)] = resources("workers.yaml", "AWS::AutoScaling::AutoScalingGroup")
    hooks = {one["LifecycleTransition"]: one for one in group["LifecycleHookSpecificationList"]}
    assert hooks[_place.TERMINATING]["LifecycleHookName"]["Fn::Sub"].endswith(_place.OURS)
    launching = hooks["autoscaling:EC2_INSTANCE_LAUNCHING"]
    assert (launching["DefaultResult"], hooks[_place.TERMINATING]["DefaultResult"]) == ("ABANDON", "CONTINUE")


def test_an_alarm_tells_somebody_as_soon_as_there_is_a_topic() -> None:
    for name in ("queues.yaml", "analysis.yaml"):
        for logical, alarm in resources(name, "AWS::CloudWatch::Alarm"):
            assert alarm["AlarmActions"]["Fn::If"][1] == [{"Ref": "AlarmTopic"}], logical


def test_a_batch_attempt_lasts_longer_than_the_request_it_makes() -> None:
    [(_, job)] = resources("analysis-batch.yaml", "AWS::Batch::JobDefinition")
    assert job["Timeout"]["AttemptDurationSeconds"] > Analysis().request_s
    [(_, function)] = resources("analysis.yaml", "AWS::Lambda::Function")
    queue = dict(resources("analysis.yaml", "AWS::SQS::Queue"))["Uploads"]
    # AWS's rule for a queue that feeds a function.
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]

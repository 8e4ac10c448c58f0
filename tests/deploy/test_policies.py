"""The policies: every action that the code asks for, no other, and with academyctl-read alone every command reads."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import academyctl.stores
from academyctl.cli import WORDS
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from tests.deploy.templates import deployed, resources, template
from tests.docs import leaves
from tests.video_commands.conftest import Cli

_SERVICES = "sqs|autoscaling|ec2|lambda|events|cloudwatch|logs|batch|ecr|ssm|sns|s3|iam|sts|secretsmanager"
_NAMED = re.compile(rf'"((?:{_SERVICES}):[A-Z]\w+)"')
_OF_LAMBDA = re.compile(r'_asked\(\s*"(\w+)"')
# Calls whose permission has another name.
_PERMISSION = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
# What AWS itself does in somebody's name, and what the functions and the machines' own programs do.
_NOT_OURS = {
    "batch:TagResource",
    "cloudwatch:PutMetricData",
    "ec2:StartInstances",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "iam:PassRole",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}
_FLEET = ("queue", "host", "asg", "scaling", "lambda", "rule", "alarm", "logs", "ecr", "ssm", "batch")
# Managed policies may have so many characters, spaces not counted.
_POLICY_MAX = 6144
READS = (
    "queue list",
    "queue show",
    "queue peek video --dlq",
    "host list",
    "asg show",
    "asg activities video",
    "scaling show",
    "scaling plan outstanding",
    "scaling doctor",
    "lambda list",
    "lambda show depth",
    "lambda logs depth",
    "lambda env show depth",
    "rule list",
    "rule show depth",
    "alarm list",
    "logs tail depth",
    "ecr check",
    "ssm env show",
    "ssm env diff {env}",
    "batch list",
    "batch doctor",
    "diagnose aws",
    "diagnose sqs",
    "diagnose scaling",
    "diagnose lambda",
    "diagnose batch",
    "diagnose pipeline",
)
# Asked for one thing that is not there, or nothing of AWS's.
ELSEWHERE = {"host show", "scaling simulate", "batch show", "batch logs"}


def granted(template: str) -> dict[str, set[str]]:
    """Role or policy -> the actions it allows."""
    found: dict[str, set[str]] = {}
    for logical, role in resources(template, "AWS::IAM::Role"):
        found[logical] = {one for policy in role.get("Policies", []) for one in actions(policy["PolicyDocument"])}
    for logical, policy in resources(template, "AWS::IAM::ManagedPolicy"):
        found[logical] = set(actions(policy["PolicyDocument"]))
    return found


def actions(document: dict[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        said = statement["Action"]
        yield from [said] if isinstance(said, str) else said


def asked_for() -> set[str]:
    """The actions that stores name when they call, as permissions."""
    found = set()
    for path in Path(academyctl.stores.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {match[1] for match in _NAMED.finditer(text)}
        if path.name == "functions.py":
            found |= {f"lambda:{match[1]}" for match in _OF_LAMBDA.finditer(text)}
    return {_PERMISSION.get(one, one) for one in found}


def test_every_action_of_the_code_is_granted_to_somebody() -> None:
    given = set().union(*granted("iam.yaml").values(), *granted("operators.yaml").values())
    assert asked_for() - given == set()


def test_nothing_is_granted_that_nobody_uses() -> None:
    given = set().union(*granted("iam.yaml").values(), *granted("operators.yaml").values())
    assert given - asked_for() == _NOT_OURS


def test_no_policy_has_a_wildcard_action() -> None:
    for name in ("iam.yaml", "operators.yaml"):
        for who, allowed in granted(name).items():
            assert [one for one in allowed if "*" in one] == [], who


def test_a_policy_is_no_longer_than_aws_takes() -> None:
    real = {"AWS::Partition": "aws", "AWS::Region": "ap-northeast-2", "AWS::AccountId": "123456789012"}
    for name in ("iam.yaml", "operators.yaml"):
        values = {**real, **{word: str(one["Default"]) for word, one in template(name)["Parameters"].items()}}
        for logical, policy in resources(name, "AWS::IAM::ManagedPolicy"):
            text = json.dumps(policy["PolicyDocument"], separators=(",", ":")).replace('{"Fn::Sub":', "")
            for word, value in values.items():
                text = text.replace(f"${{{word}}}", value)
            assert len(text) < _POLICY_MAX, logical


def test_who_may_read_changes_nothing() -> None:
    """A receive that gives back is how a dead-letter queue is looked into; all else begins with a reading verb."""
    reading = re.compile(r":(Describe|Get|List|Filter)")
    read = granted("operators.yaml")["Read"]
    changing = {"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"}
    assert {one for one in read if not reading.search(one)} - {"iam:SimulatePrincipalPolicy"} == changing


def test_a_worker_reaches_its_own_queue_alone() -> None:
    for logical, role in resources("iam.yaml", "AWS::IAM::Role"):
        if not logical.endswith("Worker"):
            continue
        queue = role["Policies"][0]["PolicyDocument"]["Statement"][0]
        name = {"VideoWorker": "VideoQueue", "AiWorker": "AiQueues", "MessagingWorker": "MessagingQueue"}[logical]
        assert all(name in one["Fn::Sub"] for one in queue["Resource"]), logical


@pytest.fixture(scope="module")
def reader(stack: LocalStack) -> Iterator[dict[str, str]]:
    """The stack's environment with a key of a user who has academyctl-read and nothing else."""
    stores = Stores(load(stack.env()).settings)
    clients = stores.aws_clients()
    with deployed(clients, "operators", "operators.yaml"):
        yield {**stack.env(), **key_of(clients, "academyctl-read")}
        leave(clients, "academyctl-read")
    stores.close()


def key_of(clients: ClientFactory, policy: str) -> dict[str, str]:
    iam = clients("iam")
    [arn] = [one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"] if one["PolicyName"] == policy]
    iam.create_user(UserName=policy)
    iam.attach_user_policy(UserName=policy, PolicyArn=arn)
    # The emulator asks for the writing permission where AWS asks for lambda:GetFunctionConcurrency.
    also = {"Effect": "Allow", "Action": "lambda:PutFunctionConcurrency", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [also]})
    iam.put_user_policy(UserName=policy, PolicyName="gap", PolicyDocument=document)
    key = iam.create_access_key(UserName=policy)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def leave(clients: ClientFactory, user: str) -> None:
    iam = clients("iam")
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for one in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=user, PolicyArn=one["PolicyArn"])
    iam.delete_user_policy(UserName=user, PolicyName="gap")
    iam.delete_user(UserName=user)


@pytest.fixture
def cli(
    reader: dict[str, str], stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:  # fmt: skip
    parameter = load(stack.env()).settings.fleet.ssm_env
    ssm = Stores(load(stack.env()).settings).aws_clients()("ssm")
    ssm.put_parameter(Name=parameter, Value="DB_HOST=db\n", Type="SecureString", Overwrite=True)
    (tmp_path / "env").write_text("DB_HOST=db\n", encoding="utf-8")
    return Cli({**reader, "XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}, monkeypatch, capsys)


@pytest.mark.parametrize("words", READS)
def test_academyctl_read_suffices_for(cli: Cli, tmp_path: Path, words: str) -> None:
    ran = cli(*words.format(env=tmp_path / "env").split())
    said = ran.out + ran.err
    assert "not authorized" not in said, said
    assert "AccessDenied" not in said, said
    assert ran.code in (0, 1, 4), said


def test_academyctl_read_does_not_suffice_for_a_change(cli: Cli) -> None:
    ran = cli("asg", "set", "video", "--max", "19", "--apply")
    assert ran.code == 3
    assert "autoscaling:UpdateAutoScalingGroup" in ran.err


def test_every_reading_command_of_the_fleet_is_tried() -> None:
    tried = {" ".join(one for one in words.split() if one[0] not in "-{") for words in READS}
    for word in _FLEET:
        group = typer.main.get_command(importlib.import_module(WORDS[word][0]).app)
        for path, command in leaves(group, word):
            if any(parameter.name == "apply" for parameter in command.params):
                continue
            assert path in ELSEWHERE or any(one == path or one.startswith(f"{path} ") for one in tried), path

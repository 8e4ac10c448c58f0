"""An AWS account of the tests' own with the platform's real names, so that the guides' commands run as they stand."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.local import resources
from academyctl.local.stack import LocalStack
from academyctl.settings import Settings, load
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from tests.guides.commands import commands
from tests.video_commands.conftest import Cli, Ran


@dataclass(frozen=True)
class Account:
    """An account of the emulator that is the platform and nothing else."""

    env: dict[str, str]
    settings: Settings
    clients: ClientFactory
    driver: Any


@pytest.fixture(scope="package")
def account(stack: LocalStack) -> Iterator[Account]:
    # The emulator takes a key of twelve digits for the account of that number.
    number = str(random.randrange(10**11, 10**12))
    env = {**stack.env(), "AWS_ACCESS_KEY_ID": number, "AWS_SECRET_ACCESS_KEY": "any"}
    stores = Stores(load(env).settings)
    settings, clients = stores.settings, stores.aws_clients()
    resources.create_all(
        clients, queues=settings.queues, buckets=settings.r2, fleet=settings.fleet, region=settings.aws.region
    )
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": settings.fleet.api_name_tag}]}]
    clients("ec2").run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t4g.small", TagSpecifications=tags
    )
    with pytest.MonkeyPatch.context() as patch:
        # The AWS CLI reads its keys once, when it is made.
        for name, value in env.items():
            patch.setenv(name, value)
        from awscli.clidriver import create_clidriver

        yield Account(env, settings, clients, create_clidriver())
    stores.close()


class Both:
    """Runs the guides' commands with the AWS CLI, and ours, in this process and on the same account."""

    def __init__(self, account: Account, cli: Cli) -> None:
        self.account = account
        self.clients = account.clients
        self.cli = cli

    def ours(self, line: str, *, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """The JSON that `academyctl LINE` prints."""
        ran: Ran = self.cli(*shlex.split(line), "-o", "json")
        assert ran.code in codes, ran.out + ran.err
        return ran.json

    def guide(self, guide: str, begins: str, number: int = 0, fill: Mapping[str, str] = {}) -> Any:
        """What the guide's own command answers: the `number`th of that guide that begins so."""
        text = [one.text for one in commands() if one.guide == guide and one.text.startswith(begins)][number]
        return self.aws(filled(text, fill))

    def aws(self, line: str) -> Any:
        """What the AWS CLI answers, as JSON: only the form in which a guide asks for it is left out."""
        # Version 1 of the AWS CLI, the one on PyPI, takes no other binary format than this.
        words = shlex.split(re.sub(r" --(output|cli-binary-format) \S+", "", line))
        assert words[0] == "aws"
        argv = [*words[1:], "--output", "json", "--endpoint-url", self.account.env["AWS_ENDPOINT_URL"]]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = self.account.driver.main(argv)
        assert code == 0, line
        return json.loads(out.getvalue() or "null")


def filled(text: str, fill: Mapping[str, str]) -> str:
    """A guide's line with what its shell would put in: variables, times, and what `<...>` stands for."""
    text = text.partition("; ")[0]
    if inside := re.fullmatch(r"\w+=\$\((.*)\)", text):
        text = inside[1]
    text = re.sub(r"\(Get-Date\)(\.AddHours\(-1\))?\.ToUniversalTime\(\)\.ToString\(\"[^\"]*\"\)", _time, text)
    for name, value in {"$Region": "ap-northeast-2", **fill}.items():
        text = text.replace(name, value)
    return text


def _time(match: re.Match[str]) -> str:
    from datetime import UTC, datetime, timedelta

    hours = -1 if match[1] else 1
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def both(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Both:
    monkeypatch.chdir(tmp_path)
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "AWS_PAGER": ""}
    assert "AWS_PROFILE" not in os.environ
    return Both(account, Cli({**account.env, **state}, monkeypatch, capsys))

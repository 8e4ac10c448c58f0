"""`worker run --env-from-ssm`: a container's settings from one parameter, or none (contract 13, its entry point)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.cli import _worker_env
from academyctl.cli._common import Session
from academyctl.contract.worker_env import REQUIRED, Form, render
from academyctl.errors import WorkFailed
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.cli.tool import academyctl

VALUES = {**dict.fromkeys(REQUIRED, "x"), "DB_PORT": "5432", "REDIS_PORT": "6379",
          "DJANGO_SETTINGS_MODULE": _worker_env.WORKER_MODULE}  # fmt: skip
Put = Callable[[str], str]


@pytest.fixture
def account(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a container has before it has its settings: keys, a region, an endpoint."""
    env = {name: value for name, value in stack.env().items() if name.startswith("AWS_")}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.fixture
def put(account: dict[str, str]) -> Put:
    stores = Stores(load(account).settings)

    def make(text: str) -> str:
        name = f"/test/{uuid.uuid4()}"
        stores.parameters.put(name, text, new=True)
        return name

    return make


@pytest.mark.parametrize("form", Form)
def test_every_form_of_the_parameter_fills_the_environment_and_what_the_container_says_stays(
    put: Put, form: Form
) -> None:
    environ = {"DB_HOST": "nearer", "DB_USER": " "}
    _worker_env.fill(Session(), put(render(VALUES, form)), environ)
    assert environ == {**VALUES, "DB_HOST": "nearer"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (render({k: v for k, v in VALUES.items() if k not in ("DB_HOST", "REDIS_HOST")}, Form.json), "DB_HOST, REDIS"),
        (render({**VALUES, "DJANGO_SETTINGS_MODULE": "apps.api.config.settings.prod"}, Form.json), "another service's"),
        ('{"DB_HOST": ', "cannot be read as JSON"),
        ("no variables", "line 1"),
        ("A=x\x00", "line 1 holds a NUL"),
        ('{"A=B": "x"}', "name 1 can be no variable's"),
        ('{"A": "x\\u0000"}', "the value of A holds a NUL"),
    ],
)
def test_half_of_the_settings_are_none(put: Put, text: str, why: str) -> None:
    with pytest.raises(WorkFailed, match=why):
        _worker_env.fill(Session(), put(text), {})


def test_what_only_the_platforms_worker_needs_is_named_and_no_reason_to_stop(
    put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {name: value for name, value in VALUES.items() if name not in ("INTERNAL_WORKER_TOKEN", "API_BASE_URL")}
    _worker_env.fill(Session(), put(json.dumps(values)), {})
    assert "lacks API_BASE_URL, INTERNAL_WORKER_TOKEN" in capsys.readouterr().err


def test_a_parameter_that_is_not_there_or_may_not_be_read_ends_with_1(
    account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WorkFailed, match="no such parameter") as absent:
        _worker_env.fill(Session(), "/test/absent", {})
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(WorkFailed, match="GetParameter") as refused:
        _worker_env.fill(Session(), "/test/absent", {})
    assert (absent.value.exit_code, refused.value.exit_code) == (1, 1)


def test_a_batch_container_starts_with_an_id_a_region_and_the_parameter(
    put: Put, platform_env: dict[str, str], account: dict[str, str], tmp_path: Path
) -> None:
    values = {**VALUES, **{name: value for name, value in platform_env.items() if not name.startswith("AWS_")}}
    del values["ACADEMYCTL_LOCAL_DIR"]
    name = put(json.dumps({**values, "AWS_DEFAULT_REGION": account["AWS_REGION"], "VIDEO_WORKER_TEMP_DIR": "work"}))
    job_id = str(uuid.uuid4())
    ended = academyctl("worker", "run", "video", "--job", job_id, "--env-from-ssm", name, folder=tmp_path, env=account)
    assert ended.code == 0, ended.err
    [line] = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    assert (line["event"], line["job_id"]) == ("JOB_NOT_FOUND", job_id)
    refused = academyctl("worker", "run", "ai", "--job", job_id, folder=tmp_path, env=account)
    assert (refused.code, "takes no single job" in refused.err) == (2, True)

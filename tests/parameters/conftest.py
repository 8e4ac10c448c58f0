"""A parameter of the test's own, and the command over it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.parameters import Parameter, Parameters
from tests.video_commands.conftest import Cli


@dataclass(frozen=True)
class Own:
    """The parameter's name, and SSM as the platform's client sees it."""

    name: str
    ssm: Any
    store: Parameters

    def now(self) -> Parameter | None:
        return self.store.get(self.name)

    def history(self) -> Any:
        """Every version as AWS tells it."""
        return self.ssm.get_parameter_history(Name=self.name, WithDecryption=True)["Parameters"]


@pytest.fixture(scope="package")
def opened(stack: LocalStack) -> Iterator[Stores]:
    stores = Stores(load(stack.env()).settings)
    yield stores
    stores.close()


@pytest.fixture
def own(opened: Stores) -> Own:
    return Own(f"/test/{uuid.uuid4().hex}/env", opened.fleet_clients("ssm"), opened.parameters)


@pytest.fixture
def cli(
    stack: LocalStack, own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**stack.env(), **state, "BATCH_SSM_ENV": own.name}, monkeypatch, capsys)

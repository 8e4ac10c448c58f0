"""One database for all tests of deliveries, emptied before each: making one costs more than emptying it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.local import postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.deliveries.books import Books
from tests.video_commands.conftest import Cli

# For a handful of rows faster than TRUNCATE, which makes new files.
_EMPTY = """
DELETE FROM messaging_notificationlog; DELETE FROM academyctl_message_delivery; DELETE FROM academyctl_credit_account;
DELETE FROM academyctl_credit_entry; DELETE FROM core_tenant
"""


@pytest.fixture(scope="package")
def books_env(stack: LocalStack) -> Iterator[dict[str, str]]:
    env = {**stack.env(), "DB_NAME": f"books{os.getpid()}", "ACADEMYCTL_LOCAL_DIR": str(stack.folder)}
    postgres.create(stack.state(), env["DB_NAME"])
    yield env
    postgres.drop(stack.state(), env["DB_NAME"])


@pytest.fixture(scope="package")
def books_stores(books_env: dict[str, str]) -> Iterator[Stores]:
    stores = Stores(load(books_env).settings)
    yield stores
    stores.close()


@pytest.fixture
def books(books_stores: Stores) -> Books:
    """No academy, no delivery, no entry."""
    books_stores.db.execute(_EMPTY)
    return Books(books_stores)


@pytest.fixture
def cli(
    books_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """The command in this process, over the database of `books`."""
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**books_env, **state}, monkeypatch, capsys)

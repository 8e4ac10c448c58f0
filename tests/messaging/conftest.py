"""An operator who writes texts: the command line in this process, over a database and a queue of the test's own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.texts import Text, parse_text
from academyctl.local import resources, sample
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.video_commands.conftest import Cli

Academy = Callable[..., int]
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Queue:
    """A queue for texts; `texts()` is what a worker would receive next."""

    stores: Stores
    name: str

    def bodies(self) -> list[str]:
        return [message.body for message in self.stores.sqs.receive(self.name, wait_s=0)]

    def texts(self) -> list[Text]:
        return [parse_text(body) for body in self.bodies()]


@pytest.fixture(scope="package")
def shared_queue(stack: LocalStack) -> Iterator[Queue]:
    name = f"written{os.getpid()}x{next(_NUMBERS)}"
    stores = Stores(load({**stack.env(), "MESSAGING_SQS_QUEUE_NAME": name}).settings)
    spec = next(one for one in resources.queue_specs(stores.settings.queues) if one.name == name)
    resources.create_queue(stores.sqs, spec)
    yield Queue(stores, name)
    stores.sqs.remove(spec.name)
    stores.sqs.remove(spec.dlq)
    stores.close()


@pytest.fixture
def queue(shared_queue: Queue) -> Queue:
    shared_queue.stores.sqs.purge(shared_queue.name)
    return shared_queue


@pytest.fixture
def cli(
    database: dict[str, str],
    shared_queue: Queue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**database, **state, "MESSAGING_SQS_QUEUE_NAME": shared_queue.name}, monkeypatch, capsys)


@pytest.fixture
def platform(database: dict[str, str]) -> Iterator[Stores]:
    """Stores over the database that `cli` has."""
    stores = Stores(load(database).settings)
    yield stores
    stores.close()


@pytest.fixture
def academy(platform: Stores) -> Academy:
    """Makes an academy `hanbit` that may send, with a credit of 10,000 won and a price of 8.50; `columns` replace."""

    def make(**columns: Any) -> int:
        with platform.db.tx() as cursor:
            tenant_id = sample.make_tenant(cursor, code="hanbit")
            for name, value in columns.items():
                cursor.execute(f"UPDATE core_tenant SET {name} = %s WHERE id = %s".encode(), (value, tenant_id))
        return tenant_id

    return make

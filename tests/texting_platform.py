"""The platform around the messaging worker: academies, its queue, and a Solapi of the test's own."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.texts import text_body
from academyctl.local import environment, postgres, resources, sample
from academyctl.local.resources import QueueSpec
from academyctl.local.solapi import Account, read_inbox, serve
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.sqs import Message, Sqs

_NUMBERS = itertools.count(1)
# Not TRUNCATE: for tables with a handful of rows that costs twenty times as much.
_EMPTY = """
DELETE FROM messaging_notificationlog; DELETE FROM academyctl_message_delivery; DELETE FROM academyctl_credit_account;
DELETE FROM academyctl_credit_entry; DELETE FROM core_tenant
"""
OPENING = 10_000
PHONE = "01077351902"
"""Whose digits no log line may show."""


@dataclass
class Texting:
    """One test's world: `env` and `stores` reach a database, an emptied Redis, a queue pair and `account` (Solapi).

    The queue pair is made when it is first asked for: many tests need none.
    """

    env: dict[str, str]
    stores: Stores
    account: Account
    sqs: Sqs
    _made: QueueSpec | None = None

    @property
    def queue(self) -> str:
        if self._made is None:
            specs = resources.queue_specs(self.stores.settings.queues)
            self._made = next(spec for spec in specs if spec.name == self.stores.settings.queues.messaging)
            resources.create_queue(self.sqs, self._made)
        return self._made.name

    @property
    def dlq(self) -> str:
        return f"{self.queue}-dlq"

    def close(self) -> None:
        if self._made is not None:
            self.sqs.remove(self._made.name)
            self.sqs.remove(self._made.dlq)
        self.stores.close()

    def academy(self, **columns: Any) -> int:
        """A tenant that may send, with credit of 10,000 won and a price of 8.50; its id. `columns` replace."""
        with self.stores.db.tx() as cursor:
            tenant_id = sample.make_tenant(cursor, code=f"a{os.urandom(4).hex()}")
            for name, value in columns.items():
                cursor.execute(f"UPDATE core_tenant SET {name} = %s WHERE id = %s".encode(), (value, tenant_id))
        return tenant_id

    def text(self, tenant_id: int, to: str = PHONE, text: str = "출석이 확인되었습니다.", **said: Any) -> str:
        """A message as the API puts it into the queue; its SQS id."""
        return self.sqs.send(self.queue, text_body(tenant_id=tenant_id, to=to, text=text, **said))

    def inbox(self) -> list[dict[str, Any]]:
        """What Solapi accepted, oldest first."""
        return read_inbox(self.account.inbox)

    def balance(self, tenant_id: int) -> int:
        return int(self.one("SELECT credit_balance AS n FROM core_tenant WHERE id = %s", tenant_id)["n"])

    def rows(self) -> list[dict[str, Any]]:
        """The deliveries, oldest first."""
        return self.stores.db.query("SELECT * FROM academyctl_message_delivery ORDER BY created_at, key")

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]

    def log_rows(self) -> list[dict[str, Any]]:
        """The platform's log of attempts, oldest first."""
        return self.stores.db.query("SELECT * FROM messaging_notificationlog ORDER BY id")

    def one(self, sql: str, *args: Any) -> dict[str, Any]:
        with self.stores.db.tx(read_only=True) as cursor:
            found = cursor.execute(sql.encode(), args).fetchone()
        assert found is not None
        return found

    def left(self) -> int:
        """Messages in the queue: visible, in flight and delayed."""
        seen = self.sqs.attributes(self.queue)
        return seen.visible + seen.in_flight + seen.delayed

    def letters(self) -> list[Message]:
        """The dead letters; they are received and stay in flight."""
        return self.sqs.receive(self.dlq, wait_s=0)


@pytest.fixture(scope="package")
def texting_platform(stack: LocalStack) -> Iterator[tuple[dict[str, str], Stores]]:
    """A database for texts, and stores over it: making them costs more than emptying them."""
    env = {
        **stack.env(),
        "DB_NAME": f"texts{os.getpid()}x{next(_NUMBERS)}",
        "REDIS_DB": "3",
        "ACADEMYCTL_LOCAL_DIR": str(stack.folder),
        "MESSAGING_RESEND_AFTER_SECONDS": "0",
        "WORKER_ID": "test-host",
    }
    postgres.create(stack.state(), env["DB_NAME"])
    stores = Stores(load(env).settings)
    yield env, stores
    stores.close()
    postgres.drop(stack.state(), env["DB_NAME"])


@pytest.fixture
def texting(texting_platform: tuple[dict[str, str], Stores], tmp_path: Path) -> Iterator[Texting]:
    """Empty tables, an empty queue pair, an emptied Redis, and a Solapi with an inbox of its own."""
    shared_env, shared = texting_platform
    account = Account(
        "KEY" + os.urandom(6).hex(), os.urandom(16).hex(), tmp_path / "inbox.jsonl", (environment.SENDER,)
    )
    with _served(account) as url:
        env = {
            **shared_env,
            "MESSAGING_SQS_QUEUE_NAME": f"{shared_env['DB_NAME']}-{next(_NUMBERS)}",
            "SOLAPI_API_KEY": account.api_key,
            "SOLAPI_API_SECRET": account.secret,
            "SOLAPI_BASE_URL": url,
        }
        shared.db.execute(_EMPTY)
        shared.redis.delete(*shared.redis.scan("*"))
        made = Texting(env, Stores(load(env).settings), account, shared.sqs)
        yield made
        made.close()


@contextmanager
def _served(account: Account) -> Iterator[str]:
    server = serve(0, account)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

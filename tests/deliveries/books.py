"""What the tests of deliveries share: academies with credit, texts to claim, and what all the books say of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from academyctl.errors import DatabaseAway
from academyctl.local import sample
from academyctl.messaging.model import End, New, State
from academyctl.stores import Stores, deliveries
from academyctl.stores.postgres import Postgres

PHONE = "01077351902"
LEASE = 60.0


@dataclass
class Books:
    """An emptied database of academies and deliveries."""

    stores: Stores
    opened: dict[int, int] = field(default_factory=dict)

    @property
    def db(self) -> Any:
        return self.stores.db

    def academy(self, *, balance: int = 1000, price: str = "8.50", code: str = "", name: str = "학원") -> int:
        with self.db.tx() as cursor:
            tenant = sample.make_tenant(cursor, code=code or f"a{len(self.opened)}", name=name)
            cursor.execute(
                "UPDATE core_tenant SET credit_balance = %s, messaging_base_price = %s WHERE id = %s",
                (balance, price, tenant),
            )
        self.opened[tenant] = balance
        return tenant

    def claimed(self, tenant: int, *keys: str, token: str = "me", price: int = 850, lease: float = LEASE) -> set[str]:
        """Claim and charge, as the worker does; the keys that were paid."""
        with self.db.tx() as cursor:
            found = deliveries.tenants(cursor, [tenant], lock=True)[tenant]
            won = deliveries.claim(cursor, [new(key, tenant, price=price) for key in keys], token, lease)
            paid = deliveries.charge(cursor, found, [(key, price) for key in keys if key in won])
            deliveries.unclaim(cursor, won - paid, token)
        return paid

    def sending(self, tenant: int, *keys: str, token: str = "me", price: int = 850) -> None:
        self.claimed(tenant, *keys, token=token, price=price)
        assert deliveries.sending(self.db, keys, token, LEASE) == set(keys)

    def ended(self, tenant: int, state: State, *keys: str, token: str = "me", reason: str = "") -> set[str]:
        return deliveries.finish(self.db, [End(key, tenant, state, reason) for key in keys], token)

    def balance(self, tenant: int) -> int:
        return int(self.db.query("SELECT credit_balance AS n FROM core_tenant WHERE id = %s", (tenant,))[0]["n"])

    def entries(self) -> list[tuple[str, str, int, int, int]]:
        rows = self.db.query("SELECT * FROM academyctl_credit_entry ORDER BY id")
        return [
            (row["what"], row["delivery_key"], row["billing"], row["won"], int(row["balance_after"])) for row in rows
        ]

    def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.db.query("SELECT * FROM messaging_notificationlog ORDER BY id")
        return found

    def states(self) -> dict[str, str]:
        return {row["key"]: row["state"] for row in self.db.query("SELECT key, state FROM academyctl_message_delivery")}

    def expire(self, *keys: str) -> None:
        """Let leases die now."""
        self.db.execute(
            "UPDATE academyctl_message_delivery SET lease_until = now() - interval '1 s' WHERE key = ANY(%s)",
            (list(keys),),
        )


def new(key: str, tenant: int, *, price: int = 850, **values: Any) -> New:
    row: dict[str, Any] = {
        "message_id": f"sqs-{key}", "mode": "sms", "kind": "SMS", "recipient": PHONE, "sender": "0212345678",
        "text_bytes": 20, "text_sha256": digest(key), "content_sha256": digest(key), "template_id": "",
    }  # fmt: skip
    return New(key=key, tenant_id=tenant, price_cents=price, **{**row, **values})


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Watched(Postgres):
    """A database that tells every statement just before it is sent; BEGIN and COMMIT are not told."""

    def __init__(self, stores: Stores, on_statement: Callable[[str, psycopg.Connection[Any]], None]) -> None:
        super().__init__(stores.settings.db)

        class Told(psycopg.Cursor[dict[str, Any]]):
            def execute(self, query: Any, *args: Any, **options: Any) -> Any:
                on_statement(str(query), self.connection)
                return super().execute(query, *args, **options)

        self._factory = Told

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        connection = super()._connect()
        connection.cursor_factory = self._factory
        return connection


class Deaf(Postgres):
    """A database that commits, but whose answer is lost."""

    @contextmanager
    def tx(self, *, read_only: bool = False) -> Iterator[deliveries.Cursor]:
        with super().tx(read_only=read_only) as cursor:
            yield cursor
        raise DatabaseAway("the connection was lost")


@contextmanager
def closing(db: Postgres) -> Iterator[Postgres]:
    try:
        yield db
    finally:
        db.close()


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run at once, each in a thread; what each returned. Raises what one of them raised."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait(20)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(run, work) for work in works]]


def keys_of(count: int, prefix: str = "k") -> Sequence[str]:
    return [f"{prefix}{number:04d}" for number in range(count)]

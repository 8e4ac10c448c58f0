"""A corner of the platform for texts: academies, a queue and a Solapi of its own, and what must be true at the end."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.texts import Mode, delivery_key, text_body
from academyctl.local import postgres, sample
from academyctl.local.solapi import Account, serve
from academyctl.local.solapi_rules import OK, Template
from academyctl.local.stack import LocalStack
from academyctl.messaging.model import State
from academyctl.redrive import Redrive
from academyctl.settings import load
from academyctl.stores import Stores
from tests.strict_sqs import StrictSqs

_NUMBERS = itertools.count(1)
OPENING = 10_000
PRICES = (850, 2000, 0)
SHORT, LONG = "출석이 확인되었습니다.", "오늘 수업 안내입니다. " * 8
BLOCKED = "01099999999"
PF_ID, TEMPLATE, REFUSED_TEMPLATE = "KA01PF", "KA01TP", "KA01TPX"
SETTINGS = {
    "ACADEMYCTL_MESSAGING_VISIBILITY": "60",
    "ACADEMYCTL_MESSAGING_LEASE": "10",
    "MESSAGING_RESEND_AFTER_SECONDS": "1",
    "ACADEMYCTL_GRACE_SECONDS": "5",
    "ACADEMYCTL_WAIT_SECONDS": "1",
    "WORKER_ID": "test-host",
}

_BOOKS = """
SELECT t.id, t.credit_balance::bigint AS balance,
       coalesce(a.paid, 0)::bigint AS paid, coalesce(a.owed_cents, 0)::bigint AS owed,
       coalesce(e.won, 0)::bigint AS ledger, coalesce(e.cents, 0)::bigint AS ledger_cents,
       coalesce(e.last, t.credit_balance)::bigint AS last,
       coalesce(l.logged, 0)::int AS logged, coalesce(l.deducted, 0)::bigint AS deducted
FROM core_tenant t
LEFT JOIN academyctl_credit_account a ON a.tenant_id = t.id
LEFT JOIN (SELECT tenant_id, sum(CASE what WHEN 'charge' THEN abs(won) ELSE -abs(won) END) AS won,
                  sum(CASE what WHEN 'charge' THEN price_cents ELSE -price_cents END) AS cents,
                  (array_agg(balance_after ORDER BY id DESC))[1] AS last
           FROM academyctl_credit_entry GROUP BY 1) e ON e.tenant_id = t.id
LEFT JOIN (SELECT tenant_id, count(*) FILTER (WHERE success) AS logged, sum(amount_deducted) * 100 AS deducted
           FROM messaging_notificationlog GROUP BY 1) l ON l.tenant_id = t.id
WHERE t.id = ANY(%s)
"""


@dataclass
class Solapi(Account):
    """The local stack's Solapi; while `gate` is not set, it keeps everybody waiting."""

    gate: threading.Event = field(default_factory=threading.Event)

    def authenticate(self, header: str) -> None:
        self.gate.wait()
        super().authenticate(header)

    def accepted(self) -> list[tuple[str, str]]:
        """(key, stage) of every message that it took."""
        with self.lock:
            lines = [line for group in self.box.groups().values() for line in group if line["status_code"] == OK]
        fields = [line["customFields"] or {} for line in lines]
        return [(one.get("academyctlKey", ""), one.get("academyctlStage", "")) for one in fields]


@dataclass(frozen=True)
class Academy:
    id: int
    price_cents: int


@dataclass(frozen=True)
class Sent:
    """A text that was put into a queue: what it must cost, and how it must arrive if it does."""

    key: str
    academy: Academy
    stage: str = "first"
    state: State = State.SENT


@dataclass
class Corner:
    """One platform. Academies and queues are a test's own, so tests and scenes of a test do not meet."""

    stores: Stores
    env: dict[str, str]
    sqs: StrictSqs
    solapi: Solapi
    folder: Path

    def queue(self, *, max_receive: int = 1000) -> str:
        name = f"texts{next(_NUMBERS)}"
        self.sqs.make(name, max_receive=max_receive, visibility=60)
        return name

    def academies(self, prices: Iterable[int] = PRICES, *, balance: int = OPENING) -> list[Academy]:
        """New ones with these prices, all with a Kakao profile."""
        made = []
        with self.stores.db.tx() as cursor:
            for cents in prices:
                tenant_id = sample.make_tenant(cursor, code=os.urandom(6).hex())
                cursor.execute(
                    "UPDATE core_tenant SET messaging_base_price = %s::numeric / 100, credit_balance = %s, "
                    "kakao_pfid = %s WHERE id = %s",
                    (cents, balance, PF_ID, tenant_id),
                )
                made.append(Academy(tenant_id, cents))
        return made

    def put(
        self,
        queue: str,
        academy: Academy,
        *,
        mode: Mode = "sms",
        text: str = SHORT,
        to: str = "",
        template: str = "",
        named: bool = True,
    ) -> Sent:
        """A text of this academy in the queue. Unnamed: without a key of the producer's, known by its SQS id."""
        number = next(_NUMBERS)
        business_key = f"t{number}" if named else ""
        body = text_body(
            tenant_id=academy.id, to=to or f"010{number:08d}", text=text, mode=mode, business_key=business_key,
            template_id=template,
        )  # fmt: skip
        message_id = self.sqs.put(queue, body)[0]
        return Sent(delivery_key(business_key, message_id), academy)

    def handful(self, queue: str, academies: Sequence[Academy]) -> list[Sent]:
        """SMS, LMS and Alimtalk of every price. One SMS is refused; one Alimtalk is, and goes as an SMS instead."""
        first, second, free = academies
        return [
            replace(self.put(queue, first, to=BLOCKED), state=State.FAILED),
            self.put(queue, first),
            self.put(queue, first, text=LONG, named=False),
            self.put(queue, second),
            self.put(queue, free, named=False),
            self.put(queue, first, mode="both", template=TEMPLATE),
            replace(self.put(queue, second, mode="both", template=REFUSED_TEMPLATE), stage="fallback"),
        ]

    def states(self, texts: Sequence[Sent]) -> dict[str, str]:
        """Key -> state of those that have a row."""
        rows = self.stores.db.query(
            "SELECT key, state FROM academyctl_message_delivery WHERE key = ANY(%s)", ([text.key for text in texts],)
        )
        return {row["key"]: row["state"] for row in rows}

    def arrived(self, texts: Sequence[Sent]) -> Counter[tuple[str, str]]:
        """(key, stage) -> how often Solapi accepted it."""
        ours = {text.key for text in texts}
        return Counter(pair for pair in self.solapi.accepted() if pair[0] in ours)

    def pass_time(self, pid: int) -> None:
        """What time would do after this process died: its leases end."""
        self.stores.db.execute(
            "UPDATE academyctl_message_delivery SET lease_until = now() WHERE token LIKE %s AND lease_until > now()",
            (f"%:{pid}:%",),
        )

    def again(self, queue: str) -> str:
        """Another queue with the same messages: SQS may hand one to two workers at once."""
        into = self.queue()
        with self.sqs.changed:
            for message in self.sqs.queues[queue].messages.values():
                self.sqs.queues[into].take_in(replace(message, in_flight=False))
        return into

    def gather(self, queues: Iterable[str], *, max_receive: int = 1000) -> str:
        """A new queue with all of theirs, visible. The long poll of a worker that died still asks the old one."""
        into = self.queue(max_receive=max_receive)
        with self.sqs.changed:
            for name in queues:
                messages = self.sqs.queues[name].messages
                while messages:
                    self.sqs.queues[into].take_in(messages.popitem()[1])
        return into

    def end_sessions(self) -> None:
        """Every other connection to the database is closed by the server."""
        self.stores.db.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    @contextmanager
    def failing(self, **step: Any) -> Iterator[None]:
        """Solapi fails so (local.solapi_script) until the block ends."""
        self.solapi.script(step)
        yield
        with self.solapi.lock:
            self.solapi.steps.clear()

    def charge(self, academy: Academy) -> None:
        """As an operator of the platform gives it credit: the opening balance."""
        self.stores.db.execute("UPDATE core_tenant SET credit_balance = %s WHERE id = %s", (OPENING, academy.id))

    def redrive(self, queue: str) -> str:
        """Send all dead letters back, as an operator does; to a new queue, see `gather`."""
        into = self.queue()
        dlq = f"{queue}-dlq"
        while letters := self.stores.sqs.receive(dlq, wait_s=0):
            for message in letters:
                Redrive(message.id, dlq, into, "").move(self.stores, message)
        return into

    def is_over(self, queue: str) -> bool:
        return self.sqs.left(queue) == 0


@pytest.fixture(scope="package")
def corner(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corner]:
    folder = tmp_path_factory.mktemp("corner")
    name = f"corner{os.getpid()}x{next(_NUMBERS)}"
    secret = os.urandom(16).hex()
    solapi = Solapi(
        "CORNERKEY", secret, folder / "inbox.jsonl", balance=10**9, templates={TEMPLATE: Template(PF_ID)},
        blocked={BLOCKED: "1060"},
    )  # fmt: skip
    solapi.gate.set()
    with StrictSqs() as sqs, _served(solapi) as url:
        env = {
            **stack.env(), **SETTINGS, "DB_NAME": name, "REDIS_DB": "6", "AWS_ENDPOINT_URL": sqs.url,
            "SOLAPI_BASE_URL": url, "SOLAPI_API_KEY": solapi.api_key, "SOLAPI_API_SECRET": secret,
        }  # fmt: skip
        postgres.create(stack.state(), name)
        stores = Stores(load(env).settings)
        yield Corner(stores, env, sqs, solapi, folder)
        stores.close()
        postgres.drop(stack.state(), name)


@contextmanager
def _served(solapi: Solapi) -> Iterator[str]:
    server = serve(0, solapi)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def everything_adds_up(corner: Corner, texts: Sequence[Sent], *, opening: int = OPENING) -> None:
    """Each text is once at Solapi and once in every book: its row, the ledger, the balance, the platform's log."""
    assert corner.states(texts) == {text.key: str(text.state) for text in texts}
    sent = [text for text in texts if text.state is State.SENT]
    assert corner.arrived(texts) == Counter((text.key, text.stage) for text in sent)
    academies = {text.academy for text in texts}
    found = books(corner, academies)
    for academy in academies:
        count = sum(text.academy == academy for text in sent)
        assert found[academy.id] == right_books(academy, count, opening)


def right_books(academy: Academy, sent: int, opening: int) -> Mapping[str, Any]:
    owed = sent * academy.price_cents
    return {
        "balance": opening - -(-owed // 100), "paid": -(-owed // 100), "owed": owed, "ledger": -(-owed // 100),
        "ledger_cents": owed, "logged": sent, "deducted": owed, "last": opening - -(-owed // 100),
    }  # fmt: skip


def books(corner: Corner, academies: Iterable[Academy]) -> dict[int, dict[str, Any]]:
    """What an academy's account, ledger, balance and the platform's log say; the ledger in won and hundredths."""
    rows = corner.stores.db.query(_BOOKS, ([academy.id for academy in academies],))
    return {row.pop("id"): row for row in rows}

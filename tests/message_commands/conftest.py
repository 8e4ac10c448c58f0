"""An operator in front of texts: the command line in this process, over the database, queue and Solapi of a test."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import marks
from academyctl.contract.texts import text_body
from academyctl.messaging.model import Composed, End, New, Row, State
from academyctl.stores import Stores, deliveries
from academyctl.stores.solapi_sending import Item
from tests.texting_platform import PHONE, Texting
from tests.texting_platform import texting as texting
from tests.texting_platform import texting_platform as texting_platform
from tests.video_commands.conftest import Cli

TOKEN = "host-1:7:aa"
TEXT = "출석이 확인되었습니다."
SENDER = "0212345678"


@dataclass
class Desk:
    """Texts in any state, as a worker leaves them, over one academy's credit of 1000 won and a price of 8.50."""

    texting: Texting
    tenant_id: int

    @property
    def stores(self) -> Stores:
        return self.texting.stores

    def text(self, key: str, state: State = State.CLAIMED, *, reason: str = "", lease_s: float = 60) -> Row:
        """A text that was claimed and charged, and came as far as `state`."""
        db = self.stores.db
        with db.tx() as cursor:
            tenant = deliveries.tenants(cursor, [self.tenant_id], lock=True)[self.tenant_id]
            deliveries.claim(cursor, [new(key, self.tenant_id)], TOKEN, lease_s)
            deliveries.charge(cursor, tenant, [(key, tenant.price_cents)])
        if state is not State.CLAIMED:
            deliveries.sending(db, [key], TOKEN, lease_s)
        if state not in (State.CLAIMED, State.SENDING):
            ids = ("M4V1", "G4V1") if state is State.SENT else ("", "")
            deliveries.finish(db, [End(key, self.tenant_id, state, reason, *ids)], TOKEN)
        return self.row(key)

    def dead(self, key: str, *, minutes: int = 60) -> Row:
        """The worker that had it died so long ago."""
        sql = (
            "UPDATE academyctl_message_delivery SET lease_until = lease_until - make_interval(mins => %s), "
            "sending_at = sending_at - make_interval(mins => %s), updated_at = updated_at - make_interval(mins => %s) "
            "WHERE key = %s"
        )
        self.stores.db.execute(sql, (minutes, minutes, minutes, key))
        return self.row(key)

    def refused(self, key: str, reason: str = "insufficient_balance") -> None:
        """A text that was never charged."""
        with self.stores.db.tx() as cursor:
            deliveries.refuse(cursor, [(new(key, self.tenant_id), reason)])

    def letter(self, reason: str = "", *, body: str = "", tenant_id: int = 0, **said: Any) -> str:
        """A dead letter as a worker writes it, or SQS without a reason; its id, which is the first id too."""
        made = body or text_body(tenant_id=tenant_id or self.tenant_id, to=PHONE, text=TEXT, **said)
        told = {marks.REASON: reason, marks.SOURCE: self.texting.queue} if reason else {}
        return self.texting.sqs.send(self.texting.dlq, made, attributes=told)

    def accepted(self, key: str, *, text: str = TEXT) -> None:
        """Solapi has it."""
        made = Composed(kind="SMS", to=PHONE, sender=SENDER, text=text)
        assert self.stores.solapi_sender.send([Item(key, "first", made)]).accepted

    def row(self, key: str) -> Row:
        found = deliveries.row(self.stores.db, key)
        assert found is not None
        return found

    @property
    def balance(self) -> int:
        return self.texting.balance(self.tenant_id)


def new(key: str, tenant_id: int) -> New:
    return New(
        key=key, tenant_id=tenant_id, message_id="m-1", mode="sms", kind="SMS", recipient=PHONE, sender=SENDER,
        text_bytes=21, text_sha256=hashlib.sha256(TEXT.encode()).hexdigest(), content_sha256="c", template_id="",
        price_cents=850,
    )  # fmt: skip


@pytest.fixture
def desk(texting: Texting) -> Desk:
    assert texting.queue, "made when it is first named"
    return Desk(texting, texting.academy(code="hanbit", credit_balance=1000))


@pytest.fixture
def cli(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**desk.texting.env, **state}, monkeypatch, capsys)


def audit(tmp_path: Path) -> str:
    found = list((tmp_path / "state").rglob("audit.jsonl"))
    return found[0].read_text(encoding="utf-8") if found else ""


def waiting(desk: Desk) -> list[dict[str, str]]:
    """The attributes of what waits in the queue; receiving it here is what a worker would do next."""
    return [dict(one.attributes) for one in desk.texting.sqs.receive(desk.texting.queue, wait_s=0)]


_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)"), "<time>"),
    (re.compile(r"texts\d+x\d+-\d+"), "<queue>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}"), "<id>"),
    (re.compile(r"\b[MG]4V\w{10,}"), "<solapi id>"),
    (re.compile(r"\b\d+ \(hanbit\)"), "<n> (hanbit)"),
    (re.compile(r"\b\d+ s\b *"), "<n> s  "),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def golden(name: str, text: str, *, ordered: bool = True) -> None:
    """Compare with golden/NAME.txt, times and random names blanked out. UPDATE_GOLDENS=1 rewrites it."""
    for pattern, blank in _VARYING:
        text = pattern.sub(blank, text)
    if not ordered:
        text = "\n".join(sorted(text.splitlines())) + "\n"
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")

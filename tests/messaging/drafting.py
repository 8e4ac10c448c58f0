"""An academy that may send, and what would become of a text of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from academyctl.contract.texts import Text
from academyctl.messaging.compose import compose
from academyctl.messaging.model import Composed, Ending, Refused, Tenant
from academyctl.settings import Settings, load

TO = "01077351902"
ACADEMY = Tenant(
    id=3, code="hanbit", balance=10_000, price_cents=850, sender="02-1234-5678", pf_id="KA01PF", active=True,
    messaging_active=True,
)  # fmt: skip


def settings(**env: str) -> Settings:
    return load({"SOLAPI_SENDER": "0299998888", **env}).settings


PLAIN = settings()


def academy(**fields: Any) -> Tenant:
    return replace(ACADEMY, **fields)


def text(said: str = "안녕하세요", **fields: Any) -> Text:
    return Text(**{"tenant_id": 3, "to": TO, "text": said, **fields})


def composed(of: Text, tenant: Tenant = ACADEMY, under: Settings = PLAIN) -> Composed:
    made = compose(of, tenant, under)
    assert isinstance(made, Composed), made
    return made


def ending(of: Text, tenant: Tenant = ACADEMY, under: Settings = PLAIN) -> Ending:
    made = compose(of, tenant, under)
    assert isinstance(made, Refused), made
    assert len(of.to) < 3 or of.to not in made.told
    return made.ending

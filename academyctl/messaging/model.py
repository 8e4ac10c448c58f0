"""The values of messaging: an academy as it pays and sends, a composed text, a delivery's row, and how a text ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Kind = Literal["SMS", "LMS", "ATA"]


class State(StrEnum):
    """CLAIMED: paid for, not handed to Solapi. SENDING: a request may be under way, or may have got there.

    SENT, FAILED and UNKNOWN are ends; only a person (`message resolve`) or new evidence leads out of UNKNOWN.
    """

    CLAIMED = "CLAIMED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


OPEN = (State.CLAIMED, State.SENDING)
MOCK = "MOCK"
"""How the message id begins that a text has instead of Solapi's where sending is only pretended."""


@dataclass(frozen=True)
class Tenant:
    """core_tenant as messaging needs it. Money: `balance` and `paid` in won, prices and `owed` in hundredths of a won.

    `owed` and `paid` are our account of it (`academyctl_credit_account`): what its billed texts cost exactly, and what
    the balance has paid for them, which is always `owed` rounded up to the next won.
    """

    id: int
    code: str
    balance: int
    price_cents: int
    sender: str
    pf_id: str
    active: bool
    messaging_active: bool
    owed_cents: int = 0
    paid: int = 0


@dataclass(frozen=True, repr=False)
class Composed:
    """What goes out, exactly: `to` and `sender` are digits. ATA has no text of its own: the template has it.

    `text_bytes` in EUC-KR. `replaced`: characters that EUC-KR does not have and a rule replaced, as they were.
    `fallback`: the SMS or LMS that the worker sends when Solapi refuses the Alimtalk (mode both), else None.
    """

    kind: Kind
    to: str
    sender: str
    text: str = ""
    subject: str = ""
    text_bytes: int = 0
    pf_id: str = ""
    template_id: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    """Names as Solapi takes them: #{name}."""
    disable_sms: bool = True
    replaced: str = ""
    fallback: Composed | None = None


class Ending(StrEnum):
    """Stable reasons of a text that is not sent. Their words go to the platform's log and to `message list`."""

    INSUFFICIENT_BALANCE = "insufficient_balance"
    MESSAGING_INACTIVE = "messaging_inactive"
    NO_TENANT = "tenant_not_found"
    NO_SENDER = "sender_missing"
    BAD_NUMBER = "invalid_recipient"
    EMPTY = "text_empty"
    TOO_LONG = "text_too_long"
    NOT_ENCODABLE = "text_not_encodable"
    NO_TEMPLATE = "alimtalk_requires_pf_id_and_template_id"
    DUPLICATE = "duplicate_within_window"
    REFUSED = "refused_by_solapi"
    GIVEN_UP = "attempts_exhausted"
    RESOLVED = "resolved_not_sent"


MENDABLE = frozenset(
    {
        Ending.INSUFFICIENT_BALANCE, Ending.MESSAGING_INACTIVE, Ending.NO_TENANT, Ending.NO_SENDER, Ending.NO_TEMPLATE,
        Ending.GIVEN_UP,
    }
)  # fmt: skip
"""An operator can mend these and send the message again, so it is kept in the dead-letter queue."""


@dataclass(frozen=True)
class Refused:
    """A text that cannot go out. `told` explains in one sentence, without phone number or text."""

    ending: Ending
    told: str

    @property
    def reason(self) -> str:
        """What rows and attributes say: the stable word first."""
        return f"{self.ending}: {self.told}"[:500] if self.told else str(self.ending)

    @property
    def mendable(self) -> bool:
        return self.ending in MENDABLE


@dataclass(frozen=True)
class Row:
    """One row of `academyctl_message_delivery`. `recipient` is a full number: mask what is printed."""

    key: str
    tenant_id: int
    message_id: str
    state: State
    mode: str
    kind: str
    recipient: str = field(repr=False)
    sender: str = field(repr=False)
    text_bytes: int
    text_sha256: str
    """Of the text as Solapi was given it (UTF-8), to recognise it in Solapi's list; the text itself is not kept."""
    content_sha256: str
    template_id: str
    price_cents: int
    billed: bool
    """Whether the academy's account holds its price now."""
    billing: int
    """How often it was charged: 1 for the first time, one more after a refund and a redrive."""
    attempt: int
    """Requests to Solapi that were begun."""
    fallback: bool
    """Whether it now goes as the SMS that replaces a refused Alimtalk."""
    token: str
    lease_until: datetime | None
    sending_at: datetime | None
    """When the last request was signed, by the database's clock."""
    solapi_message_id: str
    solapi_group_id: str
    reason: str
    evidence: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    leased: bool = False
    """Whether the lease lives, by the database's clock."""
    sending_age_s: float = 0.0
    """Since `sending_at`, by the database's clock."""
    made_at: datetime | None = None
    """When its producer made the message."""

    @property
    def pretended(self) -> bool:
        """Whether it is SENT by a worker that only pretended (SOLAPI_MOCK)."""
        return self.solapi_message_id.startswith(MOCK)


@dataclass(frozen=True)
class New:
    """A delivery to be written for the first time; see Row. It starts CLAIMED, or FAILED with a reason."""

    key: str
    tenant_id: int
    message_id: str
    mode: str
    kind: str
    recipient: str = field(repr=False)
    sender: str = field(repr=False)
    text_bytes: int
    text_sha256: str
    content_sha256: str
    template_id: str
    price_cents: int
    made_at: datetime | None = None
    """See Row. With its content it is what a message is known by that has lost its SQS id."""


@dataclass(frozen=True)
class End:
    """How a delivery ended. `reason` '' for SENT. `evidence`: JSON for UNKNOWN and for what Solapi's list told."""

    key: str
    tenant_id: int
    state: State
    reason: str = ""
    message_id: str = ""
    group_id: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    free: bool = False
    """Pretended only (SOLAPI_MOCK): nothing was charged."""

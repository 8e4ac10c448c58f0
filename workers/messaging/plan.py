"""What is to be done with each message of a group, from what the database says; pure.

    no row    refused -> Refuse · quiet hours -> Answer(Defer) · a twin -> Refuse(duplicate) · else Claim
    CLAIMED   leased -> Answer(Defer) · refused by now -> Close · quiet hours -> Answer(Defer) · else Take
    SENDING   leased -> Answer(Defer) · else Look: nothing is sent before Solapi's list was asked
    SENT      Answer(Done)
    FAILED    sent again by an operator since -> Reopen, unless it is refused again · else as when it failed
    UNKNOWN   Look
    any, but of another academy or phone: Answer(Reject)

Who can pay is found out by charging; `unpaid` says what becomes of those who cannot.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from academyctl.contract.texts import Text
from academyctl.messaging.compose import receiver
from academyctl.messaging.hashes import content_sha256, text_sha256
from academyctl.messaging.model import Composed, Ending, New, Refused, Row, State, Tenant
from academyctl.messaging.pricing import won
from academyctl.messaging.quiet import Quiet
from workers._model import Defer, Done, Outcome, Reject
from workers.messaging.words import ended

LEASE_MOST_S = 120.0
PRETENDER_S = 300.0
KEY_CONFLICT = "key_conflict: its business_idempotency_key is that of another academy's or phone's text"
CREDIT_FIRST_S, CREDIT_MOST_S = 30.0, 300.0


@dataclass(frozen=True)
class Asked:
    """One message: its delivery's key, the id of its first SQS message, when that was sent, when it was redriven."""

    key: str
    first_id: str
    text: Text = field(repr=False)
    first_sent_at: datetime | None = None
    redriven_at: datetime | None = None


@dataclass(frozen=True)
class World:
    """What the decisions depend on. `twins`: content hash -> key of another delivery of the last while."""

    tenants: Mapping[int, Tenant]
    rows: Mapping[str, Row]
    now: datetime
    compose: Callable[[Text, Tenant], Composed | Refused]
    twins: Mapping[str, str] = field(default_factory=dict)
    quiet: Quiet = field(default_factory=Quiet)
    credit_wait_s: float = 1800
    window: bool = False
    """Whether the same text to the same phone goes once only."""
    free: bool = False
    """Pretended only (SOLAPI_MOCK): nobody pays."""
    rng: random.Random = field(default_factory=random.Random, repr=False)


@dataclass(frozen=True)
class Answer:
    """Nothing to write. `sent`: it went out, or may have: its lock stays. `skipped`: why nothing was done."""

    outcome: Outcome
    sent: bool = False
    skipped: str = ""


@dataclass(frozen=True)
class Refuse:
    """A FAILED row and a log row."""

    new: New
    refused: Refused


@dataclass(frozen=True)
class Claim:
    """A CLAIMED row, charged."""

    new: New
    composed: Composed


@dataclass(frozen=True)
class Take:
    """A row that its owner left in CLAIMED is ours now. `new`: as it is composed and priced today."""

    row: Row
    new: New
    composed: Composed


@dataclass(frozen=True)
class Close:
    """A row that can go no more: FAILED, its charge given back."""

    row: Row
    refused: Refused


@dataclass(frozen=True)
class Reopen:
    """FAILED, and an operator has sent its message again: charged again, CLAIMED again."""

    row: Row
    new: New
    composed: Composed


@dataclass(frozen=True)
class Look:
    """Solapi's list must be asked first. `composed`: what would go should it not be there, and not before `quiet_s`."""

    row: Row
    composed: Composed | Refused
    quiet_s: float = 0.0


Decision = Answer | Refuse | Claim | Take | Close | Reopen | Look


def plan(asked: Sequence[Asked], world: World) -> list[Decision]:
    """A decision each, in their order. The keys must differ."""
    here: dict[str, str] = {}
    decided = []
    for one in asked:
        decision = _decide(one, world, here)
        if isinstance(decision, Claim):
            here.setdefault(decision.new.content_sha256, one.key)
        decided.append(decision)
    return decided


def unpaid(one: Asked, tenant: Tenant, new: New | None, world: World) -> Answer | Refuse:
    """An academy's credit does not cover a text: it waits a while for a charge, then it fails, kept as a letter.

    `new` None: a row that failed before and stays as it is.
    """
    said = Refused(Ending.INSUFFICIENT_BALANCE, f"credit {tenant.balance}, price {won(tenant.price_cents)}")
    since = one.redriven_at or one.first_sent_at or world.now
    waited = max(0.0, (world.now - since).total_seconds())
    if waited < world.credit_wait_s:
        # As long again as it has waited: twice as long every time.
        after = min(CREDIT_MOST_S, max(CREDIT_FIRST_S, waited), max(1.0, world.credit_wait_s - waited))
        return Answer(Defer(said.reason, after + world.rng.uniform(0, after / 10)))
    return Answer(Reject(said.reason)) if new is None else Refuse(new, said)


def going(row: Row, composed: Composed) -> Composed | Refused:
    """What a row's next request holds: the SMS in place of the Alimtalk once that was refused."""
    if row.state is State.FAILED or not row.fallback or composed.kind != "ATA":
        return composed
    return composed.fallback or Refused(Ending.REFUSED, "the Alimtalk was refused and its text cannot go as SMS or LMS")


def _decide(one: Asked, world: World, here: Mapping[str, str]) -> Decision:
    row, tenant = world.rows.get(one.key), world.tenants.get(one.text.tenant_id)
    answer = None if row is None else _settled(one, row, world)
    if answer is not None:
        return answer
    if tenant is None:
        return _gone(one, row)
    composed = world.compose(one.text, tenant)
    quiet_s = world.quiet.wait_s(tenant.code, world.now)
    if row is None:
        return _first(_new(one, tenant, composed, world), composed, world, here, quiet_s)
    goes = composed if isinstance(composed, Refused) else going(row, composed)
    if row.state in (State.SENDING, State.UNKNOWN):
        return Look(row, goes, quiet_s)
    if isinstance(goes, Refused):
        return Answer(ended(goes.reason)) if row.state is State.FAILED else Close(row, goes)
    if quiet_s > 0:
        return _quiet(quiet_s, world)
    new = _new(one, tenant, goes, world)
    return Reopen(row, new, goes) if row.state is State.FAILED else Take(row, new, goes)


def is_of(one: Asked, row: Row) -> bool:
    """A key that a producer used twice is one text only where it is the same academy's to the same phone."""
    return row.tenant_id == one.text.tenant_id and row.recipient in (one.text.to, receiver(one.text.to))


def is_again(one: Asked, other: Asked) -> bool:
    """Of two messages with one key: whether they are one text, as `is_of` says."""
    ours, theirs = one.text, other.text
    return ours.tenant_id == theirs.tenant_id and receiver(ours.to) == receiver(theirs.to)


def _settled(one: Asked, row: Row, world: World) -> Answer | None:
    """Of a row that leaves nothing to do, or nothing to us."""
    if not is_of(one, row):
        return Answer(Reject(KEY_CONFLICT))
    if row.state is State.SENT:
        return Answer(Done("sent already"), sent=True, skipped="duplicate")
    if row.leased:
        left = (row.lease_until - world.now).total_seconds() if row.lease_until else 0.0
        after = min(LEASE_MOST_S, max(0.0, left)) + world.rng.uniform(1, 4)
        return Answer(Defer("another worker has it", after), sent=True)
    if world.free and row.billed and row.state is State.CLAIMED:
        return Answer(Defer("its academy has paid for it, and this worker only pretends to send", PRETENDER_S))
    redriven = one.redriven_at is not None and (row.finished_at is None or one.redriven_at > row.finished_at)
    return Answer(ended(row.reason)) if row.state is State.FAILED and not redriven else None


def _gone(one: Asked, row: Row | None) -> Decision:
    """The academy does not exist, any more perhaps; no row is written, for the platform's log could not have one."""
    gone = Refused(Ending.NO_TENANT, f"no academy has the id {one.text.tenant_id}")
    if row is None or row.state is State.FAILED:
        return Answer(ended(gone.reason))
    return Close(row, gone) if row.state is State.CLAIMED else Look(row, gone)


def _first(new: New, composed: Composed | Refused, world: World, here: Mapping[str, str], quiet_s: float) -> Decision:
    if isinstance(composed, Refused):
        return Refuse(new, composed)
    if quiet_s > 0:
        return _quiet(quiet_s, world)
    twin = world.twins.get(new.content_sha256) or here.get(new.content_sha256)
    if world.window and twin is not None:
        return Refuse(new, Refused(Ending.DUPLICATE, "the same text to the same phone went just before"))
    return Claim(new, composed)


def _quiet(seconds: float, world: World) -> Answer:
    # Spread over a minute: a whole night's texts must not all come back in one second.
    return Answer(Defer("quiet hours", seconds + world.rng.uniform(0, 60)))


def _new(one: Asked, tenant: Tenant, composed: Composed | Refused, world: World) -> New:
    text = one.text
    made = composed if isinstance(composed, Composed) else None
    return New(
        key=one.key,
        tenant_id=tenant.id,
        message_id=one.first_id,
        mode=text.mode,
        kind=made.kind if made else "",
        recipient=made.to if made else text.to,
        sender=made.sender if made else text.sender,
        text_bytes=made.text_bytes if made else 0,
        text_sha256=text_sha256(made) if made else "",
        content_sha256=content_sha256(text),
        template_id=made.template_id if made else text.template_id,
        price_cents=0 if world.free else tenant.price_cents,
        made_at=text.created_at,
    )

"""The first transaction of a group: every text is claimed and paid for, refused, or left to whoever has it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from academyctl.contract import logtokens
from academyctl.messaging.compose import compose
from academyctl.messaging.hashes import content_sha256
from academyctl.messaging.model import End, Ending, State, Tenant
from academyctl.messaging.pricing import won
from academyctl.messaging.quiet import Quiet
from academyctl.stores import deliveries
from academyctl.stores.deliveries import Cursor
from workers.messaging.endings import finish, tell_failed
from workers.messaging.group import Group, Part
from workers.messaging.plan import Answer, Claim, Close, Decision, Look, Refuse, Reopen, Take, World, plan, unpaid
from workers.messaging.words import ended, key_for_people

log = logging.getLogger("academyctl.messaging")

Decided = list[tuple[Part, Decision]]
_OPEN = (State.CLAIMED, State.SENDING)


def claim(group: Group) -> None:
    """Afterwards a part has its outcome, or is in `ready` or `looks`. Raises DatabaseAway: nothing is known then."""
    with group.db.tx() as cursor:
        tenants = deliveries.tenants(cursor, {part.tenant_id for part in group.parts}, lock=True)
        parts = _known_again(group, cursor)
        world = _world(group, cursor, parts, tenants)
        decided = list(zip(parts, plan([part.asked for part in parts], world), strict=True))
        raced = _write_claims(group, cursor, decided)
        poor = _charge(group, cursor, [pair for pair in decided if pair[0].key not in raced], world.free)
        unpaid_for = {content_sha256(part.asked.text) for part, _ in decided if part.key in poor}
        decided = [(part, _afford(part, one, poor, unpaid_for, world)) for part, one in decided]
        deliveries.refuse(cursor, [(one.new, one.refused.reason) for _, one in decided if isinstance(one, Refuse)])
    group.claimed = True
    for tenant in {part.tenant_id: world.tenants[part.tenant_id] for part, _ in decided if part.key in poor}.values():
        log.warning(
            logtokens.INSUFFICIENT_BALANCE.format(
                tenant_id=tenant.id, balance=tenant.balance, price=won(tenant.price_cents)
            )
        )
    for part, one in decided:
        if part.key in raced:
            part.defers("another worker claimed it in the same moment", 1, 4)
        else:
            _tell(group, part, one)
    closing = [(part, one) for part, one in decided if isinstance(one, Close)]
    finish(group, [(part, End(part.key, one.row.tenant_id, State.FAILED, one.refused.reason)) for part, one in closing])


def _known_again(group: Group, cursor: Cursor) -> list[Part]:
    """The parts, by the keys that their texts have. SQS's own redrive gives a message a new id, and its key with it:
    it is known by its content and by when it was made. So does a producer's client that repeats a request whose answer
    was lost. Of two that turn out to be one, the second comes back later."""
    made = {
        part: (content_sha256(part.asked.text), part.asked.text.created_at)
        for part in group.parts
        if part.asked.text.created_at is not None and not part.asked.text.business_key
    }
    found = deliveries.again(cursor, [(said, at) for said, at in made.values() if at is not None])
    parts: dict[str, Part] = {}
    for part in group.parts:
        said, at = made.get(part, ("", None))
        keys = found.setdefault((said, at), [part.key]) if at is not None else []
        if keys and part.key not in keys:
            log.warning("a message has come back under another id: it is the text %s", key_for_people(keys[0]))
            part.asked = replace(part.asked, key=keys[0])
        if parts.setdefault(part.key, part) is not part:
            part.defers("the same message is in hand already", 5, 15)
    return list(parts.values())


def _world(group: Group, cursor: Cursor, parts: Sequence[Part], tenants: Mapping[int, Tenant]) -> World:
    settings, first = group.settings, group.parts[0].delivery
    said, keys = settings.messaging, [part.key for part in parts]
    rows = deliveries.known(cursor, keys, lock=True)
    twins: Mapping[str, str] = {}
    if said.duplicate_window_s:
        hashes = {content_sha256(part.asked.text) for part in parts if part.key not in rows}
        twins = deliveries.twins(cursor, hashes, said.duplicate_window_s, keys)
    return World(
        tenants=tenants, rows=rows, twins=twins, now=first.clock.now(), rng=first.rng,
        compose=lambda text, tenant: compose(text, tenant, settings), quiet=Quiet.parse(said.quiet_hours),
        credit_wait_s=said.credit_wait_s, window=said.duplicate_window_s > 0, free=group.mock,
    )  # fmt: skip


def _write_claims(group: Group, cursor: Cursor, decided: Decided) -> set[str]:
    """The keys that somebody else claimed in the same moment."""
    news = [one.new for _, one in decided if isinstance(one, Claim)]
    inserted = deliveries.claim(cursor, news, group.token, group.lease_s)
    taken = [one.row.key for _, one in decided if isinstance(one, Take | Close | Look) and one.row.state in _OPEN]
    deliveries.take(cursor, taken, group.token, group.lease_s)
    reopened = [one.row.key for _, one in decided if isinstance(one, Reopen)]
    deliveries.reopen(cursor, reopened, group.token, group.lease_s)
    deliveries.recompose(cursor, [one.new for _, one in decided if isinstance(one, Take | Reopen)])
    return {new.key for new in news} - inserted


def _charge(group: Group, cursor: Cursor, decided: Decided, free: bool) -> set[str]:
    """The keys that cannot be paid; their claims are taken back.

    In the order of the messages. A row that was left unpaid (it had no price then, or it was pretended) is paid now.
    """
    bills: dict[int, list[tuple[str, int]]] = {}
    for part, one in decided:
        if isinstance(one, Claim | Reopen) or (isinstance(one, Take) and not one.row.billed and not free):
            bills.setdefault(part.tenant_id, []).append((part.key, one.new.price_cents))
    wanted = {key for of_tenant in bills.values() for key, _ in of_tenant}
    poor = wanted - deliveries.charge_all(cursor, bills)
    deliveries.unclaim(cursor, poor, group.token)
    return poor


def _afford(part: Part, one: Decision, poor: set[str], unpaid_for: set[str], world: World) -> Decision:
    if isinstance(one, Refuse) and one.refused.ending is Ending.DUPLICATE and one.new.content_sha256 in unpaid_for:
        # What it repeats is not going either.
        return unpaid(part.asked, world.tenants[part.tenant_id], one.new, world)
    if part.key not in poor or not isinstance(one, Claim | Take | Reopen):
        return one
    # A row that failed before stays as it is: its claim was taken back, and it has a reason already.
    new = one.new if isinstance(one, Claim) or (isinstance(one, Take) and one.row.finished_at is None) else None
    return unpaid(part.asked, world.tenants[part.tenant_id], new, world)


def _tell(group: Group, part: Part, one: Decision) -> None:
    match one:
        case Answer(outcome=outcome, sent=sent, skipped=skipped):
            part.sent = sent
            part.ends(outcome)
            if skipped:
                log.info(logtokens.IDEMPOTENT_SKIP.text(job_id=f"messaging:{part.asked.first_id}", reason=skipped))
        case Refuse(refused=refused):
            tell_failed(part, refused.reason)
            part.ends(ended(refused.reason))
        case Look():
            part.open, part.sent = one.row.state in _OPEN, True
            group.looks.append((part, one))
        case Claim(composed=composed):
            part.open, part.composed = True, composed
            group.ready.append(part)
        case Take(row=row, composed=composed):
            part.open, part.composed = True, composed
            part.stage = "fallback" if row.fallback else "first"
            group.ready.append(part)
        case Reopen(composed=composed):
            part.open, part.composed = True, composed
            group.ready.append(part)
        case Close():
            part.open = True

"""Messages: Solapi's account, tenants that may send, what was sent and what failed (contract 3.1, 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from checks import _deliveries, _depth, _failures, _solapi
from checks._access import access_finding, clock_finding, clock_kinds
from checks._deliveries import Own
from checks._depth import Depth
from checks._fan import together
from checks._messages import REASONS, Day, Tenant, day, rows, tenant
from checks._model import Because, Check, Evidence, Finding, Kind, Snapshot, State, Verdict, World
from checks._solapi import Account
from checks._trouble import Trouble

CLIENTS = ("sqs",)
QUIET_S = 600
"""Messages that wait for so long without one attempt are not merely queued."""
_ROWS = "messaging rows"
_WORDS = ("messaging",)


@dataclass(frozen=True)
class Facts:
    missing: tuple[str, ...]
    """Variables of Solapi that are empty; all of them where no messages are sent from."""
    asked: bool
    """False where Solapi was not asked: it is not set, or sending is only pretended."""
    pretended: str
    """The variable that makes sending a pretence, '' when messages are really sent."""
    endpoint: str
    sender: str
    low_balance: int
    account: Account | None
    skew_s: float | None
    rows_trouble: Trouble | None
    tenants: tuple[Tenant, ...]
    tenants_total: int
    day: Day | None
    queue: Depth
    own: Own


def gather(world: World) -> Facts:
    from academyctl.stores.solapi import digits

    settings = world.stores.settings
    solapi = settings.solapi
    given = {"SOLAPI_API_KEY": solapi.api_key, "SOLAPI_API_SECRET": solapi.api_secret, "SOLAPI_SENDER": solapi.sender}
    missing = tuple(name for name, value in given.items() if not value)
    pretended = "SOLAPI_MOCK" if solapi.mock else "DEBUG" if settings.platform.debug else ""
    asked = not missing and not pretended
    calls: dict[str, Any] = {_ROWS: lambda: rows(world), **_depth.lookers(world, _WORDS)}
    answers: Mapping[str, Any] = together(world, calls | (_solapi.lookers(world) if asked else {}))
    found = answers[_ROWS]
    active = answers.get(_solapi.SENDERS)
    numbers = frozenset(active) if isinstance(active, tuple) else None
    seen = {} if isinstance(found, Trouble) else found
    return Facts(
        missing=missing,
        asked=asked,
        pretended=pretended,
        endpoint=solapi.base_url,
        sender=_solapi.short(solapi.sender),
        low_balance=solapi.low_balance,
        account=_solapi.account(answers, digits(solapi.sender)) if asked else None,
        skew_s=world.stores.skew_s.get("solapi"),
        rows_trouble=found if isinstance(found, Trouble) else None,
        tenants=tuple(tenant(row, numbers) for row in seen.get("tenants", ())),
        tenants_total=seen["tenants"][0]["total"] if seen.get("tenants") else 0,
        day=day(seen) if seen else None,
        queue=_depth.depths(world, _WORDS, answers)[0],
        own=_deliveries.own(world, seen, set_up=not missing),
    )


_BOOK = ("academyctl playbook show messages-not-arriving",)
_DEAD = "academyctl queue peek {queue} --dlq"
NOT_SET = Kind(
    "messaging.not-configured", State.fail, Verdict.settings, ("academyctl config show --section solapi",),
    because=(Because("settings.missing", ("section",)),),
)  # fmt: skip
PRETENDED = Kind(
    "messaging.pretended", State.warn, Verdict.settings, ("set {variable}=false",), stops=True,
    because=(Because("settings.solapi-mock"), Because("settings.debug")),
)  # fmt: skip
UNREAD = Kind(
    "messaging.unread", State.unknown, None, ("academyctl diagnose db",), because=(Because("db.not-granted"),)
)
QUEUE_UNSEEN = _depth.unseen("messaging")
MOST = Kind("messaging.failures-most", State.fail, Verdict.data, (*_BOOK, _DEAD), because=_solapi.EXPLAINS)
MANY = Kind("messaging.failures", State.warn, Verdict.data, (*_BOOK, _DEAD), because=_solapi.EXPLAINS)
_FAILED = (Because(MOST.code, ("about",)), Because(MANY.code, ("about",)))
BROKE = Kind("messaging.tenant-credit", State.warn, Verdict.data, because=_FAILED)
NO_SENDER = Kind("messaging.tenant-no-sender", State.warn, Verdict.data)
FOREIGN = Kind(
    "messaging.tenant-sender-unknown", State.warn, Verdict.data, because=(Because(_solapi.SENDER.code, ("about",)),)
)
SILENT = Kind(
    "messaging.nothing-sent", State.warn, Verdict.capacity, _BOOK, because=(Because("sqs.not-consumed", ("word",)),)
)
WAITS_QUIETLY = Kind("messaging.waits-quietly", State.ok)


def _judge_configured(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if len(facts.missing) == 3:
        yield CONFIGURED.skip(CONFIGURED.code)
    elif facts.missing:
        names = ", ".join(facts.missing)
        yield NOT_SET.found("", ("settings", f"empty: {names}"), names=names, section="solapi")
    elif facts.pretended:
        yield PRETENDED.found("", ("settings", f"{facts.pretended} is on"), variable=facts.pretended)
    else:
        yield CONFIGURED.ok("", endpoint=facts.endpoint)


def _judge_access(snapshot: Snapshot) -> Iterator[Finding]:
    facts, account = _asked(snapshot)
    troubles = [one for one in (account.money_trouble, account.senders_trouble) if one]
    if len(troubles) < 2:
        yield ACCESS.ok("", endpoint=facts.endpoint)
        return
    found = access_finding(
        _solapi.ACCESS_KINDS, "messaging", troubles, service="Solapi", endpoint=facts.endpoint, about="auth",
        key_variable="SOLAPI_API_KEY", secret_variable="SOLAPI_API_SECRET", endpoint_variable="SOLAPI_BASE_URL",  # noqa: S106 - a name
    )  # fmt: skip
    if facts.skew_s is not None and abs(facts.skew_s) > 1:
        found = replace(found, evidence=(*found.evidence, Evidence("Solapi, header Date", f"{facts.skew_s:+.0f} s")))
    yield found


def _judge_clock(snapshot: Snapshot) -> Iterator[Finding]:
    yield clock_finding(CLOCK, "Solapi", snapshot.see(Facts).skew_s)


def _judge_balance(snapshot: Snapshot) -> Iterator[Finding]:
    facts, account = _asked(snapshot)
    if account.money is None:
        yield _account_unseen(account.money_trouble, _solapi.BALANCE)
        return
    money = account.money
    told = f"balance={money.balance} point={money.point} autoRecharge={int(money.auto_recharge)}"
    values = {"left": f"{money.left:,}", "low": f"{facts.low_balance:,}", "about": "money"}
    evidence = (f"Solapi {_solapi.BALANCE}", told)
    if money.left <= 0:
        yield _solapi.EMPTY.found("", evidence, **values)
    elif money.left < facts.low_balance and not money.auto_recharge:
        yield _solapi.LOW.found("", evidence, **values)
    else:
        yield PAID.ok("", **values)


def _judge_sender(snapshot: Snapshot) -> Iterator[Finding]:
    facts, account = _asked(snapshot)
    if account.active is None:
        yield _account_unseen(account.senders_trouble, _solapi.SENDERS)
    elif account.ours_active:
        yield SENDER.ok("", sender=facts.sender, count=account.active)
    else:
        evidence = (f"Solapi {_solapi.SENDERS}", f"{account.active} numbers, none of them {facts.sender}")
        yield _solapi.SENDER.found("", evidence, sender=facts.sender, count=account.active, about="sender")


def _judge_rows(snapshot: Snapshot) -> Iterator[Finding]:
    trouble = snapshot.see(Facts).rows_trouble
    if trouble:
        yield UNREAD.found("", ("core_tenant, messaging_notificationlog", trouble.told), why=trouble.told)
    else:
        yield ROWS.ok()


def _judge_credit(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    broke = [one for one in facts.tenants if one.broke]
    for one in broke:
        evidence = (f"core_tenant {one.code}", f"credit_balance={one.credit} messaging_base_price={one.price:g}")
        yield BROKE.found(one.code, evidence, credit=one.credit, price=f"{one.price:g}", about="credit",
                          tenant=one.code)  # fmt: skip
    if not broke:
        yield CREDIT.ok("", count=facts.tenants_total)


def _judge_tenants(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    fine = True
    for one in facts.tenants:
        if one.sender == "none":
            fine = False
            yield NO_SENDER.found(one.code, (f"core_tenant {one.code}", "messaging_sender is empty"))
        elif one.sender == "foreign":
            fine = False
            evidence = (f"core_tenant {one.code}", f"messaging_sender={one.shown} is no active sender number")
            yield FOREIGN.found(one.code, evidence, sender=one.shown, about="sender")
    if fine:
        yield TENANTS.ok("", count=facts.tenants_total)


def _judge_sent(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    seen = facts.day
    assert seen is not None
    percent = _failures.share(seen.failed, seen.attempts)
    values = {"failed": seen.failed, "attempts": seen.attempts, "percent": percent, "queue": facts.queue.name}
    if percent < _failures.WARN_PERCENT:
        yield SENT.ok("", **values)
        return
    about, cause = _failures.blamed(seen.reasons, REASONS)
    kind = MOST if percent > _failures.FAIL_PERCENT else MANY
    counted = ("messaging_notificationlog, 24 h", f"{seen.failed} of {seen.attempts} attempts failed")
    found = kind.found("", counted, *_failures.told(seen.reasons), about=about, reason=seen.reasons[0].text, **values)
    yield replace(found, cause=cause)


def _judge_consumed(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    queue, seen = facts.queue, facts.day
    assert seen is not None
    if queue.trouble:
        evidence = (queue.trouble.what, queue.trouble.told)
        yield QUEUE_UNSEEN.found(queue.name, evidence, word=queue.word, why=queue.trouble.told)
    elif queue.visible and (seen.last_s is None or seen.last_s > QUIET_S):
        if facts.own.hushed:
            yield WAITS_QUIETLY.found("", visible=queue.visible, **facts.own.hush)
            return
        last = "none in 24 h" if seen.last_s is None else f"{seen.last_s // 60} min ago"
        yield SILENT.found(
            queue.name,
            (f"sqs:GetQueueAttributes {queue.name}", f"visible={queue.visible} in flight={queue.in_flight}"),
            ("messaging_notificationlog", f"last attempt: {last}"),
            count=queue.visible, minutes=QUIET_S // 60, word=queue.word,
        )  # fmt: skip
    else:
        yield CONSUMED.ok("", count=queue.visible)


CONFIGURED = Check("messaging.configured", _judge_configured, kinds=(NOT_SET, PRETENDED))
ACCESS = Check(
    "messaging.access", _judge_access, ("messaging.configured",), tuple(_solapi.ACCESS_KINDS.values())
)  # fmt: skip
CLOCK = Check(
    "messaging.clock", _judge_clock, ("messaging.access",),
    clock_kinds("messaging", (Because("sqs.clock-off"), Because("r2.clock-off"))),
)  # fmt: skip
PAID = Check("messaging.balance", _judge_balance, ("messaging.access",), (_solapi.EMPTY, _solapi.LOW, _solapi.UNSEEN))
SENDER = Check("messaging.sender", _judge_sender, ("messaging.access",), (_solapi.SENDER, _solapi.UNSEEN))
ROWS = Check("messaging.rows", _judge_rows, ("db.schema",), (UNREAD,))
CREDIT = Check("messaging.credit", _judge_credit, ("messaging.rows",), (BROKE,))
TENANTS = Check("messaging.tenants", _judge_tenants, ("messaging.rows",), (NO_SENDER, FOREIGN))
SENT = Check("messaging.sent", _judge_sent, ("messaging.rows",), (MOST, MANY))
CONSUMED = Check(
    "messaging.consumed", _judge_consumed, ("messaging.rows", "sqs.access"), (SILENT, WAITS_QUIETLY, QUEUE_UNSEEN)
)
CHECKS = (
    *(CONFIGURED, ACCESS, CLOCK, PAID, SENDER, ROWS, CREDIT, TENANTS, SENT, CONSUMED),
    *_deliveries.checks(lambda snapshot: snapshot.see(Facts).own),
)


def _asked(snapshot: Snapshot) -> tuple[Facts, Account]:
    facts = snapshot.see(Facts)
    assert facts.account is not None
    return facts, facts.account


def _account_unseen(trouble: Trouble | None, call: str) -> Finding:
    assert trouble is not None
    return _solapi.UNSEEN.found(call.rpartition("/")[2], (trouble.what, trouble.told), call=call, why=trouble.told)

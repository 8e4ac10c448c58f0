"""Facts of a platform whose messages arrive, and one row a fault of the topic `messaging`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import messaging
from checks._deliveries import Halfway, Hush, Own, Sums, Texts, Waiting
from checks._depth import Depth
from checks._failures import Reason
from checks._messages import Day, Tenant
from checks._model import Verdict
from checks._solapi import Account, Money
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
_TENANT = Tenant("demo", 10000, 8.5, broke=False, sender="active", shown="0212****")
_DAY = Day(120, 3, 40, (Reason("[3059] 변작된 번호", 3),))
FACTS = messaging.Facts(
    missing=(), asked=True, pretended="", endpoint="https://api.solapi.com", sender="0212****", low_balance=10000,
    account=Account(Money(52000, 0, auto_recharge=False), None, 2, ours_active=True, senders_trouble=None),
    skew_s=0.3, rows_trouble=None, tenants=(_TENANT,), tenants_total=1, day=_DAY,
    queue=Depth("messaging", "academy-messaging-jobs", 0, 0, 0, None),
    own=Own(Texts()),
)  # fmt: skip


def account(**changes: Any) -> messaging.Facts:
    assert FACTS.account is not None
    return replace(FACTS, account=replace(FACTS.account, **changes))


def refused(cause: str, why: str = "", code: str = "") -> messaging.Facts:
    """Solapi answered both calls so."""
    trouble = Trouble(cause, code, "GET /cash/v1/balance https://api.solapi.com", why)
    return account(money=None, money_trouble=trouble, active=None, ours_active=False, senders_trouble=trouble)


def money(balance: int, *, auto: bool = False) -> messaging.Facts:
    return account(money=Money(balance, 0, auto_recharge=auto))


def tenant(**changes: Any) -> messaging.Facts:
    return replace(FACTS, tenants=(_TENANT, replace(_TENANT, code="second", **changes)), tenants_total=2)


def day(failed: int, reason: str, **changes: Any) -> messaging.Facts:
    """Ten attempts, of which some failed."""
    return replace(FACTS, day=Day(10, failed, 40, (Reason(reason, failed),)), **changes)


def _queue(**changes: Any) -> messaging.Facts:
    return replace(FACTS, queue=replace(FACTS.queue, **changes), day=Day(0, 0, None, ()))


def _texts(**changes: Any) -> messaging.Facts:
    return replace(FACTS, own=Own(Texts(**changes)))


_HALFWAY = Own(Texts(halfway=(Halfway("biz:a", "SENDING", "demo", 4000),), halfway_total=1))


def quiet(**changes: Any) -> messaging.Facts:
    """Quiet hours are in force for two academies, and messages wait."""
    return replace(_queue(visible=4, **changes), own=Own(Texts(), hushed=(Hush("demo", 30), Hush("second", 610))))


def _both(one: messaging.Facts, other: messaging.Facts) -> messaging.Facts:
    return replace(one, day=other.day)


def cases() -> tuple[Case, ...]:
    late = Trouble(t.TIMEOUT, "", "GET /cash/v1/balance https://api.solapi.com", "no answer in time")
    return (
        fail("Solapi is set in part", "messaging.not-configured", V.settings,
             messaging=replace(FACTS, missing=("SOLAPI_SENDER",), asked=False, account=None, skew_s=None)),
        fail("an unknown Solapi key", "messaging.key-unknown", V.settings, messaging=refused(t.KEY, "InvalidAPIKey")),
        fail("a wrong Solapi secret", "messaging.secret-wrong", V.settings,
             messaging=refused(t.SECRET, "SignatureDoesNotMatch")),
        fail("Solapi refuses our clock", "messaging.clock-wrong", V.infrastructure,
             messaging=refused(t.CLOCK, "RequestTimeTooSkewed")),
        fail("Solapi refuses this address", "messaging.denied", V.settings, messaging=refused(t.DENIED, "Forbidden")),
        fail("Solapi is down", "messaging.unreachable", V.infrastructure,
             messaging=refused(t.UNREACHABLE, "Connection refused")),
        fail("Solapi's host is unknown", "messaging.host-unknown", V.settings,
             messaging=refused(t.HOST, "getaddrinfo")),
        fail("a sign-in page answers as Solapi", "messaging.stranger", V.infrastructure,
             messaging=refused(t.STRANGER, "no JSON")),
        fail("Solapi's address is none", "messaging.setup", V.settings, messaging=refused(t.SETUP, "unknown url type")),
        unknown("Solapi is silent", "messaging.timeout", messaging=refused(t.TIMEOUT, "timed out")),
        unknown("Solapi throttles", "messaging.throttled", messaging=refused(t.THROTTLED, "TooManyRequests")),
        unknown("Solapi answers nonsense", "messaging.odd", messaging=refused(t.ODD, "InternalError: sorry")),
        warn("our clock is not Solapi's", "messaging.clock-off", V.infrastructure,
             messaging=replace(FACTS, skew_s=240.0)),
        unknown("Solapi tells no time", "messaging.clock-unseen", messaging=replace(FACTS, skew_s=None)),
        fail("Solapi's account is empty", "messaging.balance-empty", V.capacity, messaging=money(0)),
        fail("messages fail for an empty account", "messaging.balance-empty", V.capacity, "messaging.failures-most",
             messaging=_both(money(0), day(9, "[1030] 잔액이 부족합니다."))),
        warn("Solapi's account is nearly empty", "messaging.balance-low", V.capacity, messaging=money(9999)),
        fail("the sender may not send", "messaging.sender-unknown", V.settings,
             messaging=account(ours_active=False)),
        unknown("the balance was not told", "messaging.account-unseen",
                messaging=account(money=None, money_trouble=late)),
        unknown("the senders were not told", "messaging.account-unseen",
                messaging=account(active=None, ours_active=False, senders_trouble=late)),
        unknown("the messages' rows cannot be read", "messaging.unread",
                messaging=replace(FACTS, rows_trouble=Trouble(t.ODD, "57014", "", "statement timeout"), tenants=(),
                                  tenants_total=0, day=None)),
        warn("a tenant without credit", "messaging.tenant-credit", V.data, messaging=tenant(credit=0, broke=True)),
        fail("nobody can pay", "messaging.failures-most", V.capacity, "messaging.tenant-credit",
             messaging=replace(tenant(credit=-3, broke=True), day=day(9, "insufficient_balance").day)),
        warn("a tenant without sender number", "messaging.tenant-no-sender", V.data, messaging=tenant(sender="none")),
        warn("a tenant's number may not send", "messaging.tenant-sender-unknown", V.data,
             messaging=tenant(sender="foreign", shown="0311****")),
        warn("messages fail for their numbers", "messaging.failures", V.data, messaging=day(4, "[3058] 결번")),
        fail("messages fail for the key", "messaging.failures-most", V.settings,
             messaging=day(9, "[InvalidAPIKey] 유효하지 않은 API Key")),
        warn("messages wait and none is sent", "messaging.nothing-sent", V.capacity,
             messaging=_queue(visible=4, in_flight=1)),
        warn("sending is only pretended", "messaging.pretended", V.settings,
             messaging=replace(FACTS, pretended="SOLAPI_MOCK", asked=False, account=None, skew_s=None)),
        warn("academyctl's tables are missing", "messaging.not-migrated", V.settings,
             messaging=replace(FACTS, own=Own(None))),
        fail("whether texts were sent is unknown", "messaging.texts-unknown", V.data,
             messaging=_texts(unknown=(Waiting("demo", 2, 7300), Waiting("second", 1, 60)))),
        warn("texts were left halfway", "messaging.texts-halfway", V.data,
             messaging=_texts(halfway=(Halfway("biz:a", "SENDING", "demo", 4000),), halfway_total=7)),
        fail("texts were left halfway for Solapi is down", "messaging.unreachable", V.infrastructure,
             "messaging.texts-halfway",
             messaging=replace(refused(t.UNREACHABLE, "Connection refused"), own=_HALFWAY)),
        warn("texts wait for credit that is there now", "messaging.credit-waits", V.data,
             messaging=_texts(unpaid=(Waiting("demo", 12),))),
        warn("texts wait for credit that is not there", "messaging.tenant-credit", V.data, "messaging.credit-waits",
             messaging=replace(tenant(credit=0, broke=True), own=Own(Texts(unpaid=(Waiting("second", 12),))))),
        fail("the ledger does not add up", "messaging.ledger-differs", V.code,
             messaging=_texts(ledger=(Sums("demo", 1700, 850, 1700, 17, 9),))),
        fail("quiet hours that are none", "messaging.quiet-odd", V.settings,
             messaging=replace(FACTS, own=Own(Texts(), quiet_odd="MESSAGING_QUIET_HOURS has 'x'"))),
        unknown("the message queue was not seen", "messaging.queue-unseen",
                messaging=_queue(trouble=Trouble(t.TIMEOUT, "", "sqs:GetQueueAttributes queue x", "timed out"))),
    )  # fmt: skip

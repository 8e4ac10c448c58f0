"""Every row of the decision table: what becomes of a message, given what the database says of its delivery."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.contract.texts import Text
from academyctl.messaging.model import Composed, Ending, Refused, Row, State, Tenant
from academyctl.messaging.quiet import Quiet
from workers._model import Defer, Done, Outcome, Reject
from workers.messaging.plan import (
    Answer,
    Asked,
    Claim,
    Close,
    Decision,
    Look,
    Refuse,
    Reopen,
    Take,
    World,
    going,
    plan,
    unpaid,
)  # fmt: skip

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = "sqs:m1"
TENANT = Tenant(7, "a7", 100, 850, "0212345678", "", True, True)
TEXT = Text(7, "01077351902", "안녕하세요")
SMS = Composed("SMS", "01077351902", "0212345678", "안녕하세요", text_bytes=10)
ALIMTALK = Composed("ATA", "01077351902", "0212345678", pf_id="PF", template_id="T", fallback=SMS)
TOO_LONG = Refused(Ending.TOO_LONG, "2001 bytes")
NO_SENDER = Refused(Ending.NO_SENDER, "none")
FAILED_AT = NOW - timedelta(minutes=5)


def row(state: State, **changes: Any) -> Row:
    usual: dict[str, Any] = {
        "key": KEY, "tenant_id": 7, "message_id": "m1", "state": state, "mode": "sms", "kind": "SMS",
        "recipient": "01077351902", "sender": "0212345678", "text_bytes": 10, "text_sha256": "", "content_sha256": "",
        "template_id": "", "price_cents": 850, "billed": True, "billing": 1, "attempt": 1, "fallback": False,
        "token": "other", "lease_until": NOW + timedelta(seconds=30), "sending_at": None, "solapi_message_id": "",
        "solapi_group_id": "", "reason": "", "evidence": {}, "created_at": NOW, "updated_at": NOW, "finished_at": None,
    }  # fmt: skip
    return Row(**(usual | changes))


def asked(**changes: Any) -> Asked:
    return replace(Asked(KEY, "m1", TEXT, first_sent_at=NOW), **changes)


def world(found: Row | None = None, composed: Composed | Refused = SMS, **changes: Any) -> World:
    usual: dict[str, Any] = {
        "tenants": {7: TENANT}, "rows": {found.key: found} if found else {}, "now": NOW,
        "compose": lambda _text, _tenant: composed, "rng": random.Random(1),
    }  # fmt: skip
    return World(**(usual | changes))


def decide(found: Row | None = None, one: Asked | None = None, **changes: Any) -> Decision:
    return plan([one or asked()], world(found, **changes))[0]


def said(decision: Decision) -> Outcome:
    assert isinstance(decision, Answer)
    return decision.outcome


def waits(decision: Decision, least: float, most: float) -> bool:
    outcome = said(decision)
    return isinstance(outcome, Defer) and least <= outcome.after <= most


def failed(reason: str) -> Row:
    return row(State.FAILED, reason=reason, finished_at=FAILED_AT, billed=False)


QUIET: dict[str, Any] = {"quiet": Quiet.parse("*=20:00-08:00")}  # NOW is 21:00 in Korea
AGAIN = asked(redriven_at=NOW)
BEFORE = asked(redriven_at=FAILED_AT - timedelta(seconds=1))
Check = Callable[[Decision], bool]

TABLE: list[tuple[str, Decision, Check]] = [
    ("no row: claimed", decide(), lambda d: isinstance(d, Claim) and d.new.price_cents == 850 and d.composed == SMS),
    ("no row, pretended: claimed for nothing", decide(free=True),
     lambda d: isinstance(d, Claim) and d.new.price_cents == 0),
    ("no row, too long: failed", decide(composed=TOO_LONG),
     lambda d: isinstance(d, Refuse) and d.refused == TOO_LONG),
    ("no row, quiet: waits", decide(**QUIET),
     lambda d: waits(d, 11 * 3600, 12 * 3600)),
    ("no row, quiet, refused: failed at once", decide(composed=TOO_LONG, **QUIET), lambda d: isinstance(d, Refuse)),
    ("no such academy: a letter, no row", decide(tenants={}), lambda d: isinstance(said(d), Reject)),
    ("CLAIMED, leased: waits for its owner", decide(row(State.CLAIMED, leased=True)),
     lambda d: waits(d, 31, 34)),
    ("SENDING, leased: waits for its owner", decide(row(State.SENDING, leased=True)),
     lambda d: isinstance(said(d), Defer)),
    ("CLAIMED, left: taken over", decide(row(State.CLAIMED)), lambda d: isinstance(d, Take)),
    ("CLAIMED, left, quiet: waits", decide(row(State.CLAIMED), **QUIET), lambda d: isinstance(said(d), Defer)),
    ("CLAIMED, left, refused by now: closed", decide(row(State.CLAIMED), composed=NO_SENDER),
     lambda d: isinstance(d, Close) and d.refused == NO_SENDER),
    ("CLAIMED for the text in place of an Alimtalk: that one",
     decide(row(State.CLAIMED, fallback=True), composed=ALIMTALK),
     lambda d: isinstance(d, Take) and d.composed == SMS),
    ("SENDING, left: looked for", decide(row(State.SENDING)), lambda d: isinstance(d, Look) and d.composed == SMS),
    ("SENDING, left, refused by now: looked for all the same", decide(row(State.SENDING), composed=NO_SENDER),
     lambda d: isinstance(d, Look) and d.composed == NO_SENDER),
    ("SENDING, left, quiet: looked for, not sent again before morning", decide(row(State.SENDING), **QUIET),
     lambda d: isinstance(d, Look) and d.quiet_s > 0),
    ("SENDING, left, the academy is gone: looked for", decide(row(State.SENDING), tenants={}),
     lambda d: isinstance(d, Look)),
    ("CLAIMED, left, the academy is gone: closed", decide(row(State.CLAIMED), tenants={}),
     lambda d: isinstance(d, Close)),
    ("SENT: done", decide(row(State.SENT)), lambda d: said(d) == Done("sent already")),
    ("SENT and redriven: done", decide(row(State.SENT), AGAIN), lambda d: said(d) == Done("sent already")),
    ("FAILED for good: done as a failure", decide(failed("text_too_long: 2001 bytes")),
     lambda d: said(d) == Done("text_too_long: 2001 bytes", failed=True)),
    ("FAILED as a double: done", decide(failed("duplicate_within_window")),
     lambda d: said(d) == Done("duplicate_within_window")),
    ("FAILED and mendable: a letter again", decide(failed("insufficient_balance")),
     lambda d: said(d) == Reject("insufficient_balance")),
    ("FAILED, redriven before that: as it was", decide(failed("insufficient_balance"), BEFORE),
     lambda d: isinstance(said(d), Reject)),
    ("FAILED, redriven since: opened and charged again", decide(failed("insufficient_balance"), AGAIN),
     lambda d: isinstance(d, Reopen) and d.new.price_cents == 850),
    ("FAILED, redriven since, an Alimtalk that was refused: as an Alimtalk again",
     decide(replace(failed("refused_by_solapi: [1042] x"), fallback=True), AGAIN, composed=ALIMTALK),
     lambda d: isinstance(d, Reopen) and d.composed == ALIMTALK),
    ("FAILED, redriven since, refused again: a letter again",
     decide(failed("sender_missing"), AGAIN, composed=NO_SENDER),
     lambda d: said(d) == Reject("sender_missing: none")),
    ("FAILED, redriven in the night: waits", decide(failed("insufficient_balance"), AGAIN, **QUIET),
     lambda d: isinstance(said(d), Defer)),
    ("SENT to another phone under the same key: a letter", decide(row(State.SENT, recipient="01000000000")),
     lambda d: isinstance(said(d), Reject)),
    ("SENT by another academy under the same key: a letter", decide(row(State.SENT, tenant_id=8)),
     lambda d: isinstance(said(d), Reject)),
    ("UNKNOWN: looked for", decide(row(State.UNKNOWN)), lambda d: isinstance(d, Look)),
]  # fmt: skip


@pytest.mark.parametrize(("decision", "check"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_what_becomes_of_a_message(decision: Decision, check: Check) -> None:
    assert check(decision), decision


def test_what_was_sent_or_may_have_been_keeps_its_lock() -> None:
    kept = [decide(row(State.SENT)), decide(row(State.SENDING, leased=True))]
    assert all(isinstance(one, Answer) and one.sent for one in kept)
    let_go = decide(failed("text_too_long"))
    assert isinstance(let_go, Answer)
    assert not let_go.sent


def two_of_the_same() -> list[Asked]:
    return [asked(), asked(key="sqs:m2", first_id="m2")]


def test_with_a_window_the_second_click_is_a_double_also_within_one_group() -> None:
    first, second = plan(two_of_the_same(), world(window=True))
    assert isinstance(first, Claim)
    assert isinstance(second, Refuse)
    assert second.refused.ending is Ending.DUPLICATE


def test_without_a_window_the_same_text_twice_is_two_texts() -> None:
    assert all(isinstance(one, Claim) for one in plan(two_of_the_same(), world()))


def test_a_twin_of_another_group_is_a_double_within_the_window_only() -> None:
    new = decide()
    assert isinstance(new, Claim)
    twins = {new.new.content_sha256: "sqs:other"}
    assert isinstance(decide(window=True, twins=twins), Refuse)
    assert isinstance(decide(window=False, twins=twins), Claim)


@pytest.mark.parametrize(
    ("waited_s", "least", "most"),
    [(0, 30, 33), (20, 30, 33), (60, 60, 66), (200, 200, 220), (900, 300, 330), (1790, 10, 11)],
)
def test_a_text_without_credit_waits_ever_longer(waited_s: int, least: float, most: float) -> None:
    one = asked(first_sent_at=NOW - timedelta(seconds=waited_s))
    answer = unpaid(one, TENANT, None, world())
    assert isinstance(answer, Answer)
    assert isinstance(answer.outcome, Defer)
    assert least <= answer.outcome.after <= most


def test_after_the_time_for_credit_it_fails_and_its_message_is_a_letter() -> None:
    late = asked(first_sent_at=NOW - timedelta(seconds=1800))
    claim = decide()
    assert isinstance(claim, Claim)
    refused = unpaid(late, TENANT, claim.new, world())
    assert isinstance(refused, Refuse)
    assert refused.refused.reason == "insufficient_balance: credit 100, price 8.50"
    again = unpaid(late, TENANT, None, world())
    assert isinstance(again, Answer)
    assert isinstance(again.outcome, Reject)


def test_a_redriven_text_waits_for_credit_anew() -> None:
    one = asked(first_sent_at=NOW - timedelta(days=1), redriven_at=NOW)
    answer = unpaid(one, TENANT, None, world())
    assert isinstance(answer, Answer)
    assert isinstance(answer.outcome, Defer)


def test_an_alimtalk_that_was_refused_and_has_no_other_text_goes_no_more() -> None:
    left = going(row(State.CLAIMED, fallback=True), replace(ALIMTALK, fallback=None))
    assert isinstance(left, Refused)

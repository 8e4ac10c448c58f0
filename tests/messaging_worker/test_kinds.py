"""What goes out, who pays, and who may not: every kind of text through the worker's own handler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.messaging_worker.crew import bench, logged
from tests.texting_platform import OPENING, Texting
from workers._model import Defer, Done, Reject

TEMPLATE = {"template_id": "KA01TP1", "replacements": (("student_name_2", "홍길"),)}


def test_a_text_over_90_bytes_goes_as_lms_with_a_subject(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        assert hand.one(academy, text="오늘 수업 안내입니다. " * 6) == Done()
    [sent] = texting.inbox()
    assert (sent["type"], bool(sent["subject"])) == ("LMS", True)
    assert texting.log_rows()[0]["template_summary"] == "LMS"


def test_an_alimtalk_carries_its_variables_and_solapis_own_sms_stays_off(texting: Texting) -> None:
    academy = texting.academy(kakao_pfid="KA01PF1")
    with bench(texting) as hand:
        assert hand.one(academy, mode="alimtalk", **TEMPLATE) == Done()
    [sent] = texting.inbox()
    options = sent["kakaoOptions"]
    assert (sent["type"], options["disableSms"], options["variables"]) == ("ATA", True, {"#{student_name_2}": "홍길"})
    assert texting.log_rows()[0]["template_summary"] == "KA01TP1"


def test_of_mode_both_a_refused_alimtalk_becomes_exactly_one_sms_paid_once(texting: Texting) -> None:
    academy = texting.academy(kakao_pfid="KA01PF1")
    texting.account.script({"do": "partial", "code": "1042", "every": 1})
    with bench(texting) as hand, logged() as log:
        assert hand.one(academy, mode="both", **TEMPLATE) == Done()
    assert [sent["type"] for sent in texting.inbox()] == ["SMS"]
    [row] = texting.rows()
    assert (row["state"], row["kind"], row["fallback"], row["attempt"]) == ("SENT", "SMS", True, 2)
    assert texting.balance(academy) == OPENING - 9
    assert [one["template_summary"] for one in texting.log_rows()] == ["SMS"]
    assert "alimtalk failed, fallback to SMS" in log.getvalue()


def test_when_alimtalk_and_sms_are_refused_the_price_comes_back_once(texting: Texting) -> None:
    academy = texting.academy(kakao_pfid="KA01PF1")
    texting.account.script({"do": "partial", "code": "1060", "every": 1, "times": 2})
    with bench(texting) as hand:
        assert hand.one(academy, mode="both", **TEMPLATE) == Done(
            "refused_by_solapi: [1060] " + texting.rows()[0]["reason"].partition("] ")[2], failed=True
        )
    assert texting.inbox() == []
    assert texting.balance(academy) == OPENING
    assert [(one["success"], one["amount_deducted"]) for one in texting.log_rows()] == [(False, 0)]


def test_an_academy_that_may_not_send_has_its_texts_kept_as_letters(texting: Texting) -> None:
    academy = texting.academy(messaging_is_active=False)
    with bench(texting) as hand:
        outcome = hand.one(academy)
    assert outcome == Reject("messaging_inactive: messaging_is_active is off for this academy")
    assert texting.inbox() == []
    assert texting.balance(academy) == OPENING
    assert texting.stores.redis.scan("job:messaging:*") == [], "its lock would make a legacy worker delete the message"
    with bench(texting, MESSAGING_REQUIRE_ACTIVE="false") as hand:
        assert hand.one(academy, message_id="another") == Done()


def test_quiet_hours_hold_a_text_before_anything_is_claimed(texting: Texting) -> None:
    academy = texting.academy()
    korea = datetime.now(UTC).astimezone(timezone(timedelta(hours=9)))
    hours = f"{korea - timedelta(hours=1):%H}:00-{korea + timedelta(hours=2):%H}:00"
    with bench(texting, MESSAGING_QUIET_HOURS=hours) as hand:
        outcome = hand.one(academy)
    assert isinstance(outcome, Defer)
    assert 3600 <= outcome.after <= 2 * 3600 + 60
    assert (texting.rows(), texting.inbox()) == ([], [])


def test_pretending_sends_nothing_charges_nothing_and_says_so_loudly(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting, SOLAPI_MOCK="true") as hand, logged() as log:
        hand.handler.hold_off_s()
        assert hand.one(academy) == Done()
    assert texting.inbox() == []
    assert texting.balance(academy) == OPENING
    [row] = texting.log_rows()
    assert (row["success"], row["amount_deducted"], row["template_summary"]) == (True, 0, "MOCK SMS")
    assert texting.rows()[0]["solapi_message_id"].startswith("MOCK")
    assert log.getvalue().count("texts=") == 1
    assert "ONLY PRETENDS" in log.getvalue()


def test_a_text_without_credit_waits_and_goes_once_there_is_some(texting: Texting) -> None:
    academy = texting.academy(credit_balance=8)
    with bench(texting) as hand, logged() as log:
        assert isinstance(hand.one(academy, message_id="m"), Defer)
        assert texting.rows() == []
        texting.stores.db.execute("UPDATE core_tenant SET credit_balance = 9")
        assert hand.one(academy, message_id="m") == Done()
    assert texting.balance(academy) == 0
    assert len(texting.inbox()) == 1
    assert f"tenant_id={academy} insufficient_balance balance=8 base_price=8.50" in log.getvalue()


def test_credit_that_does_not_come_makes_a_letter_which_goes_after_a_charge(texting: Texting) -> None:
    academy = texting.academy(credit_balance=0)
    with bench(texting) as hand:
        outcome = hand.one(academy, message_id="m", sent_ago_s=1801)
        assert outcome == Reject("insufficient_balance: credit 0, price 8.50")
        assert texting.states() == ["FAILED"]
        assert isinstance(hand.one(academy, message_id="m", redriven=True), Defer), "still no credit"
        texting.stores.db.execute("UPDATE core_tenant SET credit_balance = 100")
        assert hand.one(academy, message_id="m", redriven=True) == Done()
        assert hand.one(academy, message_id="m", redriven=True) == Done("sent already")
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == 91
    assert [row["success"] for row in texting.log_rows()] == [False, True]


def test_of_a_group_as_many_go_as_the_credit_covers(texting: Texting) -> None:
    academy = texting.academy(credit_balance=20)
    with bench(texting) as hand:
        outcomes = hand.handle(*(hand.message(academy, text=f"{n}") for n in range(5)))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Defer, Defer, Defer]
    assert texting.balance(academy) == 3


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_text_without_a_price_costs_nothing_and_needs_no_credit(texting: Texting, price: str) -> None:
    academy = texting.academy(credit_balance=0, messaging_base_price=price)
    with bench(texting) as hand:
        assert hand.one(academy) == Done()
    assert texting.balance(academy) == 0


def test_a_tenant_that_does_not_exist_makes_a_letter_and_holds_up_nobody(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        stray, good = hand.handle(hand.message(academy + 1), hand.message(academy))
    assert stray == Reject(f"tenant_not_found: no academy has the id {academy + 1}")
    assert good == Done()
    assert texting.states() == ["SENT"]


def test_credit_comes_back_to_the_won_when_a_text_is_refused(texting: Texting) -> None:
    academy = texting.academy(credit_balance=100)
    with bench(texting) as hand:
        assert hand.one(academy) == Done()
        assert texting.balance(academy) == 91
        texting.account.script({"do": "partial", "code": "1011", "every": 1})
        assert isinstance(hand.one(academy), Done)
        assert texting.balance(academy) == 91
    entries = texting.stores.db.query("SELECT what, won FROM academyctl_credit_entry ORDER BY id")
    assert [(row["what"], row["won"]) for row in entries] == [("charge", -9), ("charge", -8), ("refund", 8)]

"""What one key means to another message, to another worker, and to one that only pretends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.messaging_worker.crew import bench
from tests.messaging_worker.test_once import claimed
from tests.texting_platform import OPENING, Texting
from workers._model import Defer, Done, Reject

OTHER = "01077351999"


def test_one_business_key_for_two_phones_is_no_reason_to_lose_a_text(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        first, second = hand.handle(
            hand.message(academy, business_key="k"), hand.message(academy, business_key="k", to=OTHER)
        )
        later = hand.one(academy, business_key="k", to=OTHER)
    assert first == Done()
    for conflict in (second, later):
        assert isinstance(conflict, Reject), "kept as a dead letter, for it was not sent"
        assert conflict.reason.startswith("key_conflict")
    assert len(texting.inbox()) == 1


def test_one_business_key_of_two_academies_is_no_reason_to_lose_a_text(texting: Texting) -> None:
    ours, theirs = texting.academy(), texting.academy()
    with bench(texting) as hand:
        outcomes = hand.handle(hand.message(ours, business_key="k"), hand.message(theirs, business_key="k"))
    assert outcomes[0] == Done()
    assert isinstance(outcomes[1], Reject)
    assert texting.balance(theirs) == OPENING


def test_a_message_that_is_given_up_ends_no_other_academys_text(texting: Texting) -> None:
    ours, theirs = texting.academy(), texting.academy()
    with bench(texting) as hand:
        claimed(hand, ours)
        key = texting.rows()[0]["key"]
        texting.stores.db.execute(
            "UPDATE academyctl_message_delivery SET lease_until = now() - interval '1 s', key = 'biz:k' WHERE key = %s",
            (key,),
        )
        before = texting.states()
        hand.handler.exhausted(hand.message(theirs, business_key="k"), "tired")
    assert texting.states() == before


def test_a_worker_that_pretends_leaves_a_paid_text_to_one_that_sends(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        claimed(hand, academy)
    texting.stores.db.execute("UPDATE academyctl_message_delivery SET lease_until = now() - interval '1 s'")
    paid = texting.balance(academy)
    with bench(texting, SOLAPI_MOCK="true") as hand:
        assert all(isinstance(hand.one(academy, message_id=name, text=name), Defer) for name in "abc")
    assert texting.states() == ["CLAIMED"] * 3
    with bench(texting) as hand:
        assert [hand.one(academy, message_id=name, text=name) for name in "abc"] == [Done()] * 3
    assert texting.balance(academy) == paid
    assert len(texting.inbox()) == 3


def test_a_double_click_of_a_text_that_nobody_can_pay_waits_with_it(texting: Texting) -> None:
    academy = texting.academy(credit_balance=0)
    with bench(texting, MESSAGING_DUPLICATE_WINDOW_SECONDS="60") as hand:
        outcomes = hand.handle(hand.message(academy), hand.message(academy))
    assert all(isinstance(outcome, Defer) for outcome in outcomes)
    assert texting.rows() == []


MADE = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize("answer", ["", "cut-after-accepting"])
def test_a_message_that_awss_own_redrive_gave_a_new_id_is_the_same_text(texting: Texting, answer: str) -> None:
    academy = texting.academy()
    if answer:
        texting.account.script({"do": answer})
    with bench(texting, MESSAGING_RESEND_AFTER_SECONDS="960") as hand:
        hand.one(academy, message_id="before", now=MADE)
        outcome = hand.one(academy, message_id="after", now=MADE)
    assert outcome == (Done() if answer else Done("sent already"))
    assert len(texting.inbox()) == 1
    assert texting.states() == ["SENT"]
    assert texting.balance(academy) == OPENING - 9


def test_both_ids_of_one_message_in_one_group_are_one_text(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        group = claimed(hand, academy)
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET lease_until = now() - interval '1 s'")
        made = group.parts[0].asked.text.created_at
        outcomes = hand.handle(
            hand.message(academy, message_id="a", text="a", now=made), hand.message(academy, text="a", now=made)
        )
    assert outcomes[0] == Done()
    assert isinstance(outcomes[1], Defer)
    assert len(texting.inbox()) == 1


def test_the_same_words_made_at_another_moment_are_another_text(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        assert hand.one(academy, now=MADE) == Done()
        assert hand.one(academy, now=MADE.replace(microsecond=0)) == Done()
    assert len(texting.inbox()) == 2

"""What the world around a worker does wrong: clocks, times of messages, and messages that are doubled on their way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract.texts import parse_text
from academyctl.message_evidence import Told, ask, dead_after_s
from academyctl.messaging.model import State
from academyctl.settings import load
from academyctl.stores import deliveries
from tests.messaging_worker.crew import TEXT, bench
from tests.texting_platform import OPENING, PHONE, Texting
from workers._clock import Clock
from workers._model import Defer, Delivery, Done, Retry
from workers.messaging.sending import SIGNED_WITHIN_S
from workers.messaging.words import key_for_people

MADE = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)
_DEAD = """
UPDATE academyctl_message_delivery SET state = 'CLAIMED', token = 'dead', lease_until = now() - interval '1 s'
WHERE key = %s
"""
_LATE = "UPDATE academyctl_message_delivery SET created_at = created_at + {0}, sending_at = sending_at + {0}"


def made(delivery: Delivery, created_at: object) -> Delivery:
    """The message with another created_at."""
    body = json.dumps({**json.loads(delivery.message.body), "created_at": created_at})
    delivery.message, delivery.job = replace(delivery.message, body=body), parse_text(body)
    return delivery


@pytest.mark.parametrize("wrong", [timedelta(hours=-2), timedelta(days=-3), timedelta(days=3)])
def test_a_worker_whose_clock_is_wrong_sees_in_the_list_what_went_out(texting: Texting, wrong: timedelta) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-after-accepting"})
    clock = Clock(now=lambda: datetime.now(UTC) + wrong)
    with bench(texting) as hand:
        assert isinstance(hand.one(academy, message_id="m", clock=clock), Defer)
        assert hand.one(academy, message_id="m", clock=clock) == Done()
    assert len(texting.inbox()) == 1


@pytest.mark.parametrize("wrong", ["interval '2 h'", "interval '-2 h'", "interval '3 d'", "interval '-3 d'"])
def test_a_database_whose_clock_is_wrong_hides_nothing_from_worker_or_person(texting: Texting, wrong: str) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-after-accepting"})
    with bench(texting) as hand:
        hand.one(academy, message_id="m")
        texting.stores.db.execute(_LATE.format(wrong))
        row = deliveries.row(texting.stores.db, "sqs:m")
        assert row is not None
        assert ask(texting.stores, row).told is Told.accepted
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1


def test_a_person_is_not_told_that_an_alimtalk_never_went_where_one_without_our_key_did(texting: Texting) -> None:
    academy = texting.academy(kakao_pfid="PF")
    texting.account.script({"do": "cut-before"})
    with bench(texting) as hand:
        hand.one(academy, message_id="m", mode="alimtalk", template_id="T")
    texting.account.accept({"messages": [{"to": PHONE, "from": "0212345678", "text": TEXT, "type": "SMS"}]})
    row = deliveries.row(texting.stores.db, "sqs:m")
    assert row is not None
    assert (row.state, row.kind, ask(texting.stores, row).told) == (State.SENDING, "ATA", Told.alike)


@pytest.mark.parametrize(("ahead_s", "most_s"), [(None, 960.0), (-300.0, 960.0), (1.0, 960.0), (59.0, 1009.0)])
def test_a_request_is_dead_later_where_the_clock_that_signed_it_is_ahead(
    texting: Texting, ahead_s: float | None, most_s: float
) -> None:
    settings = load({**texting.env, "MESSAGING_RESEND_AFTER_SECONDS": "960"}).settings
    assert dead_after_s(settings, ahead_s) == most_s
    assert most_s >= SIGNED_WITHIN_S + 900 + max(0.0, ahead_s or 0.0)


@pytest.mark.parametrize(
    "number", ["01077351902", "010-7735-1902", "010.7735.1902", "821077351902", "+82 10-7735-1902"]
)
@pytest.mark.parametrize("around", ["{}", "att_{}_in", "2026-11-21:{}", "a{}b"])
def test_a_key_that_was_built_from_a_phone_number_does_not_show_it(number: str, around: str) -> None:
    assert "1902" not in key_for_people("biz:" + around.format(number))


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-12:00"])
def test_a_message_made_at_the_edge_of_the_calendar_stops_no_reader_of_its_row(texting: Texting, edge: str) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        assert hand.handle(made(hand.message(academy, message_id="m"), edge)) == [Done()]
        assert hand.handle(made(hand.message(academy, message_id="m"), edge)) == [Done("sent already")]
    assert [row.key for row in deliveries.find(texting.stores.db)] == ["sqs:m"]


def test_a_message_that_its_producers_client_sent_twice_is_one_text_within_a_group_too(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        both = [hand.message(academy, message_id=name, now=MADE) for name in "ab"]
        first, second = hand.handle(*both)
        assert first == Done()
        assert isinstance(second, Defer)
        assert hand.handle(both[1]) == [Done("sent already")]
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9


def test_of_texts_that_are_one_by_their_words_the_unsent_one_is_meant_by_a_new_id(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        assert hand.handle(*(hand.message(academy, message_id=name) for name in "ab")) == [Done()] * 2
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET made_at = %s", (MADE,))
        texting.stores.db.execute(_DEAD, ("sqs:b",))
        assert hand.one(academy, message_id="c", now=MADE) == Done()
    assert texting.states() == ["SENT", "SENT"]
    assert texting.balance(academy) == OPENING - 17


def test_an_end_that_cannot_be_written_keeps_no_other_from_being_written(texting: Texting) -> None:
    well, broken = texting.academy(), texting.academy()
    texting.account.script({"do": "cut-before"})
    with bench(texting) as hand:
        both = [hand.message(well, message_id="a"), hand.message(broken, message_id="b")]
        hand.handle(*both)
        hand.handler.breaker.passed()
        # Somebody else's hand in our books: there is nothing from which this text could be refunded.
        texting.stores.db.execute("DELETE FROM academyctl_credit_account WHERE tenant_id = %s", (broken,))
        texting.account.script({"do": "partial", "code": "1028", "every": 2})
        first, second = hand.handle(*both)
    assert first == Done()
    assert isinstance(second, Retry)
    assert sorted((row["key"], row["state"]) for row in texting.rows()) == [("sqs:a", "SENT"), ("sqs:b", "SENDING")]

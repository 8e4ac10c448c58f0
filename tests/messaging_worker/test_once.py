"""Each text once: doubles, dead owners, broken-off requests, and what Solapi's list says of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from academyctl.contract import keys, marks
from academyctl.messaging.model import End, State
from tests.messaging_worker.crew import TEXT, Bench, bench, logged
from tests.texting_platform import OPENING, PHONE, Texting
from workers._clock import Clock
from workers._model import Defer, Done, Reject
from workers.messaging.claiming import claim
from workers.messaging.endings import finish
from workers.messaging.group import Group, part_of
from workers.messaging.limiter import Limiter
from workers.messaging.sending import send

AWAY_5XX = {"do": "status", "status": 503}
LATE_S = "960"


def left_in(texting: Texting, state: str, **columns: Any) -> None:
    """Make the only row as a worker leaves it that died in that state."""
    said = {"state": state, "token": "dead", "finished_at": None, "solapi_message_id": "", **columns}
    sets = ", ".join(f"{name} = %({name})s" for name in said)
    texting.stores.db.execute(
        f"UPDATE academyctl_message_delivery SET {sets}, lease_until = now() - interval '1 s'",
        said,
    )


def test_a_message_that_comes_again_is_skipped_and_the_lock_of_a_sent_text_stays(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand, logged() as log:
        assert hand.one(academy, message_id="m") == Done()
        assert hand.one(academy, message_id="m") == Done("sent already")
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9
    assert "IDEMPOTENT_SKIP | job_id=messaging:m | reason=duplicate" in log.getvalue()
    assert 1700 < texting.stores.redis.ttl(keys.messaging_lock("m")) <= 1800
    progress = texting.stores.redis.get_json(keys.job_progress(academy, "messaging:m"))
    assert progress is not None
    assert 3500 < texting.stores.redis.ttl(keys.job_progress(academy, "messaging:m")) <= 3600
    assert (progress["step"], progress["percent"]) == ("done", 100)


def test_two_messages_with_one_business_key_are_one_text_also_within_a_group(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        first, second = hand.handle(hand.message(academy, business_key="k"), hand.message(academy, business_key="k"))
        assert (first, second) == (Done(), Done("the same message was in hand twice"))
        assert hand.one(academy, business_key="k") == Done("sent already")
    assert len(texting.inbox()) == 1
    assert [row["key"] for row in texting.rows()] == ["biz:k"]


def test_a_copy_of_a_message_is_the_same_text(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        assert hand.one(academy, message_id="m") == Done()
        copy = hand.message(academy)
        copy.message = replace(copy.message, attributes={marks.FIRST_ID: "m"})
        assert hand.handle(copy) == [Done("sent already")]
    assert len(texting.inbox()) == 1


def test_a_double_click_goes_once_where_a_window_is_set(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting, MESSAGING_DUPLICATE_WINDOW_SECONDS="60") as hand:
        assert hand.one(academy) == Done()
        assert hand.one(academy) == Done("duplicate_within_window: the same text to the same phone went just before")
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9


def test_a_legacy_workers_lock_defers_a_text_and_does_not_delete_it(texting: Texting) -> None:
    academy = texting.academy()
    texting.stores.redis.set(keys.messaging_lock("m"), "1", ttl_s=1800)
    with bench(texting) as hand:
        held, free = hand.handle(hand.message(academy, message_id="m"), hand.message(academy, text="다른 문자"))
    assert isinstance(held, Defer)
    assert held.after <= 64
    assert free == Done()
    assert texting.stores.redis.get(keys.messaging_lock("m")) == "1"
    assert len(texting.inbox()) == 1


def test_the_lock_of_a_dead_worker_of_ours_stops_nobody(texting: Texting) -> None:
    texting.stores.redis.set(keys.messaging_lock("m"), json.dumps({"token": "dead"}), ttl_s=1800)
    with bench(texting) as hand:
        assert hand.one(texting.academy(), message_id="m") == Done()


def test_without_redis_each_text_still_goes_once(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting, REDIS_PORT="1") as hand:
        assert hand.one(academy, message_id="m") == Done()
        assert hand.one(academy, message_id="m") == Done("sent already")
    assert len(texting.inbox()) == 1


def test_texts_that_were_claimed_and_not_sent_go_without_being_charged_again(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        claimed(hand, academy)
        assert texting.balance(academy) == OPENING - 26
        again = [hand.message(academy, message_id=name, text=name) for name in "abc"]
        assert [type(outcome) for outcome in hand.handle(*again)] == [Defer] * 3, "their owner may be alive"
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET lease_until = now() - interval '1 s'")
        assert hand.handle(*again) == [Done()] * 3
    assert [sent["text"] for sent in texting.inbox()] == ["a", "b", "c"]
    assert texting.balance(academy) == OPENING - 26


@pytest.mark.parametrize("failure", ["cut-after-accepting", "status-after-accepting"])
def test_a_text_whose_answer_was_lost_is_found_in_the_list_and_not_sent_again(texting: Texting, failure: str) -> None:
    academy = texting.academy()
    texting.account.script({"do": failure})
    with bench(texting, MESSAGING_RESEND_AFTER_SECONDS=LATE_S) as hand, logged() as log:
        first = hand.one(academy, message_id="m")
        assert isinstance(first, Defer)
        assert 5 <= first.after <= 15
        assert texting.states() == ["SENDING"]
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1
    [row] = texting.rows()
    assert (row["state"], row["solapi_message_id"]) == ("SENT", texting.inbox()[0]["message_id"])
    assert texting.balance(academy) == OPENING - 9
    assert "nobody knows yet whether 1 texts went out" in log.getvalue()


def test_of_two_texts_to_one_phone_the_older_is_found_too(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-after-accepting", "times": 2})
    with bench(texting) as hand:
        both = [hand.message(academy, message_id=name, text=name) for name in ("old", "new")]
        for one in both:
            hand.handle(one)
        later = "created_at = created_at + interval '1 h', sending_at = sending_at + interval '1 h'"
        texting.stores.db.execute(f"UPDATE academyctl_message_delivery SET {later} WHERE key = 'sqs:new'")
        hand.handler.breaker.passed()
        assert hand.handle(*reversed(both)) == [Done()] * 2
    assert [sent["text"] for sent in texting.inbox()] == ["old", "new"]


def test_a_refusal_of_an_earlier_request_says_nothing_of_the_one_that_broke_off(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "partial", "code": "1062", "every": 1}, {"do": "cut-before"})
    with bench(texting, MESSAGING_RESEND_AFTER_SECONDS=LATE_S) as hand:
        assert isinstance(hand.one(academy, message_id="m"), Reject)
        hand.one(academy, message_id="m", redriven=True)
        assert texting.states() == ["SENDING"]
        assert isinstance(hand.one(academy, message_id="m", redriven=True), Defer)
        assert texting.states() == ["SENDING"]
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET sending_at = sending_at - interval '960 s'")
        assert hand.one(academy, message_id="m", redriven=True) == Done()
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9


@pytest.mark.parametrize("failure", ["cut-before", "status"])
def test_a_text_that_never_got_there_is_sent_again_and_not_before_its_request_is_dead(
    texting: Texting, failure: str
) -> None:
    academy = texting.academy()
    texting.account.script({"do": failure})
    with bench(texting, MESSAGING_RESEND_AFTER_SECONDS=LATE_S) as hand:
        assert isinstance(hand.one(academy, message_id="m"), Defer)
        early = hand.one(academy, message_id="m")
        assert isinstance(early, Defer)
        assert 60 <= early.after <= 90
        assert texting.inbox() == []
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET sending_at = sending_at - interval '900 s'")
        late = hand.one(academy, message_id="m")
        assert isinstance(late, Defer)
        assert late.after <= 62
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET sending_at = sending_at - interval '60 s'")
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9


def test_the_same_text_without_our_key_in_the_list_leaves_it_to_a_person(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-before"})
    stranger = {"to": PHONE, "from": "0212345678", "text": TEXT, "type": "SMS"}
    with bench(texting) as hand, logged() as log:
        hand.one(academy, message_id="m")
        texting.account.accept({"messages": [stranger]})
        outcome = hand.one(academy, message_id="m")
    assert outcome == Reject("unknown: Solapi's list has the same text to this phone without our key")
    [row] = texting.rows()
    assert (row["state"], row["evidence"]["list"]) == ("UNKNOWN", "alike")
    assert texting.log_rows() == []
    assert "MESSAGE_UNKNOWN | key=sqs:m" in log.getvalue()
    assert len(texting.inbox()) == 1


@pytest.mark.parametrize("unknown_after_s", ["3600", "0"])
def test_when_the_list_is_forbidden_or_away_for_too_long_a_person_decides(
    texting: Texting, unknown_after_s: str
) -> None:
    academy = texting.academy()
    code = "Forbidden" if unknown_after_s == "3600" else "TooManyRequests"
    texting.account.script(
        {"do": "cut-after-accepting"}, {"do": "refuse", "code": code, "path": "/messages/v4/list-old"}
    )
    with bench(texting, MESSAGING_UNKNOWN_AFTER_SECONDS=unknown_after_s) as hand:
        hand.one(academy, message_id="m")
        assert isinstance(hand.one(academy, message_id="m"), Reject)
        assert texting.states() == ["UNKNOWN"]
        assert hand.one(academy, message_id="m") == Done("found in Solapi's list"), "the list tells by now"
    assert texting.states() == ["SENT"]
    assert len(texting.inbox()) == 1


def test_a_list_that_is_away_for_a_moment_is_asked_again_later(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-after-accepting"}, {**AWAY_5XX, "path": "/messages/v4/list-old"})
    with bench(texting) as hand:
        hand.one(academy, message_id="m")
        assert isinstance(hand.one(academy, message_id="m"), Defer)
        assert texting.states() == ["SENDING"]
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1


def test_what_stays_unknown_is_kept_as_a_letter_and_never_sent_again(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "cut-before"})
    with bench(texting) as hand:
        hand.one(academy, message_id="m")
        left_in(texting, "UNKNOWN", reason="why")
        assert [hand.one(academy, message_id="m", redriven=True) for _ in range(2)] == [Reject("unknown: why")] * 2
    assert texting.inbox() == []


def test_a_worker_that_stood_still_before_its_request_does_not_make_it(texting: Texting) -> None:
    academy = texting.academy()
    times = iter([0.0, 100.0])
    stopped = Clock(monotonic=lambda: next(times, 100.0))
    with bench(texting) as hand, logged() as log:
        assert isinstance(hand.one(academy, message_id="m", clock=stopped), Defer)
        assert (texting.inbox(), texting.states()) == ([], ["CLAIMED"])
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1
    assert "100 s passed between claim and request" in log.getvalue()


def test_rows_that_were_taken_away_meanwhile_stay_out_of_the_request(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        group = claimed(hand, academy)
        texting.stores.db.execute("UPDATE academyctl_message_delivery SET token = 'another' WHERE key = 'sqs:b'")
        send(group, group.ready)
    assert [type(part.outcome) for part in group.parts] == [Done, Defer, Done]
    assert [sent["customFields"]["academyctlKey"] for sent in texting.inbox()] == ["sqs:a", "sqs:c"]


def claimed(hand: Bench, academy: int) -> Group:
    """Three texts, claimed and not sent."""
    messages = [hand.message(academy, message_id=name, text=name) for name in "abc"]
    group = Group([part_of(one) for one in messages], hand.handler.breaker, Limiter(0, Clock().monotonic))
    claim(group)
    assert len(group.ready) == 3
    return group


def test_an_end_that_another_worker_was_first_to_write_changes_nothing(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        group = claimed(hand, academy)
        send(group, group.ready[:1])
        group.parts[0].outcome = None
        finish(group, [(group.parts[0], End("sqs:a", academy, State.FAILED, "late"))])
    assert isinstance(group.parts[0].outcome, Defer)
    assert texting.rows()[0]["state"] == "SENT"
    assert texting.balance(academy) == OPENING - 26


def test_the_last_attempt_fails_what_was_not_sent_and_gives_its_price_back(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand:
        hand.one(academy, message_id="m")
        for state, ended, balance in (("SENDING", "SENDING", OPENING - 9), ("CLAIMED", "FAILED", OPENING)):
            left_in(texting, state)
            hand.handler.exhausted(hand.message(academy, message_id="m", receives=3), "KeyError: 'x'")
            assert (texting.states(), texting.balance(academy)) == ([ended], balance)
        assert texting.rows()[0]["reason"] == "attempts_exhausted: KeyError: 'x'"

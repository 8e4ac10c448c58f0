"""Solapi and the database failing: nothing is lost, nothing goes twice, and one text's trouble is not another's."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from academyctl.errors import ConfigError, Stopping
from academyctl.local import postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load, missing
from tests.messaging_worker.crew import bench, logged
from tests.texting_platform import OPENING, PHONE, Texting
from workers._model import Defer, Done, Reject, Retry
from workers.messaging import worker
from workers.messaging.breaker import Admission


@pytest.mark.parametrize(
    ("code", "asked"), [("TooManyRequests", 40), ("NotEnoughBalance", 0), ("InvalidAPIKey", 0), ("Forbidden", 0)]
)
def test_a_refused_request_sent_nothing_and_holds_the_next_back(texting: Texting, code: str, asked: int) -> None:
    academy = texting.academy()
    texting.account.script({"do": "refuse", "code": code, "retry_after": asked})
    with bench(texting, real_time=True) as hand:
        outcomes = hand.handle(*(hand.message(academy, message_id=name, text=name) for name in "ab"))
        held_s = hand.handler.hold_off_s()
        assert all(isinstance(outcome, Defer) and outcome.after >= asked for outcome in outcomes)
    assert held_s > 30 if asked else 0 < held_s <= 1
    rows = texting.rows()
    assert [(row["state"], row["lease_until"], row["attempt"]) for row in rows] == [("CLAIMED", None, 1)] * 2
    with bench(texting) as hand:
        again = (hand.message(academy, message_id=name, text=name) for name in "ab")
        assert hand.handle(*again) == [Done()] * 2
    assert len(texting.inbox()) == 2
    assert texting.balance(academy) == OPENING - 17


def test_nobody_reached_means_nothing_sent(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting, SOLAPI_BASE_URL="http://127.0.0.1:1") as hand:
        assert isinstance(hand.one(academy, message_id="m"), Defer)
        assert texting.states() == ["CLAIMED"]
    with bench(texting) as hand:
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1


def test_after_an_outage_one_text_tries_before_the_others_follow(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "refuse", "code": "TooManyRequests"})
    with bench(texting) as hand:
        hand.one(academy)
        assert hand.handle(*(hand.message(academy, text=f"{n}") for n in range(10))) == [Done()] * 10
    groups = {sent["group_id"]: 0 for sent in texting.inbox()}
    for sent in texting.inbox():
        groups[sent["group_id"]] += 1
    assert list(groups.values()) == [1, 9]


def test_of_a_partly_refused_group_each_text_has_its_own_end(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "partial", "code": "1062", "every": 2})
    with bench(texting) as hand:
        outcomes = hand.handle(*(hand.message(academy, text=f"{n}") for n in range(4)))
    assert [type(outcome) for outcome in outcomes] == [Done, Reject, Done, Reject]
    assert texting.balance(academy) == OPENING - 17
    assert sorted(texting.states()) == ["FAILED", "FAILED", "SENT", "SENT"]
    assert sorted((row["success"], float(row["amount_deducted"])) for row in texting.log_rows()) == [
        (False, 0.0), (False, 0.0), (True, 8.5), (True, 8.5)
    ]  # fmt: skip


def test_one_text_that_makes_solapi_refuse_the_whole_request_is_found_and_the_others_go(texting: Texting) -> None:
    academy = texting.academy()
    texting.account.script({"do": "status", "status": 400, "code": "ValidationError", "contains": "독", "times": 0})
    with bench(texting) as hand:
        outcomes = hand.handle(*(hand.message(academy, text="독" if n == 5 else f"{n}") for n in range(8)))
    assert [type(outcome) for outcome in outcomes] == [Done] * 5 + [Reject] + [Done] * 2
    assert len(texting.inbox()) == 7
    assert texting.balance(academy) == OPENING - 60


def test_a_database_that_is_away_loses_nothing_and_stops_the_fetching(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting, real_time=True, DB_PORT="1") as hand:
        outcome = hand.one(academy)
        assert isinstance(outcome, Defer)
        assert outcome.after >= 30
        assert hand.handler.hold_off_s() > 0
    assert texting.inbox() == []


def test_while_nothing_can_be_sent_messages_wait_in_hand_and_the_end_of_the_process_gives_them_back(
    texting: Texting,
) -> None:
    academy = texting.academy()
    with bench(texting, real_time=True) as hand:
        hand.handler.breaker.failed(300)
        messages = [hand.message(academy) for _ in range(3)]
        ending = threading.Timer(0.05, messages[0].interrupt, [Stopping("the worker is shutting down")])
        ending.start()
        outcomes = hand.handle(*messages)
    assert outcomes == [Defer("the worker is shutting down", 0)] * 3
    assert texting.rows() == []
    assert hand.handler.breaker.admit(1) != Admission(1)


def test_a_database_without_our_tables_ends_the_start_with_the_command_that_makes_them(
    texting: Texting, stack: LocalStack
) -> None:
    with pytest.raises(ConfigError) as refused:
        worker(load({**texting.env, "DB_NAME": "postgres"}).settings)
    assert refused.value.exit_code == 2
    assert "academyctl db migrate --apply" in refused.value.remedy_in("en")
    assert postgres.USER in str(refused.value)
    worker(load({**texting.env, "DB_PORT": "1"}).settings)


def test_solapis_settings_are_required_unless_the_worker_only_pretends(texting: Texting) -> None:
    env = {name: value for name, value in texting.env.items() if not name.startswith("SOLAPI_")}
    assert missing(load(env), "messaging") == ["SOLAPI_API_KEY", "SOLAPI_API_SECRET", "SOLAPI_SENDER"]
    for switch in ("SOLAPI_MOCK", "DEBUG"):
        assert missing(load({**env, switch: "true"}), "messaging") == []


def test_a_bug_that_one_text_meets_is_not_the_end_of_the_others(texting: Texting) -> None:
    academy = texting.academy()
    with bench(texting) as hand, logged() as log:
        messages = [hand.message(academy, text=f"{n}") for n in range(3)]
        messages[1].job = replace(messages[1].job, replacements=(("name", object()),))  # no step expects that
        outcomes = hand.handle(*messages)
    assert [type(outcome) for outcome in outcomes] == [Done, Retry, Done]
    assert len(texting.inbox()) == 2
    assert PHONE not in log.getvalue()


def test_an_alimtalk_beside_one_without_our_key_is_left_to_a_person(texting: Texting) -> None:
    academy = texting.academy(kakao_pfid="KA01PF1")
    texting.account.script({"do": "cut-before"})
    options = {"pfId": "KA01PF1", "templateId": "KA01TP1"}
    with bench(texting) as hand:
        said = {"message_id": "m", "mode": "alimtalk", "template_id": "KA01TP1"}
        hand.one(academy, **said)
        texting.account.accept({"messages": [{"to": PHONE, "from": "0212345678", "kakaoOptions": options}]})
        assert isinstance(hand.one(academy, **said), Reject)
    assert texting.states() == ["UNKNOWN"]
    assert len(texting.inbox()) == 1

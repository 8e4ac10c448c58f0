"""The breaker, the rate limit and the words, by a clock of the test's."""

from __future__ import annotations

import random

import pytest

from academyctl.errors import Stopping
from workers._model import Done, Reject
from workers.messaging.breaker import Breaker
from workers.messaging.limiter import Limiter
from workers.messaging.words import ended, key_for_people, refused_by_solapi, safe


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def breaker(hand: Hand) -> Breaker:
    return Breaker(hand, random.Random(1))


def test_a_closed_breaker_admits_all(breaker: Breaker) -> None:
    assert breaker.admit(100).count == 100
    assert breaker.hold_off_s() == 0


def test_a_failure_holds_everything_for_about_a_second_and_then_one_may_try(breaker: Breaker, hand: Hand) -> None:
    hold = breaker.failed()
    assert 0.75 <= hold <= 1
    assert breaker.hold_off_s() == pytest.approx(hold)
    assert breaker.admit(100).count == 0
    hand.at += hold
    trial = breaker.admit(100)
    assert (trial.count, trial.trial) == (1, True)
    assert breaker.admit(100).count == 0, "a second one tried beside the first"
    assert breaker.passed()
    assert breaker.admit(100).count == 100


def test_every_failed_trial_doubles_the_wait_up_to_a_minute(breaker: Breaker, hand: Hand) -> None:
    waits = []
    for _ in range(9):
        waits.append(breaker.failed())
        hand.at += waits[-1]
        breaker.ended(breaker.admit(1))
    assert [round(wait / 2**step, 2) >= 0.75 for step, wait in enumerate(waits[:6])] == [True] * 6
    assert max(waits) <= 60
    assert waits[-1] >= 45


def test_two_threads_that_fail_at_once_are_one_failure(breaker: Breaker) -> None:
    breaker.failed()
    assert breaker.failed() <= 1


def test_what_solapi_asks_for_is_waited_but_not_for_ever(breaker: Breaker) -> None:
    assert breaker.failed(40) == pytest.approx(40)
    assert breaker.failed(9_000) == pytest.approx(300)


def test_a_trial_that_had_nothing_to_send_leaves_the_place_to_the_next(breaker: Breaker, hand: Hand) -> None:
    hand.at += breaker.failed()
    trial = breaker.admit(5)
    breaker.ended(trial)
    assert breaker.admit(5).trial


def test_a_late_success_closes_it(breaker: Breaker) -> None:
    breaker.failed()
    assert breaker.passed()
    assert not breaker.passed()


def test_the_rate_is_kept_over_any_number_of_groups(hand: Hand) -> None:
    limiter = Limiter(10, hand)
    waited: list[float] = []
    for _ in range(4):
        limiter.take(10, waited.append)
    assert waited == [pytest.approx(1), pytest.approx(2), pytest.approx(3)]
    hand.at += 60
    limiter.take(10, waited.append)
    assert len(waited) == 3, "no more than a second's worth is saved up"
    limiter.take(1, waited.append)
    assert waited[3] == pytest.approx(0.1)


def test_without_a_rate_nobody_waits(hand: Hand) -> None:
    Limiter(0, hand).take(10_000, lambda _: pytest.fail("it waited"))


def test_a_wait_that_is_broken_off_takes_nothing(hand: Hand) -> None:
    limiter = Limiter(10, hand)

    def stop(_seconds: float) -> None:
        raise Stopping("the worker is shutting down")

    limiter.take(10, stop)
    with pytest.raises(Stopping):
        limiter.take(10, stop)
    hand.at += 1
    limiter.take(10, stop)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("발신번호 01077351902 미등록", "발신번호 0107**** 미등록"),
        ("to 010-7735-1902", "to 0107****"),
        ("no number 1234", "no number 1234"),
        ("15 77 35 19 02 1", "15 7****"),
    ],
)
def test_somebody_elses_words_lose_their_phone_numbers(told: str, shown: str) -> None:
    assert safe(told) == shown


def test_a_key_made_of_a_phone_number_does_not_show_it() -> None:
    assert key_for_people("biz:signup_01077351902_1") == "biz:signup_0107****_1"
    digest = "biz:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert key_for_people(digest) == digest


@pytest.mark.parametrize(
    ("code", "kept"),
    [("1062", True), ("1030", True), ("1042", True), ("1011", False), ("1060", False), ("Forbidden", True)],
)
def test_a_refusal_that_an_operator_can_mend_keeps_its_message(code: str, kept: bool) -> None:
    outcome = ended(refused_by_solapi(code, "no"))
    assert isinstance(outcome, Reject if kept else Done)

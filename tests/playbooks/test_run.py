"""The runner: in order, stops where something differs, changes nothing unasked."""

from __future__ import annotations

import pytest

from academyctl.errors import UsageError
from playbooks._run import Done, Ended, Result, exit_code, steps, stopped, values
from tests.playbooks.books import Answers, book

GIVEN = {"id": "7", "desired": "2"}


def run(answers: Answers, from_step: int = 1, *, apply: bool = False) -> list[Done]:
    return list(steps(book(), GIVEN, answers, from_step=from_step, apply=lambda _plan: apply))


def test_all_steps_run_in_order_and_a_fix_is_a_dry_run() -> None:
    answers = Answers()
    done = run(answers)
    assert answers.ran == ["diagnose sqs", "video stuck 7", "asg set video --desired 2"]
    assert [one.result for one in done] == [Result.ok, Result.ok, Result.planned]
    assert (stopped(done), exit_code(done)) == (None, 0)


def test_a_fix_is_shown_before_it_is_applied() -> None:
    answers = Answers()
    done = run(answers, from_step=3, apply=True)
    assert answers.ran == ["asg set video --desired 2", "asg set video --desired 2 --apply"]
    assert [one.result for one in done] == [Result.planned, Result.applied]


def test_a_fix_whose_plan_fails_is_not_applied() -> None:
    answers = Answers({"asg set video --desired 2": 1})
    assert exit_code(run(answers, apply=True)) == 1
    assert not any("--apply" in line for line in answers.ran)


def test_the_first_unexpected_result_stops_and_offers_the_fixes_of_its_advice() -> None:
    answers = Answers({"video stuck 7": 1})
    done = run(answers)
    assert answers.ran == ["diagnose sqs", "video stuck 7", "fix video 7"]
    last = stopped(done)
    assert last is not None
    assert (last.step.id, last.step.advice, last.why) == ("stuck", "stuck", "exit code 1, expected 0, 4")
    assert exit_code(done) == 1


def test_an_expected_exit_code_goes_on() -> None:
    assert exit_code(run(Answers({"video stuck 7": 4}))) == 0


def test_what_could_not_be_seen_is_neither_right_nor_wrong() -> None:
    done = run(Answers({"diagnose sqs": 3}))
    assert [one.result for one in done] == [Result.unknown]
    assert exit_code(done) == 3


def test_a_run_can_begin_later() -> None:
    answers = Answers()
    run(answers, from_step=2)
    assert answers.ran[0] == "video stuck 7"
    for number in (0, 4):
        with pytest.raises(UsageError, match="has steps 1 to 3"):
            run(Answers(), from_step=number)


def test_an_interrupted_command_interrupts_the_run() -> None:
    for ending in (Ended(130), KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            run(Answers({"diagnose sqs": ending}))


def test_variables_are_given_defaulted_or_asked_for() -> None:
    assert values(book(), {"id": "7"}) == GIVEN
    assert values(book(), {"id": "7", "desired": "5"})["desired"] == "5"
    asked: list[tuple[str, str]] = []

    def ask(name: str, text: str) -> str:
        asked.append((name, text))
        return "9"

    assert values(book(), {}, ask)["id"] == "9"
    assert asked == [("id", "the video's number")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs id"),
        ({"id": "7", "idd": "8"}, "no variable 'idd'"),
        ({"id": "--apply"}, "cannot be '--apply'"),
        ({"id": "1 --force"}, "cannot be"),
        ({"id": " "}, "cannot be"),
    ],
)
def test_a_wrong_variable_is_a_usage_error(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        values(book(), given)

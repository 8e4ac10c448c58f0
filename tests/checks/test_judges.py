"""Every fault as facts: the verdict, one root cause, and nothing healthy on a broken platform. No server is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks import _trouble as t
from checks import sqs
from checks._engine import CHECK_CRASH, kinds
from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks import facts as f
from tests.checks.case import Case
from tests.checks.cases import CASES

_EXIT = {State.fail: 1, State.unknown: 3, State.warn: 0}


def test_a_platform_on_which_nothing_is_wrong_is_healthy() -> None:
    found = f.judged()
    assert (found.verdict, found.state, found.root) == (Verdict.healthy, State.ok, None)
    assert {one.state for one in found.findings} == {State.ok}
    assert exit_code(found.state) == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_has_one_root_cause_and_names_whose_it_is(case: Case) -> None:
    found = f.judged(**case.facts)
    assert [one.code for one in roots(found.findings)] == [case.root]
    assert (found.verdict, found.state) == (case.verdict, case.state)
    assert exit_code(found.state) == _EXIT[case.state]
    root = found.root
    assert root is not None
    assert root.evidence, "a finding without evidence is an opinion"
    follows = {one.code for one in found.findings if one.because_of and one.state is not State.skip}
    assert follows == case.follows
    assert all(one.because_of == root.key for one in found.findings if one.because_of)


def test_every_kind_of_finding_has_a_case() -> None:
    made = {case.root for case in CASES} | {code for case in CASES for code in case.follows}
    # The last is made by a judge that breaks; its test is the engine's.
    # A kind that is ok is another way to pass; a topic's own tests show it.
    wrong = {code for code, kind in kinds(f.TOPICS).items() if kind.state is not State.ok}
    assert wrong - made == {CHECK_CRASH.code}


def test_the_right_name_is_looked_for_among_queues_that_no_other_setting_names() -> None:
    near = f.judged(sqs=f.absent("ai_basic", t.MISSING))
    # academy-ai-jobs-lite is the nearest by its letters, and it is the lite tier's own.
    assert near.root is not None
    assert near.root.code == "sqs.queue-missing"


def test_a_key_that_may_not_list_queues_still_finds_them_one_by_one() -> None:
    listing = t.Trouble(t.DENIED, "AccessDenied", "sqs:ListQueues queue *", "AccessDenied")
    found = f.judged(sqs=replace(f.SQS, names=None, listing=listing))
    assert found.verdict is Verdict.healthy


def test_that_listing_is_denied_does_not_hide_that_the_queues_are_silent() -> None:
    listing = t.Trouble(t.DENIED, "AccessDenied", "sqs:ListQueues queue *", "AccessDenied")
    found = f.judged(sqs=replace(f.all_absent(t.TIMEOUT), listing=listing))
    assert [one.code for one in roots(found.findings)] == ["sqs.timeout"]


def test_a_video_queue_of_any_generation_is_no_drift() -> None:
    for seconds in (300, 900, 10800, 21600):
        box = f.box("academy-video-jobs", visibility_s=seconds)
        assert f.judged(sqs=f.queue("video", box=box)).verdict is Verdict.healthy


def test_a_busy_queue_is_no_warning() -> None:
    box = f.box("academy-video-jobs", visible=40, in_flight=2)
    assert f.judged(sqs=f.queue("video", box=box)).verdict is Verdict.healthy


def test_two_queues_missing_are_two_causes() -> None:
    trouble = t.Trouble(t.MISSING, "", "sqs:GetQueueUrl queue x")
    queues = tuple(
        replace(one, box=None, trouble=trouble) if one.word in ("video", "messaging") else one for one in f.SQS.queues
    )
    found = f.judged(sqs=replace(f.SQS, queues=queues))
    assert [one.subject for one in f.red(found)] == ["academy-video-jobs", "academy-messaging-jobs"]


def test_settings_are_mended_before_infrastructure_and_infrastructure_before_data() -> None:
    wrong_key, broken = f.buckets(t.SECRET), f.absent("video", t.MISSING)
    found = f.judged(r2=wrong_key, sqs=broken)
    assert found.verdict is Verdict.settings
    assert [one.code for one in roots(found.findings)] == ["r2.secret-wrong", "sqs.queue-missing"]


def test_a_failure_counts_more_than_what_could_not_be_seen() -> None:
    found = f.judged(sqs="timeout", r2=f.buckets(t.SECRET))
    assert (found.verdict, exit_code(found.state)) == (Verdict.settings, 1)


def test_what_could_not_be_seen_is_never_covered_by_what_is_fine() -> None:
    found = f.judged(sqs=f.absent("video", t.TIMEOUT, dlq=False))
    assert (found.verdict, exit_code(found.state)) == (Verdict.cannot_tell, 3)


def test_a_legacy_lock_has_an_owner_unknown_and_is_no_orphan() -> None:
    from tests.checks.cases import _legacy

    found = f.judged(redis=replace(f.REDIS, locks=(_legacy,)))
    assert found.verdict is Verdict.healthy


def test_only_encode_locks_are_offered_to_video_unlock() -> None:
    by_code = {case.name: case for case in CASES}
    root = f.judged(**by_code["an orphan lock of a deletion"].facts).root
    assert root is not None
    assert root.commands == ()
    root = f.judged(**by_code["an orphan lock"].facts).root
    assert root is not None
    assert root.commands == ("academyctl video unlock {id}",)


def test_the_dead_letter_queue_that_the_redrive_policy_names_is_the_one_that_counts() -> None:
    assert sqs.WORDS == ("video", "ai_lite", "ai_basic", "ai_premium", "messaging")
    box = f.box("academy-video-jobs", dlq_name="elsewhere-dlq")
    found = f.judged(sqs=f.queue("video", box=box, dlq_name="elsewhere-dlq", dlq=f.box("elsewhere-dlq", visible=1)))
    assert [one.subject for one in roots(found.findings)] == ["elsewhere-dlq"]

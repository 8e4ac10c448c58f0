"""What is right in one design of scaling and wrong in another; judged from facts, without any server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks import scaling
from checks._engine import diagnose
from checks._lambda_facts import Published
from checks._model import Diagnosis, Snapshot, State, Verdict
from tests.checks import facts as f
from tests.checks.topics import batch as b
from tests.checks.topics import lambda_ as m
from tests.checks.topics import scaling as s


def _codes(found: Diagnosis, check: str) -> list[str]:
    return [one.code for one in found.findings if one.check == check]


def _alone(**facts: Any) -> Diagnosis:
    """Only these topics, as when the operator names them."""
    topics = tuple(topic for topic in f.TOPICS if topic.name in facts)
    snapshot = f.snapshot(**facts)
    return diagnose(topics, replace(snapshot, topics={name: snapshot.topics[name] for name in facts}))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (s.FACTS, "scaling.by-lambda"),
        (replace(s.FACTS, policies=(s.PER_INSTANCE,)), "scaling.by-tracking"),
        (replace(s.FACTS, policies=(s.STEP,)), "scaling.by-alarm"),
        (s.group(min=2, desired=2, max=2, in_service=2), "scaling.fixed"),
    ],
    ids=["Lambda", "target tracking", "step alarm", "fixed"],
)
def test_each_design_is_named_and_none_of_them_is_a_fault(facts: scaling.Facts, code: str) -> None:
    found = f.judged(scaling=facts)
    assert found.verdict is Verdict.healthy
    assert _codes(found, "scaling.design")[0] == code


def test_a_function_that_only_publishes_is_in_order_on_the_embedded_stack_alone() -> None:
    facts = replace(s.FACTS, published_only=("video", "ai", "messaging"))
    found = f.judged(scaling=facts)
    assert (found.state, set(_codes(found, "scaling.design"))) == (State.warn, {"scaling.publishes-only"})
    here = diagnose(f.TOPICS, replace(f.snapshot(scaling=facts), local=True))
    assert set(_codes(here, "scaling.design")) == {"scaling.publishes-here"}


def test_a_group_that_batch_replaced_is_not_missing() -> None:
    found = f.judged(scaling=replace(s.role(group=None), batch_there=True))
    assert found.verdict is Verdict.healthy
    assert _codes(found, "scaling.groups")[0] == "scaling.group-not-needed"


def test_a_function_is_not_missed_where_policies_scale() -> None:
    found = _alone(**{"lambda": replace(m.FACTS, function=None, rule=None, scaled_by=("video-asg: track",))})
    assert (found.verdict, _codes(found, "lambda.function")) == (Verdict.healthy, ["lambda.not-needed"])
    assert {one.state for one in found.findings if one.check == "lambda.rule"} == {State.skip}


def test_a_rule_that_is_off_is_in_order_on_the_embedded_stack_alone() -> None:
    facts = m.rule(state="DISABLED")
    topics = tuple(topic for topic in f.TOPICS if topic.name == "lambda")
    snapshot: Snapshot = replace(f.snapshot(**{"lambda": facts}), local=True)
    assert diagnose(topics, snapshot).verdict is Verdict.healthy
    assert diagnose(topics, replace(snapshot, local=False)).verdict is Verdict.infrastructure


def test_an_account_without_batch_is_in_order() -> None:
    found = f.judged(batch=b.NOT_USED)
    assert (found.verdict, _codes(found, "batch.queue")) == (Verdict.healthy, ["batch.not-used"])


def test_a_failure_that_a_success_followed_is_over() -> None:
    good = replace(s.BROKEN, status="Successful", age_s=30.0)
    assert f.judged(scaling=replace(s.FACTS, activities=(good, s.BROKEN))).verdict is Verdict.healthy
    running = replace(good, status="InProgress")
    assert f.judged(scaling=replace(s.FACTS, activities=(running, s.BROKEN))).verdict is Verdict.infrastructure


@pytest.mark.parametrize(
    ("published", "oldest_s", "visible", "blind"),
    [
        (Published("Video", 40.0, 0.0, 0.0, 12.0), None, 12, True),
        (Published("Video", 40.0, 0.0, 0.0, 0.0), None, 12, False),
        (Published("Video", 40.0, 0.0, 12.0, 12.0), None, 12, False),
        (Published("Video", 40.0, 0.0, None, None), 300, 1, True),
        (Published("Video", 40.0, 0.0, None, None), 20, 12, False),
        (Published("Video", 40.0, 0.0, None, None), None, 12, True),
        (Published("Video", 40.0, 0.0, None, None), None, 3, False),
        (Published("Video", 40.0, 5.0, None, None), None, 12, False),
    ],
    ids=["SQS counted more", "SQS counted none too", "they agreed then", "an old message waits", "it came since",
         "a crowd", "a few may have come since", "it saw some"],
)  # fmt: skip
def test_a_function_is_only_blind_when_what_waits_was_there(
    published: Published, oldest_s: int | None, visible: int, blind: bool
) -> None:
    box = f.box("academy-video-jobs", visible=visible, in_flight=1)
    facts = replace(m.FACTS, published=(published, *m.PUBLISHED[1:]))
    found = f.judged(sqs=f.queue("video", box=box, oldest_s=oldest_s), **{"lambda": facts})
    assert ("lambda.saw-nothing" in f.codes(found)) is blind


def test_sizes_are_judged_without_queues_and_only_by_what_was_seen() -> None:
    empty = s.group(min=0, desired=0, in_service=0)
    assert _alone(scaling=empty).verdict is Verdict.healthy
    assert f.codes(_alone(scaling=s.group(max=1))) == {"scaling.never-grows"}
    assert f.codes(_alone(scaling=s.group(desired=20, in_service=20))) == set()


def test_the_ai_group_answers_for_three_queues() -> None:
    box = f.box("academy-ai-jobs-premium", visible=4)
    found = f.judged(sqs=f.queue("ai_premium", box=box), scaling=s.group("ai", min=0, desired=0, in_service=0))
    assert found.root is not None
    assert (found.root.code, found.root.subject) == ("scaling.nobody", "academy-ai-worker-asg")
    assert "sqs.not-consumed" in {one.code for one in found.findings if one.because_of == found.root.key}


def test_two_jobs_a_worker_may_plan_two_messages_an_instance() -> None:
    facts = replace(m.function(per_worker=2), jobs_per_worker=2)
    assert f.judged(**{"lambda": facts}).verdict is Verdict.healthy


@pytest.mark.parametrize("schedule", ["rate(1 minute)", "rate(5 minutes)", "cron(* * * * ? *)", ""])
def test_a_schedule_is_only_rare_beyond_five_minutes(schedule: str) -> None:
    assert f.judged(**{"lambda": m.rule(schedule=schedule)}).verdict is Verdict.healthy


def test_instances_on_their_way_are_no_fault() -> None:
    box = f.box("academy-video-jobs", visible=2)
    found = f.judged(sqs=f.queue("video", box=box), scaling=s.group(in_service=0))
    assert "scaling.nobody" not in f.codes(found)

"""What changed between two diagnoses, and which way."""

from __future__ import annotations

from typing import Any

import pytest

from checks._diff import Outcome, What, as_json, as_text, compare
from checks._model import Diagnosis
from tests.checks import facts as f
from tests.checks import said
from tests.checks.said import SHOWN

DEAD = f.queue("video", dlq=f.box("academy-video-jobs-dlq", visible=3))
MORE = f.queue("video", dlq=f.box("academy-video-jobs-dlq", visible=9))


def _judged(facts: dict[str, Any], lang: str = "en") -> Diagnosis:
    return said.base(facts, lang).diagnosis


def test_nothing_changed_between_a_diagnosis_and_itself() -> None:
    for facts in SHOWN.values():
        found = compare(_judged(facts), _judged(facts))
        assert (found.changes, found.outcome) == ((), Outcome.same)


@pytest.mark.parametrize(
    ("before", "after", "changes", "outcome"),
    [
        ({}, {"sqs": DEAD}, {("new", "sqs.dead-letters=academy-video-jobs-dlq")}, "worse"),
        ({"sqs": DEAD}, {}, {("gone", "sqs.dead-letters=academy-video-jobs-dlq")}, "better"),
        ({"sqs": DEAD}, {"sqs": MORE}, {("values", "sqs.dead-letters=academy-video-jobs-dlq")}, "same"),
        # What got better does not make up for what got worse.
        (
            {"sqs": DEAD},
            {"redis": said.BY_NAME["Redis is slow"]["redis"]},
            {("gone", "sqs.dead-letters=academy-video-jobs-dlq"), ("new", "redis.slow")},
            "worse",
        ),
    ],
)
def test_a_change_is_named_and_has_a_direction(
    before: dict[str, Any], after: dict[str, Any], changes: set[tuple[str, str]], outcome: str
) -> None:
    found = compare(_judged(before), _judged(after))
    bad = {(str(one.what), one.key) for one in found.changes if one.finding.state.value not in ("ok", "skip")}
    assert bad == changes
    assert found.outcome == outcome


def test_what_can_no_longer_be_seen_is_worse_than_what_could() -> None:
    found = compare(_judged({}), _judged(SHOWN["silent"]))
    assert found.outcome is Outcome.worse
    assert ("new", "db.timeout") in {(str(one.what), one.key) for one in found.changes}


def test_values_are_told_with_their_names() -> None:
    found = compare(_judged({"sqs": DEAD}), _judged({"sqs": MORE}))
    change = next(one for one in found.changes if one.key.startswith("sqs.dead-letters="))
    assert change.what is What.values
    assert change.values == (("count", "3", "9"),)
    assert "count: 3 -> 9" in as_text(found, "en")


def test_only_topics_that_both_looked_at_are_compared() -> None:
    before = said.base({}).diagnosis
    after = said.report({"scaling": "timeout"}).diagnosis
    found = compare(before, after)
    assert found.outcome is Outcome.same
    assert "scaling" in found.only[1]
    assert "looked at only after" in as_text(found, "en")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_text_begins_with_both_verdicts_and_ends_with_the_outcome(lang: str) -> None:
    found = compare(_judged({}, lang), _judged(SHOWN["many"], lang))
    lines = as_text(found, lang).splitlines()
    assert lines[0] == {"en": "verdict: healthy -> settings", "ko": "판정: 정상 -> 설정 문제"}[lang]
    assert lines[-1] == {"en": "worse", "ko": "나빠졌습니다"}[lang]
    assert "\n".join(lines).encode("cp949")


def test_json_holds_both_heads_and_every_change() -> None:
    body = as_json(compare(_judged({}), _judged(SHOWN["dead-letters"])))
    assert (body["outcome"], body["before"]["verdict"], body["after"]["verdict"]) == ("worse", "healthy", "data")
    new = next(one for one in body["changes"] if one["change"] == "new")
    assert (new["code"], new["before"], new["after"]) == ("sqs.dead-letters", None, "warn")

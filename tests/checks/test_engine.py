"""The engine's own rules, on topics made for the test."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.errors import AcademyError, AwsError
from academyctl.settings import Loaded, load
from checks._engine import diagnose, take
from checks._fan import together, within
from checks._model import Because, Check, Finding, Gathered, Kind, Snapshot, State, Topic, Verdict, World, ok
from checks._trouble import TIMEOUT, Trouble


@dataclass(frozen=True)
class Facts:
    word: str = "fine"


@dataclass(frozen=True)
class Other:
    word: str = "fine"


BAD = Kind("one.bad", State.fail, Verdict.settings)
HALF = Kind("one.half", State.warn, Verdict.data)
OFF = Kind("one.off", State.warn, Verdict.settings, stops=True)
BLIND = Kind("one.blind", State.unknown)
AFTER = Kind("two.bad", State.fail, Verdict.code, because=(Because("one.bad"),))
_NAMED = {"bad": BAD, "half": HALF, "off": OFF, "blind": BLIND}


def _judge(snapshot: Snapshot) -> Iterator[Finding]:
    word = snapshot.see(Facts).word
    if word == "boom":
        raise ValueError("boom")
    if word in _NAMED:
        yield _NAMED[word].found("it", ("here", word))
    if word in ("fine", "half and fine"):
        yield ok("one.first")


def _topic(*needs: str, gather: Any = lambda world: Facts()) -> Topic:
    first = Check("one.first", _judge, kinds=tuple(_NAMED.values()))
    second = Check("one.second", lambda snapshot: [ok("one.second")], needs or ("one.first",))
    third = Check("one.third", lambda snapshot: [ok("one.third")], ("one.second",))
    return Topic("one", Facts, gather, (third, second, first))


def _seen(facts: Any) -> Gathered:
    return Gathered("seen", facts, "", 3, "2026-02-17T03:35:57.000+00:00")


def _states(topic: Topic, word: str) -> dict[str, str]:
    found = diagnose((topic,), Snapshot({"one": _seen(Facts(word))}))
    return {one.code: str(one.state) for one in found.findings}


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load({})


def test_needs_decide_what_is_judged_and_not_the_order_of_the_list() -> None:
    for order in itertools.permutations(_topic().checks):
        topic = Topic("one", Facts, lambda world: Facts(), order)
        assert _states(topic, "bad") == {"one.bad": "fail", "one.second": "skip", "one.third": "skip"}
        assert set(_states(topic, "fine").values()) == {"ok"}


def test_a_skip_names_its_reason_and_the_root_cause() -> None:
    found = diagnose((_topic(),), Snapshot({"one": _seen(Facts("bad"))}))
    second, third = (next(one for one in found.findings if one.code == code) for code in ("one.second", "one.third"))
    assert (second.value("need"), third.value("need")) == ("one.first", "one.second")
    assert second.because_of == third.because_of == "one.bad=it"


def test_a_warning_leaves_something_to_judge_unless_it_says_that_there_is_nothing() -> None:
    assert _states(_topic(), "half")["one.second"] == "ok"
    assert _states(_topic(), "off")["one.second"] == "skip"


def test_what_could_not_be_seen_skips_what_needs_it() -> None:
    assert _states(_topic(), "blind")["one.second"] == "skip"


def test_a_need_outside_the_chosen_topics_does_not_stop_a_check() -> None:
    assert _states(_topic("aws.identity"), "bad")["one.second"] == "ok"


def test_a_judge_that_breaks_is_its_own_finding_and_the_rest_is_judged() -> None:
    found = diagnose((_topic("one.none"),), Snapshot({"one": _seen(Facts("boom"))}))
    states = {one.code: one for one in found.findings}
    assert states["check.crash"].state is State.crash
    assert "ValueError: boom (test_engine.py:" in states["check.crash"].value("why")
    assert states["one.second"].state is State.ok
    assert found.verdict is Verdict.cannot_tell


def test_a_judge_that_says_nothing_is_not_fine() -> None:
    found = diagnose((_topic(),), Snapshot({"one": _seen(Facts("something else"))}))
    assert {one.state for one in found.findings} == {State.crash, State.skip}


def test_a_cause_in_one_topic_explains_a_failure_in_another() -> None:
    other = Topic("two", Other, lambda world: Other(), (Check("two.first", lambda s: [AFTER.found()], kinds=(AFTER,)),))
    both = diagnose((_topic(), other), Snapshot({"one": _seen(Facts("bad")), "two": _seen(Other())}))
    assert both.root is not None
    assert both.root.code == "one.bad"
    assert next(one for one in both.findings if one.code == "two.bad").because_of == "one.bad=it"
    alone = diagnose((other,), Snapshot({"two": _seen(Other())}))
    assert alone.root is not None
    assert alone.root.code == "two.bad"


def test_nothing_seen_is_nothing_known() -> None:
    assert diagnose((), Snapshot({})).verdict is Verdict.cannot_tell


def test_a_topic_that_breaks_costs_only_itself(loaded: Loaded) -> None:
    def broken(world: World) -> Facts:
        raise RuntimeError("a bug with AKIAABCDEFGHIJKLMNOP in it")

    topics = (_topic(gather=broken), Topic("two", Other, lambda world: Other(), (
        Check("two.first", lambda snapshot: [ok("two.first")]),
    )))  # fmt: skip
    found = diagnose(topics, take(topics, loaded, {}))
    assert [str(one.state) for one in found.findings] == ["crash", "skip", "skip", "skip", "ok"]
    crash = found.findings[0]
    assert "RuntimeError" in crash.value("why")
    assert "AKIAABCDEFGHIJKLMNOP" not in crash.value("why")


def test_a_topic_that_is_late_is_unknown_and_the_others_are_not(loaded: Loaded) -> None:
    release = threading.Event()

    def slow(world: World) -> Facts:
        release.wait(20)
        return Facts()

    quick = Topic("two", Other, lambda world: Other(), (Check("two.first", lambda s: [ok("two.first")]),))
    topics = (_topic(gather=slow), quick)
    started = time.monotonic()
    snapshot = take(topics, loaded, {}, timeout_s=0.2)
    release.set()
    assert time.monotonic() - started < 2
    found = diagnose(topics, snapshot)
    assert [str(one.state) for one in found.findings] == ["unknown", "skip", "skip", "skip", "ok"]
    assert found.verdict is Verdict.cannot_tell


def _world(loaded: Loaded, seconds: float) -> World:
    from datetime import UTC, datetime

    from academyctl.stores.readonly import ReadOnlyStores

    return World(ReadOnlyStores(loaded.settings), loaded, {}, time.monotonic() + seconds, lambda: datetime.now(UTC))


def test_of_many_looks_each_fails_alone(loaded: Loaded) -> None:
    release = threading.Event()

    def denied() -> int:
        raise AwsError("sqs:GetQueueUrl failed for queue x", why="AccessDenied: no", cause="permission")

    seen = together(_world(loaded, 0.2), {"a": lambda: 1, "b": denied, "c": lambda: int(release.wait(20))})
    release.set()
    assert seen["a"] == 1
    assert seen["b"] == Trouble("denied", "aws", "sqs:GetQueueUrl queue x", "AccessDenied: no")
    assert isinstance(seen["c"], Trouble)
    assert seen["c"].cause == TIMEOUT


def test_a_bug_in_one_look_is_raised_where_the_topic_can_crash(loaded: Loaded) -> None:
    def bug() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        within(_world(loaded, 5), "x", bug)


def test_not_read_only_is_a_bug_and_no_fact(loaded: Loaded) -> None:
    def writes() -> int:
        raise AcademyError("Redis SET is not a command that reads")

    with pytest.raises(AcademyError):
        within(_world(loaded, 5), "x", writes)

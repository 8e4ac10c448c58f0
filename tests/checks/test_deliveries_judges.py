"""Judgements over academyctl's own tables that are no row of the fault tables: what is fine, and what is skipped."""

from __future__ import annotations

from dataclasses import replace

from checks._deliveries import Halfway, Hush, Own, Texts
from checks._model import State, Verdict
from tests.checks import facts as f
from tests.checks.topics import messaging as m

OURS = ("decided", "finished", "paid", "ledger")


def _states(own: Own) -> dict[str, State]:
    found = f.judged(messaging=replace(m.FACTS, own=own))
    return {one.check.partition(".")[2]: one.state for one in found.findings if one.topic == "messaging"}


def test_texts_that_wait_for_the_end_of_quiet_hours_are_no_fault() -> None:
    found = f.judged(messaging=m.quiet())
    told = {one.code: one for one in found.findings if one.topic == "messaging"}
    assert (found.verdict, told["messaging.waits-quietly"].value("visible")) == (Verdict.healthy, "4")
    quiet = told["messaging.quiet-now"]
    assert (quiet.value("who"), quiet.value("minutes")) == ("demo, second", "610")
    assert "messaging.nothing-sent" not in told


def test_missing_tables_matter_where_a_messaging_worker_could_be_started() -> None:
    assert {name: _states(Own(None))[name] for name in ("tables", *OURS)} == {
        "tables": State.warn, **dict.fromkeys(OURS, State.skip),
    }  # fmt: skip
    elsewhere = _states(Own(None, set_up=False))
    assert {elsewhere[name] for name in ("tables", *OURS)} == {State.skip}
    assert {_states(Own(Texts()))[name] for name in ("tables", *OURS, "quiet")} == {State.ok}


def test_a_text_that_broke_off_is_not_left_halfway_while_its_academy_is_quiet() -> None:
    texts = Texts(halfway=(Halfway("sqs:a", "SENDING", "demo", 4000),), halfway_total=1)
    assert _states(Own(texts, hushed=(Hush("demo", 30),)))["finished"] is State.ok
    assert _states(Own(texts, hushed=(Hush("another", 30),)))["finished"] is State.warn


def test_a_ledger_that_was_not_added_up_is_not_called_right() -> None:
    found = f.judged(messaging=replace(m.FACTS, own=Own(Texts(added_up=False))))
    codes = {one.code for one in found.findings if one.check == "messaging.ledger"}
    assert codes == {"messaging.ledger-large"}


def test_texts_that_nobody_takes_are_left_halfway_because_of_it() -> None:
    facts = replace(m.FACTS, own=Own(Texts(halfway=(Halfway("sqs:a", "CLAIMED", "demo", 4000),), halfway_total=1)))
    found = f.judged(messaging=facts, sqs=f.queue("messaging", box=f.box("academy-messaging-jobs", visible=3)))
    halfway = next(one for one in found.findings if one.code == "messaging.texts-halfway")
    assert halfway.because_of == "sqs.not-consumed=academy-messaging-jobs"

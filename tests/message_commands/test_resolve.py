"""`message resolve`: what Solapi's list or a person says becomes the end of a text, its money with it, only once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from academyctl.message_evidence import Told, judge
from academyctl.message_repairs import ResolveText
from academyctl.messaging.model import Row, State
from academyctl.repairs import Changed
from academyctl.stores.solapi_sending import Listed
from tests.message_commands.conftest import TEXT, Desk, audit, golden, new, waiting
from tests.texting_platform import PHONE
from tests.video_commands.conftest import Cli

LANGS = ("en", "ko")
KEY = "biz:attendance:2"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_NEW = new(KEY, 1)
ROW = Row(
    **{name: getattr(_NEW, name) for name in _NEW.__dataclass_fields__}, state=State.UNKNOWN, billed=True, billing=1,
    attempt=1, fallback=False, token="t", lease_until=None, sending_at=AT, solapi_message_id="", solapi_group_id="",
    reason="", evidence={}, created_at=AT, updated_at=AT, finished_at=AT, sending_age_s=1000,
)  # fmt: skip
OURS = Listed("M1", "G1", KEY, "first", ROW.text_sha256, "2000", AT)


@pytest.mark.parametrize(
    ("row", "listed", "told", "sent"),
    [
        ({}, [OURS], Told.accepted, True),
        ({}, [replace(OURS, status_code="4000")], Told.accepted, True),
        ({}, [replace(OURS, status_code="3104")], Told.accepted, True),
        ({}, [replace(OURS, status_code="1028")], Told.refused, False),
        ({"fallback": True}, [replace(OURS, status_code="1041")], Told.absent, False),
        ({"fallback": True}, [replace(OURS, status_code="1041"), replace(OURS, stage="fallback")], Told.accepted, True),
        ({"attempt": 2}, [replace(OURS, status_code="1062")], Told.absent, False),
        ({"attempt": 2, "sending_age_s": 900}, [replace(OURS, status_code="1062")], Told.early, None),
        ({}, [replace(OURS, key="biz:another")], Told.absent, False),
        ({}, [], Told.absent, False),
        ({"sending_age_s": 900}, [], Told.early, None),
        ({"sending_age_s": 900}, [OURS], Told.accepted, True),
        ({}, [replace(OURS, key="", stage="")], Told.alike, None),
        ({}, [replace(OURS, key="", stage="", text_sha256="other")], Told.absent, False),
        ({"kind": "ATA"}, [replace(OURS, key="", stage="", text_sha256="")], Told.alike, None),
        ({"state": State.CLAIMED, "sending_age_s": 5}, [], Told.unasked, False),
    ],
)  # fmt: skip
def test_what_the_list_says_of_a_text(
    row: dict[str, object], listed: list[Listed], told: Told, sent: bool | None
) -> None:
    seen = judge(replace(ROW, **row), listed, 960)  # type: ignore[arg-type]
    assert (seen.told, seen.sent) == (told, sent)


@pytest.mark.parametrize("lang", LANGS)
def test_a_text_that_solapi_has_is_sent_and_stays_charged(desk: Desk, cli: Cli, tmp_path: Path, lang: str) -> None:
    desk.text(KEY, State.UNKNOWN)
    desk.accepted(KEY)
    dry = cli("--lang", lang, "message", "resolve", KEY, "--check")
    assert (dry.code, dry.err, desk.row(KEY).state) == (0, "", State.UNKNOWN)
    ran = cli("--lang", lang, "message", "resolve", KEY, "--check", "--apply")
    golden(f"resolve-sent.{lang}", f"{dry.out}\n{ran.out}")
    row = desk.row(KEY)
    assert (row.state, row.billed, desk.balance) == (State.SENT, True, 991)
    assert row.solapi_message_id.startswith("M4V")
    assert len(desk.texting.inbox()) == 1
    assert json.loads(audit(tmp_path))["result"] == "done"
    again = cli("message", "resolve", KEY, "--not-sent", "--apply")
    assert (again.code, "nothing to decide" in again.err, desk.balance) == (2, True, 991)


@pytest.mark.parametrize("lang", LANGS)
def test_a_text_that_never_got_there_is_refunded_and_can_be_sent_again(desk: Desk, cli: Cli, lang: str) -> None:
    desk.text(KEY, State.UNKNOWN)
    desk.letter("unknown: the list was away", business_key="attendance:2")
    dry = cli("--lang", lang, "message", "resolve", KEY, "--check")
    ran = cli("--lang", lang, "message", "resolve", KEY, "--check", "--apply")
    back = cli("--lang", lang, "message", "redrive", "--key", KEY, "--apply")
    golden(f"resolve-not-sent.{lang}", f"{dry.out}\n{ran.out}\n{back.out}")
    row = desk.row(KEY)
    assert (row.state, row.billed, desk.balance) == (State.FAILED, False, 1000)
    assert row.reason.startswith("resolved_not_sent")
    [attributes] = waiting(desk)
    assert attributes["academyctl.redriven"]


def test_nothing_is_decided_while_a_request_may_still_arrive(desk: Desk, cli: Cli) -> None:
    cli.set(MESSAGING_RESEND_AFTER_SECONDS="960")
    desk.text(KEY, State.UNKNOWN)
    for words in (("--check",), ("--not-sent",)):
        ran = cli("message", "resolve", KEY, *words, "--apply")
        assert (ran.code, "cannot be known yet" in ran.err, desk.row(KEY).state) == (2, True, State.UNKNOWN), words
    assert cli("message", "resolve", KEY, "--sent", "--note", "the parent has it", "--apply").code == 0
    assert desk.row(KEY).evidence["resolved"] == "the parent has it"


def test_a_twin_without_our_key_is_left_to_a_person(desk: Desk, cli: Cli) -> None:
    desk.text(KEY, State.UNKNOWN)
    # Sent by somebody else: same phone, same text, no key of ours.
    entry = replace(OURS, key="", stage="", created_at=desk.row(KEY).sending_at)
    assert judge(desk.row(KEY), [entry], 0).evidence()["list"] == "alike"
    desk.accepted(KEY)
    against = cli("message", "resolve", KEY, "--not-sent")
    assert "has this text as accepted" in against.out
    assert (against.code, "refund 9 won to hanbit (credit_balance 991 -> 1000)" in against.out) == (0, True)


def test_what_a_worker_has_or_may_get_back_is_not_decided_by_hand(desk: Desk, cli: Cli) -> None:
    cli.set(MESSAGING_RESEND_AFTER_SECONDS="960")
    desk.text(KEY, State.SENDING)
    assert "a worker has it" in cli("message", "resolve", KEY, "--sent", "--apply").err
    desk.dead(KEY, minutes=3)
    assert "may still come back" in cli("message", "resolve", KEY, "--sent", "--apply").err
    desk.dead(KEY, minutes=60)
    ran = cli("message", "resolve", KEY, "--check", "--apply")
    assert (ran.code, desk.row(KEY).state, desk.balance) == (0, State.FAILED, 1000)


def test_a_text_that_was_only_claimed_can_only_be_not_sent(desk: Desk, cli: Cli) -> None:
    desk.text(KEY)
    desk.dead(KEY)
    assert cli("message", "resolve", KEY, "--sent", "--apply").code == 2
    ran = cli("message", "resolve", KEY, "--check", "--apply")
    assert (ran.code, "never handed over" in ran.out, desk.balance) == (0, True, 1000)


def test_a_decision_over_what_has_changed_since_changes_nothing(desk: Desk) -> None:
    desk.text(KEY, State.UNKNOWN)
    repair = ResolveText(KEY, State.UNKNOWN, "hanbit", sent=False, note="")
    repair.do(desk.stores)
    with pytest.raises(Changed, match=r"it is FAILED, it was UNKNOWN"):
        repair.do(desk.stores)
    assert desk.balance == 1000


def test_without_solapi_the_list_decides_nothing(desk: Desk, cli: Cli) -> None:
    desk.text(KEY, State.UNKNOWN)
    cli.set(SOLAPI_BASE_URL="http://127.0.0.1:9")
    ran = cli("message", "resolve", KEY, "--check", "--apply")
    assert (ran.code, desk.row(KEY).state) == (3, State.UNKNOWN)
    assert PHONE not in ran.out + ran.err
    assert cli("message", "resolve", KEY, "--not-sent", "--apply").code == 0


def test_one_decision_is_needed_and_production_is_asked(desk: Desk, cli: Cli) -> None:
    desk.text(KEY, State.UNKNOWN)
    assert cli("message", "resolve", KEY).code == 2
    assert cli("message", "resolve", KEY, "--sent", "--not-sent").code == 2
    cli.set(ACADEMYCTL_PRODUCTION="true")
    assert "this needs a yes" in cli("message", "resolve", KEY, "--not-sent", "--apply").err
    assert desk.row(KEY).state is State.UNKNOWN
    told = cli("--yes", "message", "resolve", KEY, "--not-sent", "--apply", "--output", "json").json
    assert (told["done"], told["change"]["refund"], told["error"]) == (True, 9, None)
    assert TEXT not in json.dumps(told, ensure_ascii=False)

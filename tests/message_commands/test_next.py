"""The one line that says what to do about a text: right for its state, runnable, and the same in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from academyctl.dead_letters import Letter
from academyctl.errors import SolapiAway
from academyctl.message_evidence import Seen, Told
from academyctl.message_next import next_step
from academyctl.message_state import Picture
from academyctl.messaging.model import Ending, State
from tests.message_commands.test_resolve import KEY, OURS, ROW
from tests.playbooks.test_shipped import parsed

LETTER = Letter("m-1", "{}", 1, None, "insufficient_balance")


def picture(*, letter: bool = False, whole: bool = True, seen: Seen | None = None, **row: Any) -> Picture:
    return Picture(replace(ROW, **row), None, (), LETTER if letter else None, whole, seen, {})


def commands(line: str) -> list[str]:
    return [found.strip() for found in re.findall(r"academyctl ([a-z]+ [^;,()]*)", line)]


CASES: tuple[tuple[Picture, str], ...] = (
    (picture(state=State.SENT, solapi_message_id="M1"), "Solapi's console"),
    (picture(state=State.SENT, solapi_message_id="MOCK1"), "academyctl diagnose messaging"),
    (picture(state=State.SENDING, leased=True), "a worker has it"),
    (picture(state=State.SENDING, letter=True), f"academyctl message redrive --key {KEY}"),
    (picture(state=State.CLAIMED), f"academyctl message resolve {KEY} --check"),
    (picture(), f"academyctl message resolve {KEY} --check"),
    (picture(seen=Seen(None, away=SolapiAway("gone"))), f"academyctl message resolve {KEY} --check"),
    (picture(seen=Seen(Told.accepted, OURS)), f"academyctl message resolve {KEY} --check --apply"),
    (picture(seen=Seen(Told.absent)), f"academyctl message resolve {KEY} --check --apply"),
    (picture(seen=Seen(Told.early, wait_s=60)), "in 60 s"),
    (picture(seen=Seen(Told.alike, OURS)), f"academyctl message resolve {KEY} --sent"),
    *(
        (picture(state=State.FAILED, reason=f"{ending}: why", letter=True), f"academyctl message redrive --key {KEY}")
        for ending in Ending
    ),
    (picture(state=State.FAILED, reason="refused_by_solapi: [1031]"), "academyctl message send"),
    (picture(state=State.FAILED, reason="insufficient_balance", whole=False), "academyctl queue peek messaging --dlq"),
    (picture(state=State.FAILED, reason="somebody else's words"), "mend the reason above"),
)


@pytest.mark.parametrize(("seen", "says"), CASES)
def test_the_next_step_of_a_text_names_what_to_type(seen: Picture, says: str) -> None:
    told = next_step(seen)
    assert says in told.en
    assert commands(told.ko) == commands(told.en)
    told.ko.encode("cp949")
    for line in commands(told.en):
        # What is asked for anew needs its words; everything else runs as it stands.
        words = tuple(line.split())
        parsed(words if words != ("message", "send") else ("message", "send", "--tenant", "demo"))

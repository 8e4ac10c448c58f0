"""`message redrive`: which dead letters of texts go back, what stays and why, and whether their academies can pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from academyctl.contract import marks
from academyctl.dead_letters import Letter, Pair
from academyctl.message_redrive import Plan, Wanted, choose
from academyctl.messaging.model import State, Tenant
from tests.message_commands.conftest import Desk, golden, waiting
from tests.message_commands.test_resolve import ROW
from tests.video_commands.conftest import Cli

LANGS = ("en", "ko")
ANY = Wanted()
PAIR = Pair("messaging", "jobs", "jobs-dlq")
HANBIT = Tenant(1, "hanbit", 20, 850, "0212345678", "", active=True, messaging_active=True)
BYEOL = replace(HANBIT, id=2, code="byeol", balance=0)


def letter(name: str, reason: str = "insufficient_balance") -> Letter:
    return Letter(name, "{}", 1, None, reason)


def chosen(
    *read: tuple[Letter, str, int], wanted: Wanted = ANY, rows: Mapping[str, State] = MappingProxyType({})
) -> Plan:
    """A plan over letters; `rows` are states by key."""
    known = {key: replace(ROW, key=key, state=state, reason="attempts_exhausted: 3") for key, state in rows.items()}
    return choose(read, known, {1: HANBIT, 2: BYEOL}, PAIR, wanted)


@pytest.mark.parametrize(
    ("read", "rows", "goes", "stays"),
    [
        ((letter("m"), "a", 1), {}, ["insufficient_balance"], []),
        ((letter("m", ""), "a", 1), {"a": State.FAILED}, ["attempts_exhausted"], []),
        ((letter("m", ""), "a", 1), {}, ["received-too-often"], []),
        ((letter("m"), "a", 1), {"a": State.SENDING}, ["insufficient_balance"], []),
        ((letter("m"), "a", 1), {"a": State.SENT}, ["insufficient_balance"], []),
        ((letter("m"), "a", 1), {"a": State.UNKNOWN}, [], ["insufficient_balance"]),
        ((letter("m"), "a", 9), {}, [], ["insufficient_balance"]),
        ((letter("m"), "", 0), {}, [], ["malformed"]),
    ],
)
def test_a_letter_goes_back_unless_that_could_do_harm(
    read: Any, rows: dict[str, State], goes: list[str], stays: list[str]
) -> None:
    made = chosen(read, rows=rows)
    assert ([one.reason for one in made.chosen], [one.reason for one in made.left]) == (goes, stays)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(), ["a", "b", "c"]), (Wanted(tenant_id=2), ["c"]), (Wanted(keys=frozenset("b")), ["b"]),
        (Wanted(limit=1), ["a"]),
        (Wanted(reason="sender_missing"), ["b"]), (Wanted(reason="sender_missing", tenant_id=2), []),
    ],
)  # fmt: skip
def test_letters_are_chosen_by_academy_key_and_reason(wanted: Wanted, keys: list[str]) -> None:
    read = [(letter("1"), "a", 1), (letter("2", "sender_missing: none"), "b", 1), (letter("3"), "c", 2)]
    made = chosen(*read, wanted=wanted)
    assert [one.key for one in made.chosen] == keys
    assert made.more == (2 if wanted.limit == 1 else 0)


def test_what_it_costs_is_reckoned_by_academy_and_only_where_it_will_be_charged() -> None:
    # The last text of the first academy has two letters.
    read = [(letter(str(n)), f"k{min(n, 2)}", 1) for n in range(4)] + [(letter("9"), "z", 2)]
    made = chosen(*read, rows={"k0": State.SENDING, "k1": State.FAILED})
    told = {one.tenant.code: (one.texts, one.needs_won, one.pays) for one in made.purses}
    assert told == {"hanbit": (2, 17, True), "byeol": (1, 9, False)}
    assert made.counts() == Counter({("hanbit", "insufficient_balance"): 4, ("byeol", "insufficient_balance"): 1})


@pytest.mark.parametrize("lang", LANGS)
def test_letters_go_back_once_and_those_that_must_not_stay(desk: Desk, cli: Cli, lang: str) -> None:
    desk.refused("biz:due:1")
    desk.refused("biz:due:2")
    desk.text("biz:due:3", State.UNKNOWN)
    for number in (1, 2, 3):
        desk.letter("unknown: ask" if number == 3 else "insufficient_balance: credit 0", business_key=f"due:{number}")
    desk.letter("malformed", body="no json")
    dry = cli("--lang", lang, "message", "redrive")
    assert (dry.code, dry.err, waiting(desk)) == (0, "", [])
    ran = cli("--lang", lang, "message", "redrive", "--apply")
    assert (ran.code, ran.err) == (0, "")
    golden(f"redrive.{lang}", dry.out + ran.out, ordered=False)
    went = waiting(desk)
    assert len(went) == 2
    assert all(one[marks.REDRIVEN] and marks.REASON not in one for one in went)
    assert desk.texting.sqs.attributes(desk.texting.dlq).visible == 2
    again = cli("message", "redrive", "--apply", "--output", "json").json
    assert (again["letters"], len(again["stay"])) == ([], 2)


def test_by_its_key_a_text_goes_back_alone_unless_it_is_unknown(desk: Desk, cli: Cli) -> None:
    desk.text("biz:due:3", State.UNKNOWN)
    desk.letter("unknown: ask", business_key="due:3")
    desk.letter("tenant_not_found", business_key="due:4")
    ran = cli("message", "redrive", "--key", "due:3", "--apply")
    assert (ran.code, "message resolve biz:due:3 --check" in ran.out, waiting(desk)) == (1, True, [])
    # One that has no row yet goes back by its whole key.
    assert cli("message", "redrive", "--key", "due:4", "--apply").code == 0
    assert len(waiting(desk)) == 1


def test_a_value_that_is_empty_never_means_all_of_them(desk: Desk, cli: Cli) -> None:
    desk.letter("insufficient_balance", business_key="due:1")
    for option in ("--tenant", "--key", "--reason"):
        ran = cli("message", "redrive", option, "", "--apply", "--output", "json")
        assert (ran.code, ran.json["error"]["what"]) == (2, f"{option} is given and empty")
    assert waiting(desk) == []


def test_a_text_without_a_dead_letter_says_where_to_look(desk: Desk, cli: Cli) -> None:
    ran = cli("message", "redrive", "--key", "due:9", "--output", "json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "no-letter")
    assert ran.json["error"]["remedy"].endswith("academyctl message show due:9")


def test_an_academy_that_cannot_pay_is_told_before(desk: Desk, cli: Cli) -> None:
    poor = desk.texting.academy(code="poor", credit_balance=8)
    desk.letter("insufficient_balance", tenant_id=poor, business_key="due:1")
    told = cli("message", "redrive", "--tenant", "poor", "--output", "json").json
    assert told["tenants"] == [{"id": poor, "code": "poor", "texts": 1, "needs": 9, "balance": 8, "pays": False}]
    assert "NOT ENOUGH" in cli("message", "redrive", "--tenant", "poor").out
    assert cli("message", "redrive", "--reason", "sender_missing", "--output", "json").json["letters"] == []


def test_production_is_asked_before_anything_goes_back(desk: Desk, cli: Cli) -> None:
    desk.letter("insufficient_balance", business_key="due:1")
    cli.set(ACADEMYCTL_PRODUCTION="true")
    ran = cli("message", "redrive", "--apply")
    assert (ran.code, "1 go back" in ran.err, waiting(desk)) == (2, True, [])

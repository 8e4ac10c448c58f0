"""Failing by script: which requests, how often, in which order, and by whom it may be asked for."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from academyctl.cli.local import app
from academyctl.errors import UsageError
from academyctl.local import state as remembered
from academyctl.local.solapi import Account, read_inbox
from academyctl.local.solapi_remote import steps_of
from academyctl.local.solapi_script import LIST, Step, parse_short, parse_step
from academyctl.stores.solapi_sending import Sender, SolapiUnsure, payload
from tests.solapi.conftest import SECRET, item


def outcomes(sender: Sender, times: int) -> str:
    """+ for a text that was accepted, ? for one that is unsure."""
    seen = ""
    for number in range(times):
        try:
            sender.send([item(f"k{number}")])
            seen += "+"
        except SolapiUnsure:
            seen += "?"
    return seen


def test_a_step_applies_as_often_as_it_says_and_steps_come_in_order(sender: Sender, account: Account) -> None:
    account.script({"do": "status", "times": 2}, {"do": "status-after-accepting"})
    assert outcomes(sender, 5) == "???++"
    assert len(read_inbox(account.inbox)) == 3
    account.script({"do": "status", "times": 0})
    assert outcomes(sender, 3) == "???"
    account.steps.clear()
    assert outcomes(sender, 1) == "+"


def test_a_step_may_wait_for_one_text_among_many(sender: Sender, account: Account) -> None:
    account.script({"do": "status", "times": 0, "contains": "k1"})
    assert outcomes(sender, 3) == "+?+"


def test_partial_refuses_every_nth(sender: Sender, account: Account) -> None:
    account.script({"do": "partial", "every": 3, "code": "1062"})
    sent = sender.send([item(str(number)) for number in range(1, 8)])
    assert set(sent.refused) == {"3", "6"}
    assert {code for code, _ in sent.refused.values()} == {"1062"}


def test_slow_is_slow_and_accepts(sender: Sender, account: Account) -> None:
    account.script({"do": "slow", "seconds": 0.2})
    begun = time.monotonic()
    assert sender.send([item("a")]).accepted
    assert time.monotonic() - begun > 0.2


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("503", Step("status", status=503)),
        ("503x3", Step("status", status=503, times=3)),
        ("429x0@list", Step("status", path=LIST, status=429, times=0)),
        ("timeout-after", Step("timeout-after-accepting")),
        ("timeout-beforex2", Step("timeout-before", times=2)),
        ("cut-after", Step("cut-after-accepting")),
        ("status-after-accepting=504", Step("status-after-accepting", status=504)),
        ("refuse=NotEnoughBalancex4", Step("refuse", code="NotEnoughBalance", times=4)),
        ("refuse", Step("refuse", code="TooManyRequests")),
        ("partial=1030", Step("partial", code="1030")),
        ("partial", Step("partial", code="1062")),
        ("slow=0.5", Step("slow", seconds=0.5)),
        ("lag=5", Step("lag", seconds=5)),
    ],
)
def test_a_failure_can_be_typed(said: str, step: Step) -> None:
    assert parse_short(said) == step
    assert step.told


@pytest.mark.parametrize("said", ["", "200", "fail", "503y3", "slow=99999", "status-after-accepting=ok", "503x-1"])
def test_a_failure_that_there_is_not_is_a_usage_error_that_names_what_there_is(said: str) -> None:
    with pytest.raises(UsageError) as error:
        steps_of([said])
    assert "timeout-after-accepting" in error.value.remedy_in("en")


@pytest.mark.parametrize(
    "raw", [{}, {"do": "explode"}, {"do": "status", "often": 3}, {"do": "status", "times": "3"}, {"do": "status",
                                                                                               "every": 0}]
)  # fmt: skip
def test_a_step_is_checked(raw: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"do|often|times|every"):
        parse_step(raw)


def fake(url: str, method: str, path: str, body: object = None, secret: str = SECRET) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_script_is_posted_read_and_cleared_over_http(url: str, sender: Sender) -> None:
    status, state = fake(url, "POST", "/_fake/script", {"steps": [{"do": "status", "times": 2}, {"do": "lag"}]})
    assert (status, [one["told"] for one in state["steps"]]) == (200, ["503 x2", "lag=1"])
    assert outcomes(sender, 1) == "?"
    assert [one["told"] for one in fake(url, "GET", "/_fake/script")[1]["steps"]] == ["503 x1", "lag=1"]
    assert fake(url, "DELETE", "/_fake/script")[1]["steps"] == []
    assert outcomes(sender, 1) == "+"
    assert fake(url, "GET", "/_fake/log")[1]["requests"] == {
        "POST /messages/v4/send-many/detail": {"200": 1, "503": 1}
    }  # fmt: skip
    assert fake(url, "POST", "/_fake/script", {"steps": [{"do": "explode"}]})[0] == 400


def test_a_script_wants_the_accounts_secret(url: str, account: Account) -> None:
    for method, path in (("POST", "/_fake/script"), ("DELETE", "/_fake/script"), ("GET", "/_fake/log")):
        assert fake(url, method, path, {} if method == "POST" else None, secret="no")[0] == 401
    assert account.steps.as_json() == []


def test_the_account_can_be_changed_over_http(url: str, account: Account) -> None:
    change = {"balance": 17, "point": 3, "senders": ["0311112222"], "blocked": {"010": "1061"},
              "templates": {"T": {"pf_id": "PF", "text": "#{a}"}}, "prices": {"SMS": 20}}  # fmt: skip
    assert fake(url, "POST", "/_fake/account", change)[1]["balance"] == 17
    assert (account.point, account.senders, account.prices) == (3, ("0311112222",), {"SMS": 20})
    assert account.templates is not None
    assert account.templates["T"].pf_id == "PF"


def test_the_command_scripts_the_running_stack_and_says_what_is_scripted(
    url: str, account: Account, tmp_path: Path
) -> None:
    own = remembered.fresh("ministack")
    own.ports["solapi"] = int(url.rpartition(":")[2])
    own.secrets |= {"solapi_secret": SECRET, "aws_key": "", "aws_secret": "", "r2_key": "", "r2_secret": ""}
    own.data_ready = True
    own.processes["solapi"] = remembered.Process(os.getpid(), psutil.Process().create_time())
    remembered.write(tmp_path / "stack", own)
    run = CliRunner().invoke(app, ["solapi", "--dir", str(tmp_path / "stack"), "--fail", "503x3", "--balance", "50"])
    assert "503 x3" in run.output
    assert account.balance == 50


def test_among_fifty_thousand_messages_one_is_registered_and_found_as_fast_as_among_none(tmp_path: Path) -> None:
    empty, full = (Account("K", SECRET, tmp_path / name, balance=10**6) for name in ("empty", "full"))
    at = full.clock().isoformat()
    many = [{"message_id": f"M{n}", "group_id": "G", "to": f"010{n:08}", "accepted_at": at} for n in range(50_000)]
    full.box.add(many, [])
    message = payload([item("one", to="01099999999")])

    def seconds(account: Account) -> float:
        begun = time.perf_counter()
        for number in range(1, 51):
            account.accept(message)
            assert len(account.listed({"to": "01099999999", "limit": "500"})["messageList"]) == number
        return time.perf_counter() - begun

    # A look at each of them, each time, would take a hundred times as long.
    assert seconds(full) < 10 * seconds(empty)

"""Asking Solapi's list for a text: all of its pages, our fields, and no "not there" that is only half a look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.errors import SolapiAway
from academyctl.local.solapi import Account, read_inbox
from academyctl.stores import solapi_sending
from academyctl.stores.solapi import STRANGER
from academyctl.stores.solapi_sending import Sender, payload
from tests.solapi.conftest import FROM, PHONE, TEXT, item
from tests.solapi.wire import answer, says, silence, talking

HOUR = timedelta(hours=1)
LIST = solapi_sending.LIST


def now() -> datetime:
    return datetime.now(UTC)


def keys(sender: Sender, to: str = PHONE, *, since: timedelta = HOUR, until: timedelta = HOUR) -> list[str]:
    return [one.key for one in sender.find(to, now() - since, now() + until)]


def test_a_text_is_found_with_all_that_recognises_it(sender: Sender) -> None:
    sent = sender.send([item("biz:1"), item("other", to="01099998888")])
    [found] = sender.find(PHONE, now() - HOUR, now())
    assert (found.message_id, found.group_id) == (sent.accepted["biz:1"], sent.group_id)
    assert (found.key, found.stage, found.status_code) == ("biz:1", "first", "2000")
    assert found.text_sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found.created_at is not None
    assert abs(now() - found.created_at) < timedelta(minutes=1)


def test_a_text_of_somebody_else_has_no_key(sender: Sender, account: Account) -> None:
    account.accept({"messages": [{"to": PHONE, "from": FROM, "text": TEXT}]})
    [found] = sender.find(PHONE, now() - HOUR, now())
    assert (found.key, found.stage) == ("", "")


def test_a_refused_text_is_listed_with_its_code(sender: Sender) -> None:
    sender.send([item("bad", sender="0299999999")])
    assert [one.status_code for one in sender.find(PHONE, now() - HOUR, now())] == ["1062"]


def test_the_time_window_counts(sender: Sender, account: Account) -> None:
    account.clock = lambda: now() - timedelta(minutes=10)
    sender.send([item("ten minutes ago")])
    account.clock = now
    sender.send([item("now")])
    assert keys(sender) == ["now", "ten minutes ago"]
    assert keys(sender, since=timedelta(minutes=5)) == ["now"]
    assert keys(sender, until=-timedelta(minutes=5)) == ["ten minutes ago"]
    assert keys(sender, "01000000009") == []


def test_every_page_is_read(sender: Sender, account: Account) -> None:
    account.accept(payload([item(str(number)) for number in range(1203)]))
    found = keys(sender)
    assert found == [str(number) for number in reversed(range(1203))]
    assert account.requests[(f"GET {LIST}", "200")] == 3


def test_a_list_that_has_no_end_is_no_answer(sender_to: Callable[..., Sender]) -> None:
    page = json.dumps({"messageList": {"M1": {}}, "nextKey": "M1"}).encode()
    with talking(says(answer("200 OK", page, "Connection: close"))) as url, pytest.raises(SolapiAway) as away:
        keys(sender_to(url))
    assert away.value.code == "list-too-long"


def test_a_list_may_lag_behind(sender: Sender, account: Account) -> None:
    account.script({"do": "lag", "seconds": 3600})
    sender.send([item("late")])
    assert keys(sender) == []
    account.steps.clear()
    assert keys(sender) == ["late"]


def test_what_was_accepted_without_an_answer_is_found(
    url: str, sender_to: Callable[..., Sender], account: Account
) -> None:
    account.script({"do": "timeout-after-accepting"})
    sender = sender_to(url, request_s=0.3)
    with pytest.raises(solapi_sending.SolapiUnsure):
        sender.send([item("lost")])
    assert keys(sender) == ["lost"]


def test_the_list_outlives_the_fakes_process_and_forgets_what_was_emptied(account: Account, sender: Sender) -> None:
    sender.send([item("kept")])
    again = Account(account.api_key, account.secret, account.inbox)
    assert [one["customFields"]["academyctlKey"] for one in again.listed({"to": PHONE})["messageList"].values()] == [
        "kept"
    ]
    account.inbox.unlink()
    assert keys(sender) == []
    sender.send([item("new")])
    assert keys(sender) == ["new"]
    assert len(read_inbox(account.inbox)) == 1


@pytest.mark.parametrize(
    ("step", "cause", "code"),
    [
        ({"do": "refuse", "code": "TooManyRequests"}, "throttled", "TooManyRequests"),
        ({"do": "refuse", "code": "Forbidden"}, "permission", "Forbidden"),
        ({"do": "refuse", "code": "SignatureDoesNotMatch"}, "auth", "SignatureDoesNotMatch"),
        ({"do": "refuse", "code": "RequestTimeTooSkewed"}, "clock", "RequestTimeTooSkewed"),
        ({"do": "status", "status": 503, "html": True}, "unreachable", STRANGER),
        ({"do": "cut-before"}, "unreachable", "solapi-away"),
        ({"do": "timeout-before"}, "unreachable", "solapi-away"),
    ],
)
def test_a_list_that_cannot_be_asked_says_why(
    url: str, sender_to: Callable[..., Sender], account: Account, step: dict[str, object], cause: str, code: str
) -> None:
    account.script({"path": LIST, **step})
    with pytest.raises(SolapiAway) as away:
        keys(sender_to(url, request_s=0.3))
    assert (away.value.cause, away.value.code) == (cause, code)
    assert PHONE not in str(away.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"messageList": null}', b'{"messageList": []}', b'{"messageList": {"M": 5}}', b"<html>",
     b'{"errorCode": "Oops"}'],
)  # fmt: skip
def test_nothing_but_a_list_is_believed_to_be_empty(sender_to: Callable[..., Sender], body: bytes) -> None:
    with talking(says(answer("200 OK", body))) as url, pytest.raises(SolapiAway) as away:
        keys(sender_to(url))
    assert away.value.code == STRANGER


@pytest.mark.parametrize("created", ["2026-11-21T03:00:00.123Z", "2026-11-21T12:00:00.123+09:00"])
def test_a_time_is_read_with_its_offset(sender_to: Callable[..., Sender], created: str) -> None:
    entry = {"dateCreated": created, "statusCode": None, "customFields": None, "text": None}
    body = json.dumps({"messageList": {"M1": entry}, "nextKey": None}).encode()
    with talking(says(answer("200 OK", body))) as url:
        [found] = sender_to(url).find(PHONE, now() - HOUR, now())
    assert found.created_at == datetime(2026, 11, 21, 3, 0, 0, 123000, tzinfo=UTC)
    assert (found.message_id, found.key, found.status_code) == ("M1", "", "")


def test_silence_of_the_list_has_the_same_deadline(sender_to: Callable[..., Sender]) -> None:
    with talking(silence) as url, pytest.raises(SolapiAway):
        keys(sender_to(url, request_s=0.2))

"""The fake Solapi refuses what the real one refuses."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.solapi import Account, read_inbox, serve
from academyctl.local.stack import LocalStack

MESSAGE = {"to": "01000000000", "from": "0212345678", "text": "안녕하세요", "type": "SMS"}


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account("NCSKEY", "solapi-secret", tmp_path / "inbox.jsonl")


@pytest.fixture
def url(account: Account) -> Iterator[str]:
    server = serve(0, account)
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.005), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/messages/v4/send-many/detail"
    server.shutdown()
    server.server_close()


def header(*, secret: str = "solapi-secret", key: str = "NCSKEY", at: datetime | None = None, salt: str = "") -> str:
    date, salt = (at or datetime.now(UTC)).isoformat(), salt or secrets.token_hex(16)
    signature = hmac.new(secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"


def post(url: str, authorization: str, messages: object) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"messages": messages}).encode()
    request = urllib.request.Request(url, body, {"Authorization": authorization, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_signed_message_is_accepted_and_kept(url: str, account: Account) -> None:
    status, answer = post(url, header(), [MESSAGE])
    assert (status, answer["groupInfo"]["count"]["registeredSuccess"]) == (200, 1)
    [kept] = read_inbox(account.inbox)
    assert (kept["to"], kept["text"], kept["type"]) == ("01000000000", "안녕하세요", "SMS")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (header(secret="wrong"), "SignatureDoesNotMatch"),
        (header(key="OTHER"), "InvalidAPIKey"),
        (header(at=datetime.now(UTC) - timedelta(minutes=16)), "RequestTimeTooSkewed"),
        (header(salt="short"), "InvalidSalt"),
        ("Bearer x", "InvalidAuthorization"),
    ],
)
def test_a_bad_signature_is_refused_by_name(url: str, account: Account, authorization: str, code: str) -> None:
    status, answer = post(url, authorization, [MESSAGE])
    assert status >= 400
    assert answer["errorCode"] == code
    assert read_inbox(account.inbox) == []


def test_a_signature_works_once(url: str, account: Account) -> None:
    once = header()
    assert post(url, once, [MESSAGE])[0] == 200
    assert post(url, once, [MESSAGE])[1]["errorCode"] == "DuplicatedSignature"
    assert len(read_inbox(account.inbox)) == 1


def test_a_bad_message_among_good_ones_is_named(url: str, account: Account) -> None:
    status, answer = post(url, header(), [MESSAGE, {**MESSAGE, "to": "not a number"}, {**MESSAGE, "text": ""}])
    assert status == 200
    count = answer["groupInfo"]["count"]
    assert (count["total"], count["registeredSuccess"], count["registeredFailed"]) == (3, 1, 2)
    assert [one["to"] for one in answer["failedMessageList"]] == ["not a number", "01000000000"]
    assert len(read_inbox(account.inbox)) == 1


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"type": None, "text": "가" * 45}, "SMS"),
        ({"type": None, "text": "가" * 46}, "LMS"),
        ({"type": "LMS", "text": "가"}, "LMS"),
        ({"type": None, "text": None, "kakaoOptions": {"pfId": "P", "templateId": "T"}}, "ATA"),
    ],
)
def test_the_type_is_detected_as_solapi_does(url: str, account: Account, change: dict[str, Any], kind: str) -> None:
    """90 bytes are counted in EUC-KR, where a Hangul character has two (contract 11 on section 6)."""
    assert post(url, header(), [{k: v for k, v in {**MESSAGE, **change}.items() if v is not None}])[0] == 200
    assert [one["type"] for one in read_inbox(account.inbox)] == [kind]


def test_an_alimtalk_without_template_is_refused(url: str) -> None:
    message = {"to": "01000000000", "from": "0212345678", "kakaoOptions": {"pfId": "P"}}
    status, answer = post(url, header(), [message])
    [failed] = answer["failedMessageList"]
    assert (status, failed["statusCode"]) == (200, "1010")
    assert "templateId" in failed["statusMessage"]


def test_the_answer_has_every_field_that_solapis_own_library_insists_on(url: str) -> None:
    info = post(url, header(), [MESSAGE])[1]["groupInfo"]
    named = {
        "count", "countForCharge", "balance", "point", "app", "log", "status", "allowDuplicates", "isRefunded",
        "accountId", "masterAccountId", "apiVersion", "groupId", "price", "dateCreated", "dateUpdated",
        "scheduledDate", "dateSent", "dateCompleted",
    }  # fmt: skip
    assert named <= info.keys()
    assert info["countForCharge"]["sms"] == {"82": 1}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"messages": []}', b'{"messages": {}}'])
def test_a_body_that_is_no_request_is_refused(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Authorization": header()}, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())["errorCode"]) == (400, "ValidationError")


def test_a_connection_serves_many_requests(url: str, account: Account) -> None:
    host, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(host, timeout=5)
    for _ in range(3):
        connection.request("POST", f"/{path}", json.dumps({"messages": [MESSAGE]}), {"Authorization": header()})
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()
    assert len(read_inbox(account.inbox)) == 3


def test_the_registered_senders_are_told_to_who_signs(account: Account, url: str) -> None:
    account.senders = ("0212345678",)
    where = url.replace("/messages/v4/send-many/detail", "/senderid/v1/numbers/active")
    with urllib.request.urlopen(
        urllib.request.Request(where, headers={"Authorization": header()}), timeout=5
    ) as answer:
        assert json.loads(answer.read()) == ["0212345678"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(where, timeout=5)
    refused.value.close()
    assert refused.value.code == 401


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_the_inbox_is_its_owners_alone(url: str, account: Account) -> None:
    post(url, header(), [MESSAGE])
    assert account.inbox.stat().st_mode & 0o077 == 0


def test_the_stacks_solapi_takes_the_stacks_keys(stack: LocalStack) -> None:
    env, before = stack.env(), len(stack.inbox())
    url = env["SOLAPI_BASE_URL"] + "/messages/v4/send-many/detail"
    signed = header(secret=env["SOLAPI_API_SECRET"], key=env["SOLAPI_API_KEY"])
    assert post(url, signed, [{**MESSAGE, "from": env["SOLAPI_SENDER"]}])[0] == 200
    assert len(stack.inbox()) == before + 1
    assert post(url, header(key=env["SOLAPI_API_KEY"]), [MESSAGE])[1]["errorCode"] == "SignatureDoesNotMatch"

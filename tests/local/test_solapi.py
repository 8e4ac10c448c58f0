"""The fake Solapi refuses what the real one refuses."""

from __future__ import annotations

import hashlib
import hmac
import json
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

MESSAGE = {"to": "01000000000", "from": "0212345678", "text": "안녕하세요", "type": "SMS"}


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account("NCSKEY", "solapi-secret", tmp_path / "inbox.jsonl")


@pytest.fixture
def url(account: Account) -> Iterator[str]:
    server = serve(0, account)
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
    assert answer["groupInfo"]["count"] == {"total": 3, "registeredSuccess": 1, "registeredFailed": 2}
    assert len(answer["failedMessageList"]) == 2
    assert len(read_inbox(account.inbox)) == 1

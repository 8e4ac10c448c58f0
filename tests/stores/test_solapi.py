"""Solapi's account over real HTTP: what it tells, and every refusal told apart; the stack's Solapi is the server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from academyctl.errors import SolapiAway
from academyctl.local.solapi import Account, serve
from academyctl.local.state import free_ports
from academyctl.settings_model import Solapi as SolapiSettings
from academyctl.stores.solapi import STRANGER, Balance, Solapi

SECRET = "a-secret-that-no-error-may-show"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    account = Account("NCSKEY", SECRET, tmp_path_factory.mktemp("solapi") / "inbox", ("0212345678",), 51_000, 300)
    with _serving(serve(0, account)) as found:
        yield found


def settings(url: str, *, key: str = "NCSKEY", secret: str = SECRET) -> SolapiSettings:
    return SolapiSettings(api_key=key, api_secret=SecretStr(secret), sender="0212345678", base_url=url)


def test_the_account_tells_its_money_and_its_senders(url: str) -> None:
    solapi = Solapi(settings(url + "/"))
    assert solapi.balance() == Balance(51_000, 300, auto_recharge=False)
    assert solapi.senders() == ("0212345678",)
    # A signature works once: the same moment needs another salt.
    at = datetime.now(UTC)
    frozen = Solapi(settings(url), now=lambda: at)
    assert [frozen.balance(), frozen.balance()] == [solapi.balance()] * 2


@pytest.mark.parametrize(
    ("key", "secret", "late", "cause", "code"),
    [
        ("OTHER", SECRET, 0, "auth", "InvalidAPIKey"),
        ("NCSKEY", "another-value", 0, "auth", "SignatureDoesNotMatch"),
        ("NCSKEY", SECRET, 16, "clock", "RequestTimeTooSkewed"),
        ("NCSKEY", SECRET, -16, "clock", "RequestTimeTooSkewed"),
    ],
)
def test_a_refusal_is_told_apart_and_shows_no_secret(
    url: str, key: str, secret: str, late: int, cause: str, code: str
) -> None:
    dates: list[str] = []
    clock = datetime.now(UTC) - timedelta(minutes=late)
    solapi = Solapi(settings(url, key=key, secret=secret), now=lambda: clock, note_date=dates.append)
    with pytest.raises(SolapiAway) as caught:
        solapi.balance()
    assert (caught.value.cause, caught.value.code) == (cause, code)
    assert caught.value.remedy_in("ko")
    assert secret not in str(caught.value)
    # Even a refusal says what time it is there.
    assert len(dates) == 1


@pytest.mark.parametrize(
    ("status", "body", "cause", "code"),
    [
        (429, '{"errorCode": "TooManyRequests", "errorMessage": "slow down"}', "throttled", "TooManyRequests"),
        (401, '{"errorCode": "Unauthorized", "errorMessage": "who?"}', "auth", "Unauthorized"),
        (400, '{"errorCode": "ValidationError", "errorMessage": "\\"apiKey\\" length must be 16"}', "auth",
         "ValidationError"),
        (403, '{"errorCode": "Forbidden", "errorMessage": "IP not allowed"}', "permission", "Forbidden"),
        (503, '{"errorCode": "Unavailable", "errorMessage": "later"}', "unreachable", "Unavailable"),
        (500, '{"errorCode": "InternalError", "errorMessage": "sorry"}', "refused", "InternalError"),
        (200, "<html>sign in</html>", "unreachable", STRANGER),
        (302, "", "unreachable", STRANGER),
        (404, '{"message": "no such page"}', "unreachable", STRANGER),
        (200, '{"balance": "much"}', "unreachable", STRANGER),
        (200, "[]", "unreachable", STRANGER),
    ],
)  # fmt: skip
def test_answers_that_are_no_balance(status: int, body: str, cause: str, code: str) -> None:
    with _answering(status, body) as there, pytest.raises(SolapiAway) as caught:
        Solapi(settings(there)).balance()
    assert (caught.value.cause, caught.value.code) == (cause, code)


def test_senders_are_read_as_strings_or_as_objects() -> None:
    with _answering(200, json.dumps(["010-1111-2222", {"phoneNumber": "0212345678", "handleKey": "S"}])) as there:
        assert Solapi(settings(there)).senders() == ("01011112222", "0212345678")


@pytest.mark.parametrize(
    ("make", "cause", "words"),
    [
        (lambda: f"http://127.0.0.1:{free_ports(1)[0]}", "unreachable", "refused"),
        (lambda: "http://solapi.invalid", "unreachable", ""),
        (lambda: "127.0.0.1:1", "settings", "unknown url type"),
        (lambda: "file:///etc/passwd", "settings", "unknown url type"),
    ],
)
def test_nobody_there(make: Callable[[], str], cause: str, words: str) -> None:
    with pytest.raises(SolapiAway) as caught:
        Solapi(settings(make()), timeout_s=2).senders()
    assert caught.value.cause == cause
    assert words in caught.value.why


def test_a_redirect_is_not_followed_with_the_signature(tmp_path: Path) -> None:
    account = Account("NCSKEY", SECRET, tmp_path / "inbox", ("0212345678",))
    with _serving(serve(0, account)) as real, _answering(302, "", location=real + "/cash/v1/balance") as there:
        with pytest.raises(SolapiAway):
            Solapi(settings(there)).balance()
        assert account.used == {}


@contextmanager
def _answering(status: int, body: str, *, location: str = "") -> Iterator[str]:
    """A server with one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()

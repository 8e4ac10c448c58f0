"""A fake Solapi of the test's own, and the sender that talks to it over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from academyctl.local.solapi import Account, serve
from academyctl.messaging.model import Composed
from academyctl.settings import Settings, load
from academyctl.stores.solapi_sending import Item, Sender

KEY, SECRET, PHONE, FROM = "NCSKEY", "a-secret-that-no-error-may-show", "01012345678", "0212345678"
TEXT = "자녀의 비밀번호는 1234입니다"


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.005), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def settings(url: str, *, key: str = KEY, request_s: float = 5) -> Settings:
    """`request_s` may be a part of a second here, so that no test waits long."""
    env = {"SOLAPI_API_KEY": key, "SOLAPI_API_SECRET": SECRET, "SOLAPI_SENDER": FROM, "SOLAPI_BASE_URL": url}
    made = load(env).settings
    return made.model_copy(update={"messaging": made.messaging.model_copy(update={"request_s": request_s})})


def item(key: str, **change: object) -> Item:
    fields = {"kind": "SMS", "to": PHONE, "sender": FROM, "text": TEXT, **change}
    return Item(key, "first", Composed(**fields))  # type: ignore[arg-type]


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(KEY, SECRET, tmp_path / "inbox.jsonl", (FROM,))


@pytest.fixture
def url(account: Account) -> Iterator[str]:
    with serving(serve(0, account)) as found:
        yield found


@pytest.fixture
def sender_to() -> Iterator[Callable[..., Sender]]:
    """Makes senders and closes them."""
    made: list[Sender] = []

    def make(url: str, **change: float | str) -> Sender:
        made.append(Sender(settings(url, **change)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def sender(url: str, sender_to: Callable[..., Sender]) -> Sender:
    return sender_to(url)

"""Every way in which a request can break off, and whether its texts may have gone out: on a raw TCP server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from academyctl.errors import SolapiAway, StoreError
from academyctl.local.solapi import Account, read_inbox
from academyctl.stores.solapi_sending import Sender, SolapiRefused, SolapiUnsure
from tests.solapi.conftest import PHONE, TEXT, item
from tests.solapi.wire import (
    HTML,
    Talk,
    answer,
    close_after_reading,
    cut_after_reading,
    cut_before_reading,
    drip,
    says,
    silence,
    talking,
)  # fmt: skip


def caught(sender: Sender) -> StoreError:
    with pytest.raises((SolapiAway, SolapiRefused, SolapiUnsure)) as found:
        sender.send([item("a"), item("b")])
    for told in (str(found.value), repr(found.value), found.value.what):
        assert PHONE not in told
        assert TEXT not in told
    return found.value


REFUSED = b'{"errorCode": "ValidationError", "errorMessage": "bad 01012345678"}'


@pytest.mark.parametrize(
    ("talk", "kind", "status"),
    [
        (cut_before_reading, SolapiUnsure, None),
        (cut_after_reading, SolapiUnsure, None),
        (close_after_reading, SolapiUnsure, None),
        (says(b"HTTP/1.1 200 OK\r\nContent-Le"), SolapiUnsure, None),
        (says(answer("200 OK", b'{"messageList": [', length=500)), SolapiUnsure, None),
        (says(b"\x00\x01 garbage \r\n\r\n"), SolapiUnsure, None),
        (says(answer("200 OK", b"<html>signed in</html>")), SolapiUnsure, 200),
        (says(answer("200 OK", b"[]")), SolapiUnsure, 200),
        (says(answer("200 OK", b"{}")), SolapiUnsure, 200),
        (says(answer("200 OK", b"[" * 100_000)), SolapiUnsure, 200),
        (says(answer("200 OK", b"\x1f\x8b\x00", "Content-Encoding: gzip")), SolapiUnsure, 200),
        (says(answer("204 No Content", b"")), SolapiUnsure, 204),
        (says(answer("500 Error", b'{"errorCode": "InternalError", "errorMessage": "sorry"}')), SolapiUnsure, 500),
        (says(answer("502 Bad Gateway", HTML)), SolapiUnsure, 502),
        (says(answer("503 Unavailable", b"", "Retry-After: 9")), SolapiUnsure, 503),
        (says(answer("504 Timeout", HTML)), SolapiUnsure, 504),
        # Filters that read answers say such things of an answer of Solapi's.
        (says(answer("403 Forbidden", HTML)), SolapiUnsure, 403),
        (says(answer("404 Not Found", HTML)), SolapiUnsure, 404),
        (says(answer("400 Bad Request", b'{"message": "no"}')), SolapiUnsure, 400),
        (says(answer("408 Timeout", REFUSED)), SolapiUnsure, 408),
        # Whoever says these has passed nothing on.
        (says(answer("302 Found", b"", "Location: http://127.0.0.1:1/")), SolapiRefused, 302),
        (says(answer("307 Again", b"", "Location: http://127.0.0.1:1/")), SolapiRefused, 307),
        (says(answer("407 Proxy Authentication Required", HTML)), SolapiRefused, 407),
        (says(answer("413 Payload Too Large", HTML)), SolapiRefused, 413),
        (says(answer("429 Too Many", HTML)), SolapiRefused, 429),
        (says(answer("400 Bad Request", REFUSED)), SolapiRefused, 400),
    ],
)  # fmt: skip
def test_what_breaks_off_is_unsure_and_what_is_refused_is_not(
    sender_to: Callable[..., Sender], talk: Talk, kind: type[StoreError], status: int | None
) -> None:
    with talking(talk) as url:
        found = caught(sender_to(url, request_s=3))
    assert type(found) is kind
    assert getattr(found, "status", None) == status
    assert found.remedy_in("ko")


@pytest.mark.parametrize(
    "talk", [silence, drip(answer("200 OK", b" " * 1000)), drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)]
)
def test_the_deadline_is_of_the_whole_request_and_ends_unsure(sender_to: Callable[..., Sender], talk: Talk) -> None:
    with talking(talk) as url:
        found = caught(sender_to(url, request_s=0.3))
    assert type(found) is SolapiUnsure
    assert found.why == "no answer within 0.3 s"


def test_tls_that_fails_is_nothing_sent(sender_to: Callable[..., Sender]) -> None:
    with talking(lambda peer: peer.sendall(b"no TLS here, and no more of it\r\n")) as url:
        found = caught(sender_to(url.replace("http:", "https:"), request_s=2))
    assert (type(found), found.cause) == (SolapiAway, "unreachable")


def test_a_connection_that_is_never_taken_is_nothing_sent(sender_to: Callable[..., Sender]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = [socket.socket() for _ in range(8)]
        for one in full:
            one.setblocking(False)
            with suppress(OSError):
                one.connect(listener.getsockname())
        found = caught(sender_to(f"http://127.0.0.1:{listener.getsockname()[1]}", request_s=0.3))
        for one in full:
            one.close()
    assert type(found) is SolapiAway


def test_a_413_of_a_proxy_is_about_the_size_so_a_smaller_part_may_pass(sender_to: Callable[..., Sender]) -> None:
    with talking(says(answer("413 Payload Too Large", HTML))) as url:
        found = caught(sender_to(url))
    assert isinstance(found, SolapiRefused)
    assert found.about_content


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 30",), 30.0),
        (("Date: Sat, 21 Nov 2026 03:00:00 GMT", "Retry-After: Sat, 21 Nov 2026 03:02:00 GMT"), 120.0),
        (("Date: Sat, 21 Nov 2026 03:00:00 GMT", "Retry-After: Sat, 21 Nov 2026 02:00:00 GMT"), 0.0),
        (("Retry-After: soon",), None),
        ((), None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    sender_to: Callable[..., Sender], headers: tuple[str, ...], seconds: float | None
) -> None:
    body = b'{"errorCode": "TooManyRequests", "errorMessage": "slow"}'
    with talking(says(answer("429 Too Many", body, *headers))) as url:
        found = caught(sender_to(url))
    assert isinstance(found, SolapiRefused)
    assert found.retry_after_s == seconds


@pytest.mark.parametrize(
    ("do", "kept"),
    [
        ("timeout-before", 0), ("timeout-after-accepting", 2), ("cut-before", 0), ("cut-after-accepting", 2),
        ("status-after-accepting", 2), ("status", 0),
    ],
)  # fmt: skip
def test_the_fakes_script_leaves_the_sender_unsure_whatever_became_of_the_texts(
    url: str, sender_to: Callable[..., Sender], account: Account, do: str, kept: int
) -> None:
    account.script({"do": do})
    assert type(caught(sender_to(url, request_s=0.3))) is SolapiUnsure
    assert len(read_inbox(account.inbox)) == kept

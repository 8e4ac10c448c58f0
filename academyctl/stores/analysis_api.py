"""The analysis service of guide 004: one POST that may take half an hour, under one deadline, stoppable at any moment.

httpcore itself: its reads are cut into short ones here, so that a worker which must go does not wait for the service.
The address is the settings' alone; no message can name another, and no redirect is followed.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

from academyctl.errors import Both, StoreError

_CONNECT_S = 5.0
_SLICE_S = 0.25
"""How long a stop may go unnoticed while the service is silent."""
_MAX_ANSWER = 16 << 20
_USUAL_S = 10.0
_REMEDY = Both(
    "check FASTAPI_ENDPOINT (http://HOST:PORT), and whether the service runs and may be reached from here",
    "FASTAPI_ENDPOINT(http://호스트:포트)와 분석 서비스의 실행 여부, 이 컴퓨터에서의 접속 가능 여부를 확인하세요",
)


@dataclass(frozen=True)
class Reply:
    """What the service answered; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class ServiceAway(StoreError):
    """No answer. `begun`: whether a byte of the request was written, so that it may have been worked on."""

    code = "analysis-away"

    def __init__(self, what: str, *, why: str, begun: bool, cause: str = "unreachable") -> None:
        super().__init__(what, why=why, cause=cause, remedy=_REMEDY)
        self.begun = begun


def shown(endpoint: str) -> str:
    """The address without a password in it."""
    before, at, host = endpoint.rpartition("@")
    return f"{before.partition('://')[0]}://***@{host}" if at else endpoint


class AnalysisApi:
    """The service at `endpoint`. Every method raises ServiceAway, and what `check` raises."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")

    def analyze(
        self, request: Mapping[str, str], *, seconds: float, request_id: str, check: Callable[[], None]
    ) -> Reply:
        """POST /analyze. `request_id` lets a service know a repetition; `check` is asked often, and may raise."""
        headers = {"content-type": "application/json", "idempotency-key": request_id}
        return self._ask("POST", "/analyze", headers, json.dumps(request).encode(), seconds, check)

    def look(self, path: str, *, seconds: float = _USUAL_S) -> Reply:
        """GET a path; it changes nothing."""
        return self._ask("GET", path, {}, None, seconds, lambda: None)

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float,
        check: Callable[[], None],
    ) -> Reply:  # fmt: skip
        what, clock = f"{method} {shown(self.endpoint)}{path} failed", _Clock(time.monotonic() + seconds, check)
        try:
            url = urllib.parse.urlsplit(self.endpoint)
            if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
                raise ValueError("the endpoint is no plain http or https URL")
            return _request(method, self.endpoint + path, headers, body, clock)
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, ValueError, TypeError) as error:
            raise ServiceAway(what, why=_told(error), begun=clock.begun, cause="settings") from error
        except httpcore.TimeoutException as error:
            why = f"no {'answer' if clock.begun else 'connection'} within {seconds:g} s"
            raise ServiceAway(what, why=why, begun=clock.begun) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise ServiceAway(what, why=_told(error), begun=clock.begun) from error


@dataclass
class _Clock:
    until: float
    check: Callable[[], None]
    begun: bool = False

    def left(self, wanted: float | None, error: type[Exception]) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("the time for the request is over")
        return left if wanted is None else min(left, wanted)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock, *, carries: bool) -> None:
        self._inner, self._clock, self._carries = inner, clock, carries

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            self._clock.check()
            left = self._clock.left(timeout, httpcore.ReadTimeout)
            try:
                return self._inner.read(max_bytes, min(_SLICE_S, left))
            except httpcore.ReadTimeout:
                # Nothing was read, nothing is lost: only a slice of the wait is over.
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._clock.check()
        left = self._clock.left(timeout, httpcore.WriteTimeout)
        self._clock.begun = self._clock.begun or self._carries
        self._inner.write(buffer, left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock, carries=True)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, clock: _Clock, *, tls: bool) -> None:
        self._inner, self._clock, self._tls = httpcore.SyncBackend(), clock, tls

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = min(_CONNECT_S, self._clock.left(timeout, httpcore.ConnectTimeout))
        made = self._inner.connect_tcp(host, port, left, local_address, [*(socket_options or ()), *_alive()])
        return _Stream(made, self._clock, carries=not self._tls)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(self._clock.left(seconds, httpcore.ConnectTimeout))


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes | None, clock: _Clock) -> Reply:
    tls = url.startswith("https:")
    # A connection of its own: between two analyses an idle one would be closed by whatever balances the service.
    with httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context() if tls else None,
        max_connections=1, network_backend=_Backend(clock, tls=tls),
    ) as pool, pool.stream(method, url, headers=list(headers.items()), content=body) as answer:  # fmt: skip
        parts, size = [], 0
        for part in answer.iter_stream():
            parts.append(part)
            size += len(part)
            if size > _MAX_ANSWER:
                raise httpcore.ReadError("the answer is too long")
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return Reply(answer.status, told, b"".join(parts))


def _alive() -> list[tuple[int, int, int]]:
    """Keep-alives each minute: a NAT gateway forgets a silent connection after 350 s, and nobody would be told."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__

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
from collections.abc import Callable, Mapping

import httpcore

from academyctl.errors import Both, StoreError
from academyctl.stores._http_wire import Backend, Clock, Reply, whole, why

_CONNECT_S = 5.0
_SLICE_S = 0.25
"""How long a stop may go unnoticed while the service is silent."""
_MAX_ANSWER = 16 << 20
_USUAL_S = 10.0
_REMEDY = Both(
    "check FASTAPI_ENDPOINT (http://HOST:PORT), and whether the service runs and may be reached from here",
    "FASTAPI_ENDPOINT(http://호스트:포트)와 분석 서비스의 실행 여부, 이 컴퓨터에서의 접속 가능 여부를 확인하세요",
)


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
            raise ServiceAway(what, why=why(error), begun=clock.begun, cause="settings") from error
        except httpcore.TimeoutException as error:
            missing = f"no {'answer' if clock.begun else 'connection'} within {seconds:g} s"
            raise ServiceAway(what, why=missing, begun=clock.begun) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise ServiceAway(what, why=why(error), begun=clock.begun) from error


class _Clock(Clock):
    slice_s = _SLICE_S

    def __init__(self, until: float, check: Callable[[], None]) -> None:
        self.until, self._check = until, check

    def check(self) -> None:
        self._check()


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes | None, clock: _Clock) -> Reply:
    tls = url.startswith("https:")
    # A connection of its own: between two analyses an idle one would be closed by whatever balances the service.
    with httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context() if tls else None,
        max_connections=1,
        network_backend=Backend(clock, tls=tls, connect_s=_CONNECT_S, options=_alive()),
    ) as pool, pool.stream(method, url, headers=list(headers.items()), content=body) as answer:  # fmt: skip
        return whole(answer, most=_MAX_ANSWER)


def _alive() -> list[tuple[int, int, int]]:
    """Keep-alives each minute: a NAT gateway forgets a silent connection after 350 s, and nobody would be told."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options

"""One request to Solapi with one deadline for all of it, which knows whether a byte of it has left.

httpcore itself and not httpx over it: httpx limits each read and write, so that an answer in drips has no end; here the
connection's own reads and writes keep to the deadline, and note the first byte that is written. Before that byte
nothing can have been sent, whatever went wrong; after it, anything may have been.
"""

from __future__ import annotations

import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

_CONNECT_S = 5.0
_RETRIES = 1
_IDLE_S = 15.0
"""Less than the balancers before Solapi wait: a connection that they close under our request costs certainty."""
_CHUNK = 64 << 10
_MAX_ANSWER = 32 << 20


@dataclass(frozen=True)
class Reply:
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NoReply(Exception):
    """`begun`: whether a byte of the request was written. `cause`: unreachable, or settings."""

    def __init__(self, why: str, *, begun: bool, cause: str = "unreachable") -> None:
        super().__init__(why)
        self.why = why
        self.begun = begun
        self.cause = cause


class _Clock(threading.local):
    """Of the request that this thread makes: when it must be over, and whether it was begun."""

    until = 0.0
    begun = False

    def left(self, wanted: float | None, error: type[Exception]) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("the time for the request is over")
        return left if wanted is None else min(left, wanted)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock, *, carries: bool) -> None:
        self._inner, self._clock, self._carries = inner, clock, carries

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _CHUNK):
            left = self._clock.left(timeout, httpcore.WriteTimeout)
            # What goes to a proxy before the TLS of the tunnel is no part of the request.
            self._clock.begun = self._clock.begun or self._carries
            self._inner.write(buffer[start : start + _CHUNK], left)

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
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        made = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(made, self._clock, carries=not self._tls)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(self._clock.left(seconds, httpcore.ConnectTimeout))


class Http:
    """Kept-alive connections to one place, for any number of threads. No redirects; proxies as urllib finds them."""

    def __init__(self, base_url: str, *, timeout_s: float, connections: int = 8) -> None:
        self._base = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._connections = connections
        self._clock = _Clock()
        self._pool: httpcore.ConnectionPool | None = None
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """One request within `timeout_s`, connecting included. Raises NoReply and nothing else."""
        self._clock.until, self._clock.begun = time.monotonic() + self._timeout_s, False
        try:
            return self._ask(method, path, headers, body)
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, ValueError, TypeError) as error:
            # A URL without scheme or host, or a key with a line end or a Korean letter in it.
            raise NoReply(_told(error), begun=self._clock.begun, cause="settings") from error
        except httpcore.TimeoutException as error:
            missing = "answer" if self._clock.begun else "connection"
            raise NoReply(f"no {missing} within {self._timeout_s:g} s", begun=self._clock.begun) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError,
                OSError) as error:  # fmt: skip
            raise NoReply(_told(error), begun=self._clock.begun) from error

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        waits = {"connect": min(_CONNECT_S, self._timeout_s), "pool": self._timeout_s}
        parts, size = [], 0
        with self._open().stream(
            method, self._base + path, headers=list(headers.items()), content=body, extensions={"timeout": waits}
        ) as answer:
            for part in answer.iter_stream():
                parts.append(part)
                size += len(part)
                if size > _MAX_ANSWER:
                    raise httpcore.ReadError("the answer is too long")
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return Reply(answer.status, told, b"".join(parts))

    def _open(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._pool is None:
                url = urllib.parse.urlsplit(self._base)
                if url.scheme not in ("http", "https") or not url.hostname:
                    raise ValueError("no http or https URL")
                tls = url.scheme == "https"
                self._pool = httpcore.ConnectionPool(
                    # Not certifi's list, httpcore's default: what a diagnosis reaches must be what the worker reaches.
                    ssl_context=ssl.create_default_context() if tls else None,
                    proxy=_proxy(url.scheme, url.hostname),
                    max_connections=self._connections,
                    keepalive_expiry=_IDLE_S,
                    retries=_RETRIES,
                    network_backend=_Backend(self._clock, tls=tls),
                )
            return self._pool


def _proxy(scheme: str, host: str) -> httpcore.Proxy | None:
    found = urllib.request.getproxies().get(scheme)
    if not found or urllib.request.proxy_bypass(host):
        return None
    url = urllib.parse.urlsplit(found if "://" in found else f"http://{found}")
    auth = (urllib.parse.unquote(url.username), urllib.parse.unquote(url.password or "")) if url.username else None
    port = f":{url.port}" if url.port else ""
    return httpcore.Proxy(f"{url.scheme}://{url.hostname}{port}", auth=auth)


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__

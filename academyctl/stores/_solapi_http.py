"""Requests to Solapi over kept-alive connections, each with one deadline for all of it (`_http_wire`)."""

from __future__ import annotations

import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping

import httpcore

from academyctl.stores._http_wire import Backend, Clock, Reply, whole, why

_CONNECT_S = 5.0
_RETRIES = 1
_IDLE_S = 15.0
"""Less than the balancers before Solapi wait: a connection that they close under our request costs certainty."""
_MAX_ANSWER = 32 << 20


class NoReply(Exception):
    """`begun`: whether a byte of the request was written. `cause`: unreachable, or settings."""

    def __init__(self, why: str, *, begun: bool, cause: str = "unreachable") -> None:
        super().__init__(why)
        self.why = why
        self.begun = begun
        self.cause = cause


class _Clock(threading.local, Clock):
    """Of the request that this thread makes."""


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
            raise NoReply(why(error), begun=self._clock.begun, cause="settings") from error
        except httpcore.TimeoutException as error:
            missing = "answer" if self._clock.begun else "connection"
            raise NoReply(f"no {missing} within {self._timeout_s:g} s", begun=self._clock.begun) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError,
                OSError) as error:  # fmt: skip
            raise NoReply(why(error), begun=self._clock.begun) from error

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        waits = {"connect": min(_CONNECT_S, self._timeout_s), "pool": self._timeout_s}
        with self._open().stream(
            method, self._base + path, headers=list(headers.items()), content=body, extensions={"timeout": waits}
        ) as answer:
            return whole(answer, most=_MAX_ANSWER)

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
                    network_backend=Backend(self._clock, tls=tls),
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

"""httpcore under one deadline for a whole request, which knows whether a byte of the request has left.

httpcore and not httpx over it: httpx limits each read and write, so that an answer in drips has no end. Here the
connection's own reads and writes keep to the deadline, and note the first byte that is written. Before that byte
nothing can have been sent, whatever went wrong; after it, anything may have been.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

CHUNK = 64 << 10


@dataclass(frozen=True)
class Reply:
    """What was answered; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Clock:
    """Of one request: when it must be over, and whether it was begun. `slice_s`: how long a read may go unchecked."""

    until = 0.0
    begun = False
    slice_s: float | None = None

    def check(self) -> None:
        """Called before every read and write; may raise."""

    def left(self, wanted: float | None, error: type[Exception]) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("the time for the request is over")
        return left if wanted is None else min(left, wanted)


class Stream(httpcore.NetworkStream):
    """A connection that keeps to the clock. `carries`: what is written here is the request, not a proxy's tunnel."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock, *, carries: bool) -> None:
        self._inner, self._clock, self._carries = inner, clock, carries

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            self._clock.check()
            left, most = self._clock.left(timeout, httpcore.ReadTimeout), self._clock.slice_s
            try:
                return self._inner.read(max_bytes, left if most is None else min(most, left))
            except httpcore.ReadTimeout:
                if most is None or most >= left:
                    raise
                # Nothing was read, nothing is lost: only a slice of the wait is over.

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), CHUNK):
            self._clock.check()
            left = self._clock.left(timeout, httpcore.WriteTimeout)
            self._clock.begun = self._clock.begun or self._carries
            self._inner.write(buffer[start : start + CHUNK], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock, carries=True)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Connects within the clock's time and at most `connect_s`; `options` are socket options of each connection."""

    def __init__(self, clock: Clock, *, tls: bool, connect_s: float | None = None, options: Iterable[Any] = ()) -> None:
        self._inner, self._clock, self._tls = httpcore.SyncBackend(), clock, tls
        self._connect_s, self._options = connect_s, list(options)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        left = left if self._connect_s is None else min(self._connect_s, left)
        made = self._inner.connect_tcp(host, port, left, local_address, [*(socket_options or ()), *self._options])
        return Stream(made, self._clock, carries=not self._tls)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(self._clock.left(seconds, httpcore.ConnectTimeout))


def whole(answer: httpcore.Response, *, most: int) -> Reply:
    """The answer read to its end. Raises httpcore.ReadError when it is longer than `most` bytes."""
    parts, size = [], 0
    for part in answer.iter_stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise httpcore.ReadError("the answer is too long")
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    return Reply(answer.status, told, b"".join(parts))


def why(error: Exception) -> str:
    return str(error) or type(error).__name__

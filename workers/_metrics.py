"""What a worker counts, served to Prometheus when --metrics-port asks for it and thrown away otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from academyctl.errors import Both, ConfigError

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

BUCKETS_S = (0.01, 0.1, 1, 5, 15, 60, 180, 600, 1800, 3600, 10800, 43200)


class Metrics(Protocol):
    """Every method is cheap and may be called from any thread."""

    def received(self, count: int) -> None: ...
    def returned(self) -> None:
        """A receive call has come back, with or without messages."""

    def settled(self, outcome: str, seconds: float | None = None) -> None: ...
    def queue_call(self, action: str) -> None: ...
    def error(self, code: str) -> None: ...
    def lock_bypassed(self) -> None: ...
    def beat(self) -> None: ...
    def close(self) -> None: ...


class Uncounted:
    """No metrics: what a worker without --metrics-port pays for them."""

    def received(self, count: int) -> None: ...
    def returned(self) -> None: ...
    def settled(self, outcome: str, seconds: float | None = None) -> None: ...
    def queue_call(self, action: str) -> None: ...
    def error(self, code: str) -> None: ...
    def lock_bypassed(self) -> None: ...
    def beat(self) -> None: ...
    def close(self) -> None: ...


class Prometheus:
    """The same, as `academyctl_worker_*` on http://ADDRESS:PORT/metrics. Raises ConfigError when the port is taken."""

    def __init__(self, kind: str, *, port: int, address: str, in_flight: Callable[[], int]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

        # A registry of our own: two workers in one process (tests) must not count into each other.
        registry = CollectorRegistry()

        def named(kind_of: Any, name: str, text: str, labels: tuple[str, ...] = (), **more: Any) -> Any:
            made = kind_of(f"academyctl_worker_{name}", text, ("worker", *labels), registry=registry, **more)
            return made if labels else made.labels(kind)

        self._kind = kind
        self._received = named(Counter, "received", "Messages received")
        self._settled = named(Counter, "settled", "Messages settled, by outcome", ("outcome",))
        self._seconds = named(Histogram, "job_seconds", "Time from start to settle", buckets=BUCKETS_S)
        self._calls = named(Counter, "queue_calls", "Calls to SQS, by action", ("action",))
        self._errors = named(Counter, "errors", "Failed calls to AWS, by error code", ("code",))
        self._bypassed = named(Counter, "lock_bypassed", "Jobs that ran without a Redis lock, for Redis was away")
        self._beats = named(Counter, "keeper_beats", "Rounds of the keeper")
        self._last = named(Gauge, "last_receive_timestamp_seconds", "When a receive call last came back")
        named(Gauge, "in_flight", "Messages in this process").set_function(in_flight)
        try:
            self._server: WSGIServer
            self._server, self._thread = start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            raise ConfigError(
                f"cannot serve metrics on {address}:{port}",
                why=str(error),
                remedy=Both(
                    "choose another --metrics-port, or end the process that holds it",
                    "--metrics-port를 바꾸거나 그 포트를 쓰는 프로세스를 끝내세요",
                ),
            ) from error

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self._server.server_port)

    def received(self, count: int) -> None:
        self._received.inc(count)

    def returned(self) -> None:
        self._last.set_to_current_time()

    def settled(self, outcome: str, seconds: float | None = None) -> None:
        self._settled.labels(self._kind, outcome).inc()
        if seconds is not None:
            self._seconds.observe(seconds)

    def queue_call(self, action: str) -> None:
        self._calls.labels(self._kind, action).inc()

    def error(self, code: str) -> None:
        self._errors.labels(self._kind, code).inc()

    def lock_bypassed(self) -> None:
        self._bypassed.inc()

    def beat(self) -> None:
        self._beats.inc()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=1)

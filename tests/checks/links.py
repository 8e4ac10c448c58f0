"""TCP links between a diagnosis and its servers: one that is far away, and one that counts the waits for an answer."""

from __future__ import annotations

import queue
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

Address = tuple[str, int]


class Link(ABC):
    """Forwards a port of its own to another; `passed` gets every piece, by direction, and sends it on."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        _spawn(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    @abstractmethod
    def passing(self, source: socket.socket, sink: socket.socket, *, answer: bool) -> Callable[[bytes], None]:
        """Takes the pieces of one direction of one connection; b'' is its end."""

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, sink, answer in ((client, server, False), (server, client, True)):
                    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    _spawn(_pump, source, self.passing(source, sink, answer=answer))


class Far(Link):
    """Each way takes half of `rtt_s` seconds."""

    def __init__(self, target: Address, rtt_s: float) -> None:
        self._half_s = rtt_s / 2
        super().__init__(target)

    def passing(self, source: socket.socket, sink: socket.socket, *, answer: bool) -> Callable[[bytes], None]:
        del source, answer
        waiting: queue.Queue[tuple[float, bytes]] = queue.Queue()

        def deliver() -> None:
            data = b"x"
            while data:
                due, data = waiting.get()
                threading.Event().wait(max(0.0, due - time.monotonic()))
                _send(sink, data)

        _spawn(deliver)
        return lambda data: waiting.put((time.monotonic() + self._half_s, data))


class Waves(Link):
    """Holds answers back until everybody has one and nobody has asked for `quiet_s`: `count` is how often that was.

    So what is asked at once is one wave, however slowly a busy machine starts its threads.
    """

    def __init__(self, target: Address, quiet_s: float) -> None:
        self.count = 0
        self._quiet_s = quiet_s
        self._lock = threading.Lock()
        self._held: list[tuple[socket.socket, bytes]] = []
        self._waiting: set[socket.socket] = set()
        self._asked_at, self._asked = 0.0, False
        self._closed = threading.Event()
        super().__init__(target)
        _spawn(self._release)

    def close(self) -> None:
        self._closed.set()
        super().close()

    def passing(self, source: socket.socket, sink: socket.socket, *, answer: bool) -> Callable[[bytes], None]:
        def passed(data: bytes) -> None:
            with self._lock:
                if answer:
                    self._waiting.discard(source)
                    self._held.append((sink, data))
                    return
                if data:
                    self._waiting.add(sink)
                    self._asked_at, self._asked = time.monotonic(), True
                else:
                    self._waiting.discard(sink)
            _send(sink, data)

        return passed

    def _release(self) -> None:
        while not self._closed.wait(0.01):
            with self._lock:
                if not self._held or self._waiting or time.monotonic() - self._asked_at < self._quiet_s:
                    continue
                held, self._held = self._held, []
                self.count += self._asked
                self._asked = False
            for sink, data in held:
                _send(sink, data)


@contextmanager
def linked(env: Mapping[str, str], link: Callable[[Address], Link]) -> Iterator[tuple[dict[str, str], dict[str, Link]]]:
    """The environment with a link before AWS, R2, Redis and PostgreSQL each, and the links by their variable."""
    with ExitStack() as held:

        def made(host: str, port: int) -> Link:
            one = link((host, port))
            held.callback(one.close)
            return one

        urls = {name: urlsplit(env[name]) for name in ("AWS_ENDPOINT_URL", "R2_ENDPOINT")}
        links = {name: made(url.hostname or "", url.port or 80) for name, url in urls.items()}
        links |= {f"{name}_PORT": made(env[f"{name}_HOST"], int(env[f"{name}_PORT"])) for name in ("REDIS", "DB")}
        changes = {
            name: f"http://127.0.0.1:{one.port}" if name in urls else str(one.port) for name, one in links.items()
        }
        yield {**env, **changes}, links


def _pump(source: socket.socket, passed: Callable[[bytes], None]) -> None:
    data = b"x"
    while data:
        try:
            data = source.recv(1 << 16)
        except OSError:
            data = b""
        passed(data)


def _send(sink: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        if data:
            sink.sendall(data)
        else:
            sink.shutdown(socket.SHUT_WR)


def _spawn(run: Callable[..., None], *args: object) -> None:
    threading.Thread(target=run, args=args, daemon=True).start()

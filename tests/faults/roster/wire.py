"""A wire between a worker and a server that can hold the worker at one point of its work for as long as needed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Hold = Literal["question", "answer"]


@dataclass
class Wire:
    """`port` leads to the server. The first connection on which `words` were sent, in this order, is held there.

    `question`: the last words never arrive until `release`. `answer`: they do, and what the server says to them does
    not come back. Every other connection passes.
    """

    words: Sequence[bytes]
    hold: Hold
    port: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    cut: bool = False
    """Whether the wire is gone: what was held then never arrives."""
    _taken: threading.Lock = field(default_factory=threading.Lock)

    def release(self) -> None:
        self.released.set()

    def sever(self) -> None:
        """Cut what is held: its last words, or the answer to them, are lost. All other connections stay."""
        self.cut = True
        self.release()

    def claim(self) -> bool:
        """Whether this connection is the one to be held."""
        return self._taken.acquire(blocking=False)


@contextmanager
def wire(host: str, port: int, *words: bytes, hold: Hold = "question") -> Iterator[Wire]:
    """A wire to host:port, until the block ends; whoever is held then goes on, or finds the connection closed."""
    made = Wire(words, hold)
    listener = socket.create_server(("127.0.0.1", 0))
    made.port = listener.getsockname()[1]
    sockets: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, port))
                sockets.extend((near, far))
                answers = threading.Event()
                answers.set()
                threading.Thread(target=_up, args=(made, near, far, answers), daemon=True).start()
                threading.Thread(target=_down, args=(far, near, answers), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield made
    finally:
        made.sever()
        # A listener that somebody accepts on is only closed by closing it down.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in sockets:
            # A close alone leaves the connection open for a thread that reads from it.
            _hang_up(one)
            one.close()


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _up(made: Wire, near: socket.socket, far: socket.socket, answers: threading.Event) -> None:
    waited = list(made.words)
    tail = b""
    with suppress(OSError):
        while data := near.recv(65536):
            tail = (tail + data)[-70_000:]
            while waited and waited[0] in tail:
                tail = tail.partition(waited.pop(0))[2]
                if not waited and made.claim():
                    if made.hold == "answer":
                        answers.clear()
                        far.sendall(data)
                        data = b""
                    made.held.set()
                    made.released.wait()
                    if made.cut:
                        _hang_up(near, far)
                    answers.set()
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)


def _down(far: socket.socket, near: socket.socket, answers: threading.Event) -> None:
    with suppress(OSError):
        while data := far.recv(65536):
            answers.wait()
            near.sendall(data)
    # Also after a reset: what the server's end is for one side must be it for the other.
    _hang_up(near)

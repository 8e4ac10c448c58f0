"""A server that does with a connection what no HTTP server does: cuts it, says half, drips, or never answers."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]
HTML = b"<html>Request Entity Too Large</html>"


def answer(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_all(peer: socket.socket) -> None:
    """Take the whole request."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(65536)
    head, _, body = head.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lines[0].split(b":")[1]) if lines else 0
    while len(body) < length:
        body += peer.recv(65536)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(data: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        read_all(peer)
        peer.sendall(data)

    return talk


def cut_before_reading(peer: socket.socket) -> None:
    peer.recv(1)
    reset(peer)


def cut_after_reading(peer: socket.socket) -> None:
    read_all(peer)
    reset(peer)


def close_after_reading(peer: socket.socket) -> None:
    read_all(peer)


def silence(peer: socket.socket) -> None:
    read_all(peer)
    peer.recv(1)


def drip(data: bytes) -> Talk:
    """A byte now and then, so that no single wait is long."""

    def talk(peer: socket.socket) -> None:
        read_all(peer)
        ended = threading.Event()
        for at in range(len(data)):
            peer.sendall(data[at : at + 1])
            ended.wait(0.05)

    return talk


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """A TCP server that does this with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, suppress(OSError):
                        talk(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)

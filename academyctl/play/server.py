"""The server behind `video play`: the page, and one video's folder of R2 with ranges; 127.0.0.1 only."""

from __future__ import annotations

import json
import posixpath
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

from academyctl.errors import StoreError
from academyctl.stores.r2 import R2, Head

HOST = "127.0.0.1"
STATE_LIMIT = 64 * 1024
_PAGE: Mapping[str, str] = {
    "index.html": "text/html; charset=utf-8",
    "player.js": "text/javascript; charset=utf-8",
    "player.css": "text/css; charset=utf-8",
    "hls.min.js": "text/javascript; charset=utf-8",
}
# hls.js plays through blob: URLs and parses in a blob: worker; everything else comes from here.
_POLICY = "default-src 'self'; media-src 'self' blob:; worker-src blob:; img-src 'self' data:; object-src 'none'"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Published:
    """What to play: a folder of a bucket, and what the page says about it."""

    bucket: str
    folder: str
    title: str
    facts: str = ""


@dataclass
class Player:
    """The state that the page reported last (see player.js); `changed` and `on_report` are told of each report."""

    state: dict[str, Any] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    on_report: Callable[[dict[str, Any]], None] = lambda _state: None

    def report(self, state: dict[str, Any]) -> None:
        with self.changed:
            self.state = state
            self.changed.notify_all()
        self.on_report(state)

    def wait_for(self, reached: Callable[[dict[str, Any]], bool], timeout_s: float) -> bool:
        """Wait until a reported state satisfies `reached`; False when the time is over."""
        with self.changed:
            return self.changed.wait_for(lambda: bool(self.state) and reached(self.state), timeout_s)


class PlayServer:
    """Serves one video until `stop`. `player` is what the page does."""

    def __init__(self, r2: R2, published: Published, *, port: int = 0) -> None:
        self.player = Player()
        handler = partial(_Handler, r2, published, self.player)
        self._http = ThreadingHTTPServer((HOST, port), handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._http.server_address[1]}/"

    def serve(self) -> None:
        """Answer until `stop` or ^C."""
        self._http.serve_forever(poll_interval=0.1)

    def start(self) -> None:
        """Answer in a thread."""
        threading.Thread(target=self.serve, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def close(self) -> None:
        """Free the port; for a server whose `serve` has returned."""
        self._http.server_close()


def object_key(folder: str, path: str) -> str | None:
    """The key that a request path names inside the folder; None when it would leave it."""
    name = unquote(path)
    if "\\" in name or "\x00" in name or name.startswith("/") or posixpath.normpath(name) != name or name == ".":
        return None
    return None if name.split("/")[0] == ".." else folder + name


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(first, last) of a Range header. None = send everything. Raises ValueError when it cannot be satisfied.

    RFC 9110 §14.2: a header that is malformed or names several ranges may be ignored.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
        if int(match[2]) == 0:
            raise ValueError(header)
    else:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first >= size:
        raise ValueError(header)
    return first, last


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(self, r2: R2, published: Published, player: Player, *args: Any) -> None:
        self._r2, self._published, self._player = r2, published, player
        super().__init__(*args)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        """The page's report of what it does."""
        length = self.headers.get("Content-Length", "")
        if urlsplit(self.path).path != "/state" or not self._ours() or not length.isdigit():
            self._refuse(HTTPStatus.NOT_FOUND)
        elif int(length) > STATE_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            try:
                state = json.loads(self.rfile.read(int(length)))
            except ValueError:
                state = None
            if not isinstance(state, dict):
                self._refuse(HTTPStatus.BAD_REQUEST)
                return
            self._player.report(state)
            self._send(HTTPStatus.NO_CONTENT, {}, iter(()))

    def log_message(self, *_args: Any) -> None:
        """Nothing: the terminal shows the player's errors, not every segment."""

    def _answer(self, *, body: bool) -> None:
        path = urlsplit(self.path).path
        name = path.removeprefix("/") or "index.html"
        if not self._ours():
            self._refuse(HTTPStatus.FORBIDDEN)
        elif name in _PAGE:
            data = resources.files("academyctl.play").joinpath("static", name).read_bytes()
            self._text(data, _PAGE[name], body=body)
        elif name == "info.json":
            info = {"title": self._published.title, "facts": self._published.facts}
            self._text(json.dumps(info).encode(), "application/json", body=body)
        elif path.startswith("/v/"):
            self._object(path.removeprefix("/v/"), body=body)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _ours(self) -> bool:
        # A page of another site whose name was pointed at 127.0.0.1 must not read a tenant's video.
        return self.headers.get("Host", "").rsplit(":", 1)[0] in (HOST, "localhost")

    def _object(self, path: str, *, body: bool) -> None:
        key = object_key(self._published.folder, path)
        try:
            head = self._r2.head(self._published.bucket, key) if key else None
            if head is None:
                self._refuse(HTTPStatus.NOT_FOUND)
                return
            self._send_object(head, body=body)
        except StoreError as error:
            self._refuse(HTTPStatus.BAD_GATEWAY, str(error))

    def _send_object(self, head: Head, *, body: bool) -> None:
        # Never cached: the next video is served under the same names.
        headers = {"Content-Type": head.content_type, "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
        try:
            part = byte_range(self.headers.get("Range", ""), head.size)
        except ValueError:
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{head.size}"}, iter(()))
            return
        first, last = part or (0, head.size - 1)
        length = last - first + 1
        headers["Content-Length"] = str(length)
        if part:
            headers["Content-Range"] = f"bytes {first}-{last}/{head.size}"
        status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
        self._send(status, headers, self._bytes(head, first, length) if body and length else iter(()))

    def _bytes(self, head: Head, first: int, length: int) -> Iterator[bytes]:
        for chunk in self._r2.stream(self._published.bucket, head.key, start=first, etag=head.etag):
            yield chunk[:length]
            length -= len(chunk)
            if length <= 0:
                return

    def _text(self, data: bytes, kind: str, *, body: bool) -> None:
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), "Cache-Control": "no-store"}
        self._send(HTTPStatus.OK, headers, iter((data,) if body else ()))

    def _refuse(self, status: HTTPStatus, why: str = "") -> None:
        data = f"{status.value} {why or status.phrase}\n".encode()
        self.close_connection = True  # an unread request body must not be taken for the next request
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(data))}
        self._send(status, headers, iter((data,) if self.command != "HEAD" else ()))

    def _send(self, status: HTTPStatus, headers: Mapping[str, str], chunks: Iterator[bytes]) -> None:
        # The first bytes are fetched before the status line: a failing store must be able to say 502.
        first = next(chunks, b"")
        try:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                if not (status == HTTPStatus.NO_CONTENT and name == "Content-Length"):
                    self.send_header(name, value)
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(first)
            for chunk in chunks:
                self.wfile.write(chunk)
        except (StoreError, OSError):
            # Half sent, or the browser went away (it does at every seek): only cutting the connection is honest.
            self.close_connection = True

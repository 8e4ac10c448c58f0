"""The fake Solapi's HTTP: Solapi's paths, signed, and `/_fake` for who makes it fail."""

from __future__ import annotations

import hmac
import json
import select
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from academyctl.local.solapi_account import Account, Refusal
from academyctl.local.solapi_answers import money
from academyctl.local.solapi_rules import Template
from academyctl.local.solapi_script import SEND, STATUS_OF, Step, parse_step

MAX_BODY = 64 << 20
SILENCE_S = 120.0
"""A connection without an answer is held so long, unless the client closes it."""
_LISTS = ("/messages/v4/list", "/messages/v4/list-old")
_GROUPS = "/messages/v4/groups"
_PAGE = b"<html><body>Bad Gateway</body></html>"


class _Silence(Exception):
    """No answer: the connection is closed, `hold` first held open."""

    def __init__(self, *, hold: bool) -> None:
        super().__init__()
        self.hold = hold


class _Page(Exception):
    """An answer that is not Solapi's."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def serve(port: int, account: Account, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server on this machine alone unless `host` says otherwise; the caller runs it."""
    return _Server((host, port), type("Handler", (_Handler,), {"account": account}))


class _Handler(BaseHTTPRequestHandler):
    account: Account
    protocol_version = "HTTP/1.1"
    # Head and body in one write: as two, the second waits for the client's delayed ACK of the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(b"")

    def do_DELETE(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            # What was not read would be taken for the next request.
            self.close_connection = True
            self._answer(413, {"errorCode": "TooLarge", "errorMessage": "the body is too large"})
            return
        self._serve(self.rfile.read(length))

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self.account.clock().timestamp() if timestamp is None else timestamp)

    def log_message(self, *_: object) -> None:
        # Bodies carry phone numbers: nothing of a request is logged.
        return

    def _serve(self, raw: bytes) -> None:
        path = urlsplit(self.path).path
        step = None if path.startswith("/_fake/") else self.account.take_step(path, raw)
        retry_after = step.retry_after if step else 0
        try:
            authorization = self.headers.get("Authorization", "")
            self._answer(200, _route(self.account, self.command, self.path, authorization, raw, step))
        except Refusal as refusal:
            self._answer(refusal.status, {"errorCode": refusal.code, "errorMessage": refusal.message}, retry_after)
        except _Page as page:
            self._answer(page.status, None, retry_after)
        except _Silence as silence:
            self._count("silence" if silence.hold else "cut")
            self.close_connection = True
            if silence.hold:
                # Readable: the client closed it, for it sends nothing more before it has its answer.
                select.select([self.connection], [], [], SILENCE_S)

    def _answer(self, status: int, body: object, retry_after: int = 0) -> None:
        data = _PAGE if body is None else json.dumps(body, ensure_ascii=False).encode()
        self._count(str(status))
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if body is None else "application/json")
        self.send_header("Content-Length", str(len(data)))
        if retry_after:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)

    def _count(self, how: str) -> None:
        with self.account.lock:
            self.account.requests[(f"{self.command} {urlsplit(self.path).path}", how)] += 1


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that is gone is what the tests are about; its traceback would hide what matters.
        del request, client_address


def _route(account: Account, method: str, target: str, authorization: str, raw: bytes, step: Step | None) -> object:
    url = urlsplit(target)
    path, query = url.path, dict(parse_qsl(url.query))
    if (method, path) == ("GET", "/health"):
        return {"ok": True}
    if path.startswith("/_fake/"):
        return _control(account, method, path, authorization, raw)
    account.authenticate(authorization)
    if step is not None:
        _fail_before(step)
    answer = _answered(account, method, path, query, raw, step)
    if step is not None and step.do == "status-after-accepting":
        raise _Page(step.status)
    if step is not None and step.do in ("timeout-after-accepting", "cut-after-accepting"):
        raise _Silence(hold=step.do == "timeout-after-accepting")
    return answer


def _fail_before(step: Step) -> None:
    if step.do == "status" and step.html:
        raise _Page(step.status)
    if step.do == "status":
        raise Refusal(step.status, step.code or "InternalError", "by script")
    if step.do == "refuse":
        raise Refusal(STATUS_OF.get(step.code, 400), step.code, "by script")
    if step.do in ("timeout-before", "cut-before"):
        raise _Silence(hold=step.do == "timeout-before")
    if step.do == "slow":
        time.sleep(step.seconds)


def _answered(
    account: Account, method: str, path: str, query: Mapping[str, str], raw: bytes, step: Step | None
) -> object:
    if (method, path) == ("POST", SEND):
        return account.accept(_object(raw), step)
    if method != "GET":
        raise Refusal(404, "NotFound", "no such path")
    if path == "/senderid/v1/numbers/active":
        return list(account.senders)
    if path == "/cash/v1/balance":
        return money(account.api_key, account.balance, account.point)
    if path in _LISTS:
        return account.listed(query)
    if path == _GROUPS:
        return {"startKey": None, "limit": 100, "nextKey": None, "groupList": account.groups()}
    if path.startswith(f"{_GROUPS}/") and path.endswith("/messages"):
        return account.listed({**query, "groupId": path.split("/")[-2]})
    if path.startswith(f"{_GROUPS}/"):
        return account.group(path.rpartition("/")[2])
    raise Refusal(404, "NotFound", "no such path")


def _control(account: Account, method: str, path: str, authorization: str, raw: bytes) -> object:
    """`Authorization: Bearer <the account's secret>`.

    GET /_fake/script, POST it ({"steps": [...]}, appended), DELETE it; POST /_fake/account (balance, point, senders,
    templates, blocked, prices); GET /_fake/log.
    """
    if not hmac.compare_digest(authorization.encode(), f"Bearer {account.secret}".encode()):
        raise Refusal(401, "Unauthorized", "the account's secret is wanted: Authorization: Bearer ...")
    if path == "/_fake/script" and method == "POST":
        body = _object(raw)
        try:
            account.script(*[parse_step(step) for step in body.get("steps", [])])
        except (ValueError, TypeError, AttributeError) as error:
            raise Refusal(400, "ValidationError", str(error)) from None
    elif path == "/_fake/script" and method == "DELETE":
        with account.lock:
            account.steps.clear()
    elif path == "/_fake/account" and method == "POST":
        _change(account, _object(raw))
    elif path not in ("/_fake/script", "/_fake/log", "/_fake/account"):
        raise Refusal(404, "NotFound", "no such path")
    return state(account)


def state(account: Account) -> dict[str, Any]:
    """What is scripted, the money, and how often each path was asked and how it was answered."""
    with account.lock:
        requests: dict[str, dict[str, int]] = {}
        for (what, how), times in sorted(account.requests.items()):
            if "/_fake/" not in what and "/health" not in what:
                requests.setdefault(what, {})[how] = times
        account.box.refresh()
        return {
            "steps": account.steps.as_json(), "balance": account.balance, "point": account.point,
            "requests": requests, "messages": len(account.box),
        }  # fmt: skip


def _change(account: Account, body: Mapping[str, Any]) -> None:
    with account.lock:
        for name in ("balance", "point"):
            if isinstance(body.get(name), int) and not isinstance(body[name], bool):
                setattr(account, name, body[name])
        if isinstance(body.get("senders"), list):
            account.senders = tuple(map(str, body["senders"]))
        if isinstance(body.get("templates"), dict):
            account.templates = {name: Template(**one) for name, one in body["templates"].items()}
        for name in ("blocked", "prices"):
            if isinstance(body.get(name), dict):
                setattr(account, name, dict(body[name]))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refusal(400, "ValidationError", "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "ValidationError", "the body is not an object")
    return body

"""A Solapi of the stack's own: real HTTP, verifies the signature, keeps what it accepted (contract 6)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

WINDOW = timedelta(minutes=15)
MAX_BODY = 8 << 20
_HEADER = re.compile(
    r"^HMAC-SHA256\s+apiKey=([^,\s]+),\s*date=([^,\s]+),\s*salt=([^,\s]+),\s*signature=([0-9a-f]{64})$", re.IGNORECASE
)


@dataclass
class Refusal(Exception):
    """An answer as Solapi gives it."""

    status: int
    code: str
    message: str


@dataclass
class Account:
    """One API key, the signatures it used, its registered senders, its money in won and the accepted messages."""

    api_key: str
    secret: str
    inbox: Path
    senders: tuple[str, ...] = ()
    balance: int = 100_000
    point: int = 0
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    used: dict[str, datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def authenticate(self, header: str) -> None:
        """Date within 15 minutes, salt of 12 to 64 bytes, signature right and never seen before. Raises Refusal."""
        match = _HEADER.match(header or "")
        if not match:
            raise Refusal(401, "InvalidAuthorization", "the Authorization header has no HMAC-SHA256 signature")
        key, date, salt, signature = match.groups()
        if key != self.api_key:
            raise Refusal(403, "InvalidAPIKey", "unknown API key")
        now = self.clock()
        try:
            sent = datetime.fromisoformat(date)
        except ValueError:
            raise Refusal(400, "InvalidDate", "the date is not ISO-8601") from None
        if abs(now - (sent if sent.tzinfo else sent.replace(tzinfo=UTC))) > WINDOW:
            raise Refusal(403, "RequestTimeTooSkewed", "the date is more than 15 minutes off")
        if not 12 <= len(salt.encode()) <= 64:
            raise Refusal(400, "InvalidSalt", "the salt is not 12 to 64 bytes long")
        expected = hmac.new(self.secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature.lower()):
            raise Refusal(403, "SignatureDoesNotMatch", "the signature is wrong")
        with self.lock:
            self.used = {old: at for old, at in self.used.items() if now - at <= WINDOW}
            if signature in self.used:
                raise Refusal(403, "DuplicatedSignature", "the signature was used before")
            self.used[signature] = now

    def accept(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take the messages that fit the schema; the others are named in failedMessageList."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or len(messages) > 10_000:
            raise Refusal(400, "ValidationError", "messages must be a list of 1 to 10000")
        group, now = _id("G4V"), self.clock()
        good, bad = [], []
        for message in messages:
            problem = _problem(message)
            if problem:
                bad.append(_failed(message, problem, self.api_key))
            else:
                good.append(_kept(message, group, now))
        if not good:
            raise Refusal(400, "MessagesNotFound", bad[0]["statusMessage"])
        with self.lock, _private(self.inbox) as stream:
            stream.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in good)
        answer = {"groupInfo": _group(group, self.api_key, good, len(bad), now), "failedMessageList": bad}
        if body.get("showMessageList"):
            answer["messageList"] = [
                {"messageId": line["message_id"], "statusCode": "2000", "statusMessage": "정상 접수"} for line in good
            ]
        return answer


def read_inbox(path: Path) -> list[dict[str, Any]]:
    """The accepted messages, oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def serve(port: int, account: Account) -> ThreadingHTTPServer:
    """A server on 127.0.0.1; the caller runs it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > MAX_BODY:
                # What was not read would be taken for the next request.
                self.close_connection = True
                self._answer(413, {"errorCode": "TooLarge", "errorMessage": "the body is too large"})
                return
            self._serve(self.rfile.read(length))

        def log_message(self, *_: object) -> None:
            # Bodies carry phone numbers: nothing of a request is logged.
            return

        def _serve(self, raw: bytes) -> None:
            try:
                answer = _route(account, self.command, self.path, self.headers.get("Authorization", ""), raw)
                self._answer(200, answer)
            except Refusal as refusal:
                self._answer(refusal.status, {"errorCode": refusal.code, "errorMessage": refusal.message})

        def _answer(self, status: int, body: object) -> None:
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def _route(account: Account, method: str, path: str, authorization: str, raw: bytes) -> object:
    if (method, path) == ("GET", "/health"):
        return {"ok": True}
    account.authenticate(authorization)
    if (method, path) == ("GET", "/senderid/v1/numbers/active"):
        return list(account.senders)
    if (method, path) == ("GET", "/cash/v1/balance"):
        return _money(account)
    if (method, path) != ("POST", "/messages/v4/send-many/detail"):
        raise Refusal(404, "NotFound", "no such path")
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refusal(400, "ValidationError", "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "ValidationError", "the body is not an object")
    return account.accept(body)


def _money(account: Account) -> dict[str, Any]:
    """The answer's every field, as Solapi's reference shows it. Nothing here costs anything."""
    none: list[Any] = []
    alert = {"notificationBalance": "0", "currentBalance": None, "balances": none, "channels": none, "enabled": False}
    return {
        "lowBalanceAlert": alert, "point": account.point, "minimumCash": 0, "rechargeTo": 0, "rechargeTryCount": 0,
        "autoRecharge": 0, "accountId": account.api_key, "balance": account.balance,
    }  # fmt: skip


def kind(message: Mapping[str, Any]) -> str:
    """The type as given, else as Solapi detects it: ATA with a Kakao template, SMS up to 90 EUC-KR bytes, else LMS."""
    if message.get("type"):
        return str(message["type"])
    if message.get("kakaoOptions"):
        return "ATA"
    return "SMS" if len(str(message.get("text", "")).encode("euc-kr", "replace")) <= 90 else "LMS"


def _problem(message: object) -> str:
    if not isinstance(message, dict):
        return "a message must be an object"
    if not re.fullmatch(r"\d{8,15}", str(message.get("to", ""))):
        return "to must be 8 to 15 digits"
    if not re.fullmatch(r"\d{4,15}", str(message.get("from", ""))):
        return "from must be a number"
    if kind(message) in ("SMS", "LMS", "MMS"):
        return "" if message.get("text") else "text is empty"
    options = message.get("kakaoOptions")
    if not isinstance(options, dict) or not options.get("pfId") or not options.get("templateId"):
        return "kakaoOptions needs pfId and templateId"
    return ""


def _kept(message: Mapping[str, Any], group: str, now: datetime) -> dict[str, Any]:
    words = ("to", "from", "text", "subject", "kakaoOptions", "replacements", "customFields")
    return {
        **{word: message.get(word) for word in words},
        "type": kind(message),
        "message_id": _id("M4V"),
        "group_id": group,
        "accepted_at": now.isoformat(),
    }


def _failed(message: object, problem: str, account: str) -> dict[str, Any]:
    fields = message if isinstance(message, dict) else {}
    return {
        "to": str(fields.get("to", "")),
        "from": str(fields.get("from", "")),
        "type": kind(fields),
        "country": str(fields.get("country", "82")),
        "messageId": _id("M4V"),
        "accountId": account,
        "statusCode": "1030",
        "statusMessage": problem,
    }


def _group(group: str, account: str, good: list[dict[str, Any]], failed: int, now: datetime) -> dict[str, Any]:
    """`groupInfo` with every field that Solapi's own client libraries insist on."""
    stamp, nothing = now.isoformat(), {"requested": 0, "replacement": 0, "refund": 0, "sum": 0}
    charged: dict[str, dict[str, int]] = {word: {} for word in ("sms", "lms", "mms", "ata", "cta", "cti", "nsa")}
    for line in good:
        of_kind = charged.setdefault(line["type"].lower(), {})
        of_kind["82"] = of_kind.get("82", 0) + 1
    count = {
        "total": len(good) + failed,
        "registeredSuccess": len(good),
        "registeredFailed": failed,
        **dict.fromkeys(("sentTotal", "sentSuccess", "sentFailed", "sentPending", "sentReplacement", "refund"), 0),
    }
    dates = ("dateCreated", "dateUpdated", "scheduledDate", "dateSent", "dateCompleted")
    return {
        "groupId": group, "status": "SENDING", "count": count, "countForCharge": charged, "balance": nothing,
        "point": nothing, "app": {}, "log": [], "price": {}, "allowDuplicates": False, "isRefunded": False,
        "accountId": account, "masterAccountId": account, "apiVersion": "4", **dict.fromkeys(dates, stamp),
    }  # fmt: skip


def _id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:29].upper()


def _private(path: Path) -> IO[str]:
    """The inbox for appending: full phone numbers are in it, so only its owner may read it."""
    return open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8")  # noqa: PTH123


def main() -> None:
    """`python -m academyctl.local.solapi PORT INBOX`, the key pair in the environment."""
    inbox = Path(sys.argv[2])
    inbox.parent.mkdir(parents=True, exist_ok=True)
    senders = tuple(filter(None, os.environ.get("SOLAPI_SENDER", "").split(",")))
    account = Account(os.environ["SOLAPI_API_KEY"], os.environ["SOLAPI_API_SECRET"], inbox, senders)
    serve(int(sys.argv[1]), account).serve_forever()


if __name__ == "__main__":
    main()

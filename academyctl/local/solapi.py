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
from typing import Any

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
    """One API key, the salts it used and the file of accepted messages."""

    api_key: str
    secret: str
    inbox: Path
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
        group = "G4V" + uuid.uuid4().hex[:29].upper()
        good, bad = [], []
        for message in messages:
            problem = _problem(message)
            if problem:
                bad.append(
                    {
                        "to": str(message.get("to", "")) if isinstance(message, dict) else "",
                        "statusCode": "1030",
                        "statusMessage": problem,
                    }
                )
            else:
                good.append(_kept(message, group, self.clock()))
        if not good:
            raise Refusal(400, "MessagesNotFound", bad[0]["statusMessage"])
        with self.lock, self.inbox.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in good)
        count = {"total": len(messages), "registeredSuccess": len(good), "registeredFailed": len(bad)}
        return {"groupInfo": {"groupId": group, "status": "SENDING", "count": count}, "failedMessageList": bad}


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
            self._answer(200 if self.path == "/health" else 404, {"ok": self.path == "/health"})

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", 0))
                if length > MAX_BODY:
                    raise Refusal(413, "TooLarge", "the body is too large")
                raw = self.rfile.read(length)
                if self.path != "/messages/v4/send-many/detail":
                    raise Refusal(404, "NotFound", "no such path")
                account.authenticate(self.headers.get("Authorization", ""))
                try:
                    body = json.loads(raw)
                except ValueError:
                    raise Refusal(400, "ValidationError", "the body is not JSON") from None
                if not isinstance(body, dict):
                    raise Refusal(400, "ValidationError", "the body is not an object")
                self._answer(200, account.accept(body))
            except Refusal as refusal:
                self._answer(refusal.status, {"errorCode": refusal.code, "errorMessage": refusal.message})

        def log_message(self, *_: object) -> None:
            # Bodies carry phone numbers: nothing of a request is logged.
            return

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def _problem(message: object) -> str:
    if not isinstance(message, dict):
        return "a message must be an object"
    if not re.fullmatch(r"\d{8,15}", str(message.get("to", ""))):
        return "to must be 8 to 15 digits"
    if not re.fullmatch(r"\d{4,15}", str(message.get("from", ""))):
        return "from must be a number"
    if message.get("type", "SMS") in ("SMS", "LMS") and not message.get("text"):
        return "text is empty"
    return ""


def _kept(message: Mapping[str, Any], group: str, now: datetime) -> dict[str, Any]:
    return {
        **{key: message.get(key) for key in ("to", "from", "text", "subject", "kakaoOptions", "customFields")},
        "type": message.get("type", "SMS"),
        "message_id": "M4V" + uuid.uuid4().hex[:29].upper(),
        "group_id": group,
        "accepted_at": now.isoformat(),
    }


def main() -> None:
    """`python -m academyctl.local.solapi PORT INBOX`, the key pair in the environment."""
    inbox = Path(sys.argv[2])
    inbox.parent.mkdir(parents=True, exist_ok=True)
    account = Account(os.environ["SOLAPI_API_KEY"], os.environ["SOLAPI_API_SECRET"], inbox)
    serve(int(sys.argv[1]), account).serve_forever()


if __name__ == "__main__":
    main()

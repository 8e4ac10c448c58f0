"""The account of the fake Solapi: its key, its money, what it registered, and what it shall do wrong."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from academyctl.local.solapi_answers import failed_entry, group_info, kept
from academyctl.local.solapi_box import Box, new_id, parse_time
from academyctl.local.solapi_rules import OK, WORDS, Book, Template, kind, problem, rendered
from academyctl.local.solapi_script import Script, Step, parse_step

WINDOW = timedelta(minutes=15)
PRICES = {"SMS": 18, "LMS": 45, "ATA": 13}
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
    """One API key, the signatures it used, its registered senders, its money in won and the accepted messages.

    Each accepted message costs `prices` of its type (others 45), from `point` first. `senders` empty or `templates`
    None: any is taken. `blocked`: phone -> code (1060, 1061, 1064).
    """

    api_key: str
    secret: str
    inbox: Path
    senders: tuple[str, ...] = ()
    balance: int = 100_000
    point: int = 0
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    used: dict[str, datetime] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    prices: Mapping[str, int] = field(default_factory=lambda: dict(PRICES))
    templates: Mapping[str, Template] | None = None
    blocked: Mapping[str, str] = field(default_factory=dict)
    steps: Script = field(default_factory=Script)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(method and path, how it was answered: a status, 'cut' or 'silence') -> how often."""

    def __post_init__(self) -> None:
        self.box = Box(self.inbox)

    def script(self, *steps: Mapping[str, Any] | Step) -> None:
        """Fail so from now on, after what is scripted already. Raises ValueError for a step that there is not."""
        parsed = [step if isinstance(step, Step) else parse_step(step) for step in steps]
        with self.lock:
            self.steps.add(parsed)

    def take_step(self, path: str, body: bytes) -> Step | None:
        with self.lock:
            return self.steps.take(path, body)

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
            # Oldest first. A signature is good until 15 minutes after its own date, which may lie 15 minutes ahead.
            while self.used and now - self.used[oldest := next(iter(self.used))] > 2 * WINDOW:
                del self.used[oldest]
            if signature in self.used:
                raise Refusal(403, "DuplicatedSignature", "the signature was used before")
            self.used[signature] = now

    def accept(self, body: Mapping[str, Any], step: Step | None = None) -> dict[str, Any]:
        """Register the messages; those that do not fit are named in failedMessageList, also when it is all of them.

        Without money for the first of them the whole is refused (402 NotEnoughBalance); where it ends half-way, the
        rest fail with 1030.
        """
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or len(messages) > 10_000:
            raise Refusal(400, "ValidationError", "messages must be a list of 1 to 10000")
        codes = self._codes(messages, once=body.get("allowDuplicates") is not True, step=step)
        group, now = new_id("G4V"), self.clock()
        lines = [
            kept(message, group, now, kind(message), rendered(message, self._book()) if not code else "", code, words)
            for message, (code, words) in zip(messages, codes, strict=True)
        ]
        with self.lock:
            self._pay(lines)
            good = [line for line in lines if line["status_code"] == OK]
            bad = [line for line in lines if line["status_code"] != OK]
            self.box.add(good, bad)
        answer: dict[str, Any] = {
            "groupInfo": group_info(group, self.api_key, good, len(bad), now, self.prices),
            "failedMessageList": [failed_entry(line, self.api_key) for line in bad],
        }
        if body.get("showMessageList"):
            answer["messageList"] = [
                {"messageId": line["message_id"], "statusCode": OK, "statusMessage": WORDS[OK],
                 "customFields": line["customFields"] or {}}
                for line in good
            ]  # fmt: skip
        return answer

    def listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """GET /messages/v4/list. Raises Refusal for a query that cannot be read."""
        try:
            with self.lock:
                return self.box.page(query, self.clock(), self.steps.lag_s)
        except ValueError as error:
            raise Refusal(400, "ValidationError", str(error)) from None

    def groups(self) -> dict[str, Any]:
        """GET /messages/v4/groups: id -> its information, newest first, at most 100."""
        with self.lock:
            newest = list(self.box.groups().items())[-1:-101:-1]
            return {name: self._group(name, lines) for name, lines in newest}

    def group(self, name: str) -> dict[str, Any]:
        """GET /messages/v4/groups/{id}. Raises Refusal."""
        with self.lock:
            lines = self.box.groups().get(name)
            if lines is None:
                raise Refusal(404, "ResourceNotFound", "no such group")
            return self._group(name, lines)

    def _group(self, name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
        good = [line for line in lines if line.get("status_code", OK) == OK]
        at = parse_time(str(lines[0]["accepted_at"])) if lines[0].get("accepted_at") else self.clock()
        return group_info(name, self.api_key, good, len(lines) - len(good), at, self.prices)

    def _book(self) -> Book:
        return Book(self.senders, self.templates, self.blocked)

    def _codes(self, messages: list[Any], *, once: bool, step: Step | None) -> list[tuple[str, str]]:
        """(code, what about) of each message, ('', '') where it is fine."""
        book = self._book()
        seen: set[str] = set()
        found: list[tuple[str, str]] = []
        for number, message in enumerate(messages, 1):
            code, words = problem(message, book)
            to = str(message.get("to")) if isinstance(message, dict) else ""
            if not code and once and to in seen:
                code, words = "1026", "to"
            if not code and step is not None and step.do == "partial" and number % step.every == 0:
                code, words = step.code, "by script"
            if not code:
                seen.add(to)
            found.append((code, words))
        return found

    def _pay(self, lines: list[dict[str, Any]]) -> None:
        money = self.balance + self.point
        spent = 0
        for line in lines:
            if line["status_code"] != OK:
                continue
            price = self.prices.get(line["type"], 45)
            if spent + price > money:
                if not spent:
                    raise Refusal(402, "NotEnoughBalance", "잔액이 부족합니다.")
                line["status_code"], line["status_message"] = "1030", WORDS["1030"]
                continue
            spent += price
        from_point = min(self.point, spent)
        self.point -= from_point
        self.balance -= spent - from_point

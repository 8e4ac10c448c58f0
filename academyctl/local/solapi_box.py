"""What the fake Solapi has registered: the inbox file of accepted messages, and the list that can be asked for."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from academyctl.local.solapi_rules import OK

MAX_PAGE = 500
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def new_id(prefix: str) -> str:
    """An id as long as Solapi's."""
    return prefix + uuid.uuid4().hex[:29].upper()


def read_inbox(path: Path) -> list[dict[str, Any]]:
    """The accepted messages, oldest first; a line that is being written is not read yet."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    # Not splitlines: a variable of an Alimtalk may hold one of Unicode's other line ends.
    return [json.loads(line) for line in whole.split("\n") if line]


class Box:
    """Registered messages, oldest first, by phone and by group. Not safe by itself: the account's lock is.

    The file has the accepted ones and outlives the process; the refused ones, which Solapi lists too, are only here.
    A file that somebody emptied, deleted or wrote to is read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = -1
        self._forget()

    def add(self, accepted: Sequence[dict[str, Any]], refused: Sequence[dict[str, Any]]) -> None:
        self.refresh()
        with _private(self._path) as stream:
            stream.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in accepted))
        self._size = self._path.stat().st_size
        self._index([*accepted, *refused])

    def refresh(self) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            self._forget()
            self._index(read_inbox(self._path))
            self._size = size

    def page(self, query: Mapping[str, str], now: datetime, lag_s: float) -> dict[str, Any]:
        """Solapi's answer to a list query: newest first, filters, `limit` and `startKey`."""
        self.refresh()
        limit = min(max(int(query.get("limit") or 20), 1), MAX_PAGE)
        since = parse_time(query["startDate"]) if query.get("startDate") else _LONG_AGO
        until = min(parse_time(query["endDate"]) if query.get("endDate") else now, now - timedelta(seconds=lag_s))
        found: list[dict[str, Any]] = []
        next_key = None
        for line in self._from(query, query.get("startKey", "")):
            created = self._created[line["message_id"]]
            if created < since:
                break
            if created > until or not _fits(line, query):
                continue
            if len(found) == limit:
                next_key = line["message_id"]
                break
            found.append(line)
        return {
            "limit": limit, "startKey": query.get("startKey"), "nextKey": next_key,
            "messageList": {line["message_id"]: _as_solapi(line) for line in found},
        }  # fmt: skip

    def groups(self) -> Mapping[str, list[dict[str, Any]]]:
        self.refresh()
        return self._groups

    def __len__(self) -> int:
        return len(self._lines)

    def _from(self, query: Mapping[str, str], start_key: str) -> Iterator[dict[str, Any]]:
        lines = self._lines
        if query.get("messageId"):
            at = self._at.get(query["messageId"])
            lines = [] if at is None else [lines[at]]
        elif query.get("to"):
            lines = self._of.get(query["to"], [])
        elif query.get("groupId"):
            lines = self._groups.get(query["groupId"], [])
        last = self._at.get(start_key, -1) if start_key else len(self._lines)
        return (line for line in reversed(lines) if self._at[line["message_id"]] <= last)

    def _forget(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._at: dict[str, int] = {}
        self._created: dict[str, datetime] = {}
        self._of: dict[str, list[dict[str, Any]]] = {}
        self._groups: dict[str, list[dict[str, Any]]] = {}

    def _index(self, lines: Sequence[dict[str, Any]]) -> None:
        for line in lines:
            # A test may have put a line of its own there.
            name = line.setdefault("message_id", new_id("M4V"))
            self._at[name] = len(self._lines)
            self._created[name] = parse_time(line["accepted_at"]) if line.get("accepted_at") else _LONG_AGO
            self._lines.append(line)
            self._of.setdefault(str(line.get("to")), []).append(line)
            self._groups.setdefault(str(line.get("group_id")), []).append(line)


def parse_time(said: str) -> datetime:
    """ISO 8601; without an offset it is UTC. Raises ValueError."""
    # A '+' that nobody escaped arrives as a blank.
    at = datetime.fromisoformat(said.replace(" ", "+") if said.count(" ") == 1 and "T" in said else said)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _fits(line: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    names = (("from", "from"), ("to", "to"), ("type", "type"), ("groupId", "group_id"))
    if any(query.get(word) and str(line.get(name)) != query[word] for word, name in names):
        return False
    return not query.get("statusCode") or line.get("status_code", OK) == query["statusCode"]


def _as_solapi(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": line["message_id"], "groupId": line.get("group_id"), "to": line.get("to"),
        "from": line.get("from"), "type": line.get("type"), "country": line.get("country", "82"),
        "text": line.get("shown") or line.get("text"), "subject": line.get("subject"),
        "kakaoOptions": line.get("kakaoOptions"), "customFields": line.get("customFields") or {},
        "statusCode": line.get("status_code", OK), "dateCreated": line.get("accepted_at"),
        "dateUpdated": line.get("accepted_at"), "log": [],
    }  # fmt: skip


def _private(path: Path) -> IO[str]:
    """The inbox for appending: full phone numbers are in it, so only its owner may read it."""
    return open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8")  # noqa: PTH123

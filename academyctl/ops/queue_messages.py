"""A message that an operator sends: refused when SQS or the queue's own workers would refuse it, then sent once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from academyctl.errors import BadMessage, Both, UsageError
from academyctl.log import mask
from academyctl.repairs import Changed
from academyctl.stores.sqs import MAX_DELAY_S, Mail

if TYPE_CHECKING:
    from academyctl.stores import Stores

MAX_BYTES = 1024 * 1024
MAX_ATTRIBUTES = 10
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ATTRIBUTE = re.compile(r"(?!\.)(?!.*\.\.)(?!(?:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.IGNORECASE)
_IDS = ("action", "job_type", "video_id", "job_id", "tenant_id")


@dataclass(frozen=True)
class SendMessage:
    """Send one message. `about` says what it is; the body may hold a phone number or a password and is never shown."""

    queue: str
    body: str = field(repr=False)
    about: str
    delay_s: int = 0
    attributes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        more = [f"in {self.delay_s} s"] if self.delay_s else []
        more += [f"with {', '.join(name for name, _value in self.attributes)}"] if self.attributes else []
        return " ".join([f"send {self.about} ({len(self.body.encode())} bytes) to {self.queue}", *more])

    def do(self, stores: Stores) -> None:
        if stores.queue_admin.raw(self.queue) is None:
            raise Changed(f"nothing was sent to {self.queue}", why="it is gone")
        stores.sqs_quick.send(self.queue, self.body, delay_s=self.delay_s, attributes=dict(self.attributes))

    @property
    def undo(self) -> str:
        return "nothing: a worker may have it already"


def s3_event(bucket: str, key: str, now: datetime) -> str:
    """What S3 sends when an object was created (guide 004); the key as S3 writes it: spaces as +, the rest as %XX."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "size": 0}},
    }
    return json.dumps({"Records": [record]})


def refuse_unsendable(body: str, attributes: Mapping[str, str], *, delay_s: int, limit: int = MAX_BYTES) -> None:
    """Raises UsageError for what SQS refuses, or would change: an attribute without a value is left out there.

    `limit` is the queue's own, in bytes; attributes count.
    """
    why = ""
    size = Mail(body, attributes=attributes).size if _encodable(body, attributes) else 0
    if not body:
        why = "it is empty"
    elif any(_FORBIDDEN.search(text) for text in (body, *attributes.values())):
        why = "it holds characters that SQS takes from nobody (control characters, half of a pair)"
    elif size > min(limit, MAX_BYTES):
        why = f"it has {size} bytes with its attributes, the queue takes {min(limit, MAX_BYTES)}"
    elif len(attributes) > MAX_ATTRIBUTES:
        why = f"it has {len(attributes)} attributes, SQS takes {MAX_ATTRIBUTES}"
    elif bad := [name for name, value in attributes.items() if not value or not _ATTRIBUTE.fullmatch(name)]:
        why = f"{bad[0][:40]!r} is no attribute: a name of letters, digits, _, - and ., not of AWS's own, and a value"
    elif not 0 <= delay_s <= MAX_DELAY_S:
        why = f"--delay {delay_s} is not within 0..{MAX_DELAY_S} s"
    if why:
        raise UsageError(
            "the message cannot be sent", why=why, remedy=Both("nothing was sent", "아무것도 보내지 않았습니다")
        )


def rejected(word: str, body: str) -> str:
    """Why the workers of this queue would reject the body; '' when they take it."""
    from academyctl.contract import messages, texts

    parse = {"video": messages.parse_video, "messaging": texts.parse_text, "analysis": _analysis}
    try:
        parse.get(word, messages.parse_ai)(body)
    except BadMessage as bad:
        return str(bad)
    return ""


def about(body: str) -> str:
    """A body's ids, fit to be printed."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "a message without ids"
    found = [f"{name}={said[name]}" for name in _IDS if said.get(name)] if isinstance(said, dict) else []
    if isinstance(said, dict) and isinstance(said.get("Records"), list):
        found = ["an S3 event"]
    return mask(" ".join(found))[:200] or "a message without ids"


def _analysis(body: str) -> object:
    from academyctl.contract import analysis

    return analysis.parse_uploads(body)


def _encodable(body: str, attributes: Mapping[str, str]) -> bool:
    try:
        "".join([body, *attributes, *attributes.values()]).encode()
    except UnicodeEncodeError:
        return False
    return True

"""The messages of the messaging queue, as values (contract 1.3, 1.4, 6)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any, Literal

from academyctl.contract.messages import json_object, parse_time, positive_id
from academyctl.errors import BadMessage

Mode = Literal["sms", "alimtalk", "both"]
MODES: tuple[Mode, ...] = ("sms", "alimtalk", "both")
MAX_KEY = 100
"""Solapi keeps no longer a value of customFields, and the key travels there."""
MAX_TEXT = 20_000
_MAX_REPLACEMENTS = 100
_MAX_NAME = 100


@dataclass(frozen=True, repr=False)
class Text:
    """One text to one phone. It holds a full phone number and perhaps a password: never printed, never logged.

    `mode` is what the message asks for: message_mode, else use_alimtalk_first -> both, else sms; unknown -> sms.
    `replacements` are (name, value), names without #{}. `business_key` is '' where the producer gave none.
    """

    tenant_id: int
    to: str
    text: str
    mode: Mode = "sms"
    sender: str = ""
    template_id: str = ""
    replacements: tuple[tuple[str, str], ...] = ()
    reservation_id: int | None = None
    created_at: datetime | None = None
    business_key: str = ""

    def __repr__(self) -> str:
        return f"Text(tenant_id={self.tenant_id}, mode={self.mode})"


def parse_text(body: str) -> Text:
    """Read a message of the messaging queue. Raises BadMessage, whose text repeats nothing of the body."""
    data = json_object(body)
    missing = [name for name in ("to", "text") if not data.get(name)]
    if missing:
        raise BadMessage(f"Invalid message format: {' and '.join(missing)} required")
    if data.get("tenant_id") in (None, ""):
        raise BadMessage("Message missing tenant_id: nobody to bill, nobody to answer for it")
    tenant_id = positive_id(data, "tenant_id")
    return Text(
        tenant_id=tenant_id,
        to=_string(data, "to", 40),
        text=_string(data, "text", MAX_TEXT),
        mode=_mode(data),
        sender=_string(data, "sender", 40),
        template_id=_string(data, "template_id", 100),
        replacements=_replacements(data.get("alimtalk_replacements")),
        reservation_id=_optional_id(data.get("reservation_id")),
        created_at=_made(data.get("created_at")),
        business_key=_string(data, "business_idempotency_key", 500),
    )


def text_body(
    *,
    tenant_id: int,
    to: str,
    text: str,
    mode: Mode = "sms",
    sender: str = "",
    template_id: str = "",
    replacements: Sequence[tuple[str, str]] = (),
    business_key: str = "",
    now: datetime | None = None,
) -> str:
    """A message as the API sends it (messages.json: messaging_sms, messaging_both, messaging_2026_08)."""
    body: dict[str, Any] = {
        "tenant_id": tenant_id,
        "to": to.replace("-", ""),
        "text": text,
        "sender": sender or None,
        "created_at": (now or datetime.now(UTC)).astimezone(UTC).isoformat(),
        "message_mode": mode,
    }
    if replacements:
        body["alimtalk_replacements"] = [{"key": key, "value": value} for key, value in replacements]
    if template_id:
        body["template_id"] = template_id
    if business_key:
        body["business_idempotency_key"] = business_key
    return json.dumps(body)


def delivery_key(business_key: str, first_id: str) -> str:
    """What a text is known by, for ever: the producer's key when there is one, else the id of its first SQS message.

    At most MAX_KEY printable ASCII characters; a longer or odd business key stands for itself by its SHA-256.
    """
    if not business_key:
        return f"sqs:{first_id}"[:MAX_KEY]
    key = f"biz:{business_key}"
    if len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    return f"biz:sha256:{hashlib.sha256(business_key.encode()).hexdigest()}"


def _mode(data: Mapping[str, Any]) -> Mode:
    said = data.get("message_mode")
    if said is None:
        return "both" if data.get("use_alimtalk_first") is True else "sms"
    return next((mode for mode in MODES if isinstance(said, str) and mode == said.strip().lower()), "sms")


def _replacements(value: object) -> tuple[tuple[str, str], ...]:
    bad = BadMessage("Invalid message format: alimtalk_replacements is no list of key and value")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_REPLACEMENTS:
        raise bad
    found = []
    for one in value:
        if not isinstance(one, dict) or not isinstance(one.get("key"), str) or not one["key"]:
            raise bad
        name = _checked(one["key"].removeprefix("#{").removesuffix("}"), "a key of alimtalk_replacements", _MAX_NAME)
        found.append((name, _checked(_plain(one.get("value")), "a value of alimtalk_replacements", MAX_TEXT)))
    return tuple(found)


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _made(value: object) -> datetime | None:
    # On the edge of the calendar it is another year by another zone's clock, which no reader of a row could stand.
    at = parse_time(value)
    return at if at is not None and MINYEAR < at.year < MAXYEAR else None


def _optional_id(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _string(data: Mapping[str, Any], name: str, most: int) -> str:
    return _checked(data.get(name), name, most)


def _checked(value: object, name: str, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or "\x00" in value or len(value) > most:
        raise BadMessage(f"Invalid message format: {name} is no text of at most {most} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadMessage(f"Invalid message format: {name} holds half a character") from error
    return value

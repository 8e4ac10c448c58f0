"""What an answer of Solapi means for the texts of the request: sent, refused, or not to be told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from academyctl.log import mask
from academyctl.stores._solapi_errors import SolapiRefused, SolapiUnsure
from academyctl.stores._solapi_types import Item, Sent
from academyctl.stores.solapi import CHECK_URL, STRANGER, cause_of

if TYPE_CHECKING:
    from pydantic import BaseModel
    from solapi.model.response.send_message_response import FailedMessage

    from academyctl.stores._http_wire import Reply

    Model = TypeVar("Model", bound=BaseModel)

KEY, STAGE = "academyctlKey", "academyctlStage"
_MAX_TOLD = 200
_DIGITS = re.compile(r"\+?\d(?:[ .-]?\d){6,}")
_ABOUT_THE_REQUEST = frozenset({407, 411, 413, 414, 417, 421, 426, 429, 431})
"""Statuses by which whoever stands before Solapi says that it passed nothing on, and redirects (3xx). Any other of its
4xx may be its opinion of Solapi's answer, as filters that read answers give."""


def refusal(what: str, reply: Reply) -> SolapiRefused | SolapiUnsure:
    """What an answer that is not 2xx says about all texts of the request."""
    raw = parsed(reply.body)
    after = retry_after_s(reply)
    named = isinstance(raw, dict) and isinstance(raw.get("errorCode"), str) and bool(raw["errorCode"])
    if named and isinstance(raw, dict) and 400 <= reply.status < 500 and reply.status != 408:
        code, told = safe(raw["errorCode"]), safe(raw.get("errorMessage"))
        cause, remedy = cause_of(reply.status, code, told)
        return SolapiRefused(
            what, status=reply.status, code=code, message=told, retry_after_s=after, cause=cause, remedy=remedy
        )
    if 300 <= reply.status < 400 or reply.status in _ABOUT_THE_REQUEST:
        # Too large is about the content, and a smaller part may pass.
        cause = {429: "throttled", 413: "refused"}.get(reply.status, "unreachable")
        told = "the answer is not from Solapi"
        return SolapiRefused(
            what, status=reply.status, message=told, retry_after_s=after, cause=cause, remedy=CHECK_URL
        )
    why = f"HTTP {reply.status}" + (f" {raw['errorCode']}" if named and isinstance(raw, dict) else " without errorCode")
    return SolapiUnsure(what, why=safe(why), status=reply.status, code="" if named else STRANGER, retry_after_s=after)


def sent(what: str, reply: Reply, items: Sequence[Item]) -> Sent:
    """The fate of each text as a 2xx answer tells it. Raises SolapiUnsure when it tells of none.

    Each entry is read by itself, with the SDK's models: one that cannot be read leaves one text unsure, not all.
    """
    from solapi.model.response.send_message_response import FailedMessage, MessageItem

    raw = parsed(reply.body)
    if not isinstance(raw, dict):
        raise SolapiUnsure(what, why=f"HTTP {reply.status} without a readable answer", status=reply.status)
    ours = {(item.key, str(item.stage)) for item in items}
    accepted: dict[str, str] = {}
    refused: dict[str, tuple[str, str]] = {}
    for one in _entries(raw.get("messageList"), MessageItem):
        key = _ours(one.custom_fields, ours)
        if key and one.status_code[:1] in ("2", "3", "4"):
            accepted[key] = one.message_id
        elif key and one.status_code.startswith("1"):
            refused[key] = (one.status_code, safe(one.status_message))
    nameless = []
    for failed in _entries(raw.get("failedMessageList"), FailedMessage):
        key = _ours(failed.custom_fields, ours)
        if key:
            refused[key] = (failed.status_code, safe(failed.status_message))
        elif not failed.custom_fields:
            nameless.append(failed)
    open_items = [item for item in items if item.key not in accepted and item.key not in refused]
    refused |= _by_number(nameless, open_items, items)
    # In both lists: whatever that means, it is not certain.
    both = accepted.keys() & refused.keys()
    accepted = {key: found for key, found in accepted.items() if key not in both}
    refused = {key: found for key, found in refused.items() if key not in both}
    if not accepted and not refused:
        raise SolapiUnsure(what, why=f"HTTP {reply.status} tells of none of the texts", status=reply.status)
    unsure = frozenset(item.key for item in items if item.key not in accepted and item.key not in refused)
    return Sent(_group_id(raw), accepted, refused, unsure)


def parsed(body: bytes) -> Any:
    """The JSON of a body, None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def safe(told: object) -> str:
    """Solapi's words without phone numbers, short."""
    # `mask` knows a phone number by the blanks around it; here Korean endings may stick to it.
    return mask(_DIGITS.sub("****", str(told or "")))[:_MAX_TOLD]


def retry_after_s(reply: Reply) -> float | None:
    """The Retry-After header in seconds from now, given as seconds or as a date; None when it says nothing."""
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    at = http_date(said)
    return None if at is None else max(0.0, (at - (http_date(reply.headers.get("date", "")) or now())).total_seconds())


def http_date(said: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


def _ours(fields: Mapping[str, str] | None, ours: set[tuple[str, str]]) -> str:
    found = ((fields or {}).get(KEY, ""), (fields or {}).get(STAGE, ""))
    return found[0] if found in ours else ""


def _entries(raw: object, model: type[Model]) -> list[Model]:
    from pydantic import ValidationError

    found = []
    for one in raw if isinstance(raw, list) else ():
        try:
            found.append(model.model_validate(one))
        except ValidationError:
            # Its text stays unsure.
            continue
    return found


def _by_number(
    nameless: Sequence[FailedMessage], open_items: Sequence[Item], items: Sequence[Item]
) -> dict[str, tuple[str, str]]:
    """Failures without our fields, by the phone: only where the request had that phone once."""
    found = {}
    for failed in nameless:
        keys = [item.key for item in items if item.composed.to == failed.to]
        if len(keys) == 1 and any(item.key == keys[0] for item in open_items):
            found[keys[0]] = (failed.status_code, safe(failed.status_message))
    return found


def _group_id(raw: Mapping[str, Any]) -> str:
    info = raw.get("groupInfo")
    found = info.get("groupId") if isinstance(info, dict) else ""
    return found if isinstance(found, str) else ""

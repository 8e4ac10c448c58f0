"""Deliveries between Python and SQL: a row as a value, and values as the JSON that a set-based statement unfolds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from academyctl.messaging.model import End, New, Row, State, Tenant

_SAME = (
    "key", "tenant_id", "message_id", "mode", "kind", "recipient", "sender", "text_bytes", "text_sha256",
    "content_sha256", "template_id", "price_cents", "billed", "billing", "attempt", "fallback", "token", "lease_until",
    "sending_at", "solapi_message_id", "solapi_group_id", "reason", "evidence", "created_at", "updated_at",
    "finished_at", "made_at", "leased",
)  # fmt: skip


def row_of(found: Mapping[str, Any]) -> Row:
    """A row that was selected with `_deliveries_sql.COLUMNS`."""
    return Row(
        **{name: found[name] for name in _SAME},
        state=State(found["state"]),
        sending_age_s=float(found["sending_age_s"] or 0.0),
    )


def tenant_of(found: Mapping[str, Any]) -> Tenant:
    # A price below zero never bills anybody, and the account could not hold it.
    return Tenant(**{**found, "price_cents": max(0, found["price_cents"])})


def news_json(news: Iterable[New]) -> str:
    return refusals_json((new, "") for new in news)


def refusals_json(refusals: Iterable[tuple[New, str]]) -> str:
    return dump([{**vars(new), "reason": reason} for new, reason in refusals])


def ends_json(ends: Iterable[End]) -> str:
    return dump([{**vars(end), "evidence": dict(end.evidence)} for end in ends])


def dump(value: Any) -> str:
    """JSON that jsonb takes: it refuses the character NUL and half characters, which a stranger's answer may hold."""
    return json.dumps(_tidy(value), ensure_ascii=False, default=str)


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_tidy(str(key)): _tidy(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(one) for one in value]
    if isinstance(value, float) and not (-1e308 < value < 1e308):
        return str(value)
    return value

"""What an answer of the analysis service means for the message that asked for it.

2xx, a JSON object with a good `status`   done
2xx, anything else                        not the service, or not its answer: tried again
3xx                                       never followed: it would lead elsewhere. The address is wrong: waited for
401, 403, 405, 407; 404 "Not Found"       the way to the service is wrong, not the upload: waited for
408, 409, 423, 425, 429                   tried again; after Retry-After where it says one
other 4xx (400, 404, 413, 422, ...)       this upload will never be taken: rejected
502, 503                                  nothing stands behind the balancer: waited for
other 5xx                                 this upload may be what breaks it: tried again, and dead after the last try
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from academyctl.stores._http_wire import Reply
from workers._model import Defer, Reject, Retry

AWAY_S = 30.0
MAX_AFTER_S = 900.0
GOOD = frozenset({"success", "completed"})
_WAY = frozenset({401, 403, 405, 407, 502, 503})
_LATER = frozenset({408, 409, 423, 425, 429})


@dataclass(frozen=True)
class Answered:
    """The service has done it; its own words."""

    document: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """It has not. `away`: any other upload would have met the same."""

    outcome: Retry | Defer | Reject
    away: bool = False


def judge(reply: Reply) -> Answered | Refused:
    """The meaning of an answer; see the table above."""
    status, document = reply.status, _object(reply.body)
    if 200 <= status < 300:
        return _good(reply, document)
    reason = f"the analysis service answered {status}{_why(document)}"
    if 300 <= status < 400:
        return _wrong_way(f"{reason}: a redirect, which is not followed; correct FASTAPI_ENDPOINT")
    if status in _WAY or (status == 404 and document is not None and document.get("detail") == "Not Found"):
        return _wrong_way(reason, _after(reply))
    if status in _LATER:
        after = _after(reply)
        return Refused(Retry(reason) if after is None else Defer(reason, after))
    return Refused(Reject(reason) if status < 500 else Retry(reason))


def _good(reply: Reply, document: dict[str, Any] | None) -> Answered | Refused:
    if document is None:
        return Refused(Retry(f"the analysis service answered {reply.status} without a JSON object"))
    said = document.get("status")
    if not (isinstance(said, str) and said.lower() in GOOD):
        told = f"status {said!r}"[:60] if "status" in document else "no status"
        return Refused(Retry(f"the analysis service answered {reply.status} with {told}{_why(document)}"))
    return Answered(document)


def _wrong_way(reason: str, after: float | None = None) -> Refused:
    return Refused(Defer(reason, AWAY_S if after is None else after), away=True)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _why(document: Mapping[str, Any] | None) -> str:
    """FastAPI's own words; a page of HTML says nothing to an operator."""
    told = (document or {}).get("detail") or (document or {}).get("message") or ""
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    return f" ({' '.join(text.split())[:300]})" if told else ""


def _after(reply: Reply) -> float | None:
    told = reply.headers.get("retry-after", "")
    return min(MAX_AFTER_S, float(told)) if told.isascii() and told.isdigit() and len(told) < 7 else None

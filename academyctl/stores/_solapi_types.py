"""What goes to Solapi in one request, what became of it, and what its list says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from academyctl.messaging.model import Composed

Stage = Literal["first", "fallback"]


@dataclass(frozen=True)
class Item:
    """One text of a request. `key` is its delivery's, at most 100 ASCII characters, once in a request."""

    key: str
    stage: Stage
    composed: Composed


@dataclass(frozen=True)
class Sent:
    """What became of a request's texts, each under exactly one of the three.

    `accepted`: key -> Solapi's message id. `refused`: key -> (status code 1xxx, masked words): these were not sent.
    `unsure`: keys that the answer does not tell of.
    """

    group_id: str
    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Listed:
    """One message of Solapi's list. `key` and `stage` are '' where it was not sent by us.

    `text_sha256`: of the text in UTF-8 as Solapi keeps it. `status_code`: 1xxx refused, 2xxx to 4xxx accepted, '' none.
    """

    message_id: str
    group_id: str
    key: str
    stage: str
    text_sha256: str
    status_code: str
    created_at: datetime | None

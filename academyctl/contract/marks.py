"""The message attributes that are ours: what the runtime writes on a copy of a message and the redrive reads."""

from __future__ import annotations

from collections.abc import Mapping

REASON = "academyctl.reason"
SOURCE = "academyctl.source_queue"
REJECTED_AT = "academyctl.rejected_at"
RECEIVE_COUNT = "academyctl.receive_count"
BURIAL = (REASON, SOURCE, REJECTED_AT, RECEIVE_COUNT)
"""What a worker writes on a letter when it gives a message up; a message that goes back carries none of it."""
DEFERRED = "academyctl.deferred"
"""How often a copy took the message's place."""
FIRST_SENT_AT = "academyctl.first_sent_at"
FIRST_ID = "academyctl.first_id"
"""The SQS id of the message that a copy descends from: what work is known by, however often it is copied."""
REDRIVEN = "academyctl.redriven"
"""When an operator last sent it back from the dead letters, UTC ISO with milliseconds."""
PREFIX = "academyctl."
MAX_FIRST_ID = 96
MAX_ATTRIBUTES = 10
"""SQS allows a message so many."""


def first_id(attributes: Mapping[str, str], message_id: str) -> str:
    """The first id that these attributes name; the message's own where they name none, or none that can be one."""
    said = attributes.get(FIRST_ID, "")
    return said if 0 < len(said) <= MAX_FIRST_ID and said.isascii() and said.isprintable() else message_id


def merged(carried: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """What a copy carries: the message's own attributes and ours.

    Where SQS's ten do not hold them all, `ours` come first, then what carries our prefix, then the producer's own.
    """
    own = [(key, value) for key, value in carried.items() if key not in ours and value]
    own.sort(key=lambda pair: not pair[0].startswith(PREFIX))
    return dict(own[: MAX_ATTRIBUTES - len(ours)]) | {key: _allowed(value) for key, value in ours.items() if value}


def _allowed(value: str) -> str:
    # SQS takes XML's characters only.
    return "".join(char if char >= " " or char in "\t\r\n" else " " for char in value)

"""How texts end, in words: reasons for rows, letters and log lines, none of which holds a phone number."""

from __future__ import annotations

import re

from academyctl.log import mask
from academyctl.messaging.model import MENDABLE, Ending
from workers._model import Done, Outcome, Reject

MENDABLE_CODES = frozenset({"1030", "1041", "1042", "1043", "1062"})
"""Of Solapi: no money, unknown channel, unknown template, text unlike its template, sender not registered."""
NO_MONEY = "1030"
MAX_REASON = 500
_DIGITS = re.compile(r"(?<![0-9A-Fa-f])\d(?:[ .-]?\d){7,}(?![0-9A-Fa-f])")
_MOBILE_IN_KEY = re.compile(r"(?:\+?82[ .-]?|0)1[016-9](?:[ .-]?\d){7,8}")
_CODE = re.compile(r"\[(\d{4})\]")


def safe(told: str) -> str:
    """Somebody else's words without phone numbers, on one line."""
    return _DIGITS.sub(lambda found: found[0][:4] + "****", mask(" ".join(told.split())))


def key_for_people(key: str) -> str:
    """A delivery's key for log lines: a producer may have built it from a phone number."""
    return _MOBILE_IN_KEY.sub(lambda found: found[0][:4] + "****", key)


def refused_by_solapi(code: str, told: str) -> str:
    """The reason of a text that Solapi did not take."""
    return f"{Ending.REFUSED}: [{code}] {safe(told)}"[:MAX_REASON]


def mendable(reason: str) -> bool:
    """Whether an operator can mend what the reason says, so that the message is kept as a dead letter."""
    word = reason.partition(":")[0]
    if word == Ending.REFUSED:
        # A request that was refused as a whole says nothing sure of the text in it: that one is kept as well.
        found = _CODE.search(reason)
        return found is None or found[1] in MENDABLE_CODES
    return word in MENDABLE


def ended(reason: str) -> Outcome:
    """What becomes of the message of a FAILED delivery, the first time and every time it comes again."""
    if mendable(reason):
        return Reject(reason)
    return Done(reason, failed=reason.partition(":")[0] != Ending.DUPLICATE)

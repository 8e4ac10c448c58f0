"""Words that several commands take: a length of time, an academy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from academyctl.errors import Both, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from academyctl.stores import Stores
    from academyctl.stores.ai_requests import Tenant

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def length_s(since: str) -> float | None:
    """`90m`, `24h` or `7d` in seconds; None for ''. Raises UsageError."""
    if not since:
        return None
    found = re.fullmatch(r"(\d{1,6})([smhd])", since.strip().lower())
    if found is None:
        raise UsageError(
            Both(f"--since {since} is no length of time", f"--since {since}은(는) 기간이 아닙니다"),
            remedy=Both("as 90m, 24h, 7d", "예: 90m, 24h, 7d"),
        )
    return float(int(found[1]) * _UNITS[found[2]])


def moment(since: str) -> datetime | None:
    """The time so long ago; None for ''. Raises UsageError."""
    from datetime import UTC, datetime, timedelta

    seconds = length_s(since)
    try:
        return None if seconds is None else datetime.now(UTC) - timedelta(seconds=seconds)
    except OverflowError as error:
        raise UsageError(
            f"--since {since} goes back before the year 1", remedy=Both("as 90m, 24h, 7d", "예: 90m, 24h, 7d")
        ) from error


def academy(stores: Stores, word: str) -> Tenant:
    """The academy with this id or code. Raises UsageError when there is none, or two."""
    from academyctl.stores import ai_requests

    found = ai_requests.tenants(stores.db, word)
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(f"{one.id} ({one.code}, {one.name})" for one in found)
        # One has the word as its code, the other as its id: the other of the two names each alone.
        only = " | ".join(one.code if str(one.id) == word else str(one.id) for one in found)
        raise UsageError(
            f"{word} means two academies: {told}",
            remedy=Both(f"give one of: {only}", f"다음 중 하나로 지정하세요: {only}"),
            code="tenant",
        )
    raise UsageError(
        f"there is no academy {word}",
        remedy=Both(
            "give its id or its code as core_tenant has it; those that send messages: academyctl credit show",
            "core_tenant에 있는 학원 ID 또는 코드를 지정하세요. 문자를 쓰는 학원: academyctl credit show",
        ),
        code="tenant",
    )

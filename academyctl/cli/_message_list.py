"""`message list`: texts, the newest first, and how many are in which state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.cli._words import academy, moment
from academyctl.errors import Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.messaging.model import Row, State

OPEN = "open"
"""A word for the states that are no end: CLAIMED and SENDING."""


def list_texts(here: Session, state: str, tenant: str, since: str, limit: int, *, fmt: Format) -> None:
    """Print them. Raises UsageError for words that mean nothing, ConfigError without our tables."""
    from academyctl import output
    from academyctl.message_status import counts_line, listed
    from academyctl.stores import deliveries, delivery_reads, own_tables

    states = _states(state)
    after = moment(since)
    stores = here.stores()
    own_tables.require(stores.db)
    number = academy(stores, tenant).id if tenant else None
    found = deliveries.find(stores.db, tenant_id=number, states=states, since=after, limit=limit)
    codes = delivery_reads.codes(stores.db, {row.tenant_id for row in found})
    counts = delivery_reads.counts(stores.db, tenant_id=number, since=after)
    output.emit(
        {"version": 1, "texts": [listed(row, codes) for row in found], "counts": counts, "since": after},
        fmt=fmt, table=lambda: _table(found, codes, here.lang),
    )  # fmt: skip
    if fmt == Format.table:
        of = f" ({since.strip()})" if since else ""
        output.emit({}, table=lambda: counts_line(counts, here.lang) + of)


def _table(found: Sequence[Row], codes: Mapping[int, str], lang: str) -> Any:
    from academyctl import output
    from academyctl.message_status import line

    if not found:
        return Both("no such text", "해당하는 문자가 없습니다").pick(lang)
    columns = (
        Both("key", "키"), Both("tenant", "학원"), Both("state", "상태"), Both("kind", "종류"), Both("to", "받는 번호"),
        Both("tries", "시도"), Both("age", "경과"), Both("reason", "이유"),
    )  # fmt: skip
    return output.rows([column.pick(lang) for column in columns], [line(row, codes) for row in found])


def _states(word: str) -> tuple[State, ...]:
    from academyctl.messaging.model import OPEN as BOTH
    from academyctl.messaging.model import State

    if not word:
        return ()
    if word.lower() == OPEN:
        return BOTH
    found = tuple(state for state in State if state == word.upper())
    if not found:
        known = ", ".join([*(state.lower() for state in State), OPEN])
        raise UsageError(f"--state {word} is no state", remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"))
    return found

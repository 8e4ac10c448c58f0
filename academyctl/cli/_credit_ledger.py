"""`credit ledger`: the changes of one academy's balance, those of academyctl and those from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.cli._credit_show import aligned, as_json, say_differences
from academyctl.cli._words import academy, moment
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores.ledger import Line

_COLUMNS = (
    Both("time", "시각"), Both("what", "구분"), Both("text", "문자"), Both("price", "단가"), Both("won", "증감"),
    Both("balance", "잔액"),
)  # fmt: skip
_WORDS = {
    "charge": Both("charge", "차감"), "refund": Both("refund", "환불"), "outside": Both("outside", "외부 변경"),
}  # fmt: skip


def ledger(here: Session, word: str, since: str, limit: int, *, fmt: Format) -> int:
    """Print an academy's ledger; EXIT_FAILED when the books do not agree."""
    from academyctl import output
    from academyctl.stores import ledger, own_tables

    began = moment(since)
    stores = here.stores()
    own_tables.require(stores.db)
    tenant = academy(stores, word).id
    standing = ledger.standings(stores.db, tenant)[0]
    newest = ledger.entries(stores.db, tenant, limit + 1)
    chosen = [one for one in newest if began is None or one.at >= began][:limit]
    before = newest[len(chosen)] if len(newest) > len(chosen) else None
    lines = ledger.lines(chosen[::-1], before=before, balance=standing.balance)
    more = len(chosen) == limit and before is not None and (began is None or before.at >= began)
    sums = {what: sum(line.won for line in lines if line.what == what) for what in _WORDS}
    document = {
        "version": 1, "tenant": as_json(standing), "entries": [_json(line) for line in lines], "sums": sums,
        "more": more,
    }  # fmt: skip
    output.emit(document, fmt=fmt, table=lambda: _table(lines, here.lang))
    if fmt == Format.table:
        output.note(_summary(sums, standing.balance, more=more).pick(here.lang))
        say_differences([standing], here.lang)
    return EXIT_OK if standing.audit.agrees else EXIT_FAILED


def _json(line: Line) -> dict[str, Any]:
    from academyctl.messaging.pricing import won

    entry = line.entry
    return {
        "id": entry.id if entry else None, "at": line.at, "what": line.what, "key": entry.key if entry else None,
        "billing": entry.billing if entry else None, "price": won(entry.price_cents) if entry else None,
        "won": line.won, "balance_after": line.balance_after,
    }  # fmt: skip


def _table(lines: Sequence[Line], lang: str) -> Any:
    from academyctl import output
    from academyctl.messaging.pricing import won

    if not lines:
        return Both("no charge and no refund in this time", "해당 기간에 차감이나 환불이 없습니다").pick(lang)
    cells = [
        [
            _at(line, lang), _WORDS[line.what].pick(lang), line.entry.key if line.entry else "-",
            won(line.entry.price_cents) if line.entry else "-", f"{line.won:+,}", f"{line.balance_after:,}",
        ]
        for line in lines
    ]  # fmt: skip
    return output.rows([column.pick(lang) for column in _COLUMNS], aligned(cells, range(3, 6)))


def _at(line: Line, lang: str) -> str:
    """Local time; of a change from outside only the bounds are known."""
    if line.at is None:
        return Both("since then", "그 이후").pick(lang)
    shown = f"{line.at.astimezone():%Y-%m-%d %H:%M:%S}"
    return shown if line.entry else f"< {shown}"


def _summary(sums: dict[str, int], balance: int, *, more: bool) -> Both:
    older = Both("; older ones are left out: --limit", ". 더 오래된 내역이 있습니다: --limit") if more else Both("", "")
    return Both(
        f"charged {-sums['charge']:,}, refunded {sums['refund']:,}, from outside {sums['outside']:+,}; "
        f"balance {balance:,} won{older.en}",
        f"차감 {-sums['charge']:,}원, 환불 {sums['refund']:,}원, 외부 변경 {sums['outside']:+,}원, "
        f"잔액 {balance:,}원{older.ko}",
    )

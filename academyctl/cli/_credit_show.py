"""`credit show`: how academies stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.cli._words import academy
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores.ledger import Standing

_COLUMNS = (
    Both("tenant", "학원"), Both("name", "이름"), Both("balance", "잔액"), Both("price", "단가"),
    Both("texts", "발송 가능"), Both("today", "오늘"), Both("30 days", "30일"), Both("account", "누적 금액"),
    Both("paid", "차감 누계"), Both("books", "장부"),
)  # fmt: skip
_NUMBERS = range(2, 9)


def show(here: Session, word: str, *, fmt: Format) -> int:
    """Print one academy or all that send; EXIT_FAILED when the books of one do not agree."""
    from academyctl import output
    from academyctl.stores import ledger, own_tables

    stores = here.stores()
    own_tables.require(stores.db)
    found = ledger.standings(stores.db, academy(stores, word).id if word else None)
    output.emit(
        {"version": 1, "tenants": [as_json(one) for one in found]}, fmt=fmt, table=lambda: _table(found, here.lang)
    )
    if fmt == Format.table:
        say_differences(found, here.lang)
    return EXIT_OK if all(one.audit.agrees for one in found) else EXIT_FAILED


def as_json(one: Standing) -> dict[str, Any]:
    """Money in won; what is exact to a hundredth is a string."""
    from academyctl.messaging.pricing import won

    return {
        "id": one.tenant_id, "code": one.code, "name": one.name, "messaging_active": one.messaging_active,
        "balance": one.balance, "price": won(one.price_cents), "texts": one.texts, "charged_today": one.today_won,
        "charged_30_days": one.month_won, "owed": won(one.audit.owed_cents), "paid": one.audit.paid,
        "entries": one.entries, "agrees": one.audit.agrees, "differences": list(one.audit.differences),
    }  # fmt: skip


def say_differences(found: Sequence[Standing], lang: str) -> None:
    """On stderr: which books differ, and who looks into it."""
    from academyctl import output

    wrong = [one for one in found if not one.audit.agrees]
    for one in wrong:
        output.note(f"FAIL  {one.code}: {'; '.join(one.audit.differences)}")
    if wrong:
        output.note(
            Both(
                "next: charges and refunds are made in one transaction, so somebody changed these tables by hand: "
                f"academyctl credit ledger {wrong[0].code}",
                "다음: 차감과 환불은 한 트랜잭션으로 처리되므로 누군가 테이블을 직접 고쳤습니다: "
                f"academyctl credit ledger {wrong[0].code}",
            ).pick(lang)
        )


def _table(found: Sequence[Standing], lang: str) -> Any:
    from academyctl import output
    from academyctl.messaging.pricing import won

    if not found:
        return Both("no academy sends messages", "메시지를 보내는 학원이 없습니다").pick(lang)
    lines = [
        [
            one.code, one.name, f"{one.balance:,}", won(one.price_cents),
            "-" if one.texts is None else f"{one.texts:,}",
            f"{one.today_won:,}", f"{one.month_won:,}", won(one.audit.owed_cents), f"{one.audit.paid:,}",
            "ok" if one.audit.agrees else "FAIL",
        ]
        for one in found
    ]  # fmt: skip
    return output.rows([column.pick(lang) for column in _COLUMNS], aligned(lines, _NUMBERS))


def aligned(lines: Sequence[Sequence[str]], columns: Sequence[int]) -> list[list[Any]]:
    """The same cells, those of number columns right-aligned."""
    from rich.text import Text

    # Padding of our own would be folded like words where the terminal is narrow.
    return [
        [Text(cell, justify="right") if index in columns else cell for index, cell in enumerate(line)] for line in lines
    ]

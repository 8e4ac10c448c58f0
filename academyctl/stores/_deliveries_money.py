"""Charging and refunding texts: balance, account, ledger and rows in one statement, whose counts must agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg

from academyctl.errors import Both, WorkFailed
from academyctl.messaging import pricing
from academyctl.messaging.pricing import Account
from academyctl.stores import _deliveries_sql as sql
from academyctl.stores._deliveries_rows import dump

Cursor = psycopg.Cursor[dict[str, Any]]
Bill = tuple[str, int]
"""A delivery's key and its price in hundredths of a won."""


def charge(cursor: Cursor, bills: Mapping[int, Sequence[Bill]]) -> set[str]:
    """Bill deliveries of academies (by tenant id) whose rows are locked; the keys that are paid now.

    In order, each while the balance stays at 0 or above. Those without a price are paid and not billed.
    """
    paid = {key for wanted in bills.values() for key, price in wanted if price <= 0}
    priced = {tenant: [bill for bill in wanted if bill[1] > 0] for tenant, wanted in bills.items()}
    booking = _Booking(cursor, [tenant for tenant, wanted in priced.items() if wanted])
    for tenant, wanted in priced.items():
        for key, price in wanted:
            if booking.charge(tenant, key, price):
                paid.add(key)
    booking.write(charge=True)
    return paid


def refund(cursor: Cursor, keys: Collection[str]) -> None:
    """Give back what the billed ones of these deliveries cost; their academies and rows are locked."""
    rows = cursor.execute(sql.BILLED, (sorted(keys),)).fetchall() if keys else []
    booking = _Booking(cursor, [row["tenant_id"] for row in rows])
    for row in rows:
        booking.refund(row["tenant_id"], row["key"], row["price_cents"])
    booking.write(charge=False)


class _Booking:
    """The lines of one direction, added up over the academies' balances and accounts as they are now."""

    def __init__(self, cursor: Cursor, tenants: Collection[int]) -> None:
        self._cursor = cursor
        found = cursor.execute(sql.BOOKED, (sorted(set(tenants)),)).fetchall() if tenants else []
        self._before = {row["id"]: (row["balance"], Account(row["owed_cents"], row["paid"])) for row in found}
        self._after = dict(self._before)
        self._lines: list[dict[str, Any]] = []

    def charge(self, tenant: int, key: str, price_cents: int) -> bool:
        """Whether the academy exists and could pay."""
        if tenant not in self._after:
            return False
        balance, account = self._after[tenant]
        account, won = pricing.charge(account, price_cents)
        if balance - won < 0:
            return False
        self._add(tenant, key, price_cents, account, -won)
        return True

    def refund(self, tenant: int, key: str, price_cents: int) -> None:
        # An academy that was deleted meanwhile has no balance to give anything back to.
        if tenant in self._after:
            account, won = pricing.refund(self._after[tenant][1], price_cents)
            self._add(tenant, key, price_cents, account, won)

    def _add(self, tenant: int, key: str, price_cents: int, account: Account, won: int) -> None:
        balance = self._after[tenant][0] + won
        self._after[tenant] = balance, account
        line = {"n": len(self._lines), "tenant_id": tenant, "key": key, "price_cents": price_cents, "won": won}
        self._lines.append({**line, "balance_after": balance})

    def write(self, *, charge: bool) -> None:
        """Raises WorkFailed when anything is not as it was read: then nothing may be committed."""
        if not self._lines:
            return
        sums = [self._sum(tenant) for tenant in sorted({line["tenant_id"] for line in self._lines})]
        values = {"sums": dump(sums), "lines": dump(self._lines), "charge": charge}
        done = self._cursor.execute(sql.BOOK, values).fetchone()
        wanted = {"moved": len(sums), "accounts": len(sums), "entries": len(self._lines)}
        if done != wanted:
            raise WorkFailed(
                f"{'charging' if charge else 'refunding'} {len(self._lines)} texts was given up",
                why=f"a balance, an account or a row was changed meanwhile ({done}, wanted {wanted})",
                remedy=Both("nothing was changed; try again", "바뀐 것은 없습니다. 다시 시도하세요"),
                code="booking",
            )

    def _sum(self, tenant: int) -> dict[str, int]:
        (balance, before), (end, after) = self._before[tenant], self._after[tenant]
        return {
            "tenant_id": tenant, "won": end - balance, "balance": balance, "owed_before": before.owed_cents,
            "owed_cents": after.owed_cents, "paid": after.paid,
        }  # fmt: skip

"""The deliveries of texts as verbs: one row a text for ever, its states fenced by a token, its money in the same
transaction (contract 6.8, 6.9, 11 #16-18, #21, #22).

    none --claim--> CLAIMED --sending--> SENDING --finish--> SENT | FAILED (refunded) | UNKNOWN
                       ^--------back--------'                         |            '--resolve--> SENT | FAILED
                       '-------------------reopen---------------------'

Locks are always taken in this order, so that no two groups wait for each other: academies by id, then deliveries by
key, then new deliveries by key. Verbs that take a cursor belong into one `db.tx()` of the caller; those that take the
database are a transaction each. Every one works on a whole group in a fixed number of statements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from academyctl.messaging.model import OPEN, End, Ending, New, Row, State, Tenant
from academyctl.stores import _deliveries_money as money
from academyctl.stores import _deliveries_sql as sql
from academyctl.stores._deliveries_rows import dump, ends_json, news_json, refusals_json, row_of, tenant_of
from academyctl.stores.postgres import Postgres

Cursor = psycopg.Cursor[dict[str, Any]]
RESOLVABLE = (State.UNKNOWN, *OPEN)


def tenants(cursor: Cursor, ids: Collection[int], *, lock: bool) -> dict[int, Tenant]:
    """The academies by id, with our account of them; those that do not exist are missing.

    `lock`: nobody else changes their balance before the transaction ends, while rows may still refer to them.
    """
    if not ids:
        return {}
    wanted = (sorted(set(ids)),)
    if lock:
        cursor.execute(sql.PATIENCE)
        cursor.execute(sql.LOCK_TENANTS, wanted)
    return {row["id"]: tenant_of(row) for row in cursor.execute(sql.TENANTS, wanted).fetchall()}


def known(cursor: Cursor, keys: Collection[str], *, lock: bool) -> dict[str, Row]:
    """The deliveries that exist, by key. One that another transaction is inserting now is not seen: see `claim`."""
    if not keys:
        return {}
    found = cursor.execute(sql.KNOWN_LOCKED if lock else sql.KNOWN, (sorted(set(keys)),)).fetchall()
    return {row["key"]: row_of(row) for row in found}


def twins(cursor: Cursor, hashes: Collection[str], window_s: float, but: Collection[str]) -> dict[str, str]:
    """Content hash -> key of the first delivery of the last `window_s` with it that did not fail, `but` left out.

    Of two workers with the same content the second waits for the first where the academy is locked.
    """
    if not hashes or window_s <= 0:
        return {}
    values = {"hashes": sorted(set(hashes)), "window_s": window_s, "but": sorted(set(but))}
    return {row["content_sha256"]: row["key"] for row in cursor.execute(sql.TWINS, values).fetchall()}


def again(cursor: Cursor, messages: Collection[tuple[str, datetime]]) -> dict[tuple[str, datetime], list[str]]:
    """(content hash, when it was made) -> keys of such messages' deliveries, unsent and oldest first."""
    found: dict[tuple[str, datetime], list[str]] = {}
    if messages:
        hashes, made = zip(*sorted(set(messages)), strict=True)
        for row in cursor.execute(sql.AGAIN, {"hashes": list(hashes), "made": list(made)}).fetchall():
            found.setdefault((row["content_sha256"], row["made_at"]), []).append(row["key"])
    return found


def claim(cursor: Cursor, news: Sequence[New], token: str, lease_s: float) -> set[str]:
    """Insert deliveries as CLAIMED by `token`; the keys that were. A key that is missing has become another's."""
    if not news:
        return set()
    values = {"news": news_json(news), "token": token, "lease_s": lease_s}
    return _keys(cursor.execute(sql.CLAIM, values))


def refuse(cursor: Cursor, news: Sequence[tuple[New, str]]) -> None:
    """Insert deliveries as FAILED with their reasons, and the platform's log rows. Keys that exist are left alone."""
    if news:
        cursor.execute(sql.REFUSE, {"news": refusals_json(news)})


def take(cursor: Cursor, keys: Collection[str], token: str, lease_s: float) -> None:
    """Make open deliveries ours whose lease is dead; their state stays. The rows were locked by `known`."""
    if keys:
        cursor.execute(sql.TAKE, {"keys": sorted(set(keys)), "token": token, "lease_s": lease_s})


def reopen(cursor: Cursor, keys: Collection[str], token: str, lease_s: float) -> None:
    """FAILED -> CLAIMED by `token`. Charge them too: a new billing. The rows were locked by `known`.

    Reason and finished_at stay until a request begins, so that `unclaim` can put one back that cannot be paid.
    """
    if keys:
        cursor.execute(sql.REOPEN, {"keys": sorted(set(keys)), "token": token, "lease_s": lease_s})


def recompose(cursor: Cursor, news: Sequence[New]) -> None:
    """Write what will go out now into CLAIMED rows that were written of an earlier composition."""
    if news:
        cursor.execute(sql.RECOMPOSE, {"news": news_json(news)})


def charge(cursor: Cursor, tenant: Tenant, bills: Sequence[money.Bill]) -> set[str]:
    """Charge one academy for deliveries that exist; the keys that are paid. See `charge_all`."""
    return charge_all(cursor, {tenant.id: bills})


def charge_all(cursor: Cursor, bills: Mapping[int, Sequence[money.Bill]]) -> set[str]:
    """Charge deliveries, by tenant id; the keys that are paid: in order, each while the balance stays at least 0.

    Writes balance, account, ledger and the rows' price, billed and billing. The academies are locked (`tenants`), the
    rows exist. Raises WorkFailed when they are not, or when a row is billed already.
    """
    return money.charge(cursor, bills)


def unclaim(cursor: Cursor, keys: Collection[str], token: str) -> None:
    """Take back the claims of deliveries that were not paid: new ones vanish, reopened ones are FAILED as before."""
    if keys:
        cursor.execute(sql.UNCLAIM, {"keys": sorted(set(keys)), "token": token})


def sending(db: Postgres, keys: Collection[str], token: str, lease_s: float, *, fallback: bool = False) -> set[str]:
    """CLAIMED -> SENDING: a request begins now. The keys that are still ours; send these and no others."""
    return _fenced(db, sql.SENDING, keys, token=token, lease_s=lease_s, fallback=fallback)


def back(
    db: Postgres, keys: Collection[str], token: str, *, fallback: bool | None = None, keep: bool = False
) -> set[str]:
    """SENDING -> CLAIMED, for nothing was sent; the keys that were ours.

    The lease is dropped, unless `fallback` is said (the other text goes out at once) or `keep`.
    """
    return _fenced(db, sql.BACK, keys, token=token, fallback=fallback, keep=keep or fallback is not None)


def release(db: Postgres, keys: Collection[str], token: str) -> set[str]:
    """Drop the lease of open deliveries, whose state stays: the next receiver goes on at once."""
    return _fenced(db, sql.RELEASE, keys, token=token)


def finish(db: Postgres, ends: Sequence[End], token: str) -> set[str]:
    """Write how deliveries ended, refunds and log rows with it; the keys that have this end by `token`.

    A key is missing when it is no longer `token`'s or ended otherwise: then nothing of it was changed or refunded. It
    may be repeated when an answer was lost: what the first time wrote is not written again. A row that is UNKNOWN
    keeps its charge and has no log row until it is resolved.
    """
    if not ends:
        return set()
    refundable = {end.tenant_id for end in ends if end.state is State.FAILED}
    with db.tx() as cursor:
        cursor.execute(sql.PATIENCE)
        if refundable:
            cursor.execute(sql.LOCK_TENANTS, (sorted(refundable),))
        found = cursor.execute(sql.FINISH, {"ends": ends_json(ends), "token": token}).fetchall()
        money.refund(cursor, [row["key"] for row in found if row["state"] == State.FAILED and row["billed"]])
    return {row["key"] for row in found}


def row(db: Postgres, key: str) -> Row | None:
    with db.tx(read_only=True) as cursor:
        return known(cursor, [key], lock=False).get(key)


def find(
    db: Postgres,
    *,
    tenant_id: int | None = None,
    states: Collection[State] = (),
    since: datetime | None = None,
    limit: int = 50,
) -> list[Row]:
    """The newest deliveries first, of an academy, of these states, made since a time."""
    values = {"tenant_id": tenant_id, "states": [str(state) for state in states], "since": since, "limit": limit}
    return [row_of(one) for one in db.query(sql.FIND, values)]


def resolve(
    db: Postgres,
    key: str,
    *,
    sent: bool,
    expected: State,
    note: str,
    evidence: Mapping[str, Any],
    message_id: str = "",
) -> bool:
    """End a delivery by evidence or a person's word, when it still is `expected` and no worker has it.

    Not sent: FAILED and refunded. `note` and `evidence` are kept in the row. False when nothing was changed; an ended
    delivery (SENT, FAILED) is never resolved.
    """
    found = row(db, key)
    if found is None or expected not in RESOLVABLE:
        return False
    reason = "" if sent else f"{Ending.RESOLVED}: {note}" if note else str(Ending.RESOLVED)
    values = {
        "key": key, "expected": str(expected), "state": str(State.SENT if sent else State.FAILED), "reason": reason,
        "message_id": message_id, "evidence": dump({**evidence, "resolved": note}),
    }  # fmt: skip
    with db.tx() as cursor:
        cursor.execute(sql.PATIENCE)
        cursor.execute(sql.LOCK_TENANTS, ([found.tenant_id],))
        done = cursor.execute(sql.RESOLVE, values).fetchone()
        if done is not None and not sent:
            money.refund(cursor, [key])
    return done is not None


def _fenced(db: Postgres, statement: str, keys: Collection[str], **values: Any) -> set[str]:
    if not keys:
        return set()
    with db.tx() as cursor:
        return _keys(cursor.execute(statement, {"keys": sorted(set(keys)), **values}))


def _keys(cursor: Cursor) -> set[str]:
    return {row["key"] for row in cursor.fetchall()}
